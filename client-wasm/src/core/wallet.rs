//! The wallet: its life from the first words to the lock, and its memory.
//!
//! What is in memory is a copy of the store and nothing more. Every operation begins by looking whether the store has
//! moved on, as it does when another window works on the same wallet, and a change that could not be stored is forgotten.

use semper_shared::foundation::{Digest, Table, UnixSeconds};
#[cfg(feature = "account")]
use semper_shared::items::payment::account::{AccountPayer, InvoiceTerms};
#[cfg(feature = "card")]
use semper_shared::items::payment::card::CardPayer;
#[cfg(feature = "dummy")]
use semper_shared::items::payment::dummy::DummyPayer;
use semper_shared::items::payment::ecash::EcashPayer;
use semper_shared::items::payment::{ErasedPayer, ModuleVersion, Payment};
use semper_shared::security::Portable;
use serde::Serialize;
use zeroize::Zeroizing;

use super::ports::{Change, Clock, Ports, Session, Store, Stored};
use super::records::{self, DealRecord, Settings, Touched};
use super::review::Reviewed;
use super::vault::{Kdf, Locked, VaultKey};
use super::{WalletError, Words};

/// What the clear part's lock holds.
const VAULT: &str = "vault";

/// Whether there is a wallet, and whether it is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Nothing is set up.
    Empty,
    /// It is set up, and locked.
    Locked,
    /// It is open.
    Unlocked,
}

/// A customer's wallet over its ports.
pub struct Wallet<P: Ports> {
    pub(super) ports: P,
    /// The payment modules that were handed in.
    pub(super) modules: Vec<MakePayer>,
    kdf: Kdf,
    key: Option<VaultKey>,
    pub(super) state: Option<State>,
    /// Whether memory may differ from the store.
    pub(super) changing: bool,
    pub(super) reviewed: Vec<Reviewed>,
    /// What was exchanged because it was soon too old or was revoked, since the last time that it was told.
    pub(super) renewed: Table<String, u64>,
    #[cfg(feature = "account")]
    /// On which terms invoices are asked for.
    pub(super) terms: Option<InvoiceTerms>,
}

/// How many modules have a place of their own in the memory.
const OWN: usize = if cfg!(feature = "card") { 2 } else { 1 };

/// A payment module of a wallet.
pub type Payer = Box<dyn ErasedPayer + Send>;

/// Makes a payment module with nothing in it.
pub type MakePayer = fn() -> Payer;

/// A record's name and its JSON.
pub(super) type PlainRecord = (String, Zeroizing<Vec<u8>>);

/// An open wallet's memory.
pub(super) struct State {
    generation: u64,
    pub(super) settings: Settings,
    pub(super) payer: EcashPayer,
    #[cfg(feature = "card")]
    pub(super) cards: CardPayer,
    /// The payment modules that were handed in.
    pub(super) further: Vec<Payer>,
    /// The oldest first.
    pub(super) deals: Vec<DealRecord>,
}

impl State {
    pub(super) fn fresh(settings: Settings, modules: &[MakePayer]) -> Self {
        let payer = EcashPayer::new(settings.seed());
        let further = modules.iter().map(|make| make()).collect();
        Self {
            generation: 0,
            settings,
            payer,
            #[cfg(feature = "card")]
            cards: CardPayer::default(),
            further,
            deals: Vec::new(),
        }
    }

    /// Reads opened records.
    pub(super) fn read(plain: &[PlainRecord], modules: &[MakePayer]) -> Result<Self, WalletError> {
        let record = |name: &str| {
            let found = plain.iter().find(|(other, _)| other == name);
            found.map(|(_, bytes)| bytes).ok_or(WalletError::Damaged("a record is missing"))
        };
        let settings = records::read::<Settings>(record(records::SETTINGS)?)?.check()?;
        let purse = records::read(record(records::PURSE)?)?;
        let payer = EcashPayer::load(settings.seed(), purse, &Portable)?;
        let mut further: Vec<_> = modules.iter().map(|make| make()).collect();
        for module in &mut further {
            let name = records::module_name(&**module);
            if let Some((_, bytes)) = plain.iter().find(|(other, _)| *other == name) {
                module.restore(records::read(bytes)?)?;
            }
        }
        let mut state = Self {
            generation: 0,
            settings,
            payer,
            #[cfg(feature = "card")]
            cards: match plain.iter().find(|(name, _)| name == records::CARDS) {
                Some((_, bytes)) => records::read(bytes)?,
                None => CardPayer::default(),
            },
            further,
            deals: Vec::new(),
        };
        for (_, bytes) in plain.iter().filter(|(name, _)| records::is_deal(name)) {
            state.insert(records::read(bytes)?);
        }
        Ok(state)
    }

