//! Merchants' accounts, and the transfers that pay them.

use futures_util::future::{BoxFuture, FutureExt as _};
use rand_core::Rng as _;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::MAX_PAYOUT_DEALS;
use semper_shared::security::Thumbprint;
use semper_shared::security::keys::SignatureBytes;

use super::{SqlStore, Whole, minor, seconds};
use crate::crypto::system_rng;
use crate::mint::payouts::{
    Due, NewAccount, Payout, PayoutOutcome, PayoutRecord, PayoutRow, PayoutStore, Redirection, Terms,
};
use crate::mint::store::{AccountNumber, LedgerError, PayeeNumber};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

const PREPARED: i64 = 0;
const SENT: i64 = 1;
const REFUSED: i64 = 2;

impl PayoutStore for SqlStore {
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<(Thumbprint, AccountNumber)>, StoreError>> {
        self.0.read(accounts).boxed()
    }

    fn account(&self, merchant: Thumbprint) -> BoxFuture<'_, Result<Option<AccountNumber>, StoreError>> {
        self.0.read(move |tx| account(tx, &merchant)).boxed()
    }

    fn payee(&self, merchant: AccountNumber, label: String) -> BoxFuture<'_, Result<Option<PayeeNumber>, StoreError>> {
        self.0
            .read(move |tx| {
                tx.find("SELECT number FROM payee WHERE merchant = ?1 AND label = ?2", values![merchant, label])
            })
            .boxed()
    }

    fn register(&self, account: NewAccount) -> BoxFuture<'_, Result<AccountNumber, LedgerError>> {
        self.0.write(move |tx| register(tx, &account)).boxed()
    }

    fn redirect(&self, deposit: Redirection) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| redirect(tx, &deposit)).boxed()
    }

    fn due(&self, due: UnixSeconds) -> BoxFuture<'_, Result<Vec<(AccountNumber, PayeeNumber)>, StoreError>> {
        self.0.read(move |tx| find_due(tx, due)).boxed()
    }

    fn gather(
        &self,
        account: (AccountNumber, PayeeNumber),
        due: Due,
        terms: Terms,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        let id = make_id();
        self.0.write(move |tx| gather(tx, account, &due, &terms, &id)).boxed()
    }

    fn open_payouts(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Payout>, StoreError>> {
        self.0.read(move |tx| open(tx, now)).boxed()
    }

    fn finish(&self, payout: Payout, outcome: PayoutOutcome) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| finish(tx, &payout, outcome)).boxed()
    }

    fn payouts(
        &self,
        merchant: AccountNumber,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<PayoutRow>, StoreError>> {
        self.0.read(move |tx| of_merchant(tx, merchant, after, limit)).boxed()
    }

    fn payout(
        &self,
        merchant: AccountNumber,
        payout: Digest,
    ) -> BoxFuture<'_, Result<Option<PayoutRecord>, StoreError>> {
        self.0.snapshot(move |tx| find(tx, merchant, &payout.to_string())).boxed()
    }

    fn sign_payout(&self, number: i64, signature: SignatureBytes) -> BoxFuture<'_, Result<SignatureBytes, StoreError>> {
        self.0
            .write(move |tx| {
                tx.value(
                    "UPDATE payout SET signature = coalesce(signature, ?2) WHERE number = ?1 RETURNING signature",
                    values![number, signature],
                )
            })
            .boxed()
    }
}

fn accounts(tx: &mut Tx<'_>) -> Result<Vec<(Thumbprint, AccountNumber)>, StoreError> {
    tx.all("SELECT merchant, number FROM account", values![], |row| Ok((row.take(0)?, row.take(1)?)))
}

fn account(tx: &mut Tx<'_>, merchant: &Thumbprint) -> Result<Option<AccountNumber>, StoreError> {
    tx.find("SELECT number FROM account WHERE merchant = ?1", values![merchant])
}

/// The latest registration holds, in whatever order they come.
fn register(tx: &mut Tx<'_>, new: &NewAccount) -> Result<AccountNumber, LedgerError> {
    let at = Whole(new.registered_at.0);
    if let Some(label) = &new.label {
        return register_further(tx, new, label);
    }
    let number = tx.find(
        "INSERT INTO account (merchant, account, registered_at, registration) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (merchant) DO UPDATE SET account = excluded.account, registered_at = excluded.registered_at,
         registration = excluded.registration WHERE account.registered_at < excluded.registered_at RETURNING number",
        values![new.merchant, new.account, at, new.registration],
    )?;
    if let Some(number) = number {
        return Ok(number);
    }
    let same = "SELECT number FROM account WHERE merchant = ?1 AND account = ?2 AND registered_at = ?3";
    let same = tx.find(same, values![new.merchant, new.account, at])?;
    same.ok_or(LedgerError::Conflict("A later registration of the merchant is known."))
}

