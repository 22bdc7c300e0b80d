//! `ecash/recoup…`, `ecash/solvency…`: what becomes of coins of a revoked denomination, and what a mint says of its books.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::{Bytes, Digest, UnixSeconds};
use crate::items::payment::ecash::{
    CoinSecret, EcashError, KeySet, MintKeys, RecoupBody, RecoupOrigin, Solvency, check_recoup, check_solvency,
};
use crate::items::statement::Compact;
use crate::security::{Portable, Seed};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "opening" => on(input, opening),
        "check-recoup" => on(input, recoup),
        "check-solvency" => on(input, solvency),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct CoinOf {
    coin_seed: Hex,
    denomination: Digest,
}

#[derive(Serialize)]
struct Opening {
    opening: Hex,
}

fn opening(input: CoinOf) -> Result<Opening, EcashError> {
    let coin = CoinSecret::from_seed(Seed::new(input.coin_seed.array(EcashError::Malformed("seed"))?));
    Ok(Opening { opening: Hex(coin.opening(&input.denomination).as_bytes().to_vec()) })
}

#[derive(Deserialize)]
struct RecoupOf {
    keys: Compact<MintKeys>,
    body: RecoupBody,
    /// Blind signatures that the mint has given for the origin.
    signed: Vec<Bytes>,
}

#[derive(Serialize)]
struct Recouped {
    coin: String,
    value_minor: u64,
    planchet: Bytes,
    /// What the origin is: a reserve or a coin, by its key.
    origin: (&'static str, String),
    reserve: String,
    /// Which of the blind signatures are on the planchet.
    found: Vec<bool>,
}

fn recoup(input: RecoupOf) -> Result<Recouped, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let checked = check_recoup(&keys, &input.body.recoup, &Portable)?;
    let found =
        |signature: &Bytes| signature.0.as_slice().try_into().is_ok_and(|signature| checked.is_signed_by(signature));
    Ok(Recouped {
        found: input.signed.iter().map(found).collect(),
        coin: checked.coin.to_text(),
        value_minor: checked.value.minor(),
        planchet: Bytes(checked.planchet.to_vec()),
        origin: match &checked.recoup.origin {
            RecoupOrigin::Reserve(reserve) => ("reserve", reserve.to_text()),
            RecoupOrigin::Coin(coin) => ("coin", coin.to_text()),
        },
        reserve: checked.recoup.reserve.to_text(),
    })
}

#[derive(Deserialize)]
struct SolvencyOf {
    keys: Compact<MintKeys>,
    statement: Compact<Solvency>,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Books {
    balances: bool,
    covered: bool,
}

fn solvency(input: SolvencyOf) -> Result<Books, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let said = check_solvency(&keys, &input.statement, input.now, &Portable)?;
    Ok(Books { balances: said.balances(), covered: said.covered() })
}
