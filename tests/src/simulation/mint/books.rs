//! The books: what is where, added up from what the ledger has recorded.

use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::MeltStatus;
use semper_shared::items::payment::ecash::transfer::TransferState;

use super::super::bank::Bank;
use super::{Mint, amount};

impl Mint {
    /// What was issued in coins and not drawn from them. `None` where more was drawn than issued.
    pub(in crate::simulation) fn outstanding(&self) -> Option<u64> {
        self.outstanding_of(|_| true)
    }

    /// The same of the denominations that nobody should still have under a clear sky: those that were revoked, and those
    /// whose coins are due for renewal at `now`.
    pub(in crate::simulation) fn left_behind(&self, now: UnixSeconds) -> Option<u64> {
        self.outstanding_of(|id| self.keys.find(id).is_ok_and(|known| known.revoked || known.renew_at() < now))
    }

    fn outstanding_of(&self, which: impl Fn(&Digest) -> bool) -> Option<u64> {
        let batches = self.ledger.withdrawals.values().flatten().flat_map(|(_, _, done)| &done.batch);
        let withdrawn = batches.map(|planchet| planchet.denomination);
        let revealed = self.melts().filter(|status| status.revealed.is_some());
        let revealed =
            revealed.flat_map(|status| status.melt.peek_unverified().map_or(Vec::new(), |melt| melt.outputs));
        let issued: u64 = withdrawn.chain(revealed).filter(|id| which(id)).map(|id| self.value(&id)).sum();
        let coins = self.ledger.coins.values().filter(|coin| which(&coin.denomination));
        issued.checked_sub(coins.map(|coin| coin.spent).sum())
    }

    /// What was melted and is still to be revealed.
    pub(in crate::simulation) fn half_melted(&self) -> u64 {
        self.melts().filter(|status| status.revealed.is_none() && !status.void).map(amount).sum()
    }

    fn melts(&self) -> impl Iterator<Item = &MeltStatus> {
        self.ledger.coins.values().flat_map(|coin| &coin.melts)
    }

    /// What came into a reserve: from the bank, from persons, and from coins of a revoked denomination.
    pub(super) fn credited(&self, reserve: &str, bank: &Bank) -> u64 {
        let accepted = self.ledger.transfers.values().filter(|kept| kept.reserve.as_deref() == Some(reserve));
        let recouped = self.ledger.recoups.values().filter(|(into, _)| into == reserve);
        let persons: u64 = accepted.map(|kept| kept.amount).sum();
        bank.paid_to(reserve) + persons + recouped.map(|(_, amount)| amount).sum::<u64>()
    }

    /// What is left in reserves. `None` where more was taken out than came in.
    pub(in crate::simulation) fn in_reserves(&self, bank: &Bank) -> Option<u64> {
        let debited: u64 = self.ledger.withdrawals.keys().map(|reserve| self.debited(reserve)).sum();
        let accepted = self.ledger.transfers.values().filter(|kept| kept.reserve.is_some());
        let recouped = self.ledger.recoups.values().map(|(_, amount)| amount);
        let credited = bank.paid_in() + accepted.map(|kept| kept.amount).sum::<u64>() + recouped.sum::<u64>();
        credited.checked_sub(debited)
    }

    /// What is in transfers that are not decided.
    pub(in crate::simulation) fn pending(&self) -> u64 {
        let pending = self.ledger.transfers.values().filter(|kept| kept.state == TransferState::Pending);
        pending.map(|kept| kept.amount).sum()
    }

    /// What a customer gave to others less what others gave to them, of the transfers that were accepted.
    pub(in crate::simulation) fn given_away(&self, customer: usize) -> i128 {
        let accepted = self.ledger.transfers.values().filter(|kept| kept.state == TransferState::Accepted);
        accepted
            .map(|kept| {
                let (from, to) = (kept.from == customer, kept.to == Some(customer));
                i128::from(kept.amount) * (i128::from(from) - i128::from(to))
            })
            .sum()
    }

    /// How often a wallet sent something to itself, as it does to gather coins.
    pub(in crate::simulation) fn gatherings(&self) -> u64 {
        self.ledger.transfers.values().filter(|kept| kept.to == Some(kept.from)).count() as u64
    }

    /// How many transfers were accepted, went back, and how many coins were recouped.
    pub(in crate::simulation) fn counts(&self) -> [u64; 3] {
        let others = || self.ledger.transfers.values().filter(|kept| kept.to != Some(kept.from));
        let of = |state| others().filter(|kept| kept.state == state).count() as u64;
        [of(TransferState::Accepted), of(TransferState::Returned), self.ledger.recoups.len() as u64]
    }

    /// What is owed to merchants.
    pub(in crate::simulation) fn owed(&self) -> u64 {
        self.ledger.deposits.values().map(|deposit| deposit.total - deposit.refunded).sum()
    }

    /// A coin of which more was spent than it is worth.
    pub(in crate::simulation) fn overspent(&self) -> Option<&String> {
        self.ledger.coins.iter().find(|(_, coin)| coin.spent > coin.value).map(|(name, _)| name)
    }
}
