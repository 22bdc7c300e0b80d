//! Refunds: what a merchant gave back is looked for, verified, and back in the purse.
//!
//! ```text
//! GET /deals/{deal} ── refunds ──▶ merchant's and mint's signatures, sum ── GET /coins/{coin} ──▶ back, stored ──▶ exchanged
//! ```
//!
//! Refund and coins are stored in one commit, so that a refund that is cut off is found again, and one that was taken is not
//! taken twice. The coins' keys have been seen: what came back is exchanged before it is spent.
//!
//! Deals are asked about one by one, each less often the older it is, since a merchant that is asked about two deals at once
//! could tell that they are one customer's.

use semper_shared::commerce::deal::{DealStatus, Event, check_refunds};
use semper_shared::foundation::{Amount, Digest, Table, UnixSeconds, json};
#[cfg(feature = "card")]
use semper_shared::items::payment::card::{CardParameters, check_refund_done};
use semper_shared::items::payment::ecash::{CoinStatus, EcashBody, Permission, check_confirmation};
use semper_shared::items::payment::{Refund, RefundStatus};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{Portable, PublicKey, Thumbprint};
use serde::Serialize;

use super::mints::address;
use super::net::{ask_json, get, join, peer};
use super::ports::Ports;
use super::records::{DealRecord, Touched};
use super::resume::{Resumed, note};
use super::{Wallet, WalletError};

/// The shortest time between two looks at a deal, in seconds.
const PAUSE_S: u64 = 600;
/// For how long after its deadline a refund may still be on its way, in seconds.
const GRACE_S: u64 = 86_400;

/// A refund, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefundView {
    /// The deal.
    pub deal: Digest,
    /// How much came back.
    pub amount: Amount,
    /// Through whom: the mint, the gateway.
    pub via: Thumbprint,
    /// Why, in the merchant's words.
    pub reason: String,
    /// When the merchant decided it.
    pub at: UnixSeconds,
}

impl RefundView {
    fn new(refund: &Refund) -> Self {
        Self {
            deal: refund.deal,
            amount: refund.amount,
            via: refund.via,
            reason: refund.reason.clone(),
            at: refund.issued_at,
        }
    }
}

/// What came back to which coin, and what the coin had signed.
struct Returned {
    permission: Permission,
    key: [u8; 33],
    amount: Amount,
}

impl DealRecord {
    /// The refunds that were taken, oldest first.
    pub(super) fn refund_views(&self) -> Vec<RefundView> {
        let read = |status: &RefundStatus| status.refund.peek_unverified().ok();
        self.refunds.iter().filter_map(read).map(|refund| RefundView::new(&refund)).collect()
    }

    /// How much came back in all.
    pub(super) fn refunded(&self) -> Amount {
        let amounts = self.refund_views().into_iter().map(|refund| refund.amount);
        Amount::sum(self.total.currency(), amounts).unwrap_or(self.total)
    }

    /// Whether a refund may still come that was not seen.
    pub(super) fn may_be_refunded(&self) -> bool {
        self.is_bought() && !self.total.is_zero() && self.looked_at <= self.refund_by.plus(GRACE_S)
    }

    /// Whether it is time to look.
    fn is_due(&self, now: UnixSeconds) -> bool {
        let last = self.looked_at.max(self.ordered_at());
        let age = last.0.saturating_sub(self.ordered_at().0);
        self.may_be_refunded() && now >= last.plus(PAUSE_S.max(age / 2))
    }
}

impl<P: Ports> Wallet<P> {
    /// Looks for refunds of one deal, or of every deal that may still be refunded, and takes them. Returns what is new.
    ///
    /// # Errors
    /// Where the wallet is locked or its store fails, or, of one deal, where its merchant or mint do not answer or break the
    /// protocol; with every deal, such deals are left to the next time.
    pub async fn check_refunds(&mut self, deal: Option<&Digest>) -> Result<Vec<RefundView>, WalletError> {
        self.sync().await?;
        if let Some(deal) = deal {
            let found = self.look_for_refunds(deal).await?;
            return self.exchange_refunded(found).await;
        }
        let mut found = Vec::new();
        let deals = self.state()?.deals.iter().filter(|record| record.may_be_refunded());
        let deals: Vec<Digest> = deals.map(|record| record.deal).collect();
        let mut notes = Resumed::default();
        for deal in deals {
            match self.look_for_refunds(&deal).await {
                Ok(new) => found.extend(new),
                Err(error) => note(&mut notes, "refund", Some(deal), error)?,
            }
            self.sync().await?;
        }
        self.exchange_refunded(found).await
    }

