//! The bank's books, in SQLite or PostgreSQL.
//!
//! A transfer locks both of its accounts, always in one order, before it looks at anything: so no two transfers wait for
//! each other, a balance is what it was when the transfer is written, and serials are given in the order of an account's books.

mod files;
#[cfg(test)]
mod tests;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Amount, Currency, UnixSeconds};

use super::CENTRAL;
use super::config::AccountConfig;
use super::error::BankError;
use super::ledger::{self, LedgerError, Position};
use super::messages::{
    AccountName, Direction, EndToEnd, Entry, Standing, Subject, Transfer, TransferId, TransferOrder,
};
use super::store::{Outcome, Store, Trial};
use crate::http::TokenHash;
use crate::store::StoreError;
use crate::store::sql::{Database, Row, Schema, Tx, values};

pub(super) const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SBnk"),
    name: "bank",
    sqlite: &[include_str!("../schema/sqlite/1-base.sql"), include_str!("../schema/sqlite/2-iban.sql")],
    postgres: &[include_str!("../schema/postgres/1-base.sql"), include_str!("../schema/postgres/2-iban.sql")],
};

pub(super) struct Sql {
    database: Database,
}

/// An account as a transfer needs it.
struct Account {
    id: i64,
    account: String,
    position: Position,
}

impl Sql {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Store for Sql {
    fn open(&self, currency: Currency, limit_minor: u64) -> BoxFuture<'_, Result<(), BankError>> {
        Box::pin(self.database.write(move |tx| {
            tx.execute(
                "INSERT INTO book (only_one, currency) VALUES (1, ?1) ON CONFLICT (only_one) DO NOTHING",
                values![currency.as_str()],
            )?;
            if currency_of(tx)? != currency {
                return Err(BankError::CurrencyMismatch);
            }
            let floor = i64::try_from(limit_minor).map_err(|_| LedgerError::AmountInvalid)?.saturating_neg();
            tx.execute(
                "INSERT INTO account (account, name, floor) VALUES (?1, 'Money in circulation', ?2)
                 ON CONFLICT (account) DO UPDATE SET floor =
                    CASE WHEN account.balance < excluded.floor THEN account.balance ELSE excluded.floor END",
                values![CENTRAL, floor],
            )?;
            Ok(())
        }))
    }

    fn set_up(&self, account: &AccountConfig, at: UnixSeconds) -> BoxFuture<'_, Result<(), BankError>> {
        let AccountConfig { account, name, token, iban, opening_minor } = account.clone();
        let iban = iban.map(|iban| iban.as_str().to_owned());
        let token = TokenHash::of(&token.0);
        Box::pin(self.database.write(move |tx| {
            let made: Option<i64> = tx.find(
                "INSERT INTO account (account, name, token_hash) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO NOTHING RETURNING id",
                values![account.as_str(), name, token.as_bytes()],
            )?;
            if made.is_none() {
                tx.execute(
                    "UPDATE account SET name = ?2, token_hash = ?3 WHERE account = ?1",
                    values![account.as_str(), name, token.as_bytes()],
                )?;
            }
            tx.execute("UPDATE account SET iban = ?2 WHERE account = ?1", values![account.as_str(), iban])?;
            if made.is_none() || opening_minor == 0 {
                return Ok(());
            }
            let amount = Amount::new(currency_of(tx)?, opening_minor).map_err(|_| LedgerError::AmountInvalid)?;
            let text = |what: &str| format!("{what}-{account}");
            let opening = TransferOrder {
                id: stored(TransferId::try_from(text("opening").chars().take(64).collect::<String>()))?,
                from: stored(AccountName::try_from(CENTRAL.to_owned()))?,
                to: account.clone(),
                amount,
                subject: stored(Subject::try_from("Opening balance".to_owned()))?,
                end_to_end: None,
            };
            make_transfer(tx, &opening, at).map(|_| ())
        }))
    }

    fn authorise(&self, account: &AccountName, token: TokenHash) -> BoxFuture<'_, Result<(), BankError>> {
        let account = account.clone();
        Box::pin(self.database.read(move |tx| {
            let hash: Option<Option<[u8; 32]>> =
                tx.find("SELECT token_hash FROM account WHERE account = ?1", values![account.as_str()])?;
            match hash {
                None => Err(BankError::AccountUnknown),
                Some(Some(hash)) if token.matches(&hash) => Ok(()),
                Some(_) => Err(BankError::TokenInvalid),
            }
        }))
    }

    fn transfer(&self, order: TransferOrder, at: UnixSeconds) -> BoxFuture<'_, Result<Outcome, BankError>> {
        Box::pin(self.database.write(move |tx| make_transfer(tx, &order, at)))
    }

    fn standing(&self, account: &AccountName) -> BoxFuture<'_, Result<Standing, BankError>> {
        let account = account.clone();
        Box::pin(self.database.read(move |tx| {
            let currency = currency_of(tx)?;
            let row =
                tx.one("SELECT name, balance FROM account WHERE account = ?1", values![account.as_str()], |row| {
                    Ok((row.take(0)?, row.take::<i64>(1)?))
                })?;
            let (name, balance) = row.ok_or(BankError::AccountUnknown)?;
            // Only the central account can be below zero, and nobody may ask for it.
            let balance = stored(Amount::new(currency, balance.max(0).unsigned_abs()))?;
            Ok(Standing { account: account.clone(), name, balance })
        }))
    }

    fn history(&self, account: &AccountName, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, BankError>> {
        let account = account.clone();
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        Box::pin(self.database.read(move |tx| {
            let currency = currency_of(tx)?;
            let entries = tx.all(
                "SELECT t.serial, t.id, p.minor, other.account, t.minor, t.subject, t.at
                 FROM account AS own
                 JOIN posting AS p ON p.account = own.id
                 JOIN transfer AS t ON t.serial = p.transfer
                 JOIN account AS other ON other.id = CASE WHEN t.payer = own.id THEN t.payee ELSE t.payer END
                 WHERE own.account = ?1 AND p.transfer > ?2
                 ORDER BY p.transfer LIMIT ?3",
                values![account.as_str(), after, limit],
                |row| {
                    Ok(Entry {
                        serial: row.take(0)?,
                        transfer: text(row, 1)?,
                        direction: if row.take::<i64>(2)? < 0 { Direction::Out } else { Direction::In },
                        counterparty: text(row, 3)?,
                        amount: amount(row, 4, currency)?,
                        subject: text(row, 5)?,
                        at: UnixSeconds(row.take(6)?),
                    })
                },
            )?;
            Ok(entries)
        }))
    }

    fn trial(&self) -> BoxFuture<'_, Result<Trial, BankError>> {
        Box::pin(self.database.snapshot(|tx| {
            Ok(Trial {
                balances: tx.value("SELECT CAST(coalesce(sum(balance), 0) AS BIGINT) FROM account", values![])?,
                postings: tx.value("SELECT CAST(coalesce(sum(minor), 0) AS BIGINT) FROM posting", values![])?,
                wrong_accounts: tx.value(
                    "SELECT count(*) FROM account WHERE balance <>
                        (SELECT coalesce(sum(minor), 0) FROM posting WHERE posting.account = account.id)",
                    values![],
                )?,
            })
        }))
    }
}

