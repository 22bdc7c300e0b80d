//! The gateway at work: authorisations and orders, each a saga with the acquirer.
//!
//! Each step is stored before the next begins: `asked` before the acquirer is asked, the decision before it is answered.
//! A call that was cut off is made again under the same key, by the merchant's repetition or by [`super::recovery`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use semper_shared::foundation::{Code, Digest, UnixSeconds};
use semper_shared::items::payment::card::{
    Answer, AnswerBody, AuthorisationBody, CardNumber, Certificate, CertificateBody, Challenge, Checked, Done,
    DoneBody, EnrolmentBody, Expiry, GatewayKey, Level, Operation, Order, OrderBody, Outcome, StepUp, StepUpBody,
    check_enrolment, check_request,
};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{PublicKey, Thumbprint};

use super::acquirer::{Acquirer, AcquirerError, Decision, Hold, Movement};
use super::error::GatewayError;
use super::store::{Begun, Case, Merchant, NewAuthorisation, NewOrder, OrderBegun, OrderError, Stage, Store};
use crate::crypto::{Native, NativeSigner};

/// A gateway at work: what its handlers share.
pub(super) struct App {
    pub(super) store: Box<dyn Store>,
    pub(super) acquirer: Box<dyn Acquirer>,
    pub(super) signer: Arc<NativeSigner>,
    pub(super) key: GatewayKey,
    pub(super) verifier: Native,
    pub(super) url: String,
    pub(super) hold_s: u64,
    pub(super) tagger: Tagger,
    pub(super) merchants: RwLock<HashMap<Thumbprint, Merchant>>,
}

/// Recognises an enrolled card without keeping its number: a keyed digest that nobody else can compute.
pub(super) struct Tagger(hkdf::Hkdf<sha2::Sha256>);

impl Tagger {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(hkdf::Hkdf::new(Some(b"semper/1/card-tag"), secret))
    }

    fn tag(&self, card: &CardNumber, expiry: Expiry) -> Result<[u8; 32], GatewayError> {
        let expiry = expiry.to_string();
        let mut tag = [0; 32];
        let info = [card.digits().as_bytes(), b"/", expiry.as_bytes()];
        self.0.expand_multi_info(&info, &mut tag).map_err(|_| GatewayError::Refused(Code::INTERNAL))?;
        Ok(tag)
    }
}

impl App {
    /// Certifies a card's key.
    pub(super) async fn enrol(&self, body: EnrolmentBody, now: UnixSeconds) -> Result<CertificateBody, GatewayError> {
        let (holder, card, expiry) = check_enrolment(&body, &self.key, now, &self.verifier)?;
        let certificate = Certificate {
            gateway: self.key.name(),
            card: holder.thumbprint(),
            brand: card.brand(),
            issued_at: now,
            expires_at: UnixSeconds(expiry.end()),
        };
        let certificate = Signed::sign(certificate, &*self.signer).compact().to_owned();
        let tag = self.tagger.tag(&card, expiry)?;
        let kept = self.store.enrol(holder.thumbprint(), tag, certificate).await?;
        if self.store.enrolled(holder.thumbprint()).await? != Some(tag) {
            return Err(GatewayError::Refused(Code::REQUEST_CONFLICT));
        }
        Ok(CertificateBody { certificate: Compact::new(kept) })
    }

