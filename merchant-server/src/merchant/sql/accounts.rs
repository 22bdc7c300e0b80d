//! Invoices, what was booked on the account, and what is sent back.
//!
//! An invoice is locked before its sums change, and its sums change in the transaction that stores what they are the sums of.

mod reversals;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::RefundId;
use semper_shared::items::payment::account::{Iban, Ledger, Reference};

use super::{Sql, damaged, seconds};
use crate::merchant::accounts::{
    AccountStore, Decided, Imported, NewBooking, NewEntry, NewInvoice, StoredEntry, StoredInvoice, StoredOutgoing,
};
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, Value, values};

const WAITING: i64 = 0;
const ASSIGNED: i64 = 1;
const RETURNED: i64 = 2;
const DEBIT: i64 = 3;
const REVERSAL: i64 = 4;
const REVERSED: i64 = 5;

impl AccountStore for Sql {
    fn open_invoice(&self, new: NewInvoice) -> BoxFuture<'_, Result<StoredInvoice, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            tx.execute(
                "INSERT INTO invoice (deal, reference, terms, statement, amount, issued_at, due_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (deal) DO NOTHING",
                values![
                    new.deal,
                    new.reference.as_str(),
                    new.pay_later,
                    new.statement,
                    new.amount_minor,
                    seconds(new.issued_at),
                    seconds(new.due_at)
                ],
            )?;
            find(tx, &new.deal)?.ok_or_else(|| damaged("an invoice is gone"))
        }))
    }

    fn invoice(&self, deal: Digest) -> BoxFuture<'_, Result<Option<StoredInvoice>, StoreError>> {
        Box::pin(self.database.read(move |tx| find(tx, &deal)))
    }

    fn invoices(
        &self,
        overdue_at: Option<UnixSeconds>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredInvoice>, StoreError>> {
        Box::pin(self.database.read(move |tx| match overdue_at {
            None => {
                let sql = format!("SELECT {INVOICE} FROM invoice ORDER BY number DESC LIMIT ?1");
                tx.all(&sql, values![limit], read_invoice)
            }
            Some(at) => {
                let sql = format!(
                    "SELECT {INVOICE} FROM invoice WHERE cancelled = 0 AND received - returned < amount - credited
                     AND due_at < ?1 ORDER BY due_at LIMIT ?2"
                );
                tx.all(&sql, values![seconds(at), limit], read_invoice)
            }
        }))
    }

    fn import(&self, bookings: Vec<NewBooking>, at: UnixSeconds) -> BoxFuture<'_, Result<Imported, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let mut imported = Imported::default();
            for booking in &bookings {
                take_booking(tx, booking, at, &mut imported)?;
            }
            imported.deals.sort_unstable();
            imported.deals.dedup();
            Ok(imported)
        }))
    }

    fn credit(
        &self,
        deal: Digest,
        refund: RefundId,
        amount_minor: u64,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let Some(invoice) = lock(tx, "deal = ?1", values![deal])? else { return Ok(false) };
            let new = tx.execute(
                "INSERT INTO credit_note (invoice, refund, amount) VALUES (?1, ?2, ?3) ON CONFLICT (invoice, refund) DO NOTHING",
                values![invoice.number, refund.0, amount_minor],
            )?;
            if new > 0 {
                let sql = "UPDATE invoice SET credited = credited + ?2 WHERE number = ?1";
                tx.execute(sql, values![invoice.number, amount_minor])?;
                send_surplus_back(tx, invoice.number, at)?;
            }
            Ok(true)
        }))
    }

    fn entries(&self, waiting: bool, limit: u32) -> BoxFuture<'_, Result<Vec<StoredEntry>, StoreError>> {
        Box::pin(self.database.read(move |tx| {
            let which = if waiting { "state = 0" } else { "state >= 0" };
            let sql = format!(
                "SELECT number, credit, amount, booked_on, name, iban, remittance, state FROM entry
                 WHERE {which} ORDER BY number DESC LIMIT ?1"
            );
            tx.all(&sql, values![limit], |row| {
                Ok(StoredEntry {
                    number: row.take(0)?,
                    credit: row.take(1)?,
                    amount_minor: row.take(2)?,
                    booked_on: row.take(3)?,
                    name: row.take(4)?,
                    iban: row.take(5)?,
                    remittance: row.take(6)?,
                    state: row.take(7)?,
                })
            })
        }))
    }

    fn assign(&self, entry: i64, reference: Reference, at: UnixSeconds) -> BoxFuture<'_, Result<Decided, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let Some(found) = lock_entry(tx, entry)? else { return Ok(Decided::NoEntry) };
            let invoice = lock(tx, "reference = ?1", values![reference.as_str()])?;
            let Some(invoice) = invoice else { return Ok(Decided::NoInvoice) };
            match found {
                Entry { state: ASSIGNED, invoice: Some(number), .. } if number == invoice.number => {}
                Entry { state: REVERSAL, invoice: Some(number), .. } if number == invoice.number => {}
                Entry { state: WAITING, credit: true, .. } => {
                    assign(tx, entry, found.amount_minor, invoice.number, at)?;
                }
                Entry { state: WAITING, credit: false, .. } => {
                    let taken_back = reversals::reversible(tx, invoice.number, found.amount_minor)?;
                    let Some((credit, _)) = taken_back.first() else { return Ok(Decided::Closed) };
                    reversals::reverse(tx, entry, *credit, found.amount_minor, invoice.number, at)?;
                }
                _ => return Ok(Decided::Closed),
            }
            Ok(Decided::Done(Some(invoice.deal)))
        }))
    }

    fn send_back(
        &self,
        entry: i64,
        to: Option<(Iban, String)>,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<Decided, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let Some(found) = lock_entry(tx, entry)? else { return Ok(Decided::NoEntry) };
            if found.state == RETURNED {
                return Ok(Decided::Done(None));
            }
            if found.state != WAITING || !found.credit {
                return Ok(Decided::Closed);
            }
            let to = to.as_ref().map(|(iban, name)| (iban.as_str().to_owned(), name.clone()));
            let Some((iban, name)) = to.or(found.iban.map(|iban| (iban, found.name))) else {
                return Ok(Decided::NoAccount);
            };
            tx.execute("UPDATE entry SET state = ?2, returned = amount WHERE number = ?1", values![entry, RETURNED])?;
            let text = format!("Your transfer of {} could not be assigned", found.booked_on);
            order(tx, entry, None, found.amount_minor, (&iban, &name), &text, at)?;
            Ok(Decided::Done(None))
        }))
    }

    fn outgoing(&self, limit: u32) -> BoxFuture<'_, Result<Vec<StoredOutgoing>, StoreError>> {
        Box::pin(self.database.read(move |tx| {
            let sql = format!("SELECT {PAYOUT} FROM outgoing ORDER BY number DESC LIMIT ?1");
            tx.all(&sql, values![limit], read_outgoing)
        }))
    }

    fn outgoing_file(
        &self,
        id: String,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<(Vec<StoredOutgoing>, UnixSeconds), StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let sql = "INSERT INTO outgoing_file (id, made_at) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
            if tx.execute(sql, values![id, seconds(at)])? > 0 {
                tx.execute("UPDATE outgoing SET state = 1, file = ?1 WHERE state = 0", values![id])?;
            }
            let made: i64 = tx.value("SELECT made_at FROM outgoing_file WHERE id = ?1", values![id])?;
            let sql = format!("SELECT {PAYOUT} FROM outgoing WHERE file = ?1 ORDER BY number");
            let outgoing = tx.all(&sql, values![id], read_outgoing)?;
            Ok((outgoing, UnixSeconds(made.unsigned_abs())))
        }))
    }

    fn cancel_before(&self, due: UnixSeconds, at: UnixSeconds) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let sql = format!(
                "UPDATE invoice SET cancelled = 1
                 WHERE NOT {OUT} AND cancelled = 0 AND received - returned < amount - credited AND due_at < ?1
                 RETURNING number, deal"
            );
            let cancelled =
                tx.all(&sql, values![seconds(due)], |row| Ok((row.take::<i64>(0)?, row.take::<Digest>(1)?)))?;
            for (number, _) in &cancelled {
                send_surplus_back(tx, *number, at)?;
            }
            Ok(cancelled.into_iter().map(|(_, deal)| deal).collect())
        }))
    }

    fn remind(&self, number: u32, due: UnixSeconds, at: UnixSeconds) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let sql = format!(
                "UPDATE invoice SET reminders = ?1, reminded_at = ?3
                 WHERE {OUT} AND cancelled = 0 AND received - returned < amount - credited AND due_at < ?2
                 AND reminders = ?1 - 1"
            );
            tx.execute(&sql, values![number, seconds(due), seconds(at)])
        }))
    }

    fn cursor(&self, account: &str) -> BoxFuture<'_, Result<u64, StoreError>> {
        let account = account.to_owned();
        Box::pin(self.database.read(move |tx| {
            let after = tx.find("SELECT after FROM bank_cursor WHERE account = ?1", values![account])?;
            Ok(after.unwrap_or(0))
        }))
    }

    fn set_cursor(&self, account: &str, after: u64) -> BoxFuture<'_, Result<(), StoreError>> {
        let account = account.to_owned();
        Box::pin(self.database.write(move |tx| {
            tx.execute(
                "INSERT INTO bank_cursor (account, after) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET after =
                    CASE WHEN excluded.after > bank_cursor.after THEN excluded.after ELSE bank_cursor.after END",
                values![account, after],
            )?;
            Ok(())
        }))
    }
}

