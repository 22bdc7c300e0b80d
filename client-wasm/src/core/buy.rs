//! Buying: an order and its payment, the receipt, the keys.
//!
//! ```text
//! Draft ── order, pledge coins ──▶ stored ── POST /deals ──▶ receipt, keys ──▶ stored ── acknowledgement ──▶
//! ```
//!
//! Order and payment are stored before they are sent. A purchase that was cut off is sent again in the same words, so
//! that the merchant and the mint answer as they did before; nothing is ever paid twice.

use semper_shared::commerce::Way;
use semper_shared::commerce::deal::{AwaitReceipt, DealBody, DealError, DealStatus, Delivered, Draft, Event, State};
use semper_shared::foundation::{Amount, Code, Digest, json};
#[cfg(feature = "account")]
use semper_shared::items::payment::account::AccountPayer;
use semper_shared::items::payment::ecash::AlreadySpent;
use semper_shared::items::payment::{
    Bill, ErasedPayer, ModuleId, ModuleVersion, Payment, PaymentError, Share, shares_fault,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, SigningKey};
use serde::Serialize;

use super::call::Progress;
use super::net::{Problem, Reply, ask, host_of, join, peer, post, read_json};
use super::ports::{Http, Ports};
use super::records::{DealRecord, NewDeal, PartKey, Refusal, Touched};
use super::review::{Reviewed, accepted_mints, is_cut_off};
use super::{Wallet, WalletError};

/// A purchase that came to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bought {
    /// The deal.
    pub deal: Digest,
    /// Its state.
    pub state: State,
    /// What was paid.
    pub paid: Amount,
    /// What was bought.
    pub title: String,
}

impl<P: Ports> Wallet<P> {
    /// Buys what was reviewed. The same call again finishes the purchase that was begun, and never makes a second one;
    /// to buy once more, review once more.
    ///
    /// # Errors
    /// Open errors where [`Wallet::resume`], or the same call, goes on later; others where nothing was paid.
    pub async fn pay(
        &mut self,
        offer_digest: &Digest,
        module: &ModuleId,
        progress: Progress<'_>,
    ) -> Result<Bought, WalletError> {
        self.sync().await?;
        let reviewed = self.reviewed.iter().find(|reviewed| reviewed.offer.digest() == *offer_digest).cloned();
        let reviewed = reviewed.ok_or_else(|| WalletError::Request("review the offer first".to_owned()))?;
        progress.step("ordering");
        let begun = self.state()?.deals.iter().find(|deal| {
            // One that was cut off is finished first.
            let agreed_to = deal.offer_digest == *offer_digest && !reviewed.known_deals.contains(&deal.deal);
            is_cut_off(deal, &reviewed.offer) || (agreed_to && deal.state != State::Refused)
        });
        let deal = match begun.map(|deal| deal.deal) {
            Some(deal) => deal,
            None => self.order(reviewed, module).await?,
        };
        self.finish_deal(&deal, progress).await
    }

    /// Makes order and payment, and stores them.
    async fn order(&mut self, reviewed: Reviewed, module: &ModuleId) -> Result<Digest, WalletError> {
        self.rescan_if_due().await?;
        let (module, split) = match *module == ModuleId::split() {
            true => (ModuleId::split().into(), self.choose_both(&reviewed).await?),
            false => (self.choose(&reviewed, module, reviewed.offer.total).await?, Vec::new()),
        };
        let Reviewed { offer, party, .. } = reviewed;
        let now = self.now();
        let mut rng = self.ports.rng();
        let key = SigningKey::make(&mut rng);
        let ordered = Draft::new(offer, key.clone())
            .from(self.state()?.settings.rules.customer.as_deref())
            .split(split)
            .order(module, now, &mut rng)?;
        let payment = self.pledge(&ordered)?;
        let record = DealRecord::new(NewDeal {
            deal: ordered.deal(),
            key: &key,
            offer: ordered.offer(),
            party: party.to_compact(),
            order: ordered.order(),
            payment,
            coins: self.state()?.payer.keep(&ordered.deal()),
            now,
        });
        let deal = record.deal;
        self.change()?.insert(record);
        self.save(Touched::deal(deal).and_purse()).await?;
        Ok(deal)
    }

