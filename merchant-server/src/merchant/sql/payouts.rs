//! Payouts: the mints' statements, and which deals were in them.

use futures_util::future::BoxFuture;
use semper_shared::foundation::Digest;

use super::{Sql, seconds};
use crate::merchant::payouts::{NewPayout, PayoutStore, StoredPayout};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

impl PayoutStore for Sql {
    fn keep_payout(&self, payout: NewPayout) -> BoxFuture<'_, Result<i64, StoreError>> {
        Box::pin(self.database.write(move |tx| keep(tx, &payout)))
    }

    fn has_payout(&self, mint: Digest, id: Digest) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.database.read(move |tx| {
            let found: Option<i64> =
                tx.find("SELECT serial FROM payout WHERE mint = ?1 AND id = ?2", values![mint, id])?;
            Ok(found.is_some())
        }))
    }

    fn payouts(
        &self,
        before: i64,
        limit: u32,
        deals: fn(&str) -> Vec<Digest>,
    ) -> BoxFuture<'_, Result<Vec<StoredPayout>, StoreError>> {
        Box::pin(self.database.snapshot(move |tx| list(tx, before, limit, deals)))
    }

    fn keep_account(&self, label: String, account: String) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.database.write(move |tx| {
            tx.execute(
                "INSERT INTO payout_account (label, account) VALUES (?1, ?2) ON CONFLICT (label, account) DO NOTHING",
                values![label, account],
            )?;
            Ok(())
        }))
    }

    fn told_account(&self, label: String, account: String) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.database.read(move |tx| {
            let found: Option<String> = tx.find(
                "SELECT account FROM payout_account WHERE label = ?1 AND account = ?2",
                values![label, account],
            )?;
            Ok(found.is_some())
        }))
    }
}

fn keep(tx: &mut Tx<'_>, new: &NewPayout) -> Result<i64, StoreError> {
    let inserted: Option<i64> = tx.find(
        "INSERT INTO payout (mint, id, fetched_at, statement) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (mint, id) DO NOTHING RETURNING serial",
        values![new.mint, new.id, seconds(new.fetched_at), new.statement],
    )?;
    let Some(serial) = inserted else {
        return tx.value("SELECT serial FROM payout WHERE mint = ?1 AND id = ?2", values![new.mint, new.id]);
    };
    let mut deals: Vec<&Digest> = new.deals.iter().collect();
    deals.sort_unstable();
    for deal in deals {
        tx.execute(
            "INSERT INTO payout_deal (deal, payout) VALUES (?1, ?2) ON CONFLICT (deal) DO NOTHING",
            values![deal, serial],
        )?;
    }
    Ok(serial)
}

fn list(
    tx: &mut Tx<'_>,
    before: i64,
    limit: u32,
    deals: fn(&str) -> Vec<Digest>,
) -> Result<Vec<StoredPayout>, StoreError> {
    let mut payouts = tx.all(
        "SELECT serial, mint, statement FROM payout WHERE serial < ?1 ORDER BY serial DESC LIMIT ?2",
        values![before, limit],
        |row| Ok(StoredPayout { serial: row.take(0)?, mint: row.take(1)?, statement: row.take(2)?, again: Vec::new() }),
    )?;
    for payout in &mut payouts {
        for deal in deals(&payout.statement) {
            let first: Option<i64> = tx.find("SELECT payout FROM payout_deal WHERE deal = ?1", values![deal])?;
            if first != Some(payout.serial) {
                payout.again.push(deal);
            }
        }
    }
    Ok(payouts)
}
