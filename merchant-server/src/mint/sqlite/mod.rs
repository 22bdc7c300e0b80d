//! The mint's ledger in SQLite.

mod books;
mod coins;
mod melts;
mod payouts;
mod reserves;

use futures_util::future::{BoxFuture, FutureExt as _};
use rusqlite::Connection;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::security::Thumbprint;

use super::store::{
    AccountNumber, Books, CoinRecord, DepositRecord, Deposited, Due, FundingPage, Key, LedgerError, MeltRecord,
    MintStore, NewAccount, NewDeposit, NewMelt, NewWithdrawal, Number, Payout, PayoutOutcome, ReserveRecord,
};
use crate::store::StoreError;
use crate::store::sqlite::{Database, Schema};

/// The mint's tables.
pub(super) const SCHEMA: Schema =
    Schema { application: u32::from_be_bytes(*b"SMnt"), migrations: &[include_str!("../schema/1.sql")] };

/// The ledger in a database.
#[derive(Debug, Clone)]
pub(super) struct SqliteStore(pub(super) Database);

impl MintStore for SqliteStore {
    fn number(&self, denominations: Vec<(Digest, u64)>) -> BoxFuture<'_, Result<Vec<Number>, StoreError>> {
        self.0.write(move |tx| number(tx, &denominations)).boxed()
    }

    fn cursor(&self) -> Result<u64, StoreError> {
        self.0.read(reserves::cursor)
    }

    fn credit(&self, page: FundingPage) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| reserves::credit(tx, &page)).boxed()
    }

    fn balance(&self, reserve: &Key) -> Result<Option<u64>, StoreError> {
        self.0.read(|c| reserves::balance(c, reserve))
    }

    fn reserve(&self, reserve: &Key) -> Result<Option<ReserveRecord>, StoreError> {
        self.0.snapshot(|c| reserves::reserve(c, reserve))
    }

    fn withdrawal(&self, request: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.read(|c| reserves::signatures(c, request))
    }

    fn withdraw(&self, withdrawal: NewWithdrawal) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>> {
        self.0.write(move |tx| reserves::withdraw(tx, withdrawal)).boxed()
    }

    fn deposit(&self, deposit: NewDeposit) -> BoxFuture<'_, Result<Deposited, LedgerError>> {
        self.0.write(move |tx| coins::deposit(tx, &deposit)).boxed()
    }

    fn deposited(&self, merchant: AccountNumber, deal: &Digest) -> Result<Option<DepositRecord>, StoreError> {
        self.0.snapshot(|c| coins::deposited(c, merchant, deal))
    }

    fn coin(&self, coin: &Key) -> Result<Option<CoinRecord>, StoreError> {
        self.0.snapshot(|c| coins::coin(c, coin))
    }

    fn melt(&self, melt: NewMelt) -> BoxFuture<'_, Result<MeltRecord, LedgerError>> {
        self.0.write(move |tx| melts::melt(tx, melt)).boxed()
    }

    fn melted(&self, melt: &Digest) -> Result<Option<MeltRecord>, StoreError> {
        self.0.read(|c| melts::melted(c, melt))
    }

    fn reveal(
        &self,
        melt: Digest,
        transfer_public: Key,
        signatures: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>> {
        self.0.write(move |tx| melts::reveal(tx, &melt, &transfer_public, signatures)).boxed()
    }

    fn accounts(&self) -> Result<Vec<(Thumbprint, AccountNumber)>, StoreError> {
        self.0.read(payouts::accounts)
    }

    fn register(&self, account: NewAccount) -> BoxFuture<'_, Result<AccountNumber, LedgerError>> {
        self.0.write(move |tx| payouts::register(tx, &account)).boxed()
    }

    fn due(&self, due: UnixSeconds) -> Result<Vec<AccountNumber>, StoreError> {
        self.0.read(|c| payouts::due(c, due))
    }

    fn gather(&self, merchant: AccountNumber, due: Due) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.0.write(move |tx| payouts::gather(tx, merchant, &due)).boxed()
    }

    fn open_payouts(&self, now: UnixSeconds) -> Result<Vec<Payout>, StoreError> {
        self.0.read(|c| payouts::open(c, now))
    }

    fn finish(&self, payout: i64, outcome: PayoutOutcome) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.write(move |tx| payouts::finish(tx, payout, &outcome)).boxed()
    }

    fn books(&self) -> Result<Books, StoreError> {
        self.0.snapshot(books::books)
    }
}

fn number(tx: &Connection, denominations: &[(Digest, u64)]) -> Result<Vec<Number>, StoreError> {
    let mut insert =
        tx.prepare_cached("INSERT INTO denomination (id, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    let mut find = tx.prepare_cached("SELECT number FROM denomination WHERE id = ?1")?;
    let mut numbers = Vec::with_capacity(denominations.len());
    for (id, value) in denominations {
        insert.execute((id.as_bytes(), Whole(*value)))?;
        numbers.push(find.query_row([id.as_bytes()], |row| row.get(0))?);
    }
    Ok(numbers)
}

/// A whole number in a column: the same 64 bits, since some that clients send (deadlines) may be as large as they like. Amounts
/// and the mint's own times are far below the sign bit, so that they compare and add up as they should.
struct Whole(u64);

impl ToSql for Whole {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::from_ne_bytes(self.0.to_ne_bytes()).into())
    }
}

impl FromSql for Whole {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|bits| Self(u64::from_ne_bytes(bits.to_ne_bytes())))
    }
}

/// A digest or time in a column.
struct Column<T>(T);

impl FromSql for Column<Digest> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(|bytes| Self(Digest(bytes)))
    }
}

impl FromSql for Column<UnixSeconds> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Whole::column_result(value).map(|whole| Self(UnixSeconds(whole.0)))
    }
}

impl FromSql for Column<super::evidence::Proof> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        super::evidence::Proof::from_bytes(value.as_blob()?.to_vec()).map(Self).ok_or(FromSqlError::InvalidType)
    }
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
