//! Merchants' accounts, and the transfers that pay them.

use rusqlite::{Connection, OptionalExtension as _};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::security::Thumbprint;

use super::{Column, Whole};
use crate::mint::store::{AccountNumber, Due, LedgerError, NewAccount, Payout, PayoutOutcome};
use crate::store::StoreError;

/// The most deposits that one payout covers, so that the writer is held for milliseconds only.
const DEPOSITS: i64 = 4_096;

const PREPARED: i64 = 0;
const SENT: i64 = 1;
const REFUSED: i64 = 2;

pub(super) fn accounts(c: &Connection) -> Result<Vec<(Thumbprint, AccountNumber)>, StoreError> {
    let rows = c
        .prepare_cached("SELECT merchant, number FROM account")?
        .query_map((), |row| Ok((row.get::<_, Column<_>>(0)?.0, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

pub(super) fn register(tx: &Connection, new: &NewAccount) -> Result<AccountNumber, LedgerError> {
    let known: Option<(i64, Column<UnixSeconds>, String)> = tx
        .prepare_cached("SELECT number, registered_at, account FROM account WHERE merchant = ?1")?
        .query_row([new.merchant.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    match known {
        Some((number, Column(at), account)) if at == new.registered_at && account == new.account => return Ok(number),
        Some((_, Column(at), _)) if at >= new.registered_at => {
            return Err(LedgerError::Conflict("A later registration of the merchant is known."));
        }
        _ => {}
    }
    let number = tx
        .prepare_cached(
            "INSERT INTO account (merchant, account, registered_at, registration) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (merchant) DO UPDATE SET account = excluded.account, registered_at = excluded.registered_at,
             registration = excluded.registration RETURNING number",
        )?
        .query_row((new.merchant.as_bytes(), &new.account, Whole(new.registered_at.0), &new.registration), |row| {
            row.get(0)
        })?;
    Ok(number)
}

pub(super) fn due(c: &Connection, due: UnixSeconds) -> Result<Vec<AccountNumber>, StoreError> {
    let rows = c
        .prepare_cached(
            "SELECT number FROM account WHERE EXISTS
             (SELECT 1 FROM deposit WHERE payout IS NULL AND merchant = account.number AND wire_by <= ?1)",
        )?
        .query_map([Whole(due.0)], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

pub(super) fn gather(tx: &Connection, merchant: AccountNumber, due: &Due) -> Result<bool, StoreError> {
    let number: i64 =
        tx.prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM payout")?.query_row((), |row| row.get(0))?;
    // Made before the sum is known, since the deposits refer to it.
    tx.prepare_cached(
        "INSERT INTO payout (number, id, merchant, account, amount, state, made_at, next_at)
         SELECT ?1, ?2, number, account, 0, ?4, ?5, ?5 FROM account WHERE number = ?3",
    )?
    .execute((number, payout_id(&due.mint, number), merchant, PREPARED, Whole(due.now.0)))?;
    let gathered = tx
        .prepare_cached(
            "UPDATE deposit SET payout = ?1 WHERE number IN
             (SELECT number FROM deposit WHERE payout IS NULL AND merchant = ?2 AND wire_by <= ?3 LIMIT ?4)",
        )?
        .execute((number, merchant, Whole(due.by.0), DEPOSITS))?;
    if gathered == 0 {
        tx.prepare_cached("DELETE FROM payout WHERE number = ?1")?.execute([number])?;
        return Ok(false);
    }
    tx.prepare_cached(
        "UPDATE payout SET amount = (SELECT sum(amount) FROM deposit WHERE payout = ?1) WHERE number = ?1",
    )?
    .execute([number])?;
    Ok(true)
}

/// The name of a transfer at the bank, which does nothing twice under one name.
fn payout_id(mint: &Thumbprint, number: i64) -> String {
    Digest::of_parts(&[b"semper/1/payout", mint.as_bytes(), &number.to_be_bytes()]).to_string()
}

pub(super) fn open(c: &Connection, now: UnixSeconds) -> Result<Vec<Payout>, StoreError> {
    let rows = c
        .prepare_cached(
            "SELECT payout.number, payout.id, payout.account, payout.amount FROM payout
             WHERE state <> 1 AND next_at <= ?1 ORDER BY next_at LIMIT 256",
        )?
        .query_map([Whole(now.0)], |row| {
            Ok(Payout { number: row.get(0)?, id: row.get(1)?, account: row.get(2)?, amount: row.get::<_, Whole>(3)?.0 })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// A refusal is certain, so that the same name may go to another account then.
pub(super) fn finish(tx: &Connection, payout: i64, outcome: &PayoutOutcome) -> Result<(), StoreError> {
    match outcome {
        PayoutOutcome::Sent => {
            tx.prepare_cached("UPDATE payout SET state = ?2 WHERE number = ?1")?.execute((payout, SENT))?
        }
        PayoutOutcome::Refused { again_at } => tx
            .prepare_cached(
                "UPDATE payout SET state = ?2, next_at = ?3,
                 account = (SELECT account FROM account WHERE number = payout.merchant)
                 WHERE number = ?1 AND state <> ?4",
            )?
            .execute((payout, REFUSED, Whole(again_at.0), SENT))?,
    };
    Ok(())
}