    /// What fails now is tried again later.
    async fn exchange_refunded(&mut self, found: Vec<RefundView>) -> Result<Vec<RefundView>, WalletError> {
        if !found.is_empty() {
            let _ = self.exchange_all().await;
            self.sync().await?;
        }
        Ok(found)
    }

    /// Looks where it is time.
    pub(super) async fn resume_refunds(&mut self, resumed: &mut Resumed) -> Result<(), WalletError> {
        let now = self.now();
        let deals = self.state()?.deals.iter().filter(|record| record.is_due(now));
        let deals: Vec<Digest> = deals.map(|record| record.deal).collect();
        for deal in deals {
            match self.look_for_refunds(&deal).await {
                Ok(found) => resumed.refunds.extend(found),
                Err(error) => note(resumed, "refund", Some(deal), error)?,
            }
            self.sync().await?;
        }
        Ok(())
    }

    async fn look_for_refunds(&mut self, deal: &Digest) -> Result<Vec<RefundView>, WalletError> {
        #[cfg(feature = "account")]
        {
            // What came by invoice may be owed again. Where the merchant cannot say so now, refunds are looked for all the same.
            if let Err(error) = self.look_at_invoice(deal).await {
                note(&mut Resumed::default(), "invoice", Some(*deal), error)?;
                self.sync().await?;
            }
        }
        let record = self.deal_record(deal)?;
        let url = join(&record.merchant_url, &format!("deals/{deal}"));
        let status: DealStatus = ask_json(&self.ports, &get(url.clone())).await?;
        if status.deal != *deal {
            return Err(peer(&url, "it answered for another deal"));
        }
        let record = self.deal_record(deal)?;
        let mut all = record.refunds.clone();
        all.extend(status.refunds.into_iter().filter(|told| !record.refunds.iter().any(|known| is_same(known, told))));
        let checked = check_refunds(deal, &record.merchant, record.total, &all, &Portable)?;
        let known = record.refunds.len();
        let views = checked.iter().skip(known).map(|refund| RefundView::new(refund)).collect();
        let by_card = gateway_of(record)?;
        // Each refund is of the module that it goes through.
        let new = || checked.iter().zip(&all).skip(known);
        let through = |refund: &Signed<Refund>| by_card.as_ref().is_some_and(|key| key.thumbprint() == refund.via);
        if record.paid_by("ecash").is_some() {
            let returned = self.returned(record, new().filter(|(refund, _)| !through(refund)))?;
            self.take_refunds(deal, returned).await?;
        }
        #[cfg(feature = "card")]
        if let Some(gateway) = &by_card {
            let record = self.deal_record(deal)?;
            let all_by_card = record.paid_by("ecash").is_none();
            card_refunds(record, gateway, new().filter(|(refund, _)| all_by_card || through(refund)))?;
        }
        let now = self.now();
        let record = self.change_deal(deal)?;
        if all.len() > known {
            record.advance(Event::Refund, now)?;
        }
        (record.refunds, record.looked_at) = (all, now);
        self.save(Touched::deal(*deal).and_purse()).await?;
        Ok(views)
    }

