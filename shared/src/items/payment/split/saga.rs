//! The merchant's side of a split payment: what to do next, whatever happened before.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{SHARES, Share, SplitRole};
use crate::foundation::{Code, Digest, UnixSeconds};
use crate::items::payment::{
    Answer, Bill, ModuleId, Payment, PaymentError, RefundId, RefundStatus, RefundStep, Registry, Repayment, Request,
    Settlement, Step,
};
use crate::security::{Signer, Verifier};

/// What is held must be held for so long still, in seconds, when the rest is taken.
const MARGIN_S: u64 = 300;

/// Why one of the two modules cannot pay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The module.
    pub module: ModuleId,
    /// Why.
    pub code: String,
    /// What its third party added, such as a proof.
    pub extra: Value,
    /// When it was found.
    pub at: UnixSeconds,
}

/// What is known after a step. It is stored before the next one begins, and only ever goes on to a later one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "lowercase")]
pub enum Phase {
    /// Perhaps something is held. Nothing was taken.
    #[default]
    Holding,
    /// The one is held, and the other may have been taken.
    Taking,
    /// The other was taken, and what is held is to be.
    Taken {
        /// What proves it.
        taken: Settlement,
    },
    /// One of them cannot pay: what is held is let go, and what was taken is given back.
    Undoing {
        /// Why.
        failure: Failure,
        /// What was taken.
        taken: Option<Settlement>,
    },
}

impl Phase {
    /// What is to be stored where this is, and somebody found `found`. Two that work on one payment at once come to one end:
    /// what was taken stays taken, or is given back, and what is being undone is never gone on with.
    #[must_use]
    pub fn then(self, found: Self) -> Self {
        match (self, found) {
            (Self::Holding, found) => found,
            (Self::Taking, Self::Holding) => Self::Taking,
            (Self::Taking, found) => found,
            (Self::Taken { .. }, undoing @ Self::Undoing { taken: Some(_), .. }) => undoing,
            (taken @ Self::Taken { .. }, _) => taken,
            (
                Self::Undoing { failure, taken: None },
                Self::Taken { taken } | Self::Undoing { taken: Some(taken), .. },
            ) => Self::Undoing { failure, taken: Some(taken) },
            (undoing @ Self::Undoing { .. }, _) => undoing,
        }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask this, and hand the answer to [`Saga::answered`].
    Ask(Request),
    /// Store this, and hand what is stored then to [`Saga::kept`].
    Keep(Phase),
    /// It is over.
    End(Outcome),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Both stand: a settlement for each share, in the order's order.
    Settled(Vec<Settlement>),
    /// Neither does.
    Refused {
        /// Why.
        failure: Failure,
        /// What was taken in between and given back.
        returned: Option<RefundStatus>,
    },
}

/// One of the two, as its module sees it.
#[derive(Debug, Clone)]
struct Part {
    bill: Bill,
    payment: Payment,
}

/// A split payment under way.
#[derive(Debug)]
pub struct Saga<'a> {
    registry: &'a Registry,
    held: Part,
    taken: Part,
    /// Whether the share that is held is the order's first.
    held_first: bool,
    phase: Phase,
    /// What the present phase has come to.
    next: Option<Act>,
    /// Whether what was held is let go.
    released: bool,
    /// The refund's request, to which an answer is awaited.
    refund: Option<Request>,
}

impl<'a> Saga<'a> {
    /// Takes up a payment at the phase that was stored, or at the first. Each part is checked by its module, and nobody is
    /// asked yet.
    ///
    /// # Errors
    /// [`PaymentError`] where the parts are not those of the order, or modules that cannot share a price.
    pub fn open(
        registry: &'a Registry,
        bill: &Bill,
        shares: &[Share],
        payment: &Payment,
        phase: Phase,
        now: UnixSeconds,
    ) -> Result<Self, PaymentError> {
        let payments = payment.parts();
        let fits = payments.len() == SHARES
            && shares.len() == SHARES
            && shares
                .iter()
                .zip(&payments)
                .all(|(share, paid)| (&share.module, share.version) == (&paid.module, paid.version));
        if !fits {
            return Err(PaymentError::Invalid("its parts are not those of the order"));
        }
        let mut roles = Vec::with_capacity(SHARES);
        let mut parts = Vec::with_capacity(SHARES);
        for (share, payment) in shares.iter().zip(payments) {
            let unsupported = || PaymentError::Unsupported(share.module.clone());
            roles.push(registry.split_role(&share.module()).ok_or_else(unsupported)?);
            parts.push(Part { bill: bill.share(share), payment });
        }
        // Of two that can be held, the first is.
        let held_first = roles.first() == Some(&SplitRole::Holds);
        if !roles.contains(&SplitRole::Holds) {
            return Err(PaymentError::Invalid("neither of its modules can hold money and let go of it"));
        }
        if !held_first {
            parts.reverse();
        }
        let mut parts = parts.into_iter();
        let (Some(held), Some(taken)) = (parts.next(), parts.next()) else {
            return Err(PaymentError::Invalid("its parts are not those of the order"));
        };
        if phase == Phase::Holding {
            registry.check(&held.bill, &held.payment, now)?;
            registry.check(&taken.bill, &taken.payment, now)?;
        }
        Ok(Self { registry, held, taken, held_first, phase, next: None, released: false, refund: None })
    }

    /// The module that the saga deals with now.
    pub const fn module(&self) -> &ModuleId {
        match self.phase {
            Phase::Taking => &self.taken.payment.module,
            _ => &self.held.payment.module,
        }
    }

