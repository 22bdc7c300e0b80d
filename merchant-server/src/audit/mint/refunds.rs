//! Refunds: the merchant ordered each, and the coins have what the mint said that they got.

use std::collections::BTreeMap;

use semper_shared::foundation::Digest;
use semper_shared::items::payment::Refund;
use semper_shared::items::payment::ecash::RefundConfirmation;
use semper_shared::items::statement::Signed;

use super::Merchants;
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::values;

struct Row {
    deposit: i64,
    id: Vec<u8>,
    digest: Digest,
    amount: u64,
    confirmed_at: u64,
    statement: String,
    confirmation: String,
}

pub(super) fn audit(desk: &mut Desk<'_, '_>, merchants: &Merchants) -> Result<(), StoreError> {
    desk.each(
        "refund",
        "number",
        "deposit, id, digest, amount, confirmed_at, statement, confirmation",
        |row| {
            Ok(Row {
                deposit: row.take(1)?,
                id: row.take(2)?,
                digest: row.take(3)?,
                amount: whole(row, 4)?,
                confirmed_at: whole(row, 5)?,
                statement: row.take(6)?,
                confirmation: row.take(7)?,
            })
        },
        |desk, number, row| refund(desk, merchants, number, &row),
    )?;
    let orphans: i64 = desk.tx.value(
        "SELECT count(*) FROM refund_share WHERE NOT EXISTS (SELECT 1 FROM refund WHERE refund.number = refund_share.refund)",
        values![],
    )?;
    desk.same("refund_share", "of no refund", "count", 0, orphans);
    let columns = "refunded, (SELECT CAST(coalesce(sum(refund.amount), 0) AS BIGINT) FROM refund
                   WHERE refund.deposit = deposit.number)";
    let deposits = desk.tx.all(
        &format!("SELECT number, {columns} FROM deposit WHERE refunded <> 0 OR EXISTS (SELECT 1 FROM refund WHERE refund.deposit = deposit.number)"),
        values![],
        |row| Ok((row.take::<i64>(0)?, whole(row, 1)?, whole(row, 2)?)),
    )?;
    for (number, refunded, sum) in deposits {
        desk.same("deposit", number, "refunded", sum, refunded);
    }
    Ok(())
}

fn refund(desk: &mut Desk<'_, '_>, merchants: &Merchants, number: i64, row: &Row) -> Result<(), StoreError> {
    let table = "refund";
    let found = desk.tx.one("SELECT deal, merchant FROM deposit WHERE number = ?1", values![row.deposit], |row| {
        Ok((row.take::<Digest>(0)?, row.take::<i64>(1)?))
    })?;
    let merchant = found.and_then(|(deal, merchant)| merchants.get(&merchant).map(|merchant| (deal, *merchant)));
    let Some((deal, merchant)) = merchant else {
        desk.off(table, number, "deposit", "one of the deposits", row.deposit);
        return Ok(());
    };
    match Signed::<Refund>::verify_self_keyed(&row.statement, &desk.verifier) {
        Ok((order, key)) => {
            let fits = key.thumbprint() == merchant && order.deal == deal && order.refund.0.as_slice() == row.id;
            desk.holds(table, number, "the merchant's order", fits);
            desk.same(table, number, "amount", order.amount.minor(), row.amount);
            desk.same(table, number, "digest", order.digest(), row.digest);
        }
        Err(_) => desk.holds(table, number, "the merchant's signature", false),
    }
    let shares = desk.tx.all(
        "SELECT coin.key, refund_share.amount FROM refund_share JOIN coin ON coin.number = refund_share.coin
         WHERE refund_share.refund = ?1",
        values![number],
        |row| Ok((row.take::<Vec<u8>>(0)?, whole(row, 1)?)),
    )?;
    desk.counted("refund_share", u64::try_from(shares.len()).unwrap_or(0));
    desk.same("refund_share", number, "sum", row.amount, shares.iter().map(|(_, amount)| *amount).sum());
    let Some(said) = desk.own_text::<RefundConfirmation>(&row.confirmation) else {
        desk.holds(table, number, "the mint's confirmation", false);
        return Ok(());
    };
    let told: BTreeMap<Vec<u8>, u64> = said.coins.iter().map(|one| (one.coin.to_vec(), one.amount.minor())).collect();
    let fits = said.refund == row.digest && said.deal == deal && told == shares.into_iter().collect();
    desk.holds("refund_share", number, "what the mint confirmed", fits);
    desk.same(table, number, "confirmed_at", said.confirmed_at.0, row.confirmed_at);
    Ok(())
}
