//! Where one party's tables are read and checked.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::sync::Arc;

use semper_shared::foundation::{Amount, Currency, Digest};
use semper_shared::items::statement::{Signed, Statement};
use semper_shared::security::keys::SignatureBytes;
use semper_shared::security::{PublicKey, Signer};

use super::keys::Keys;
use super::report::{Book, Finding};
use crate::crypto::Native;
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, values};

/// How many rows are read at a time.
const PAGE: i64 = 1_000;

pub(super) struct Desk<'a, 'b> {
    party: &'static str,
    pub(super) tx: &'a mut Tx<'b>,
    pub(super) keys: Arc<Keys>,
    pub(super) verifier: Native,
    /// The keys of the mint's merchants.
    pub(super) merchant_keys: HashMap<Digest, PublicKey>,
    tables: BTreeSet<String>,
    book: Book,
}

impl<'a, 'b> Desk<'a, 'b> {
    pub(super) fn new(party: &'static str, tx: &'a mut Tx<'b>, keys: Arc<Keys>) -> Result<Self, StoreError> {
        let verifier = Native::new().map_err(|error| StoreError::Failed(error.to_string().into()))?;
        let tables = tables(tx)?;
        Ok(Self { party, tx, keys, verifier, merchant_keys: HashMap::new(), tables, book: Book::default() })
    }

    pub(super) fn close(self) -> Book {
        self.book
    }

    /// Whether there is such a table: a database of an earlier version has fewer.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains(table)
    }

    /// Notes that something is off unless the two are the same.
    pub(super) fn same<T: PartialEq + Display>(
        &mut self,
        table: &str,
        row: impl Display,
        what: &str,
        expected: T,
        found: T,
    ) {
        if expected != found {
            self.off(table, row, what, expected, found);
        }
    }

    /// Notes that something is off unless a signature, or whatever else it may be, holds.
    pub(super) fn holds(&mut self, table: &str, row: impl Display, what: &str, holds: bool) {
        if !holds {
            self.off(table, row, what, "what is signed or promised", "something else");
        }
    }

    pub(super) fn off(
        &mut self,
        table: &str,
        row: impl Display,
        what: &str,
        expected: impl Display,
        found: impl Display,
    ) {
        self.book.findings.push(Finding {
            table: format!("{}.{table}", self.party),
            row: row.to_string(),
            what: what.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        });
    }

    pub(super) fn note(&mut self, name: &'static str, sum: u64) {
        self.book.sums.insert(name, sum);
    }

    /// A sum over rows.
    pub(super) fn sum(&mut self, column: &str, rows: &str) -> Result<u64, StoreError> {
        let sum: i64 =
            self.tx.value(&format!("SELECT CAST(coalesce(sum({column}), 0) AS BIGINT) FROM {rows}"), values![])?;
        Ok(u64::try_from(sum).unwrap_or(u64::MAX))
    }

    /// Every row of a table that has a number, a page at a time. `columns` come after the number.
    pub(super) fn each<T>(
        &mut self,
        table: &str,
        number: &str,
        columns: &str,
        read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
        mut check: impl FnMut(&mut Self, i64, T) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut after = -1_i64;
        let sql = format!("SELECT {number}, {columns} FROM {table} WHERE {number} > ?1 ORDER BY {number} LIMIT ?2");
        let mut count = 0;
        loop {
            let rows = self.tx.all(&sql, values![after, PAGE], |row| Ok((row.take::<i64>(0)?, read(row)?)))?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            for (number, row) in rows {
                count += 1;
                check(self, number, row)?;
            }
        }
        self.counted(table, count);
        Ok(())
    }

    pub(super) fn counted(&mut self, table: &str, rows: u64) {
        *self.book.rows.entry(format!("{}.{table}", self.party)).or_default() += rows;
    }

    /// The digest of a statement that carries its signer's key, if it is what its columns say and signed by `key`. `proof` is
    /// its signature or, where the columns do not give its text, the text.
    pub(super) fn self_keyed<T: Statement + PartialEq>(
        &self,
        proof: &[u8],
        key: &PublicKey,
        payload: T,
    ) -> Option<Digest> {
        match SignatureBytes::try_from(proof) {
            Ok(signature) => {
                let text = Signed::sign_self_keyed(payload, &Recorded { key, signature });
                Signed::<T>::verify_self_keyed(text.compact(), &self.verifier).ok().map(|(signed, _)| signed.digest())
            }
            Err(_) => {
                let (signed, signer) =
                    Signed::<T>::verify_self_keyed(std::str::from_utf8(proof).ok()?, &self.verifier).ok()?;
                (signer == *key && *signed.payload() == payload).then(|| signed.digest())
            }
        }
    }

    /// Whether the mint signed this.
    pub(super) fn own<T: Statement>(&self, payload: T, signature: &[u8]) -> bool {
        let (Some(key), Ok(signature)) = (&self.keys.own, SignatureBytes::try_from(signature)) else {
            return false;
        };
        let text = Signed::sign(payload, &Recorded { key, signature });
        Signed::<T>::verify(text.compact(), key, &self.verifier).is_ok()
    }

    /// A text that the mint signed.
    pub(super) fn own_text<T: Statement>(&self, text: &str) -> Option<Signed<T>> {
        Signed::verify(text, self.keys.own.as_ref()?, &self.verifier).ok()
    }

    pub(super) fn amount(&self, minor: u64) -> Amount {
        Amount::new(self.keys.currency, minor).unwrap_or(Amount::zero(self.keys.currency))
    }
}

/// A whole number as it is stored: the same 64 bits.
pub(super) fn whole(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    row.take::<i64>(column).map(|number| u64::from_ne_bytes(number.to_ne_bytes()))
}

/// Both databases know their tables, each in its own way.
fn tables(tx: &mut Tx<'_>) -> Result<BTreeSet<String>, StoreError> {
    let sqlite = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let postgres =
        "SELECT CAST(table_name AS TEXT) FROM information_schema.tables WHERE table_schema = current_schema()";
    // In this order, since a statement that PostgreSQL refuses ends the transaction.
    let names = match tx.all(postgres, values![], |row| row.take::<String>(0)) {
        Ok(names) => names,
        Err(_) => tx.all(sqlite, values![], |row| row.take::<String>(0))?,
    };
    Ok(names.into_iter().collect())
}

/// Has signed already.
struct Recorded<'a> {
    key: &'a PublicKey,
    signature: SignatureBytes,
}

impl Signer for Recorded<'_> {
    fn public_key(&self) -> &PublicKey {
        self.key
    }

    fn sign(&self, _: &[u8]) -> SignatureBytes {
        self.signature
    }
}

/// The currency of books without one.
pub(super) const NO_CURRENCY: Currency = Currency::EUR;
