//! The mints whose coins are taken: who they are, and where they pay out to.
//!
//! A mint is asked for its keys until it answers, which is no reason for the shop to wait with opening. Whom it once was,
//! it remains: another key under the same address is not believed.

use std::sync::Arc;
use std::time::Duration;

use semper_shared::foundation::UnixSeconds;
use semper_shared::items::party::Party;
use semper_shared::items::payment::ecash::{EcashPayee, KeySet, MintKeys, PayoutAccount, RegistrationBody};
use semper_shared::items::payment::{PayeeModule, Request, Unusable};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::PublicKey;

use super::app::App;
use super::config::MintConfig;
use crate::clock;
use crate::http::Shutdown;
use crate::store::StoreError;

/// The wait after a failure, doubled each time up to the longest one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often a payout account is registered anew.
const REGISTER_EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Why a mint is not usable yet.
#[derive(Debug, thiserror::Error)]
enum MintError {
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("it answered with status {0}")]
    Status(u16),
    #[error("what it says of itself is not valid")]
    Invalid,
    #[error("its url is another one")]
    Url,
    #[error("it deals in another currency")]
    Currency,
    #[error("its key is not the one that is expected")]
    Key,
    #[error("ecash: {0}")]
    Version(#[from] Unusable),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("offers cannot be made: {0}")]
    Offers(String),
}

/// Gets to know one mint, and stays registered with it until the process ends.
pub(super) async fn keep_in_touch(app: Arc<App>, mint: MintConfig, shutdown: Shutdown) {
    let url = mint.url.trim_end_matches('/').to_owned();
    let mut wait = FIRST_WAIT;
    loop {
        let next = match meet(&app, &mint, &url).await {
            Ok(()) => {
                tracing::info!(mint = url, "registered with the mint");
                wait = FIRST_WAIT;
                REGISTER_EVERY
            }
            Err(error) => {
                tracing::warn!(mint = url, cause = %error, "not registered with the mint yet");
                let now = wait;
                wait = (wait * 2).min(LONGEST_WAIT);
                now
            }
        };
        tokio::select! {
            () = shutdown.requested() => return,
            () = app.registration_lost.notified() => tokio::time::sleep(FIRST_WAIT).await,
            () = tokio::time::sleep(next) => {}
        }
    }
}

async fn meet(app: &App, mint: &MintConfig, url: &str) -> Result<(), MintError> {
    check_version(app, url).await?;
    let key = introduction(app, mint, url).await?;
    let kept = app.store.keep_mint(url.to_owned(), key.clone()).await?;
    if kept != key {
        return Err(MintError::Key);
    }
    if app.trust(url, key.clone()) {
        app.stock(clock::now()).await.map_err(|error| MintError::Offers(error.to_string()))?;
    }
    register(app, url, &key, clock::now()).await
}

/// That the mint's coins are of the kind that is taken here.
async fn check_version(app: &App, url: &str) -> Result<(), MintError> {
    let document = app.asker.get(&format!("{url}/.well-known/semper")).await;
    let document = document.map_err(|error| MintError::Unreachable(error.to_string()))?;
    if document.status != 200 {
        return Err(MintError::Status(document.status));
    }
    let document = String::from_utf8(document.body).map_err(|_| MintError::Invalid)?;
    let party = Party::verify(&document, url, clock::now(), &app.verifier).map_err(|_| MintError::Invalid)?;
    Ok(party.speaks("ecash", EcashPayee::VERSION)?)
}

/// The mint's key, as its signed key document says.
async fn introduction(app: &App, mint: &MintConfig, url: &str) -> Result<PublicKey, MintError> {
    let document =
        app.asker.get(&format!("{url}/keys")).await.map_err(|error| MintError::Unreachable(error.to_string()))?;
    if document.status != 200 {
        return Err(MintError::Status(document.status));
    }
    let document = String::from_utf8(document.body).map_err(|_| MintError::Invalid)?;
    let document = Compact::<MintKeys>::new(document);
    let keys = KeySet::verify(&document, &app.verifier).map_err(|_| MintError::Invalid)?;
    if keys.document().url.trim_end_matches('/') != url {
        return Err(MintError::Url);
    }
    if keys.currency() != app.config.currency {
        return Err(MintError::Currency);
    }
    if mint.key.is_some_and(|pinned| pinned != keys.mint()) {
        return Err(MintError::Key);
    }
    Ok(keys.document().key.clone())
}

async fn register(app: &App, url: &str, mint: &PublicKey, now: UnixSeconds) -> Result<(), MintError> {
    let Some(payout) = &app.config.payout else { return Ok(()) };
    let further = payout.accounts.iter().map(|(label, account)| (Some(label.clone()), account));
    for (label, account) in std::iter::once((None, &payout.account)).chain(further) {
        let account = PayoutAccount {
            mint: mint.thumbprint(),
            merchant: app.key().clone(),
            bank: payout.bank.trim_end_matches('/').to_owned(),
            account: account.clone(),
            label,
            registered_at: now,
        };
        // Known before the mint can pay to it.
        app.store.keep_account(account.label.clone().unwrap_or_default(), account.account.clone()).await?;
        let body = RegistrationBody { registration: Signed::sign(account, &*app.signer).to_compact() };
        let body = serde_json::to_value(body).map_err(|_| MintError::Invalid)?;
        let request = Request { url: format!("{url}/accounts"), body };
        let answer = app.asker.post(&request).await.map_err(|error| MintError::Unreachable(error.to_string()))?;
        if answer.status != 200 {
            return Err(MintError::Status(answer.status));
        }
    }
    Ok(())
}
