//! What the mint keeps: the operations of its ledger, each atomic and durable once it has answered.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::security::Thumbprint;
use semper_shared::security::blinding::MODULUS_LEN;
use semper_shared::security::keys::SignatureBytes;

use super::evidence::Proof;
use super::life::LifeStore;
use super::payouts::PayoutStore;
use super::refunds::RefundStore;
use super::strays::StrayStore;
use super::transfers::TransferStore;
use crate::store::StoreError;

/// A coin's or reserve's key: a compressed point.
pub(super) type Key = [u8; 33];

/// The small number of a denomination.
pub(super) type Number = u16;

/// The number of a merchant's account.
pub(super) type AccountNumber = i64;

/// The number of a merchant's further account; 0 is the one without a label.
pub(super) type PayeeNumber = i64;

/// The mint's ledger.
pub(super) trait MintStore:
    Send + Sync + RefundStore + TransferStore + StrayStore + LifeStore + PayoutStore
{
    /// The numbers of denominations, given to those that have none. Each comes with its value.
    fn number(&self, denominations: Vec<(Digest, u64)>) -> BoxFuture<'_, Result<Vec<Number>, StoreError>>;

    /// How far the bank's history was read.
    fn cursor(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// Takes a page of the bank's history in, and moves the cursor, in one step.
    fn credit(&self, page: FundingPage) -> BoxFuture<'_, Result<(), StoreError>>;

    /// What a reserve still has; `None` where no transfer named it.
    fn balance(&self, reserve: Key) -> BoxFuture<'_, Result<Option<u64>, StoreError>>;

    /// A reserve with its withdrawals, oldest first.
    fn reserve(&self, reserve: Key) -> BoxFuture<'_, Result<Option<ReserveRecord>, StoreError>>;

    /// The signatures given for a request.
    fn withdrawal(&self, request: Digest) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>>;

    /// Debits the reserve and records the signatures; for a request known already, returns the recorded ones.
    fn withdraw(&self, withdrawal: NewWithdrawal) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>>;

    /// Takes all the coins, or none. For a deal that the merchant has deposited already, returns that deposit.
    fn deposit(&self, deposit: NewDeposit) -> BoxFuture<'_, Result<Deposited, LedgerError>>;

    /// The deposit of a deal.
    fn deposited(
        &self,
        merchant: AccountNumber,
        deal: Digest,
    ) -> BoxFuture<'_, Result<Option<DepositRecord>, StoreError>>;

    /// A coin with all that it signed.
    fn coin(&self, coin: Key) -> BoxFuture<'_, Result<Option<CoinRecord>, StoreError>>;

    /// Takes the melt's amount from its coin; for a melt known already, returns the recorded one.
    fn melt(&self, melt: NewMelt) -> BoxFuture<'_, Result<MeltRecord, LedgerError>>;

    /// A melt by its digest.
    fn melted(&self, melt: Digest) -> BoxFuture<'_, Result<Option<MeltRecord>, StoreError>>;

    /// Records what came of a melt, and returns the signatures recorded first.
    fn reveal(
        &self,
        melt: Digest,
        transfer_public: Key,
        signatures: Vec<u8>,
    ) -> BoxFuture<'_, Result<Vec<u8>, LedgerError>>;

    /// The sums of the ledger as they stand at one moment. Reads everything.
    fn books(&self) -> BoxFuture<'_, Result<Books, StoreError>>;
}

/// Why the ledger refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum LedgerError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("no transfer named the reserve")]
    ReserveUnknown,
    #[error("the reserve has too little")]
    FundsInsufficient,
    #[error("too little is left of a coin")]
    CoinSpent(Box<Key>),
    #[error("a coin's key was seen under another denomination")]
    CoinInvalid,
    #[error("the merchant has registered no account")]
    AccountMissing,
    #[error("the merchant has deposited no such deal")]
    DealUnknown,
    #[error("the merchant was paid out")]
    PaidOut,
    #[error("the deadline for refunds has passed")]
    RefundTooLate,
    #[error("less is left of the payment")]
    RefundExcessive { left: u64 },
    #[error("the merchant was not paid that")]
    PayoutUnknown,
    #[error("the melt is not known")]
    MeltUnknown,
    #[error("the melt came to nothing: its amount is back in the coin")]
    MeltVoid,
    #[error("the transfer is not known")]
    TransferUnknown,
    #[error("the transfer went into a reserve")]
    TransferAccepted,
    #[error("the transfer went back to its coins")]
    TransferReturned,
    #[error("beyond a limit: {0:?}")]
    Limit(Limit),
    #[error("{0}")]
    Conflict(&'static str),
}

/// A limit of the mint's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Withdrawal,
    Reserve,
    Day,
}

