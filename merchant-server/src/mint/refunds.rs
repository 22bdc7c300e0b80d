//! `POST /refunds`: a merchant gives back part of a deposit, or all of it, to the coins that it came from.
//!
//! ```text
//! the deposit as it stands ──▶ which coins get what, signed ──▶ one write: only if it still stands so
//!          ▲                                                        │
//!          └──────────── another refund came first ─────────────────┘
//! ```
//!
//! Refund and payout decide on the deposit's row: a refund that comes after the payout gathered the deposit is refused, and a
//! payout takes only what was not refunded.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::Refund;
use semper_shared::items::payment::ecash::mint::check_refund;
use semper_shared::items::payment::ecash::{
    EcashError, RefundAnswer, RefundBody, RefundConfirmation, RefundedCoin, spread,
};
use semper_shared::items::statement::{Compact, Signed};

use super::Mint;
use super::error::{MintError, broken};
use super::ring::Ring;
use super::store::{AccountNumber, Key, LedgerError, Number};
use crate::store::StoreError;

/// How often a refund is planned anew, since another one of the same deposit came first.
const PLANS: u32 = 32;

/// The ledger's part in it.
pub(super) trait RefundStore {
    /// The deposit of a deal as a refund of this name finds it.
    fn refundable(
        &self,
        merchant: AccountNumber,
        deal: Digest,
        id: [u8; 16],
    ) -> BoxFuture<'_, Result<Option<Refundable>, StoreError>>;

    /// Refunds, if the deposit still stands as it was planned for: one decision, against other refunds and the payout.
    fn refund(&self, refund: NewRefund) -> BoxFuture<'_, Result<Refunded, LedgerError>>;
}

/// A deposit as a refund finds it.
pub(super) struct Refundable {
    pub(super) deposit: i64,
    /// How much of it was refunded.
    pub(super) refunded: u64,
    /// Whether a payout has gathered it.
    pub(super) paid_out: bool,
    /// The coins that paid, in the order of the deposit.
    pub(super) given: Vec<Given>,
    /// What was refunded under the same name.
    pub(super) before: Option<RefundRecord>,
}

/// What a coin gave to a deposit.
pub(super) struct Given {
    pub(super) coin: Key,
    pub(super) denomination: Number,
    pub(super) amount: u64,
    pub(super) refund_by: UnixSeconds,
}

/// A refund to be made of a deposit of which `already` was refunded.
pub(super) struct NewRefund {
    pub(super) deposit: i64,
    pub(super) already: u64,
    pub(super) id: [u8; 16],
    pub(super) digest: Digest,
    pub(super) amount: u64,
    pub(super) confirmed_at: UnixSeconds,
    /// The merchant's signed order.
    pub(super) statement: String,
    /// The mint's signed word.
    pub(super) confirmation: String,
    pub(super) shares: Vec<Share>,
}

/// What returns to a coin.
pub(super) struct Share {
    pub(super) coin: Key,
    pub(super) amount: u64,
}

pub(super) enum Refunded {
    Now,
    /// It was made before, under this name.
    Before(RefundRecord),
    /// Another refund came first: to be planned anew.
    Moved,
}

pub(super) struct RefundRecord {
    pub(super) digest: Digest,
    pub(super) confirmation: String,
}

impl Mint {
    /// Refunds. The same order again is answered with the same bytes, and another one under the same name is a conflict.
    pub(super) async fn refund(&self, body: RefundBody) -> Result<RefundAnswer, MintError> {
        let ring = self.ring();
        let refund = check_refund(&ring.keys, &body.refund, &self.verifier)?;
        let merchant = self.account(refund.merchant).await.map_err(|error| match error {
            LedgerError::AccountMissing => LedgerError::DealUnknown,
            other => other,
        })?;
        for _ in 0..PLANS {
            let found = self.store.refundable(merchant, refund.deal, refund.refund.0).await?;
            let standing = found.ok_or(LedgerError::DealUnknown)?;
            if let Some(before) = &standing.before {
                return repeat(&refund, before);
            }
            let (shares, confirmation) = self.plan(&ring, &refund, &standing)?;
            let new = NewRefund {
                deposit: standing.deposit,
                already: standing.refunded,
                id: refund.refund.0,
                digest: refund.digest(),
                amount: refund.amount.minor(),
                confirmed_at: confirmation.confirmed_at,
                statement: refund.compact().to_owned(),
                confirmation: confirmation.compact().to_owned(),
                shares,
            };
            match self.store.refund(new).await? {
                Refunded::Now => {
                    self.metrics.refunds.inc();
                    return Ok(RefundAnswer { confirmation: confirmation.to_compact() });
                }
                Refunded::Before(before) => return repeat(&refund, &before),
                Refunded::Moved => {}
            }
        }
        Err(LedgerError::Store(StoreError::Busy).into())
    }

    /// Which coins get what, and the mint's word on it, which nobody sees unless the write goes through.
    fn plan(
        &self,
        ring: &Ring,
        refund: &Signed<Refund>,
        standing: &Refundable,
    ) -> Result<(Vec<Share>, Signed<RefundConfirmation>), MintError> {
        let now = self.now();
        if standing.paid_out {
            return Err(LedgerError::PaidOut.into());
        }
        if standing.given.iter().any(|given| now > given.refund_by) {
            return Err(LedgerError::RefundTooLate.into());
        }
        let given: Vec<u64> = standing.given.iter().map(|given| given.amount).collect();
        let spread = spread(&given, standing.refunded, refund.amount.minor()).ok_or_else(|| {
            let left = given.iter().sum::<u64>().saturating_sub(standing.refunded);
            LedgerError::RefundExcessive { left }
        })?;
        let (mut shares, mut coins) = (Vec::new(), Vec::new());
        for (position, amount) in spread {
            let given = standing.given.get(position).ok_or_else(|| broken("a refund goes to no coin"))?;
            still_good(ring, given, now)?;
            shares.push(Share { coin: given.coin, amount });
            coins.push(RefundedCoin { coin: given.coin, amount: ring.amount(amount)? });
        }
        let confirmation = RefundConfirmation {
            mint: ring.keys.mint(),
            refund: refund.digest(),
            deal: refund.deal,
            coins,
            confirmed_at: now,
        };
        Ok((shares, Signed::sign(confirmation, &*self.signer)))
    }
}

/// What returns to a coin that can be exchanged no longer would be nobody's.
fn still_good(ring: &Ring, given: &Given, now: UnixSeconds) -> Result<(), EcashError> {
    let (id, _) = ring.denomination(given.denomination)?;
    let denomination = ring.keys.find(&id)?;
    let good = denomination.revoked || now <= denomination.spend_until;
    if good { Ok(()) } else { Err(EcashError::DenominationExpired) }
}

/// Answers a name's second order: as the first, if it is the same.
fn repeat(refund: &Signed<Refund>, before: &RefundRecord) -> Result<RefundAnswer, MintError> {
    if before.digest == refund.digest() {
        Ok(RefundAnswer { confirmation: Compact::new(before.confirmation.clone()) })
    } else {
        Err(LedgerError::Conflict("Another refund was made under this name.").into())
    }
}
