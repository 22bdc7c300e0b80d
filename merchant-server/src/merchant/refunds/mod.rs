//! Refunds: what the merchant gives back of a deal, and why. A saga, since the money is with somebody else.
//!
//! ```text
//! operator                    merchant                                    mint
//!   amount, reason ─────────▶ check, store `asked`
//!                             signed order ─────────────────────────────▶
//!                             store `done` (order, proof) ◀────────────── confirmation
//! wallet: GET /deals/{deal} ◀ order and proof
//! ```
//!
//! Each step is stored before the next begins; what is cut off is finished by the same request again, or by [`watch`]. The
//! same repayment makes the same order, which the mint answers as it did before.

mod store;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use semper_shared::commerce::deal::{Event, Receipt, transition};
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::ecash::spread;
use semper_shared::items::payment::{
    Bill, ModuleVersion, PaymentError, RefundId, RefundStatus, RefundStep, Repayment, Settlement, Share, SplitRole,
    reason_fault,
};
use semper_shared::items::statement::Compact;

pub(super) use store::{DealLine, NewRefund, Opened, RefundStore, Standing, StoredRefund};

use super::app::App;
use super::store::{Paid, StoredDeal};
use crate::clock;
use crate::http::{Problem, Shutdown};

/// How many answers a module may need for one refund.
const MAX_STEPS: usize = 4;

/// How often the store is looked through, and how long a refund is left to the request that brought it.
const EVERY: Duration = Duration::from_secs(2);
const FIRST_WAIT: Duration = Duration::from_secs(3);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
const PAGE: u32 = 256;

/// What the operator decides.
pub(super) struct Decision {
    pub(super) id: RefundId,
    pub(super) amount: Amount,
    pub(super) reason: String,
}

/// A deal that was paid, with what its refunds are made from.
struct PaidDeal {
    deal: Digest,
    receipt: Receipt,
    paid: Paid,
}

impl PaidDeal {
    /// Reads a deal of our own; a problem where nothing was paid.
    fn read(stored: StoredDeal) -> Result<Self, Problem> {
        let refundable = transition(stored.state, Event::Refund).is_some();
        let Some(paid) = stored.paid.filter(|_| refundable) else {
            return Err(Problem::new(Code::REQUEST_CONFLICT).detail("Nothing was paid for this deal."));
        };
        let receipt = Compact::<Receipt>::new(paid.receipt.clone()).peek_unverified()?;
        Ok(Self { deal: stored.deal, receipt, paid })
    }
}

/// Refunds; the same decision again is answered as it was.
pub(super) async fn refund(
    app: &App,
    deal: Digest,
    decision: Decision,
    now: UnixSeconds,
) -> Result<StoredRefund, Problem> {
    if let Some(fault) = reason_fault(&decision.reason) {
        return Err(Problem::request_invalid(format!("The refund is refused: {fault}.")));
    }
    let stored = app.store.deal(deal).await?.ok_or_else(|| Problem::new(Code::DEAL_UNKNOWN))?;
    let paid = PaidDeal::read(stored)?;
    let currency = paid.receipt.paid.currency();
    if decision.amount.currency() != currency {
        return Err(Problem::new(Code::CURRENCY_MISMATCH));
    }
    if decision.amount.is_zero() {
        return Err(Problem::request_invalid("The amount is zero."));
    }
    let name = Digest::of_parts(&[deal.as_bytes(), &decision.id.0]);
    let _turn = app.underway.begin(name, name)?;
    let new = NewRefund {
        deal,
        id: decision.id,
        amount_minor: decision.amount.minor(),
        reason: decision.reason.clone(),
        at: now,
        paid_minor: paid.receipt.paid.minor(),
    };
    let refund = match app.store.open_refund(new).await? {
        Opened::New => StoredRefund {
            id: decision.id,
            amount_minor: decision.amount.minor(),
            reason: decision.reason,
            at: now,
            standing: Standing::Asked,
        },
        Opened::Before(before)
            if before.amount_minor != decision.amount.minor() || before.reason != decision.reason =>
        {
            return Err(Problem::new(Code::REQUEST_CONFLICT).detail("Another refund was made under this name."));
        }
        Opened::Before(before) => before,
        Opened::Excessive(left) => {
            let left = Amount::new(currency, left).map_err(Problem::from)?;
            return Err(Problem::new(Code::REFUND_EXCESSIVE).extra("left", left));
        }
    };
    let refund = if refund.standing == Standing::Asked { pursue(app, &paid, refund).await? } else { refund };
    match &refund.standing {
        Standing::Refused(code) => Err(Problem::new(Code::find(code).unwrap_or(Code::PAYMENT_INVALID))),
        _ => Ok(refund),
    }
}

