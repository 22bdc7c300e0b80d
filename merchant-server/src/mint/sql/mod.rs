//! The mint's ledger in a database: one SQL text for all of them ([`crate::store::sql`]).
//!
//! Several processes may write at once. What decides is one statement, or a row that is held: the coin's for what is read of
//! a coin ([`coins::hold`]), the account's for its payouts, the cursor's for funding.

mod books;
mod coins;
mod life;
mod melts;
mod payouts;
mod refunds;
mod reserves;
mod strays;
mod transfers;

use futures_util::future::{BoxFuture, FutureExt as _};
use semper_shared::foundation::{Digest, UnixSeconds};

use super::evidence::Proof;
use super::store::{
    AccountNumber, Books, CoinRecord, DepositRecord, Deposited, FundingPage, Key, LedgerError, MeltRecord, MintStore,
    NewDeposit, NewMelt, NewWithdrawal, Number, ReserveRecord,
};
use crate::store::StoreError;
use crate::store::sql::{Database, FromValue, Row, Schema, ToValue, Tx, Value, values};

/// The mint's tables.
pub(super) const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SMnt"),
    name: "mint",
    sqlite: &[
        include_str!("../schema/sqlite/1-base.sql"),
        include_str!("../schema/sqlite/2-refund.sql"),
        include_str!("../schema/sqlite/3-transfer.sql"),
        include_str!("../schema/sqlite/4-life.sql"),
        include_str!("../schema/sqlite/5-limits.sql"),
        include_str!("../schema/sqlite/6-settlement.sql"),
    ],
    postgres: &[
        include_str!("../schema/postgres/1-base.sql"),
        include_str!("../schema/postgres/2-refund.sql"),
        include_str!("../schema/postgres/3-transfer.sql"),
        include_str!("../schema/postgres/4-life.sql"),
        include_str!("../schema/postgres/5-limits.sql"),
        include_str!("../schema/postgres/6-settlement.sql"),
    ],
};

/// The ledger in a database.
#[derive(Debug, Clone)]
pub(super) struct SqlStore(pub(super) Database);

impl MintStore for SqlStore {
    fn number(&self, denominations: Vec<(Digest, u64)>) -> BoxFuture<'_, Result<Vec<Number>, StoreError>> {
        self.0.write(move |tx| number(tx, &denominations)).boxed()
    }

    fn cursor(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.0.read(reserves::cursor).boxed()
    }

    fn credit(&self, page: FundingPage) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| reserves::credit(tx, &page)).boxed()
    }

    fn balance(&self, reserve: Key) -> BoxFuture<'_, Result<Option<u64>, StoreError>> {
        self.0.read(move |tx| reserves::balance(tx, &reserve)).boxed()
    }

    fn reserve(&self, reserve: Key) -> BoxFuture<'_, Result<Option<ReserveRecord>, StoreError>> {
        self.0.snapshot(move |tx| reserves::reserve(tx, &reserve)).boxed()
    }

    fn withdrawal(&self, request: Digest) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        self.0.read(move |tx| reserves::signatures(tx, &request)).boxed()
    }

    fn withdraw(&self, withdrawal: NewWithdrawal) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>> {
        self.0.write(move |tx| reserves::withdraw(tx, &withdrawal)).boxed()
    }

    fn deposit(&self, deposit: NewDeposit) -> BoxFuture<'_, Result<Deposited, LedgerError>> {
        self.0.write(move |tx| coins::deposit(tx, &deposit)).boxed()
    }

    fn deposited(
        &self,
        merchant: AccountNumber,
        deal: Digest,
    ) -> BoxFuture<'_, Result<Option<DepositRecord>, StoreError>> {
        self.0.snapshot(move |tx| coins::deposited(tx, merchant, &deal)).boxed()
    }

    fn coin(&self, coin: Key) -> BoxFuture<'_, Result<Option<CoinRecord>, StoreError>> {
        self.0.snapshot(move |tx| coins::coin(tx, &coin)).boxed()
    }

    fn melt(&self, melt: NewMelt) -> BoxFuture<'_, Result<MeltRecord, LedgerError>> {
        self.0.write(move |tx| melts::melt(tx, &melt)).boxed()
    }

    fn melted(&self, melt: Digest) -> BoxFuture<'_, Result<Option<MeltRecord>, StoreError>> {
        self.0.read(move |tx| melts::melted(tx, &melt)).boxed()
    }

    fn reveal(
        &self,
        melt: Digest,
        transfer_public: Key,
        signatures: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>> {
        self.0.write(move |tx| melts::reveal(tx, &melt, &transfer_public, &signatures)).boxed()
    }

    fn books(&self) -> BoxFuture<'_, Result<Books, StoreError>> {
        self.0.scan(books::books).boxed()
    }
}

/// Known ones are only read, so that no number is lost to a database that counts what it refused.
fn number(tx: &mut Tx<'_>, denominations: &[(Digest, u64)]) -> Result<Vec<Number>, StoreError> {
    let mut numbers = Vec::with_capacity(denominations.len());
    for (id, value) in denominations {
        let find = "SELECT number FROM denomination WHERE id = ?1";
        if let Some(number) = tx.find(find, values![id])? {
            numbers.push(number);
            continue;
        }
        let insert = "INSERT INTO denomination (id, value) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
        tx.execute(insert, values![id, Whole(*value)])?;
        numbers.push(tx.value(find, values![id])?);
    }
    Ok(numbers)
}

/// A whole number in a column: the same 64 bits, since some that clients send (deadlines) may be as large as they like. Amounts
/// and the mint's own times are far below the sign bit, so that they compare and add up as they should.
struct Whole(u64);

impl ToValue for Whole {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from_ne_bytes(self.0.to_ne_bytes()))
    }
}

impl FromValue for Whole {
    fn from_value(value: Value<'_>) -> Option<Self> {
        i64::from_value(value).map(|bits| Self(u64::from_ne_bytes(bits.to_ne_bytes())))
    }
}

impl ToValue for Proof {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl FromValue for Proof {
    fn from_value(value: Value<'_>) -> Option<Self> {
        Vec::from_value(value).and_then(Self::from_bytes)
    }
}

/// An amount in a column.
fn minor(row: &Row<'_>, column: usize) -> Result<u64, StoreError> {
    row.take::<Whole>(column).map(|whole| whole.0)
}

/// A time in a column.
fn seconds(row: &Row<'_>, column: usize) -> Result<UnixSeconds, StoreError> {
    row.take::<Whole>(column).map(|whole| UnixSeconds(whole.0))
}

/// Denominations' numbers, 2 bytes each.
fn pack(numbers: &[Number]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

fn unpack(bytes: &[u8]) -> Vec<Number> {
    bytes.chunks_exact(2).map(|pair| Number::from_be_bytes([pair[0], pair[1]])).collect()
}

#[cfg(test)]
mod tests;
