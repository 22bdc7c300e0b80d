//! Coins and the deposits that spend them.

use rusqlite::{Connection, OptionalExtension as _, Params, Row};
use semper_shared::foundation::Digest;

use super::{Column, Whole, melts};
use crate::mint::store::{
    AccountNumber, CoinRecord, DepositRecord, Deposited, Key, LedgerError, NewDeposit, Number, SpendRecord, UsedCoin,
};
use crate::store::StoreError;

/// Takes an amount out of a coin, unless too little is left. Returns the coin's number.
pub(super) fn take(tx: &Connection, coin: &UsedCoin) -> Result<i64, LedgerError> {
    let number = tx
        .prepare_cached(
            "INSERT INTO coin (key, denomination, signature, spent) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key) DO UPDATE SET spent = spent + excluded.spent
             WHERE denomination = excluded.denomination AND spent + excluded.spent <= ?5 RETURNING number",
        )?
        .query_row((coin.key, coin.denomination, coin.signature, Whole(coin.amount), Whole(coin.value)), |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(number) = number {
        return Ok(number);
    }
    let denomination: Number =
        tx.prepare_cached("SELECT denomination FROM coin WHERE key = ?1")?.query_row([coin.key], |row| row.get(0))?;
    Err(if denomination == coin.denomination {
        LedgerError::CoinSpent(Box::new(coin.key))
    } else {
        LedgerError::CoinInvalid
    })
}

pub(super) fn deposit(tx: &Connection, new: &NewDeposit) -> Result<Deposited, LedgerError> {
    let number: Option<i64> = tx
        .prepare_cached(
            "INSERT INTO deposit (deal, merchant, amount, confirmed_at, wire_by, signature)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (deal, merchant) DO NOTHING RETURNING number",
        )?
        .query_row(
            (
                new.deal.as_bytes(),
                new.merchant,
                Whole(new.amount),
                Whole(new.confirmed_at.0),
                Whole(new.wire_by.0),
                new.signature,
            ),
            |row| row.get(0),
        )
        .optional()?;
    let Some(number) = number else {
        let before = deposited(tx, new.merchant, &new.deal)?;
        return before.map(Deposited::Before).ok_or(LedgerError::Conflict("a deposit is there and is not"));
    };
    let mut insert = tx.prepare_cached("INSERT INTO spend VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for (position, spend) in (0_i64..).zip(&new.spends) {
        let coin = take(tx, &spend.coin)?;
        insert.execute((
            number,
            position,
            coin,
            Whole(spend.coin.amount),
            Whole(spend.refund_by.0),
            spend.proof.as_bytes(),
        ))?;
    }
    Ok(Deposited::Now)
}

pub(super) fn deposited(
    c: &Connection,
    merchant: AccountNumber,
    deal: &Digest,
) -> Result<Option<DepositRecord>, StoreError> {
    let found = c
        .prepare_cached(
            "SELECT number, amount, confirmed_at, wire_by, signature FROM deposit WHERE deal = ?1 AND merchant = ?2",
        )?
        .query_row((deal.as_bytes(), merchant), |row| {
            let record = DepositRecord {
                amount: row.get::<_, Whole>(1)?.0,
                confirmed_at: row.get::<_, Column<_>>(2)?.0,
                wire_by: row.get::<_, Column<_>>(3)?.0,
                signature: row.get(4)?,
                spends: Vec::new(),
            };
            Ok((row.get::<_, i64>(0)?, record))
        })
        .optional()?;
    let Some((number, mut record)) = found else {
        return Ok(None);
    };
    record.spends = spends(c, "spend.deposit = ?1 ORDER BY spend.position", [number])?;
    Ok(Some(record))
}

pub(super) fn coin(c: &Connection, key: &Key) -> Result<Option<CoinRecord>, StoreError> {
    let found = c
        .prepare_cached("SELECT number, denomination, spent FROM coin WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, Whole>(2)?.0)))
        .optional()?;
    let Some((number, denomination, spent)) = found else {
        return Ok(None);
    };
    Ok(Some(CoinRecord {
        denomination,
        spent,
        spends: spends(c, "spend.coin = ?1 ORDER BY spend.deposit", [number])?,
        melts: melts::of_coin(c, number)?,
    }))
}

fn spends(c: &Connection, which: &str, params: impl Params) -> Result<Vec<SpendRecord>, StoreError> {
    let sql = format!(
        "SELECT coin.key, coin.denomination, coin.signature, account.merchant, deposit.deal, spend.amount,
                spend.refund_by, spend.proof
         FROM spend JOIN coin ON coin.number = spend.coin JOIN deposit ON deposit.number = spend.deposit
         JOIN account ON account.number = deposit.merchant WHERE {which}"
    );
    let rows = c.prepare_cached(&sql)?.query_map(params, spend)?.collect::<Result<_, _>>()?;
    Ok(rows)
}

fn spend(row: &Row<'_>) -> rusqlite::Result<SpendRecord> {
    Ok(SpendRecord {
        coin: row.get(0)?,
        denomination: row.get(1)?,
        signature: row.get(2)?,
        merchant: row.get::<_, Column<_>>(3)?.0,
        deal: row.get::<_, Column<_>>(4)?.0,
        amount: row.get::<_, Whole>(5)?.0,
        refund_by: row.get::<_, Column<_>>(6)?.0,
        proof: row.get::<_, Column<_>>(7)?.0,
    })
}
