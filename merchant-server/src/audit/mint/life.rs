//! Denominations that were revoked, and what became of their coins.

use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::Recoup;
use semper_shared::items::statement::Signed;

use super::Denominations;
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::values;

struct Row {
    digest: Digest,
    coin: i64,
    reserve: Vec<u8>,
    amount: u64,
    statement: String,
}

pub(super) fn audit(desk: &mut Desk<'_, '_>, denominations: &Denominations) -> Result<(), StoreError> {
    let revoked = desk.tx.all("SELECT denomination FROM revocation", values![], |row| row.take::<Digest>(0))?;
    desk.counted("revocation", u64::try_from(revoked.len()).unwrap_or(0));
    for id in &revoked {
        let known = denominations.values().any(|(known, _)| known == id);
        desk.holds("revocation", id, "denomination", known);
    }
    desk.each(
        "recoup",
        "number",
        "digest, coin, reserve, amount, statement",
        |row| {
            Ok(Row {
                digest: row.take(1)?,
                coin: row.take(2)?,
                reserve: row.take(3)?,
                amount: whole(row, 4)?,
                statement: row.take(5)?,
            })
        },
        |desk, number, row| recoup(desk, &revoked, number, &row),
    )?;
    let revealed: i64 = desk
        .tx
        .value("SELECT count(*) FROM melt WHERE void <> 0 AND (void <> 1 OR signatures IS NOT NULL)", values![])?;
    desk.same("melt", "void and revealed", "count", 0, revealed);
    Ok(())
}

/// The coin ordered it, and its denomination was revoked. How much was left is checked with the coin.
fn recoup(desk: &mut Desk<'_, '_>, revoked: &[Digest], number: i64, row: &Row) -> Result<(), StoreError> {
    let table = "recoup";
    let coin: Option<Vec<u8>> = desk.tx.find("SELECT key FROM coin WHERE number = ?1", values![row.coin])?;
    match Signed::<Recoup>::verify_self_keyed(&row.statement, &desk.verifier) {
        Ok((order, key)) => {
            desk.holds(table, number, "the coin's order", coin.is_some_and(|coin| coin == key.to_compressed()));
            desk.holds(table, number, "reserve", order.reserve.to_compressed().as_slice() == row.reserve);
            desk.holds(table, number, "a revoked denomination", revoked.contains(&order.denomination));
            desk.same(table, number, "digest", order.digest(), row.digest);
            if row.amount == 0 {
                desk.off(table, number, "amount", "more than nothing", 0);
            }
        }
        Err(_) => desk.holds(table, number, "the coin's signature", false),
    }
    Ok(())
}
