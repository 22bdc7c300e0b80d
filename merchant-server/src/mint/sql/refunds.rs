//! Refunds: what returns of a deposit to its coins.

use futures_util::future::{BoxFuture, FutureExt as _};
use semper_shared::foundation::Digest;

use super::{SqlStore, Whole, minor, seconds};
use crate::mint::refunds::{Given, NewRefund, RefundRecord, RefundStore, Refundable, Refunded};
use crate::mint::store::{AccountNumber, LedgerError};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

impl RefundStore for SqlStore {
    fn refundable(
        &self,
        merchant: AccountNumber,
        deal: Digest,
        id: [u8; 16],
    ) -> BoxFuture<'_, Result<Option<Refundable>, StoreError>> {
        self.0.snapshot(move |tx| refundable(tx, merchant, &deal, &id)).boxed()
    }

    fn refund(&self, new: NewRefund) -> BoxFuture<'_, Result<Refunded, LedgerError>> {
        self.0.write(move |tx| refund(tx, &new)).boxed()
    }
}

/// A deposit as it stands, and what was refunded under this name.
fn refundable(
    tx: &mut Tx<'_>,
    merchant: AccountNumber,
    deal: &Digest,
    id: &[u8; 16],
) -> Result<Option<Refundable>, StoreError> {
    let found = tx.one(
        "SELECT number, refunded, CASE WHEN payout IS NULL THEN 0 ELSE 1 END FROM deposit
         WHERE deal = ?1 AND merchant = ?2",
        values![deal, merchant],
        |row| Ok((row.take::<i64>(0)?, minor(row, 1)?, row.take::<bool>(2)?)),
    )?;
    let Some((deposit, refunded, paid_out)) = found else {
        return Ok(None);
    };
    let given = tx.all(
        "SELECT coin.key, coin.denomination, spend.amount, spend.refund_by
         FROM spend JOIN coin ON coin.number = spend.coin WHERE spend.deposit = ?1 ORDER BY spend.position",
        values![deposit],
        |row| {
            Ok(Given {
                coin: row.take(0)?,
                denomination: row.take(1)?,
                amount: minor(row, 2)?,
                refund_by: seconds(row, 3)?,
            })
        },
    )?;
    Ok(Some(Refundable { deposit, refunded, paid_out, given, before: before(tx, deposit, id)? }))
}

fn before(tx: &mut Tx<'_>, deposit: i64, id: &[u8; 16]) -> Result<Option<RefundRecord>, StoreError> {
    tx.one("SELECT digest, confirmation FROM refund WHERE deposit = ?1 AND id = ?2", values![deposit, id], |row| {
        Ok(RefundRecord { digest: row.take(0)?, confirmation: row.take(1)? })
    })
}

/// Refunds, if the deposit still stands as it was planned for. The first statement decides, against other refunds and against
/// the payout, and holds the deposit.
fn refund(tx: &mut Tx<'_>, new: &NewRefund) -> Result<Refunded, LedgerError> {
    let decided = tx.execute(
        "UPDATE deposit SET refunded = refunded + ?3
         WHERE number = ?1 AND refunded = ?2 AND refunded + ?3 <= amount AND payout IS NULL",
        values![new.deposit, Whole(new.already), Whole(new.amount)],
    )?;
    if decided == 0 {
        if let Some(record) = before(tx, new.deposit, &new.id)? {
            return Ok(Refunded::Before(record));
        }
        let paid_out: Option<i64> =
            tx.find("SELECT number FROM deposit WHERE number = ?1 AND payout IS NOT NULL", values![new.deposit])?;
        return if paid_out.is_some() { Err(LedgerError::PaidOut) } else { Ok(Refunded::Moved) };
    }
    let number: i64 = tx.value(
        "INSERT INTO refund (deposit, id, digest, amount, confirmed_at, statement, confirmation)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
        values![
            new.deposit,
            new.id,
            new.digest,
            Whole(new.amount),
            Whole(new.confirmed_at.0),
            new.statement,
            new.confirmation
        ],
    )?;
    // In the order of their keys, as everybody takes coins.
    let mut shares: Vec<_> = new.shares.iter().collect();
    shares.sort_unstable_by_key(|share| share.coin);
    for share in shares {
        let coin: Option<i64> = tx.find(
            "UPDATE coin SET spent = spent - ?2 WHERE key = ?1 AND spent >= ?2 RETURNING number",
            values![share.coin, Whole(share.amount)],
        )?;
        let coin = coin.ok_or_else(|| StoreError::Failed("a coin gave less than returns to it".into()))?;
        tx.execute(
            "INSERT INTO refund_share (refund, coin, amount) VALUES (?1, ?2, ?3)",
            values![number, coin, Whole(share.amount)],
        )?;
    }
    Ok(Refunded::Now)
}

/// The confirmations of what returned to a coin, oldest first.
pub(super) fn of_coin(tx: &mut Tx<'_>, coin: i64) -> Result<Vec<String>, StoreError> {
    tx.all(
        "SELECT refund.confirmation FROM refund_share JOIN refund ON refund.number = refund_share.refund
         WHERE refund_share.coin = ?1 ORDER BY refund.number",
        values![coin],
        |row| row.take(0),
    )
}

#[cfg(test)]
pub(super) mod tests;