/// A page of the bank's history.
#[derive(Debug, Default)]
pub(super) struct FundingPage {
    pub(super) credits: Vec<Credit>,
    pub(super) strays: Vec<Stray>,
    /// What a reserve may hold at most; a credit beyond it becomes the stray of the same serial number in `senders`.
    pub(super) reserve_limit: Option<u64>,
    pub(super) senders: Vec<Stray>,
    /// Where the next page begins.
    pub(super) cursor: u64,
}

/// A transfer that named a reserve.
#[derive(Debug)]
pub(super) struct Credit {
    pub(super) serial: u64,
    pub(super) reserve: Key,
    pub(super) amount: u64,
    pub(super) at: UnixSeconds,
}

/// A transfer that did not.
#[derive(Debug)]
pub(super) struct Stray {
    pub(super) serial: u64,
    pub(super) transfer: String,
    pub(super) counterparty: String,
    pub(super) currency: String,
    pub(super) amount: u64,
    pub(super) subject: String,
    pub(super) at: UnixSeconds,
}

/// What a reserve may give on a day, which is a number of days since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct DayLimit {
    pub(super) day: u64,
    pub(super) limit: u64,
}

pub(super) struct NewWithdrawal {
    pub(super) digest: Digest,
    pub(super) reserve: Key,
    /// What the reserve gives, the fee included.
    pub(super) amount: u64,
    /// What of it the mint keeps.
    pub(super) fee: u64,
    pub(super) requested_at: UnixSeconds,
    pub(super) day: Option<DayLimit>,
    /// How many coins the wallet knows that the reserve has paid for before.
    pub(super) first: Option<u32>,
    pub(super) batch: Vec<u8>,
    pub(super) signatures: Vec<u8>,
    pub(super) proof: Proof,
}

