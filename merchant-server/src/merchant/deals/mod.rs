//! Deals: an order and its payment in, a receipt and the keys out. A saga, since the money is with somebody else.
//!
//! ```text
//! wallet                      merchant                                    mint
//!   order, payment ─────────▶ check, store `ordered`
//!                             deposit ──────────────────────────────────▶
//!                             store `delivered` (receipt, keys, proof) ◀─ confirmation
//!   receipt, keys  ◀───────── the stored answer, again and again
//! ```
//!
//! Each step is stored before the next begins. Whatever is cut off, on either side and at any step, is finished by the same
//! request again, or by [`recovery`]: the mint answers a deposit that it knows as it did before. A deal whose deposit has no
//! answer stays `ordered`; it is never refused for that. Nothing is delivered before the mint's confirmation is verified.

mod recovery;
mod split;
#[cfg(test)]
mod tests;
mod underway;

use semper_shared::commerce::deal::{DealBody, DealStatus, Opened, Order, State};
use semper_shared::foundation::{Code, Digest, UnixSeconds};
use semper_shared::items::payment::{
    Answer, ModuleId, Payment, PaymentError, Phase, Registry, Request, Settlement, Step,
};
use semper_shared::items::statement::Compact;
use serde_json::Value;

#[cfg(feature = "account")]
pub(super) use recovery::resume;
pub(super) use recovery::watch;
pub(super) use underway::Underway;

use std::sync::Arc;

use super::accounts;
use super::app::App;
use super::messages::{Acknowledged, AcknowledgementBody, DealAnswer};
use super::offers::{ShelfError, Sold, account_of};
use super::policy;
use super::refunds;
use super::store::{Ended, Ending, NewDeal, Opening, Paid, Refusal, StoredDeal};
use crate::http::Problem;

/// How many answers a module may need for one payment.
const MAX_STEPS: usize = 8;

/// An order that fits one of our offers.
struct Case {
    opened: Opened,
    sold: Arc<Sold>,
}

/// How a deal stands, as its answers say.
struct Standing {
    deal: Digest,
    state: State,
    paid: Option<Paid>,
    refusal: Option<Refusal>,
}

impl From<StoredDeal> for Standing {
    fn from(stored: StoredDeal) -> Self {
        Self { deal: stored.deal, state: stored.state, paid: stored.paid, refusal: stored.refusal }
    }
}

impl Standing {
    /// A deal that has just ended.
    fn ended(deal: Digest, ending: Ending) -> Self {
        match ending {
            Ending::Paid(paid) => Self { deal, state: State::Delivered, paid: Some(paid), refusal: None },
            Ending::Refused(refusal) => Self { deal, state: State::Refused, paid: None, refusal: Some(refusal) },
        }
    }
}

/// Takes an order with its payment, or answers one that was taken before as it was.
pub(super) async fn take(app: &App, body: DealBody, now: UnixSeconds) -> Result<DealAnswer, Problem> {
    let named = body.order.peek_unverified()?.offer;
    let sold = app.find_offer(named, now).await.map_err(unreadable)?;
    let sold = sold.ok_or_else(|| Problem::new(Code::OFFER_UNKNOWN))?;
    let opened = Opened::open(&body.order, &sold.offer, now, &app.verifier)?;
    let case = Case { opened, sold };
    let payment = fitting(&case.opened, body.payment.as_ref())?;
    let text = payment.map(serde_json::to_string).transpose().map_err(Problem::internal)?;
    let request = fingerprint(text.as_deref());
    let deal = case.opened.deal();
    let _turn = app.underway.begin(deal, request)?;
    let stored = match open(app, &case, payment, (request, text), now).await {
        Ok(Begun::Ended(standing)) => return answer(standing),
        Ok(Begun::Before(stored)) => *stored,
        Ok(Begun::Asking(step)) => return answer(pursue(app, &case, payment, step, now).await?),
        // What was taken when it still could be is answered as it was.
        Err(problem) => app.store.deal(deal).await?.ok_or(problem)?,
    };
    if stored.request != request {
        return Err(Problem::new(Code::REQUEST_CONFLICT).extra("deal", deal));
    }
    if stored.state != State::Ordered {
        return answer(stored.into());
    }
    let step = first_step(app, &case, payment, stored.phase, now)?;
    answer(pursue(app, &case, payment, step, now).await?)
}

