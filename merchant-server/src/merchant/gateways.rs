//! The gateway that card payments go through: who it is.
//!
//! As with the mints, the shop opens without waiting for it, and whom it once was, it remains.

use std::sync::Arc;
use std::time::Duration;

use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::PayeeModule;
use semper_shared::items::payment::card::CardPayee;
use semper_shared::security::PublicKey;

use super::app::App;
use super::config::GatewayConfig;
use crate::clock;
use crate::http::Shutdown;

/// The wait after a failure, doubled each time up to the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Asks the gateway who it is until it answers; cards are taken from then on.
pub(super) async fn meet(app: Arc<App>, gateway: GatewayConfig, shutdown: Shutdown) {
    let mut wait = FIRST_WAIT;
    loop {
        match introduce(&app, &gateway).await {
            Ok(()) => {
                tracing::info!(gateway = gateway.url, "cards are taken");
                return;
            }
            Err(why) => tracing::warn!(gateway = gateway.url, cause = why, "cards are not taken yet"),
        }
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn introduce(app: &App, gateway: &GatewayConfig) -> Result<(), String> {
    let key = key_of(app, gateway).await?;
    let kept = app.store.keep_gateway(gateway.origin().to_owned(), key.clone()).await;
    if kept.map_err(|error| error.to_string())? != key {
        return Err("its key is not the one that it had".to_owned());
    }
    if app.take_cards(gateway.origin(), key) {
        app.stock(clock::now()).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn key_of(app: &App, gateway: &GatewayConfig) -> Result<PublicKey, String> {
    let url = gateway.origin();
    let document = app.asker.get(&format!("{url}/.well-known/semper")).await.map_err(|error| error.to_string())?;
    if document.status != 200 {
        return Err(format!("it answered with status {}", document.status));
    }
    let text = String::from_utf8(document.body).map_err(|_| "what it says of itself is not valid")?;
    let party =
        Party::verify(&text, url, clock::now(), &app.verifier).map_err(|_| "what it says of itself is not valid")?;
    if party.role != Role::Gateway {
        return Err("it is no gateway".to_owned());
    }
    party.speaks("card", CardPayee::VERSION).map_err(|other| format!("cards: {other}"))?;
    if gateway.key.is_some_and(|pinned| pinned != party.key.thumbprint()) {
        return Err("its key is not the one that is expected".to_owned());
    }
    Ok(party.key.clone())
}
