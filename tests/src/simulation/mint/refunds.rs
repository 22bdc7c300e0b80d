//! Deposits, and what returns of them to their coins.

use std::collections::BTreeMap;

use semper_shared::foundation::{Code, Digest, UnixSeconds};
use semper_shared::items::payment::Refund;
use semper_shared::items::payment::ecash::mint::{CheckedDeposit, check_refund};
use semper_shared::items::payment::ecash::{
    DepositAnswer, DepositBody, RefundAnswer, RefundBody, RefundConfirmation, RefundedCoin, spread,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::PublicKey;

use super::super::bank::cents;
use super::super::network::Reply;
use super::{Defect, Mint, Prepared, Refusal, digest_of, read, refuse};

/// A deposit as it is recorded.
pub(in crate::simulation) struct Deposit {
    pub(super) total: u64,
    pub(super) refunded: u64,
    pub(super) answer: DepositAnswer,
    /// What each coin gave, in their order, and until when that may be refunded.
    given: Vec<(PublicKey, u64, UnixSeconds)>,
    permissions: Vec<Digest>,
    /// By name: the order, and its answer.
    refunds: BTreeMap<[u8; 16], (Digest, RefundAnswer)>,
}

/// A refund to be made.
pub(in crate::simulation) struct Order {
    refund: Signed<Refund>,
    now: UnixSeconds,
}

impl Deposit {
    pub(super) fn new(checked: &CheckedDeposit, answer: DepositAnswer) -> Self {
        let given = checked.permissions.iter().map(|checked| {
            let permission = &checked.permission;
            (checked.coin.clone(), permission.amount.minor(), permission.refund_by)
        });
        Self {
            total: checked.total.minor(),
            refunded: 0,
            answer,
            given: given.collect(),
            permissions: checked.permissions.iter().map(|checked| checked.permission.digest()).collect(),
            refunds: BTreeMap::new(),
        }
    }
}

impl Mint {
    /// What is known of a deposit whose coins are good no longer.
    pub(super) fn deposited_before(&self, body: &DepositBody) -> Option<Prepared> {
        let deal = body.permissions.first()?.peek_unverified().ok()?.deal;
        let known = self.ledger.deposits.get(&deal)?;
        let asked: Vec<Digest> = body.permissions.iter().map(digest_of).collect();
        (asked == known.permissions).then(|| Prepared::Known(Reply::json(&known.answer)))
    }

    pub(super) fn prepare_refund(&self, body: &[u8], now: UnixSeconds) -> Result<Prepared, Refusal> {
        let body: RefundBody = read(body)?;
        let refund = check_refund(&self.keys, &body.refund, self.verifier).map_err(|error| refuse(&error))?;
        Ok(Prepared::Refund(Order { refund, now }))
    }

    /// Planned and made in one step: the ledger holds the deposit meanwhile.
    pub(super) fn refund(&mut self, Order { refund, now }: &Order) -> Result<Reply, Refusal> {
        let twice = self.defect == Some(Defect::RefundsTwice);
        let deposit = self.ledger.deposits.get(&refund.deal).ok_or_else(|| Reply::problem(Code::DEAL_UNKNOWN))?;
        if let Some((digest, answer)) = deposit.refunds.get(&refund.refund.0).filter(|_| !twice) {
            let same = *digest == refund.digest();
            return if same { Ok(Reply::json(answer)) } else { Err(Reply::problem(Code::REQUEST_CONFLICT)) };
        }
        if deposit.given.iter().any(|(.., refund_by)| now > refund_by) {
            return Err(Reply::problem(Code::REFUND_TOO_LATE));
        }
        let given: Vec<u64> = deposit.given.iter().map(|(_, amount, _)| *amount).collect();
        let shares = spread(&given, deposit.refunded, refund.amount.minor());
        let shares = shares.ok_or_else(|| Reply::problem(Code::REFUND_EXCESSIVE))?;
        let shares: Vec<(PublicKey, u64)> =
            shares.into_iter().map(|(position, share)| (deposit.given[position].0.clone(), share)).collect();
        for (coin, _) in &shares {
            let known = self.ledger.coins.get(&coin.to_text()).map(|coin| coin.denomination);
            let denomination = known.and_then(|id| self.keys.find(&id).ok());
            if !denomination.is_some_and(|known| known.revoked || *now <= known.spend_until) {
                return Err(Reply::problem(Code::DENOMINATION_EXPIRED));
            }
        }
        let coins =
            shares.iter().map(|(coin, share)| RefundedCoin { coin: coin.to_compressed(), amount: cents(*share) });
        let confirmation = RefundConfirmation {
            mint: self.keys.mint(),
            refund: refund.digest(),
            deal: refund.deal,
            coins: coins.collect(),
            confirmed_at: *now,
        };
        let answer = RefundAnswer { confirmation: Signed::sign(confirmation, &self.signer).to_compact() };
        for (coin, share) in shares {
            if let Some(coin) = self.ledger.coins.get_mut(&coin.to_text()) {
                coin.spent -= share;
            }
        }
        let reply = Reply::json(&answer);
        if let Some(deposit) = self.ledger.deposits.get_mut(&refund.deal) {
            deposit.refunded += refund.amount.minor();
            deposit.refunds.insert(refund.refund.0, (refund.digest(), answer));
        }
        Ok(reply)
    }
}
