//! Transfers from person to person.

use futures_util::future::{BoxFuture, FutureExt as _};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::transfer::TransferState;

use super::{SqlStore, Whole, coins, minor, reserves, seconds};
use crate::mint::store::{LedgerError, SpendRecord};
use crate::mint::transfers::{Decision, NewTransfer, TransferRecord, TransferStore};
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, values};

const PENDING: i64 = 0;
const ACCEPTED: i64 = 1;
const RETURNED: i64 = 2;

impl TransferStore for SqlStore {
    fn pay_in(&self, transfer: NewTransfer) -> BoxFuture<'_, Result<TransferRecord, LedgerError>> {
        self.0.write(move |tx| pay_in(tx, &transfer)).boxed()
    }

    fn transfer(&self, name: Digest) -> BoxFuture<'_, Result<Option<TransferRecord>, StoreError>> {
        self.0.read(move |tx| find(tx, &name)).boxed()
    }

    fn decide(&self, name: Digest, decision: Decision) -> BoxFuture<'_, Result<TransferRecord, LedgerError>> {
        self.0.write(move |tx| decide(tx, &name, &decision)).boxed()
    }

    fn expired(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>> {
        self.0.read(move |tx| expired(tx, now)).boxed()
    }
}

fn pay_in(tx: &mut Tx<'_>, new: &NewTransfer) -> Result<TransferRecord, LedgerError> {
    let (state, decided_at) = match new.reserve {
        Some(_) => (ACCEPTED, Some(Whole(new.confirmed_at.0))),
        None => (PENDING, None),
    };
    let number: Option<i64> = tx.find(
        "INSERT INTO transfer (name, digest, signer, statement, coins, amount, expires_at, state, reserve, decided_at,
         confirmed_at, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (name) DO NOTHING RETURNING number",
        values![
            new.name,
            new.digest,
            new.signer,
            new.statement,
            new.coins,
            Whole(new.amount),
            Whole(new.expires_at.0),
            state,
            new.reserve,
            decided_at,
            Whole(new.confirmed_at.0),
            new.signature
        ],
    )?;
    if let Some(number) = number {
        let mut order: Vec<(i64, &_)> = (0..).zip(&new.spends).collect();
        order.sort_unstable_by_key(|(_, spend)| spend.coin.key);
        for (position, spend) in order {
            let coin = coins::take(tx, &spend.coin)?;
            tx.execute(
                "INSERT INTO transfer_spend (transfer, position, coin, amount, proof, fee) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                values![number, position, coin, Whole(spend.gives()), spend.proof, Whole(spend.fee)],
            )?;
        }
        if let Some(reserve) = new.reserve {
            reserves::add_within(tx, &reserve, new.amount, new.reserve_limit)?;
        }
    }
    find(tx, &new.name)?.ok_or(LedgerError::Conflict("a transfer is there and is not"))
}

fn decide(tx: &mut Tx<'_>, name: &Digest, decision: &Decision) -> Result<TransferRecord, LedgerError> {
    match decision {
        Decision::Accept { reserve, reserve_limit, statement, now } => {
            let accepted: Option<Whole> = tx.find(
                "UPDATE transfer SET state = 1, reserve = ?2, decision = ?3, decided_at = ?4
                 WHERE name = ?1 AND state = 0 AND expires_at >= ?4 RETURNING amount",
                values![name, reserve, statement, Whole(now.0)],
            )?;
            match accepted {
                Some(amount) => reserves::add_within(tx, reserve, amount.0, *reserve_limit)?,
                None => give_back(tx, name, None, *now)?,
            }
        }
        Decision::Cancel { statement, now } => {
            // One that has expired goes back all the same.
            give_back(tx, name, Some(statement), *now)?;
        }
        Decision::Expire { now } => give_back(tx, name, None, *now)?,
    }
    find(tx, name)?.ok_or(LedgerError::TransferUnknown)
}

/// Gives a pending transfer back to its coins: one that has expired, or one that was called off.
fn give_back(tx: &mut Tx<'_>, name: &Digest, statement: Option<&String>, now: UnixSeconds) -> Result<(), LedgerError> {
    let open = "UPDATE transfer SET state = 2, decision = ?2, decided_at = ?3 WHERE name = ?1 AND state = 0";
    let due = if statement.is_some() { "" } else { " AND expires_at < ?3" };
    let returned: Option<i64> =
        tx.find(&format!("{open}{due} RETURNING number"), values![name, statement, Whole(now.0)])?;
    let Some(number) = returned else {
        return Ok(());
    };
    // In the order of the keys, as they were taken.
    let coins = tx.all(
        "SELECT coin.key, transfer_spend.amount FROM transfer_spend JOIN coin ON coin.number = transfer_spend.coin
         WHERE transfer_spend.transfer = ?1 ORDER BY coin.key",
        values![number],
        |row| Ok((row.take::<[u8; 33]>(0)?, minor(row, 1)?)),
    )?;
    for (key, amount) in coins {
        tx.execute("UPDATE coin SET spent = spent - ?2 WHERE key = ?1", values![key, Whole(amount)])?;
    }
    Ok(())
}

fn find(tx: &mut Tx<'_>, name: &Digest) -> Result<Option<TransferRecord>, StoreError> {
    tx.one(
        "SELECT digest, signer, statement, coins, amount, expires_at, state, reserve, confirmed_at, signature
         FROM transfer WHERE name = ?1",
        values![name],
        |row| {
            Ok(TransferRecord {
                digest: row.take(0)?,
                signer: row.take(1)?,
                statement: row.take(2)?,
                coins: row.take(3)?,
                amount: minor(row, 4)?,
                expires_at: seconds(row, 5)?,
                state: state(row.take(6)?)?,
                reserve: row.take(7)?,
                confirmed_at: seconds(row, 8)?,
                signature: row.take(9)?,
            })
        },
    )
}

fn state(number: i64) -> Result<TransferState, StoreError> {
    match number {
        PENDING => Ok(TransferState::Pending),
        ACCEPTED => Ok(TransferState::Accepted),
        RETURNED => Ok(TransferState::Returned),
        _ => Err(StoreError::Failed("a transfer has no such state".into())),
    }
}

fn expired(tx: &mut Tx<'_>, now: UnixSeconds) -> Result<Vec<Digest>, StoreError> {
    tx.all(
        "SELECT name FROM transfer WHERE state = 0 AND expires_at < ?1 ORDER BY expires_at LIMIT 256",
        values![Whole(now.0)],
        |row| row.take(0),
    )
}

/// What a coin gave to transfers and did not get back, with whether that is still open.
pub(super) fn of_coin(tx: &mut Tx<'_>, coin: i64) -> Result<Vec<(SpendRecord, bool)>, StoreError> {
    tx.all(
        "SELECT coin.key, coin.denomination, coin.signature, transfer.signer, transfer.digest, transfer_spend.amount,
                transfer.expires_at, transfer_spend.proof, transfer.state
         FROM transfer_spend JOIN coin ON coin.number = transfer_spend.coin
         JOIN transfer ON transfer.number = transfer_spend.transfer
         WHERE transfer_spend.coin = ?1 AND transfer.state <> 2 ORDER BY transfer.number",
        values![coin],
        |row: &Row<'_>| {
            let record = SpendRecord {
                coin: row.take(0)?,
                denomination: row.take(1)?,
                signature: row.take(2)?,
                merchant: row.take(3)?,
                deal: row.take(4)?,
                amount: minor(row, 5)?,
                refund_by: seconds(row, 6)?,
                proof: row.take(7)?,
            };
            Ok((record, row.take::<i64>(8)? == PENDING))
        },
    )
}
