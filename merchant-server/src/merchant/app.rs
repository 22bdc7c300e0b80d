//! The merchant at work: what its handlers and background tasks share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use semper_shared::commerce::Policy;
use semper_shared::foundation::{Digest, UnixSeconds};
#[cfg(feature = "account")]
use semper_shared::items::payment::account::AccountPayee;
#[cfg(feature = "card")]
use semper_shared::items::payment::card::{CardPayee, Gateway};
#[cfg(feature = "dummy")]
use semper_shared::items::payment::dummy::DummyPayee;
use semper_shared::items::payment::ecash::{EcashPayee, TrustedMint};
use semper_shared::items::payment::{Answer, ErasedPayee, ModuleVersion, Registry, Request};
use semper_shared::items::statement::Signed;
use semper_shared::security::{PublicKey, Signer as _};
use tokio::sync::Notify;

use super::accounts;
use super::asker::{Asker, Unanswered};
use super::config::Config;
use super::deals::Underway;
use super::metrics::Metrics;
use super::offers::{Shelf, ShelfError, Sold, Stocking, is_honoured};
use super::payouts::Cursors;
use super::store::Store;
use crate::crypto::{Native, NativeSigner};
use crate::store::StoreError;

/// The merchant's parts.
pub(super) struct App {
    pub(super) config: Config,
    pub(super) store: Box<dyn Store>,
    pub(super) signer: Arc<NativeSigner>,
    pub(super) verifier: Native,
    pub(super) asker: Asker,
    pub(super) shelf: Shelf,
    pub(super) underway: Underway,
    pub(super) metrics: Metrics,
    /// A mint said that it does not know where to pay out to.
    pub(super) registration_lost: Notify,
    mints: RwLock<Vec<TrustedMint>>,
    #[cfg(feature = "card")]
    gateway: RwLock<Option<Gateway>>,
    /// By the label of the account that is paid; none for the first.
    registries: RwLock<HashMap<Option<String>, Arc<Registry>>>,
    /// Payouts are fetched by one task at a time.
    pub(super) fetching: tokio::sync::Mutex<()>,
    cursors: Mutex<Cursors>,
    /// The modules that were handed in, beside those that the configuration names.
    further: Vec<Arc<dyn ErasedPayee>>,
    pub(super) policy: Option<Signed<Policy>>,
    offered: RwLock<Vec<ModuleVersion>>,
    /// Offers are made by one task at a time.
    stocking: tokio::sync::Mutex<()>,
}

impl App {
    /// The merchant with what it knows from before: offers, and mints that it has met.
    pub(super) async fn open(
        (config, further, policy): (Config, Vec<Arc<dyn ErasedPayee>>, Option<Signed<Policy>>),
        store: Box<dyn Store>,
        signer: Arc<NativeSigner>,
        verifier: Native,
        asker: Asker,
        metrics: Metrics,
        now: UnixSeconds,
    ) -> Result<Self, ShelfError> {
        let app = Self {
            config,
            store,
            signer,
            verifier,
            asker,
            shelf: Shelf::default(),
            underway: Underway::default(),
            metrics,
            registration_lost: Notify::new(),
            mints: RwLock::default(),
            #[cfg(feature = "card")]
            gateway: RwLock::default(),
            registries: RwLock::default(),
            fetching: tokio::sync::Mutex::default(),
            cursors: Mutex::default(),
            further,
            policy,
            offered: RwLock::default(),
            stocking: tokio::sync::Mutex::default(),
        };
        app.meet_again().await?;
        app.shelf.load(&app.stocking(), now).await?;
        Ok(app)
    }

    /// Trusts the mints that were met before, as far as the configuration still names them and their key.
    async fn meet_again(&self) -> Result<(), StoreError> {
        let mut known = self.store.mints().await?;
        known.retain(|(url, key)| {
            let named = |mint: &super::config::MintConfig| {
                mint.url.trim_end_matches('/') == url && mint.key.is_none_or(|pinned| pinned == key.thumbprint())
            };
            self.config.mints.iter().any(named)
        });
        let mints = known.into_iter().map(|(url, key)| TrustedMint { url, key }).collect();
        *self.mints.write().unwrap_or_else(PoisonError::into_inner) = mints;
        #[cfg(feature = "card")]
        if let Some(named) = &self.config.gateway {
            let known = self.store.gateways().await?.into_iter().find(|(url, _)| url == named.origin());
            let gateway = known.map(|(url, key)| Gateway { url, key });
            *self.gateway.write().unwrap_or_else(PoisonError::into_inner) = gateway;
        }
        self.rebuild();
        Ok(())
    }

    /// Takes a mint's coins from now on; answers whether that is new.
    pub(super) fn trust(&self, url: &str, key: PublicKey) -> bool {
        let mut mints = self.mints.write().unwrap_or_else(PoisonError::into_inner);
        if mints.iter().any(|mint| mint.url == url) {
            return false;
        }
        mints.push(TrustedMint { url: url.to_owned(), key });
        // Offers name them in one order, whatever order they answered in.
        mints.sort_by(|a, b| a.url.cmp(&b.url));
        drop(mints);
        self.rebuild();
        true
    }

