//! Payouts: what the mints say they have paid, held against what was sold.
//!
//! ```text
//! mint: list of payouts ──▶ those not kept yet ──▶ statement, verified ──▶ kept
//!                                                                           │ whenever somebody looks
//!                                      own deals, receipts and refunds ─────┴──▶ agrees, or what does not
//! ```
//!
//! A statement that is not the mint's is not kept. One that is, and says something else than our own books, is kept as
//! evidence and reported with the code `payout-mismatch`.

mod store;

use std::sync::Arc;
use std::time::Duration;

use semper_shared::commerce::deal::Receipt;
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::Request;
use semper_shared::items::payment::ecash::{
    Confirmation, PaidDeal, Payout, PayoutAnswer, PayoutList, PayoutRequest, PayoutRequestBody, TrustedMint,
    check_payout,
};
use semper_shared::items::statement::{Compact, Signed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

pub(super) use store::{NewPayout, PayoutStore, StoredPayout};

use super::app::App;
use super::refunds::Standing;
use crate::clock;
use crate::http::Shutdown;
use crate::http::schema::{AmountSchema, StatementSchema};
use crate::store::StoreError;

/// How often the mints are asked.
const EVERY: Duration = Duration::from_secs(60);

/// Why a mint's payouts could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum PayoutError {
    #[error("the mint cannot be reached: {0}")]
    Unreachable(String),
    #[error("the mint answered with status {0}")]
    Status(u16),
    #[error("what the mint says of a payout is not valid: {0}")]
    Invalid(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A payout as the operator sees it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PayoutView {
    /// Its name, which the transfer's subject at the bank carries.
    #[schema(value_type = String)]
    pub(super) payout: Digest,
    /// The mint that paid.
    pub(super) mint: String,
    /// The account's label, where it is a further one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) label: Option<String>,
    /// The account.
    pub(super) account: String,
    /// What was transferred.
    #[schema(value_type = AmountSchema)]
    pub(super) amount: Amount,
    /// What the mint kept.
    #[schema(value_type = AmountSchema)]
    pub(super) fees: Amount,
    /// When the deals were gathered.
    #[schema(value_type = u64)]
    pub(super) made_at: UnixSeconds,
    /// Whether it agrees with our own books.
    pub(super) agrees: bool,
    /// `payout-mismatch` where it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'static str>,
    /// What is wrong with the whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
    /// What it is for.
    pub(super) deals: Vec<PaidView>,
    /// The mint's signed word: the evidence.
    #[schema(value_type = StatementSchema)]
    pub(super) statement: String,
}

/// A deal of a payout.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaidView {
    /// Its name.
    #[schema(value_type = String)]
    pub(super) deal: Digest,
    /// What the mint says that its customer paid.
    #[schema(value_type = AmountSchema)]
    pub(super) amount: Amount,
    /// What the mint says was given back.
    #[schema(value_type = Option<AmountSchema>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refunded: Option<Amount>,
    /// What our own books say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) fault: Option<&'static str>,
}

/// Fetches what the mints have paid, until the process ends.
pub(super) async fn watch(app: Arc<App>, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        fetch_all(&app).await;
    }
}

/// Asks every mint for the payouts that are not kept yet.
pub(super) async fn fetch_all(app: &App) {
    let _alone = app.fetching.lock().await;
    for mint in app.trusted_mints() {
        if let Err(error) = fetch(app, &mint, clock::now()).await {
            tracing::warn!(mint = mint.url, cause = %error, "payouts could not be fetched");
        }
    }
}

/// Where the next list of a mint begins: before the first payout that the bank had not taken.
pub(super) type Cursors = std::collections::HashMap<String, u64>;

async fn fetch(app: &App, mint: &TrustedMint, now: UnixSeconds) -> Result<(), PayoutError> {
    let name = mint.key.thumbprint();
    let request = PayoutRequest { mint: name, requested_at: now };
    let body = PayoutRequestBody { request: Signed::sign_self_keyed(request, &*app.signer).to_compact() };
    let base = format!("{}/payouts", mint.url.trim_end_matches('/'));
    let (mut after, mut settled) = (app.cursor(&mint.url), true);
    loop {
        let list: PayoutList = ask(app, format!("{base}?after={after}"), &body).await?;
        for line in &list.payouts {
            after = after.max(line.serial);
            settled &= line.sent;
            if settled {
                app.advance(&mint.url, line.serial);
            }
            if !line.sent || app.store.has_payout(name, line.payout).await? {
                continue;
            }
            let answer: PayoutAnswer = ask(app, format!("{base}/{}", line.payout), &body).await?;
            keep(app, mint, (line.payout, line.amount), &answer.payout, now).await?;
        }
        if !list.more || list.payouts.is_empty() {
            return Ok(());
        }
    }
}

async fn ask<T: DeserializeOwned>(app: &App, url: String, body: &PayoutRequestBody) -> Result<T, PayoutError> {
    let invalid = |error: serde_json::Error| PayoutError::Invalid(error.to_string());
    let request = Request { url, body: serde_json::to_value(body).map_err(invalid)? };
    let answer = app.asker.post(&request).await.map_err(|error| PayoutError::Unreachable(error.to_string()))?;
    if answer.status != 200 {
        return Err(PayoutError::Status(answer.status));
    }
    semper_shared::foundation::json::from_slice(&answer.body)
        .map_err(|_| PayoutError::Invalid("a malformed answer".to_owned()))
}

