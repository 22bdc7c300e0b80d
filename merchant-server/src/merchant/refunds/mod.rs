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
//! Where two modules shared the price, each is asked for its part, one after the other. What one refuses for good is asked of the
//! other, as far as that has paid; what neither gives back is not refunded.
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
use semper_shared::items::payment::{
    Bill, ModuleVersion, PaymentError, RefundId, RefundStatus, RefundStep, Repayment, Settlement, Share, SplitRole,
    reason_fault,
};
use semper_shared::items::statement::Compact;

pub(super) use store::{DealLine, Given, NewRefund, NotGiven, Opened, Progress, RefundStore, Standing, StoredRefund};

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
            standing: Standing::Asked(Progress::default()),
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
    let refund = pursue(app, &paid, refund).await?;
    match &refund.standing {
        Standing::Refused(code) => Err(Problem::new(Code::find(code).unwrap_or(Code::PAYMENT_INVALID))),
        _ => Ok(refund),
    }
}

/// The refunds of a deal that its customer is told of, oldest first.
pub(super) async fn told(app: &App, deal: Digest) -> Result<Vec<RefundStatus>, Problem> {
    let refunds = app.store.refunds(deal).await?;
    Ok(refunds.iter().flat_map(|refund| refund.standing.given()).map(|given| given.status.clone()).collect())
}

/// Goes on until the refund is done, in full or in part, or refused for good. Anything else leaves it as it is, to be tried again.
async fn pursue(app: &App, deal: &PaidDeal, refund: StoredRefund) -> Result<StoredRefund, Problem> {
    let Standing::Asked(mut progress) = refund.standing.clone() else { return Ok(refund) };
    let parts = parts(app, deal, &refund).await?;
    let alone = parts.len() == 1;
    for part in parts {
        let minor = refund.amount_minor.saturating_sub(progress.minor()).min(part.left_minor);
        if minor == 0 || progress.has_asked(&part.module.id) {
            continue;
        }
        let amount = Amount::new(deal.receipt.paid.currency(), minor).map_err(Problem::from)?;
        let (before, module) = (progress.clone(), part.module.id.clone());
        match give_back(app, deal, &part, &refund, amount).await? {
            Ok(status) => progress.given.push(Given { module: Some(module), status }),
            Err(code) => {
                tracing::warn!(%code, %module, refund = %refund.id, "a part of a refund is not given back");
                progress.refused.push(NotGiven { module, code: code.as_str().to_owned() });
            }
        }
        // What the next is asked for follows from this answer: it is kept before.
        if !alone && !app.store.keep_refund(deal.deal, refund.id, before, progress.clone()).await? {
            return Err(Problem::in_progress());
        }
    }
    let ending = ending(&refund, progress)?;
    if !matches!(ending, Standing::Refused(_)) {
        app.metrics.refunds.inc();
    }
    Ok(app.store.end_refund(deal.deal, refund.id, ending).await?)
}

/// What became of a refund, once everybody has answered.
fn ending(refund: &StoredRefund, progress: Progress) -> Result<Standing, Problem> {
    let back = progress.minor();
    match progress.refused.first() {
        _ if back == refund.amount_minor => Ok(Standing::Done(progress.given)),
        None => Err(Problem::internal("a refund is more than what is left")),
        Some(first) if back == 0 => Ok(Standing::Refused(first.code.clone())),
        Some(_) => Ok(Standing::Partly(progress)),
    }
}

/// One module's part of a deal.
struct Part {
    module: ModuleVersion,
    bill: Bill,
    settlement: Settlement,
    /// What of it was not given back before.
    left_minor: u64,
}

/// Who is asked to give back, in this order. Where two shared the price, first the one that held the money.
async fn parts(app: &App, deal: &PaidDeal, refund: &StoredRefund) -> Result<Vec<Part>, Problem> {
    let receipt = &deal.receipt;
    let bill =
        Bill { deal: deal.deal, payee: app.key().thumbprint(), total: receipt.paid, refund_by: receipt.refund_by };
    if receipt.split.is_empty() {
        let (paid, owed, proofs) = (receipt.paid, receipt.owed, receipt.payment.clone());
        let settlement = Settlement { paid, owed, proofs, statements: deal.paid.proofs.clone() };
        let module = ModuleVersion { id: receipt.module.clone(), version: receipt.version };
        return Ok(vec![Part { module, bill, settlement, left_minor: paid.minor() }]);
    }
    let before = app.store.refunds(deal.deal).await?;
    let before: Vec<_> = before.into_iter().take_while(|other| other.id != refund.id).collect();
    if before.iter().any(|other| other.standing.is_open()) {
        return Err(Problem::in_progress());
    }
    let registry = app.registry();
    let mut shares: Vec<&Share> = receipt.split.iter().collect();
    shares.sort_by_key(|share| registry.split_role(&share.module()) != Some(SplitRole::Holds));
    let left = left(&shares, &before);
    let of = |share: &Share| {
        let names =
            |text: &&String| super::deals::digest_of(text).is_some_and(|digest| share.payment.contains(&digest));
        let statements = deal.paid.proofs.iter().filter(names).cloned().collect();
        Settlement { paid: share.amount, owed: None, proofs: share.payment.clone(), statements }
    };
    let part = |(share, left_minor): (&&Share, u64)| Part {
        module: share.module(),
        bill: bill.share(share),
        settlement: of(share),
        left_minor,
    };
    Ok(shares.iter().zip(left).map(part).collect())
}

/// What of each share was not given back by the refunds before.
fn left(shares: &[&Share], before: &[StoredRefund]) -> Vec<u64> {
    let mut left: Vec<u64> = shares.iter().map(|share| share.amount.minor()).collect();
    for given in before.iter().flat_map(|refund| refund.standing.given()) {
        let position = match &given.module {
            Some(module) => shares.iter().position(|share| share.module().id == *module),
            // Before it was kept which module gave it back, it was the first that had something left.
            None => left.iter().position(|left| *left > 0),
        };
        if let Some(left) = position.and_then(|position| left.get_mut(position)) {
            *left = left.saturating_sub(given.minor());
        }
    }
    left
}

/// Has one module give back its part; the code where it refuses for good.
async fn give_back(
    app: &App,
    deal: &PaidDeal,
    part: &Part,
    refund: &StoredRefund,
    amount: Amount,
) -> Result<Result<RefundStatus, Code>, Problem> {
    let Part { module, bill, settlement, .. } = part;
    // The mint and the gateway would say so too, and each only of its own part.
    if !deal.receipt.split.is_empty() && refund.at > deal.receipt.refund_by {
        return Ok(Err(Code::REFUND_TOO_LATE));
    }
    let repayment = Repayment { id: refund.id, amount, reason: refund.reason.clone(), at: refund.at };
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
    let Some(stored) = stored.filter(|refund| refund.standing.is_open()) else { return Ok(()) };
    let amount = Amount::new(app.config.currency, stored.amount_minor).map_err(Problem::from)?;
    let decision = Decision { id, amount, reason: stored.reason };
    match refund(app, deal, decision, clock::now()).await {
        Err(problem) if problem.code() == Code::OUTCOME_UNKNOWN => Err(problem),
        // Somebody else works on it, or it was refused.
        _ => Ok(()),
    }
}
