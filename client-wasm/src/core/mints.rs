//! Mints: getting to know them, and what is held at each.

use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::{Denomination, EcashPayer, Fees, KeySet, MintKeys, check_solvency};
use semper_shared::items::payment::{ErasedPayer, ModuleId, PayerModule, PaymentError, Purse};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{Portable, Thumbprint};
use serde::{Deserialize, Serialize};

use super::net::{self, ask_known, ask_text, get, join, origin_of, peer};
use super::ports::Ports;
use super::records::Touched;
use super::restore::learn;
use super::{Wallet, WalletError};

/// How old a mint's keys may be, in seconds, before the wallet asks whether there are newer ones.
const FRESH_S: u64 = 3_600;

/// A bank's public test account, for demonstrations.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct TestAccount {
    pub(super) account: String,
    pub(super) token: String,
}

/// What a mint says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MintInfo {
    /// The name that people know it by.
    pub name: String,
    /// Its origin.
    pub url: String,
    /// The currency of its coins.
    pub currency: String,
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
    /// What it charges for coins, by their value; empty where it charges nothing.
    pub fees: Vec<FeeView>,
    /// Whether its bank has a test account that pays.
    pub test_account: bool,
    /// The smallest coin that it issues, in minor units.
    pub smallest_minor: u64,
    /// The most that can be brought in at once, in minor units, where the mint limits that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_minor: Option<u64>,
    /// What it says of its books, where it says something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub books: Option<BooksView>,
}

/// What a mint charges for a coin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FeeView {
    /// What the coin is worth, in minor units.
    pub value_minor: u64,
    /// What it costs, in minor units.
    #[serde(flatten)]
    pub fees: Fees,
}

/// What a mint says of its books, signed by it and checked here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BooksView {
    /// As of when.
    pub at: UnixSeconds,
    /// Whether they balance, and its bank holds what it owes.
    pub good: bool,
}

/// A mint's name and origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MintName {
    /// Its origin.
    pub url: String,
    /// The name that people know it by.
    pub name: String,
}

/// What is held at a mint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PurseView {
    /// The payment module.
    pub module: &'static str,
    /// The mint.
    pub mint: MintName,
    /// What is there, change still to be exchanged included.
    pub balance: Amount,
    /// How many coins.
    pub coins: usize,
    /// What expired there before it was renewed, in minor units.
    #[serde(skip_serializing_if = "is_zero")]
    pub expired_minor: u64,
}

/// Something that can be paid from, whichever module pays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldingView {
    /// The payment module.
    pub module: ModuleId,
    /// What it is.
    #[serde(flatten)]
    pub purse: Purse,
}

const fn is_zero(minor: &u64) -> bool {
    *minor == 0
}