    /// The chosen module in the version that was negotiated, where nothing is in the way. Judged upon the memory that the
    /// payment is stored with, so that nothing that was spent meanwhile is forgotten.
    async fn choose(
        &mut self,
        reviewed: &Reviewed,
        module: &ModuleId,
        amount: Amount,
    ) -> Result<ModuleVersion, WalletError> {
        self.prepare(&reviewed.offer, module, amount).await?;
        if reviewed.offer.total.is_zero() {
            return Ok(module.clone().into());
        }
        let way = self.ways(reviewed, Some(amount))?.into_iter().find(|way| way.module.id == *module);
        let Some(Way { module, quote, confirm }) = way else {
            return Err(PaymentError::Unsupported(module.clone()).into());
        };
        quote.map_err(PaymentError::from)?;
        match confirm {
            Some(why) if !reviewed.confirmed => Err(WalletError::Confirm(why.into())),
            _ => Ok(module),
        }
    }

    /// The two modules that are to share the price, where nothing is in the way of either.
    async fn choose_both(&mut self, reviewed: &Reviewed) -> Result<Vec<Share>, WalletError> {
        if let Some(fault) = shares_fault(&reviewed.split, reviewed.offer.total) {
            return Err(DealError::Split(fault).into());
        }
        let mut split = reviewed.split.clone();
        for share in &mut split {
            share.version = self.choose(reviewed, &share.module, share.amount).await?.version;
        }
        Ok(split)
    }

    /// Exchanges change, and gathers coins, where the coins at hand cannot pay and would then.
    async fn prepare(
        &mut self,
        offer: &semper_shared::commerce::Offer,
        module: &ModuleId,
        amount: Amount,
    ) -> Result<(), WalletError> {
        let Some(acceptance) = offer.accepts.iter().find(|acceptance| acceptance.module == *module) else {
            return Ok(());
        };
        if module.as_str() != "ecash" {
            return Ok(());
        }
        if ErasedPayer::quote(&self.state()?.payer, amount, acceptance, self.now()).is_err() {
            for mint in accepted_mints(offer) {
                self.make_ready(&mint, amount).await?;
            }
        }
        Ok(())
    }

    /// Pays the bill of an order in memory: each of two shares by its module, where two share the price.
    fn pledge(&mut self, ordered: &AwaitReceipt) -> Result<Option<Payment>, WalletError> {
        let (bill, order) = (ordered.bill(), ordered.order());
        if bill.total.is_zero() {
            return Ok(None);
        }
        if order.split.is_empty() {
            return Ok(Some(self.pledge_one(ordered, &bill, &order.module, order.version)?));
        }
        let mut parts = Vec::with_capacity(order.split.len());
        for share in &order.split {
            parts.push(self.pledge_one(ordered, &bill.share(share), &share.module, share.version)?);
        }
        Ok(Some(Payment::split(&parts)?))
    }

    fn pledge_one(
        &mut self,
        ordered: &AwaitReceipt,
        bill: &Bill,
        module: &ModuleId,
        version: u32,
    ) -> Result<Payment, WalletError> {
        let unsupported = || PaymentError::Unsupported(module.clone());
        let mut accepts = ordered.offer().accepts.iter();
        let acceptance = accepts.find(|way| way.module == *module && way.version == version);
        let acceptance = acceptance.ok_or_else(unsupported)?;
        let (now, mut rng) = (self.now(), self.ports.rng());
        #[cfg(feature = "account")]
        if module.as_str() == "account" {
            let mut payer = AccountPayer { preferred: self.terms };
            return Ok(ErasedPayer::pay(&mut payer, bill, acceptance, now, &mut rng)?);
        }
        let module = ModuleVersion { id: module.clone(), version };
        let payer = self.change()?.payer_mut(&module).ok_or_else(unsupported)?;
        Ok(payer.pay(bill, acceptance, now, &mut rng)?)
    }