    /// The payment modules, in the order of preference.
    pub(super) fn payers(&self) -> Vec<&dyn ErasedPayer> {
        let own: &[&dyn ErasedPayer] = &[
            &self.payer,
            #[cfg(feature = "card")]
            &self.cards,
        ];
        own.iter().copied().chain(self.further.iter().map(|payer| &**payer as _)).collect()
    }

    /// The payment module in this version.
    pub(super) fn payer_mut(&mut self, module: &ModuleVersion) -> Option<&mut dyn ErasedPayer> {
        let own: [&mut dyn ErasedPayer; OWN] = [
            &mut self.payer,
            #[cfg(feature = "card")]
            &mut self.cards,
        ];
        let mut all = own.into_iter().chain(self.further.iter_mut().map(|payer| &mut **payer as _));
        all.find(|payer| payer.id() == module.id && payer.version() == module.version)
    }

    /// Tells the modules that paid a deal how it ended.
    pub(super) fn ended(&mut self, deal: &Digest, settled: bool) -> Result<(), WalletError> {
        for Payment { module: id, version, .. } in self.deal(deal)?.payments() {
            if let Some(payer) = self.payer_mut(&ModuleVersion { id, version }) {
                if settled { payer.settled(deal) } else { payer.refused(deal) }
            }
        }
        Ok(())
    }

    /// Adds a deal where it belongs by its time.
    pub(super) fn insert(&mut self, deal: DealRecord) {
        let at = deal.ordered_at();
        let position = self.deals.partition_point(|other| other.ordered_at() <= at);
        self.deals.insert(position, deal);
    }

    pub(super) fn deal(&self, deal: &Digest) -> Result<&DealRecord, WalletError> {
        self.deals.iter().find(|record| record.deal == *deal).ok_or(WalletError::DealUnknown)
    }

    pub(super) fn deal_mut(&mut self, deal: &Digest) -> Result<&mut DealRecord, WalletError> {
        self.deals.iter_mut().find(|record| record.deal == *deal).ok_or(WalletError::DealUnknown)
    }
}

impl<P: Ports> Wallet<P> {
    /// The wallet in this store, or the place for a new one.
    pub fn new(ports: P) -> Self {
        Self {
            ports,
            modules: vec![
                #[cfg(feature = "account")]
                || Box::new(AccountPayer::default()),
                #[cfg(feature = "dummy")]
                || Box::new(DummyPayer),
            ],
            kdf: Kdf::PEOPLE,
            key: None,
            state: None,
            changing: false,
            reviewed: Vec::new(),
            renewed: Table::new(),
            #[cfg(feature = "account")]
            terms: None,
        }
    }

    /// With other costs for new passphrases.
    #[must_use]
    pub fn with_kdf(self, kdf: Kdf) -> Self {
        Self { kdf, ..self }
    }

    /// With a further payment module, which comes after those that it has in the order of preference.
    #[must_use]
    pub fn with_module(mut self, module: MakePayer) -> Self {
        self.modules.push(module);
        self
    }

    /// The ports.
    pub const fn ports(&self) -> &P {
        &self.ports
    }

    /// Makes new recovery words. Nothing is stored.
    ///
    /// # Errors
    /// As [`Words::make`].
    pub fn make_words(&self) -> Result<Words, WalletError> {
        Words::make(&mut self.ports.rng())
    }

    /// Whether there is a wallet and it is open, and whether its words are kept safe, as far as that can be seen.
    ///
    /// # Errors
    /// Where the store fails.
    pub async fn status(&mut self) -> Result<(Status, bool), WalletError> {
        match self.sync().await {
            Ok(()) => Ok((Status::Unlocked, self.state()?.settings.backup_confirmed)),
            Err(WalletError::Empty) => Ok((Status::Empty, false)),
            Err(WalletError::Locked) => Ok((Status::Locked, false)),
            Err(error) => Err(error),
        }
    }

