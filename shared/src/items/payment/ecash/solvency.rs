//! The mint's word about its own books: what came in, and where it is.
//!
//! Everything that came in is somewhere, once: in reserves, in coins that are not spent, being exchanged, on the way from
//! person to person, owed to merchants, paid out to them, or a fee. What is not paid out and no fee must lie at the bank.

use serde::{Deserialize, Serialize};

use super::{EcashError, KeySet};
use crate::foundation::{Currency, UnixSeconds};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::{Thumbprint, Verifier};

/// How old the statement may be, in seconds: mints make one an hour.
const OLDEST_S: u64 = 26 * 3_600;
/// How far the mint's clock may be ahead, in seconds.
const AHEAD_S: u64 = 300;

/// The sums of a mint's ledger, and what its account at the bank held at that moment; all in minor units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Solvency {
    /// The mint.
    pub mint: Thumbprint,
    /// When.
    pub at: UnixSeconds,
    /// The currency of all sums.
    pub currency: Currency,
    /// Came in by transfers that named a reserve.
    pub received: u64,
    /// Is in reserves.
    pub reserves: u64,
    /// Is in coins that were issued and not spent.
    pub outstanding: u64,
    /// Was taken from coins and is being exchanged.
    pub melting: u64,
    /// Is on its way from person to person.
    pub pending: u64,
    /// Is owed to merchants.
    pub owed: u64,
    /// Was paid out to merchants.
    pub paid_out: u64,
    /// Is the mint's own, for its work.
    pub fees: u64,
    /// What the mint's account at its bank holds.
    pub bank_balance: u64,
}

impl Statement for Solvency {
    const TYP: &'static str = "semper-solvency+jwt";
}

impl Solvency {
    /// What the mint owes to others.
    pub fn liabilities(&self) -> Option<u64> {
        let parts = [self.reserves, self.outstanding, self.melting, self.pending, self.owed];
        parts.into_iter().try_fold(0_u64, u64::checked_add)
    }

    /// Whether everything that came in is somewhere, once.
    pub fn balances(&self) -> bool {
        let spent = self.paid_out.checked_add(self.fees);
        let all = self.liabilities().zip(spent).and_then(|(owed, spent)| owed.checked_add(spent));
        all == Some(self.received)
    }

    /// Whether the bank holds what the mint owes.
    pub fn covered(&self) -> bool {
        self.liabilities().is_some_and(|liabilities| liabilities <= self.bank_balance)
    }
}

/// Verifies that a mint said this of itself, and lately. Whether it is good news, its payload says.
///
/// # Errors
/// [`EcashError`] where it is not this mint's, or is too old.
pub fn check_solvency(
    keys: &KeySet,
    statement: &Compact<Solvency>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<Signed<Solvency>, EcashError> {
    let signed = statement.verify(&keys.document().key, verifier)?;
    if signed.mint != keys.mint() || signed.currency != keys.currency() {
        return Err(EcashError::Mint);
    }
    if now > signed.at.plus(OLDEST_S) || signed.at > now.plus(AHEAD_S) {
        return Err(EcashError::Peer("the statement about its books is not of today"));
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::Digest;

    fn good() -> Solvency {
        Solvency {
            mint: Digest([1; 32]),
            at: UnixSeconds(1_000),
            currency: Currency::EUR,
            received: 100,
            reserves: 10,
            outstanding: 20,
            melting: 5,
            pending: 5,
            owed: 15,
            paid_out: 40,
            fees: 5,
            bank_balance: 60,
        }
    }

    #[test]
    fn every_cent_counts_and_must_be_at_the_bank() {
        assert!(good().balances() && good().covered());
        for wrong in [
            Solvency { received: 101, ..good() },
            Solvency { reserves: 9, ..good() },
            Solvency { outstanding: 21, ..good() },
            Solvency { melting: 4, ..good() },
            Solvency { pending: 6, ..good() },
            Solvency { owed: 14, ..good() },
            Solvency { paid_out: 41, ..good() },
            Solvency { fees: 4, ..good() },
            Solvency { owed: u64::MAX, ..good() },
        ] {
            assert!(!wrong.balances(), "{wrong:?}");
        }
        assert!(Solvency { bank_balance: 55, ..good() }.covered());
        assert!(!Solvency { bank_balance: 54, ..good() }.covered());
        assert!(!Solvency { owed: u64::MAX, ..good() }.covered());
    }
}