pub(super) struct ReserveRecord {
    pub(super) balance: u64,
    /// Batch and signatures.
    pub(super) withdrawals: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A coin that is to be used, as much of it as the ledger needs.
pub(super) struct UsedCoin {
    pub(super) key: Key,
    pub(super) denomination: Number,
    pub(super) value: u64,
    pub(super) signature: [u8; MODULUS_LEN],
    pub(super) amount: u64,
}

pub(super) struct NewSpend {
    /// The coin, and what is taken of it, the fee included.
    pub(super) coin: UsedCoin,
    /// What of it the mint keeps.
    pub(super) fee: u64,
    pub(super) refund_by: UnixSeconds,
    pub(super) proof: Proof,
}

pub(super) struct NewDeposit {
    pub(super) merchant: AccountNumber,
    pub(super) deal: Digest,
    /// Which of the merchant's accounts is to be paid.
    pub(super) payee: Payee,
    pub(super) amount: u64,
    pub(super) confirmed_at: UnixSeconds,
    pub(super) wire_by: UnixSeconds,
    /// The confirmation's.
    pub(super) signature: SignatureBytes,
    pub(super) spends: Vec<NewSpend>,
}

/// Which of a merchant's accounts a deposit goes to, and the merchant's word for it.
#[derive(Default)]
pub(super) struct Payee {
    /// 0 is the account without a label.
    pub(super) number: PayeeNumber,
    pub(super) direction: Option<Proof>,
}

pub(super) enum Deposited {
    Now,
    Before(DepositRecord),
}

pub(super) struct DepositRecord {
    pub(super) amount: u64,
    pub(super) confirmed_at: UnixSeconds,
    pub(super) wire_by: UnixSeconds,
    pub(super) signature: SignatureBytes,
    /// In the order of the confirmation.
    pub(super) spends: Vec<SpendRecord>,
}

/// A permission in columns.
pub(super) struct SpendRecord {
    pub(super) coin: Key,
    pub(super) denomination: Number,
    pub(super) signature: [u8; MODULUS_LEN],
    pub(super) merchant: Thumbprint,
    pub(super) deal: Digest,
    pub(super) amount: u64,
    pub(super) refund_by: UnixSeconds,
    pub(super) proof: Proof,
}

pub(super) struct CoinRecord {
    pub(super) denomination: Number,
    pub(super) spent: u64,
    pub(super) spends: Vec<SpendRecord>,
    /// The confirmations of what returned to it, oldest first.
    pub(super) refunds: Vec<String>,
    /// By sequence.
    pub(super) melts: Vec<MeltRecord>,
    /// The orders that emptied it, since its denomination was revoked.
    pub(super) recoups: Vec<String>,
    /// What it gave to transfers and did not get back, each with whether that is still open.
    pub(super) transfers: Vec<(SpendRecord, bool)>,
}

pub(super) struct NewMelt {
    pub(super) digest: Digest,
    pub(super) coin: UsedCoin,
    /// What of its amount the mint keeps once it is revealed.
    pub(super) fee: u64,
    pub(super) sequence: u32,
    pub(super) outputs: Vec<Number>,
    pub(super) commitment: Digest,
    pub(super) proof: Proof,
    pub(super) gamma: u8,
    /// The confirmation's signature.
    pub(super) confirmation: SignatureBytes,
}

pub(super) struct MeltRecord {
    pub(super) digest: Digest,
    pub(super) coin: Key,
    pub(super) denomination: Number,
    pub(super) signature: [u8; MODULUS_LEN],
    pub(super) amount: u64,
    pub(super) outputs: Vec<Number>,
    pub(super) sequence: u32,
    pub(super) commitment: Digest,
    pub(super) proof: Proof,
    pub(super) gamma: u8,
    pub(super) confirmation: SignatureBytes,
    /// The public transfer key and the blind signatures.
    pub(super) revealed: Option<(Key, Vec<u8>)>,
    /// Whether its amount is back in the coin.
    pub(super) void: bool,
}

/// The sums of the ledger. Every sum is read from where it is kept, so that an error shows as an imbalance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Books {
    /// Came in by transfers that named a reserve.
    pub(super) received: u64,
    /// Is still in the reserves.
    pub(super) reserves: u64,
    /// Was issued as coins, for reserves and for melts.
    pub(super) issued: u64,
    /// Was taken out of coins, by deposits and melts.
    pub(super) spent: u64,
    /// Was melted, and not yet revealed.
    pub(super) melting: u64,
    /// Is in transfers from person to person that are not decided.
    pub(super) pending: u64,
    /// Is owed to merchants.
    pub(super) owed: u64,
    /// Was paid out to them.
    pub(super) paid_out: u64,
    /// Is the mint's own.
    pub(super) fees: u64,
}

impl NewSpend {
    /// What the coin gives.
    pub(super) fn gives(&self) -> u64 {
        self.coin.amount.saturating_sub(self.fee)
    }
}

impl Books {
    /// What is in coins that have not been spent; `None` where more was spent than issued.
    pub(super) fn outstanding(&self) -> Option<u64> {
        self.issued.checked_sub(self.spent)
    }

    /// Whether everything that came in is somewhere, once.
    pub(super) fn balance(&self) -> bool {
        self.outstanding().is_some_and(|coins| {
            let others = self.reserves + coins + self.melting + self.pending + self.owed;
            self.received == others + self.paid_out + self.fees
        })
    }
}