    /// Sets a new wallet up.
    ///
    /// # Errors
    /// [`WalletError::Exists`] where there is one.
    pub async fn create(&mut self, words: &Words, passphrase: &str) -> Result<(), WalletError> {
        let settings = Settings::new(&words.seed(), self.now());
        self.establish(State::fresh(settings, &self.modules), passphrase).await
    }

    /// Opens the wallet.
    ///
    /// # Errors
    /// [`WalletError::Passphrase`], [`WalletError::Empty`].
    pub async fn unlock(&mut self, passphrase: &str) -> Result<(), WalletError> {
        let stored = self.load_all().await?;
        self.key = Some(unwrap_key(&stored, passphrase)?);
        self.take(stored)?;
        self.remember().await
    }

    /// Closes the wallet.
    ///
    /// # Errors
    /// Where the session cannot be ended.
    pub async fn lock(&mut self) -> Result<(), WalletError> {
        self.key = None;
        self.state = None;
        self.reviewed.clear();
        Ok(self.ports.session().clear().await?)
    }

    /// Puts the wallet under another passphrase.
    ///
    /// # Errors
    /// [`WalletError::Passphrase`] where the old one is wrong.
    pub async fn change_passphrase(&mut self, old: &str, new: &str) -> Result<(), WalletError> {
        self.sync().await?;
        let stored = self.load_all().await?;
        let key = unwrap_key(&stored, old)?;
        let meta = self.meta(&key, new)?;
        self.commit(Change { expected_generation: stored.generation, meta: Some(meta), ..Change::default() }).await
    }

