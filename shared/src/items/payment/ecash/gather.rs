//! Gathering: many small coins become one large one, so that few coins pay a purchase.
//!
//! A wallet asks itself for the value of one denomination, pays that with its own coins, and withdraws the one coin. To the
//! mint it is a request from person to person like any other (`transfer`); the new coin is blind, so that no purchase can be
//! linked to what was gathered. `docs/decisions/0010-gathering-coins.md` says what it hides and what it does not.

use super::transfer::{Direction, Passed, Terms};
use super::{Denomination, EcashError, EcashPayer, KeySet, MAX_AWAITED, MAX_COINS, MintPurse, PurseCoin};
use crate::foundation::table::in_order;
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::security::Thumbprint;

/// A purse with more coins than this gathers. With what change brings, it has about twenty then.
pub const MANY_COINS: usize = 16;

/// How long a gathering that was cut off can be gone on with, in seconds: a week.
const OPEN_S: u64 = 7 * 24 * 60 * 60;

impl KeySet {
    /// Which of these coins, each by what it gives and its denomination, to gather into one of which denomination: the
    /// largest that some of them make up exactly. None where there are few, or where it would cost a fee.
    pub fn gathering(&self, coins: &[(u64, Digest)], now: UnixSeconds) -> Option<(&Denomination, Vec<usize>)> {
        if coins.len() <= MANY_COINS {
            return None;
        }
        let free = |coin: &Digest| self.find(coin).is_ok_and(|denomination| denomination.fees.are_none());
        let free = (0..coins.len()).filter(|index| free(&coins[*index].1));
        // The smallest first, and of the same value the one that ends first.
        let ends = |index: usize| self.find(&coins[index].1).ok().map(|denomination| denomination.spend_until);
        let small = in_order(free, |index| (coins[*index].0, ends(*index)));
        let policy = self.document().policy;
        let most = policy.at_once().into_iter().chain(policy.max_transfer_minor).min().unwrap_or(u64::MAX);
        let fits = |d: &&Denomination| d.issues(now) && d.fees.are_none() && d.value.minor() <= most;
        let targets = self.denominations().filter(fits);
        let largest_first =
            in_order(targets, |d| (core::cmp::Reverse(d.value.minor()), core::cmp::Reverse(d.spend_until)));
        largest_first.into_iter().find_map(|target| {
            let minor = target.value.minor();
            let below: Vec<usize> = small.iter().copied().filter(|index| coins[*index].0 < minor).collect();
            let values: Vec<u64> = below.iter().map(|index| coins[*index].0).collect();
            let chosen = make_up(&values, minor)?;
            Some((target, chosen.into_iter().map(|place| below[place]).collect()))
        })
    }
}

/// As many as possible of these values, the smallest first, that sum up to the amount exactly.
fn make_up(ascending: &[u64], amount: u64) -> Option<Vec<usize>> {
    let mut sum = 0_u64;
    let enough = ascending.iter().position(|value| {
        sum = sum.saturating_add(*value);
        sum >= amount
    })?;
    let mut excess = sum - amount;
    let mut chosen = Vec::new();
    for index in (0..=enough).rev() {
        if ascending[index] <= excess {
            excess -= ascending[index];
        } else {
            chosen.push(index);
        }
    }
    (excess == 0 && chosen.len() <= MAX_COINS).then_some(chosen)
}

impl EcashPayer {
    /// The gathering at a mint that was begun, if there is one.
    pub fn gathering(&self, mint: &Thumbprint) -> Option<Digest> {
        let records = &self.purse.mints.get(mint)?.transfers;
        records.iter().find(|record| record.direction == Direction::Gathered).map(|record| record.digest)
    }

    /// Whether a mint's purse has so many coins that some should be gathered, and can be.
    pub fn is_crowded(&self, mint: &Thumbprint, now: UnixSeconds) -> bool {
        let (Some(held), Some(keys)) = (self.purse.mints.get(mint), self.keys.get(mint)) else { return false };
        // Where many transfers are awaited, the next reserve would be one of theirs.
        let awaited = held.reserves.iter().filter(|reserve| !reserve.done).count();
        awaited < MAX_AWAITED && keys.gathering(&at_hand(held, now), now).is_some()
    }

