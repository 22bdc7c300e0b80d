//! Offers: signed for every good, renewed before they run out, and honoured for as long as they may be ordered.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use actix_web::web::Bytes;
use semper_shared::commerce::Policy;
use semper_shared::commerce::offer::{DeliveryTerms, Exchange, Item, Merchant, Offer, OfferError, Part, vat_included};
use semper_shared::foundation::{Digest, UnixSeconds, base64};
use semper_shared::items::information::ContentKey;
use semper_shared::items::payment::{Acceptance, ModuleId, Registry};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Signer as _, Verifier};

use super::catalogue::Good;
use super::config::Config;
use super::messages::{Card, GoodPage, Offers};
use super::policy::{Sale, allowed};
use super::store::{NewOffer, Store, StoredOffer};
use super::terms::terms;
use crate::crypto::NativeSigner;
use crate::store::StoreError;

/// How long an offer can be ordered, in seconds.
const VALID_S: u64 = 7 * 86_400;

/// For how long after that an order still is taken that was made in time: a wallet may have lost the network.
const GRACE_S: u64 = 30 * 86_400;

/// For how long after that the offers of open deals are at hand.
const KEPT_S: u64 = 90 * 86_400;

/// An offer with what it sells.
pub(super) struct Sold {
    pub(super) serial: i64,
    pub(super) offer: Signed<Offer>,
    pub(super) keys: Vec<(String, ContentKey)>,
}

/// An answer that is made once and served often.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) body: Bytes,
    /// The entity tag, quoted.
    pub(super) tag: String,
}

/// What the shop shows now.
#[derive(Default)]
pub(super) struct Window {
    pub(super) list: Option<Page>,
    /// By the good's id: its page and its offer.
    pub(super) goods: HashMap<String, (Page, Page)>,
    /// How many goods cannot be offered, since no way to pay is known.
    pub(super) waiting: usize,
}

/// All offers that still count.
#[derive(Default)]
pub(super) struct Shelf {
    sold: RwLock<HashMap<Digest, Arc<Sold>>>,
    window: RwLock<Arc<Window>>,
}

/// Why offers could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum ShelfError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a stored offer is not ours or damaged: {0}")]
    Stored(OfferError),
    #[error("the good `{good}` cannot be offered: {source}")]
    Good { good: String, source: OfferError },
    #[error("the key of a content is missing: import the catalogue again")]
    Key,
}

/// What it takes to make offers.
pub(super) struct Stocking<'a> {
    pub(super) config: &'a Config,
    pub(super) policy: Option<&'a Policy>,
    pub(super) store: &'a dyn Store,
    pub(super) signer: &'a NativeSigner,
    pub(super) verifier: &'a dyn Verifier,
}

impl Shelf {
    /// The offer of this digest, where it is at hand.
    pub(super) fn find_sold(&self, digest: &Digest) -> Option<Arc<Sold>> {
        self.sold.read().unwrap_or_else(PoisonError::into_inner).get(digest).cloned()
    }

