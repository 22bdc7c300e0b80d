//! The sums of the ledger.

use rusqlite::Connection;

use super::Whole;
use crate::mint::store::Books;
use crate::store::StoreError;

pub(super) fn books(c: &Connection) -> Result<Books, StoreError> {
    let sum = |sql: &str| -> Result<u64, StoreError> { Ok(c.query_row(sql, (), |row| row.get::<_, Whole>(0))?.0) };
    let withdrawn = sum("SELECT coalesce(sum(amount), 0) FROM withdrawal")?;
    let melted = sum("SELECT coalesce(sum(amount), 0) FROM melt")?;
    let refreshed = sum("SELECT coalesce(sum(amount), 0) FROM melt WHERE signatures IS NOT NULL")?;
    let deposited = sum("SELECT coalesce(sum(amount), 0) FROM deposit")?;
    let paid_out = sum("SELECT coalesce(sum(amount), 0) FROM payout WHERE state = 1")?;
    Ok(Books {
        received: sum("SELECT coalesce(sum(amount), 0) FROM credit")?,
        reserves: sum("SELECT coalesce(sum(balance), 0) FROM reserve")?,
        issued: withdrawn + refreshed,
        spent: sum("SELECT coalesce(sum(spent), 0) FROM coin")?,
        melting: melted - refreshed,
        owed: deposited.saturating_sub(paid_out),
        paid_out,
    })
}
