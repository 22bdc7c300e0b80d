//! Reviewing an offer: everything that is verified before anything is shown.

use semper_shared::commerce::deal::State;
use semper_shared::commerce::{Offer, Policy, Way};
use semper_shared::foundation::{Amount, Coded, Digest, UnixSeconds, json};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::EcashParameters;
use semper_shared::items::payment::{ModuleId, ModuleVersion, Share, Unusable};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, Thumbprint};
use serde::{Deserialize, Serialize};

use super::mints::fetch_party;
use super::net::{CatalogueEntry, ask_json, ask_text, get, host_of, join, origin_of, peer};
use super::policies::{hides, published};
use super::ports::Ports;
use super::records::DealRecord;
use super::{Wallet, WalletError};

/// How many reviewed offers are kept in memory, to be paid.
const MAX_REVIEWED: usize = 16;

/// An offer that was verified and shown, and may be paid.
#[derive(Clone)]
pub(super) struct Reviewed {
    pub(super) offer: Signed<Offer>,
    pub(super) party: Signed<Party>,
    /// The policy that the merchant publishes, where it leaves a way to pay out.
    pub(super) their_policy: Option<Signed<Policy>>,
    /// Whether the customer has confirmed what the policy wants confirmed.
    pub(super) confirmed: bool,
    /// What each of two modules is to pay, where the customer wants two to share the price.
    pub(super) split: Vec<Share>,
    /// The deals that there were of it; one that was added since is what the customer agreed to.
    pub(super) known_deals: Vec<Digest>,
}

/// What is shown before anything is signed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Review {
    /// The offer, as its merchant signed it.
    pub offer: Offer,
    /// The offer's digest, which [`Wallet::pay`] takes.
    pub offer_digest: Digest,
    /// Who offers.
    pub merchant: MerchantView,
    /// The ways to pay, the preferred first.
    pub methods: Vec<Method>,
    /// How coins and another module could share the price; empty where they cannot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// Until when it can be ordered.
    pub expires_at: UnixSeconds,
    /// The deal by which the customer has the good already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<Already>,
}

/// A deal by which the customer has the good already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Already {
    /// The deal.
    pub deal: Digest,
    /// Whether the goods were handed over to the customer: [`Wallet::hand_over`].
    pub handed_over: bool,
}

/// Who offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MerchantView {
    /// The name that it gives itself.
    pub name: String,
    /// Its origin.
    pub url: String,
    /// Host and port: what the network vouches for.
    pub domain: String,
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
    /// Whether the customer has bought from this key before.
    pub known: bool,
    /// Whether the customer has bought from this origin before, under another key.
    pub key_changed: bool,
}

/// A way to pay, and whether it can be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Method {
    /// The module; `none` where nothing is to be paid.
    pub module: ModuleId,
    /// The version of its protocol.
    pub version: u32,
    /// Whether it can pay now.
    pub usable: bool,
    /// The code of what is in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// The stable name of the reason, such as `no-card`: `spec/payment.md` lists them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<&'static str>,
    /// What is in the way, in words; in the browser none, since the pages have their own for every cause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the purses hold that the merchant takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Amount>,
    /// What the policy wants confirmed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm: Option<String>,
    /// What is taken for it beside the total, where something is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
}

#[derive(Deserialize)]
struct Catalogue {
    offers: Vec<CatalogueEntry>,
}

impl<P: Ports> Wallet<P> {
    /// What a merchant offers. The catalogue is not signed, each offer is: [`Wallet::review`] verifies it.
    ///
    /// # Errors
    /// Where the merchant cannot be reached or breaks the protocol.
    pub async fn offers(&mut self, merchant_url: &str) -> Result<Vec<CatalogueEntry>, WalletError> {
        let origin = origin_of(merchant_url)
            .ok_or_else(|| WalletError::Request(format!("{merchant_url} is not the address of a shop")))?;
        let catalogue: Catalogue = ask_json(&self.ports, &get(join(origin, "offers"))).await?;
        Ok(catalogue.offers)
    }

    /// Fetches an offer and verifies it: signature, consistency, origin, time, and that the merchant at that origin
    /// introduces itself with the same key.
    ///
    /// # Errors
    /// What is wrong with it; nothing of a refused offer may be shown as the merchant's word.
    pub async fn review(&mut self, offer_url: &str) -> Result<Review, WalletError> {
        self.sync().await?;
        let origin = origin_of(offer_url)
            .ok_or_else(|| WalletError::Request(format!("{offer_url} is not the address of an offer")))?;
        let offer = self.fetch_offer(offer_url, origin).await?;
        let party = fetch_party(&self.ports, origin, self.now()).await?;
        if party.role != Role::Merchant {
            return Err(peer(offer_url, "it is no merchant"));
        }
        if party.key != offer.merchant.key {
            return Err(semper_shared::commerce::OfferError::Origin.into());
        }
        let known_deals =
            self.state()?.deals.iter().filter(|deal| deal.offer_digest == offer.digest()).map(|deal| deal.deal);
        let known_deals = known_deals.collect();
        let mut reviewed =
            Reviewed { offer, party, their_policy: None, confirmed: false, split: Vec::new(), known_deals };
        if hides(&self.ways(&reviewed, None)?) {
            self.look_again(&mut reviewed, offer_url, origin).await?;
        }
        let review = self.review_of(&reviewed)?;
        self.reviewed.retain(|other| other.offer.digest() != review.offer_digest);
        self.reviewed.truncate(MAX_REVIEWED - 1);
        self.reviewed.insert(0, reviewed);
        Ok(review)
    }

