//! Reserves: credited by transfers, debited by withdrawals.

use semper_shared::foundation::Digest;

use super::{Whole, minor};
use crate::mint::ring::PACKED;
use crate::mint::store::{DayLimit, FundingPage, Key, LedgerError, Limit, NewWithdrawal, ReserveRecord, Stray};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

pub(super) fn cursor(tx: &mut Tx<'_>) -> Result<u64, StoreError> {
    Ok(tx.value::<Whole>("SELECT cursor FROM funding", values![])?.0)
}

/// A page that was taken in already changes nothing, since serial numbers are unique. Whoever holds the cursor is alone with it.
pub(super) fn credit(tx: &mut Tx<'_>, page: &FundingPage) -> Result<(), StoreError> {
    let held: Whole = tx.value("SELECT cursor FROM funding /*FOR UPDATE*/", values![])?;
    if page.cursor <= held.0 {
        return Ok(());
    }
    let mut strays: Vec<&Stray> = page.strays.iter().collect();
    for credit in &page.credits {
        // What was beyond a limit once is on its way back.
        let returned: Option<i64> =
            tx.find("SELECT 1 FROM stray_transfers WHERE serial = ?1", values![Whole(credit.serial)])?;
        if returned.is_some() {
            continue;
        }
        let recorded = tx.execute(
            "INSERT INTO credit (serial, reserve, amount, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (serial) DO NOTHING",
            values![Whole(credit.serial), credit.reserve, Whole(credit.amount), Whole(credit.at.0)],
        )?;
        if recorded == 1 && !try_add(tx, &credit.reserve, credit.amount, page.reserve_limit)? {
            tx.execute("DELETE FROM credit WHERE serial = ?1", values![Whole(credit.serial)])?;
            strays.extend(page.senders.iter().find(|sender| sender.serial == credit.serial));
        }
    }
    for stray in strays {
        tx.execute(
            "INSERT INTO stray_transfers (serial, transfer, counterparty, currency, amount, subject, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (serial) DO NOTHING",
            values![
                Whole(stray.serial),
                stray.transfer,
                stray.counterparty,
                stray.currency,
                Whole(stray.amount),
                stray.subject,
                Whole(stray.at.0)
            ],
        )?;
    }
    tx.execute("UPDATE funding SET cursor = ?1", values![Whole(page.cursor)])?;
    Ok(())
}

/// Adds to a reserve, which is there then.
pub(super) fn add(tx: &mut Tx<'_>, reserve: &Key, amount: u64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO reserve (key, balance) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET balance = reserve.balance + excluded.balance",
        values![reserve, Whole(amount)],
    )?;
    Ok(())
}

/// The same, unless the reserve would hold more than `limit` then.
pub(super) fn add_within(tx: &mut Tx<'_>, reserve: &Key, amount: u64, limit: Option<u64>) -> Result<(), LedgerError> {
    if try_add(tx, reserve, amount, limit)? { Ok(()) } else { Err(LedgerError::Limit(Limit::Reserve)) }
}

/// Adds, unless the reserve would hold more than `limit` then. Whether it did.
fn try_add(tx: &mut Tx<'_>, reserve: &Key, amount: u64, limit: Option<u64>) -> Result<bool, StoreError> {
    let Some(limit) = limit else {
        add(tx, reserve, amount)?;
        return Ok(true);
    };
    if amount > limit {
        return Ok(false);
    }
    let added = tx.execute(
        "INSERT INTO reserve (key, balance) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET balance = reserve.balance + excluded.balance
         WHERE reserve.balance + excluded.balance <= ?3",
        values![reserve, Whole(amount), Whole(limit)],
    )?;
    Ok(added == 1)
}