/// The refunds of a deal that its customer is told of, oldest first.
pub(super) async fn told(app: &App, deal: Digest) -> Result<Vec<RefundStatus>, Problem> {
    let refunds = app.store.refunds(deal).await?;
    let done = refunds.into_iter().filter_map(|refund| match refund.standing {
        Standing::Done(statuses) => Some(statuses),
        _ => None,
    });
    Ok(done.flatten().collect())
}

/// Goes on until the refund is done or refused for good. Anything else leaves it as it is, to be tried again.
async fn pursue(app: &App, deal: &PaidDeal, refund: StoredRefund) -> Result<StoredRefund, Problem> {
    let mut done = Vec::new();
    for slice in slices(app, deal, &refund).await? {
        match give_back(app, deal, &slice, &refund).await? {
            Ok(status) => done.push(status),
            // The other module has given its part back already: that is what was done.
            Err(code) if !done.is_empty() => {
                tracing::error!(%code, refund = %refund.id, "only one part of a refund could be given back");
                break;
            }
            Err(code) => {
                let ending = Standing::Refused(code.as_str().to_owned());
                return Ok(app.store.end_refund(deal.deal, refund.id, ending).await?);
            }
        }
    }
    app.metrics.refunds.inc();
    Ok(app.store.end_refund(deal.deal, refund.id, Standing::Done(done)).await?)
}

/// What of a refund one module gives back, out of what it settled.
struct Slice {
    module: ModuleVersion,
    bill: Bill,
    settlement: Settlement,
    amount: Amount,
}

/// What each module gives back. Where two shared the price, first the one that held the money, as far as it goes, and then
/// the other: each refund goes on where the ones before it ended.
async fn slices(app: &App, deal: &PaidDeal, refund: &StoredRefund) -> Result<Vec<Slice>, Problem> {
    let receipt = &deal.receipt;
    let bill =
        Bill { deal: deal.deal, payee: app.key().thumbprint(), total: receipt.paid, refund_by: receipt.refund_by };
    let amount = |minor| Amount::new(receipt.paid.currency(), minor).map_err(Problem::from);
    if receipt.split.is_empty() {
        let (paid, owed, proofs) = (receipt.paid, receipt.owed, receipt.payment.clone());
        let settlement = Settlement { paid, owed, proofs, statements: deal.paid.proofs.clone() };
        let module = ModuleVersion { id: receipt.module.clone(), version: receipt.version };
        return Ok(vec![Slice { module, bill, settlement, amount: amount(refund.amount_minor)? }]);
    }
    let before = app.store.refunds(deal.deal).await?;
    let before: Vec<_> = before.into_iter().take_while(|other| other.id != refund.id).collect();
    if before.iter().any(|other| other.standing == Standing::Asked) {
        return Err(Problem::in_progress());
    }
    let given = before.iter().filter(|other| matches!(other.standing, Standing::Done(_)));
    let already = given.map(|other| other.amount_minor).sum();
    let registry = app.registry();
    let mut shares: Vec<&Share> = receipt.split.iter().collect();
    shares.sort_by_key(|share| registry.split_role(&share.module()) != Some(SplitRole::Holds));
    let paid: Vec<u64> = shares.iter().map(|share| share.amount.minor()).collect();
    let spread = spread(&paid, already, refund.amount_minor)
        .ok_or_else(|| Problem::internal("a refund is more than what is left"))?;
    let of = |share: &Share| {
        let names =
            |text: &&String| super::deals::digest_of(text).is_some_and(|digest| share.payment.contains(&digest));
        let statements = deal.paid.proofs.iter().filter(names).cloned().collect();
        Settlement { paid: share.amount, owed: None, proofs: share.payment.clone(), statements }
    };
    let slice = |(position, minor): (usize, u64)| {
        let share = *shares.get(position)?;
        Some((share, minor))
    };
    spread
        .into_iter()
        .filter_map(slice)
        .map(|(share, minor)| {
            let bill = bill.share(share);
            Ok(Slice { module: share.module(), bill, settlement: of(share), amount: amount(minor)? })
        })
        .collect()
}

