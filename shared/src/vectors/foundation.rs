//! `foundation/`: amounts, encodings, JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::json::{self, JsonError};
use crate::foundation::{Amount, AmountError, Code, Currency, Digest, base64};

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
struct Decimal {
    text: String,
    currency: Currency,
}

#[derive(Deserialize)]
struct Sum {
    currency: Currency,
    amounts: Vec<Amount>,
}

#[derive(Deserialize)]
struct Bytes {
    bytes: Hex,
}

#[derive(Serialize)]
struct Sha256 {
    digest: Digest,
}

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "parse-json" => on(input, |Text { text }| json::from_slice::<Value>(text.as_bytes())),
        "read-amount" => on(input, |Text { text }| {
            json::from_slice::<Amount>(text.as_bytes()).map_err(|_: JsonError| Code::AMOUNT_INVALID)
        }),
        "parse-decimal" => on(input, |Decimal { text, currency }| Amount::parse_decimal(&text, currency)),
        "print-amount" => on(input, |amount: Amount| Ok::<_, AmountError>(amount.to_string())),
        "sum" => on(input, |Sum { currency, amounts }| Amount::sum(currency, amounts)),
        "decode-base64url" => on(input, |Text { text }| base64::decode(&text).map(Hex).ok_or(Code::REQUEST_INVALID)),
        "digest" => on(input, |Bytes { bytes }| Ok::<_, Code>(Sha256 { digest: Digest::of(&bytes.0) })),
        _ => unknown(operation),
    }
}