    #[cfg(feature = "card")]
    /// Takes cards through a gateway from now on; answers whether that is new.
    pub(super) fn take_cards(&self, url: &str, key: PublicKey) -> bool {
        let met = Gateway { url: url.to_owned(), key };
        let mut gateway = self.gateway.write().unwrap_or_else(PoisonError::into_inner);
        if gateway.as_ref() == Some(&met) {
            return false;
        }
        *gateway = Some(met);
        drop(gateway);
        self.rebuild();
        true
    }

    #[cfg(feature = "card")]
    /// The card module, once the gateway is known.
    fn cards(&self) -> Option<CardPayee> {
        let gateway = self.gateway.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        let level = self.config.gateway.as_ref()?.level;
        // One nonce for merchant and gateway: what makes each payment another is the deal.
        let nonce = Digest::of_parts(&[
            b"semper/1/card-nonce\0",
            self.key().thumbprint().as_bytes(),
            gateway.key.thumbprint().as_bytes(),
        ]);
        let nonce = nonce.as_bytes().first_chunk().copied()?;
        Some(CardPayee::new(gateway, level, nonce, Arc::clone(&self.signer) as _))
    }

    fn rebuild(&self) {
        self.registries.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn build(&self, label: Option<&str>) -> Registry {
        let mints = self.trusted_mints();
        let mut registry = Registry::new();
        if !mints.is_empty() {
            let cash = EcashPayee::new(mints);
            registry = registry.with(match label {
                Some(label) => cash.paid_to(label, Arc::clone(&self.signer) as _),
                None => cash,
            });
        }
        #[cfg(feature = "card")]
        if let Some(cards) = self.cards() {
            registry = registry.with(cards);
        }
        #[cfg(feature = "account")]
        if let Some(account) = &self.config.account {
            let parameters = account.parameters(&self.config.name);
            registry = registry.with(AccountPayee::new(parameters, Arc::clone(&self.signer) as _));
        }
        #[cfg(feature = "dummy")]
        if self.config.dummy_payments {
            registry = registry.with(DummyPayee);
        }
        self.further.iter().fold(registry, |registry, module| registry.with_shared(Arc::clone(module)))
    }

    /// The mints whose coins are taken.
    pub(super) fn trusted_mints(&self) -> Vec<TrustedMint> {
        self.mints.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks whoever a payment module names: another party, or the merchant's own desk.
    pub(super) async fn ask(&self, request: &Request) -> Result<Answer, Unanswered> {
        match accounts::answer(self, request).await {
            Some(answer) => Ok(answer),
            None => self.asker.post(request).await,
        }
    }

    /// The payment modules that all offers have been made with: what the merchant says that it takes.
    pub(super) fn offered(&self) -> Vec<ModuleVersion> {
        self.offered.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The payment modules as they stand.
    pub(super) fn registry(&self) -> Arc<Registry> {
        self.registry_for(None)
    }

    /// The payment modules, with cash for the account of this label.
    pub(super) fn registry_for(&self, label: Option<&str>) -> Arc<Registry> {
        let name = label.map(str::to_owned);
        if let Some(registry) = self.registries.read().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return Arc::clone(registry);
        }
        // Built under the lock, so that none that was built before a change is kept after it.
        let mut registries = self.registries.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(registries.entry(name).or_insert_with(|| Arc::new(self.build(label))))
    }

    /// Where the list of a mint's payouts goes on.
    pub(super) fn cursor(&self, mint_url: &str) -> u64 {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner).get(mint_url).copied().unwrap_or(0)
    }

    /// Everything up to this serial is kept.
    pub(super) fn advance(&self, mint_url: &str, serial: u64) {
        self.cursors.lock().unwrap_or_else(PoisonError::into_inner).insert(mint_url.to_owned(), serial);
    }

    /// The merchant's key.
    pub(super) fn key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// Makes the offers that are missing.
    pub(super) async fn stock(&self, now: UnixSeconds) -> Result<(), ShelfError> {
        let _alone = self.stocking.lock().await;
        let accepts = self.registry().acceptances();
        let registry = |label: Option<&str>| self.registry_for(label);
        // Another replica may have made some of them.
        self.shelf.load(&self.stocking(), now).await?;
        self.shelf.stock(&self.stocking(), &registry, now).await?;
        let offered = accepts.into_iter().map(|way| ModuleVersion { id: way.module, version: way.version }).collect();
        *self.offered.write().unwrap_or_else(PoisonError::into_inner) = offered;
        Ok(())
    }

    /// The offer of this digest, as long as it is honoured, whichever replica made it.
    pub(super) async fn find_offer(&self, digest: Digest, now: UnixSeconds) -> Result<Option<Arc<Sold>>, ShelfError> {
        Ok(self.find_sold(digest).await?.filter(|sold| is_honoured(&sold.offer, now)))
    }

    /// The offer of this digest, for a deal that was opened in time.
    pub(super) async fn find_sold(&self, digest: Digest) -> Result<Option<Arc<Sold>>, ShelfError> {
        match self.shelf.find_sold(&digest) {
            Some(sold) => Ok(Some(sold)),
            None => self.shelf.fetch(&self.stocking(), digest).await,
        }
    }

    fn stocking(&self) -> Stocking<'_> {
        Stocking {
            config: &self.config,
            policy: self.policy.as_deref(),
            store: &*self.store,
            signer: &self.signer,
            verifier: &self.verifier,
        }
    }

    /// Whether everything in the catalogue can be sold.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.shelf.window().waiting {
            0 => Ok(()),
            waiting => Err(format!("{waiting} goods wait for a mint to be reached")),
        }
    }
}