    /// Goes on with a deal, wherever it stands, until the goods can be opened.
    pub(super) async fn finish_deal(&mut self, deal: &Digest, progress: Progress<'_>) -> Result<Bought, WalletError> {
        if self.deal_record(deal)?.state == State::Ordered {
            progress.step("paying");
            self.send_order(deal, progress).await?;
        }
        let record = self.deal_record(deal)?;
        if record.state == State::Delivered {
            self.acknowledge(deal).await?;
        }
        progress.step("delivered");
        let record = self.deal_record(deal)?;
        Ok(Bought { deal: record.deal, state: State::Delivered, paid: record.total, title: record.title.clone() })
    }

    async fn send_order(&mut self, deal: &Digest, progress: Progress<'_>) -> Result<(), WalletError> {
        let record = self.deal_record(deal)?;
        let body = DealBody { order: record.order.clone(), payment: record.payment.clone() };
        let request = post(join(&record.merchant_url, "deals"), &body)?;
        match ask(&self.ports, &request).await? {
            Reply::Good(body) => {
                progress.step("receipt");
                let status: DealStatus = read_json(&request.url, &body)?;
                self.accept(deal, status).await
            }
            Reply::Problem(status, problem) => self.refused(deal, status, problem).await,
        }
    }

    /// Takes receipt and delivery, and stores them.
    async fn accept(&mut self, deal: &Digest, status: DealStatus) -> Result<(), WalletError> {
        let record = self.deal_record(deal)?;
        let host = host_of(&record.merchant_url);
        if status.deal != *deal {
            return Err(peer(&record.merchant_url, "it answered for another deal"));
        }
        if status.receipt.is_none() {
            return Err(WalletError::Unfinished { host, code: Code::IN_PROGRESS });
        }
        let now = self.now();
        let delivered = match awaited(record)?.accept(&status, &Portable) {
            Ok(delivered) => delivered,
            Err(error) => {
                // What does not fit is evidence; the deal stays open, so that a merchant that mends itself can deliver.
                let record = self.change_deal(deal)?;
                (record.receipt, record.delivery, record.proofs) = (status.receipt, status.delivery, status.proofs);
                self.save(Touched::deal(*deal)).await?;
                return Err(error.into());
            }
        };
        self.deal_record(deal)?.check_credit(&status)?;
        let acknowledgement = delivered.acknowledge(now).to_compact();
        let Delivered { receipt, delivery, keys, .. } = delivered;
        let state = self.change()?;
        let record = state.deal_mut(deal)?;
        record.advance(Event::Settle, now)?;
        record.receipt = Some(receipt.to_compact());
        record.delivery = Some(delivery.to_compact());
        if record.module.as_str() == "account" && record.notices.is_empty() {
            record.notices.clone_from(&status.proofs);
        }
        record.proofs = status.proofs;
        record.keys = keys.into_iter().map(|(part, key)| PartKey { part, key }).collect();
        record.acknowledgement = Some(acknowledgement);
        state.ended(deal, true)?;
        self.save(Touched::deal(*deal).and_purse()).await
    }

    /// Takes a refusal: one that is for good frees the coins, any other leaves the deal as it is.
    async fn refused(&mut self, deal: &Digest, status: u16, problem: Problem) -> Result<(), WalletError> {
        let record = self.deal_record(deal)?;
        let url = record.merchant_url.clone();
        let module_is_cash = record.paid_by("ecash").is_some();
        if problem.code == Some(Code::STEP_UP_REQUIRED) {
            return Err(WalletError::StepUp(Box::new((*deal, host_of(&url)))));
        }
        #[cfg(feature = "account")]
        if let Some(wait) = self.awaits_payment(deal, &problem).await? {
            return Err(wait);
        }
        let record = self.deal_record(deal)?;
        let for_good = (400..500).contains(&status) && problem.code.is_some_and(is_for_good);
        let Some(code) = problem.code.filter(|_| for_good) else {
            return Err(peer(&url, problem.detail));
        };
        let proof = match code {
            Code::COIN_ALREADY_SPENT => proof_of_spending(record, &problem)
                .ok_or_else(|| peer(&url, "it says that a coin was spent before, and its proof does not hold"))?,
            _ => Vec::new(),
        };
        let now = self.now();
        let state = self.change()?;
        let record = state.deal_mut(deal)?;
        record.advance(Event::Refuse, now)?;
        record.refusal = Some(Refusal { code: code.as_str().to_owned(), detail: problem.detail.clone(), proof });
        state.ended(deal, false)?;
        // This wallet signs no coin over twice: somebody else has its words.
        state.settings.taken_over |= code == Code::COIN_ALREADY_SPENT && module_is_cash;
        self.save(Touched { settings: true, ..Touched::deal(*deal).and_purse() }).await?;
        // The coins were shown: find out what is left of them and exchange it. What fails now is tried again later.
        if !self.state()?.settings.rescan {
            let _ = self.exchange_all().await;
        }
        Err(WalletError::refused(code, host_of(&url), problem.detail))
    }