/// That the goods of an invoice are out, on whatever terms.
const OUT: &str =
    "(terms = 1 OR EXISTS (SELECT 1 FROM deal AS d WHERE d.deal = invoice.deal AND (d.state = 1 OR d.state = 2)))";

const INVOICE: &str = "number, deal, reference, terms, statement, amount, credited, received, returned, cancelled, issued_at, \
     due_at, reminders, reminded_at";

fn read_invoice(row: &Row<'_>) -> Result<StoredInvoice, StoreError> {
    Ok(StoredInvoice {
        number: row.take(0)?,
        deal: row.take(1)?,
        reference: row.take(2)?,
        pay_later: row.take(3)?,
        statement: row.take(4)?,
        ledger: Ledger {
            amount_minor: row.take(5)?,
            credited_minor: row.take(6)?,
            received_minor: row.take(7)?,
            returned_minor: row.take(8)?,
            cancelled: row.take(9)?,
        },
        issued_at: UnixSeconds(row.take(10)?),
        due_at: UnixSeconds(row.take(11)?),
        reminders: row.take(12)?,
        reminded_at: UnixSeconds(row.take(13)?),
    })
}

fn find(tx: &mut Tx<'_>, deal: &Digest) -> Result<Option<StoredInvoice>, StoreError> {
    tx.one(&format!("SELECT {INVOICE} FROM invoice WHERE deal = ?1"), values![deal], read_invoice)
}

