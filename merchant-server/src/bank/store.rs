//! What the bank asks of its store.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Currency, UnixSeconds};
use semper_shared::items::payment::account::Iban;

use super::config::AccountConfig;
use super::error::BankError;
use super::messages::{AccountName, Entry, Standing, Transfer, TransferOrder};
use crate::http::TokenHash;

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The transfer was made now.
    Made(Transfer),
    /// It had been made before; this is the stored answer.
    Repeated(Transfer),
}

/// Sums over all books, each zero where they are right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial {
    /// The sum of all balances.
    pub(super) balances: i64,
    /// The sum of all postings.
    pub(super) postings: i64,
    /// How many accounts' balance is not the sum of their postings.
    pub(super) wrong_accounts: i64,
}

impl Trial {
    /// What right books add up to.
    pub(super) const BALANCED: Self = Self { balances: 0, postings: 0, wrong_accounts: 0 };
}

/// An account as files name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) iban: Option<Iban>,
}

/// Which bookings of an account.
#[derive(Debug, Clone, Copy)]
pub(super) struct Which {
    /// Those after this serial.
    pub(super) after: u64,
    /// Those from this moment on.
    pub(super) from: UnixSeconds,
    /// Those before this one.
    pub(super) until: UnixSeconds,
    pub(super) limit: u32,
}

/// A booking with its other party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Booking {
    pub(super) entry: Entry,
    pub(super) other: Profile,
    pub(super) end_to_end: Option<String>,
}

/// The bookings that were asked for, oldest first, and what the account held before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bookings {
    pub(super) opening_minor: i64,
    pub(super) bookings: Vec<Booking>,
}

/// What files need of the books.
pub(super) trait FileStore: Send + Sync {
    /// The account with this number.
    fn numbered(&self, iban: &Iban) -> BoxFuture<'_, Result<Option<AccountName>, BankError>>;

    /// An account as files name it.
    fn profile(&self, account: &AccountName) -> BoxFuture<'_, Result<Profile, BankError>>;

    /// Bookings of an account.
    fn bookings(&self, account: &AccountName, which: Which) -> BoxFuture<'_, Result<Bookings, BankError>>;
}

/// The bank's books. Every operation is durable when it answers.
pub(super) trait Store: FileStore {
    /// Opens the books in `currency`, with a central account that may owe up to `limit_minor`.
    fn open(&self, currency: Currency, limit_minor: u64) -> BoxFuture<'_, Result<(), BankError>>;

    /// Makes an account with its opening balance where there is none, and brings name and token up to date.
    fn set_up(&self, account: &AccountConfig, at: UnixSeconds) -> BoxFuture<'_, Result<(), BankError>>;

    /// Whether `token` is the account's.
    fn authorise(&self, account: &AccountName, token: TokenHash) -> BoxFuture<'_, Result<(), BankError>>;

    /// Makes a transfer, or finds that it was made before.
    fn transfer(&self, order: TransferOrder, at: UnixSeconds) -> BoxFuture<'_, Result<Outcome, BankError>>;

    /// Where an account stands.
    fn standing(&self, account: &AccountName) -> BoxFuture<'_, Result<Standing, BankError>>;

    /// At most `limit` entries of an account after `serial`, oldest first.
    fn history(&self, account: &AccountName, after: u64, limit: u32) -> BoxFuture<'_, Result<Vec<Entry>, BankError>>;

    /// Adds everything up anew.
    fn trial(&self) -> BoxFuture<'_, Result<Trial, BankError>>;
}
