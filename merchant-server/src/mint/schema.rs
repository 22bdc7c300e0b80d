//! The bodies of requests and answers as they stand in the API's description. The types themselves are the protocol crate's.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::schema::{AmountSchema, DigestSchema, StatementSchema};

/// A blinded message and the denomination that it shall become.
#[derive(Serialize, ToSchema)]
#[schema(as = Planchet)]
pub(super) struct PlanchetSchema {
    pub(super) denomination: DigestSchema,
    /// 256 bytes, base64url.
    pub(super) blinded: String,
}

/// A batch that a reserve paid for.
#[derive(Serialize, ToSchema)]
#[schema(as = Withdrawn)]
pub(super) struct WithdrawnSchema {
    pub(super) batch: Vec<PlanchetSchema>,
    /// 256 bytes each, base64url.
    pub(super) signatures: Vec<String>,
}

/// A reserve.
#[derive(Serialize, ToSchema)]
#[schema(as = Reserve)]
pub(super) struct ReserveSchema {
    pub(super) balance: AmountSchema,
    /// Oldest first.
    pub(super) withdrawals: Vec<WithdrawnSchema>,
}

/// `semper-withdrawal+jwt`, signed by the reserve's key.
#[derive(Serialize, ToSchema)]
#[schema(as = Withdrawal)]
pub(super) struct WithdrawalSchema {
    pub(super) request: StatementSchema,
}

/// Blind signatures, in the order of the planchets.
#[derive(Serialize, ToSchema)]
#[schema(as = Signatures)]
pub(super) struct SignaturesSchema {
    /// 256 bytes each, base64url.
    pub(super) signatures: Vec<String>,
}

/// `semper-coin-permission+jwt`, 1 to 64, of different coins, all for one merchant and deal.
#[derive(Serialize, ToSchema)]
#[schema(as = Deposit)]
pub(super) struct DepositSchema {
    pub(super) permissions: Vec<StatementSchema>,
    /// `semper-deposit-account+jwt`, signed by the merchant, where it has several accounts and this is not for the first.
    pub(super) account: Option<StatementSchema>,
}

/// `semper-payout-request+jwt`, signed by the merchant's key.
#[derive(Serialize, ToSchema)]
#[schema(as = PayoutRequest)]
pub(super) struct PayoutRequestSchema {
    pub(super) request: StatementSchema,
}

/// A merchant's payouts.
#[derive(Serialize, ToSchema)]
#[schema(as = Payouts)]
pub(super) struct PayoutListSchema {
    /// The oldest first.
    pub(super) payouts: Vec<PayoutLineSchema>,
    /// Whether there are more.
    pub(super) more: bool,
}

/// A payout in the list.
#[derive(Serialize, ToSchema)]
#[schema(as = PayoutLine)]
pub(super) struct PayoutLineSchema {
    pub(super) serial: u64,
    pub(super) payout: DigestSchema,
    pub(super) amount: AmountSchema,
    /// Whether the bank has taken it.
    pub(super) sent: bool,
}

/// `semper-payout+jwt`, signed by the mint.
#[derive(Serialize, ToSchema)]
#[schema(as = Payout)]
pub(super) struct PayoutSchema {
    pub(super) payout: StatementSchema,
}

/// `semper-deposit-confirmation+jwt`, signed by the mint.
#[derive(Serialize, ToSchema)]
#[schema(as = DepositConfirmed)]
pub(super) struct DepositAnswerSchema {
    pub(super) confirmation: StatementSchema,
}

/// `coin-already-spent`, with the proof.
#[derive(Serialize, ToSchema)]
#[schema(as = AlreadySpent)]
pub(super) struct AlreadySpentSchema {
    /// `coin-already-spent`.
    pub(super) code: String,
    /// The coin's key, a JWK.
    pub(super) coin: serde_json::Value,
    /// What the coin signed before: permissions and melts.
    pub(super) spent: Vec<StatementSchema>,
    /// What returned to it of that.
    pub(super) refunds: Option<Vec<StatementSchema>>,
}

/// `semper-refund+jwt`, signed by the merchant's key, which it carries.
#[derive(Serialize, ToSchema)]
#[schema(as = Refund)]
pub(super) struct RefundSchema {
    pub(super) refund: StatementSchema,
}

/// `semper-refund-confirmation+jwt`, signed by the mint.
#[derive(Serialize, ToSchema)]
#[schema(as = RefundConfirmed)]
pub(super) struct RefundAnswerSchema {
    pub(super) confirmation: StatementSchema,
}

/// `semper-melt+jwt`, signed by the coin's key.
#[derive(Serialize, ToSchema)]
#[schema(as = Melt)]
pub(super) struct MeltSchema {
    pub(super) melt: StatementSchema,
}

/// `semper-melt-confirmation+jwt`, signed by the mint.
#[derive(Serialize, ToSchema)]
#[schema(as = MeltConfirmed)]
pub(super) struct MeltAnswerSchema {
    pub(super) confirmation: StatementSchema,
}

/// The candidates that were not chosen, opened, and the chosen one's planchets.
#[derive(Serialize, ToSchema)]
#[schema(as = Reveal)]
pub(super) struct RevealSchema {
    /// Private transfer keys, 32 bytes each, base64url; ascending by candidate.
    pub(super) transfer_secrets: Vec<String>,
    /// The chosen candidate's public transfer key, a JWK.
    pub(super) transfer_public: serde_json::Value,
    pub(super) planchets: Vec<PlanchetSchema>,
}

/// `semper-recoup+jwt`, signed by the coin's key.
#[derive(Serialize, ToSchema)]
#[schema(as = Recoup)]
pub(super) struct RecoupSchema {
    pub(super) recoup: StatementSchema,
}

/// What went into the reserve.
#[derive(Serialize, ToSchema)]
#[schema(as = Recouped)]
pub(super) struct RecoupedSchema {
    pub(super) recouped: AmountSchema,
}

/// What came of a melt.
#[derive(Serialize, ToSchema)]
#[schema(as = Revealed)]
pub(super) struct RevealedSchema {
    /// A JWK.
    pub(super) transfer_public: serde_json::Value,
    /// 256 bytes each, base64url.
    pub(super) signatures: Vec<String>,
}

/// A melt of a coin.
#[derive(Serialize, ToSchema)]
#[schema(as = MeltStatus)]
pub(super) struct MeltStatusSchema {
    pub(super) melt: StatementSchema,
    pub(super) confirmation: StatementSchema,
    pub(super) revealed: Option<RevealedSchema>,
    /// Its amount is back in the coin, since its outputs can no longer be signed.
    pub(super) void: Option<bool>,
}

/// A coin that the mint has seen.
#[derive(Serialize, ToSchema)]
#[schema(as = Coin)]
pub(super) struct CoinSchema {
    pub(super) remaining: AmountSchema,
    pub(super) melts: Vec<MeltStatusSchema>,
    /// The mint's confirmations of what returned to it, oldest first.
    pub(super) refunds: Option<Vec<StatementSchema>>,
}

/// `semper-payout-account+jwt`, signed by the merchant's key.
#[derive(Serialize, ToSchema)]
#[schema(as = Registration)]
pub(super) struct RegistrationSchema {
    pub(super) registration: StatementSchema,
}
