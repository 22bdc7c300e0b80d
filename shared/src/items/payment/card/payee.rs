//! The merchant's side: it passes a sealed slip on, has it authorised, and captures.

use std::sync::Arc;

use serde_json::Value;

use super::number::refused;
use super::{
    Answer, AnswerBody, AuthorisationBody, Brand, CardBody, CardParameters, Done, DoneBody, Gateway, ID, Level,
    Operation, Order, OrderBody, Outcome, Request, Requested, VERSION,
};
use crate::foundation::{Code, Digest, UnixSeconds, json};
use crate::items::payment::{
    self, Bill, PayeeModule, PaymentError, Refund, RefundStatus, RefundStep, Repayment, Settlement, SplitRole, Step,
};
use crate::items::statement::{Compact, Signed};
use crate::security::{PublicKey, Signer, Thumbprint, Verifier};

/// Takes cards through one gateway, and captures at once, since goods that are bytes are delivered at once.
pub struct CardPayee {
    gateway: Gateway,
    name: Thumbprint,
    level: Level,
    nonce: [u8; 16],
    signer: Arc<dyn Signer + Send + Sync>,
}

impl CardPayee {
    /// Takes cards through `gateway`, at `level` or above; `signer` is the merchant's key.
    pub fn new(gateway: Gateway, level: Level, nonce: [u8; 16], signer: Arc<dyn Signer + Send + Sync>) -> Self {
        let name = gateway.key.thumbprint();
        Self { gateway, name, level, nonce, signer }
    }

    /// Makes an order to the gateway. The same order twice is carried out once.
    ///
    /// # Errors
    /// [`PaymentError::Invalid`] where it does not serialize.
    pub fn order(&self, common: Digest, id: [u8; 16], operation: Operation) -> Result<payment::Request, PaymentError> {
        let order = Order { gateway: self.name, common, id, operation };
        self.ask("orders", &OrderBody { order: Signed::sign(order, &*self.signer).to_compact(), refund: None })
    }

    /// Reads the gateway's word on an order.
    ///
    /// # Errors
    /// [`PaymentError`] where it refused, or broke the protocol.
    pub fn done(&self, answer: &payment::Answer, verifier: &dyn Verifier) -> Result<Signed<Done>, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let body: DoneBody = json::from_slice(&answer.body).map_err(|_| malformed())?;
        body.done
            .verify(&self.gateway.key, verifier)
            .map_err(|_| PaymentError::Peer("the gateway's word is not signed by it"))
    }

    fn ask(&self, path: &str, body: &impl serde::Serialize) -> Result<payment::Request, PaymentError> {
        let body = serde_json::to_value(body).map_err(|_| PaymentError::Invalid("it does not serialize"))?;
        Ok(payment::Request { url: format!("{}/{path}", self.gateway.url.trim_end_matches('/')), body })
    }

    /// The name of a deal's own capture: the same each time, so that a crash in between captures once.
    fn capture_id(common: &Digest) -> [u8; 16] {
        named(b"semper/1/card-capture\0", common)
    }

    /// The name of a deal's own void.
    fn void_id(common: &Digest) -> [u8; 16] {
        named(b"semper/1/card-void\0", common)
    }

    fn authorised(&self, bill: &Bill, body: &CardBody, answer: &Answer) -> Result<UnixSeconds, PaymentError> {
        let common = body.terms.common();
        let fits = answer.gateway == self.name
            && answer.common == common
            && answer.merchant == bill.payee
            && answer.deal == bill.deal
            && answer.amount == bill.total
            && answer.level == body.terms.level;
        if !fits {
            return Err(PaymentError::Peer("the gateway answered for another payment"));
        }
        match &answer.outcome {
            Outcome::Declined { reason } => Err(refused(Code::find(reason).unwrap_or(Code::CARD_DECLINED))),
            Outcome::Authorised { capture_by } => Ok(*capture_by),
        }
    }

    /// Reads the gateway's answer to a request for authorisation; none where it is of something else.
    fn answer(
        &self,
        answer: &payment::Answer,
        verifier: &dyn Verifier,
    ) -> Result<Option<Signed<Answer>>, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let Ok(AnswerBody { answer }) = json::from_slice(&answer.body) else { return Ok(None) };
        let answer = answer.verify(&self.gateway.key, verifier);
        answer.map(Some).map_err(|_| PaymentError::Peer("the gateway's answer is not signed by it"))
    }

    fn captured(&self, bill: &Bill, body: &CardBody, done: &Signed<Done>) -> Result<Step, PaymentError> {
        let common = body.terms.common();
        let fits = done.gateway == self.name
            && done.common == common
            && done.merchant == bill.payee
            && done.deal == bill.deal
            && done.id == Self::capture_id(&common)
            && done.operation == (Operation::Capture { amount: bill.total });
        if !fits {
            return Err(PaymentError::Peer("the gateway captured another payment"));
        }
        Ok(Step::Settled(Settlement {
            paid: bill.total,
            owed: None,
            proofs: vec![done.digest()],
            statements: vec![done.compact().to_owned()],
        }))
    }
}