async fn keep(
    app: &App,
    mint: &TrustedMint,
    (id, amount): (Digest, Amount),
    statement: &Compact<Payout>,
    now: UnixSeconds,
) -> Result<(), PayoutError> {
    let payout = check_payout(statement, &mint.key, &app.key().thumbprint(), &app.verifier)
        .map_err(|error| PayoutError::Invalid(error.to_string()))?;
    if payout.payout != id || payout.amount != amount {
        return Err(PayoutError::Invalid("it is another payout than the list says".to_owned()));
    }
    let new = NewPayout {
        mint: mint.key.thumbprint(),
        id,
        fetched_at: now,
        statement: payout.compact().to_owned(),
        deals: deals_of(payout.compact()),
    };
    let serial = app.store.keep_payout(new).await?;
    let kept = app.store.payouts(serial.saturating_add(1), 1, deals_of).await?;
    for stored in kept {
        let view = look(app, stored).await?;
        if !view.agrees {
            tracing::error!(code = Code::PAYOUT_MISMATCH.as_str(), payout = %id, "a payout does not agree with our deals");
        }
    }
    Ok(())
}

/// The deals that a statement names.
pub(super) fn deals_of(statement: &str) -> Vec<Digest> {
    let payout = Compact::<Payout>::new(statement.to_owned()).peek_unverified();
    payout.map(|payout| payout.deals.iter().map(|paid| paid.deal).collect()).unwrap_or_default()
}

/// Holds a payout against our own books.
pub(super) async fn look(app: &App, stored: StoredPayout) -> Result<PayoutView, StoreError> {
    let statement = Compact::<Payout>::new(stored.statement.clone());
    let mint = app.trusted_mints().into_iter().find(|mint| mint.key.thumbprint() == stored.mint);
    let payout = statement.peek_unverified().map_err(|_| StoreError::Failed("a kept payout is damaged".into()))?;
    let signed = mint.as_ref().map(|mint| check_payout(&statement, &mint.key, &app.key().thumbprint(), &app.verifier));
    let label = payout.label.clone().unwrap_or_default();
    let fault = match signed {
        // A mint that is dealt with no longer; its word was verified when it came.
        None if payout.adds_up() => None,
        Some(Ok(_)) => None,
        _ => Some("it is not what the mint signed, or does not add up"),
    };
    let fault = match fault {
        None if !app.store.told_account(label, payout.account.clone()).await? => {
            Some("the mint was never told of this account")
        }
        other => other,
    };
    let mut deals = Vec::with_capacity(payout.deals.len());
    for paid in &payout.deals {
        let fault = match stored.again.contains(&paid.deal) {
            true => Some("it was in an earlier payout"),
            false => compare(app, &payout, paid).await?,
        };
        deals.push(PaidView { deal: paid.deal, amount: paid.amount, refunded: paid.refunded, fault });
    }
    let agrees = fault.is_none() && deals.iter().all(|paid| paid.fault.is_none());
    Ok(PayoutView {
        payout: payout.payout,
        mint: mint.map_or_else(|| stored.mint.to_string(), |mint| mint.url),
        label: payout.label,
        account: payout.account,
        amount: payout.amount,
        fees: payout.fees,
        made_at: payout.made_at,
        agrees,
        code: (!agrees).then(|| Code::PAYOUT_MISMATCH.as_str()),
        fault,
        deals,
        statement: stored.statement,
    })
}

/// What our own books say otherwise of a deal that was paid out.
async fn compare(app: &App, payout: &Payout, paid: &PaidDeal) -> Result<Option<&'static str>, StoreError> {
    let Some(deal) = app.store.deal(paid.deal).await? else {
        return Ok(Some("there is no such deal"));
    };
    let Some(outcome) = deal.paid else {
        // The other part of its price could not be taken, and the coins were given back.
        let undone = deal.refusal.is_some_and(|refusal| refusal.code == Code::SPLIT_UNDONE.as_str());
        let nothing = paid.refunded == Some(paid.amount);
        return Ok((!(undone && nothing)).then_some("it was not paid"));
    };
    let receipt = Compact::<Receipt>::new(outcome.receipt).peek_unverified();
    let receipt = receipt.map_err(|_| StoreError::Failed("a receipt is damaged".into()))?;
    // Of a price that two modules shared, the coins paid their part.
    let in_coins = receipt.split.iter().find(|share| share.module.as_str() == "ecash").map(|share| share.amount);
    if in_coins.unwrap_or(receipt.paid) != paid.amount {
        return Ok(Some("its customer paid another amount"));
    }
    let confirmed = |text: &String| Compact::<Confirmation>::new(text.clone()).peek_unverified().ok();
    if !outcome.proofs.iter().filter_map(confirmed).any(|confirmation| confirmation.mint == payout.mint) {
        return Ok(Some("it was not paid with coins of this mint"));
    }
    let refunds = app.store.refunds(paid.deal).await?;
    let mut done = 0;
    for refund in &refunds {
        let given = refund.standing.given();
        let signed: Vec<_> = given.iter().filter_map(|given| given.status.refund.peek_unverified().ok()).collect();
        let back = signed.iter().map(|refund| refund.amount.minor()).sum::<u64>();
        if matches!(refund.standing, Standing::Done(_)) && back != refund.amount_minor {
            return Ok(Some("another amount was given back"));
        }
        let by_mint = signed.iter().filter(|refund| refund.via == payout.mint);
        done += by_mint.map(|refund| refund.amount.minor()).sum::<u64>();
    }
    // One whose answer was lost may have been made.
    let asked = refunds.iter().filter(|refund| refund.standing.is_open());
    let asked: u64 = asked.map(|refund| refund.amount_minor).sum();
    let said = paid.refunded.map_or(0, |refunded| refunded.minor());
    if !(done..=done.saturating_add(asked)).contains(&said) {
        return Ok(Some("another amount was given back"));
    }
    Ok(None)
}