/// How a deal stands.
pub(super) async fn status(app: &App, deal: Digest) -> Result<DealAnswer, Problem> {
    let stored = app.store.deal(deal).await?.ok_or_else(|| Problem::new(Code::DEAL_UNKNOWN))?;
    let problem = stored.refusal.as_ref().map(|refusal| refused(refusal).to_json());
    let refunds = refunds::told(app, deal).await?;
    let notices = accounts::notices(app, deal).await?;
    Ok(DealAnswer { status: DealStatus { refunds, ..status_of(stored.into()) }, problem, notices })
}

/// Keeps the customer's acknowledgement.
pub(super) async fn acknowledge(app: &App, deal: Digest, body: AcknowledgementBody) -> Result<Acknowledged, Problem> {
    let stored = app.store.deal(deal).await?.ok_or_else(|| Problem::new(Code::DEAL_UNKNOWN))?;
    let Some(paid) = &stored.paid else {
        return Err(Problem::new(Code::REQUEST_CONFLICT).detail("There is no receipt yet: send the order again first."));
    };
    let (_, key) = Compact::<Order>::new(stored.order.clone()).verify_self_keyed(&app.verifier)?;
    let acknowledgement = body.acknowledgement.verify(&key, &app.verifier)?;
    if acknowledgement.deal != deal || Some(acknowledgement.receipt) != digest_of(&paid.receipt) {
        return Err(Problem::request_invalid("The acknowledgement is of another deal or receipt."));
    }
    let state = app.store.acknowledge(deal, acknowledgement.compact().to_owned()).await?;
    if state != stored.state {
        app.metrics.moved(Some(stored.state), state);
    }
    Ok(Acknowledged { deal, state })
}

/// The payment that goes with the order: none for what is free, else one of the module that the order names.
fn fitting<'a>(opened: &Opened, payment: Option<&'a Payment>) -> Result<Option<&'a Payment>, Problem> {
    let (module, version) = (&opened.order().module, opened.order().version);
    match payment {
        None if *module == ModuleId::none() => Ok(None),
        None => Err(Problem::new(Code::PAYMENT_MISSING)),
        Some(payment) if payment.module == *module && payment.version == version => Ok(Some(payment)),
        Some(_) => {
            Err(Problem::new(Code::PAYMENT_INVALID).detail("The payment is not of the module that the order names."))
        }
    }
}

/// Why an offer cannot be read.
fn unreadable(error: ShelfError) -> Problem {
    match error {
        ShelfError::Store(error) => error.into(),
        error => Problem::internal(error),
    }
}

/// By which a repeated request is told from another one.
fn fingerprint(payment: Option<&str>) -> Digest {
    Digest::of(payment.unwrap_or("null").as_bytes())
}

/// How a payment begins, or goes on.
enum First {
    /// With one module, which says this.
    Step(Step),
    /// With two, from this phase.
    Split(Phase),
}

/// What came of a deal's first request.
enum Begun {
    /// Nobody had to be asked.
    Ended(Standing),
    /// It is stored as ordered, and this is to be done.
    Asking(First),
    /// Another request was first.
    Before(Box<StoredDeal>),
}

async fn open(
    app: &App,
    case: &Case,
    payment: Option<&Payment>,
    (request, text): (Digest, Option<String>),
    now: UnixSeconds,
) -> Result<Begun, Problem> {
    case.opened.check_age(now)?;
    policy::check(app, &case.sold.offer, case.opened.order(), now)?;
    let step = first_step(app, case, payment, Phase::default(), now)?;
    let ending = match &step {
        First::Step(Step::Settled(settlement)) => Some(close(app, case, payment.map(|_| settlement), now)?),
        First::Step(Step::Ask(_)) | First::Split(_) => None,
    };
    let deal = NewDeal {
        deal: case.opened.deal(),
        offer: case.sold.serial,
        request,
        order: case.opened.order().compact().to_owned(),
        payment: text,
        opened_at: now,
    };
    let opened = app.store.open_deal(deal, ending.clone()).await?;
    Ok(match (opened, ending) {
        (Opening::Before(stored), _) => Begun::Before(stored),
        (Opening::New(_), None) => {
            app.metrics.moved(None, State::Ordered);
            Begun::Asking(step)
        }
        (Opening::New(_), Some(ending)) => {
            app.metrics.moved(None, State::Delivered);
            Begun::Ended(Standing::ended(case.opened.deal(), ending))
        }
    })
}