/// Has one module give back its part; the code where it refuses for good.
async fn give_back(
    app: &App,
    deal: &PaidDeal,
    slice: &Slice,
    refund: &StoredRefund,
) -> Result<Result<RefundStatus, Code>, Problem> {
    let Slice { module, bill, settlement, amount } = slice;
    // The mint and the gateway would say so too, and each only of its own part.
    if !deal.receipt.split.is_empty() && refund.at > deal.receipt.refund_by {
        return Ok(Err(Code::REFUND_TOO_LATE));
    }
    let repayment = Repayment { id: refund.id, amount: *amount, reason: refund.reason.clone(), at: refund.at };
    let registry = app.registry();
    let module = (&module.id, module.version);
    let mut step = registry.refund(module, bill, settlement, &repayment, &*app.signer);
    for _ in 0..MAX_STEPS {
        let request = match step {
            Ok(RefundStep::Ask(request)) => request,
            Ok(RefundStep::Done(status)) => return Ok(Ok(status)),
            Err(error) => return refusal(&error).map(Err).ok_or_else(|| unknown(&error)),
        };
        let answer = app.ask(&request).await.map_err(|error| unknown(&error))?;
        step = registry.resume_refund(module, &request, &answer, &app.verifier);
    }
    Err(unknown(&"a payment module asks without end"))
}

/// Why it was refused for good; `None` where it may still go through.
fn refusal(error: &PaymentError) -> Option<Code> {
    match error {
        PaymentError::Unsupported(_) => Some(Code::MODULE_UNSUPPORTED),
        PaymentError::Refused { code, .. } => {
            let passing = matches!(
                *code,
                Code::BUSY
                    | Code::INTERNAL
                    | Code::OUTCOME_UNKNOWN
                    | Code::RATE_LIMITED
                    | Code::TIMED_OUT
                    | Code::NOT_FOUND
                    | Code::METHOD_NOT_ALLOWED
                    | Code::MINT_UNTRUSTED
            );
            (!passing).then_some(*code)
        }
        _ => None,
    }
}

fn unknown(cause: &dyn std::fmt::Display) -> Problem {
    tracing::warn!(%cause, "a refund's outcome is not known");
    Problem::outcome_unknown()
}

/// When a refund is tried next.
struct Patience {
    next: Instant,
    wait: Duration,
}

/// Finishes refunds that were cut off, until the process ends: at once after the start, then every few seconds.
pub(super) async fn watch(app: Arc<App>, shutdown: Shutdown) {
    let mut patience: HashMap<(Digest, RefundId), Patience> = HashMap::new();
    let mut first_wait = Duration::ZERO;
    loop {
        match app.store.open_refunds(PAGE).await {
            Ok(open) => {
                patience.retain(|key, _| open.contains(key));
                for key in open {
                    let now = Instant::now();
                    let mine = patience.entry(key).or_insert(Patience { next: now + first_wait, wait: FIRST_WAIT });
                    if now < mine.next {
                        continue;
                    }
                    mine.wait = (mine.wait * 2).min(LONGEST_WAIT);
                    mine.next = now + mine.wait;
                    if let Err(problem) = resume(&app, key.0, key.1).await {
                        tracing::warn!(code = %problem.code(), "a refund stays open");
                    }
                }
            }
            Err(error) => tracing::error!(cause = %error, "open refunds cannot be looked through"),
        }
        first_wait = FIRST_WAIT;
        tokio::select! {
            () = shutdown.requested() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

/// Takes up one refund where its request left it.
async fn resume(app: &App, deal: Digest, id: RefundId) -> Result<(), Problem> {
    let stored = app.store.refunds(deal).await?.into_iter().find(|refund| refund.id == id);
    let Some(stored) = stored.filter(|refund| refund.standing == Standing::Asked) else { return Ok(()) };
    let amount = Amount::new(app.config.currency, stored.amount_minor).map_err(Problem::from)?;
    let decision = Decision { id, amount, reason: stored.reason };
    match refund(app, deal, decision, clock::now()).await {
        Err(problem) if problem.code() == Code::OUTCOME_UNKNOWN => Err(problem),
        // Somebody else works on it, or it was refused.
        _ => Ok(()),
    }
}
