//! `POST /withdrawals`: coins for what a reserve has.

use std::sync::Arc;

use actix_web::web;
use semper_shared::items::payment::ecash::mint::check_withdrawal;
use semper_shared::items::payment::ecash::{Signatures, WithdrawalBody};

use super::Mint;
use super::error::{MintError, stopped};
use super::evidence::{Proof, digest_of};
use super::ring::split_signatures;
use super::store::{DayLimit, LedgerError, Limit, NewWithdrawal};

/// From midnight to midnight UTC.
const DAY_S: u64 = 24 * 3_600;

impl Mint {
    /// Signs a batch, from cheap to expensive: known already, well signed, funded; then 0.3 ms of RSA a coin; and one write,
    /// which looks at the reserve again.
    pub(super) async fn withdraw(self: &Arc<Self>, body: WithdrawalBody) -> Result<Signatures, MintError> {
        if let Some(signatures) = self.store.withdrawal(digest_of(body.request.as_str())).await? {
            return Ok(Signatures { signatures: split_signatures(&signatures) });
        }
        let ring = self.ring();
        let checked = check_withdrawal(&ring.keys, &body.request, self.now(), &self.verifier)?;
        let reserve = checked.reserve.to_compressed();
        let (policy, total) = (&self.config.policy, checked.total.minor());
        if policy.max_withdrawal_minor.is_some_and(|limit| total > limit) {
            return Err(LedgerError::Limit(Limit::Withdrawal).into());
        }
        let day = policy.max_day_minor.map(|limit| DayLimit { day: self.now().0 / DAY_S, limit });
        match self.store.balance(reserve).await? {
            None => return Err(LedgerError::ReserveUnknown.into()),
            Some(balance) if balance < checked.total.minor() => return Err(LedgerError::FundsInsufficient.into()),
            Some(_) => {}
        }
        let coins = checked.request.batch.len();
        let new = web::block(move || {
            let batch = &checked.request.batch;
            Ok::<_, MintError>(NewWithdrawal {
                digest: checked.request.digest(),
                reserve,
                amount: checked.total.minor(),
                fee: checked.fee.minor(),
                requested_at: checked.request.requested_at,
                day,
                first: checked.request.first,
                batch: ring.pack(batch)?,
                signatures: ring.sign(batch.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)))?,
                proof: match checked.request.first {
                    None | Some(0) => Proof::of(&checked.request, &checked.reserve),
                    // Nothing else that is kept says how many coins were before: rows are numbered before their reserve is held,
                    // and not in every database one after the other.
                    Some(_) => Proof::Text(checked.request.compact().to_owned()),
                },
            })
        })
        .await
        .map_err(stopped)??;
        let signatures = self.store.withdraw(new).await?;
        self.metrics.coins_issued.inc_by(super::metrics::count(coins));
        Ok(Signatures { signatures: split_signatures(&signatures) })
    }
}
