//! The gateway's configuration.

use std::path::PathBuf;

use serde::Deserialize;

use super::acquirer::AcquirerConfig;
use crate::http::{ServerSettings, StartError};
use crate::store::sql::StoreUrl;

/// What the gateway must know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed Config", deny_unknown_fields)]
pub struct Config {
    /// The folder for keys, clearance files, and books unless `store` names another place.
    pub data: PathBuf,
    /// A PostgreSQL database (`postgres://…`); without it, a file in `data`.
    #[serde(default)]
    pub store: Option<StoreUrl>,
    /// Where it listens. `public_url` must be set: challenges carry it.
    #[serde(default)]
    pub server: ServerSettings,
    /// The name that people see.
    #[serde(default = "default_name")]
    pub name: String,
    /// The merchants that have an account here, by their origins.
    #[serde(default)]
    pub merchants: Vec<String>,
    /// Who moves the money; the sandbox where nothing is said.
    #[serde(default)]
    pub acquirer: AcquirerConfig,
    /// How long an authorisation is held, in seconds.
    #[serde(default = "default_hold")]
    pub hold_s: u64,
    /// How often what was captured and refunded is cleared, in seconds.
    #[serde(default = "default_clearance")]
    pub clearance_s: u64,
}

fn default_name() -> String {
    "Gateway".to_owned()
}

const fn default_hold() -> u64 {
    7 * 86_400
}

const fn default_clearance() -> u64 {
    86_400
}

impl Config {
    pub(super) fn check(&self) -> Result<(), StartError> {
        let refuse = |why: &str| Err(StartError::Config(format!("gateway: {why}")));
        if self.server.public_url.is_empty() {
            return refuse("`server.public_url` must be its origin, since challenges carry it");
        }
        if self.hold_s == 0 || self.clearance_s == 0 {
            return refuse("`hold_s` and `clearance_s` are at least 1");
        }
        Ok(())
    }
}
