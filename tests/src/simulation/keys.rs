//! What every seed's world has in common, made once: keys, and the shop's offers.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use semper_server::crypto::BlindSigner;
use semper_shared::commerce::offer::{
    DeliveryTerms, Exchange, Item, Merchant as Name, Offer, Part, Terms, vat_included,
};
use semper_shared::foundation::{Code, Table, UnixSeconds};
use semper_shared::items::information::{ContentKey, Sealer};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::Registry;
use semper_shared::items::payment::ecash::{EcashPayee, TrustedMint};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Signer, SigningKey};

use super::bank::cents;
use super::network::{MERCHANT, MINT, Reply};
use super::scenario::BEGIN;
use crate::Outcome;

/// The largest coin is worth 2^POWERS cents.
const POWERS: usize = 5;

/// For longer than any run.
const LONG_S: u64 = 10_000_000;

pub(super) const MINT_KEY: u8 = 11;
pub(super) const MERCHANT_KEY: u8 = 12;

/// The prices of the goods, in cents; the good's name is its price.
pub(super) const PRICES: [u64; 5] = [0, 1, 12, 21, 45];

/// A mint's private keys, one a value.
pub(super) struct MintSecrets {
    pub(super) signers: Vec<BlindSigner>,
}

/// A shop's offers, and the modules that it takes.
pub(super) struct Shop {
    pub(super) registry: Registry,
    pub(super) offers: BTreeMap<String, Signed<Offer>>,
}

/// The same key in every world.
pub(super) fn signer(number: u8) -> Outcome<SigningKey> {
    Ok(SigningKey::from_bytes(&[number; 32])?)
}

/// Makes what is made once; where two threads make it at once, one of the two is kept.
fn once<T>(cell: &'static OnceLock<T>, make: impl FnOnce() -> Outcome<T>) -> Outcome<&'static T> {
    match cell.get() {
        Some(made) => Ok(made),
        None => {
            let made = make()?;
            Ok(cell.get_or_init(|| made))
        }
    }
}

pub(super) fn mint() -> Outcome<&'static MintSecrets> {
    static MADE: OnceLock<MintSecrets> = OnceLock::new();
    once(&MADE, || {
        let signers = (0..=POWERS).map(|_| BlindSigner::make()).collect::<Result<Vec<_>, _>>()?;
        Ok(MintSecrets { signers })
    })
}

pub(super) fn shop() -> Outcome<&'static Shop> {
    static MADE: OnceLock<Shop> = OnceLock::new();
    once(&MADE, || {
        let (signer, mint) = (signer(MERCHANT_KEY)?, signer(MINT_KEY)?);
        let trusted = TrustedMint { url: MINT.to_owned(), key: mint.public_key().clone() };
        let registry = Registry::new().with(EcashPayee::new([trusted]));
        let mut offers = BTreeMap::new();
        for price in PRICES {
            offers.insert(price.to_string(), Signed::sign(offer(price, &signer, &registry)?, &signer));
        }
        Ok(Shop { registry, offers })
    })
}

pub(super) fn content_key() -> ContentKey {
    ContentKey::from_bytes([6; 16])
}

/// The mint's introduction of itself.
pub(super) fn mint_party(now: UnixSeconds) -> Result<Reply, Reply> {
    party("The mint", Role::Mint, MINT, MINT_KEY, now).map_err(|_| Reply::problem(Code::INTERNAL))
}

/// The merchant's introduction of itself.
pub(super) fn merchant_party(now: UnixSeconds) -> Result<Reply, Reply> {
    party("The shop", Role::Merchant, MERCHANT, MERCHANT_KEY, now).map_err(|_| Reply::problem(Code::INTERNAL))
}

fn party(name: &str, role: Role, url: &str, key: u8, now: UnixSeconds) -> Outcome<Reply> {
    let signer = signer(key)?;
    let party = Party {
        name: name.to_owned(),
        role,
        url: url.to_owned(),
        key: signer.public_key().clone(),
        modules: Vec::new(),
        endpoints: Table::new(),
        issued_at: now,
        expires_at: now.plus(86_400),
    };
    Ok(Reply::text(Signed::sign(party, &signer).compact()))
}

fn offer(price: u64, signer: &SigningKey, registry: &Registry) -> Outcome<Offer> {
    let total = cents(price);
    let items = vec![Item { title: "A text".to_owned(), quantity: 1, price: total, vat_rate_bp: 700 }];
    let mut sealer = Sealer::new(&content_key(), [1; 16], "text/plain".to_owned());
    sealer.push(b"text")?;
    let (_, commitment) = sealer.finish()?;
    let part = Part {
        name: "a.txt".to_owned(),
        title: "The text".to_owned(),
        url: format!("{MERCHANT}/content/a"),
        commitment,
    };
    Ok(Offer {
        merchant: Name {
            name: "The shop".to_owned(),
            url: MERCHANT.to_owned(),
            jurisdiction: None,
            key: signer.public_key().clone(),
        },
        good: price.to_string(),
        title: "A text".to_owned(),
        summary: "A text.".to_owned(),
        kind: None,
        language: "en".to_owned(),
        vat: vat_included(&items, total)?,
        items,
        total,
        terms: Terms::new("None."),
        refund_days: 14,
        delivery: DeliveryTerms { parts: vec![part] },
        accepts: if price == 0 { Vec::new() } else { registry.acceptances() },
        split: Vec::new(),
        exchange: Exchange::Plain,
        jurisdictions: Vec::new(),
        issued_at: BEGIN,
        expires_at: BEGIN.plus(LONG_S),
    })
}
