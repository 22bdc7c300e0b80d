//! The wallet's side: the cards, and the slips they sign.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize as _;

use super::{
    Brand, CardBody, CardNumber, CardParameters, Certificate, CertificateBody, EnrolmentBody, Expiry, Gateway, ID,
    Level, Slip, StepUp, StepUpBody, Terms, VERSION, enrolment, slip,
};
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds, base64};
use crate::items::payment::{Bill, PayerModule, PaymentError, Purse, Quote, Unusable};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, Signer as _, SigningKey};

/// How long a slip is good, in seconds: as long as a wallet may need to finish what was cut off.
const SLIP_S: u64 = 30 * 86_400;

/// A card in the wallet. Its data rest nowhere else.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    number: CardNumber,
    expiry: Expiry,
    gateway: Gateway,
    #[serde(with = "base64::array")]
    key: [u8; 32],
    certificate: Option<Compact<Certificate>>,
}

impl Card {
    /// A card to be used through `gateway`; not enrolled yet.
    ///
    /// # Errors
    /// [`PaymentError::Refused`] with `card-expired`.
    pub fn new(
        number: CardNumber,
        expiry: Expiry,
        gateway: Gateway,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, PaymentError> {
        expiry.check(now)?;
        let key = *SigningKey::make(rng).to_bytes();
        Ok(Self { number, expiry, gateway, key, certificate: None })
    }

    /// What asks the gateway for a certificate, to be posted to its `/cards`.
    ///
    /// # Errors
    /// [`PaymentError`] where a key cannot be used.
    pub fn enrol(&self, rng: &mut dyn CryptoRng) -> Result<EnrolmentBody, PaymentError> {
        enrolment::enrol(&self.number, self.expiry, &self.signing_key()?, &self.gateway.key, rng)
    }

    /// Takes the gateway's certificate.
    ///
    /// # Errors
    /// [`PaymentError`] where it is not the gateway's, or for another key.
    pub fn enrolled(&mut self, body: CertificateBody) -> Result<(), PaymentError> {
        let certificate = body.certificate.verify(&self.gateway.key, &Portable)?;
        if certificate.card != self.signing_key()?.public_key().thumbprint() {
            return Err(PaymentError::Peer("the certificate is for another card"));
        }
        self.certificate = Some(body.certificate);
        Ok(())
    }

    /// Whether the gateway has certified its key.
    pub const fn is_enrolled(&self) -> bool {
        self.certificate.is_some()
    }

    /// Whether it is this one, through the same gateway.
    pub fn is(&self, number: &CardNumber, expiry: Expiry, gateway: &Gateway) -> bool {
        self.number == *number && self.expiry == expiry && self.gateway == *gateway
    }

    /// The gateway it is used through.
    pub const fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The last four digits.
    pub fn last_four(&self) -> &str {
        self.number.last_four()
    }

    /// The brand.
    pub fn brand(&self) -> Brand {
        self.number.brand()
    }

    /// The last month.
    pub const fn expiry(&self) -> Expiry {
        self.expiry
    }

    /// The cardholder's word on a challenge, as the person gave it.
    ///
    /// # Errors
    /// [`PaymentError`] where the key cannot be used.
    pub fn step_up(&self, challenge: Digest, amount: Amount, approved: bool) -> Result<StepUpBody, PaymentError> {
        let step_up = Signed::sign_self_keyed(StepUp { challenge, amount, approved }, &self.signing_key()?);
        Ok(StepUpBody { step_up: Some(step_up.to_compact()), code: None })
    }

    fn signing_key(&self) -> Result<SigningKey, PaymentError> {
        SigningKey::from_bytes(&self.key).map_err(|_| PaymentError::Invalid("the card's key is damaged"))
    }
}

impl core::fmt::Debug for Card {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Card({} …{})", self.brand(), self.last_four())
    }
}

impl Drop for Card {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

/// The cards of a wallet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPayer {
    /// The cards, the preferred first.
    pub cards: Vec<Card>,
}

impl CardPayer {
    fn card(&self, parameters: &CardParameters, now: UnixSeconds) -> Result<&Card, Unusable> {
        let mut fitting = self.cards.iter().filter(|card| card.gateway.key == parameters.gateway.key).peekable();
        if fitting.peek().is_none() {
            return Err(Unusable::NoCard);
        }
        fitting
            .filter(|card| parameters.brands.is_empty() || parameters.brands.contains(&card.brand()))
            .filter(|card| card.expiry.check(now).is_ok())
            .find(|card| card.is_enrolled() || parameters.level < Level::Three)
            .ok_or(Unusable::NoFittingCard)
    }
}

impl PayerModule for CardPayer {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    type Parameters = CardParameters;
    type Body = CardBody;

    fn quote(&self, total: Amount, parameters: &CardParameters, now: UnixSeconds) -> Result<Quote, Unusable> {
        self.card(parameters, now)?;
        Ok(Quote { available: total, fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        bill: &Bill,
        parameters: &CardParameters,
        now: UnixSeconds,
        rng: &mut dyn CryptoRng,
    ) -> Result<CardBody, PaymentError> {
        let card = self.card(parameters, now)?;
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let level = if card.is_enrolled() { Level::Three } else { parameters.level };
        let terms = Terms {
            gateway: card.gateway.key.thumbprint(),
            merchant: bill.payee,
            deal: bill.deal,
            amount: bill.total,
            expires_at: now.plus(SLIP_S),
            nonce: parameters.nonce,
            commitment: Slip::commit(&card.number, card.expiry, &secret),
            level,
        };
        let key = (level == Level::Three).then(|| card.signing_key()).transpose()?;
        let sealed = slip::seal(&terms, (&card.number, card.expiry, secret), key.as_ref(), &card.gateway.key, rng)?;
        Ok(CardBody { terms, sealed: Bytes(sealed) })
    }

    fn purses(&self) -> Vec<Purse> {
        let purse = |card: &Card| Purse {
            name: format!("{} … {}", card.brand(), card.last_four()),
            at: card.gateway.url.clone(),
            balance: None,
            limit: None,
            expires_at: Some(UnixSeconds(card.expiry.end())),
        };
        self.cards.iter().map(purse).collect()
    }

    /// Nothing is used up.
    fn settled(&mut self, _: &Digest) {}

    /// Nothing is to be saved: an authorisation that was not captured ends by itself.
    fn refused(&mut self, _: &Digest) {}
}
