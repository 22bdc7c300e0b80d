//! Melts and what came of them.

use semper_shared::foundation::Digest;

use super::{Whole, coins, minor, pack, unpack};
use crate::mint::store::{Key, LedgerError, MeltRecord, NewMelt};
use crate::store::StoreError;
use crate::store::sql::{Row, ToValue as _, Tx, Value, values};

/// The coin is held before its melts are looked at: of two equal melts at once the second waits here, and then finds the first.
pub(super) fn melt(tx: &mut Tx<'_>, new: &NewMelt) -> Result<MeltRecord, LedgerError> {
    let coin = coins::hold(tx, &new.coin)?;
    if let Some(recorded) = melted(tx, &new.digest)? {
        return Ok(recorded);
    }
    coins::take(tx, &new.coin)?;
    let last: Option<u32> = tx.value("SELECT max(sequence) FROM melt WHERE coin = ?1", values![coin])?;
    if last.is_some_and(|last| new.sequence <= last) {
        return Err(LedgerError::Conflict("The melt's sequence is not above those of the coin's earlier melts."));
    }
    tx.execute(
        "INSERT INTO melt (digest, coin, sequence, amount, outputs, commitment, proof, gamma, confirmation, fee)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        values![
            new.digest,
            coin,
            new.sequence,
            Whole(new.coin.amount),
            pack(&new.outputs),
            new.commitment,
            new.proof,
            new.gamma,
            new.confirmation,
            Whole(new.fee)
        ],
    )?;
    Ok(MeltRecord {
        digest: new.digest,
        coin: new.coin.key,
        denomination: new.coin.denomination,
        signature: new.coin.signature,
        amount: new.coin.amount,
        outputs: new.outputs.clone(),
        sequence: new.sequence,
        commitment: new.commitment,
        proof: new.proof.clone(),
        gamma: new.gamma,
        confirmation: new.confirmation,
        revealed: None,
        void: false,
    })
}

pub(super) fn reveal(
    tx: &mut Tx<'_>,
    melt: &Digest,
    transfer_public: &Key,
    signatures: &[u8],
) -> Result<Vec<u8>, LedgerError> {
    let revealed = tx.execute(
        "UPDATE melt SET transfer_public = ?2, signatures = ?3 WHERE digest = ?1 AND signatures IS NULL
         AND void = 0",
        values![melt, transfer_public, signatures],
    )?;
    if revealed == 1 {
        return Ok(signatures.to_vec());
    }
    let recorded: Option<Option<Vec<u8>>> =
        tx.one("SELECT signatures FROM melt WHERE digest = ?1", values![melt], |row| row.take(0))?;
    recorded.ok_or(LedgerError::MeltUnknown)?.ok_or(LedgerError::MeltVoid)
}

pub(super) fn melted(tx: &mut Tx<'_>, melt: &Digest) -> Result<Option<MeltRecord>, StoreError> {
    Ok(select(tx, "melt.digest = ?1", melt.to_value())?.pop())
}

pub(super) fn of_coin(tx: &mut Tx<'_>, coin: i64) -> Result<Vec<MeltRecord>, StoreError> {
    select(tx, "melt.coin = ?1 ORDER BY melt.sequence", coin.to_value())
}

fn select(tx: &mut Tx<'_>, which: &str, value: Value<'_>) -> Result<Vec<MeltRecord>, StoreError> {
    let sql = format!(
        "SELECT melt.digest, coin.key, coin.denomination, coin.signature, melt.amount, melt.outputs, melt.sequence,
                melt.commitment, melt.proof, melt.gamma, melt.confirmation, melt.transfer_public, melt.signatures,
                melt.void
         FROM melt JOIN coin ON coin.number = melt.coin WHERE {which}"
    );
    tx.all(&sql, &[value], record)
}

fn record(row: &Row<'_>) -> Result<MeltRecord, StoreError> {
    let transfer_public: Option<Key> = row.take(11)?;
    let signatures: Option<Vec<u8>> = row.take(12)?;
    Ok(MeltRecord {
        digest: row.take(0)?,
        coin: row.take(1)?,
        denomination: row.take(2)?,
        signature: row.take(3)?,
        amount: minor(row, 4)?,
        outputs: unpack(&row.take::<Vec<u8>>(5)?),
        sequence: row.take(6)?,
        commitment: row.take(7)?,
        proof: row.take(8)?,
        gamma: row.take(9)?,
        confirmation: row.take(10)?,
        revealed: transfer_public.zip(signatures),
        void: row.take(13)?,
    })
}
