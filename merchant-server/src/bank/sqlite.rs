//! The bank's books in SQLite.

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension as _, Row};
use semper_shared::foundation::{Amount, Currency, UnixSeconds};

use super::CENTRAL;
use super::config::AccountConfig;
use super::error::BankError;
use super::ledger::{self, LedgerError, Position};
use super::messages::{AccountName, Direction, Entry, Standing, Subject, Transfer, TransferId, TransferOrder};
use super::store::{Outcome, Store, Trial};
use crate::http::TokenHash;
use crate::store::StoreError;
use crate::store::sqlite::{Database, Schema};

pub(super) const SCHEMA: Schema =
    Schema { application: u32::from_be_bytes(*b"SBnk"), migrations: &[include_str!("schema/1.sql")] };

pub(super) struct Sqlite {
    database: Database,
}

/// An account as a transfer needs it.
struct Account {
    id: i64,
    position: Position,
}

impl Sqlite {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }
}

impl Store for Sqlite {
    fn open<'a>(&'a self, currency: Currency, limit_minor: u64) -> BoxFuture<'a, Result<(), BankError>> {
        Box::pin(self.database.write(move |tx| {
            tx.execute("INSERT INTO book VALUES (1, ?1) ON CONFLICT DO NOTHING", [currency.as_str()])?;
            if currency_of(tx)? != currency {
                return Err(BankError::CurrencyMismatch);
            }
            let floor = i64::try_from(limit_minor).map_err(|_| LedgerError::AmountInvalid)?.saturating_neg();
            tx.execute(
                "INSERT INTO account (account, name, floor) VALUES (?1, 'Money in circulation', ?2)
                 ON CONFLICT (account) DO UPDATE SET floor = min(balance, excluded.floor)",
                (CENTRAL, floor),
            )?;
            Ok(())
        }))
    }

    fn set_up<'a>(&'a self, account: &AccountConfig, at: UnixSeconds) -> BoxFuture<'a, Result<(), BankError>> {
        let AccountConfig { account, name, token, opening_minor } = account.clone();
        let token = TokenHash::of(&token.0);
        Box::pin(self.database.write(move |tx| {
            let exists = find(tx, account.as_str())?.is_some();
            tx.execute(
                "INSERT INTO account (account, name, token_hash) VALUES (?1, ?2, ?3)
                 ON CONFLICT (account) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash",
                (account.as_str(), &name, token.as_bytes()),
            )?;
            if exists || opening_minor == 0 {
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
            };
            make_transfer(tx, opening, at).map(|_| ())
        }))
    }

    fn authorise(&self, account: &AccountName, token: TokenHash) -> Result<(), BankError> {
        let hash: Option<Option<[u8; 32]>> = self.database.read(|connection| {
            let mut query = connection.prepare_cached("SELECT token_hash FROM account WHERE account = ?1")?;
            Ok::<_, StoreError>(query.query_row([account.as_str()], |row| row.get(0)).optional()?)
        })?;
        match hash {
            None => Err(BankError::AccountUnknown),
            Some(Some(hash)) if token.matches(&hash) => Ok(()),
            Some(_) => Err(BankError::TokenInvalid),
        }
    }

    fn transfer<'a>(&'a self, order: TransferOrder, at: UnixSeconds) -> BoxFuture<'a, Result<Outcome, BankError>> {
        Box::pin(self.database.write(move |tx| make_transfer(tx, order, at)))
    }

    fn standing(&self, account: &AccountName) -> Result<Standing, BankError> {
        self.database.read(|connection| {
            let currency = currency_of(connection)?;
            let mut query = connection.prepare_cached("SELECT name, balance FROM account WHERE account = ?1")?;
            let row = query.query_row([account.as_str()], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).optional()?;
            let (name, balance) = row.ok_or(BankError::AccountUnknown)?;
            // Only the central account can be below zero, and nobody may ask for it.
            let balance = stored(Amount::new(currency, balance.max(0).unsigned_abs()))?;
            Ok(Standing { account: account.clone(), name, balance })
        })
    }

    fn history(&self, account: &AccountName, after: u64, limit: u32) -> Result<Vec<Entry>, BankError> {
        self.database.read(|connection| {
            let currency = currency_of(connection)?;
            let mut query = connection.prepare_cached(
                "SELECT t.serial, t.id, p.minor, other.account, t.minor, t.subject, t.at
                 FROM account AS own
                 JOIN posting AS p ON p.account = own.id
                 JOIN transfer AS t ON t.serial = p.transfer
                 JOIN account AS other ON other.id = CASE WHEN t.payer = own.id THEN t.payee ELSE t.payer END
                 WHERE own.account = ?1 AND p.transfer > ?2
                 ORDER BY p.transfer LIMIT ?3",
            )?;
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let mut rows = query.query((account.as_str(), after, limit))?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let posted: i64 = row.get(2)?;
                entries.push(Entry {
                    serial: row.get::<_, i64>(0)?.unsigned_abs(),
                    transfer: text(row, 1)?,
                    direction: if posted < 0 { Direction::Out } else { Direction::In },
                    counterparty: text(row, 3)?,
                    amount: amount(row, 4, currency)?,
                    subject: text(row, 5)?,
                    at: UnixSeconds(row.get::<_, i64>(6)?.unsigned_abs()),
                });
            }
            Ok(entries)
        })
    }

    fn trial(&self) -> Result<Trial, BankError> {
        self.database.snapshot(|connection| {
            let sum = |sql: &str| connection.query_row(sql, (), |row| row.get::<_, i64>(0));
            Ok(Trial {
                balances: sum("SELECT coalesce(sum(balance), 0) FROM account")?,
                postings: sum("SELECT coalesce(sum(minor), 0) FROM posting")?,
                wrong_accounts: sum("SELECT count(*) FROM account WHERE balance <>
                    (SELECT coalesce(sum(minor), 0) FROM posting WHERE posting.account = account.id)")?,
            })
        })
    }
}

