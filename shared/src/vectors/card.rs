//! `card/`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::{Amount, Code, Coded as _, Digest, UnixSeconds};
use crate::items::payment::PaymentError;
use crate::items::payment::card::{
    Authorisation, AuthorisationBody, Brand, CardNumber, CardState, EnrolmentBody, Expiry, GatewayKey, MoneyError,
    Operation, Slip, Terms, check_enrolment, check_request,
};
use crate::security::{Portable, PublicKey, SigningKey, Thumbprint};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "read-number" => on(input, read_number),
        "check-expiry" => on(input, check_expiry),
        "common" => on(input, common),
        "commit" => on(input, commit),
        "check-request" => on(input, request),
        "check-enrolment" => on(input, enrolment),
        "carry-out" => on(input, carry_out),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Number {
    number: String,
}

#[derive(Serialize)]
struct Read {
    last_four: String,
    brand: Brand,
}

fn read_number(Number { number }: Number) -> Result<Read, PaymentError> {
    let number: CardNumber = number.parse()?;
    Ok(Read { last_four: number.last_four().to_owned(), brand: number.brand() })
}

#[derive(Deserialize)]
struct At {
    expiry: String,
    now: UnixSeconds,
}

fn check_expiry(At { expiry, now }: At) -> Result<u64, PaymentError> {
    let expiry: Expiry = expiry.parse()?;
    expiry.check(now)?;
    Ok(expiry.end())
}

#[derive(Deserialize)]
struct ForTerms {
    terms: Terms,
}

fn common(ForTerms { terms }: ForTerms) -> Result<Digest, Code> {
    Ok(terms.common())
}

#[derive(Deserialize)]
struct Committed {
    card: String,
    expiry: String,
    secret: Hex,
}

fn commit(Committed { card, expiry, secret }: Committed) -> Result<Digest, PaymentError> {
    let secret = secret.array(PaymentError::Invalid("a secret is 32 bytes"))?;
    Ok(Slip::commit(&card.parse()?, expiry.parse()?, &secret))
}

fn gateway(secret: &Hex) -> Result<GatewayKey, Code> {
    let key = SigningKey::from_bytes(&secret.array(Code::KEY_INVALID)?).map_err(|error| error.code())?;
    Ok(GatewayKey::new(key))
}

#[derive(Deserialize)]
struct Asked {
    gateway: Hex,
    merchant: PublicKey,
    body: AuthorisationBody,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Opened {
    common: Digest,
    card: CardNumber,
    expiry: Expiry,
    holder: Option<Thumbprint>,
}

fn request(asked: Asked) -> Result<Opened, Code> {
    let merchant = |name: &Thumbprint| Some(asked.merchant.clone()).filter(|key| key.thumbprint() == *name);
    let checked = check_request(&asked.body, &gateway(&asked.gateway)?, merchant, asked.now, &Portable);
    let checked = checked.map_err(|error| error.code())?;
    Ok(Opened {
        common: checked.common,
        card: checked.card,
        expiry: checked.expiry,
        holder: checked.holder.map(|key| key.thumbprint()),
    })
}

#[derive(Deserialize)]
struct Enrolling {
    gateway: Hex,
    body: EnrolmentBody,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Enrolled {
    key: Thumbprint,
    card: CardNumber,
    expiry: Expiry,
}

fn enrolment(asked: Enrolling) -> Result<Enrolled, Code> {
    let checked = check_enrolment(&asked.body, &gateway(&asked.gateway)?, asked.now, &Portable);
    let (key, card, expiry) = checked.map_err(|error| error.code())?;
    Ok(Enrolled { key: key.thumbprint(), card, expiry })
}

#[derive(Deserialize)]
struct Life {
    amount: Amount,
    capture_by: UnixSeconds,
    orders: Vec<Ordered>,
    now: UnixSeconds,
}

#[derive(Deserialize)]
struct Ordered {
    at: UnixSeconds,
    #[serde(flatten)]
    operation: Operation,
}

#[derive(Serialize)]
struct Standing {
    state: CardState,
    captured_minor: u64,
    refunded_minor: u64,
}

fn carry_out(life: Life) -> Result<Standing, MoneyError> {
    let begin = Authorisation::new(life.amount, life.capture_by);
    let end = life.orders.iter().try_fold(begin, |standing, order| standing.apply(&order.operation, order.at))?;
    Ok(Standing {
        state: end.state_at(life.now),
        captured_minor: end.captured_minor,
        refunded_minor: end.refunded_minor,
    })
}
