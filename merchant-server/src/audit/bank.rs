//! The bank's tables: every transfer moved what it says, and every account holds what was moved.

use semper_shared::items::payment::account::Iban;

use super::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::values;

/// A transfer from or to the mint's account, as the bank has it.
#[derive(Debug, Clone)]
pub(super) struct BankTransfer {
    pub(super) serial: u64,
    pub(super) id: String,
    /// Whether the mint received it.
    pub(super) inward: bool,
    pub(super) counterparty: String,
    pub(super) minor: u64,
    pub(super) subject: String,
    pub(super) at: u64,
    pub(super) currency: String,
}

/// Checks the bank, and returns the transfers of one account.
pub(super) fn audit(desk: &mut Desk<'_, '_>, account: Option<&str>) -> Result<Vec<BankTransfer>, StoreError> {
    transfers(desk)?;
    accounts(desk)?;
    let orphans: i64 = desk.tx.value(
        "SELECT count(*) FROM posting WHERE NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.serial = posting.transfer)",
        values![],
    )?;
    desk.same("posting", "of no transfer", "count", 0, orphans);
    let postings: i64 = desk.tx.value("SELECT count(*) FROM posting", values![])?;
    desk.counted("posting", u64::try_from(postings).unwrap_or(0));
    let currencies = desk.tx.all("SELECT currency FROM book", values![], |row| row.take::<String>(0))?;
    desk.same("book", "the only one", "rows", 1, currencies.len());
    desk.counted("book", 1);
    let currency = currencies.into_iter().next().unwrap_or_default();
    let Some(account) = account else { return Ok(Vec::new()) };
    let number: Option<i64> = desk.tx.find("SELECT id FROM account WHERE account = ?1", values![account])?;
    let Some(number) = number else {
        desk.off("account", account, "the mint's account", "to be there", "nothing");
        return Ok(Vec::new());
    };
    desk.tx.all(
        "SELECT transfer.serial, transfer.id, CASE WHEN transfer.payee = ?1 THEN 1 ELSE 0 END, other.account,
                transfer.minor, transfer.subject, transfer.at
         FROM transfer JOIN account AS other
              ON other.id = CASE WHEN transfer.payee = ?1 THEN transfer.payer ELSE transfer.payee END
         WHERE transfer.payer = ?1 OR transfer.payee = ?1 ORDER BY transfer.serial",
        values![number],
        |row| {
            Ok(BankTransfer {
                serial: whole(row, 0)?,
                id: row.take(1)?,
                inward: row.take(2)?,
                counterparty: row.take(3)?,
                minor: whole(row, 4)?,
                subject: row.take(5)?,
                at: whole(row, 6)?,
                currency: currency.clone(),
            })
        },
    )
}

/// Two postings a transfer, which take from one account what they give to the other.
fn transfers(desk: &mut Desk<'_, '_>) -> Result<(), StoreError> {
    desk.each(
        "transfer",
        "serial",
        "payer, payee, minor",
        |row| Ok((row.take::<i64>(1)?, row.take::<i64>(2)?, row.take::<i64>(3)?)),
        |desk, serial, (payer, payee, minor)| {
            let mut postings =
                desk.tx.all("SELECT account, minor FROM posting WHERE transfer = ?1", values![serial], |row| {
                    Ok((row.take::<i64>(0)?, row.take::<i64>(1)?))
                })?;
            postings.sort_unstable();
            let mut expected = vec![(payer, -minor), (payee, minor)];
            expected.sort_unstable();
            desk.same("transfer", serial, "postings", format!("{expected:?}"), format!("{postings:?}"));
            Ok(())
        },
    )
}

fn accounts(desk: &mut Desk<'_, '_>) -> Result<(), StoreError> {
    let sum = "balance, floor, (SELECT CAST(coalesce(sum(posting.minor), 0) AS BIGINT) FROM posting
               WHERE posting.account = account.id), iban";
    desk.each(
        "account",
        "id",
        sum,
        |row| Ok((row.take::<i64>(1)?, row.take::<i64>(2)?, row.take::<i64>(3)?, row.take::<Option<String>>(4)?)),
        |desk, id, (balance, floor, moved, iban)| {
            desk.same("account", id, "balance", moved, balance);
            if balance < floor {
                desk.off("account", id, "balance", format!("{floor} or more"), balance);
            }
            // A number carries its own check digits (ISO 13616).
            if let Some(iban) = iban
                && iban.parse::<Iban>().is_err()
            {
                desk.off("account", id, "iban", "an IBAN", iban);
            }
            Ok(())
        },
    )
}