impl PayeeModule for CardPayee {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    const SPLIT: Option<SplitRole> = Some(SplitRole::Holds);
    type Parameters = CardParameters;
    type Body = CardBody;

    fn parameters(&self) -> CardParameters {
        CardParameters {
            gateway: self.gateway.clone(),
            level: self.level,
            nonce: self.nonce,
            brands: Vec::<Brand>::new(),
        }
    }

    fn check(&self, bill: &Bill, body: &CardBody, now: UnixSeconds) -> Result<Step, PaymentError> {
        let terms = &body.terms;
        let names_the_bill = terms.gateway == self.name && terms.merchant == bill.payee && terms.deal == bill.deal;
        if !names_the_bill {
            return Err(PaymentError::Invalid("a slip for another deal, merchant or gateway"));
        }
        if terms.amount != bill.total {
            return Err(refused(Code::PRICE_MISMATCH));
        }
        if terms.nonce != self.nonce {
            return Err(PaymentError::Invalid("a slip with another nonce than the offer's"));
        }
        if terms.level < self.level {
            return Err(refused(Code::CARD_LEVEL_INSUFFICIENT));
        }
        if now > terms.expires_at {
            return Err(PaymentError::Invalid("the slip's time is over"));
        }
        let request = Request { terms: terms.clone(), sealed: Digest::of(&body.sealed.0) };
        let request = match terms.level {
            Level::One => Requested::Plain(request),
            Level::Two | Level::Three => Requested::Signed(Signed::sign(request, &*self.signer).to_compact()),
        };
        Ok(Step::Ask(self.ask("authorisations", &AuthorisationBody { request, sealed: body.sealed.clone() })?))
    }

    fn resume(
        &self,
        bill: &Bill,
        body: &CardBody,
        answer: &payment::Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        if let Some(answer) = self.answer(answer, verifier)? {
            self.authorised(bill, body, &answer)?;
            return self.capture(bill, body).map(Step::Ask);
        }
        self.captured(bill, body, &self.done(answer, verifier)?)
    }

    fn held(
        &self,
        bill: &Bill,
        body: &CardBody,
        answer: &payment::Answer,
        verifier: &dyn Verifier,
    ) -> Result<UnixSeconds, PaymentError> {
        let answer = self.answer(answer, verifier)?.ok_or(malformed())?;
        self.authorised(bill, body, &answer)
    }

    fn capture(&self, bill: &Bill, body: &CardBody) -> Result<payment::Request, PaymentError> {
        let common = body.terms.common();
        self.order(common, Self::capture_id(&common), Operation::Capture { amount: bill.total })
    }

    fn release(&self, _: &Bill, body: &CardBody) -> Result<payment::Request, PaymentError> {
        let common = body.terms.common();
        self.order(common, Self::void_id(&common), Operation::Void)
    }

