//! Coins and the deposits that spend them.

use semper_shared::foundation::Digest;

use super::{Whole, life, melts, minor, refunds, seconds, transfers};
use crate::mint::store::{
    AccountNumber, CoinRecord, DepositRecord, Deposited, Key, LedgerError, NewDeposit, Number, SpendRecord, UsedCoin,
};
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, values};

/// Takes an amount out of a coin, unless too little is left, and holds it. Returns the coin's number.
pub(super) fn take(tx: &mut Tx<'_>, coin: &UsedCoin) -> Result<i64, LedgerError> {
    let number = tx.find(
        "INSERT INTO coin (key, denomination, signature, spent) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET spent = coin.spent + excluded.spent
         WHERE coin.denomination = excluded.denomination AND coin.spent + excluded.spent <= ?5 RETURNING number",
        values![coin.key, coin.denomination, coin.signature, Whole(coin.amount), Whole(coin.value)],
    )?;
    if let Some(number) = number {
        return Ok(number);
    }
    let denomination: Number = tx.value("SELECT denomination FROM coin WHERE key = ?1", values![coin.key])?;
    Err(if denomination == coin.denomination {
        LedgerError::CoinSpent(Box::new(coin.key))
    } else {
        LedgerError::CoinInvalid
    })
}

/// Holds a coin until the transaction ends, so that what is read of it stays true, and takes nothing yet.
pub(super) fn hold(tx: &mut Tx<'_>, coin: &UsedCoin) -> Result<i64, LedgerError> {
    let number = tx.find(
        "INSERT INTO coin (key, denomination, signature, spent) VALUES (?1, ?2, ?3, 0)
         ON CONFLICT (key) DO UPDATE SET spent = coin.spent
         WHERE coin.denomination = excluded.denomination RETURNING number",
        values![coin.key, coin.denomination, coin.signature],
    )?;
    number.ok_or(LedgerError::CoinInvalid)
}

pub(super) fn deposit(tx: &mut Tx<'_>, new: &NewDeposit) -> Result<Deposited, LedgerError> {
    let number: Option<i64> = tx.find(
        "INSERT INTO deposit (deal, merchant, amount, confirmed_at, wire_by, signature, payee, direction)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (deal, merchant) DO NOTHING RETURNING number",
        values![
            new.deal,
            new.merchant,
            Whole(new.amount),
            Whole(new.confirmed_at.0),
            Whole(new.wire_by.0),
            new.signature,
            new.payee.number,
            new.payee.direction
        ],
    )?;
    let Some(number) = number else {
        let before = deposited(tx, new.merchant, &new.deal)?;
        return before.map(Deposited::Before).ok_or(LedgerError::Conflict("a deposit is there and is not"));
    };
    // Everybody takes coins in the order of their keys, so that no two deposits wait for each other.
    let mut order: Vec<(i64, &_)> = (0..).zip(&new.spends).collect();
    order.sort_unstable_by_key(|(_, spend)| spend.coin.key);
    for (position, spend) in order {
        let coin = take(tx, &spend.coin)?;
        tx.execute_later(
            "INSERT INTO spend (deposit, position, coin, amount, refund_by, proof, fee)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            values![
                number,
                position,
                coin,
                Whole(spend.gives()),
                Whole(spend.refund_by.0),
                spend.proof,
                Whole(spend.fee)
            ],
        )?;
    }
    Ok(Deposited::Now)
}

pub(super) fn deposited(
    tx: &mut Tx<'_>,
    merchant: AccountNumber,
    deal: &Digest,
) -> Result<Option<DepositRecord>, StoreError> {
    let found = tx.one(
        "SELECT number, amount, confirmed_at, wire_by, signature FROM deposit WHERE deal = ?1 AND merchant = ?2",
        values![deal, merchant],
        |row| {
            let record = DepositRecord {
                amount: minor(row, 1)?,
                confirmed_at: seconds(row, 2)?,
                wire_by: seconds(row, 3)?,
                signature: row.take(4)?,
                spends: Vec::new(),
            };
            Ok((row.take::<i64>(0)?, record))
        },
    )?;
    let Some((number, mut record)) = found else {
        return Ok(None);
    };
    record.spends = spends(tx, "spend.deposit = ?1 ORDER BY spend.position", number)?;
    Ok(Some(record))
}

pub(super) fn coin(tx: &mut Tx<'_>, key: &Key) -> Result<Option<CoinRecord>, StoreError> {
    let found = tx.one("SELECT number, denomination, spent FROM coin WHERE key = ?1", values![key], |row| {
        Ok((row.take::<i64>(0)?, row.take(1)?, minor(row, 2)?))
    })?;
    let Some((number, denomination, spent)) = found else {
        return Ok(None);
    };
    Ok(Some(CoinRecord {
        denomination,
        spent,
        spends: spends(tx, "spend.coin = ?1 ORDER BY spend.deposit", number)?,
        refunds: refunds::of_coin(tx, number)?,
        melts: melts::of_coin(tx, number)?,
        recoups: life::of_coin(tx, number)?,
        transfers: transfers::of_coin(tx, number)?,
    }))
}

fn spends(tx: &mut Tx<'_>, which: &str, number: i64) -> Result<Vec<SpendRecord>, StoreError> {
    let sql = format!(
        "SELECT coin.key, coin.denomination, coin.signature, account.merchant, deposit.deal, spend.amount,
                spend.refund_by, spend.proof
         FROM spend JOIN coin ON coin.number = spend.coin JOIN deposit ON deposit.number = spend.deposit
         JOIN account ON account.number = deposit.merchant WHERE {which}"
    );
    tx.all(&sql, values![number], spend)
}

fn spend(row: &Row<'_>) -> Result<SpendRecord, StoreError> {
    Ok(SpendRecord {
        coin: row.take(0)?,
        denomination: row.take(1)?,
        signature: row.take(2)?,
        merchant: row.take(3)?,
        deal: row.take(4)?,
        amount: minor(row, 5)?,
        refund_by: seconds(row, 6)?,
        proof: row.take(7)?,
    })
}
