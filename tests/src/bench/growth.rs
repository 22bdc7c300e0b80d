//! Growth: whether a purchase costs more when the books are long.

use std::path::Path;

use rusqlite::{Connection, params};

use super::client::Bench;
use super::report::{Figures, Growth};
use super::site::{Site, Store};
use super::{Plan, load};
use crate::Outcome;

/// Purchases on SQLite with few and with many spent coins.
pub(super) async fn measure(plan: &Plan) -> Outcome<Growth> {
    let (few_coins, many_coins) = plan.growth;
    let few = purchases(plan, few_coins).await?;
    let many = purchases(plan, many_coins).await?;
    Ok(Growth { few_coins, many_coins, few, many, ratio: many.per_s / few.per_s })
}

async fn purchases(plan: &Plan, coins: u32) -> Outcome<Figures> {
    let prepare = move |folder: &Path| fill(&folder.join("mint/mint.sqlite"), coins);
    let site = Site::start(Store::Sqlite, Some(&prepare)).await?;
    let mut bench = Bench::connect(&site).await?;
    load::purchases_alone(&mut bench, &site, plan).await
}

/// Writes so many deposits of one coin each, as the mint would have. The keys are evenly spread, and written in their
/// order, so that writing takes a minute.
fn fill(ledger: &Path, coins: u32) -> Outcome {
    let mut ledger = Connection::open(ledger)?;
    ledger.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")?;
    let one = |sql: &str| ledger.query_row(sql, (), |row| row.get::<_, i64>(0));
    let denomination = one("SELECT min(number) FROM denomination")?;
    let merchant = one("SELECT min(number) FROM account")?;
    let first = one(
        "SELECT 1 + max((SELECT coalesce(max(number), 0) FROM coin), (SELECT coalesce(max(number), 0) FROM deposit))",
    )?;
    let step = u64::MAX / u64::from(coins);
    let books = ledger.transaction()?;
    {
        let mut coin = books.prepare(
            "INSERT INTO coin (number, key, denomination, signature, spent) VALUES (?1, ?2, ?3, randomblob(256), 1)",
        )?;
        let mut deposit = books.prepare(
            "INSERT INTO deposit (number, deal, merchant, amount, confirmed_at, wire_by, signature)
             VALUES (?1, ?2, ?3, 1, 1, 4000000000, randomblob(64))",
        )?;
        let mut spend = books.prepare(
            "INSERT INTO spend (deposit, position, coin, amount, refund_by, proof)
             VALUES (?1, 0, ?1, 1, 4000000000, randomblob(64))",
        )?;
        for index in 0..coins {
            let number = first + i64::from(index);
            let place = (u64::from(index) * step).to_be_bytes();
            let mut key = [2; 33];
            key[1..9].copy_from_slice(&place);
            let mut deal = [3; 32];
            deal[..8].copy_from_slice(&place);
            coin.execute(params![number, key, denomination])?;
            deposit.execute(params![number, deal, merchant])?;
            spend.execute(params![number])?;
        }
    }
    books.commit()?;
    ledger.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); ANALYZE;")?;
    Ok(())
}