    /// Begins to gather: signs coins over to a request to this wallet itself, for a reserve of its own. None where there is
    /// nothing to gather. To be stored before the mint is asked.
    ///
    /// # Errors
    /// [`EcashError`] where the mint is not known.
    pub fn gather(&mut self, mint: &Thumbprint, now: UnixSeconds) -> Result<Option<Digest>, EcashError> {
        if self.gathering(mint).is_some() || !self.is_crowded(mint, now) {
            return Ok(self.gathering(mint));
        }
        let coins = at_hand(self.mint_purse(mint)?, now);
        let Some((target, chosen)) = self.keys(mint)?.gathering(&coins, now) else { return Ok(None) };
        let amount = target.value;
        let chosen = chosen.into_iter().map(|index| (index, coins[index].0)).collect();
        let terms = Terms { mint: *mint, amount, purpose: String::new(), expires_at: now.plus(OPEN_S) };
        let asked = self.request(terms, now)?;
        self.pay_own(mint, &asked, chosen, now).map(Some)
    }

    /// A gathering is at its end: its coin is in the purse, or the mint refused it.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn end_gathering(&mut self, gathering: &Digest) -> Result<(), EcashError> {
        let (mint, record) = self.transfer(gathering)?;
        if record.direction == Direction::Gathered {
            let held = self.mint_purse_mut(&mint)?;
            held.transfers.retain(|record| record.digest != *gathering);
            // A number that was not used is free again.
            held.reserves.retain(|reserve| reserve.transfer != Some(*gathering) || reserve.done);
        }
        Ok(())
    }

    /// Signs the chosen coins over to a request that this wallet has just made.
    fn pay_own(
        &mut self,
        mint: &Thumbprint,
        asked: &Digest,
        chosen: Vec<(usize, u64)>,
        now: UnixSeconds,
    ) -> Result<Digest, EcashError> {
        let (_, record) = self.transfer(asked)?;
        let payee = self.reserve_key(mint, record.index);
        let payee = crate::security::Signer::public_key(&payee).thumbprint();
        let bill =
            crate::items::payment::Bill { deal: *asked, payee, total: record.amount, refund_by: record.expires_at };
        let permissions = self.sign_over(mint, &bill, chosen, now).ok_or(EcashError::Insufficient)?;
        let record = self.pass(asked, Passed::Begun)?;
        (record.direction, record.permissions) = (Direction::Gathered, permissions);
        Ok(*asked)
    }
}

/// The coins that can be spent, by what each gives and its denomination.
pub(super) fn at_hand(held: &MintPurse, now: UnixSeconds) -> Vec<(u64, Digest)> {
    held.coins.iter().filter(|coin| coin.is_spendable(now)).map(PurseCoin::worth).collect()
}

impl MintPurse {
    /// What is on its way from this wallet's coins to one larger coin of its own.
    pub(super) fn gathered(&self) -> Amount {
        let open = |digest: &Digest| self.reserves.iter().any(|r| r.transfer == Some(*digest) && !r.done);
        let records =
            self.transfers.iter().filter(|record| record.direction == Direction::Gathered && open(&record.digest));
        Amount::sum(self.currency, records.map(|record| record.amount)).unwrap_or(Amount::zero(self.currency))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_smallest_make_up_the_amount() {
        assert_eq!(make_up(&[1, 1, 2, 4, 8], 8), Some(vec![3, 2, 1, 0]));
        assert_eq!(
            make_up(&[1, 2, 4, 4], 8),
            Some(vec![3, 2]),
            "exactly, without the small ones where they do not fit"
        );
        assert_eq!(make_up(&[5, 5, 5], 8), None, "not exactly");
        assert_eq!(make_up(&[1, 2], 4), None, "not enough");
        assert_eq!(make_up(&[1; 100], 64).map(|chosen| chosen.len()), Some(MAX_COINS));
        assert_eq!(make_up(&[1; 100], 65), None, "too many at once");
    }

    proptest! {
        #[test]
        fn powers_of_two_make_up_every_larger_one(powers in prop::collection::vec(0_u32..8, 0..60)) {
            let mut values: Vec<u64> = powers.into_iter().map(|power| 1 << power).collect();
            values.sort_unstable();
            for target in 8..16 {
                let amount = 1_u64 << target;
                match make_up(&values, amount) {
                    Some(chosen) => prop_assert_eq!(chosen.iter().map(|index| values[*index]).sum::<u64>(), amount),
                    None => prop_assert!(values.iter().sum::<u64>() < amount),
                }
            }
        }
    }
}