    /// Has a payment authorised, or answers as before.
    pub(super) async fn authorise(
        &self,
        body: AuthorisationBody,
        now: UnixSeconds,
    ) -> Result<AnswerBody, GatewayError> {
        let checked = check_request(&body, &self.key, |name| self.merchant_key(name), now, &self.verifier)?;
        let holder = checked.holder.as_ref().map(PublicKey::thumbprint);
        if let Some(holder) = holder {
            let tag = self.tagger.tag(&checked.card, checked.expiry)?;
            if self.store.enrolled(holder).await? != Some(tag) {
                return Err(GatewayError::Refused(Code::CARD_NOT_ENROLLED));
            }
        }
        let new = NewAuthorisation {
            common: checked.common,
            terms: checked.terms.clone(),
            holder,
            capture_by: now.plus(self.hold_s),
            asked_at: now,
        };
        let approved = match self.store.begin(new).await? {
            Begun::New => false,
            Begun::Conflict => return Err(GatewayError::Refused(Code::REQUEST_CONFLICT)),
            Begun::Before(case) => match (&case.answer, case.stage, case.approval) {
                (Some(answer), ..) => return Ok(AnswerBody { answer: Compact::new(answer.clone()) }),
                (None, Stage::AwaitApproval, None) => {
                    return Err(GatewayError::StepUp(Box::new(self.challenge_of(checked.common, &case))));
                }
                (None, Stage::AwaitApproval, Some(false)) => {
                    return self.decide(checked.common, Decision::Declined(Code::CARD_DECLINED), now).await;
                }
                (None, _, word) => word == Some(true),
            },
        };
        self.ask(checked, approved, now).await
    }

    async fn ask(&self, checked: Checked, approved: bool, now: UnixSeconds) -> Result<AnswerBody, GatewayError> {
        let Checked { terms, common, card, expiry, .. } = checked;
        let hold = Hold { key: common, card, expiry, amount: terms.amount, approved };
        match self.acquirer.hold(&hold).await? {
            Decision::StepUp => {
                self.store.await_approval(common).await?;
                let case = self.case(common).await?;
                Err(GatewayError::StepUp(Box::new(self.challenge_of(common, &case))))
            }
            decision => self.decide(common, decision, now).await,
        }
    }

    /// Signs a decision and records it; what was recorded first counts.
    pub(super) async fn decide(
        &self,
        common: Digest,
        decision: Decision,
        now: UnixSeconds,
    ) -> Result<AnswerBody, GatewayError> {
        let case = self.case(common).await?;
        let (outcome, reference) = match decision {
            Decision::Held { reference } => (Outcome::Authorised { capture_by: case.sums.capture_by }, Some(reference)),
            Decision::Declined(code) => (Outcome::Declined { reason: code.as_str().to_owned() }, None),
            Decision::StepUp => return Err(GatewayError::Refused(Code::INTERNAL)),
        };
        let answer = Answer {
            common,
            gateway: self.key.name(),
            merchant: case.merchant,
            deal: case.deal,
            amount: case.sums.amount,
            level: case.level,
            outcome,
            decided_at: now,
        };
        let answer = Signed::sign(answer, &*self.signer).compact().to_owned();
        let answer = self.store.decide(common, reference, answer).await?;
        Ok(AnswerBody { answer: Compact::new(answer) })
    }

    /// What a cardholder is asked to approve.
    pub(super) async fn challenge(&self, common: Digest) -> Result<Challenge, GatewayError> {
        let case = self.case(common).await?;
        match case.stage {
            Stage::Asked => Err(GatewayError::Refused(Code::AUTHORISATION_UNKNOWN)),
            _ => Ok(self.challenge_of(common, &case)),
        }
    }

    fn challenge_of(&self, common: Digest, case: &Case) -> Challenge {
        let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
        Challenge {
            challenge: common,
            url: format!("{}/challenges/{common}", self.url),
            payee: merchants.get(&case.merchant).map(|merchant| merchant.name.clone()).unwrap_or_default(),
            amount: case.sums.amount,
            expires_at: case.sums.capture_by,
        }
    }

