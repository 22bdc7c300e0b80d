//! Merchants' accounts, and the transfers that pay them.

use rand_core::Rng as _;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::security::Thumbprint;

use super::{Whole, minor};
use crate::crypto::system_rng;
use crate::mint::store::{AccountNumber, Due, LedgerError, NewAccount, Payout, PayoutOutcome};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

/// The most deposits that one payout covers, so that others wait for milliseconds only.
const DEPOSITS: i64 = 4_096;

const PREPARED: i64 = 0;
const SENT: i64 = 1;
const REFUSED: i64 = 2;

pub(super) fn accounts(tx: &mut Tx<'_>) -> Result<Vec<(Thumbprint, AccountNumber)>, StoreError> {
    tx.all("SELECT merchant, number FROM account", values![], |row| Ok((row.take(0)?, row.take(1)?)))
}

pub(super) fn account(tx: &mut Tx<'_>, merchant: &Thumbprint) -> Result<Option<AccountNumber>, StoreError> {
    tx.find("SELECT number FROM account WHERE merchant = ?1", values![merchant])
}

/// The latest registration holds, in whatever order they come.
pub(super) fn register(tx: &mut Tx<'_>, new: &NewAccount) -> Result<AccountNumber, LedgerError> {
    let at = Whole(new.registered_at.0);
    let number = tx.find(
        "INSERT INTO account (merchant, account, registered_at, registration) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (merchant) DO UPDATE SET account = excluded.account, registered_at = excluded.registered_at,
         registration = excluded.registration WHERE account.registered_at < excluded.registered_at RETURNING number",
        values![new.merchant, new.account, at, new.registration],
    )?;
    if let Some(number) = number {
        return Ok(number);
    }
    let same = "SELECT number FROM account WHERE merchant = ?1 AND account = ?2 AND registered_at = ?3";
    let same = tx.find(same, values![new.merchant, new.account, at])?;
    same.ok_or(LedgerError::Conflict("A later registration of the merchant is known."))
}

pub(super) fn due(tx: &mut Tx<'_>, due: UnixSeconds) -> Result<Vec<AccountNumber>, StoreError> {
    tx.all(
        "SELECT number FROM account WHERE EXISTS
         (SELECT 1 FROM deposit WHERE payout IS NULL AND refunded < amount
          AND merchant = account.number AND wire_by <= ?1)",
        values![Whole(due.0)],
        |row| row.take(0),
    )
}

/// The account is held, so that no two gather for one merchant at once.
pub(super) fn gather(tx: &mut Tx<'_>, merchant: AccountNumber, due: &Due, id: &str) -> Result<bool, StoreError> {
    let held: Option<String> =
        tx.find("SELECT account FROM account WHERE number = ?1 /*FOR UPDATE*/", values![merchant])?;
    let some: Option<i64> = tx.find(
        "SELECT number FROM deposit WHERE payout IS NULL AND refunded < amount AND merchant = ?1 AND wire_by <= ?2
         LIMIT 1",
        values![merchant, Whole(due.by.0)],
    )?;
    let (Some(account), Some(_)) = (held, some) else {
        return Ok(false);
    };
    // Made before the sum is known, since the deposits refer to it.
    let number: i64 = tx.value(
        "INSERT INTO payout (id, merchant, account, amount, state, made_at, next_at)
         VALUES (?1, ?2, ?3, 0, ?4, ?5, ?5) RETURNING number",
        values![id, merchant, account, PREPARED, Whole(due.now.0)],
    )?;
    let gathered = tx.execute(
        "UPDATE deposit SET payout = ?1 WHERE payout IS NULL AND refunded < amount AND number IN
         (SELECT number FROM deposit WHERE payout IS NULL AND refunded < amount
          AND merchant = ?2 AND wire_by <= ?3 LIMIT ?4)",
        values![number, merchant, Whole(due.by.0), DEPOSITS],
    )?;
    if gathered == 0 {
        tx.execute("DELETE FROM payout WHERE number = ?1", values![number])?;
        return Ok(false);
    }
    tx.execute(
        "UPDATE payout SET amount =
         (SELECT CAST(coalesce(sum(amount - refunded), 0) AS BIGINT) FROM deposit WHERE payout = ?1) WHERE number = ?1",
        values![number],
    )?;
    Ok(true)
}

/// The name of a transfer at the bank, which does nothing twice under one name.
pub(super) fn make_id() -> String {
    let mut bytes = [0; 32];
    system_rng().fill_bytes(&mut bytes);
    Digest(bytes).to_string()
}

pub(super) fn open(tx: &mut Tx<'_>, now: UnixSeconds) -> Result<Vec<Payout>, StoreError> {
    tx.all(
        "SELECT number, id, account, amount FROM payout
         WHERE state <> 1 AND next_at <= ?1 ORDER BY next_at, number LIMIT 256",
        values![Whole(now.0)],
        |row| Ok(Payout { number: row.take(0)?, id: row.take(1)?, account: row.take(2)?, amount: minor(row, 3)? }),
    )
}

/// A refusal is certain, so that the same name may go to another account then. Two replicas may send the same payout: the bank
/// takes one of them, and that is what is recorded, whatever the other heard.
pub(super) fn finish(tx: &mut Tx<'_>, payout: &Payout, outcome: PayoutOutcome) -> Result<(), StoreError> {
    match outcome {
        PayoutOutcome::Sent => tx.execute(
            "UPDATE payout SET state = ?2, account = ?3 WHERE number = ?1",
            values![payout.number, SENT, payout.account],
        )?,
        PayoutOutcome::Refused { again_at } => tx.execute(
            "UPDATE payout SET state = ?2, next_at = ?3,
             account = (SELECT account.account FROM account WHERE account.number = payout.merchant)
             WHERE number = ?1 AND state <> ?4",
            values![payout.number, REFUSED, Whole(again_at.0), SENT],
        )?,
    };
    Ok(())
}