/// The account without a label is there before any other, since the merchant is known by it.
fn register_further(tx: &mut Tx<'_>, new: &NewAccount, label: &str) -> Result<AccountNumber, LedgerError> {
    let merchant = account(tx, &new.merchant)?.ok_or(LedgerError::AccountMissing)?;
    let at = Whole(new.registered_at.0);
    let taken = tx.execute(
        "INSERT INTO payee (merchant, label, account, registered_at, registration) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (merchant, label) DO UPDATE SET account = excluded.account,
         registered_at = excluded.registered_at, registration = excluded.registration
         WHERE payee.registered_at < excluded.registered_at",
        values![merchant, label, new.account, at, new.registration],
    )?;
    if taken == 1 {
        return Ok(merchant);
    }
    let same = "SELECT 1 FROM payee WHERE merchant = ?1 AND label = ?2 AND account = ?3 AND registered_at = ?4";
    let same: Option<i64> = tx.find(same, values![merchant, label, new.account, at])?;
    same.map(|_| merchant).ok_or(LedgerError::Conflict("A later registration of the merchant is known."))
}

/// The merchant's word comes late where somebody else handed the coins in first: it counts until the deposit is paid out.
fn redirect(tx: &mut Tx<'_>, deposit: &Redirection) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE deposit SET payee = ?3, direction = ?4
         WHERE deal = ?1 AND merchant = ?2 AND direction IS NULL AND payout IS NULL",
        values![deposit.deal, deposit.merchant, deposit.payee.number, deposit.payee.direction],
    )?;
    Ok(())
}

fn find_due(tx: &mut Tx<'_>, due: UnixSeconds) -> Result<Vec<(AccountNumber, PayeeNumber)>, StoreError> {
    let some = |merchant: &str, payee: &str| {
        format!(
            "EXISTS (SELECT 1 FROM deposit WHERE payout IS NULL AND refunded < amount
             AND deposit.merchant = {merchant} AND deposit.payee = {payee} AND wire_by <= ?1)"
        )
    };
    let (first, further) = (some("account.number", "0"), some("payee.merchant", "payee.number"));
    tx.all(
        &format!(
            "SELECT number, CAST(0 AS BIGINT) FROM account WHERE {first}
             UNION ALL SELECT merchant, number FROM payee WHERE {further}"
        ),
        values![Whole(due.0)],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )
}

/// Where a payout goes at present.
fn account_of(
    tx: &mut Tx<'_>,
    (merchant, payee): (AccountNumber, PayeeNumber),
    held: &str,
) -> Result<Option<String>, StoreError> {
    let account: Option<String> =
        tx.find(&format!("SELECT account FROM account WHERE number = ?1 {held}"), values![merchant])?;
    if payee == 0 {
        return Ok(account);
    }
    tx.find("SELECT account FROM payee WHERE number = ?1 AND merchant = ?2", values![payee, merchant])
}

/// The merchant's account is held, so that no two gather for one merchant at once.
fn gather(
    tx: &mut Tx<'_>,
    (merchant, payee): (AccountNumber, PayeeNumber),
    due: &Due,
    terms: &Terms,
    id: &str,
) -> Result<bool, StoreError> {
    let account = account_of(tx, (merchant, payee), "/*FOR UPDATE*/")?;
    let some = tx.one(
        "SELECT wire_by FROM deposit WHERE payout IS NULL AND refunded < amount
         AND merchant = ?1 AND payee = ?2 AND wire_by <= ?3 ORDER BY wire_by LIMIT 1",
        values![merchant, payee, Whole(due.by.0)],
        |row| seconds(row, 0),
    )?;
    let (Some(account), Some(first)) = (account, some) else {
        return Ok(false);
    };
    if terms.min > 0 && first.plus(terms.wait_s) > due.by {
        let sum: Whole = tx.value(
            "SELECT CAST(coalesce(sum(amount - refunded), 0) AS BIGINT) FROM deposit
             WHERE payout IS NULL AND refunded < amount AND merchant = ?1 AND payee = ?2 AND wire_by <= ?3",
            values![merchant, payee, Whole(due.by.0)],
        )?;
        if sum.0 < terms.min {
            return Ok(false);
        }
    }
    // Made before the sum is known, since the deposits refer to it.
    let number: i64 = tx.value(
        "INSERT INTO payout (id, merchant, payee, account, amount, state, made_at, next_at)
         VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?6) RETURNING number",
        values![id, merchant, payee, account, PREPARED, Whole(due.now.0)],
    )?;
    let most = i64::try_from(MAX_PAYOUT_DEALS).unwrap_or(i64::MAX);
    let gathered = tx.execute(
        "UPDATE deposit SET payout = ?1 WHERE payout IS NULL AND refunded < amount AND number IN
         (SELECT number FROM deposit WHERE payout IS NULL AND refunded < amount
          AND merchant = ?2 AND payee = ?3 AND wire_by <= ?4 ORDER BY wire_by LIMIT ?5)",
        values![number, merchant, payee, Whole(due.by.0), most],
    )?;
    if gathered == 0 {
        tx.execute("DELETE FROM payout WHERE number = ?1", values![number])?;
        return Ok(false);
    }
    tx.execute(
        "UPDATE payout SET amount =
         (SELECT CAST(coalesce(sum(amount - refunded), 0) AS BIGINT) FROM deposit WHERE payout = ?1) WHERE number = ?1",
        values![number],
    )?;
    Ok(true)
}

