//! Bookings that take a credit back: what was an invoice's is owed again.

use semper_shared::foundation::{Digest, UnixSeconds};

use super::{ASSIGNED, REVERSAL, REVERSED, lock};
use crate::merchant::accounts::NewEntry;
use crate::merchant::sql::seconds;
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

/// Takes back what a reversal names: the invoice by its reference, and of that the one credit of just this amount of which
/// nothing was sent back, by the payer's name for it where both say one. The deal whose invoice changed; none where that is not
/// one credit, and a person decides.
pub(super) fn by_reference(
    tx: &mut Tx<'_>,
    number: i64,
    new: &NewEntry,
    at: UnixSeconds,
) -> Result<Option<Digest>, StoreError> {
    for reference in &new.references {
        let Some(invoice) = lock(tx, "reference = ?1", values![reference.as_str()])? else { continue };
        let mut credits = reversible(tx, invoice.number, new.amount_minor)?;
        credits.retain(|(_, named)| named.is_none() || new.end_to_end.is_none() || *named == new.end_to_end);
        let [(credit, _)] = credits.as_slice() else { return Ok(None) };
        reverse(tx, number, *credit, new.amount_minor, invoice.number, at)?;
        return Ok(Some(invoice.deal));
    }
    Ok(None)
}

/// The credits of an invoice of just this amount of which nothing was sent back, the last first, with the payer's name of each.
pub(super) fn reversible(tx: &mut Tx<'_>, invoice: i64, minor: u64) -> Result<Vec<(i64, Option<String>)>, StoreError> {
    tx.all(
        "SELECT number, end_to_end FROM entry
         WHERE invoice = ?1 AND state = ?3 AND credit = 1 AND amount = ?2 AND returned = 0 ORDER BY number DESC",
        values![invoice, minor, ASSIGNED],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )
}

/// Takes a credit of an invoice that is locked back: it is owed again, and where the goods are out it is due now, so that the
/// reminders begin.
pub(super) fn reverse(
    tx: &mut Tx<'_>,
    reversal: i64,
    credit: i64,
    minor: u64,
    invoice: i64,
    at: UnixSeconds,
) -> Result<(), StoreError> {
    tx.execute("UPDATE entry SET state = ?2, invoice = ?3 WHERE number = ?1", values![reversal, REVERSAL, invoice])?;
    tx.execute("UPDATE entry SET state = ?2 WHERE number = ?1", values![credit, REVERSED])?;
    tx.execute("UPDATE invoice SET received = received - ?2 WHERE number = ?1", values![invoice, minor])?;
    let sql = "UPDATE invoice SET due_at = ?2 WHERE number = ?1 AND due_at < ?2";
    tx.execute(sql, values![invoice, seconds(at)])?;
    Ok(())
}
