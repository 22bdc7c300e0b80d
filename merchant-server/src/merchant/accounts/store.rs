//! What the merchant keeps of invoices and of its bank account.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::RefundId;
use semper_shared::items::payment::account::{Iban, Ledger, Reference};

use crate::store::StoreError;

/// An invoice to be stored.
#[derive(Debug, Clone)]
pub(in crate::merchant) struct NewInvoice {
    pub(in crate::merchant) deal: Digest,
    pub(in crate::merchant) reference: Reference,
    pub(in crate::merchant) pay_later: bool,
    pub(in crate::merchant) statement: String,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) issued_at: UnixSeconds,
    pub(in crate::merchant) due_at: UnixSeconds,
}

/// An invoice as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredInvoice {
    pub(in crate::merchant) number: i64,
    pub(in crate::merchant) deal: Digest,
    pub(in crate::merchant) reference: String,
    pub(in crate::merchant) pay_later: bool,
    pub(in crate::merchant) statement: String,
    pub(in crate::merchant) ledger: Ledger,
    pub(in crate::merchant) issued_at: UnixSeconds,
    pub(in crate::merchant) due_at: UnixSeconds,
    pub(in crate::merchant) reminders: u32,
    pub(in crate::merchant) reminded_at: UnixSeconds,
}

/// A transfer out of a bank's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct NewEntry {
    /// By which it is known again.
    pub(in crate::merchant) key: Digest,
    pub(in crate::merchant) credit: bool,
    /// Whether it takes an earlier booking back: a credit where it is a debit, and the other way round.
    pub(in crate::merchant) reversal: bool,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) booked_on: String,
    pub(in crate::merchant) name: String,
    pub(in crate::merchant) iban: Option<Iban>,
    pub(in crate::merchant) remittance: String,
    pub(in crate::merchant) end_to_end: Option<String>,
    /// The references that it names, the structured first.
    pub(in crate::merchant) references: Vec<Reference>,
}

/// A booking: its transfers, and what they are together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct NewBooking {
    pub(in crate::merchant) total_minor: u64,
    pub(in crate::merchant) entries: Vec<NewEntry>,
}

/// What an import changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::merchant) struct Imported {
    pub(in crate::merchant) new: u32,
    pub(in crate::merchant) known: u32,
    pub(in crate::merchant) matched: u32,
    pub(in crate::merchant) waiting: u32,
    /// Outgoing transfers that the bank has booked.
    pub(in crate::merchant) confirmed: u32,
    /// The deals whose invoices changed.
    pub(in crate::merchant) deals: Vec<Digest>,
}

/// An entry that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredEntry {
    pub(in crate::merchant) number: i64,
    pub(in crate::merchant) credit: bool,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) booked_on: String,
    pub(in crate::merchant) name: String,
    pub(in crate::merchant) iban: Option<String>,
    pub(in crate::merchant) remittance: String,
    pub(in crate::merchant) state: i64,
}

/// An outgoing transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) struct StoredOutgoing {
    pub(in crate::merchant) id: String,
    pub(in crate::merchant) amount_minor: u64,
    pub(in crate::merchant) name: String,
    pub(in crate::merchant) iban: String,
    pub(in crate::merchant) text: String,
    pub(in crate::merchant) state: i64,
    pub(in crate::merchant) file: Option<String>,
    pub(in crate::merchant) made_at: UnixSeconds,
}

/// What came of something that a person decided about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::merchant) enum Decided {
    /// It is done, or was done before; the deal whose invoice changed.
    Done(Option<Digest>),
    /// There is no such entry.
    NoEntry,
    /// There is no such invoice.
    NoInvoice,
    /// Something else was decided before.
    Closed,
    /// It is not known where the money came from.
    NoAccount,
}

/// The store's part in invoices. Every write is durable when it answers, and whole or not at all.
pub(in crate::merchant) trait AccountStore {
    /// Stores an invoice unless the deal has one; answers the deal's.
    fn open_invoice(&self, invoice: NewInvoice) -> BoxFuture<'_, Result<StoredInvoice, StoreError>>;

    /// The invoice of a deal.
    fn invoice(&self, deal: Digest) -> BoxFuture<'_, Result<Option<StoredInvoice>, StoreError>>;

    /// All invoices, or those that are open and past their due date at this moment; the newest first.
    fn invoices(
        &self,
        overdue_at: Option<UnixSeconds>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<StoredInvoice>, StoreError>>;

    /// Takes bookings in, all or none, each transfer once.
    fn import(&self, bookings: Vec<NewBooking>, at: UnixSeconds) -> BoxFuture<'_, Result<Imported, StoreError>>;

    /// Credits a refund to the deal's invoice, once, and has sent back what is too much then; `false` without an invoice.
    fn credit(
        &self,
        deal: Digest,
        refund: RefundId,
        amount_minor: u64,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Entries: those that wait for a person, or all; the newest first.
    fn entries(&self, waiting: bool, limit: u32) -> BoxFuture<'_, Result<Vec<StoredEntry>, StoreError>>;

    /// Gives an entry to an invoice.
    fn assign(&self, entry: i64, reference: Reference, at: UnixSeconds) -> BoxFuture<'_, Result<Decided, StoreError>>;

    /// Sends an entry back, to the account it came from or to `iban`.
    fn send_back(
        &self,
        entry: i64,
        to: Option<(Iban, String)>,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<Decided, StoreError>>;

    /// Outgoing transfers, the newest first.
    fn outgoing(&self, limit: u32) -> BoxFuture<'_, Result<Vec<StoredOutgoing>, StoreError>>;

    /// Puts every outgoing transfer that waits into the file of this name, unless that was made before; answers its outgoing transfers and when it
    /// was made.
    fn outgoing_file(
        &self,
        id: String,
        at: UnixSeconds,
    ) -> BoxFuture<'_, Result<(Vec<StoredOutgoing>, UnixSeconds), StoreError>>;

    /// Gives up prepaid invoices that were due before a moment and are not paid; answers their deals.
    fn cancel_before(&self, due: UnixSeconds, at: UnixSeconds) -> BoxFuture<'_, Result<Vec<Digest>, StoreError>>;

    /// Counts the reminder of this number as sent for open pay-later invoices that were due before a moment; how many they
    /// are.
    fn remind(&self, number: u32, due: UnixSeconds, at: UnixSeconds) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// How far the bank's notifications were read.
    fn cursor(&self, account: &str) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// That they were read up to here.
    fn set_cursor(&self, account: &str, after: u64) -> BoxFuture<'_, Result<(), StoreError>>;
}
