//! What stands on standard error.

use std::fmt;
use std::io;

use semper_shared::foundation::{Code, Coded};

use crate::core::WalletError;
use crate::core::ports::StoreError;
use crate::native::Download;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CliError {
    code: Code,
    message: String,
}

impl CliError {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::new(Code::USAGE, message)
    }

    pub(super) fn system(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Code::STORE_FAILED, format!("{what}: {error}"))
    }

    /// The stable code.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What happened and what to do about it.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<WalletError> for CliError {
    fn from(error: WalletError) -> Self {
        let next = match error {
            WalletError::Network { .. } | WalletError::Unfinished { .. } => {
                " `semper-wallet resume` goes on with what was begun."
            }
            _ => "",
        };
        Self::new(error.code(), format!("{}{next}", error.message()))
    }
}

impl From<Download> for CliError {
    fn from(error: Download) -> Self {
        Self::new(error.code(), format!("{error}. {}", error.code().advice()))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => {
                Self::new(Code::STORE_CONFLICT, "another semper-wallet is using this home. Wait until it is done.")
            }
            StoreError::Failed(cause) => Self::new(Code::STORE_FAILED, cause),
        }
    }
}
