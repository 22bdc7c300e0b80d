//! `POST /deposits`: a merchant hands in the coins that paid a deal. All are taken, or none.

use std::sync::Arc;

use actix_web::web;
use semper_shared::foundation::{Code, Digest};
use semper_shared::items::payment::ecash::mint::{CheckedDeposit, check_deposit};
use semper_shared::items::payment::ecash::{
    AlreadySpent, Confirmation, DepositAccount, DepositAnswer, DepositBody, EcashError, check_deposit_account,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::{PublicKey, Signer as _, Thumbprint};

use super::error::{MintError, broken, stopped};
use super::evidence::{self, Proof, digest_of, signature_of};
use super::payouts::Redirection;
use super::ring::Ring;
use super::store::{AccountNumber, DepositRecord, Deposited, Key, LedgerError, NewDeposit, NewSpend, Payee, UsedCoin};
use super::{Mint, metrics};
use crate::http::Problem;

/// More coins than this are verified on another thread, so that they do not hold up other requests.
const COINS_INLINE: usize = 8;

impl Mint {
    /// Takes a deposit. The same one again is answered with the same bytes; coins that were spent are answered with the proof.
    pub(super) async fn deposit(self: &Arc<Self>, body: DepositBody) -> Result<DepositAnswer, Problem> {
        match self.take_deposit(body).await {
            Err(MintError::Ledger(LedgerError::CoinSpent(coin))) => Err(self.already_spent(&coin).await?),
            other => Ok(other?),
        }
    }

    async fn take_deposit(self: &Arc<Self>, body: DepositBody) -> Result<DepositAnswer, MintError> {
        let ring = self.ring();
        let checked = match self.check(&ring, &body).await {
            // Its coins may have been good when it came first.
            Err(MintError::Refused(error @ (EcashError::DenominationExpired | EcashError::DenominationRevoked))) => {
                return self.deposited_before(&ring, &body, error).await;
            }
            other => other?,
        };
        let named = self.named(&ring, &body, &checked.merchant, &checked.deal)?;
        let merchant = self.account(checked.merchant).await?;
        let payee = self.payee(merchant, named).await?;
        let digests: Vec<Digest> = checked.permissions.iter().map(|checked| checked.permission.digest()).collect();
        let now = self.now();
        let confirmation = Confirmation {
            mint: ring.keys.mint(),
            merchant: checked.merchant,
            deal: checked.deal,
            amount: checked.total,
            permissions: digests.clone(),
            wire_by: now.plus(self.config.wire_delay_s),
            confirmed_at: now,
        };
        // Signed before the write, whose outcome decides whether anybody sees it.
        let confirmation = Signed::sign(confirmation, &*self.signer);
        let new = columns(&ring, &checked, (merchant, payee), &confirmation)?;
        let coins = new.spends.len();
        match self.store.deposit(new).await? {
            Deposited::Now => {
                self.metrics.deposits.inc();
                self.metrics.coins_spent.inc_by(metrics::count(coins));
                Ok(DepositAnswer { confirmation: confirmation.to_compact() })
            }
            Deposited::Before(record) => {
                let answer = self.repeat(&ring, checked.merchant, checked.deal, &record, digests)?;
                self.direct(&ring, &body, merchant, (&checked.merchant, &checked.deal)).await?;
                Ok(answer)
            }
        }
    }

    /// The merchant's word for the account that is to be paid.
    fn named(
        &self,
        ring: &Ring,
        body: &DepositBody,
        merchant: &Thumbprint,
        deal: &Digest,
    ) -> Result<Option<(Signed<DepositAccount>, PublicKey)>, EcashError> {
        let named = body.account.as_ref();
        named.map(|account| check_deposit_account(&ring.keys, account, merchant, deal, &self.verifier)).transpose()
    }

    /// Whoever has the coins' permissions may hand them in first, but only the merchant says where its money goes.
    async fn direct(
        &self,
        ring: &Ring,
        body: &DepositBody,
        number: AccountNumber,
        (merchant, deal): (&Thumbprint, &Digest),
    ) -> Result<(), MintError> {
        let payee = self.payee(number, self.named(ring, body, merchant, deal)?).await?;
        if payee.direction.is_some() {
            self.store.redirect(Redirection { merchant: number, deal: *deal, payee }).await?;
        }
        Ok(())
    }

    /// All that can be said without the ledger: 0.1 ms a coin.
    async fn check(self: &Arc<Self>, ring: &Arc<Ring>, body: &DepositBody) -> Result<CheckedDeposit, MintError> {
        let now = self.now();
        if body.permissions.len() <= COINS_INLINE {
            return Ok(check_deposit(&ring.keys, body, now, &self.verifier)?);
        }
        let (mint, ring, body) = (Arc::clone(self), Arc::clone(ring), body.clone());
        let checked = web::block(move || check_deposit(&ring.keys, &body, now, &mint.verifier));
        Ok(checked.await.map_err(stopped)??)
    }

    /// A deposit of coins that are no longer taken: good only if it was taken earlier, and else refused for `reason`.
    async fn deposited_before(
        &self,
        ring: &Ring,
        body: &DepositBody,
        reason: EcashError,
    ) -> Result<DepositAnswer, MintError> {
        let first = body.permissions.first().ok_or_else(|| reason.clone())?;
        let first = first.peek_unverified().map_err(EcashError::from)?;
        let merchant = self.account(first.merchant).await?;
        let record = self.store.deposited(merchant, first.deal).await?.ok_or(reason)?;
        let digests = body.permissions.iter().map(|compact| digest_of(compact.as_str())).collect();
        let answer = self.repeat(ring, first.merchant, first.deal, &record, digests)?;
        self.direct(ring, body, merchant, (&first.merchant, &first.deal)).await?;
        Ok(answer)
    }

    /// Answers a deal's second deposit: as the first, if it is the same.
    fn repeat(
        &self,
        ring: &Ring,
        merchant: Thumbprint,
        deal: Digest,
        record: &DepositRecord,
        mut asked: Vec<Digest>,
    ) -> Result<DepositAnswer, MintError> {
        let recorded = record
            .spends
            .iter()
            .map(|spend| Ok(digest_of(&spend.text(ring)?)))
            .collect::<Result<Vec<_>, MintError>>()?;
        let mut sorted = recorded.clone();
        sorted.sort_unstable();
        asked.sort_unstable();
        if sorted != asked {
            return Err(LedgerError::Conflict("The deal was paid with other coins.").into());
        }
        let confirmation = Confirmation {
            mint: ring.keys.mint(),
            merchant,
            deal,
            amount: ring.amount(record.amount)?,
            permissions: recorded,
            wire_by: record.wire_by,
            confirmed_at: record.confirmed_at,
        };
        let confirmation = evidence::own(confirmation, self.signer.public_key(), record.signature);
        Ok(DepositAnswer { confirmation: confirmation.to_compact() })
    }

    /// The refusal of a coin, with what it signed before.
    pub(super) async fn already_spent(&self, coin: &Key) -> Result<Problem, MintError> {
        let ring = self.ring();
        let record = self.store.coin(*coin).await?.ok_or_else(|| broken("a spent coin is missing"))?;
        let permissions = record.spends.iter().map(|spend| spend.text(&ring));
        let transfers = record.transfers.iter().map(|(spend, _)| spend.text(&ring));
        let melts = record.melts.iter().map(|melt| melt.text(&ring));
        let recoups = record.recoups.iter().cloned().map(Ok);
        let proof = AlreadySpent {
            coin: PublicKey::from_sec1(coin).map_err(|_| broken("a stored coin is broken"))?,
            spent: permissions.chain(transfers).chain(melts).chain(recoups).collect::<Result<_, _>>()?,
            refunds: record.refunds.into_iter().map(semper_shared::items::statement::Compact::new).collect(),
        };
        self.metrics.double_spends.inc();
        Ok(Problem::new(Code::COIN_ALREADY_SPENT)
            .extra("coin", proof.coin)
            .extra("spent", proof.spent)
            .extra("refunds", proof.refunds))
    }
}

fn columns(
    ring: &Ring,
    checked: &CheckedDeposit,
    (merchant, payee): (AccountNumber, Payee),
    confirmation: &Signed<Confirmation>,
) -> Result<NewDeposit, MintError> {
    let spends = checked
        .permissions
        .iter()
        .map(|checked| {
            let permission = &checked.permission;
            Ok(NewSpend {
                coin: UsedCoin {
                    key: checked.coin.to_compressed(),
                    denomination: ring.number(&permission.denomination)?,
                    value: checked.value.minor(),
                    signature: permission.signature,
                    amount: permission.amount.minor().saturating_add(checked.fee.minor()),
                },
                fee: checked.fee.minor(),
                refund_by: permission.refund_by,
                proof: Proof::of(permission, &checked.coin),
            })
        })
        .collect::<Result<_, MintError>>()?;
    Ok(NewDeposit {
        merchant,
        deal: checked.deal,
        payee,
        amount: checked.total.minor(),
        confirmed_at: confirmation.confirmed_at,
        wire_by: confirmation.wire_by,
        signature: signature_of(confirmation.compact()).ok_or_else(|| broken("a confirmation has no signature"))?,
        spends,
    })
}
