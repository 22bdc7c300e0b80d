//! The merchant's side of a payment in cash.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Confirmation, DepositAccount, DepositAnswer, DepositBody, ID, MAX_COINS, Permission, RefundAnswer, RefundBody,
    VERSION, check_confirmation,
};
use crate::foundation::{Amount, Code, UnixSeconds, json};
use crate::items::payment::{
    Answer, Bill, PayeeModule, PaymentError, Refund, RefundStatus, RefundStep, Repayment, Request, Settlement,
    SplitRole, Step,
};
use crate::items::statement::{Compact, Signed};
use crate::security::{PublicKey, Signer, Thumbprint, Verifier};

/// A mint whose confirmations a merchant believes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedMint {
    /// Its origin.
    pub url: String,
    /// Its key.
    pub key: PublicKey,
}

/// A mint whose coins an offer accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedMint {
    /// Its origin.
    pub url: String,
    /// The thumbprint of its key.
    pub mint: Thumbprint,
}

/// What an offer says about payment in cash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcashParameters {
    /// The mints whose coins are taken.
    pub mints: Vec<AcceptedMint>,
    /// The label of the merchant's account that the mint pays out to, where it is not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// A payment in cash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcashBody {
    /// The mint of all the coins.
    pub mint: Thumbprint,
    /// The coins' permissions.
    pub permissions: Vec<Compact<Permission>>,
}

/// Takes cash of some mints.
#[derive(Clone)]
pub struct EcashPayee {
    mints: Vec<(Thumbprint, TrustedMint)>,
    account: Option<(String, Arc<dyn Signer + Send + Sync>)>,
}

impl EcashPayee {
    /// Takes the coins of these mints.
    pub fn new(mints: impl IntoIterator<Item = TrustedMint>) -> Self {
        Self { mints: mints.into_iter().map(|mint| (mint.key.thumbprint(), mint)).collect(), account: None }
    }

    /// Has the mints pay out to the account of this label; `signer` is the merchant's key, whose word that is.
    #[must_use]
    pub fn paid_to(self, label: impl Into<String>, signer: Arc<dyn Signer + Send + Sync>) -> Self {
        Self { account: Some((label.into(), signer)), ..self }
    }

    fn mint(&self, name: &Thumbprint) -> Result<&TrustedMint, PaymentError> {
        let untrusted = || PaymentError::Refused { code: Code::MINT_UNTRUSTED, extra: Value::Null };
        self.mints.iter().find(|(thumbprint, _)| thumbprint == name).map(|(_, mint)| mint).ok_or_else(untrusted)
    }
}

impl PayeeModule for EcashPayee {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    /// That of RSA-2048.
    const STRENGTH_BITS: u16 = 112;
    const SPLIT: Option<SplitRole> = Some(SplitRole::Takes);
    type Parameters = EcashParameters;
    type Body = EcashBody;

    fn parameters(&self) -> EcashParameters {
        let accepted =
            |(mint, trusted): &(Thumbprint, TrustedMint)| AcceptedMint { url: trusted.url.clone(), mint: *mint };
        let account = self.account.as_ref().map(|(label, _)| label.clone());
        EcashParameters { mints: self.mints.iter().map(accepted).collect(), account }
    }

    /// Reads what the coins say; their signatures the mint verifies, whose confirmation is verified in turn.
    fn check(&self, bill: &Bill, body: &EcashBody, _now: UnixSeconds) -> Result<Step, PaymentError> {
        let (via, mint) = (body.mint, self.mint(&body.mint)?);
        if body.permissions.is_empty() || body.permissions.len() > MAX_COINS {
            return Err(PaymentError::Invalid("a payment is 1 to 64 coins"));
        }
        let mut total = Amount::zero(bill.total.currency());
        for compact in &body.permissions {
            let permission = compact.peek_unverified()?;
            let names_the_bill = permission.deal == bill.deal
                && permission.merchant == bill.payee
                && permission.mint == body.mint
                && permission.refund_by == bill.refund_by;
            if !names_the_bill {
                return Err(PaymentError::Invalid("a coin signed for another deal, merchant, mint or refund deadline"));
            }
            total = total.checked_add(permission.amount)?;
        }
        if total != bill.total {
            return Err(PaymentError::Refused { code: Code::PRICE_MISMATCH, extra: Value::Null });
        }
        let account = self.account.as_ref().map(|(label, signer)| {
            let account = DepositAccount { mint: via, deal: bill.deal, label: label.clone() };
            Signed::sign_self_keyed(account, &**signer).to_compact()
        });
        let body = DepositBody { permissions: body.permissions.clone(), account };
        let body = serde_json::to_value(body).map_err(|_| PaymentError::Invalid("the deposit does not serialize"))?;
        Ok(Step::Ask(Request { url: format!("{}/deposits", mint.url.trim_end_matches('/')), body }))
    }

