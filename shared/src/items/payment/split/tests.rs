//! The saga against two third parties that fail in every way: both settle, or neither does.

use getrandom::SysRng;
use rand_core::{Rng as _, UnwrapErr};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::*;
use crate::foundation::{Code, Currency, UnixSeconds};
use crate::items::payment::{
    Answer, PayeeModule, Refund, RefundStatus, RefundStep, Registry, Repayment, Request, Settlement, Step,
};
use crate::items::statement::Signed;
use crate::security::{Portable, Signer, SigningKey, Verifier};

const NOW: UnixSeconds = UnixSeconds(1_000_000);

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap_or(Amount::zero(Currency::EUR))
}

fn share(module: &str, minor: u64) -> Share {
    let module = ModuleId::new(module).unwrap_or_else(ModuleId::none);
    Share { module, version: 1, amount: euros(minor), payment: Vec::new() }
}

#[derive(Serialize, Deserialize)]
struct Body {}

/// Asks `hold`, `capture` and `release` of somebody.
struct Holder;
/// Asks `deposit` and `refund` of somebody.
struct Taker;

fn request(what: &str) -> Request {
    Request { url: what.to_owned(), body: json!({}) }
}

fn code_of(answer: &Answer) -> Result<(), PaymentError> {
    match serde_json::from_slice::<Value>(&answer.body).ok().as_ref().and_then(|body| body["code"].as_str()) {
        None => Ok(()),
        Some(code) => {
            Err(PaymentError::Refused { code: Code::find(code).unwrap_or(Code::INTERNAL), extra: Value::Null })
        }
    }
}

fn settled(bill: &Bill) -> Step {
    let proofs = vec![Digest::of(b"proof")];
    Step::Settled(Settlement { paid: bill.total, owed: None, proofs, statements: vec!["proof".to_owned()] })
}

impl PayeeModule for Holder {
    const ID: &'static str = "holder";
    const VERSION: u32 = 1;
    const SPLIT: Option<SplitRole> = Some(SplitRole::Holds);
    type Parameters = Value;
    type Body = Body;

    fn parameters(&self) -> Value {
        Value::Null
    }

    fn check(&self, _: &Bill, _: &Body, _: UnixSeconds) -> Result<Step, PaymentError> {
        Ok(Step::Ask(request("hold")))
    }

    fn resume(&self, bill: &Bill, _: &Body, answer: &Answer, _: &dyn Verifier) -> Result<Step, PaymentError> {
        code_of(answer).map(|()| settled(bill))
    }

    fn held(&self, _: &Bill, _: &Body, answer: &Answer, _: &dyn Verifier) -> Result<UnixSeconds, PaymentError> {
        code_of(answer).map(|()| NOW.plus(10_000))
    }

    fn capture(&self, _: &Bill, _: &Body) -> Result<Request, PaymentError> {
        Ok(request("capture"))
    }

    fn release(&self, _: &Bill, _: &Body) -> Result<Request, PaymentError> {
        Ok(request("release"))
    }

    fn released(&self, _: &Bill, _: &Body, answer: &Answer, _: &dyn Verifier) -> Result<(), PaymentError> {
        code_of(answer)
    }
}

impl PayeeModule for Taker {
    const ID: &'static str = "taker";
    const VERSION: u32 = 1;
    const SPLIT: Option<SplitRole> = Some(SplitRole::Takes);
    type Parameters = Value;
    type Body = Body;

    fn parameters(&self) -> Value {
        Value::Null
    }

    fn check(&self, _: &Bill, _: &Body, _: UnixSeconds) -> Result<Step, PaymentError> {
        Ok(Step::Ask(request("deposit")))
    }

    fn resume(&self, bill: &Bill, _: &Body, answer: &Answer, _: &dyn Verifier) -> Result<Step, PaymentError> {
        code_of(answer).map(|()| settled(bill))
    }

    fn refund(&self, _: &Bill, _: &Settlement, _: &Repayment, _: &dyn Signer) -> Result<RefundStep, PaymentError> {
        Ok(RefundStep::Ask(request("refund")))
    }

    fn resume_refund(&self, _: &Request, answer: &Answer, _: &dyn Verifier) -> Result<RefundStep, PaymentError> {
        code_of(answer)?;
        let refund = Refund {
            refund: crate::items::payment::RefundId([0; 16]),
            merchant: Digest::of(b"shop"),
            via: Digest::of(b"mint"),
            deal: Digest::of(b"deal"),
            amount: euros(500),
            reason: String::new(),
            issued_at: NOW,
        };
        let refund = Signed::sign_self_keyed(refund, &key()).to_compact();
        Ok(RefundStep::Done(RefundStatus { refund, proofs: Vec::new() }))
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32]).unwrap_or_else(|_| SigningKey::make(&mut UnwrapErr(SysRng)))
}

