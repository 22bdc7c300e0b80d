//! Reserves: credited by transfers, debited by withdrawals.

use rusqlite::{Connection, OptionalExtension as _};
use semper_shared::foundation::Digest;

use super::Whole;
use crate::mint::store::{FundingPage, Key, LedgerError, NewWithdrawal, ReserveRecord};
use crate::store::StoreError;

pub(super) fn cursor(c: &Connection) -> Result<u64, StoreError> {
    let cursor: Whole = c.prepare_cached("SELECT cursor FROM funding")?.query_row((), |row| row.get(0))?;
    Ok(cursor.0)
}

/// A page that was taken in already changes nothing, since serial numbers are unique.
pub(super) fn credit(tx: &Connection, page: &FundingPage) -> Result<(), StoreError> {
    let mut record = tx.prepare_cached("INSERT INTO credit VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")?;
    let mut add = tx.prepare_cached(
        "INSERT INTO reserve VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET balance = balance + excluded.balance",
    )?;
    for credit in &page.credits {
        let row = (Whole(credit.serial), credit.reserve, Whole(credit.amount), Whole(credit.at.0));
        if record.execute(row)? == 1 {
            add.execute((credit.reserve, Whole(credit.amount)))?;
        }
    }
    let mut stray =
        tx.prepare_cached("INSERT INTO stray_transfers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING")?;
    for transfer in &page.strays {
        stray.execute((
            Whole(transfer.serial),
            &transfer.transfer,
            &transfer.counterparty,
            &transfer.currency,
            Whole(transfer.amount),
            &transfer.subject,
            Whole(transfer.at.0),
        ))?;
    }
    tx.prepare_cached("UPDATE funding SET cursor = max(cursor, ?1)")?.execute([Whole(page.cursor)])?;
    Ok(())
}

pub(super) fn balance(c: &Connection, reserve: &Key) -> Result<Option<u64>, StoreError> {
    let balance: Option<Whole> = c
        .prepare_cached("SELECT balance FROM reserve WHERE key = ?1")?
        .query_row([reserve], |row| row.get(0))
        .optional()?;
    Ok(balance.map(|whole| whole.0))
}

pub(super) fn reserve(c: &Connection, reserve: &Key) -> Result<Option<ReserveRecord>, StoreError> {
    let Some(balance) = balance(c, reserve)? else {
        return Ok(None);
    };
    let withdrawals = c
        .prepare_cached("SELECT batch, signatures FROM withdrawal WHERE reserve = ?1 ORDER BY number")?
        .query_map([reserve], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(Some(ReserveRecord { balance, withdrawals }))
}

pub(super) fn signatures(c: &Connection, request: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(c.prepare_cached("SELECT signatures FROM withdrawal WHERE digest = ?1")?
        .query_row([request.as_bytes()], |row| row.get(0))
        .optional()?)
}

pub(super) fn withdraw(tx: &Connection, new: NewWithdrawal) -> Result<Vec<u8>, LedgerError> {
    if let Some(recorded) = signatures(tx, &new.digest)? {
        return Ok(recorded);
    }
    let debited = tx
        .prepare_cached("UPDATE reserve SET balance = balance - ?2 WHERE key = ?1 AND balance >= ?2")?
        .execute((new.reserve, Whole(new.amount)))?;
    if debited == 0 {
        return Err(match balance(tx, &new.reserve)? {
            Some(_) => LedgerError::FundsInsufficient,
            None => LedgerError::ReserveUnknown,
        });
    }
    tx.prepare_cached(
        "INSERT INTO withdrawal (digest, reserve, amount, requested_at, batch, signatures, proof)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute((
        new.digest.as_bytes(),
        new.reserve,
        Whole(new.amount),
        Whole(new.requested_at.0),
        &new.batch,
        &new.signatures,
        new.proof.as_bytes(),
    ))?;
    Ok(new.signatures)
}
