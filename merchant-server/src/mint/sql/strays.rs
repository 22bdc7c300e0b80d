//! Transfers that the mint does not keep, on their way back.

use futures_util::future::{BoxFuture, FutureExt as _};
use semper_shared::foundation::UnixSeconds;

use super::{SqlStore, Whole, minor};
use crate::mint::strays::{Fate, Return, StrayStore};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

const SENT: i64 = 1;
const REFUSED: i64 = 2;
const KEPT: i64 = 3;

impl StrayStore for SqlStore {
    fn open_returns(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Return>, StoreError>> {
        self.0.read(move |tx| open(tx, now)).boxed()
    }

    fn finish_return(&self, serial: u64, fate: Fate) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| finish(tx, serial, &fate)).boxed()
    }
}

fn open(tx: &mut Tx<'_>, now: UnixSeconds) -> Result<Vec<Return>, StoreError> {
    tx.all(
        "SELECT serial, transfer, counterparty, currency, amount, subject FROM stray_transfers
         WHERE (state = 0 OR state = 2) AND next_at <= ?1 ORDER BY next_at, serial LIMIT 64",
        values![Whole(now.0)],
        |row| {
            Ok(Return {
                serial: minor(row, 0)?,
                transfer: row.take(1)?,
                counterparty: row.take(2)?,
                currency: row.take(3)?,
                amount: minor(row, 4)?,
                subject: row.take(5)?,
            })
        },
    )
}

fn finish(tx: &mut Tx<'_>, serial: u64, fate: &Fate) -> Result<(), StoreError> {
    let (state, next_at) = match fate {
        Fate::Sent => (SENT, UnixSeconds(0)),
        Fate::Kept => (KEPT, UnixSeconds(0)),
        Fate::Refused { again_at } => (REFUSED, *again_at),
    };
    tx.execute(
        "UPDATE stray_transfers SET state = ?2, next_at = ?3 WHERE serial = ?1 AND state <> 1",
        values![Whole(serial), state, Whole(next_at.0)],
    )?;
    Ok(())
}