/// Gateway and mint in one: what they hold and have taken, and which of their answers are refusals.
#[derive(Default, Clone)]
struct World {
    holds: bool,
    captured: bool,
    deposited: bool,
    refunded: bool,
    /// What the first answer to each question is, once it was given.
    answers: Vec<(String, bool)>,
}

impl World {
    /// Decides once, and answers the same ever after.
    fn answer(&mut self, what: &str, refuses: bool) -> Answer {
        let before = self.answers.iter().find(|(asked, _)| asked == what).map(|(_, refused)| *refused);
        let refuses = before.unwrap_or(refuses);
        let mut refused = refuses;
        match what {
            "hold" if !refuses => self.holds |= before.is_none(),
            "deposit" if !refuses => self.deposited = true,
            "capture" => {
                refused |= !self.holds && !self.captured;
                if !refused {
                    (self.holds, self.captured) = (false, true);
                }
            }
            // What is held may be let go at any time: that is never refused while it is there.
            "release" => {
                refused = !self.holds && before.is_none();
                self.holds = false;
            }
            "refund" => {
                refused = !self.deposited;
                self.refunded = !refused;
            }
            _ => {}
        }
        if before.is_none() {
            self.answers.push((what.to_owned(), refused));
        }
        let body = if refused { json!({"code": "card-declined"}) } else { json!({}) };
        Answer { status: if refused { 402 } else { 200 }, body: body.to_string().into_bytes() }
    }

    /// What the merchant has of the customer's money.
    const fn merchant_has(&self) -> u64 {
        (if self.captured { 1_200 } else { 0 }) + (if self.deposited && !self.refunded { 500 } else { 0 })
    }
}

fn bill() -> Bill {
    Bill { deal: Digest::of(b"deal"), payee: Digest::of(b"shop"), total: euros(1_700), refund_by: NOW }
}

fn payment(shares: &[Share]) -> Payment {
    let part =
        |share: &Share| Payment { module: share.module.clone(), version: 1, body: json!({}), critical: Vec::new() };
    Payment::split(&shares.iter().map(part).collect::<Vec<_>>()).unwrap_or_else(|_| part(&share("none", 0)))
}

/// Runs until it ends, being killed before, within and after steps as `dice` has it; each time it begins anew from what
/// was stored.
fn run(shares: &[Share], mut dice: impl FnMut(u64) -> bool) -> Result<(World, Outcome), PaymentError> {
    let registry = Registry::new().with(Holder).with(Taker);
    let (mut world, mut stored) = (World::default(), Phase::default());
    for _ in 0..10_000 {
        let mut saga = Saga::open(&registry, &bill(), shares, &payment(shares), stored.clone(), NOW)?;
        for _ in 0..40 {
            if dice(12) {
                break;
            }
            match saga.act(NOW, &key())? {
                Act::End(outcome) => return Ok((world, outcome)),
                Act::Keep(found) => {
                    // Killed before the store had it.
                    if dice(6) {
                        break;
                    }
                    stored = stored.then(found);
                    saga.kept(stored.clone());
                }
                Act::Ask(request) => {
                    // It never arrives, or its answer is lost.
                    if dice(6) {
                        break;
                    }
                    let answer = world.answer(&request.url, dice(3));
                    if dice(6) {
                        break;
                    }
                    match saga.answered(&answer, NOW, &Portable) {
                        Ok(()) => {}
                        Err(PaymentError::Refused { code, extra }) => assert!(saga.failed(code, extra, NOW)),
                        Err(error) => return Err(error),
                    }
                }
            }
        }
    }
    Err(PaymentError::Unknown)
}