/// Counts what a reserve gives on a day, unless that is more than its limit then.
fn count(tx: &mut Tx<'_>, reserve: &Key, amount: u64, day: DayLimit) -> Result<(), LedgerError> {
    let counted = if amount > day.limit {
        0
    } else {
        tx.execute(
            "INSERT INTO reserve_day (reserve, day, amount) VALUES (?1, ?2, ?3)
             ON CONFLICT (reserve, day) DO UPDATE SET amount = reserve_day.amount + excluded.amount
             WHERE reserve_day.amount + excluded.amount <= ?4",
            values![reserve, Whole(day.day), Whole(amount), Whole(day.limit)],
        )?
    };
    if counted == 1 { Ok(()) } else { Err(LedgerError::Limit(Limit::Day)) }
}

pub(super) fn balance(tx: &mut Tx<'_>, reserve: &Key) -> Result<Option<u64>, StoreError> {
    let balance = tx.find::<Whole>("SELECT balance FROM reserve WHERE key = ?1", values![reserve])?;
    Ok(balance.map(|whole| whole.0))
}

pub(super) fn reserve(tx: &mut Tx<'_>, reserve: &Key) -> Result<Option<ReserveRecord>, StoreError> {
    let balance = tx.one("SELECT balance FROM reserve WHERE key = ?1", values![reserve], |row| minor(row, 0))?;
    let Some(balance) = balance else {
        return Ok(None);
    };
    let withdrawals = tx.all(
        "SELECT batch, signatures FROM withdrawal WHERE reserve = ?1 ORDER BY number",
        values![reserve],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )?;
    Ok(Some(ReserveRecord { balance, withdrawals }))
}

pub(super) fn signatures(tx: &mut Tx<'_>, request: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
    tx.find("SELECT signatures FROM withdrawal WHERE digest = ?1", values![request])
}

/// Recorded before the reserve is debited: of two equal requests at once the second waits here, and then finds the first.
pub(super) fn withdraw(tx: &mut Tx<'_>, new: &NewWithdrawal) -> Result<Vec<u8>, LedgerError> {
    let recorded = tx.execute(
        "INSERT INTO withdrawal (digest, reserve, amount, requested_at, batch, signatures, proof, fee)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (digest) DO NOTHING",
        values![
            new.digest,
            new.reserve,
            Whole(new.amount),
            Whole(new.requested_at.0),
            new.batch,
            new.signatures,
            new.proof,
            Whole(new.fee)
        ],
    )?;
    if recorded == 0 {
        return signatures(tx, &new.digest)?.ok_or(LedgerError::Conflict("a withdrawal is there and is not"));
    }
    let debited = tx.execute(
        "UPDATE reserve SET balance = balance - ?2 WHERE key = ?1 AND balance >= ?2",
        values![new.reserve, Whole(new.amount)],
    )?;
    if debited == 0 {
        return Err(match balance(tx, &new.reserve)? {
            Some(_) => LedgerError::FundsInsufficient,
            None => LedgerError::ReserveUnknown,
        });
    }
    if let Some(day) = new.day {
        count(tx, &new.reserve, new.amount, day)?;
    }
    // The reserve is held. A planchet is signed once, and coins are numbered on from all that were signed before: another device
    // of the same wallet, which derives the same coins, would pay for them a second time, or for others under the same keys.
    let before: Vec<Vec<u8>> = tx.all(
        "SELECT batch FROM withdrawal WHERE reserve = ?1 AND digest <> ?2",
        values![new.reserve, new.digest],
        |row| row.take(0),
    )?;
    let signed = |planchet: &[u8]| before.iter().any(|batch| batch.chunks(PACKED).any(|other| other == planchet));
    if new.batch.chunks(PACKED).any(signed) {
        return Err(LedgerError::Conflict("A planchet of this batch was signed for this reserve before."));
    }
    let count: usize = before.iter().map(|batch| batch.len() / PACKED).sum();
    if new.first.is_some_and(|first| usize::try_from(first) != Ok(count)) {
        return Err(LedgerError::Conflict("This reserve has paid for coins that the request does not know of."));
    }
    Ok(new.signatures.clone())
}
