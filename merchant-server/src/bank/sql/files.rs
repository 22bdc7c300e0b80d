//! What files need of the books: accounts by their numbers, bookings with their other parties.

use futures_util::future::BoxFuture;
use semper_shared::foundation::UnixSeconds;
use semper_shared::items::payment::account::Iban;

use super::{Sql, amount, currency_of, stored, text};
use crate::bank::error::BankError;
use crate::bank::messages::{AccountName, Direction, Entry};
use crate::bank::store::{Booking, Bookings, FileStore, Profile, Which};
use crate::store::StoreError;
use crate::store::sql::{Row, values};

impl FileStore for Sql {
    fn numbered(&self, iban: &Iban) -> BoxFuture<'_, Result<Option<AccountName>, BankError>> {
        let iban = iban.as_str().to_owned();
        Box::pin(self.database.read(move |tx| {
            let name: Option<String> = tx.find("SELECT account FROM account WHERE iban = ?1", values![iban])?;
            Ok(name.map(|name| stored(AccountName::try_from(name))).transpose()?)
        }))
    }

    fn profile(&self, account: &AccountName) -> BoxFuture<'_, Result<Profile, BankError>> {
        let account = account.clone();
        Box::pin(self.database.read(move |tx| {
            let found =
                tx.one("SELECT name, iban FROM account WHERE account = ?1", values![account.as_str()], |row| {
                    profile(row, 0, 1)
                })?;
            found.ok_or(BankError::AccountUnknown)
        }))
    }

    fn bookings(&self, account: &AccountName, which: Which) -> BoxFuture<'_, Result<Bookings, BankError>> {
        let account = account.clone();
        let bound = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let (after, from, until) = (bound(which.after), bound(which.from.0), bound(which.until.0));
        Box::pin(self.database.snapshot(move |tx| {
            let currency = currency_of(tx)?;
            let opening_minor = tx.value(
                "SELECT CAST(coalesce(sum(p.minor), 0) AS BIGINT) FROM posting AS p
                 JOIN account AS own ON own.id = p.account JOIN transfer AS t ON t.serial = p.transfer
                 WHERE own.account = ?1 AND (t.serial <= ?2 OR t.at < ?3)",
                values![account.as_str(), after, from],
            )?;
            let bookings = tx.all(
                "SELECT t.serial, t.id, p.minor, other.account, t.minor, t.subject, t.at, other.name, other.iban, t.end_to_end
                 FROM account AS own
                 JOIN posting AS p ON p.account = own.id
                 JOIN transfer AS t ON t.serial = p.transfer
                 JOIN account AS other ON other.id = CASE WHEN t.payer = own.id THEN t.payee ELSE t.payer END
                 WHERE own.account = ?1 AND p.transfer > ?2 AND t.at >= ?3 AND t.at < ?4
                 ORDER BY p.transfer LIMIT ?5",
                values![account.as_str(), after, from, until, which.limit],
                |row| {
                    let entry = Entry {
                        serial: row.take(0)?,
                        transfer: text(row, 1)?,
                        direction: if row.take::<i64>(2)? < 0 { Direction::Out } else { Direction::In },
                        counterparty: text(row, 3)?,
                        amount: amount(row, 4, currency)?,
                        subject: text(row, 5)?,
                        at: UnixSeconds(row.take(6)?),
                    };
                    Ok(Booking { entry, other: profile(row, 7, 8)?, end_to_end: row.take(9)? })
                },
            )?;
            Ok(Bookings { opening_minor, bookings })
        }))
    }
}

fn profile(row: &Row<'_>, name: usize, iban: usize) -> Result<Profile, StoreError> {
    let iban = row.take::<Option<String>>(iban)?.map(|iban| stored(iban.parse())).transpose()?;
    Ok(Profile { name: row.take(name)?, iban })
}