#[test]
fn whatever_fails_both_stand_or_neither() -> Result<(), PaymentError> {
    let (mut both, mut neither, mut returned_some) = (0, 0, 0);
    for order in [["holder", "taker"], ["taker", "holder"]] {
        let amount = |module: &str| if module == "holder" { 1_200 } else { 500 };
        let shares = order.map(|module| share(module, amount(module)));
        for _ in 0..3_000 {
            let mut rng = UnwrapErr(SysRng);
            let (world, outcome) = run(&shares, |sides| rng.next_u64().is_multiple_of(sides))?;
            assert!(!world.holds, "nothing is left on hold");
            match outcome {
                Outcome::Settled(settlements) => {
                    let paid: Vec<_> = settlements.iter().map(|one| one.paid).collect();
                    assert_eq!(paid, shares.iter().map(|share| share.amount).collect::<Vec<_>>());
                    assert_eq!(world.merchant_has(), 1_700);
                    both += 1;
                }
                Outcome::Refused { returned, .. } => {
                    assert_eq!(world.merchant_has(), 0);
                    assert_eq!(returned.is_some(), world.deposited, "what was taken was given back, and told");
                    returned_some += u32::from(returned.is_some());
                    neither += 1;
                }
            }
        }
    }
    assert!(both > 100 && neither > 100 && returned_some > 100, "{both} {neither} {returned_some}");
    Ok(())
}

/// Two replicas may find different things: whatever the order in which it is stored, what was taken is never forgotten, and
/// what is being undone is not gone on with.
#[test]
fn what_is_stored_never_goes_back() {
    let settlement = Settlement { paid: euros(500), owed: None, proofs: Vec::new(), statements: Vec::new() };
    let failure = Failure { module: ModuleId::split(), code: "card-declined".to_owned(), extra: Value::Null, at: NOW };
    let taken = Phase::Taken { taken: settlement.clone() };
    let undoing = |taken| Phase::Undoing { failure: failure.clone(), taken };
    let all = [Phase::Holding, Phase::Taking, taken.clone(), undoing(None), undoing(Some(settlement.clone()))];
    for before in &all {
        for found in &all {
            let after = before.clone().then(found.clone());
            let knows = |phase: &Phase| matches!(phase, Phase::Taken { .. } | Phase::Undoing { taken: Some(_), .. });
            assert!(knows(&after) || !knows(before), "{before:?} {found:?} forgets");
            assert!(knows(&after) || !knows(found), "{before:?} {found:?} does not learn");
            if matches!(before, Phase::Undoing { .. }) {
                assert!(matches!(after, Phase::Undoing { .. }), "{before:?} {found:?}");
            }
            assert_eq!(before.clone().then(before.clone()), *before);
        }
    }
}

#[test]
fn a_price_is_split_into_two_parts_that_make_it_up() {
    let good = [share("taker", 500), share("holder", 1_200)];
    let fault = |shares: &[Share]| shares_fault(shares, euros(1_700)).is_some();
    assert!(!fault(&good));
    assert!(fault(&[]), "no part");
    assert!(fault(&[share("taker", 1_700)]), "one part");
    assert!(fault(&[share("taker", 500), share("holder", 1_200), share("third", 0)]), "three parts");
    assert!(fault(&[share("taker", 500), share("taker", 1_200)]), "one module twice");
    assert!(fault(&[share("taker", 0), share("holder", 1_700)]), "a part of nothing");
    assert!(fault(&[share("taker", 500), share("holder", 1_199)]), "too little");
    assert!(fault(&[share("taker", 500), share("holder", 1_201)]), "too much");
    assert!(fault(&[share("taker", u64::MAX), share("holder", 1_701)]), "more than there are numbers");
    let proven = Share { payment: vec![Digest::of(b"proof")], ..share("taker", 500) };
    assert!(fault(&[proven, share("holder", 1_200)]), "an order proves nothing");
    let pounds = Share { amount: Amount::zero(Currency::EUR), ..share("holder", 0) };
    assert!(fault(&[share("taker", 1_700), pounds]));
}

#[test]
fn the_payments_are_those_of_the_order() {
    let registry = Registry::new().with(Holder).with(Taker);
    let open = |shares: &[Share], payment: &Payment| {
        Saga::open(&registry, &bill(), shares, payment, Phase::default(), NOW).map(|_| ()).err()
    };
    let good = [share("taker", 500), share("holder", 1_200)];
    assert_eq!(open(&good, &payment(&good)), None);
    let swapped = [good[1].clone(), good[0].clone()];
    assert!(matches!(open(&good, &payment(&swapped)), Some(PaymentError::Invalid(_))), "in another order");
    assert!(matches!(open(&good, &payment(&good[..1])), Some(PaymentError::Invalid(_))), "one is missing");
    assert!(matches!(open(&good[..1], &payment(&good)), Some(PaymentError::Invalid(_))), "one too many");
    let strange = [share("taker", 500), share("dummy", 1_200)];
    assert_eq!(open(&strange, &payment(&strange)), Some(PaymentError::Unsupported(strange[1].module.clone())));
}