impl<P: Ports> Wallet<P> {
    /// What is held at each mint.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn purses(&mut self) -> Result<Vec<PurseView>, WalletError> {
        self.sync().await?;
        let mints = self.state()?.payer.purse().mints.values();
        let view = |held: &semper_shared::items::payment::ecash::MintPurse| PurseView {
            module: "ecash",
            mint: MintName { url: held.url.clone(), name: held.name.clone() },
            balance: held.balance(),
            coins: held.coins.len(),
            expired_minor: held.expired_minor,
        };
        Ok(mints.map(view).collect())
    }

    /// Everything that can be paid from, of all modules, in the order of preference.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn holdings(&mut self) -> Result<Vec<HoldingView>, WalletError> {
        self.sync().await?;
        let payers = self.state()?.payers();
        let of = |payer: &&dyn ErasedPayer| {
            let module = payer.id();
            payer.purses().into_iter().map(move |purse| HoldingView { module: module.clone(), purse })
        };
        Ok(payers.iter().flat_map(of).collect())
    }

    /// Asks a mint who it is and what it issues. Nothing is stored.
    ///
    /// # Errors
    /// Where it cannot be reached or breaks the protocol.
    pub async fn mint_info(&mut self, url: &str) -> Result<MintInfo, WalletError> {
        self.sync().await?;
        let document = fetch_keys(&self.ports, url, self.now()).await?;
        let test_account = test_account(&self.ports, &document.funding.bank).await?.is_some();
        let keys = KeySet::new(document)?;
        let books = self.books(&keys).await;
        let fee =
            |denomination: &&Denomination| FeeView { value_minor: denomination.value.minor(), fees: denomination.fees };
        let issued: Vec<&Denomination> = keys.denominations().filter(|one| one.issues(self.now())).collect();
        Ok(MintInfo {
            name: keys.document().name.clone(),
            url: keys.document().url.clone(),
            currency: keys.currency().to_string(),
            thumbprint: keys.mint(),
            fees: issued.iter().filter(|denomination| !denomination.fees.are_none()).map(fee).collect(),
            test_account,
            limit_minor: keys.document().policy.at_once(),
            books,
            smallest_minor: issued.iter().map(|denomination| denomination.value.minor()).min().unwrap_or(0),
        })
    }

    /// The mint's statement about its books; none where it makes none. One that is not its own, or not of today, is bad news.
    async fn books(&self, keys: &KeySet) -> Option<BooksView> {
        let text = ask_text(&self.ports, &join(&keys.document().url, "solvency")).await.ok()?;
        let now = self.now();
        Some(match check_solvency(keys, &Compact::new(text), now, &Portable) {
            Ok(said) => BooksView { at: said.at, good: said.balances() && said.covered() },
            Err(_) => BooksView { at: now, good: false },
        })
    }

    /// Fetches a mint's keys and stores them: a new mint, or newer keys of a known one.
    pub(super) async fn trust_mint(&mut self, url: &str) -> Result<Thumbprint, WalletError> {
        let document = fetch_keys(&self.ports, url, self.now()).await?;
        let known = self.state()?.payer.purse().mints.get(&document.key.thumbprint());
        if known.is_some_and(|held| held.keys.as_str() == document.compact()) {
            return Ok(document.key.thumbprint());
        }
        let mint = self.change()?.payer.trust(document)?;
        self.save(Touched::purse()).await?;
        Ok(mint)
    }

    /// Fetches a known mint's keys again where they are old, since denominations come, go and are revoked. Where the mint
    /// does not answer, keys that are only old will do.
    pub(super) async fn freshen_mint(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        let document = self.state()?.payer.keys(mint)?.document();
        let now = self.now();
        if now <= document.issued_at.plus(FRESH_S) && now <= document.expires_at {
            return Ok(());
        }
        let usable = now <= document.expires_at;
        match self.renew_mint(mint).await {
            Err(WalletError::Network { .. } | WalletError::Unfinished { .. }) if usable => Ok(()),
            other => other,
        }
    }

    /// Fetches a known mint's keys again.
    pub(super) async fn renew_mint(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        let url = self.mint_url(mint)?;
        if self.trust_mint(&url).await? == *mint {
            Ok(())
        } else {
            Err(peer(&url, "the mint has another key than before"))
        }
    }

    /// Learns denominations that the mint's document may list no longer.
    pub(super) async fn know_denominations(
        &mut self,
        mint: &Thumbprint,
        named: Vec<Digest>,
    ) -> Result<(), WalletError> {
        let base = self.mint_url(mint)?;
        self.changing = true;
        let state = self.state.as_mut().ok_or(WalletError::Locked)?;
        learn(&self.ports, &mut state.payer, mint, &base, named).await
    }

    /// The origin of a known mint.
    pub(super) fn mint_url(&self, mint: &Thumbprint) -> Result<String, WalletError> {
        Ok(self.state()?.payer.mint_purse(mint)?.url.clone())
    }
}

/// A mint's key document: signed by the key that the party at this origin holds, in date, and for this origin.
pub(super) async fn fetch_keys<P: Ports>(
    ports: &P,
    url: &str,
    now: UnixSeconds,
) -> Result<Signed<MintKeys>, WalletError> {
    let origin = origin_of(url).ok_or_else(|| WalletError::Request(format!("{url} is not the address of a mint")))?;
    let party = fetch_party(ports, origin, now).await?;
    if party.role != Role::Mint {
        return Err(peer(url, "it is no mint"));
    }
    party.speaks("ecash", EcashPayer::VERSION).map_err(PaymentError::from)?;
    let address = join(origin, "keys");
    let document = Compact::<MintKeys>::new(ask_text(ports, &address).await?).verify(&party.key, &Portable)?;
    if document.key != party.key || document.url.trim_end_matches('/') != origin {
        return Err(peer(&address, "the keys are another mint's"));
    }
    if now > document.expires_at {
        return Err(peer(&address, "the keys are out of date"));
    }
    Ok(document)
}

/// A party's introduction.
pub(super) async fn fetch_party<P: Ports>(
    ports: &P,
    origin: &str,
    now: UnixSeconds,
) -> Result<Signed<Party>, WalletError> {
    let compact = ask_text(ports, &join(origin, ".well-known/semper")).await?;
    Ok(Party::verify(&compact, origin, now, &Portable)?)
}

/// The bank's test account, where it has one.
pub(super) async fn test_account<P: Ports>(ports: &P, bank: &str) -> Result<Option<TestAccount>, WalletError> {
    match ask_known(ports, &get(join(bank, "test-account")), Code::NOT_FOUND).await {
        Err(WalletError::Refused { code: Code::ACCOUNT_UNKNOWN, .. }) => Ok(None),
        other => other,
    }
}

/// The address of something that a mint holds under a name.
pub(super) fn address(base: &str, kind: &str, name: &str) -> String {
    net::join(base, &format!("{kind}/{name}"))
}
