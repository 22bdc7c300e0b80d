//! The gateway through which cards are taken.

use semper_shared::items::payment::card::Level;
use semper_shared::security::Thumbprint;
use serde::Deserialize;

/// A gateway through which cards are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed GatewayConfig", deny_unknown_fields)]
pub struct GatewayConfig {
    /// Its origin.
    pub url: String,
    /// The thumbprint of its key. Without it, the key that the gateway shows at the first contact is believed from then on.
    #[serde(default)]
    pub key: Option<Thumbprint>,
    /// The least level that is taken: 1, 2 or 3 (`shared/spec/card.md`).
    #[serde(default = "default_level")]
    pub level: Level,
}

impl GatewayConfig {
    /// Its origin, without a slash at its end.
    pub(in crate::merchant) fn origin(&self) -> &str {
        self.url.trim_end_matches('/')
    }
}

const fn default_level() -> Level {
    Level::Three
}
