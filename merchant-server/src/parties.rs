//! The parties of a process: started in the order in which they need each other, stopped together.

use serde_json::Value;

use crate::bank;
use crate::config::Config;
use crate::http::{Running, Shutdown, StartError};
use crate::sites;

/// The servers at work.
#[derive(Debug, Default)]
pub struct Parties {
    running: Vec<Running>,
}

impl Parties {
    /// Starts every party that the configuration names. Where one cannot start, those before it are left to the shutdown.
    ///
    /// # Errors
    /// The first party's that cannot start.
    pub async fn start(config: &Config, shutdown: &Shutdown) -> Result<Self, StartError> {
        let mut running = Vec::new();
        if let Some(bank) = &config.bank {
            running.push(bank::start(bank, shutdown).await?);
        }
        if let Some(wallet) = &config.wallet {
            running.push(sites::start(wallet, shutdown).await?);
        }
        Ok(Self { running })
    }

    /// The line by which scripts learn that all is ready: `{"ready":true,"bank":URL,…}`.
    pub fn ready_line(&self) -> String {
        let urls = self.running.iter().map(|party| format!(",\"{}\":{}", party.party(), Value::from(party.url())));
        format!("{{\"ready\":true{}}}", urls.collect::<String>())
    }

    /// Waits until all have stopped.
    pub async fn stopped(self) {
        for party in self.running {
            party.stopped().await;
        }
    }
}
