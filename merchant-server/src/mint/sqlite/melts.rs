//! Melts and what came of them.

use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use semper_shared::foundation::Digest;

use super::{Column, Whole, coins, pack, unpack};
use crate::mint::store::{Key, LedgerError, MeltRecord, NewMelt};
use crate::store::StoreError;

pub(super) fn melt(tx: &Connection, new: NewMelt) -> Result<MeltRecord, LedgerError> {
    if let Some(recorded) = melted(tx, &new.digest)? {
        return Ok(recorded);
    }
    let coin = coins::take(tx, &new.coin)?;
    let next: u32 =
        tx.prepare_cached("SELECT count(*) FROM melt WHERE coin = ?1")?.query_row([coin], |row| row.get(0))?;
    if new.sequence != next {
        return Err(LedgerError::Conflict("The melt's sequence is not the number of the coin's melts so far."));
    }
    tx.prepare_cached(
        "INSERT INTO melt (digest, coin, sequence, amount, outputs, commitment, proof, gamma, confirmation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute((
        new.digest.as_bytes(),
        coin,
        new.sequence,
        Whole(new.coin.amount),
        pack(&new.outputs),
        new.commitment.as_bytes(),
        new.proof.as_bytes(),
        new.gamma,
        new.confirmation,
    ))?;
    Ok(MeltRecord {
        digest: new.digest,
        coin: new.coin.key,
        denomination: new.coin.denomination,
        signature: new.coin.signature,
        amount: new.coin.amount,
        outputs: new.outputs,
        sequence: new.sequence,
        commitment: new.commitment,
        proof: new.proof,
        gamma: new.gamma,
        confirmation: new.confirmation,
        revealed: None,
    })
}

pub(super) fn reveal(
    tx: &Connection,
    melt: &Digest,
    transfer_public: &Key,
    signatures: Vec<u8>,
) -> Result<Vec<u8>, LedgerError> {
    let revealed = tx
        .prepare_cached(
            "UPDATE melt SET transfer_public = ?2, signatures = ?3 WHERE digest = ?1 AND signatures IS NULL",
        )?
        .execute((melt.as_bytes(), transfer_public, &signatures))?;
    if revealed == 1 {
        return Ok(signatures);
    }
    let recorded = tx
        .prepare_cached("SELECT signatures FROM melt WHERE digest = ?1")?
        .query_row([melt.as_bytes()], |row| row.get(0))
        .optional()?;
    recorded.ok_or(LedgerError::MeltUnknown)
}

pub(super) fn melted(c: &Connection, melt: &Digest) -> Result<Option<MeltRecord>, StoreError> {
    Ok(select(c, "melt.digest = ?1", [melt.as_bytes()])?.pop())
}

pub(super) fn of_coin(c: &Connection, coin: i64) -> Result<Vec<MeltRecord>, StoreError> {
    select(c, "melt.coin = ?1 ORDER BY melt.sequence", [coin])
}

fn select(c: &Connection, which: &str, params: impl Params) -> Result<Vec<MeltRecord>, StoreError> {
    let sql = format!(
        "SELECT melt.digest, coin.key, coin.denomination, coin.signature, melt.amount, melt.outputs, melt.sequence,
                melt.commitment, melt.proof, melt.gamma, melt.confirmation, melt.transfer_public, melt.signatures
         FROM melt JOIN coin ON coin.number = melt.coin WHERE {which}"
    );
    let rows = c.prepare_cached(&sql)?.query_map(params, record)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn record(row: &Row<'_>) -> rusqlite::Result<MeltRecord> {
    let transfer_public: Option<Key> = row.get(11)?;
    let signatures: Option<Vec<u8>> = row.get(12)?;
    Ok(MeltRecord {
        digest: row.get::<_, Column<_>>(0)?.0,
        coin: row.get(1)?,
        denomination: row.get(2)?,
        signature: row.get(3)?,
        amount: row.get::<_, Whole>(4)?.0,
        outputs: unpack(&row.get::<_, Vec<u8>>(5)?),
        sequence: row.get(6)?,
        commitment: row.get::<_, Column<_>>(7)?.0,
        proof: row.get::<_, Column<_>>(8)?.0,
        gamma: row.get(9)?,
        confirmation: row.get(10)?,
        revealed: transfer_public.zip(signatures),
    })
}