    fn released(
        &self,
        bill: &Bill,
        body: &CardBody,
        answer: &payment::Answer,
        verifier: &dyn Verifier,
    ) -> Result<(), PaymentError> {
        let (done, common) = (self.done(answer, verifier)?, body.terms.common());
        let fits = (done.gateway, done.common, done.deal) == (self.name, common, bill.deal)
            && (done.id, &done.operation) == (Self::void_id(&common), &Operation::Void);
        if fits { Ok(()) } else { Err(PaymentError::Peer("the gateway let go of another payment")) }
    }

    fn refund(
        &self,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        let captured = settlement.statements.first().ok_or(PaymentError::Invalid("the settlement has no capture"))?;
        let common = Compact::<Done>::new(captured.clone()).peek_unverified()?.common;
        let Repayment { id, amount, reason, at } = repayment.clone();
        let operation = Operation::Refund { amount, reason: reason.clone() };
        let order = Order { gateway: self.name, common, id: id.0, operation };
        let refund =
            Refund { refund: id, merchant: bill.payee, via: self.name, deal: bill.deal, amount, reason, issued_at: at };
        let body = OrderBody {
            order: Signed::sign(order, signer).to_compact(),
            refund: Some(Signed::sign_self_keyed(refund, signer).to_compact()),
        };
        Ok(RefundStep::Ask(self.ask("orders", &body)?))
    }

    fn resume_refund(
        &self,
        request: &payment::Request,
        answer: &payment::Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        let asked: OrderBody =
            json::from_value(request.body.clone()).map_err(|_| PaymentError::Invalid("it is no order"))?;
        let refund = asked.refund.ok_or(PaymentError::Invalid("it is no refund"))?;
        let done = self.done(answer, verifier)?.to_compact();
        let done = check_refund_done(&refund.peek_unverified()?, &done, &self.gateway.key, verifier)?;
        Ok(RefundStep::Done(RefundStatus { refund, proofs: vec![done.compact().to_owned()] }))
    }
}

/// Checks the gateway's word on a refund.
///
/// # Errors
/// [`PaymentError::Peer`] where it is not the gateway's, or of another refund.
pub fn check_refund_done(
    refund: &Refund,
    done: &Compact<Done>,
    gateway: &PublicKey,
    verifier: &dyn Verifier,
) -> Result<Signed<Done>, PaymentError> {
    let done = done
        .verify(gateway, verifier)
        .map_err(|_| PaymentError::Peer("the gateway's word on a refund is not signed by it"))?;
    let operation = Operation::Refund { amount: refund.amount, reason: refund.reason.clone() };
    let fits = done.gateway == refund.via
        && done.merchant == refund.merchant
        && done.deal == refund.deal
        && done.id == refund.refund.0
        && done.operation == operation;
    if fits { Ok(done) } else { Err(PaymentError::Peer("the gateway gave something else back")) }
}

impl core::fmt::Debug for CardPayee {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "CardPayee({})", self.gateway.url)
    }
}

/// A name made of what it is for.
fn named(what: &[u8], common: &Digest) -> [u8; 16] {
    let digest = Digest::of_parts(&[what, common.as_bytes()]);
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    id
}

const fn malformed() -> PaymentError {
    PaymentError::Peer("the gateway's answer is malformed")
}

fn refusal(answer: &payment::Answer) -> PaymentError {
    let Ok(problem) = json::from_slice::<Value>(&answer.body) else {
        return PaymentError::Peer("the gateway refused without saying why");
    };
    match problem.get("code").and_then(Value::as_str).and_then(Code::find) {
        Some(Code::IN_PROGRESS) => PaymentError::Unknown,
        Some(code) => {
            let challenge = problem.get("challenge").map(|challenge| serde_json::json!({ "challenge": challenge }));
            PaymentError::Refused { code, extra: challenge.unwrap_or(Value::Null) }
        }
        None => PaymentError::Peer("the gateway refused with an unknown code"),
    }
}