    /// Takes the cardholder's word. A wrong code is a no, so that codes cannot be guessed.
    pub(super) async fn step_up(&self, common: Digest, body: StepUpBody) -> Result<bool, GatewayError> {
        let case = self.case(common).await?;
        if case.stage == Stage::Asked {
            return Err(GatewayError::Refused(Code::AUTHORISATION_UNKNOWN));
        }
        let approved = match (case.level, body.step_up, body.code) {
            (Level::Three, Some(word), None) => {
                let (word, key): (Signed<StepUp>, _) = word
                    .verify_self_keyed(&self.verifier)
                    .map_err(semper_shared::items::payment::PaymentError::from)?;
                let fits = Some(key.thumbprint()) == case.holder
                    && word.challenge == common
                    && word.amount == case.sums.amount;
                if !fits {
                    return Err(GatewayError::Refused(Code::SIGNATURE_INVALID));
                }
                word.approved
            }
            (Level::One | Level::Two, None, Some(code)) => self.acquirer.approves(&code),
            _ => return Err(GatewayError::Refused(Code::REQUEST_INVALID)),
        };
        if case.stage != Stage::AwaitApproval {
            return Ok(case.approval.unwrap_or(false));
        }
        Ok(self.store.approve(common, approved).await?)
    }

    /// Captures, voids or refunds, or answers as before.
    pub(super) async fn order(&self, body: OrderBody, now: UnixSeconds) -> Result<DoneBody, GatewayError> {
        let invalid = semper_shared::items::payment::PaymentError::from;
        let claimed = body.order.peek_unverified().map_err(invalid)?;
        let case = self.case(claimed.common).await?;
        let key = self.merchant_key(&case.merchant).ok_or(GatewayError::Refused(Code::MERCHANT_MISMATCH))?;
        let order: Signed<Order> = body.order.verify(&key, &self.verifier).map_err(invalid)?;
        if order.gateway != self.key.name() {
            return Err(GatewayError::Refused(Code::GATEWAY_MISMATCH));
        }
        let Order { common, id, operation, .. } = order.payload().clone();
        let new = NewOrder { common, id, operation: operation.clone(), now };
        let begun = self.store.begin_order(new).await.map_err(|error| match error {
            OrderError::Store(error) => GatewayError::Store(error),
            OrderError::Money(error) => GatewayError::Money(error),
            OrderError::Refused(code) => GatewayError::Refused(code),
        })?;
        match begun {
            OrderBegun::Done(done) => Ok(DoneBody { done: Compact::new(done) }),
            OrderBegun::Now { reference } => self.carry_out(common, id, operation, &reference, now).await,
        }
    }

    /// Has an order that was begun carried out.
    pub(super) async fn carry_out(
        &self,
        common: Digest,
        id: [u8; 16],
        operation: Operation,
        reference: &str,
        now: UnixSeconds,
    ) -> Result<DoneBody, GatewayError> {
        let movement = match &operation {
            Operation::Capture { amount } => Movement::Capture(*amount),
            Operation::Void => Movement::Void,
            Operation::Refund { amount, .. } => Movement::Refund(*amount),
        };
        let key = Digest::of_parts(&[common.as_bytes(), &id]);
        match self.acquirer.carry_out(key, reference, movement).await {
            Ok(()) => {}
            Err(AcquirerError::Refused(code)) => {
                self.store.end_order(common, id, None).await?;
                return Err(GatewayError::Refused(code));
            }
            Err(error) => return Err(error.into()),
        }
        let case = self.case(common).await?;
        let done = Done {
            common,
            gateway: self.key.name(),
            merchant: case.merchant,
            deal: case.deal,
            id,
            operation,
            captured_minor: case.sums.captured_minor,
            refunded_minor: case.sums.refunded_minor,
            done_at: now,
        };
        let done = Signed::sign(done, &*self.signer).compact().to_owned();
        let kept = self.store.end_order(common, id, Some(done)).await?;
        kept.map(|done| DoneBody { done: Compact::new(done) }).ok_or(GatewayError::Refused(Code::CARD_DECLINED))
    }

    pub(super) async fn case(&self, common: Digest) -> Result<Case, GatewayError> {
        self.store.find(common).await?.ok_or(GatewayError::Refused(Code::AUTHORISATION_UNKNOWN))
    }

    fn merchant_key(&self, name: &Thumbprint) -> Option<PublicKey> {
        let merchants = self.merchants.read().unwrap_or_else(PoisonError::into_inner);
        merchants.get(name).map(|merchant| merchant.key.clone())
    }
}
