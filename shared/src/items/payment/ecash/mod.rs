//! Cash: blind-signed coins, spent over a network and bound to the deal.
//!
//! A coin is a P-256 key; the mint's blind signature is on a hash that binds the coin's key *and* its denomination. The
//! mint cannot recognise a coin that it signed, so a withdrawal is never linked to a payment. A coin may be spent in
//! part, and the rest is refreshed into new coins that cannot be linked to it either. Sources: Chaum 1983; RFC 9474;
//! the published protocol of GNU Taler (Dold 2019).
//!
//! ```text
//! wallet                         merchant                        mint
//!   transfer naming a reserve ─────────────────────────────────▶ (bank)
//!   withdrawal: planchets, signed by the reserve ──────────────▶ blind signatures
//!   permissions: each coin signs {deal, merchant, amount} ──▶ deposit ──▶ confirmation
//!   melt: what is left of a coin, and a commitment to three candidates ─▶ one of them, chosen by the mint
//!   reveal: the secrets of the other two ──────────────────────▶ blind signatures of the chosen one
//!                                refund ─────────────────────▶ back to the coins, confirmed
//! ```
//!
//! Every secret derives from the wallet's seed: seed and mint together restore every coin ([`EcashPayer::restore_reserve`],
//! [`EcashPayer::restore_coin`]).
//!
//! Specification: `spec/ecash.md`.

mod coin;
mod denomination;
mod error;
mod gather;
mod messages;
pub mod mint;
mod payee;
mod payer;
mod payout;
mod policy;
mod purse;
mod recoup;
mod refresh;
mod refund;
mod restore;
mod selection;
mod solvency;
pub mod transfer;
mod withdraw;

#[cfg(test)]
mod tests;

pub use coin::{Coin, CoinSecret, Planchet, coin_message};
pub use denomination::{Denomination, DenominationKey, DenominationPage, Fees, Funding, KeySet, MintKeys, Revoked};
pub use error::EcashError;
pub use gather::MANY_COINS;
pub use messages::{
    AlreadySpent, CoinStatus, Confirmation, DepositAnswer, DepositBody, Melt, MeltAnswer, MeltBody, MeltConfirmation,
    MeltStatus, PayoutAccount, Permission, PlanchetMessage, RegistrationBody, ReserveStatus, Reveal, Revealed,
    Signatures, Withdrawal, WithdrawalBody, Withdrawn,
};
pub use payee::{AcceptedMint, EcashBody, EcashParameters, EcashPayee, TrustedMint};
pub use payer::EcashPayer;
pub use payout::{
    DepositAccount, MAX_PAYOUT_DEALS, PaidDeal, Payout, PayoutAnswer, PayoutLine, PayoutList, PayoutRequest,
    PayoutRequestBody, check_deposit_account, check_payout, check_payout_request, is_label, payout_subject,
};
pub use policy::Policy;
pub use purse::{CoinState, MintPurse, Purse, PurseCoin, Reserve};
pub use recoup::{CheckedRecoup, CoinOrigin, Recoup, RecoupAnswer, RecoupBody, RecoupOrigin, check_recoup};
pub use refresh::{Candidate, KAPPA, commitment};
pub use refund::{KeptCoin, RefundAnswer, RefundBody, RefundConfirmation, RefundedCoin, check_confirmation, spread};
pub use selection::select;
pub use solvency::{Solvency, check_solvency};

const ID: &str = "ecash";
const VERSION: u32 = 1;

/// The most reserves of a mint that a wallet has waiting for their first transfer. Whoever restores a wallet searches on
/// for more than these, one after the other, before it ends.
pub const MAX_AWAITED: usize = 16;

/// The most coins that one request may carry.
pub const MAX_COINS: usize = 64;
