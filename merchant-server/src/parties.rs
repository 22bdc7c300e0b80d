//! The parties of a process: started in the order in which they need each other, stopped together.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::config::Config;
#[cfg(feature = "card")]
use crate::gateway;
use crate::http::{Running, Shutdown, StartError};
use crate::{bank, merchant, mint, sites};

/// Between two looks at whether a party is ready.
const LOOK_EVERY: Duration = Duration::from_millis(50);

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
        if let Some(mint) = &config.mint {
            running.push(mint::start(mint, shutdown).await?);
        }
        #[cfg(not(feature = "card"))]
        if config.gateway.is_some() {
            return Err(StartError::LeftOut("card"));
        }
        #[cfg(feature = "card")]
        if let Some(gateway) = &config.gateway {
            running.push(gateway::start(gateway, shutdown).await?);
        }
        match (&config.merchant, &config.shop) {
            (Some(merchant), Some(shop)) => {
                let site = sites::shop(shop, &merchant.name).map_err(|error| StartError::Config(error.to_string()))?;
                let site = Arc::new(site);
                let pages = move |routes: &mut web::ServiceConfig| site.routes(routes);
                running.push(merchant::start_with_pages(merchant, pages, shutdown).await?);
            }
            (Some(merchant), None) => running.push(merchant::start(merchant, shutdown).await?),
            (None, _) => {}
        }
        if let Some(wallet) = &config.wallet {
            running.push(sites::start(wallet, shutdown).await?);
        }
        Ok(Self { running })
    }

    /// Waits until every party says that it can do its work, for at most `patience`; names those that still cannot.
    ///
    /// A shop that has not met its mint yet is up, but can sell nothing.
    pub async fn ready(&self, patience: Duration) -> Vec<&'static str> {
        let deadline = Instant::now() + patience;
        let mut waiting: Vec<_> = self.running.iter().collect();
        // Straight to the address it listens on: neither a proxy nor a name is to stand between.
        let Ok(client) = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(2)).build() else {
            return Vec::new();
        };
        loop {
            let mut still = Vec::new();
            for party in waiting {
                let asked = client.get(format!("http://{}/ready", party.address())).send().await;
                if !asked.is_ok_and(|answer| answer.status().is_success()) {
                    still.push(party);
                }
            }
            if still.is_empty() || Instant::now() >= deadline {
                return still.into_iter().map(Running::party).collect();
            }
            waiting = still;
            sleep(LOOK_EVERY).await;
        }
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