    async fn fetch_offer(&self, offer_url: &str, origin: &str) -> Result<Signed<Offer>, WalletError> {
        let compact = ask_text(&self.ports, offer_url).await?;
        Ok(Offer::verify(&compact, origin, self.now(), &Portable)?)
    }

    /// Before a merchant is said to hide something: the offer may be older than the introduction, and a policy that the
    /// merchant publishes may say why.
    async fn look_again(&self, reviewed: &mut Reviewed, offer_url: &str, origin: &str) -> Result<(), WalletError> {
        let again = self.fetch_offer(offer_url, origin).await?;
        if again.merchant.key == reviewed.offer.merchant.key {
            reviewed.offer = again;
        }
        if let Some(path) = reviewed.party.endpoints.get("policy") {
            let text = ask_text(&self.ports, &join(origin, path.trim_start_matches('/'))).await?;
            reviewed.their_policy = published(&text, self.now());
        }
        Ok(())
    }

    /// The customer confirms what the policy wants confirmed of a reviewed offer.
    pub fn confirm(&mut self, offer_digest: &Digest) {
        for reviewed in self.reviewed.iter_mut().filter(|reviewed| reviewed.offer.digest() == *offer_digest) {
            reviewed.confirmed = true;
        }
    }

    /// The customer wants two modules to share the price of a reviewed offer: paying it with `split` does that.
    pub fn split(&mut self, offer_digest: &Digest, split: &[Share]) {
        for reviewed in self.reviewed.iter_mut().filter(|reviewed| reviewed.offer.digest() == *offer_digest) {
            reviewed.split = split.to_vec();
        }
    }

    fn review_of(&self, reviewed: &Reviewed) -> Result<Review, WalletError> {
        let offer = &reviewed.offer;
        let thumbprint = offer.merchant.key.thumbprint();
        let state = self.state()?;
        let bought = || state.deals.iter().filter(|deal| deal.is_bought());
        let same_good = |merchant: &Thumbprint, good: &str| *merchant == thumbprint && good == offer.good;
        let already = bought()
            .filter(|deal| same_good(&deal.merchant, &deal.good))
            .max_by_key(|deal| deal.ordered_at())
            .map(|deal| Already { deal: deal.deal, handed_over: deal.handed_over });
        let known = bought().any(|deal| deal.merchant == thumbprint);
        let same_origin = |url: &str| origin_of(url) == origin_of(&offer.merchant.url);
        let key_changed = !known && bought().any(|deal| same_origin(&deal.merchant_url));
        Ok(Review {
            offer: offer.payload().clone(),
            offer_digest: offer.digest(),
            merchant: MerchantView {
                name: offer.merchant.name.clone(),
                url: offer.merchant.url.clone(),
                domain: host_of(&offer.merchant.url),
                thumbprint,
                known,
                key_changed,
            },
            methods: self.methods(reviewed)?,
            split: self.shared(reviewed)?,
            expires_at: offer.expires_at,
            already,
        })
    }

    /// Every way to pay that offer or wallet has, and whether it can be used.
    fn methods(&self, reviewed: &Reviewed) -> Result<Vec<Method>, WalletError> {
        let offer: &Offer = &reviewed.offer;
        let usable = |module, version, balance| Method {
            module,
            version,
            usable: true,
            why: None,
            cause: None,
            reason: None,
            balance,
            confirm: None,
            fee: None,
        };
        if offer.total.is_zero() {
            return Ok(vec![usable(ModuleId::none(), 1, None)]);
        }
        let method = |Way { module: ModuleVersion { id, version }, quote, confirm }: Way| match quote {
            Ok(quote) => {
                let fee = Some(quote.fee).filter(|fee| !fee.is_zero());
                Method { confirm, fee, ..usable(id, version, Some(quote.available)) }
            }
            // What is not spendable yet may be change: paying exchanges it first. Or it is pledged to this very purchase,
            // which was cut off: paying finishes that.
            Err(Unusable::Insufficient { .. } | Unusable::TooManyCoins { .. })
                if self.change_suffices(offer, offer.total) || self.is_begun(offer, &id) =>
            {
                let fee = self.cost_with_change(offer, offer.total).filter(|fee| !fee.is_zero());
                Method { confirm, fee, ..usable(id, version, self.held_for(offer)) }
            }
            Err(unusable) => Method {
                usable: false,
                why: Some(unusable.code().as_str()),
                cause: Some(unusable.reason()),
                reason: in_words(&unusable),
                ..usable(
                    id,
                    version,
                    match unusable {
                        Unusable::Insufficient { .. } | Unusable::TooManyCoins { .. } => self.held_for(offer),
                        _ => Some(Amount::zero(offer.total.currency())),
                    },
                )
            },
        };
        Ok(self.ways(reviewed, None)?.into_iter().map(method).collect())
    }

