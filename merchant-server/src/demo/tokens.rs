//! The tokens of the demo's bank accounts.

use std::fs;
use std::io;
use std::path::Path;

use rand_core::Rng as _;
use semper_shared::foundation::base64;
use serde::{Deserialize, Serialize};

use crate::crypto::system_rng;
use crate::keys::write_secret;

#[derive(Default, Serialize, Deserialize)]
#[serde(rename = "closed Tokens", deny_unknown_fields)]
pub(super) struct Tokens {
    pub(super) customer: String,
    pub(super) mint: String,
    pub(super) merchant: String,
    /// The merchant's operator's.
    #[serde(default)]
    pub(super) admin: String,
}

impl Tokens {
    /// Reads the tokens, or makes them where there are none.
    pub(super) fn load_or_make(path: &Path) -> io::Result<Self> {
        let mut tokens = match fs::read(path) {
            Ok(text) => serde_json::from_slice(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error),
        };
        let missing = [&mut tokens.customer, &mut tokens.mint, &mut tokens.merchant, &mut tokens.admin];
        let mut made = false;
        for token in missing.into_iter().filter(|token| token.is_empty()) {
            *token = make_token();
            made = true;
        }
        if made {
            write_secret(path, &serde_json::to_vec(&tokens)?)?;
        }
        Ok(tokens)
    }
}

fn make_token() -> String {
    let mut bytes = [0; 32];
    system_rng().fill_bytes(&mut bytes);
    base64::encode(&bytes)
}
