//! Melts: the coin ordered each, and the mint's choice is the one that it signed.

use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::{KAPPA, Melt, MeltConfirmation};
use semper_shared::security::PublicKey;
use semper_shared::security::blinding::MODULUS_LEN;

use super::Denominations;
use crate::audit::desk::{Desk, whole};
use crate::audit::keys::opened;
use crate::store::StoreError;
use crate::store::sql::values;

struct Row {
    digest: Digest,
    coin: i64,
    sequence: u32,
    amount: u64,
    outputs: Vec<u8>,
    commitment: Digest,
    proof: Vec<u8>,
    gamma: u8,
    confirmation: Vec<u8>,
    transfer_public: Option<Vec<u8>>,
    signatures: Option<Vec<u8>>,
    fee: u64,
}

pub(super) fn audit(desk: &mut Desk<'_, '_>, denominations: &Denominations) -> Result<(), StoreError> {
    let fee = if desk.has("payee") { "fee" } else { "CAST(0 AS BIGINT)" };
    let columns =
        "digest, coin, sequence, amount, outputs, commitment, proof, gamma, confirmation, transfer_public, signatures";
    desk.each(
        "melt",
        "number",
        &format!("{columns}, {fee}"),
        |row| {
            Ok(Row {
                digest: row.take(1)?,
                coin: row.take(2)?,
                sequence: row.take(3)?,
                amount: whole(row, 4)?,
                outputs: row.take(5)?,
                commitment: row.take(6)?,
                proof: row.take(7)?,
                gamma: row.take(8)?,
                confirmation: row.take(9)?,
                transfer_public: row.take(10)?,
                signatures: row.take(11)?,
                fee: whole(row, 12)?,
            })
        },
        |desk, number, row| melt(desk, denominations, number, &row),
    )
}

fn melt(desk: &mut Desk<'_, '_>, denominations: &Denominations, number: i64, row: &Row) -> Result<(), StoreError> {
    let table = "melt";
    let numbers = row.outputs.chunks_exact(2).map(|pair| i64::from(u16::from_be_bytes([pair[0], pair[1]])));
    let outputs: Vec<_> = numbers.filter_map(|number| denominations.get(&number)).collect();
    let value: u64 = outputs.iter().map(|(_, key)| key.value_minor).sum();
    desk.same(table, number, "amount", value.saturating_add(row.fee), row.amount);
    let coin =
        desk.tx.one("SELECT key, denomination, signature FROM coin WHERE number = ?1", values![row.coin], |row| {
            Ok((row.take::<Vec<u8>>(0)?, row.take::<i64>(1)?, row.take::<Vec<u8>>(2)?))
        })?;
    let kind = coin.as_ref().and_then(|(_, denomination, _)| denominations.get(denomination));
    desk.same(table, number, "fee", kind.map_or(0, |(_, key)| key.fees.refresh), row.fee);
    let order = coin.and_then(|(key, denomination, signature)| {
        let melt = Melt {
            mint: desk.keys.mint(),
            denomination: denominations.get(&denomination)?.0,
            signature: <[u8; MODULUS_LEN]>::try_from(signature.as_slice()).ok()?,
            amount: desk.amount(row.amount),
            outputs: outputs.iter().map(|(id, _)| *id).collect(),
            sequence: row.sequence,
            commitment: row.commitment,
        };
        desk.self_keyed(&row.proof, &PublicKey::from_sec1(&key).ok()?, melt)
    });
    desk.holds(table, number, "the coin's order", order.is_some());
    if let Some(digest) = order {
        desk.same(table, number, "digest", digest, row.digest);
    }
    let choice = MeltConfirmation { melt: row.digest, gamma: row.gamma };
    let confirmed = row.gamma < KAPPA && desk.own(choice, &row.confirmation);
    desk.holds(table, number, "the mint's choice", confirmed);
    revealed(desk, number, row, &outputs)
}

/// What came of it. The messages that were signed are those that the signatures open to.
fn revealed(
    desk: &mut Desk<'_, '_>,
    number: i64,
    row: &Row,
    outputs: &[&(Digest, semper_shared::items::payment::ecash::DenominationKey)],
) -> Result<(), StoreError> {
    let (transfer, signatures) = match (&row.transfer_public, &row.signatures) {
        (None, None) => return Ok(()),
        (Some(transfer), Some(signatures)) => (transfer, signatures),
        _ => {
            desk.off("melt", number, "transfer_public and signatures", "both or neither", "one of them");
            return Ok(());
        }
    };
    let opened: Option<Vec<_>> = (signatures.len() == outputs.len() * MODULUS_LEN)
        .then(|| signatures.chunks(MODULUS_LEN).zip(outputs).map(|(one, (_, key))| opened(&key.n, one)).collect())
        .flatten();
    desk.holds("melt", number, "signatures", opened.is_some());
    desk.holds("melt", number, "transfer_public", PublicKey::from_sec1(transfer).is_ok());
    Ok(())
}
