//! The sums of the ledger.

use super::Whole;
use crate::mint::store::Books;
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

pub(super) fn books(tx: &mut Tx<'_>) -> Result<Books, StoreError> {
    let mut sum = |column: &str, rows: &str| -> Result<u64, StoreError> {
        let sql = format!("SELECT CAST(coalesce(sum({column}), 0) AS BIGINT) FROM {rows}");
        Ok(tx.value::<Whole>(&sql, values![])?.0)
    };
    let withdrawn = sum("amount - fee", "withdrawal")?;
    let melted = sum("amount", "melt WHERE void = 0")?;
    let refreshed = sum("amount", "melt WHERE signatures IS NOT NULL")?;
    let refreshing = sum("fee", "melt WHERE signatures IS NOT NULL")?;
    let fees = sum("fee", "withdrawal")? + sum("fee", "spend")? + sum("fee", "transfer_spend")? + refreshing;
    let deposited = sum("amount - refunded", "deposit")?;
    let pending = sum("amount", "transfer WHERE state = 0")?;
    let paid_out = sum("amount", "payout WHERE state = 1")?;
    Ok(Books {
        received: sum("amount", "credit")?,
        reserves: sum("balance", "reserve")?,
        issued: withdrawn + refreshed - refreshing,
        spent: sum("spent", "coin")?,
        melting: melted - refreshed,
        pending,
        owed: deposited.saturating_sub(paid_out),
        paid_out,
        fees,
    })
}