/// Locks an invoice.
fn lock(tx: &mut Tx<'_>, which: &str, values: &[Value<'_>]) -> Result<Option<StoredInvoice>, StoreError> {
    tx.one(&format!("SELECT {INVOICE} FROM invoice WHERE {which} /*FOR UPDATE*/"), values, read_invoice)
}

const PAYOUT: &str = "id, amount, name, iban, text, state, file, made_at";

fn read_outgoing(row: &Row<'_>) -> Result<StoredOutgoing, StoreError> {
    Ok(StoredOutgoing {
        id: row.take(0)?,
        amount_minor: row.take(1)?,
        name: row.take(2)?,
        iban: row.take(3)?,
        text: row.take(4)?,
        state: row.take(5)?,
        file: row.take(6)?,
        made_at: UnixSeconds(row.take(7)?),
    })
}

/// An entry as it is decided on.
struct Entry {
    state: i64,
    credit: bool,
    amount_minor: u64,
    booked_on: String,
    name: String,
    iban: Option<String>,
    invoice: Option<i64>,
}

fn lock_entry(tx: &mut Tx<'_>, number: i64) -> Result<Option<Entry>, StoreError> {
    tx.one(
        "SELECT state, credit, amount, booked_on, name, iban, invoice FROM entry WHERE number = ?1 /*FOR UPDATE*/",
        values![number],
        |row| {
            Ok(Entry {
                state: row.take(0)?,
                credit: row.take(1)?,
                amount_minor: row.take(2)?,
                booked_on: row.take(3)?,
                name: row.take(4)?,
                iban: row.take(5)?,
                invoice: row.take(6)?,
            })
        },
    )
}

/// Takes a booking in. One that an earlier file had without its transfers is not taken again with them, if it was dealt with;
/// if it still waits, its transfers take its place.
fn take_booking(
    tx: &mut Tx<'_>,
    booking: &NewBooking,
    at: UnixSeconds,
    imported: &mut Imported,
) -> Result<(), StoreError> {
    let Some(first) = booking.entries.first() else { return Ok(()) };
    let known = tx.one(
        "SELECT number, state, amount, remittance FROM entry WHERE key = ?1 /*FOR UPDATE*/",
        values![first.key],
        |row| Ok((row.take::<i64>(0)?, row.take::<i64>(1)?, row.take::<u64>(2)?, row.take::<String>(3)?)),
    )?;
    if let Some((number, state, amount_minor, remittance)) = known {
        let whole = booking.entries.len() > 1 && amount_minor == booking.total_minor;
        if whole && state != WAITING {
            imported.known += 1;
            return Ok(());
        }
        let fuller = whole || (amount_minor == first.amount_minor && remittance.is_empty());
        if state == WAITING && fuller && !(first.remittance.is_empty() && first.references.is_empty()) {
            tx.execute("DELETE FROM entry WHERE number = ?1", values![number])?;
        }
    }
    for entry in &booking.entries {
        take_entry(tx, entry, at, imported)?;
    }
    Ok(())
}

