//! Reserves: credited by transfers, debited by withdrawals.

use semper_shared::foundation::Digest;

use super::{Whole, minor};
use crate::mint::store::{FundingPage, Key, LedgerError, NewWithdrawal, ReserveRecord};
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
    for credit in &page.credits {
        let recorded = tx.execute(
            "INSERT INTO credit (serial, reserve, amount, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (serial) DO NOTHING",
            values![Whole(credit.serial), credit.reserve, Whole(credit.amount), Whole(credit.at.0)],
        )?;
        if recorded == 1 {
            add(tx, &credit.reserve, credit.amount)?;
        }
    }
    for stray in &page.strays {
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
        "INSERT INTO withdrawal (digest, reserve, amount, requested_at, batch, signatures, proof)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (digest) DO NOTHING",
        values![
            new.digest,
            new.reserve,
            Whole(new.amount),
            Whole(new.requested_at.0),
            new.batch,
            new.signatures,
            new.proof
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
    Ok(new.signatures.clone())
}