    /// Tells the merchant that the keys came. Nothing depends on it, so one failure is left to the next time.
    async fn acknowledge(&mut self, deal: &Digest) -> Result<(), WalletError> {
        let record = self.deal_record(deal)?;
        let url = join(&record.merchant_url, &format!("deals/{deal}/acknowledgement"));
        let Some(acknowledgement) = record.acknowledgement.clone() else {
            return Ok(());
        };
        let request = post(url, &object!("acknowledgement": acknowledgement))?;
        let answer = self.ports.http().send(&request).await;
        if answer.is_ok_and(|answer| answer.status == 200) {
            let now = self.now();
            self.change_deal(deal)?.advance(Event::Acknowledge, now)?;
            self.save(Touched::deal(*deal)).await?;
        }
        Ok(())
    }
}

/// The deal as it waits for its receipt.
pub(super) fn awaited(record: &DealRecord) -> Result<AwaitReceipt, WalletError> {
    let offer = Signed::verify_introduction(
        record.offer.as_str(),
        |offer: &semper_shared::commerce::Offer| &offer.merchant.key,
        &Portable,
    )?;
    let (order, _) = record.order.verify_self_keyed(&Portable)?;
    Ok(AwaitReceipt::resume(offer, order, record.key()?))
}

/// Codes after which the same order can never settle.
pub(super) fn is_for_good(code: Code) -> bool {
    !matches!(
        code,
        Code::RATE_LIMITED
            | Code::BUSY
            | Code::TIMED_OUT
            | Code::IN_PROGRESS
            | Code::REQUEST_CONFLICT
            | Code::OUTCOME_UNKNOWN
            | Code::INTERNAL
            | Code::NOT_FOUND
            | Code::METHOD_NOT_ALLOWED
            | Code::BODY_TOO_LARGE
            | Code::TOKEN_INVALID
    )
}

/// The statements that prove that a coin of this payment was spent before, each signed by that coin: or none where the
/// proof does not hold.
fn proof_of_spending(record: &DealRecord, problem: &Problem) -> Option<Vec<String>> {
    use semper_shared::items::payment::ecash::{EcashBody, Melt, Permission};
    use semper_shared::items::statement::Compact;
    let (coin, spent) = (problem.members.get("coin")?, problem.members.get("spent")?);
    let claim: AlreadySpent = json::from_value(object!("coin": coin, "spent": spent)).ok()?;
    let body = json::from_value::<EcashBody>(record.paid_by("ecash")?.body).ok()?;
    let paid_with_it = body.permissions.iter().any(|permission: &Compact<Permission>| {
        permission.verify_self_keyed(&Portable).is_ok_and(|(_, key)| key == claim.coin)
    });
    let spent_elsewhere = claim.spent.iter().any(|text| {
        let permission = Compact::<Permission>::new(text.clone()).verify_self_keyed(&Portable);
        let melt = Compact::<Melt>::new(text.clone()).verify_self_keyed(&Portable);
        permission.is_ok_and(|(permission, key)| key == claim.coin && permission.deal != record.deal)
            || melt.is_ok_and(|(_, key)| key == claim.coin)
    });
    (paid_with_it && spent_elsewhere).then_some(claim.spent)
}