    /// As much as there is in coins, or half where they suffice, and the rest by the first other module that can pay it.
    fn shared(&self, reviewed: &Reviewed) -> Result<Vec<Share>, WalletError> {
        let offer = &reviewed.offer;
        if offer.split.is_empty() {
            return Ok(Vec::new());
        }
        let ways = self.ways(reviewed, None)?;
        let shares = |way: &&Way| offer.split.contains(&way.module.id);
        let Some(coins) = ways.iter().find(|way| shares(way) && way.module.id.as_str() == "ecash") else {
            return Ok(Vec::new());
        };
        let most = match &coins.quote {
            Ok(_) => Some(offer.total.minor() / 2),
            Err(Unusable::Insufficient { available_minor }) => {
                let held = self.held_for(offer).filter(|held| self.change_suffices(offer, *held));
                Some(held.map_or(*available_minor, |held| held.minor()))
            }
            Err(_) => None,
        };
        let other = ways.iter().find(|way| shares(way) && way.quote.is_ok() && way.module.id != coins.module.id);
        let (Some(most @ 1..), Some(other)) = (most, other) else { return Ok(Vec::new()) };
        let by_coins = Amount::new(offer.total.currency(), most)?;
        let share = |ModuleVersion { id: module, version }: ModuleVersion, amount| Share {
            module,
            version,
            amount,
            payment: Vec::new(),
        };
        let rest = offer.total.checked_sub(by_coins)?;
        Ok(vec![share(coins.module.clone(), by_coins), share(other.module.clone(), rest)])
    }

    /// Whether a purchase of this good, paid this way, was cut off.
    fn is_begun(&self, offer: &Offer, module: &ModuleId) -> bool {
        let paid_so = |deal: &DealRecord| deal.paid_by(module.as_str()).is_some();
        self.state().is_ok_and(|state| state.deals.iter().any(|deal| is_cut_off(deal, offer) && paid_so(deal)))
    }

    /// The most that one accepted mint's purse holds, change included.
    fn held_for(&self, offer: &Offer) -> Option<Amount> {
        let mints = &self.state().ok()?.payer.purse().mints;
        let accepted = accepted_mints(offer);
        let held =
            accepted.iter().filter_map(|mint| mints.get(mint)).filter(|held| held.currency == offer.total.currency());
        held.map(|held| held.balance()).max_by_key(Amount::minor)
    }

    /// Whether the change that waits to be exchanged makes up what is missing.
    pub(super) fn change_suffices(&self, offer: &Offer, amount: Amount) -> bool {
        self.cost_with_change(offer, amount).is_some()
    }

    /// What the least costly of the accepted mints takes, once its change is exchanged.
    fn cost_with_change(&self, offer: &Offer, amount: Amount) -> Option<Amount> {
        let (payer, now) = (&self.state().ok()?.payer, self.now());
        let known = accepted_mints(offer)
            .into_iter()
            .filter(|mint| payer.mint_purse(mint).is_ok_and(|held| held.currency == offer.total.currency()));
        known.filter_map(|mint| payer.cost(&mint, amount, true, now)).min_by_key(Amount::minor)
    }
}

/// Whether the deal is of this good, also where the merchant has signed its offer anew since, and was cut off.
pub(super) fn is_cut_off(deal: &DealRecord, offer: &Offer) -> bool {
    deal.state == State::Ordered && deal.good == offer.good && deal.merchant == offer.merchant.key.thumbprint()
}

/// Why a way to pay falls out.
fn in_words(unusable: &Unusable) -> Option<String> {
    cfg!(not(target_arch = "wasm32")).then(|| unusable.to_string())
}

/// The mints whose coins an offer takes.
pub(super) fn accepted_mints(offer: &Offer) -> Vec<Thumbprint> {
    let parameters = offer.accepts.iter().filter(|acceptance| acceptance.module.as_str() == "ecash");
    parameters
        .filter_map(|acceptance| json::from_value::<EcashParameters>(acceptance.parameters.clone()).ok())
        .flat_map(|parameters| parameters.mints)
        .map(|accepted| accepted.mint)
        .collect()
}
