//! What a gateway checks before it asks an acquirer: pure, and cheap things first.

use super::super::PaymentError;
use super::number::refused;
use super::{
    AuthorisationBody, CardNumber, Consent, Enrolment, EnrolmentBody, Expiry, Level, Requested, Slip, Terms, enrolment,
    slip,
};
use crate::foundation::{Code, Digest, UnixSeconds};
use crate::items::statement::Signed;
use crate::security::{PublicKey, Signer as _, SigningKey, Thumbprint, Verifier};

/// The longest time for which a slip may be made out, in seconds.
const MAX_VALIDITY_S: u64 = 40 * 86_400;

/// A gateway's key: it opens slips, and its thumbprint is the gateway's name.
#[derive(Debug, Clone)]
pub struct GatewayKey {
    key: SigningKey,
    name: Thumbprint,
}

impl GatewayKey {
    /// Takes the key.
    pub fn new(key: SigningKey) -> Self {
        let name = key.public_key().thumbprint();
        Self { key, name }
    }

    /// The gateway's name.
    pub const fn name(&self) -> Thumbprint {
        self.name
    }
}

/// A request that may be brought before an acquirer.
#[derive(Debug)]
pub struct Checked {
    /// What all are bound to.
    pub terms: Terms,
    /// Their digest, the authorisation's name.
    pub common: Digest,
    /// The card.
    pub card: CardNumber,
    /// Its last month.
    pub expiry: Expiry,
    /// The key by which the customer agreed, at level 3: the caller must find this card enrolled under it.
    pub holder: Option<PublicKey>,
}

/// Checks a request for authorisation. `merchant_key` finds the key of a merchant that has an account here.
///
/// # Errors
/// [`PaymentError`]: it is for another gateway, its merchant is not known or did not sign it, its time is over, the slip is
/// for other terms, or the customer's consent is missing where the level asks for it.
pub fn check_request(
    body: &AuthorisationBody,
    gateway: &GatewayKey,
    merchant_key: impl Fn(&Thumbprint) -> Option<PublicKey>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<Checked, PaymentError> {
    let request = match &body.request {
        Requested::Plain(request) => request.clone(),
        Requested::Signed(compact) => {
            let claimed = compact.peek_unverified()?.terms.merchant;
            let key = merchant_key(&claimed).ok_or(refused(Code::MERCHANT_MISMATCH))?;
            compact.verify(&key, verifier)?.payload().clone()
        }
    };
    let terms = request.terms;
    if terms.gateway != gateway.name {
        return Err(refused(Code::GATEWAY_MISMATCH));
    }
    if merchant_key(&terms.merchant).is_none() {
        return Err(refused(Code::MERCHANT_MISMATCH));
    }
    let signed = matches!(body.request, Requested::Signed(_));
    if signed != (terms.level >= Level::Two) {
        return Err(PaymentError::Invalid("the request is signed by the merchant from level 2 on"));
    }
    if terms.amount.is_zero() {
        return Err(refused(Code::AMOUNT_INVALID));
    }
    if now > terms.expires_at || terms.expires_at > now.plus(MAX_VALIDITY_S) {
        return Err(PaymentError::Invalid("the slip's time is over, or too long"));
    }
    if request.sealed != Digest::of(&body.sealed.0) {
        return Err(PaymentError::Invalid("the request is for another slip"));
    }
    let common = terms.common();
    let envelope = slip::open(&terms, &body.sealed.0, &gateway.key)?;
    let Slip { card, expiry, amount, common: named, secret } = envelope.open()?;
    if named != common || amount != terms.amount {
        return Err(PaymentError::Invalid("the slip is for other terms"));
    }
    if Slip::commit(&card, expiry, &secret) != terms.commitment {
        return Err(PaymentError::Invalid("the slip is of another card than the terms"));
    }
    let holder = match (&envelope.consent, terms.level) {
        (Some(consent), Level::Three) => {
            let (consent, key): (Signed<Consent>, _) = consent.verify_self_keyed(verifier)?;
            if consent.common != common || consent.slip != Digest::of(&envelope.slip.0) {
                return Err(PaymentError::Invalid("the customer agreed to something else"));
            }
            Some(key)
        }
        (None, Level::Three) => return Err(refused(Code::CARD_NOT_ENROLLED)),
        (_, _) => None,
    };
    expiry.check(now)?;
    Ok(Checked { terms, common, card, expiry, holder })
}

/// Checks an enrolment, and says of which card and under which key.
///
/// # Errors
/// [`PaymentError`] where it is for another gateway, not signed by the key it brings, or of no valid card.
pub fn check_enrolment(
    body: &EnrolmentBody,
    gateway: &GatewayKey,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<(PublicKey, CardNumber, Expiry), PaymentError> {
    let (enrolment, key): (Signed<Enrolment>, _) = body.enrolment.verify_self_keyed(verifier)?;
    if enrolment.gateway != gateway.name {
        return Err(refused(Code::GATEWAY_MISMATCH));
    }
    let enrolment::Plastic { card, expiry } = enrolment::open(&enrolment, &key.thumbprint(), &gateway.key)?;
    expiry.check(now)?;
    Ok((key, card, expiry))
}