    /// What the shop shows.
    pub(super) fn window(&self) -> Arc<Window> {
        Arc::clone(&self.window.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes up the offers that were made before, by this process or another.
    pub(super) async fn load(&self, with: &Stocking<'_>, now: UnixSeconds) -> Result<(), ShelfError> {
        let known = {
            let sold = self.sold.read().unwrap_or_else(PoisonError::into_inner);
            sold.values().map(|sold| sold.serial).max().unwrap_or_default()
        };
        for stored in with.store.offers(UnixSeconds(now.0.saturating_sub(KEPT_S)), known).await? {
            self.keep_stored(with, &stored).await?;
        }
        Ok(())
    }

    /// Looks for an offer that another replica made since.
    pub(super) async fn fetch(&self, with: &Stocking<'_>, digest: Digest) -> Result<Option<Arc<Sold>>, ShelfError> {
        match with.store.offer(digest).await? {
            Some(stored) => self.keep_stored(with, &stored).await.map(Some),
            None => Ok(None),
        }
    }

    async fn keep_stored(&self, with: &Stocking<'_>, stored: &StoredOffer) -> Result<Arc<Sold>, ShelfError> {
        let offer = Signed::<Offer>::verify(&stored.compact, with.signer.public_key(), with.verifier)
            .map_err(|error| ShelfError::Stored(error.into()))?;
        self.keep(stored.serial, offer, with.store).await
    }

    /// Makes the offers that are missing or run out soon, and decorates the window anew.
    pub(super) async fn stock(
        &self,
        with: &Stocking<'_>,
        registry: &(dyn Fn(Option<&str>) -> Arc<Registry> + Sync),
        now: UnixSeconds,
    ) -> Result<(), ShelfError> {
        let goods = with.store.goods().await?;
        let mut shown = Vec::new();
        let mut fresh = Vec::new();
        let mut waiting = 0;
        for good in goods {
            let currency = good.price.currency();
            if currency != with.config.currency {
                tracing::warn!(good = good.id, %currency, "not offered: the shop deals in another currency");
                continue;
            }
            let label = good.account.as_deref();
            if !with.config.has_account(label) {
                tracing::warn!(good = good.id, label, "not offered: `payout.accounts` has no such label");
                continue;
            }
            let sale = Sale { amount: good.price, kind: Some(&good.kind), customer: None };
            let accepts = match good.price.is_zero() {
                true => Vec::new(),
                false => allowed(with.config, with.policy, &registry(label), &sale, now),
            };
            if accepts.is_empty() && !good.price.is_zero() {
                waiting += 1;
                continue;
            }
            let split = registry(label).splittable(&accepts);
            let ways = Ways { accepts, split };
            let wrong = |source| ShelfError::Good { good: good.id.clone(), source };
            match self.current(with, &good, &ways, now).map_err(wrong)? {
                Some(sold) => shown.push((good, sold.offer.clone())),
                None => {
                    let offer = make(with, &good, &ways, now, now.plus(VALID_S)).map_err(wrong)?;
                    let offer = Signed::sign(offer, with.signer);
                    fresh.push(offer.clone());
                    shown.push((good, offer));
                }
            }
        }
        self.add(with.store, fresh).await?;
        self.forget(now);
        let window = decorate(with, &shown, waiting).await?;
        *self.window.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(window);
        Ok(())
    }

    /// The offer that already says of the good what is to be said, and holds for a while.
    fn current(
        &self,
        with: &Stocking<'_>,
        good: &Good,
        ways: &Ways,
        now: UnixSeconds,
    ) -> Result<Option<Arc<Sold>>, OfferError> {
        let lasts = |offer: &Offer| offer.issued_at <= now && offer.expires_at.since(now) >= VALID_S / 2;
        let mut candidates: Vec<_> = {
            let sold = self.sold.read().unwrap_or_else(PoisonError::into_inner);
            sold.values().filter(|sold| sold.offer.good == good.id && lasts(&sold.offer)).cloned().collect()
        };
        candidates.sort_by_key(|sold| std::cmp::Reverse(sold.serial));
        for sold in candidates {
            let same = make(with, good, ways, sold.offer.issued_at, sold.offer.expires_at)?;
            if same == *sold.offer {
                return Ok(Some(sold));
            }
        }
        Ok(None)
    }

    async fn add(&self, store: &dyn Store, offers: Vec<Signed<Offer>>) -> Result<(), ShelfError> {
        if offers.is_empty() {
            return Ok(());
        }
        let new = offers.iter().map(|offer| NewOffer {
            digest: offer.digest(),
            good: offer.good.clone(),
            compact: offer.compact().to_owned(),
            expires_at: offer.expires_at,
        });
        let serials = store.add_offers(new.collect()).await?;
        tracing::info!(offers = serials.len(), "signed offers");
        for (serial, offer) in serials.into_iter().zip(offers) {
            self.keep(serial, offer, store).await?;
        }
        Ok(())
    }

    async fn keep(&self, serial: i64, offer: Signed<Offer>, store: &dyn Store) -> Result<Arc<Sold>, ShelfError> {
        let mut keys = Vec::with_capacity(offer.delivery.parts.len());
        for part in &offer.delivery.parts {
            let key = store.content_key(part.commitment.ciphertext).await?.ok_or(ShelfError::Key)?;
            keys.push((part.name.clone(), key));
        }
        let digest = offer.digest();
        let sold = Arc::new(Sold { serial, offer, keys });
        self.sold.write().unwrap_or_else(PoisonError::into_inner).insert(digest, Arc::clone(&sold));
        Ok(sold)
    }

    fn forget(&self, now: UnixSeconds) {
        let mut sold = self.sold.write().unwrap_or_else(PoisonError::into_inner);
        sold.retain(|_, sold| now <= sold.offer.expires_at.plus(KEPT_S));
    }
}

/// How a good can be paid: by one of these, or by two of those that may share its price.
struct Ways {
    accepts: Vec<Acceptance>,
    split: Vec<ModuleId>,
}

/// The label of the account that an offer is paid out to; none for the first.
pub(super) fn account_of(offer: &Offer) -> Option<String> {
    let cash = offer.accepts.iter().find(|acceptance| acceptance.module.as_str() == "ecash")?;
    Some(cash.parameters.get("account")?.as_str()?.to_owned())
}

/// Whether an order of this offer still is taken.
pub(super) fn is_honoured(offer: &Offer, now: UnixSeconds) -> bool {
    now <= offer.expires_at.plus(GRACE_S)
}

/// The offer of a good.
fn make(
    with: &Stocking<'_>,
    good: &Good,
    ways: &Ways,
    issued_at: UnixSeconds,
    expires_at: UnixSeconds,
) -> Result<Offer, OfferError> {
    let config = with.config;
    let items = vec![Item { title: good.title.clone(), quantity: 1, price: good.price, vat_rate_bp: good.vat_rate_bp }];
    let parts = good.parts.iter().map(|part| Part {
        name: part.name.clone(),
        title: part.title.clone(),
        url: format!("{}/content/{}", config.url(), part.commitment.ciphertext),
        commitment: part.commitment.clone(),
    });
    let offer = Offer {
        merchant: Merchant {
            name: config.name.clone(),
            url: config.url().to_owned(),
            jurisdiction: config.jurisdiction.clone(),
            key: with.signer.public_key().clone(),
        },
        good: good.id.clone(),
        title: good.title.clone(),
        summary: good.summary.clone(),
        kind: Some(good.kind.clone()).filter(|kind| !kind.is_empty()),
        language: good.language.clone(),
        vat: vat_included(&items, good.price)?,
        items,
        total: good.price,
        terms: terms(config, &good.language),
        refund_days: config.refund_days,
        delivery: DeliveryTerms { parts: parts.collect() },
        accepts: ways.accepts.clone(),
        split: ways.split.clone(),
        exchange: Exchange::Plain,
        jurisdictions: config.jurisdictions.clone(),
        issued_at,
        expires_at,
    };
    offer.check()?;
    Ok(offer)
}

async fn decorate(with: &Stocking<'_>, shown: &[(Good, Signed<Offer>)], waiting: usize) -> Result<Window, ShelfError> {
    let mut cards = Vec::new();
    let mut goods = HashMap::new();
    for (good, offer) in shown {
        let version = match &good.picture {
            Some(cover) => with.store.picture(&cover.file).await?.map(|picture| picture.digest),
            None => None,
        };
        let card = Card::new(good, with.config.url(), version);
        let page = page(&GoodPage::new(good, card.clone(), offer.vat))?;
        let tag = format!("\"{}\"", offer.digest());
        let offer = Page { body: Bytes::from(offer.compact().to_owned()), tag };
        goods.insert(good.id.clone(), (page, offer));
        cards.push(card);
    }
    Ok(Window { list: Some(page(&Offers { offers: cards })?), goods, waiting })
}

fn page(content: &impl serde::Serialize) -> Result<Page, StoreError> {
    let body = serde_json::to_vec(content).map_err(|error| StoreError::Failed(error.to_string().into()))?;
    let tag = format!("\"{}\"", base64::encode(&Digest::of(&body).as_bytes()[..16]));
    Ok(Page { body: body.into(), tag })
}
