//! What sender, payee and mint send each other.

use serde::{Deserialize, Serialize};

use super::super::Permission;
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::statement::{Compact, Statement};
use crate::security::Thumbprint;

/// What a transfer is about, sent or asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The mint that it goes through.
    pub mint: Thumbprint,
    /// How much.
    pub amount: Amount,
    /// What for, in the words of whoever made it; at most [`super::MAX_PURPOSE`] characters.
    pub purpose: String,
    /// Until when it can be accepted, or paid.
    pub expires_at: UnixSeconds,
}

/// A transfer that is sent. Signed by the transfer's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transfer(pub Terms);

impl Statement for Transfer {
    const TYP: &'static str = "semper-transfer+jwt";
}

/// A transfer that is asked for. Signed by the key of the reserve that it is to be paid into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TransferRequest(pub Terms);

impl Statement for TransferRequest {
    const TYP: &'static str = "semper-transfer-request+jwt";
}

/// Wallet to mint: pay these coins into this transfer, all or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferBody {
    /// A [`Transfer`] or [`TransferRequest`], compact.
    pub transfer: String,
    /// The coins' permissions: for the thumbprint of the key that signed the transfer, and for its digest as the deal.
    pub permissions: Vec<Compact<Permission>>,
}

/// The mint's word that a transfer is paid in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferConfirmation {
    /// The mint.
    pub mint: Thumbprint,
    /// The digest of the transfer.
    pub transfer: Digest,
    /// How much was paid in.
    pub amount: Amount,
    /// When.
    pub confirmed_at: UnixSeconds,
}

impl Statement for TransferConfirmation {
    const TYP: &'static str = "semper-transfer-confirmation+jwt";
}

/// The answer to a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferAnswer {
    /// The mint's signed confirmation.
    pub confirmation: Compact<TransferConfirmation>,
}

/// Where a transfer stands at the mint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransferState {
    /// Paid in, and not yet decided.
    Pending,
    /// Merged into a reserve.
    Accepted,
    /// Called off or expired: back in the coins.
    Returned,
}

/// What the mint says of a transfer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransferStatus {
    /// The transfer, or the request, as it came.
    pub transfer: String,
    /// Where it stands.
    pub state: TransferState,
}

/// The payee's word that a transfer shall go into a reserve. Signed twice: by the transfer's key and by the reserve's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The mint.
    pub mint: Thumbprint,
    /// The digest of the transfer.
    pub transfer: Digest,
    /// The thumbprint of the reserve's key.
    pub reserve: Thumbprint,
    /// When the payee accepted.
    pub accepted_at: UnixSeconds,
}

impl Statement for Acceptance {
    const TYP: &'static str = "semper-transfer-acceptance+jwt";
}

/// Payee to mint: merge the transfer into this reserve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptanceBody {
    /// Self-keyed by the transfer's key.
    pub by_transfer: Compact<Acceptance>,
    /// The same, self-keyed by the reserve's key.
    pub by_reserve: Compact<Acceptance>,
}

/// The word of a holder of the transfer's key that it shall go back. Signed by that key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    /// The mint.
    pub mint: Thumbprint,
    /// The digest of the transfer.
    pub transfer: Digest,
    /// When it was called off.
    pub cancelled_at: UnixSeconds,
}

impl Statement for Cancellation {
    const TYP: &'static str = "semper-transfer-cancellation+jwt";
}

/// Wallet to mint: give it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancellationBody {
    /// The signed order.
    pub cancellation: Compact<Cancellation>,
}

/// What a coin has in a transfer that is not yet decided: it may come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingSpend {
    /// The digest of the transfer.
    pub transfer: Digest,
    /// How much of the coin.
    pub amount: Amount,
}
