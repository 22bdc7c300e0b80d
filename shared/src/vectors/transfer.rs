//! `transfer/`: what goes from person to person, and what a mint must refuse of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::ecash::transfer::{
    AcceptanceBody, CancellationBody, Link, check_acceptance, check_cancellation, read_transfer,
};
use crate::items::payment::ecash::{EcashError, EcashPayer, KeySet, MintKeys};
use crate::items::statement::Compact;
use crate::security::{Portable, Seed, Signer as _};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "transfer-key" => on(input, transfer_key),
        "read" => on(input, read),
        "check-acceptance" => on(input, acceptance),
        "check-cancellation" => on(input, cancellation),
        "link" => on(input, link),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct KeyOf {
    seed: Hex,
    mint: Digest,
    index: u32,
}

#[derive(Serialize)]
struct Key {
    key: String,
    name: Digest,
}

fn transfer_key(input: KeyOf) -> Result<Key, EcashError> {
    let wallet = EcashPayer::new(Seed::new(input.seed.array(EcashError::Malformed("seed"))?));
    let key = wallet.transfer_key(&input.mint, input.index);
    Ok(Key { key: key.public_key().to_text(), name: key.public_key().thumbprint() })
}

#[derive(Deserialize)]
struct Text {
    transfer: String,
}

#[derive(Serialize)]
struct Read {
    name: Digest,
    digest: Digest,
    signer: Digest,
    asked_for: bool,
    mint: Digest,
    amount: Amount,
    purpose: String,
    expires_at: UnixSeconds,
}

fn read(input: Text) -> Result<Read, EcashError> {
    let read = read_transfer(&input.transfer, &Portable)?;
    Ok(Read {
        name: read.name,
        digest: read.digest,
        signer: read.signer,
        asked_for: read.reserve.is_some(),
        mint: read.terms.mint,
        amount: read.terms.amount,
        purpose: read.terms.purpose,
        expires_at: read.terms.expires_at,
    })
}

#[derive(Deserialize)]
struct Decided<T> {
    keys: Compact<MintKeys>,
    transfer: String,
    body: T,
}

#[derive(Serialize)]
struct Accepted {
    reserve: String,
}

fn acceptance(input: Decided<AcceptanceBody>) -> Result<Accepted, EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let read = read_transfer(&input.transfer, &Portable)?;
    let reserve = check_acceptance(&keys, &read.signer, &read.digest, &input.body, &Portable)?;
    Ok(Accepted { reserve: reserve.to_text() })
}

fn cancellation(input: Decided<CancellationBody>) -> Result<(), EcashError> {
    let keys = KeySet::verify(&input.keys, &Portable)?;
    let read = read_transfer(&input.transfer, &Portable)?;
    check_cancellation(&keys, &read.signer, &read.digest, &input.body.cancellation, &Portable)
}

#[derive(Deserialize)]
struct LinkText {
    link: String,
}

#[derive(Serialize)]
struct LinkRead {
    mint_url: String,
    /// The fragment, spelt as wallets spell it.
    fragment: String,
}

fn link(input: LinkText) -> Result<LinkRead, EcashError> {
    let link = Link::parse(&input.link)?;
    Ok(LinkRead { mint_url: link.mint_url().to_owned(), fragment: link.to_string() })
}