fn make_transfer(tx: &Connection, order: TransferOrder, at: UnixSeconds) -> Result<Outcome, BankError> {
    let currency = currency_of(tx)?;
    if order.amount.currency() != currency {
        return Err(BankError::CurrencyMismatch);
    }
    let payer = find(tx, order.from.as_str())?.ok_or(BankError::AccountUnknown)?;
    if let Some(earlier) = find_transfer(tx, payer.id, &order, currency)? {
        return Ok(Outcome::Repeated(earlier));
    }
    let payee = find(tx, order.to.as_str())?.ok_or(BankError::AccountUnknown)?;
    if payer.id == payee.id {
        return Err(LedgerError::SameAccount.into());
    }
    let movement = ledger::transfer(payer.position, payee.position, order.amount.minor())?;
    let seconds = i64::try_from(at.0).unwrap_or(i64::MAX);
    tx.prepare_cached("INSERT INTO transfer (id, payer, payee, minor, subject, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute((order.id.as_str(), payer.id, payee.id, movement.into, order.subject.as_str(), seconds))?;
    let serial = tx.last_insert_rowid();
    let mut post = tx.prepare_cached("INSERT INTO posting (account, transfer, minor) VALUES (?1, ?2, ?3)")?;
    post.execute((payer.id, serial, movement.out))?;
    post.execute((payee.id, serial, movement.into))?;
    let mut balance = tx.prepare_cached("UPDATE account SET balance = ?2 WHERE id = ?1")?;
    balance.execute((payer.id, movement.payer_balance))?;
    balance.execute((payee.id, movement.payee_balance))?;
    let TransferOrder { id, from, to, amount, subject } = order;
    Ok(Outcome::Made(Transfer { id, from, to, amount, subject, at }))
}

/// The transfer this payer made under the same identifier; a conflict where it was another one.
fn find_transfer(
    tx: &Connection,
    payer: i64,
    order: &TransferOrder,
    currency: Currency,
) -> Result<Option<Transfer>, BankError> {
    let mut query = tx.prepare_cached(
        "SELECT payee.account, t.minor, t.subject, t.at FROM transfer AS t JOIN account AS payee ON payee.id = t.payee
         WHERE t.payer = ?1 AND t.id = ?2",
    )?;
    let mut rows = query.query((payer, order.id.as_str()))?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let earlier = Transfer {
        id: order.id.clone(),
        from: order.from.clone(),
        to: text(row, 0)?,
        amount: amount(row, 1, currency)?,
        subject: text(row, 2)?,
        at: UnixSeconds(row.get::<_, i64>(3)?.unsigned_abs()),
    };
    let same = earlier.to == order.to && earlier.amount == order.amount && earlier.subject == order.subject;
    if same { Ok(Some(earlier)) } else { Err(BankError::RequestConflict) }
}

fn find(connection: &Connection, account: &str) -> Result<Option<Account>, BankError> {
    let mut query = connection.prepare_cached("SELECT id, balance, floor FROM account WHERE account = ?1")?;
    let account = query.query_row([account], |row| {
        Ok(Account { id: row.get(0)?, position: Position { balance: row.get(1)?, floor: row.get(2)? } })
    });
    Ok(account.optional()?)
}

fn currency_of(connection: &Connection) -> Result<Currency, BankError> {
    let text: String = connection.prepare_cached("SELECT currency FROM book")?.query_row((), |row| row.get(0))?;
    stored(text.parse())
}

fn text<T: TryFrom<String>>(row: &Row<'_>, column: usize) -> Result<T, BankError> {
    stored(T::try_from(row.get::<_, String>(column)?).map_err(|_| "a text"))
}

fn amount(row: &Row<'_>, column: usize, currency: Currency) -> Result<Amount, BankError> {
    stored(Amount::new(currency, row.get::<_, i64>(column)?.unsigned_abs()))
}

/// What we stored ourselves must be readable; where it is not, the books are damaged.
fn stored<T, E: std::fmt::Display>(value: Result<T, E>) -> Result<T, BankError> {
    value.map_err(|error| StoreError::Failed(format!("the books are damaged: {error}").into()).into())
}
