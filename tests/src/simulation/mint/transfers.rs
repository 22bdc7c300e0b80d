//! Transfers from person to person, each decided once.

use semper_shared::foundation::{Code, Digest, UnixSeconds};
use semper_shared::items::payment::ecash::transfer::{
    AcceptanceBody, CancellationBody, CheckedTransfer, PendingSpend, TransferAnswer, TransferBody,
    TransferConfirmation, TransferState, TransferStatus, check_acceptance, check_cancellation, check_transfer,
    read_transfer,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::Thumbprint;

use super::super::bank::cents;
use super::super::network::Reply;
use super::{Defect, Mint, Prepared, Refusal, digest_of, read, refuse};

/// A transfer that was paid in.
pub(super) struct Kept {
    pub(super) amount: u64,
    pub(super) state: TransferState,
    /// The reserve that it went into.
    pub(super) reserve: Option<String>,
    /// The customers who paid and who took it.
    pub(super) from: usize,
    pub(super) to: Option<usize>,
    digest: Digest,
    signer: Thumbprint,
    statement: String,
    /// A hash of the permissions.
    coins: Digest,
    expires_at: UnixSeconds,
    given: Vec<(String, u64)>,
    answer: TransferAnswer,
}

/// What is to become of a transfer.
pub(in crate::simulation) enum Decision {
    Accept { reserve: String, now: UnixSeconds },
    Cancel,
}

fn status(kept: &Kept) -> Reply {
    Reply::json(&TransferStatus { transfer: kept.statement.clone(), state: kept.state })
}

impl Mint {
    pub(super) fn prepare_transfer(&self, body: &[u8], now: UnixSeconds, from: usize) -> Result<Prepared, Refusal> {
        let body: TransferBody = read(body)?;
        let mut digests: Vec<Digest> = body.permissions.iter().map(digest_of).collect();
        digests.sort_unstable();
        let parts: Vec<&[u8]> = digests.iter().map(|digest| digest.as_bytes().as_slice()).collect();
        let coins = Digest::of_parts(&parts);
        let checked = match check_transfer(&self.keys, &body, now, self.verifier) {
            Ok(checked) => checked,
            // It may have been good when it came first.
            Err(error) => {
                let read = read_transfer(&body.transfer, self.verifier).map_err(|error| refuse(&error))?;
                let known = self.ledger.transfers.get(&read.name.to_string());
                let known = known.filter(|kept| (kept.digest, kept.coins) == (read.digest, coins));
                return Ok(Prepared::Known(Reply::json(&known.ok_or_else(|| refuse(&error))?.answer)));
            }
        };
        let confirmation = TransferConfirmation {
            mint: self.keys.mint(),
            transfer: checked.digest,
            amount: checked.terms.amount,
            confirmed_at: now,
        };
        let answer = TransferAnswer { confirmation: Signed::sign(confirmation, &self.signer).to_compact() };
        Ok(Prepared::Transfer(checked, body.transfer, coins, answer, from))
    }

    pub(super) fn pay_in(
        &mut self,
        checked: CheckedTransfer,
        statement: String,
        coins: Digest,
        answer: TransferAnswer,
        from: usize,
    ) -> Result<Reply, Refusal> {
        let name = checked.name.to_string();
        if let Some(kept) = self.ledger.transfers.get(&name) {
            if (kept.digest, kept.coins) == (checked.digest, coins) {
                return Ok(Reply::json(&kept.answer));
            }
            let asked_for = checked.reserve.is_some();
            return Err(Reply::problem(if asked_for { Code::TRANSFER_ACCEPTED } else { Code::REQUEST_CONFLICT }));
        }
        self.draw_all(&checked.permissions)?;
        let reply = Reply::json(&answer);
        let reserve = checked.reserve.as_ref().map(|reserve| reserve.to_text());
        let given = checked.permissions.iter();
        let kept = Kept {
            amount: checked.terms.amount.minor(),
            state: if reserve.is_some() { TransferState::Accepted } else { TransferState::Pending },
            // Nobody has seen another request than its maker: a wallet that gathers its coins asks itself.
            to: reserve.as_ref().map(|_| self.asked_by.get(&checked.digest).copied().unwrap_or(from)),
            reserve,
            from,
            digest: checked.digest,
            signer: checked.signer,
            statement,
            coins,
            expires_at: checked.terms.expires_at,
            given: given.map(|checked| (checked.coin.to_text(), checked.permission.amount.minor())).collect(),
            answer,
        };
        self.ledger.transfers.insert(name, kept);
        Ok(reply)
    }

    fn kept(&self, name: &str) -> Result<&Kept, Refusal> {
        self.ledger.transfers.get(name).ok_or_else(|| Reply::problem(Code::TRANSFER_UNKNOWN))
    }

    /// Where a transfer stands; one whose time is over goes back when somebody asks.
    pub(super) fn transfer(&mut self, name: &str, now: UnixSeconds) -> Result<Reply, Refusal> {
        if self.kept(name)?.expires_at < now {
            self.give_back(name);
        }
        Ok(status(self.kept(name)?))
    }

    /// Gives back what has expired, as the shipped mint does every few seconds.
    pub(in crate::simulation) fn sweep(&mut self, now: UnixSeconds) {
        let expired = self.ledger.transfers.iter().filter(|(_, kept)| kept.expires_at < now);
        let expired: Vec<String> = expired.map(|(name, _)| name.clone()).collect();
        for name in expired {
            self.give_back(&name);
        }
    }

    pub(super) fn prepare_acceptance(
        &self,
        name: &str,
        body: &AcceptanceBody,
        now: UnixSeconds,
        from: usize,
    ) -> Result<Prepared, Refusal> {
        let kept = self.kept(name)?;
        let reserve = check_acceptance(&self.keys, &kept.signer, &kept.digest, body, self.verifier);
        let reserve = reserve.map_err(|error| refuse(&error))?.to_text();
        Ok(Prepared::Decision(name.to_owned(), Decision::Accept { reserve, now }, from))
    }

    pub(super) fn prepare_cancellation(
        &self,
        name: &str,
        body: &CancellationBody,
        from: usize,
    ) -> Result<Prepared, Refusal> {
        let kept = self.kept(name)?;
        check_cancellation(&self.keys, &kept.signer, &kept.digest, &body.cancellation, self.verifier)
            .map_err(|error| refuse(&error))?;
        Ok(Prepared::Decision(name.to_owned(), Decision::Cancel, from))
    }

    /// Decides a transfer that is pending; of one that is not, says what was decided.
    pub(super) fn decide(&mut self, name: &str, decision: Decision, from: usize) -> Result<Reply, Refusal> {
        match decision {
            Decision::Accept { reserve, now } => {
                if self.kept(name)?.expires_at < now {
                    self.give_back(name);
                } else if let Some(kept) = self.ledger.transfers.get_mut(name)
                    && kept.state == TransferState::Pending
                {
                    (kept.state, kept.to, kept.reserve) = (TransferState::Accepted, Some(from), Some(reserve.clone()));
                }
                match self.kept(name)? {
                    kept if kept.state != TransferState::Accepted => Err(Reply::problem(Code::TRANSFER_RETURNED)),
                    kept if kept.reserve != Some(reserve) => Err(Reply::problem(Code::TRANSFER_ACCEPTED)),
                    kept => Ok(status(kept)),
                }
            }
            Decision::Cancel => {
                self.give_back(name);
                match self.kept(name)? {
                    kept if kept.state == TransferState::Returned => Ok(status(kept)),
                    _ => Err(Reply::problem(Code::TRANSFER_ACCEPTED)),
                }
            }
        }
    }

    /// Gives a transfer back to its coins, unless it was decided.
    fn give_back(&mut self, name: &str) {
        let accepted_too = self.defect == Some(Defect::ReturnsAccepted);
        let Some(kept) = self.ledger.transfers.get_mut(name) else { return };
        if kept.state == TransferState::Pending || accepted_too && kept.state == TransferState::Accepted {
            kept.state = TransferState::Returned;
            for (coin, amount) in &kept.given {
                if let Some(coin) = self.ledger.coins.get_mut(coin) {
                    coin.spent = coin.spent.saturating_sub(*amount);
                }
            }
        }
    }

    /// What of a coin is in transfers that are not decided.
    pub(super) fn pending_of(&self, coin: &str) -> Vec<PendingSpend> {
        let pending = self.ledger.transfers.values().filter(|kept| kept.state == TransferState::Pending);
        let spends = pending.flat_map(|kept| {
            let given = kept.given.iter().filter(|(name, _)| name == coin);
            given.map(|(_, amount)| PendingSpend { transfer: kept.digest, amount: cents(*amount) })
        });
        spends.collect()
    }
}
