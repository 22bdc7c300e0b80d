//! What wallet, merchant and mint send each other: statements, and the bodies of requests and answers.

use serde::{Deserialize, Serialize};

use super::transfer::PendingSpend;
use super::{DepositAccount, Planchet, RefundConfirmation};
use crate::foundation::{Amount, Bytes, Digest, UnixSeconds, base64};
use crate::items::statement::{Compact, Statement};
use crate::security::blinding::MODULUS_LEN;
use crate::security::{PublicKey, Thumbprint};

/// A coin's permission to take an amount from it, for one deal with one merchant. Signed by the coin's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// The mint that shall take it.
    pub mint: Thumbprint,
    /// The merchant that may deposit it.
    pub merchant: Thumbprint,
    /// The deal that it pays.
    pub deal: Digest,
    /// How much of the coin.
    pub amount: Amount,
    /// The coin's denomination.
    pub denomination: Digest,
    /// The mint's signature on the coin.
    #[serde(with = "base64::array")]
    pub signature: [u8; MODULUS_LEN],
    /// Until when the merchant may refund.
    pub refund_by: UnixSeconds,
}

impl Statement for Permission {
    const TYP: &'static str = "semper-coin-permission+jwt";
}

/// Merchant to mint: all of these, or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositBody {
    /// The coins' permissions, all for one merchant and deal.
    pub permissions: Vec<Compact<Permission>>,
    /// Which of its accounts the merchant wants the money in, where it has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Compact<DepositAccount>>,
}

impl DepositBody {
    /// For the merchant's only account, or the one without a label.
    pub const fn new(permissions: Vec<Compact<Permission>>) -> Self {
        Self { permissions, account: None }
    }
}

/// The mint's word that a deal is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The mint.
    pub mint: Thumbprint,
    /// The merchant that will be paid.
    pub merchant: Thumbprint,
    /// The deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// The digests of the permissions.
    pub permissions: Vec<Digest>,
    /// When the merchant is paid out at the latest.
    pub wire_by: UnixSeconds,
    /// When the mint took the coins.
    pub confirmed_at: UnixSeconds,
}

impl Statement for Confirmation {
    const TYP: &'static str = "semper-deposit-confirmation+jwt";
}

/// The answer to a deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositAnswer {
    /// The mint's signed confirmation.
    pub confirmation: Compact<Confirmation>,
}

/// The further members of the problem `coin-already-spent`: the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlreadySpent {
    /// The coin's key.
    pub coin: PublicKey,
    /// What the coin signed before, permissions and melts, compact.
    pub spent: Vec<String>,
    /// What returned to it of that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Compact<RefundConfirmation>>,
}

/// A blinded message and the denomination that it shall become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanchetMessage {
    /// The denomination.
    pub denomination: Digest,
    /// The blinded message.
    #[serde(with = "base64::array")]
    pub blinded: [u8; MODULUS_LEN],
}

impl From<Planchet> for PlanchetMessage {
    fn from(planchet: Planchet) -> Self {
        Self { denomination: planchet.denomination, blinded: planchet.blinded }
    }
}

/// A batch of planchets to be paid from a reserve. Signed by the reserve's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawal {
    /// The mint that holds the reserve.
    pub mint: Thumbprint,
    /// What is to be signed.
    pub batch: Vec<PlanchetMessage>,
    /// The number of the first coin of the batch: how many the reserve has paid for before. Who does not know of all of them
    /// would number its coins as those are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<u32>,
    /// When the wallet asked.
    pub requested_at: UnixSeconds,
}

impl Statement for Withdrawal {
    const TYP: &'static str = "semper-withdrawal+jwt";
}

/// Wallet to mint: sign this batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WithdrawalBody {
    /// The signed request.
    pub request: Compact<Withdrawal>,
}

/// Blind signatures, in the order of the planchets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signatures {
    /// 256 bytes each.
    pub signatures: Vec<Bytes>,
}

