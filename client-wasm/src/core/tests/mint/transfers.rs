//! Transfers at the mint of these tests.

use semper_shared::foundation::{Amount, Code};
use semper_shared::items::payment::ecash::transfer::{
    AcceptanceBody, CancellationBody, PendingSpend, TransferBody, TransferConfirmation, TransferState, TransferStatus,
    check_acceptance, check_cancellation, check_transfer, read_transfer,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::Portable;
use serde_json::{Value, json};

use super::Mint;
use crate::core::tests::market::{Said, cents, problem, said};

/// A transfer that was paid in.
pub(super) struct Kept {
    body: TransferBody,
    state: TransferState,
    reserve: Option<String>,
    coins: Vec<(String, u64)>,
}

impl Mint {
    pub(super) fn transfers_said(&mut self, path: &[&str], body: Value) -> Said {
        let read = |body| serde_json::from_value(body).unwrap();
        match path {
            [] => self.pay_in(read(body)),
            [name] => self.transfer(name),
            [name, "acceptance"] => self.accept(name, &serde_json::from_value(body).unwrap()),
            [name, "cancellation"] => self.cancel(name, &serde_json::from_value(body).unwrap()),
            _ => Err(problem(Code::NOT_FOUND)),
        }
    }

    /// What is in transfers that are not decided.
    pub(crate) fn pending_minor(&self) -> u64 {
        let pending = self.transfers.values().filter(|kept| kept.state == TransferState::Pending);
        pending.flat_map(|kept| &kept.coins).map(|(_, minor)| minor).sum()
    }

    pub(super) fn pending_of(&self, coin: &str) -> Vec<PendingSpend> {
        let pending = self.transfers.values().filter(|kept| kept.state == TransferState::Pending);
        let spends = pending.flat_map(|kept| {
            let transfer = read_transfer(&kept.body.transfer, &Portable).unwrap().digest;
            let coins = kept.coins.iter().filter(|(name, _)| name == coin);
            coins.map(move |(_, minor)| PendingSpend { transfer, amount: cents(*minor) })
        });
        spends.collect()
    }

    fn pay_in(&mut self, body: TransferBody) -> Said {
        let read = read_transfer(&body.transfer, &Portable).unwrap();
        let confirmed = |mint: &Self, amount: Amount| {
            let confirmation = TransferConfirmation {
                mint: mint.keys.mint(),
                transfer: read.digest,
                amount,
                confirmed_at: super::NOW,
            };
            said(&json!({ "confirmation": Signed::sign(confirmation, &mint.signer).to_compact() }))
        };
        if let Some(known) = self.transfers.get(&read.name.to_string()) {
            if known.body == body {
                return confirmed(self, read.terms.amount);
            }
            let code = if read.reserve.is_some() { Code::TRANSFER_ACCEPTED } else { Code::REQUEST_CONFLICT };
            return Err(problem(code));
        }
        let checked = check_transfer(&self.keys, &body, self.now, &Portable)
            .map_err(|error| problem(semper_shared::foundation::Coded::code(&error)))?;
        let mut coins = Vec::new();
        for checked in &checked.permissions {
            let (coin, permission) = (&checked.coin, &checked.permission);
            self.draw(coin, checked.value, permission.amount, permission.compact())?;
            coins.push((coin.to_text(), permission.amount.minor()));
        }
        let reserve = checked.reserve.as_ref().map(|reserve| reserve.to_text());
        let state = if reserve.is_some() { TransferState::Accepted } else { TransferState::Pending };
        if let Some(reserve) = &reserve {
            self.fund(reserve, checked.terms.amount.minor());
        }
        self.transfers.insert(checked.name.to_string(), Kept { body, state, reserve, coins });
        confirmed(self, checked.terms.amount)
    }

    fn transfer(&mut self, name: &str) -> Said {
        self.expire(name)?;
        let kept = &self.transfers[name];
        said(&TransferStatus { transfer: kept.body.transfer.clone(), state: kept.state })
    }

    fn expire(&mut self, name: &str) -> Said {
        let kept = self.transfers.get(name).ok_or_else(|| problem(Code::TRANSFER_UNKNOWN))?;
        let expires_at = read_transfer(&kept.body.transfer, &Portable).unwrap().terms.expires_at;
        if kept.state == TransferState::Pending && expires_at < self.now {
            self.give_back(name);
        }
        Ok(Vec::new())
    }

    fn give_back(&mut self, name: &str) {
        let kept = self.transfers.get_mut(name).unwrap();
        kept.state = TransferState::Returned;
        for (coin, minor) in kept.coins.clone() {
            self.coins.get_mut(&coin).unwrap().spent -= minor;
            self.outstanding_minor += minor;
        }
    }

    fn accept(&mut self, name: &str, body: &AcceptanceBody) -> Said {
        self.expire(name)?;
        let kept = self.transfers.get_mut(name).unwrap();
        let read = read_transfer(&kept.body.transfer, &Portable).unwrap();
        let reserve = check_acceptance(&self.keys, &read.signer, &read.digest, body, &Portable).unwrap().to_text();
        match kept.state {
            TransferState::Accepted if kept.reserve.as_ref() != Some(&reserve) => {
                return Err(problem(Code::TRANSFER_ACCEPTED));
            }
            TransferState::Returned => return Err(problem(Code::TRANSFER_RETURNED)),
            TransferState::Accepted => {}
            TransferState::Pending => {
                kept.state = TransferState::Accepted;
                kept.reserve = Some(reserve.clone());
                self.fund(&reserve, read.terms.amount.minor());
            }
        }
        self.transfer(name)
    }

    fn cancel(&mut self, name: &str, body: &CancellationBody) -> Said {
        self.expire(name)?;
        let kept = &self.transfers[name];
        let read = read_transfer(&kept.body.transfer, &Portable).unwrap();
        check_cancellation(&self.keys, &read.signer, &read.digest, &body.cancellation, &Portable).unwrap();
        match kept.state {
            TransferState::Accepted => return Err(problem(Code::TRANSFER_ACCEPTED)),
            TransferState::Pending => self.give_back(name),
            TransferState::Returned => {}
        }
        self.transfer(name)
    }
}