/// What the payment's module says to do; where nothing is to be paid, that is settled.
fn first_step(
    app: &App,
    case: &Case,
    payment: Option<&Payment>,
    phase: Phase,
    now: UnixSeconds,
) -> Result<First, Problem> {
    let bill = case.opened.bill();
    let Some(payment) = payment else {
        let nothing = Settlement { paid: bill.total, owed: None, proofs: Vec::new(), statements: Vec::new() };
        return Ok(First::Step(Step::Settled(nothing)));
    };
    if payment.module == ModuleId::split() {
        return Ok(First::Split(split::check(app, case, payment, phase, now)?));
    }
    Ok(First::Step(registry_of(app, case).check(bill, payment, now).map_err(explain)?))
}

/// The modules, with cash for the account that the good is paid out to.
fn registry_of(app: &App, case: &Case) -> Arc<Registry> {
    app.registry_for(account_of(&case.sold.offer).as_deref())
}

fn explain(error: PaymentError) -> Problem {
    let detail = match &error {
        PaymentError::Invalid(why) => Some(*why),
        _ => None,
    };
    let problem = Problem::from(error);
    match detail {
        Some(why) => problem.detail(format!("The payment does not fit the order: {why}.")),
        None => problem,
    }
}

/// Goes on until the payment is settled or refused for good. Anything else leaves the deal as it is, to be tried again.
async fn pursue(
    app: &App,
    case: &Case,
    payment: Option<&Payment>,
    first: First,
    now: UnixSeconds,
) -> Result<Standing, Problem> {
    let mut step = match (first, payment) {
        (First::Step(step), _) => step,
        (First::Split(phase), Some(payment)) => return split::pursue(app, case, payment, phase, now).await,
        (First::Split(_), None) => return Err(Problem::internal("nothing to pay, and yet to split")),
    };
    for _ in 0..MAX_STEPS {
        let request = match step {
            Step::Settled(settlement) => {
                let ending = close(app, case, payment.map(|_| &settlement), now)?;
                return end(app, case, ending, now).await;
            }
            Step::Ask(request) => request,
        };
        let Some(payment) = payment else { return Err(Problem::internal("nothing to pay, and yet to ask")) };
        let answer = ask(app, &request).await?;
        step = match app.registry().resume(case.opened.bill(), payment, &answer, &app.verifier) {
            Ok(step) => step,
            // The customer has something to do, and then sends the same order again.
            Err(PaymentError::Refused { code: code @ (Code::STEP_UP_REQUIRED | Code::PAYMENT_AWAITED), extra }) => {
                return Err(with_extra(Problem::new(code), &extra));
            }
            Err(error) => {
                let refusal = refusal(app, &error).ok_or_else(|| unknown(app))?;
                return end(app, case, Ending::Refused(refusal), now).await;
            }
        };
    }
    tracing::error!("a payment module asks without end");
    Err(unknown(app))
}

async fn ask(app: &App, request: &Request) -> Result<Answer, Problem> {
    let timer = app.metrics.asked.start_timer();
    let asked = app.ask(request).await;
    timer.observe_duration();
    asked.map_err(|error| {
        tracing::warn!(cause = %error, "a payment's outcome is not known");
        unknown(app)
    })
}

fn unknown(app: &App) -> Problem {
    app.metrics.unknown.inc();
    Problem::outcome_unknown()
}

/// A refusal that is for good; `None` where the payment may still go through.
fn refusal(app: &App, error: &PaymentError) -> Option<Refusal> {
    match error {
        PaymentError::Refused { code, extra } if is_final(*code) => {
            Some(Refusal { code: code.as_str().to_owned(), extra: extra.to_string() })
        }
        PaymentError::Refused { code: Code::PAYOUT_ACCOUNT_MISSING, .. } => {
            app.registration_lost.notify_waiters();
            None
        }
        PaymentError::Unknown => None,
        error => {
            tracing::error!(cause = %error, "a payment is stuck");
            None
        }
    }
}