    fn resume(
        &self,
        bill: &Bill,
        body: &EcashBody,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<Step, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let mint = self.mint(&body.mint)?;
        let answer: DepositAnswer =
            json::from_slice(&answer.body).map_err(|_| PaymentError::Peer("the mint's answer is malformed"))?;
        let confirmation: Signed<Confirmation> = answer
            .confirmation
            .verify(&mint.key, verifier)
            .map_err(|_| PaymentError::Peer("the mint's confirmation is not valid"))?;
        let fits = confirmation.mint == body.mint
            && confirmation.merchant == bill.payee
            && confirmation.deal == bill.deal
            && confirmation.amount == bill.total;
        if !fits {
            return Err(PaymentError::Peer("the mint confirmed another payment"));
        }
        Ok(Step::Settled(Settlement {
            paid: confirmation.amount,
            owed: None,
            proofs: vec![confirmation.digest()],
            statements: vec![confirmation.compact().to_owned()],
        }))
    }

    /// Asks the mint that confirmed the payment.
    fn refund(
        &self,
        bill: &Bill,
        settlement: &Settlement,
        repayment: &Repayment,
        signer: &dyn Signer,
    ) -> Result<RefundStep, PaymentError> {
        let confirmation = settlement.statements.first().ok_or(PaymentError::Invalid("no mint confirmed it"))?;
        let via = Compact::<Confirmation>::new(confirmation.clone()).peek_unverified()?.mint;
        let mint = self.mint(&via)?;
        let refund = Refund {
            refund: repayment.id,
            merchant: bill.payee,
            via,
            deal: bill.deal,
            amount: repayment.amount,
            reason: repayment.reason.clone(),
            issued_at: repayment.at,
        };
        let body = RefundBody { refund: Signed::sign_self_keyed(refund, signer).to_compact() };
        let body = serde_json::to_value(body).map_err(|_| PaymentError::Invalid("the refund does not serialize"))?;
        Ok(RefundStep::Ask(Request { url: format!("{}/refunds", mint.url.trim_end_matches('/')), body }))
    }

    fn resume_refund(
        &self,
        request: &Request,
        answer: &Answer,
        verifier: &dyn Verifier,
    ) -> Result<RefundStep, PaymentError> {
        if answer.status != 200 {
            return Err(refusal(answer));
        }
        let asked: RefundBody =
            json::from_value(request.body.clone()).map_err(|_| PaymentError::Invalid("the request is not a refund"))?;
        let (refund, _) = asked.refund.verify_self_keyed(verifier)?;
        let mint = self.mint(&refund.via)?;
        let answer: RefundAnswer =
            json::from_slice(&answer.body).map_err(|_| PaymentError::Peer("the mint's answer is malformed"))?;
        check_confirmation(&refund, &answer.confirmation, &mint.key, verifier)?;
        let proofs = vec![answer.confirmation.as_str().to_owned()];
        Ok(RefundStep::Done(RefundStatus { refund: asked.refund, proofs }))
    }
}

fn refusal(answer: &Answer) -> PaymentError {
    let Ok(problem) = json::from_slice::<Value>(&answer.body) else {
        return PaymentError::Peer("the mint refused without saying why");
    };
    match problem.get("code").and_then(Value::as_str).and_then(Code::find) {
        Some(Code::IN_PROGRESS) => PaymentError::Unknown,
        Some(code) => PaymentError::Refused { code, extra: problem_extra(&problem) },
        None => PaymentError::Peer("the mint refused with an unknown code"),
    }
}

/// The further members of a problem document, without the standard ones.
fn problem_extra(problem: &Value) -> Value {
    let mut members = problem.as_object().cloned().unwrap_or_default();
    for standard in ["type", "title", "status", "detail", "instance", "code"] {
        members.remove(standard);
    }
    Value::Object(members)
}