    /// The customer says that words or a backup are kept safe.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn confirm_backup(&mut self) -> Result<(), WalletError> {
        self.sync().await?;
        self.change()?.settings.backup_confirmed = true;
        self.save(Touched::settings()).await
    }

    /// The balance by currency, in minor units: what can be spent, and change still to be exchanged.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn balance(&mut self) -> Result<Table<String, u64>, WalletError> {
        self.sync().await?;
        Ok(self.state()?.payer.balances())
    }

    pub(super) fn now(&self) -> UnixSeconds {
        self.ports.clock().now()
    }

    /// Makes sure that the wallet is open and its memory that of the store.
    pub(super) async fn sync(&mut self) -> Result<(), WalletError> {
        if self.key.is_none() {
            let Some(key) = self.ports.session().load().await? else {
                let stored = self.ports.store().load(None).await?.unwrap_or_default();
                return Err(if stored.meta.is_some() { WalletError::Locked } else { WalletError::Empty });
            };
            self.key = Some(VaultKey::from_bytes(key));
        }
        if self.changing {
            self.state = None;
        }
        let known = self.state.as_ref().map(|state| state.generation);
        let Some(stored) = self.ports.store().load(known).await? else {
            return Ok(());
        };
        if stored.meta.is_none() {
            self.lock().await?;
            return Err(WalletError::Empty);
        }
        self.take(stored)
    }

    /// The memory, to be read.
    pub(super) fn state(&self) -> Result<&State, WalletError> {
        self.state.as_ref().ok_or(WalletError::Locked)
    }

    /// The memory, to be changed: [`Wallet::save`] must follow, or the change is forgotten.
    pub(super) fn change(&mut self) -> Result<&mut State, WalletError> {
        self.changing = true;
        self.state.as_mut().ok_or(WalletError::Locked)
    }

    pub(super) fn deal_record(&self, deal: &Digest) -> Result<&DealRecord, WalletError> {
        self.state()?.deal(deal)
    }

    pub(super) fn change_deal(&mut self, deal: &Digest) -> Result<&mut DealRecord, WalletError> {
        self.change()?.deal_mut(deal)
    }

    /// Stores what was touched, in one commit.
    pub(super) async fn save(&mut self, touched: Touched) -> Result<(), WalletError> {
        let state = self.state()?;
        let puts = self.sealed(state, &touched)?;
        let change = Change { expected_generation: state.generation, puts, ..Change::default() };
        self.commit(change).await
    }

    /// Begins a wallet with this memory.
    pub(super) async fn establish(&mut self, state: State, passphrase: &str) -> Result<(), WalletError> {
        let stored = self.ports.store().load(None).await?.unwrap_or_default();
        if stored.meta.is_some() {
            return Err(WalletError::Exists);
        }
        let key = VaultKey::make(&mut self.ports.rng());
        let meta = self.meta(&key, passphrase)?;
        self.key = Some(key);
        let all = Touched::all(&state.deals);
        let puts = self.sealed(&state, &all)?;
        self.state = Some(state);
        let change = Change { expected_generation: stored.generation, meta: Some(meta), puts, deletes: Vec::new() };
        if let Err(error) = self.commit(change).await {
            self.key = None;
            return Err(error);
        }
        self.remember().await
    }

    fn meta(&self, key: &VaultKey, passphrase: &str) -> Result<Vec<u8>, WalletError> {
        if passphrase.is_empty() {
            return Err(WalletError::Request("the passphrase is empty".to_owned()));
        }
        Locked::lock(VAULT, key.as_bytes(), passphrase, self.kdf, &mut self.ports.rng())
            .ok_or(WalletError::Damaged("the key cannot be wrapped"))?
            .to_bytes()
    }

    /// The records that were touched, in the clear.
    pub(super) fn plain(&self, state: &State, touched: &Touched) -> Result<Vec<PlainRecord>, WalletError> {
        let mut plain = Vec::new();
        if touched.settings {
            plain.push((records::SETTINGS.to_owned(), records::write(&state.settings)?));
        }
        if touched.purse {
            plain.push((records::PURSE.to_owned(), records::write(state.payer.purse())?));
        }
        for module in state.further.iter().filter(|_| touched.purse) {
            let stored = module.stored();
            if !stored.is_null() {
                plain.push((records::module_name(&**module), records::write(&stored)?));
            }
        }
        #[cfg(feature = "card")]
        if touched.cards {
            plain.push((records::CARDS.to_owned(), records::write(&state.cards)?));
        }
        for deal in &touched.deals {
            plain.push((records::deal_name(deal), records::write(state.deal(deal)?)?));
        }
        Ok(plain)
    }

    fn sealed(&self, state: &State, touched: &Touched) -> Result<Vec<(String, Vec<u8>)>, WalletError> {
        let key = self.key.as_ref().ok_or(WalletError::Locked)?;
        let plain = self.plain(state, touched)?;
        let mut rng = self.ports.rng();
        plain
            .into_iter()
            .map(|(name, bytes)| {
                let sealed = key.seal_record(&name, &bytes, &mut rng);
                Ok((name, sealed.ok_or(WalletError::Damaged("a record cannot be sealed"))?))
            })
            .collect()
    }

    async fn commit(&mut self, change: Change) -> Result<(), WalletError> {
        match self.ports.store().commit(change).await {
            Ok(generation) => {
                self.changing = false;
                if let Some(state) = &mut self.state {
                    state.generation = generation;
                }
                Ok(())
            }
            Err(error) => {
                self.state = None;
                Err(error.into())
            }
        }
    }

    async fn load_all(&self) -> Result<Stored, WalletError> {
        let stored = self.ports.store().load(None).await?.unwrap_or_default();
        if stored.meta.is_some() { Ok(stored) } else { Err(WalletError::Empty) }
    }

    /// Opens what was loaded.
    fn take(&mut self, stored: Stored) -> Result<(), WalletError> {
        let key = self.key.as_ref().ok_or(WalletError::Locked)?;
        let mut plain = Vec::with_capacity(stored.records.len());
        for (name, sealed) in stored.records {
            let bytes = key.open_record(&name, &sealed).ok_or(WalletError::Damaged("a record does not open"))?;
            plain.push((name, bytes));
        }
        self.state = Some(State { generation: stored.generation, ..State::read(&plain, &self.modules)? });
        self.changing = false;
        Ok(())
    }

    async fn remember(&self) -> Result<(), WalletError> {
        let key = self.key.as_ref().ok_or(WalletError::Locked)?;
        Ok(self.ports.session().save(key.as_bytes()).await?)
    }
}

fn unwrap_key(stored: &Stored, passphrase: &str) -> Result<VaultKey, WalletError> {
    let meta = stored.meta.as_deref().ok_or(WalletError::Empty)?;
    let locked = Locked::from_bytes(meta).ok_or(WalletError::Damaged("its clear part cannot be read"))?;
    let key = locked.unlock(VAULT, passphrase).ok_or(WalletError::Passphrase)?;
    let key = key.as_slice().try_into().map_err(|_| WalletError::Damaged("its key has the wrong length"))?;
    Ok(VaultKey::from_bytes(key))
}
