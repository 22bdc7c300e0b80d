//! The link that goes from person to person: the part of an address after `#`, which browsers do not send to servers.

use core::fmt;

use super::super::EcashError;
use crate::foundation::base64;
use crate::security::SigningKey;

/// What a link holds.
#[derive(Debug, Clone)]
pub enum Link {
    /// A transfer's key: whoever has it can take the money. Secret.
    Receive {
        /// The key.
        key: SigningKey,
        /// The mint's origin.
        mint_url: String,
    },
    /// A request to be paid.
    Pay {
        /// The request, compact.
        request: String,
        /// The mint's origin.
        mint_url: String,
    },
}

impl Link {
    /// Reads a link, or its part after `#`.
    ///
    /// # Errors
    /// [`EcashError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, EcashError> {
        let malformed = EcashError::Malformed("this is not a link to receive or to pay");
        let text = text.trim();
        let fragment = text.split_once('#').map_or(text, |(_, fragment)| fragment);
        let member = |name| fragment.split('&').find_map(|pair| pair.strip_prefix(name)).map(unescape);
        let Some(mint_url) = member("mint=").filter(|_| !fragment.contains('#')) else {
            return Err(malformed);
        };
        if let Some(key) = member("receive=").and_then(|key| base64::decode_array(&key)) {
            return Ok(Self::Receive { key: SigningKey::from_bytes(&key)?, mint_url });
        }
        member("pay=").map(|request| Self::Pay { request, mint_url }).ok_or(malformed)
    }

    /// The mint's origin.
    pub fn mint_url(&self) -> &str {
        match self {
            Self::Receive { mint_url, .. } | Self::Pay { mint_url, .. } => mint_url,
        }
    }
}

impl fmt::Display for Link {
    /// The part after `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receive { key, mint_url } => {
                write!(f, "receive={}&mint={mint_url}", base64::encode(&*key.to_bytes()))
            }
            Self::Pay { request, mint_url } => write!(f, "pay={request}&mint={mint_url}"),
        }
    }
}

/// Programs that pass links on may have escaped what need not be.
fn unescape(text: &str) -> String {
    text.replace("%3A", ":").replace("%3a", ":").replace("%2F", "/").replace("%2f", "/")
}