/// A batch that a reserve paid for earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// What was signed.
    pub batch: Vec<PlanchetMessage>,
    /// The blind signatures.
    pub signatures: Vec<Bytes>,
}

/// What the mint says of a reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReserveStatus {
    /// What can still be withdrawn.
    pub balance: Amount,
    /// Earlier withdrawals, oldest first.
    pub withdrawals: Vec<Withdrawn>,
}

/// A coin's order to turn what is left of it into new coins. Signed by the coin's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Melt {
    /// The mint that shall take it.
    pub mint: Thumbprint,
    /// The coin's denomination.
    pub denomination: Digest,
    /// The mint's signature on the coin.
    #[serde(with = "base64::array")]
    pub signature: [u8; MODULUS_LEN],
    /// How much of the coin.
    pub amount: Amount,
    /// The denominations of the new coins; their values sum up to the amount.
    pub outputs: Vec<Digest>,
    /// A number above those of the coin's earlier melts, which the wallet draws.
    pub sequence: u32,
    /// The commitment to the three candidates.
    pub commitment: Digest,
}

impl Statement for Melt {
    const TYP: &'static str = "semper-melt+jwt";
}

/// Wallet to mint: melt this coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeltBody {
    /// The signed order.
    pub melt: Compact<Melt>,
}

/// The mint's choice among the candidates: `gamma` will be signed, the others must be revealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeltConfirmation {
    /// The digest of the melt.
    pub melt: Digest,
    /// The candidate that stays hidden, below [`super::KAPPA`].
    pub gamma: u8,
}

impl Statement for MeltConfirmation {
    const TYP: &'static str = "semper-melt-confirmation+jwt";
}

/// The answer to a melt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeltAnswer {
    /// The signed choice.
    pub confirmation: Compact<MeltConfirmation>,
}

/// Wallet to mint: the candidates that were not chosen, opened, and the chosen one's planchets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reveal {
    /// The private transfer keys of the candidates other than gamma, ascending; 32 bytes each.
    pub transfer_secrets: Vec<Bytes>,
    /// The public transfer key of candidate gamma.
    pub transfer_public: PublicKey,
    /// The planchets of candidate gamma.
    pub planchets: Vec<PlanchetMessage>,
}

/// What a reveal left behind: enough for the coin's owner to find the new coins again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revealed {
    /// The public transfer key of candidate gamma.
    pub transfer_public: PublicKey,
    /// The blind signatures.
    pub signatures: Vec<Bytes>,
}

/// A melt of a coin, as the mint has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeltStatus {
    /// The melt.
    pub melt: Compact<Melt>,
    /// The mint's signed choice.
    pub confirmation: Compact<MeltConfirmation>,
    /// What came of it, where it was revealed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revealed: Option<Revealed>,
    /// Whether its outputs could no longer be signed when it was to be revealed: the amount is back in the coin.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub void: bool,
}

/// What the mint says of a coin that it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CoinStatus {
    /// What is left of it.
    pub remaining: Amount,
    /// What of it is in transfers that are not yet decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<PendingSpend>,
    /// Its melts, in the order of their sequence.
    pub melts: Vec<MeltStatus>,
    /// The refunds that returned something to it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Compact<RefundConfirmation>>,
}

/// Where a merchant wants its money. Signed by the merchant's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAccount {
    /// The mint that shall pay.
    pub mint: Thumbprint,
    /// The merchant's key.
    pub merchant: PublicKey,
    /// The bank's origin.
    pub bank: String,
    /// The account there.
    pub account: String,
    /// The label of a further account, by which deposits name it; none for the account that the rest goes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// When it was registered; a later one replaces an earlier one.
    pub registered_at: UnixSeconds,
}

impl Statement for PayoutAccount {
    const TYP: &'static str = "semper-payout-account+jwt";
}

/// Merchant to mint: pay out there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrationBody {
    /// The signed account.
    pub registration: Compact<PayoutAccount>,
}
