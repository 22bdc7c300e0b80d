//! Why a catalogue was not imported.

use std::io;
use std::path::{Path, PathBuf};

use semper_shared::foundation::{Code, Coded};
use semper_shared::items::information::InformationError;

use crate::store::StoreError;

/// Why a catalogue was not imported. Whatever it is, the catalogue stays as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogueError {
    /// A file does not say what it must.
    #[error("{}: {what}", place(file, *line))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, counted from one, where one is to blame.
        line: Option<usize>,
        /// What is wrong.
        what: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A content cannot be encrypted.
    #[error("{path}: {source}")]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: InformationError,
    },
    /// The store failed, or the merchant is running.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CatalogueError {
    pub(super) fn invalid(file: &Path, line: impl Into<Option<usize>>, what: impl Into<String>) -> Self {
        Self::Invalid { file: file.to_owned(), line: line.into(), what: what.into() }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl Coded for CatalogueError {
    fn code(&self) -> Code {
        match self {
            Self::Invalid { .. } => Code::CATALOGUE_INVALID,
            Self::Content { source, .. } => source.code(),
            Self::Io { .. } | Self::Store(_) => Code::STORE_FAILED,
        }
    }
}

fn place(file: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    }
}