fn make_transfer(tx: &mut Tx<'_>, order: &TransferOrder, at: UnixSeconds) -> Result<Outcome, BankError> {
    let currency = currency_of(tx)?;
    if order.amount.currency() != currency {
        return Err(BankError::CurrencyMismatch);
    }
    let accounts = tx.all(
        "SELECT id, account, balance, floor FROM account WHERE account = ?1 OR account = ?2 ORDER BY id /*FOR UPDATE*/",
        values![order.from.as_str(), order.to.as_str()],
        |row| {
            let position = Position { balance: row.take(2)?, floor: row.take(3)? };
            Ok(Account { id: row.take(0)?, account: row.take(1)?, position })
        },
    )?;
    let find = |name: &AccountName| accounts.iter().find(|account| account.account == name.as_str());
    let payer = find(&order.from).ok_or(BankError::AccountUnknown)?;
    if let Some(earlier) = find_transfer(tx, payer.id, order, currency)? {
        return Ok(Outcome::Repeated(earlier));
    }
    let payee = find(&order.to).ok_or(BankError::AccountUnknown)?;
    if payer.id == payee.id {
        return Err(LedgerError::SameAccount.into());
    }
    let movement = ledger::transfer(payer.position, payee.position, order.amount.minor())?;
    let end_to_end = order.end_to_end.as_ref().map(EndToEnd::as_str);
    let serial: i64 = tx.value(
        "INSERT INTO transfer (id, payer, payee, minor, subject, at, end_to_end) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         RETURNING serial",
        values![order.id.as_str(), payer.id, payee.id, movement.into, order.subject.as_str(), at.0, end_to_end],
    )?;
    tx.execute_each(
        "INSERT INTO posting (account, transfer, minor) VALUES (?1, ?2, ?3)",
        &[values![payer.id, serial, movement.out], values![payee.id, serial, movement.into]],
    )?;
    tx.execute_each(
        "UPDATE account SET balance = ?2 WHERE id = ?1",
        &[values![payer.id, movement.payer_balance], values![payee.id, movement.payee_balance]],
    )?;
    let TransferOrder { id, from, to, amount, subject, .. } = order.clone();
    Ok(Outcome::Made(Transfer { id, from, to, amount, subject, at }))
}

/// The transfer this payer made under the same identifier; a conflict where it was another one.
fn find_transfer(
    tx: &mut Tx<'_>,
    payer: i64,
    order: &TransferOrder,
    currency: Currency,
) -> Result<Option<Transfer>, BankError> {
    let earlier = tx.one(
        "SELECT payee.account, t.minor, t.subject, t.at FROM transfer AS t JOIN account AS payee ON payee.id = t.payee
         WHERE t.payer = ?1 AND t.id = ?2",
        values![payer, order.id.as_str()],
        |row| {
            Ok(Transfer {
                id: order.id.clone(),
                from: order.from.clone(),
                to: text(row, 0)?,
                amount: amount(row, 1, currency)?,
                subject: text(row, 2)?,
                at: UnixSeconds(row.take(3)?),
            })
        },
    )?;
    let Some(earlier) = earlier else { return Ok(None) };
    let same = earlier.to == order.to && earlier.amount == order.amount && earlier.subject == order.subject;
    if same { Ok(Some(earlier)) } else { Err(BankError::RequestConflict) }
}

fn currency_of(tx: &mut Tx<'_>) -> Result<Currency, BankError> {
    let text: String = tx.value("SELECT currency FROM book", values![])?;
    Ok(stored(text.parse())?)
}

fn text<T: TryFrom<String>>(row: &Row<'_>, column: usize) -> Result<T, StoreError> {
    stored(T::try_from(row.take::<String>(column)?).map_err(|_| "a text"))
}

fn amount(row: &Row<'_>, column: usize, currency: Currency) -> Result<Amount, StoreError> {
    stored(Amount::new(currency, row.take(column)?))
}

/// What we stored ourselves must be readable; where it is not, the books are damaged.
fn stored<T, E: std::fmt::Display>(value: Result<T, E>) -> Result<T, StoreError> {
    value.map_err(|error| StoreError::Failed(format!("the books are damaged: {error}").into()))
}
