//! `ecash/withdrawal…`, `ecash/melt…`, `ecash/reveal…`: what a mint checks before it signs new coins.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::ecash::mint::{check_melt, check_reveal, check_withdrawal};
use crate::items::payment::ecash::{
    EcashError, KeySet, Melt, MeltBody, MintKeys, PlanchetMessage, Reveal, WithdrawalBody,
};
use crate::items::statement::Compact;
use crate::security::Portable;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "check-withdrawal" => on(input, withdrawal),
        "check-melt" => on(input, melt),
        "check-reveal" => on(input, reveal),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Asked<T> {
    keys: Compact<MintKeys>,
    body: T,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Withdrawn {
    reserve: String,
    total: Amount,
    fee: Amount,
    first: Option<u32>,
    coins: usize,
}

fn withdrawal(input: Asked<WithdrawalBody>) -> Result<Withdrawn, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let checked = check_withdrawal(&keys, &input.body.request, input.now, &Portable)?;
    Ok(Withdrawn {
        reserve: checked.reserve.to_text(),
        total: checked.total,
        fee: checked.fee,
        first: checked.request.first,
        coins: checked.request.batch.len(),
    })
}

#[derive(Serialize)]
struct Melted {
    melt: Digest,
    coin: String,
    value: Amount,
    fee: Amount,
}

fn melt(input: Asked<MeltBody>) -> Result<Melted, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let checked = check_melt(&keys, &input.body.melt, input.now, &Portable)?;
    Ok(Melted { melt: checked.melt.digest(), coin: checked.coin.to_text(), value: checked.value, fee: checked.fee })
}

#[derive(Deserialize)]
struct Revealed {
    keys: Compact<MintKeys>,
    melt: Compact<Melt>,
    gamma: u8,
    reveal: Reveal,
}

#[derive(Serialize)]
struct ToSign {
    planchets: Vec<PlanchetMessage>,
}

fn reveal(input: Revealed) -> Result<ToSign, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let (melt, coin) = input.melt.verify_self_keyed(&Portable)?;
    let planchets = check_reveal(&keys, &coin, &melt, input.gamma, &input.reveal)?;
    Ok(ToSign { planchets: planchets.into_iter().map(PlanchetMessage::from).collect() })
}
