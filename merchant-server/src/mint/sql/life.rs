//! Revocations, recoups, and refreshes that came to nothing.

use futures_util::future::{BoxFuture, FutureExt as _};
use semper_shared::foundation::{Digest, UnixSeconds};

use super::{SqlStore, Whole, coins, melts, minor, reserves, seconds};
use crate::mint::life::{LifeStore, NewRecoup, NewRevocation};
use crate::mint::store::{LedgerError, UsedCoin};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

impl LifeStore for SqlStore {
    fn revocations(&self) -> BoxFuture<'_, Result<Vec<(Digest, UnixSeconds)>, StoreError>> {
        self.0.read(revocations).boxed()
    }

    fn revoke(&self, new: NewRevocation) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.write(move |tx| revoke(tx, &new)).boxed()
    }

    fn recouped(&self, recoup: Digest) -> BoxFuture<'_, Result<Option<u64>, StoreError>> {
        self.0.read(move |tx| recouped(tx, &recoup)).boxed()
    }

    fn recoup(&self, new: NewRecoup) -> BoxFuture<'_, Result<u64, LedgerError>> {
        self.0.write(move |tx| recoup(tx, &new)).boxed()
    }

    fn void(&self, melt: Digest) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.0.write(move |tx| void(tx, &melt)).boxed()
    }
}

fn revocations(tx: &mut Tx<'_>) -> Result<Vec<(Digest, UnixSeconds)>, StoreError> {
    tx.all("SELECT denomination, revoked_at FROM revocation ORDER BY revoked_at, denomination", values![], |row| {
        Ok((row.take(0)?, seconds(row, 1)?))
    })
}

/// How many of these were not revoked before.
fn revoke(tx: &mut Tx<'_>, new: &NewRevocation) -> Result<u64, StoreError> {
    let mut revoked = 0;
    for denomination in &new.denominations {
        revoked += tx.execute(
            "INSERT INTO revocation (denomination, reason, revoked_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (denomination) DO NOTHING",
            values![denomination, new.reason, Whole(new.revoked_at.0)],
        )?;
    }
    Ok(revoked)
}

fn recouped(tx: &mut Tx<'_>, recoup: &Digest) -> Result<Option<u64>, StoreError> {
    let amount = tx.find::<Whole>("SELECT amount FROM recoup WHERE digest = ?1", values![recoup])?;
    Ok(amount.map(|whole| whole.0))
}

/// The coin is held before it is looked at: of two equal recoups at once the second waits here, and then finds the first.
fn recoup(tx: &mut Tx<'_>, new: &NewRecoup) -> Result<u64, LedgerError> {
    let NewRecoup { key, denomination, value, signature, .. } = *new;
    let coin = |amount| UsedCoin { key, denomination, value, signature, amount };
    let number = coins::hold(tx, &coin(0))?;
    if let Some(amount) = recouped(tx, &new.digest)? {
        return Ok(amount);
    }
    let spent = tx.one("SELECT spent FROM coin WHERE number = ?1", values![number], |row| minor(row, 0))?;
    let left = spent.and_then(|spent| value.checked_sub(spent)).filter(|left| *left > 0);
    let left = left.ok_or_else(|| LedgerError::CoinSpent(Box::new(key)))?;
    coins::take(tx, &coin(left))?;
    reserves::add(tx, &new.reserve, left)?;
    tx.execute(
        "INSERT INTO recoup (digest, coin, reserve, amount, at, statement) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![new.digest, number, new.reserve, Whole(left), Whole(new.at.0), new.statement],
    )?;
    Ok(left)
}

/// The orders that emptied a coin, as they were signed.
pub(super) fn of_coin(tx: &mut Tx<'_>, coin: i64) -> Result<Vec<String>, StoreError> {
    tx.all("SELECT statement FROM recoup WHERE coin = ?1 ORDER BY number", values![coin], |row| row.take(0))
}

/// Gives a melt's amount back to its coin, once, unless it was revealed meanwhile.
fn void(tx: &mut Tx<'_>, melt: &Digest) -> Result<(), LedgerError> {
    let record = melts::melted(tx, melt)?.ok_or(LedgerError::MeltUnknown)?;
    let voided =
        tx.execute("UPDATE melt SET void = 1 WHERE digest = ?1 AND void = 0 AND signatures IS NULL", values![melt])?;
    if voided == 1 {
        tx.execute("UPDATE coin SET spent = spent - ?2 WHERE key = ?1", values![record.coin, Whole(record.amount)])?;
    }
    Ok(())
}