/// The name of a transfer at the bank, which does nothing twice under one name.
fn make_id() -> String {
    let mut bytes = [0; 32];
    system_rng().fill_bytes(&mut bytes);
    Digest(bytes).to_string()
}

fn open(tx: &mut Tx<'_>, now: UnixSeconds) -> Result<Vec<Payout>, StoreError> {
    tx.all(
        "SELECT number, id, account, amount FROM payout
         WHERE state <> 1 AND next_at <= ?1 ORDER BY next_at, number LIMIT 256",
        values![Whole(now.0)],
        |row| Ok(Payout { number: row.take(0)?, id: row.take(1)?, account: row.take(2)?, amount: minor(row, 3)? }),
    )
}

/// A refusal is certain, so that the same name may go to another account then. Two replicas may send the same payout: the bank
/// takes one of them, and that is what is recorded, whatever the other heard.
fn finish(tx: &mut Tx<'_>, payout: &Payout, outcome: PayoutOutcome) -> Result<(), StoreError> {
    match outcome {
        PayoutOutcome::Sent => tx.execute(
            "UPDATE payout SET state = ?2, account = ?3 WHERE number = ?1",
            values![payout.number, SENT, payout.account],
        )?,
        PayoutOutcome::Refused { again_at } => tx.execute(
            "UPDATE payout SET state = ?2, next_at = ?3, account = CASE WHEN payee = 0
                 THEN (SELECT account.account FROM account WHERE account.number = payout.merchant)
                 ELSE (SELECT payee.account FROM payee WHERE payee.number = payout.payee) END
             WHERE number = ?1 AND state <> ?4",
            values![payout.number, REFUSED, Whole(again_at.0), SENT],
        )?,
    };
    Ok(())
}

fn of_merchant(
    tx: &mut Tx<'_>,
    merchant: AccountNumber,
    after: u64,
    limit: usize,
) -> Result<Vec<PayoutRow>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.all(
        "SELECT number, id, amount, CASE WHEN state = ?4 THEN 1 ELSE 0 END FROM payout
         WHERE merchant = ?1 AND number > ?2 ORDER BY number LIMIT ?3",
        values![merchant, Whole(after & (u64::MAX >> 1)), limit, SENT],
        |row| Ok(PayoutRow { number: minor(row, 0)?, id: row.take(1)?, amount: minor(row, 2)?, sent: row.take(3)? }),
    )
}

fn find(tx: &mut Tx<'_>, merchant: AccountNumber, id: &str) -> Result<Option<PayoutRecord>, StoreError> {
    let found = tx.one(
        "SELECT payout.number, payee.label, payout.account, payout.amount,
                CASE WHEN payout.state = ?3 THEN 1 ELSE 0 END, payout.made_at, payout.signature
         FROM payout LEFT JOIN payee ON payee.number = payout.payee WHERE payout.id = ?1 AND payout.merchant = ?2",
        values![id, merchant, SENT],
        |row| {
            Ok(PayoutRecord {
                number: row.take(0)?,
                label: row.take(1)?,
                account: row.take(2)?,
                amount: minor(row, 3)?,
                sent: row.take(4)?,
                made_at: seconds(row, 5)?,
                signature: row.take(6)?,
                deals: Vec::new(),
            })
        },
    )?;
    let Some(mut record) = found else {
        return Ok(None);
    };
    record.deals = tx.all(
        "SELECT deal, amount, refunded FROM deposit WHERE payout = ?1 ORDER BY number",
        values![record.number],
        |row| Ok((row.take(0)?, minor(row, 1)?, minor(row, 2)?)),
    )?;
    Ok(Some(record))
}

#[cfg(test)]
mod tests;