fn take_entry(tx: &mut Tx<'_>, new: &NewEntry, at: UnixSeconds, imported: &mut Imported) -> Result<(), StoreError> {
    let state = if new.credit || new.reversal { WAITING } else { DEBIT };
    let number: Option<i64> = tx.find(
        "INSERT INTO entry (key, credit, amount, booked_on, name, iban, remittance, end_to_end, state, imported_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (key) DO NOTHING RETURNING number",
        values![
            new.key,
            new.credit,
            new.amount_minor,
            new.booked_on,
            new.name,
            new.iban.as_ref().map(|iban| iban.as_str().to_owned()),
            new.remittance,
            new.end_to_end,
            state,
            seconds(at)
        ],
    )?;
    let Some(number) = number else {
        imported.known += 1;
        return Ok(());
    };
    imported.new += 1;
    if state == DEBIT {
        if let Some(id) = &new.end_to_end {
            let booked = tx.execute(
                "UPDATE outgoing SET state = 2 WHERE id = ?1 AND amount = ?2 AND state = 1",
                values![id, new.amount_minor],
            )?;
            imported.confirmed += u32::try_from(booked).unwrap_or(0);
        }
        return Ok(());
    }
    if new.reversal {
        // That of a debit is money of ours that comes back: a person decides.
        let reversed = if new.credit { None } else { reversals::by_reference(tx, number, new, at)? };
        match reversed {
            Some(deal) => {
                imported.matched += 1;
                imported.deals.push(deal);
            }
            None => imported.waiting += 1,
        }
        return Ok(());
    }
    if !is_ours(tx, new)? {
        for reference in &new.references {
            if let Some(invoice) = lock(tx, "reference = ?1", values![reference.as_str()])? {
                assign(tx, number, new.amount_minor, invoice.number, at)?;
                imported.matched += 1;
                imported.deals.push(invoice.deal);
                return Ok(());
            }
        }
    }
    imported.waiting += 1;
    Ok(())
}

/// Whether an entry is what we sent ourselves, come back since it could not be paid out. It names the invoice, and is no payment of
/// it: taken for one, it would be sent back again and again.
fn is_ours(tx: &mut Tx<'_>, new: &NewEntry) -> Result<bool, StoreError> {
    let Some(id) = &new.end_to_end else { return Ok(false) };
    let ours: Option<i64> = tx.find("SELECT number FROM outgoing WHERE id = ?1", values![id])?;
    Ok(ours.is_some())
}

/// Gives an entry to an invoice that is locked.
fn assign(tx: &mut Tx<'_>, entry: i64, minor: u64, invoice: i64, at: UnixSeconds) -> Result<(), StoreError> {
    tx.execute("UPDATE entry SET state = ?2, invoice = ?3 WHERE number = ?1", values![entry, ASSIGNED, invoice])?;
    tx.execute("UPDATE invoice SET received = received + ?2 WHERE number = ?1", values![invoice, minor])?;
    send_surplus_back(tx, invoice, at)
}

/// Orders that what an invoice has too much goes back to where it came from: the last transfer first, to no account more than
/// came from it. What came from nowhere that is known stays, and shows as overpaid.
fn send_surplus_back(tx: &mut Tx<'_>, invoice: i64, at: UnixSeconds) -> Result<(), StoreError> {
    let stored = lock(tx, "number = ?1", values![invoice])?.ok_or_else(|| damaged("an invoice is gone"))?;
    let mut surplus = stored.ledger.surplus_minor();
    if surplus == 0 {
        return Ok(());
    }
    let sources = tx.all(
        "SELECT number, amount - returned, iban, name FROM entry
         WHERE invoice = ?1 AND state = ?2 AND iban IS NOT NULL AND returned < amount ORDER BY number DESC",
        values![invoice, ASSIGNED],
        |row| Ok((row.take::<i64>(0)?, row.take::<u64>(1)?, row.take::<String>(2)?, row.take::<String>(3)?)),
    )?;
    for (entry, left, iban, name) in sources {
        let part = surplus.min(left);
        if part == 0 {
            break;
        }
        surplus -= part;
        tx.execute("UPDATE entry SET returned = returned + ?2 WHERE number = ?1", values![entry, part])?;
        tx.execute("UPDATE invoice SET returned = returned + ?2 WHERE number = ?1", values![invoice, part])?;
        let text = format!("Sent back of {}", stored.reference);
        order(tx, entry, Some(invoice), part, (&iban, &name), &text, at)?;
    }
    Ok(())
}

/// Stores an outgoing transfer, to be put into the next file.
fn order(
    tx: &mut Tx<'_>,
    entry: i64,
    invoice: Option<i64>,
    minor: u64,
    (iban, name): (&str, &str),
    text: &str,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    let nth: i64 = tx.value("SELECT count(*) FROM outgoing WHERE entry = ?1", values![entry])?;
    let id = format!("R{entry}-{}", nth + 1);
    tx.execute(
        "INSERT INTO outgoing (id, entry, invoice, amount, name, iban, text, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        values![id, entry, invoice, minor, name, iban, text, seconds(at)],
    )?;
    Ok(())
}
