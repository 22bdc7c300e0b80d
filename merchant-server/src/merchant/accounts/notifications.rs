//! Following the bank account: notifications (camt.054) are fetched as they are made.

use std::sync::Arc;
use std::time::Duration;

use super::super::app::App;
use super::super::config::NotificationsConfig;
use crate::http::Shutdown;
use crate::iso20022::{MAX_FILE, Statement};

/// How long the bank may hold a request open, in milliseconds, and how long a request may take in all.
const WAIT_MS: u64 = 20_000;
const TOTAL: Duration = Duration::from_secs(40);

/// The wait after a failure, doubled each time up to the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Imports what the bank notifies of, until the process ends.
pub(in crate::merchant) async fn follow(app: Arc<App>, bank: NotificationsConfig, shutdown: Shutdown) {
    let client = match reqwest::Client::builder().timeout(TOTAL).no_proxy().build() {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(cause = %error, "the bank's notifications cannot be fetched");
            return;
        }
    };
    let mut wait = FIRST_WAIT;
    loop {
        let fetched = tokio::select! {
            () = shutdown.requested() => return,
            fetched = next(&app, &bank, &client) => fetched,
        };
        match fetched {
            Ok(()) => wait = FIRST_WAIT,
            Err(why) => {
                tracing::warn!(cause = why, "the bank's notifications cannot be fetched");
                tokio::select! {
                    () = shutdown.requested() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}

/// Fetches and imports the next notification. How far was read is stored after the import: cut off in between, the same is read
/// again, and changes nothing.
async fn next(app: &App, bank: &NotificationsConfig, client: &reqwest::Client) -> Result<(), String> {
    let after = app.store.cursor(&bank.account).await.map_err(|error| error.to_string())?;
    let url = format!(
        "{}/accounts/{}/notifications?after={after}&wait_ms={WAIT_MS}",
        bank.url.trim_end_matches('/'),
        bank.account
    );
    let failed = |error: reqwest::Error| error.without_url().to_string();
    let mut answer = client.get(url).bearer_auth(&bank.token.0).send().await.map_err(failed)?;
    match answer.status().as_u16() {
        200 => {}
        204 => return Ok(()),
        status => return Err(format!("it answered with status {status}")),
    }
    let mut file = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if file.len() + chunk.len() > MAX_FILE {
            return Err("the file is too large".to_owned());
        }
        file.extend_from_slice(&chunk);
    }
    let statements = Statement::read(&file).map_err(|error| error.to_string())?;
    let numbers = statements.iter().flat_map(|statement| &statement.entries).map(|entry| entry.number.parse::<u64>());
    let last = numbers.filter_map(Result::ok).max().filter(|last| *last > after);
    let last = last.ok_or("its entries are not numbered")?;
    let report = super::import(app, &file).await.map_err(|problem| problem.code().to_string())?;
    tracing::info!(new = report.new, matched = report.matched, waiting = report.waiting, "imported a notification");
    app.store.set_cursor(&bank.account, last).await.map_err(|error| error.to_string())
}
