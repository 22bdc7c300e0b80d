//! A payment over two modules: both, or none. What is found at each step is stored before the next begins.

use semper_shared::foundation::{Code, UnixSeconds};
use semper_shared::items::payment::{Act, Failure, Outcome, Payment, PaymentError, Phase, RefundStatus, Saga};
use serde_json::{Value, json};

use super::{Case, Standing, ask, close_split, end, explain, registry_of, unknown, with_extra};
use crate::http::Problem;
use crate::merchant::app::App;
use crate::merchant::store::{Ending, Refusal};

/// How many steps one payment may need.
const MAX_STEPS: usize = 24;

/// Checks both parts with their modules; nobody is asked.
pub(super) fn check(
    app: &App,
    case: &Case,
    payment: &Payment,
    phase: Phase,
    now: UnixSeconds,
) -> Result<Phase, Problem> {
    let (bill, shares) = (case.opened.bill(), &case.opened.order().split);
    Saga::open(&registry_of(app, case), bill, shares, payment, phase.clone(), now).map_err(explain)?;
    Ok(phase)
}

/// Goes on until both parts stand or neither does. Anything else leaves the deal as it is, to be tried again.
pub(super) async fn pursue(
    app: &App,
    case: &Case,
    payment: &Payment,
    phase: Phase,
    now: UnixSeconds,
) -> Result<Standing, Problem> {
    let (deal, shares) = (case.opened.deal(), &case.opened.order().split);
    let registry = registry_of(app, case);
    let mut saga = Saga::open(&registry, case.opened.bill(), shares, payment, phase, now).map_err(explain)?;
    for _ in 0..MAX_STEPS {
        let act = saga.act(now, &*app.signer).map_err(|error| stuck(app, &error))?;
        let request = match act {
            Act::Ask(request) => request,
            Act::Keep(found) => {
                match app.store.keep_phase(deal, found.clone()).await? {
                    Some(phase) => saga.kept(phase),
                    // Another replica has refused the deal meanwhile: what this one took goes back.
                    None if matches!(found, Phase::Taken { .. }) => saga.kept(given_up(&found, now)),
                    None => return stored(app, case).await,
                }
                continue;
            }
            Act::End(outcome) => return end(app, case, ending(app, case, outcome, now)?, now).await,
        };
        let answer = ask(app, &request).await?;
        match saga.answered(&answer, now, &app.verifier) {
            Ok(()) => {}
            // The customer has something to do, and then sends the same order again.
            Err(PaymentError::Refused { code: code @ Code::STEP_UP_REQUIRED, extra }) => {
                return Err(with_extra(Problem::new(code), &extra));
            }
            Err(error) => {
                let (code, extra) = for_good(app, &error).ok_or_else(|| unknown(app))?;
                tracing::info!(module = %saga.module(), %code, "a part of a payment was refused");
                if !saga.failed(code, extra, now) {
                    tracing::error!(%code, "what was taken of a payment cannot be given back: look at the deal");
                    return Err(unknown(app));
                }
            }
        }
    }
    tracing::error!("a payment over two modules goes on without end");
    Err(unknown(app))
}

/// A refusal that is for good.
fn for_good(app: &App, error: &PaymentError) -> Option<(Code, Value)> {
    let of_the_hold = [Code::AUTHORISATION_CLOSED, Code::AUTHORISATION_UNKNOWN, Code::CAPTURE_EXCESSIVE];
    match error {
        PaymentError::Refused { code, extra } if of_the_hold.contains(code) || super::refusal(app, error).is_some() => {
            Some((*code, extra.clone()))
        }
        PaymentError::Refused { .. } | PaymentError::Unknown => None,
        error => {
            tracing::error!(cause = %error, "a payment is stuck");
            None
        }
    }
}

fn stuck(app: &App, error: &PaymentError) -> Problem {
    tracing::error!(cause = %error, "a payment over two modules is stuck");
    unknown(app)
}

fn given_up(found: &Phase, at: UnixSeconds) -> Phase {
    let failure = Failure {
        module: semper_shared::items::payment::ModuleId::split(),
        code: Code::SPLIT_UNDONE.as_str().to_owned(),
        extra: Value::Null,
        at,
    };
    Phase::Undoing { failure, taken: None }.then(found.clone())
}

async fn stored(app: &App, case: &Case) -> Result<Standing, Problem> {
    let stored = app.store.deal(case.opened.deal()).await?;
    stored.map(Standing::from).ok_or_else(|| Problem::internal("a deal is gone"))
}

fn ending(app: &App, case: &Case, outcome: Outcome, now: UnixSeconds) -> Result<Ending, Problem> {
    match outcome {
        Outcome::Settled(both) => close_split(app, case, &both, now),
        Outcome::Refused { failure, returned } => Ok(Ending::Refused(refusal(&failure, returned.as_ref()))),
    }
}

/// What the customer is told: which part was refused, why, and that nothing was kept of the other.
fn refusal(failure: &Failure, returned: Option<&RefundStatus>) -> Refusal {
    let mut extra = match &failure.extra {
        Value::Object(members) => members.clone(),
        _ => serde_json::Map::new(),
    };
    extra.insert("part".to_owned(), json!(failure.module));
    let code = match returned {
        None => failure.code.clone(),
        Some(returned) => {
            extra.insert("cause".to_owned(), json!(failure.code));
            extra.insert("returned".to_owned(), json!(returned));
            Code::SPLIT_UNDONE.as_str().to_owned()
        }
    };
    Refusal { code, extra: Value::Object(extra).to_string() }
}

/// Says in words what became of the two parts.
pub(super) fn explained(problem: Problem, extra: &Value) -> Problem {
    let Some(part) = extra.get("part").and_then(Value::as_str) else { return problem };
    match extra.get("returned") {
        None => problem.detail(format!("The part by {part} was refused. Nothing was taken of either part.")),
        Some(_) => problem.detail(format!("The part by {part} could not be taken. The other part was given back.")),
    }
}