    /// What is to be done now.
    ///
    /// # Errors
    /// [`PaymentError`] where a module cannot say what; the payment stays as it is.
    pub fn act(&mut self, now: UnixSeconds, signer: &dyn Signer) -> Result<Act, PaymentError> {
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        match &self.phase {
            Phase::Holding => match self.registry.check(&self.held.bill, &self.held.payment, now)? {
                Step::Ask(request) => Ok(Act::Ask(request)),
                Step::Settled(_) => Err(PaymentError::Peer("a module that holds has taken")),
            },
            Phase::Taking => match self.registry.check(&self.taken.bill, &self.taken.payment, now)? {
                Step::Ask(request) => Ok(Act::Ask(request)),
                Step::Settled(taken) => Ok(Act::Keep(Phase::Taken { taken })),
            },
            Phase::Taken { .. } => self.registry.capture(&self.held.bill, &self.held.payment).map(Act::Ask),
            Phase::Undoing { .. } if !self.released => {
                self.registry.release(&self.held.bill, &self.held.payment).map(Act::Ask)
            }
            Phase::Undoing { failure, taken: None } => Ok(refused(failure, None)),
            Phase::Undoing { failure, taken: Some(taken) } => {
                let (failure, taken) = (failure.clone(), taken.clone());
                self.give_back(&failure, &taken, signer)
            }
        }
    }

    /// Gives back what was taken, in the same words each time.
    fn give_back(&mut self, failure: &Failure, taken: &Settlement, signer: &dyn Signer) -> Result<Act, PaymentError> {
        let Part { bill, payment } = &self.taken;
        let repayment =
            Repayment { id: undo_id(&bill.deal), amount: bill.total, reason: failure.code.clone(), at: failure.at };
        match self.registry.refund((&payment.module, payment.version), bill, taken, &repayment, signer)? {
            RefundStep::Ask(request) => {
                self.refund = Some(request.clone());
                Ok(Act::Ask(request))
            }
            RefundStep::Done(status) => Ok(refused(failure, Some(status))),
        }
    }

    /// Takes what is stored, which may be further than what was to be kept.
    pub fn kept(&mut self, phase: Phase) {
        (self.phase, self.next) = (phase, None);
        (self.released, self.refund) = (false, None);
    }

    /// Takes the answer to what was asked.
    ///
    /// # Errors
    /// [`PaymentError`]: where it is a refusal that the caller knows to be for good, [`Saga::failed`] goes on; everything
    /// else leaves the payment as it is, to be tried again.
    pub fn answered(&mut self, answer: &Answer, now: UnixSeconds, verifier: &dyn Verifier) -> Result<(), PaymentError> {
        let Part { bill, payment } = &self.held;
        self.next = match &self.phase {
            Phase::Holding => {
                let until = self.registry.held(bill, payment, answer, verifier)?;
                Some(Act::Keep(if until < now.plus(MARGIN_S) {
                    let failure = self.failure(Code::AUTHORISATION_EXPIRED, Value::Null, now);
                    Phase::Undoing { failure, taken: None }
                } else {
                    Phase::Taking
                }))
            }
            Phase::Taking => match self.registry.resume(&self.taken.bill, &self.taken.payment, answer, verifier)? {
                Step::Ask(request) => Some(Act::Ask(request)),
                Step::Settled(taken) => Some(Act::Keep(Phase::Taken { taken })),
            },
            Phase::Taken { taken } => match self.registry.resume(bill, payment, answer, verifier)? {
                Step::Ask(request) => Some(Act::Ask(request)),
                Step::Settled(held) => {
                    let mut both = vec![held, taken.clone()];
                    if !self.held_first {
                        both.reverse();
                    }
                    Some(Act::End(Outcome::Settled(both)))
                }
            },
            Phase::Undoing { .. } if !self.released => {
                self.registry.released(bill, payment, answer, verifier)?;
                self.released = true;
                None
            }
            Phase::Undoing { failure, .. } => {
                let Part { payment, .. } = &self.taken;
                let asked = self.refund.take().ok_or(PaymentError::Invalid("nothing was asked"))?;
                let module = (&payment.module, payment.version);
                match self.registry.resume_refund(module, &asked, answer, verifier)? {
                    RefundStep::Ask(request) => {
                        self.refund = Some(request.clone());
                        Some(Act::Ask(request))
                    }
                    RefundStep::Done(status) => Some(refused(failure, Some(status))),
                }
            }
        };
        Ok(())
    }

    /// Goes on after a refusal for good. False where that ends nothing, and a person has to look: what was taken cannot be
    /// given back.
    pub fn failed(&mut self, code: Code, extra: Value, now: UnixSeconds) -> bool {
        let failure = self.failure(code, extra, now);
        self.next = match &self.phase {
            // Nothing is held.
            Phase::Holding => Some(refused(&failure, None)),
            Phase::Taking => Some(Act::Keep(Phase::Undoing { failure, taken: None })),
            Phase::Taken { taken } => Some(Act::Keep(Phase::Undoing { failure, taken: Some(taken.clone()) })),
            // It is let go already: by its end, or by somebody else's order.
            Phase::Undoing { .. } if !self.released => {
                self.released = true;
                None
            }
            Phase::Undoing { .. } => return false,
        };
        true
    }

    fn failure(&self, code: Code, extra: Value, at: UnixSeconds) -> Failure {
        Failure { module: self.module().clone(), code: code.as_str().to_owned(), extra, at }
    }
}

fn refused(failure: &Failure, returned: Option<RefundStatus>) -> Act {
    Act::End(Outcome::Refused { failure: failure.clone(), returned })
}

/// The name of the refund that undoes a deal: the same each time.
fn undo_id(deal: &Digest) -> RefundId {
    let digest = Digest::of_parts(&[b"semper/1/split-undone\0", deal.as_bytes()]);
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    RefundId(id)
}