/// What a third party says of a payment that it will say tomorrow too, having taken nothing.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::COIN_ALREADY_SPENT
            | Code::CARD_DECLINED
            | Code::CARD_EXPIRED
            | Code::CARD_NOT_ENROLLED
            | Code::CARD_NUMBER_INVALID
            | Code::SEALED_INVALID
            | Code::GATEWAY_MISMATCH
            | Code::AUTHORISATION_EXPIRED
            | Code::INVOICE_CANCELLED
            | Code::COIN_INVALID
            | Code::DENOMINATION_UNKNOWN
            | Code::DENOMINATION_EXPIRED
            | Code::DENOMINATION_REVOKED
            | Code::FUNDS_INSUFFICIENT
            | Code::MINT_MISMATCH
            | Code::MERCHANT_MISMATCH
            | Code::PAYMENT_INVALID
            | Code::PRICE_MISMATCH
            | Code::CURRENCY_MISMATCH
            | Code::AMOUNT_INVALID
            | Code::SIGNATURE_INVALID
            | Code::KEY_INVALID
            | Code::ALGORITHM_UNSUPPORTED
            | Code::STATEMENT_MALFORMED
            | Code::STATEMENT_TOO_LARGE
            | Code::STATEMENT_TYPE_MISMATCH
            | Code::JSON_MALFORMED
            | Code::REQUEST_INVALID
            | Code::REQUEST_CONFLICT
    )
}

/// Signs the receipt and seals the keys.
fn close(app: &App, case: &Case, settlement: Option<&Settlement>, now: UnixSeconds) -> Result<Ending, Problem> {
    let closed = case.opened.close(settlement, &case.sold.keys, &*app.signer, now, &mut &app.verifier)?;
    Ok(Ending::Paid(Paid {
        receipt: closed.receipt.compact().to_owned(),
        delivery: closed.delivery.compact().to_owned(),
        proofs: settlement.map(|settlement| settlement.statements.clone()).unwrap_or_default(),
    }))
}

/// The same, where two modules shared the price.
fn close_split(app: &App, case: &Case, settlements: &[Settlement], now: UnixSeconds) -> Result<Ending, Problem> {
    let closed = case.opened.close_split(settlements, &case.sold.keys, &*app.signer, now, &mut &app.verifier)?;
    Ok(Ending::Paid(Paid {
        receipt: closed.receipt.compact().to_owned(),
        delivery: closed.delivery.compact().to_owned(),
        proofs: settlements.iter().flat_map(|one| one.statements.clone()).collect(),
    }))
}

/// Stores how the deal ends. What was stored before counts.
async fn end(app: &App, case: &Case, ending: Ending, now: UnixSeconds) -> Result<Standing, Problem> {
    let deal = case.opened.deal();
    match app.store.end_deal(deal, ending.clone(), now).await? {
        Ended::Now => {
            let standing = Standing::ended(deal, ending);
            app.metrics.moved(Some(State::Ordered), standing.state);
            Ok(standing)
        }
        Ended::Before(stored) => Ok((*stored).into()),
    }
}

/// The answer to an order: how the deal stands, or why it was refused.
fn answer(standing: Standing) -> Result<DealAnswer, Problem> {
    match &standing.refusal {
        Some(refusal) => Err(refused(refusal)),
        None => Ok(DealAnswer { status: status_of(standing), problem: None, notices: Vec::new() }),
    }
}

fn status_of(standing: Standing) -> DealStatus {
    let (receipt, delivery, proofs) = match standing.paid {
        Some(paid) => (Some(Compact::new(paid.receipt)), Some(Compact::new(paid.delivery)), paid.proofs),
        None => (None, None, Vec::new()),
    };
    DealStatus { deal: standing.deal, state: standing.state, receipt, delivery, proofs, refunds: Vec::new() }
}

/// The problem of a deal that was refused, with its proof.
fn refused(refusal: &Refusal) -> Problem {
    let problem = Problem::new(Code::find(&refusal.code).unwrap_or(Code::PAYMENT_INVALID));
    let extra = serde_json::from_str(&refusal.extra).unwrap_or_default();
    with_extra(split::explained(problem, &extra), &extra)
}

/// Adds what a third party said further.
fn with_extra(problem: Problem, extra: &Value) -> Problem {
    let members = extra.as_object().into_iter().flatten();
    members.fold(problem, |problem, (name, value)| problem.extra(name, value))
}

/// The digest of a statement of our own.
pub(super) fn digest_of(compact: &str) -> Option<Digest> {
    compact.rsplit_once('.').map(|(signing_input, _)| Digest::of(signing_input.as_bytes()))
}