    /// What the mint confirms of refunds: to coins that paid this deal.
    fn returned<'a>(
        &self,
        record: &DealRecord,
        refunds: impl Iterator<Item = (&'a Signed<Refund>, &'a RefundStatus)>,
    ) -> Result<Vec<Returned>, WalletError> {
        let odd = |what: &str| peer(&record.merchant_url, what);
        let body = record.paid_by("ecash").and_then(|payment| json::from_value::<EcashBody>(payment.body).ok());
        let body = body.ok_or(WalletError::Damaged("a payment cannot be read"))?;
        let mut coins = Table::new();
        for permission in &body.permissions {
            let (permission, key) = permission.verify_self_keyed(&Portable)?;
            coins.insert(key.to_compressed(), permission.payload().clone());
        }
        let mut sums: Table<[u8; 33], Amount> = Table::new();
        for (refund, status) in refunds {
            if refund.via != body.mint {
                return Err(odd("it refunded through another mint"));
            }
            let proof = status.proofs.first().ok_or_else(|| odd("it refunded without the mint's word"))?;
            let mint = &self.state()?.payer.keys(&refund.via)?.document().key;
            let confirmation = check_confirmation(refund, &Compact::new(proof.clone()), mint, &Portable)?;
            for coin in &confirmation.coins {
                let sum = sums.get_or_insert(coin.coin, || Amount::zero(coin.amount.currency()));
                *sum = sum.checked_add(coin.amount)?;
            }
        }
        let back = sums.iter().map(|(key, amount)| {
            let permission = coins.get(key).cloned().ok_or_else(|| odd("it refunded to another's coins"))?;
            Ok(Returned { permission, key: *key, amount: *amount })
        });
        back.collect()
    }

    /// Takes what came back, in memory.
    async fn take_refunds(&mut self, deal: &Digest, returned: Vec<Returned>) -> Result<(), WalletError> {
        let Some(mint) = returned.first().map(|returned| returned.permission.mint) else { return Ok(()) };
        let base = self.mint_url(&mint)?;
        let named = returned.iter().map(|returned| returned.permission.denomination).collect();
        self.know_denominations(&mint, named).await?;
        for Returned { permission, key, amount } in returned {
            let name = PublicKey::from_sec1(&key).map_err(|_| peer(&base, "a coin is no key"))?.to_text();
            let status: CoinStatus = ask_json(&self.ports, &get(address(&base, "coins", &name))).await?;
            let state = self.change()?;
            let kept = state.deal(deal)?.coins.iter().find(|kept| kept.key() == key).cloned();
            let kept = kept.ok_or(WalletError::Damaged("a coin that paid was not kept"))?;
            state.payer.take_refund(&kept, &permission, amount, &status, &Portable)?;
        }
        Ok(())
    }
}

/// The key of the gateway that a deal, or a part of it, was paid through; none where no card paid.
#[cfg(feature = "card")]
fn gateway_of(record: &DealRecord) -> Result<Option<PublicKey>, WalletError> {
    if record.paid_by("card").is_none() {
        return Ok(None);
    }
    let offer = record.offer.peek_unverified()?;
    let card = offer.accepts.iter().find(|acceptance| acceptance.module.as_str() == "card");
    let parameters = card.and_then(|card| json::from_value::<CardParameters>(card.parameters.clone()).ok());
    parameters.map(|parameters| Some(parameters.gateway.key)).ok_or(WalletError::Damaged("an offer cannot be read"))
}

/// Without cards, none.
#[cfg(not(feature = "card"))]
const fn gateway_of(_: &DealRecord) -> Result<Option<PublicKey>, WalletError> {
    Ok(None)
}

#[cfg(feature = "card")]
/// What the gateway says of refunds to the card: nothing comes into the wallet, the proof is kept.
fn card_refunds<'a>(
    record: &DealRecord,
    gateway: &PublicKey,
    refunds: impl Iterator<Item = (&'a Signed<Refund>, &'a RefundStatus)>,
) -> Result<(), WalletError> {
    let odd = |what: &str| peer(&record.merchant_url, what);
    for (refund, status) in refunds {
        let proof = status.proofs.first().ok_or_else(|| odd("it refunded without the gateway's word"))?;
        check_refund_done(refund, &Compact::new(proof.clone()), gateway, &Portable)?;
    }
    Ok(())
}

/// Whether two texts are of one statement: the signature may differ.
fn is_same(one: &RefundStatus, other: &RefundStatus) -> bool {
    let input = |status: &RefundStatus| status.refund.as_str().rsplit_once('.').map(|(input, _)| input.to_owned());
    input(one) == input(other)
}
