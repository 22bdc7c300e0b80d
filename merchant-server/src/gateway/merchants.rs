//! The merchants with an account: each introduces itself at its address, and remains whom it was at first.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use semper_shared::items::party::{Party, Role};

use super::app::App;
use super::store::Merchant;
use crate::clock;
use crate::http::Shutdown;

const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Asks a merchant for its document until it answers.
pub(super) async fn meet(app: Arc<App>, client: reqwest::Client, url: String, shutdown: Shutdown) {
    let mut wait = FIRST_WAIT;
    loop {
        match introduce(&app, &client, &url).await {
            Ok(()) => return,
            Err(why) => tracing::info!(merchant = url, cause = why, "not met yet"),
        }
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

async fn introduce(app: &App, client: &reqwest::Client, url: &str) -> Result<(), String> {
    let origin = url.trim_end_matches('/');
    let text = |error: reqwest::Error| error.without_url().to_string();
    let answer = client.get(format!("{origin}/.well-known/semper")).send().await.map_err(text)?;
    let document = answer.error_for_status().map_err(text)?.text().await.map_err(text)?;
    let party = Party::verify(&document, origin, clock::now(), &app.verifier).map_err(|error| error.to_string())?;
    if party.role != Role::Merchant {
        return Err("it is no merchant".to_owned());
    }
    let merchant = Merchant { url: origin.to_owned(), name: party.name.clone(), key: party.key.clone() };
    let kept = app.store.keep_merchant(merchant.clone()).await.map_err(|error| error.to_string())?;
    if kept != merchant.key {
        return Err("it has another key than it had".to_owned());
    }
    app.merchants.write().unwrap_or_else(PoisonError::into_inner).insert(kept.thumbprint(), merchant);
    Ok(())
}
