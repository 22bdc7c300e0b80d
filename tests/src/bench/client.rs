//! The customers' side, made before anything is timed, so that the server is what is measured.

use std::time::Duration;

use futures_util::future::try_join_all;
use semper_shared::commerce::deal::{DealBody, Draft, Order};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Amount, Digest, base64};
use semper_shared::items::party::Party;
use semper_shared::items::payment::card::{Card, CardPayer, CertificateBody, Gateway};
use semper_shared::items::payment::ecash::{
    Candidate, Coin, CoinSecret, Denomination, EcashBody, KAPPA, KeySet, Melt, MeltAnswer, MeltBody, Permission,
    PlanchetMessage, Reveal, Signatures, Withdrawal, WithdrawalBody, commitment,
};
use semper_shared::items::payment::{Bill, ErasedPayer, ModuleId, Payment};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::blinding::MODULUS_LEN;
use semper_shared::security::{Portable, Seed, Signer, SigningKey};
use serde_json::{Value, json};

use super::connection::{Door, post};
use super::site::{ADMIN_TOKEN, Site};
use super::{now, parallel};
use crate::Outcome;

/// Coins a withdrawal, and withdrawals at once, where coins are only wanted.
const BATCH: usize = 64;
const AT_ONCE: usize = 16;

/// A card that is always approved.
const CARD: (&str, &str) = ("4242424242424242", "12/99");

/// An order with its payment, ready to be sent to the merchant.
pub(super) struct Purchase {
    /// The deal that comes of it.
    pub(super) deal: Digest,
    /// The request.
    pub(super) request: Vec<u8>,
}

/// What a site's customers know.
pub(super) struct Bench {
    http: reqwest::Client,
    pub(super) keys: KeySet,
    offer: Signed<Offer>,
    mint_url: String,
    gateway_url: String,
    bank_url: String,
    seed: Seed,
    made: u32,
}

impl Bench {
    /// Meets a site's parties, and waits until the shop takes coins and cards.
    pub(super) async fn connect(site: &Site) -> Outcome<Self> {
        let http = reqwest::Client::builder().no_proxy().build()?;
        let keys = http.get(format!("{}/keys", site.mint)).send().await?.error_for_status()?.text().await?;
        let keys = KeySet::verify(&Compact::new(keys), &Portable)?;
        let offer = offer(&http, site).await?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self {
            http,
            keys,
            offer,
            mint_url: site.mint.clone(),
            gateway_url: site.gateway.clone(),
            bank_url: site.bank.clone(),
            seed: Seed::new(seed),
            made: 0,
        })
    }

    fn smallest(&self) -> Outcome<&Denomination> {
        self.keys
            .denominations()
            .find(|denomination| denomination.value.minor() == 1)
            .ok_or_else(|| "no one-cent coin".into())
    }

    /// A reserve that holds `cents`, funded from the bank's test account.
    pub(super) async fn reserve(&mut self, cents: usize) -> Outcome<SigningKey> {
        self.made += 1;
        let reserve = self.seed.derive_key("bench/reserve", &[&self.made.to_be_bytes()]);
        let test: Value = self.http.get(format!("{}/test-account", self.bank_url)).send().await?.json().await?;
        let token = test["token"].as_str().ok_or("no test account")?;
        let name = reserve.public_key().to_text();
        let transfer = json!({
            "id": Digest::of(name.as_bytes()),
            "from": test["account"],
            "to": self.keys.document().funding.account,
            "amount": Amount::new(self.keys.currency(), u64::try_from(cents)?)?,
            "subject": name,
        });
        let sent =
            self.http.post(format!("{}/transfers", self.bank_url)).bearer_auth(token).json(&transfer).send().await?;
        sent.error_for_status()?;
        let status = format!("{}/reserves/{name}?wait_ms=10000", self.mint_url);
        self.http.get(status).send().await?.error_for_status()?;
        Ok(reserve)
    }

    /// Numbers that were not used yet.
    fn take_numbers(&mut self, count: usize) -> Outcome<std::ops::Range<u32>> {
        let first = self.made;
        self.made += u32::try_from(count)?;
        Ok(first..self.made)
    }

    /// Reserves that hold `cents` each, as of customers of their own.
    pub(super) async fn reserves(&mut self, count: usize, cents: usize) -> Outcome<Vec<SigningKey>> {
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            made.push(self.reserve(cents).await?);
        }
        Ok(made)
    }

    /// Withdrawals of so many one-cent coins each, ready to be sent, with the coins' secrets.
    pub(super) fn withdrawals(&mut self, reserve: &SigningKey, sizes: &[usize]) -> Outcome<Vec<Withdrawn>> {
        let batches = sizes.iter().map(|size| self.take_numbers(*size)).collect::<Outcome<Vec<_>>>()?;
        parallel::each(&batches, |numbers| self.withdrawal(reserve, numbers.clone()))
    }

    fn withdrawal(&self, reserve: &SigningKey, numbers: std::ops::Range<u32>) -> Outcome<Withdrawn> {
        let secrets: Vec<_> = numbers
            .map(|number| CoinSecret::from_seed(self.seed.derive("bench/coin", &[&number.to_be_bytes()])))
            .collect();
        let denomination = self.smallest()?;
        let batch = secrets.iter().map(|secret| secret.planchet(denomination).map(PlanchetMessage::from));
        let batch = batch.collect::<Result<_, _>>()?;
        let request = Withdrawal { mint: self.keys.mint(), batch, first: None, requested_at: now() };
        let request = Signed::sign_self_keyed(request, reserve).to_compact();
        let request = post("/withdrawals", &serde_json::to_vec(&WithdrawalBody { request })?, None);
        Ok(Withdrawn { request, secrets })
    }

    /// Withdraws one-cent coins.
    pub(super) async fn withdraw(&mut self, site: &Site, count: usize) -> Outcome<Vec<Coin>> {
        let reserve = self.reserve(count).await?;
        let sizes: Vec<usize> = (0..count).step_by(BATCH).map(|taken| BATCH.min(count - taken)).collect();
        let (door, mut coins) = (Door::to(&site.mints), Vec::with_capacity(count));
        for sizes in sizes.chunks(AT_ONCE) {
            let withdrawals = self.withdrawals(&reserve, sizes)?;
            let answers = try_join_all(withdrawals.iter().map(|withdrawal| door.ask(&withdrawal.request))).await?;
            let taken: Vec<_> = withdrawals.into_iter().zip(answers).collect();
            let unblinded = parallel::each(&taken, |(withdrawal, answer)| self.coins(&withdrawal.secrets, answer))?;
            coins.extend(unblinded.into_iter().flatten());
        }
        Ok(coins)
    }

    /// Unblinds what the mint answered to a withdrawal.
    fn coins(&self, secrets: &[CoinSecret], answer: &[u8]) -> Outcome<Vec<Coin>> {
        let answer: Signatures = serde_json::from_slice(answer)?;
        let denomination = self.smallest()?;
        secrets
            .iter()
            .zip(answer.signatures)
            .map(|(secret, signature)| {
                let signature: [u8; MODULUS_LEN] = signature.0.try_into().map_err(|_| "a signature's length")?;
                Ok(secret.clone().unblind(denomination, &signature)?)
            })
            .collect()
    }

    /// A purchase of the one-cent letter with one coin, ready to be sent.
    fn purchase(&self, coin: &Coin) -> Outcome<Purchase> {
        let (order, bill) = self.order("ecash")?;
        let permission = Permission {
            mint: self.keys.mint(),
            merchant: bill.payee,
            deal: bill.deal,
            amount: bill.total,
            denomination: coin.denomination,
            signature: coin.signature,
            refund_by: bill.refund_by,
        };
        let permission = Signed::sign_self_keyed(permission, &coin.secret.key()).to_compact();
        let body = EcashBody { mint: self.keys.mint(), permissions: vec![permission] };
        let module = ModuleId::new("ecash").ok_or("a module's name")?;
        paid(order, &bill, Payment { module, version: 1, body: serde_json::to_value(body)?, critical: Vec::new() })
    }

    /// Purchases with these coins.
    pub(super) fn purchases(&self, coins: &[Coin]) -> Outcome<Vec<Purchase>> {
        parallel::each(coins, |coin| self.purchase(coin))
    }

    /// An order of the letter, and what it costs.
    fn order(&self, module: &str) -> Outcome<(Compact<Order>, Bill)> {
        let mut rng = semper_server::crypto::system_rng();
        let draft = Draft::new(self.offer.clone(), SigningKey::make(&mut rng));
        let buyer = draft.order(ModuleId::new(module).ok_or("a module's name")?, now(), &mut rng)?;
        Ok((buyer.order().to_compact(), buyer.bill()))
    }

    /// A card that the gateway knows.
    pub(super) async fn enrol(&self) -> Outcome<CardPayer> {
        let document = self.http.get(format!("{}/.well-known/semper", self.gateway_url)).send().await?;
        let party = Party::verify(&document.error_for_status()?.text().await?, &self.gateway_url, now(), &Portable)?;
        let gateway = Gateway { url: self.gateway_url.clone(), key: party.key.clone() };
        let mut rng = semper_server::crypto::system_rng();
        let mut card = Card::new(CARD.0.parse()?, CARD.1.parse()?, gateway, now(), &mut rng)?;
        let enrolled =
            self.http.post(format!("{}/cards", self.gateway_url)).json(&card.enrol(&mut rng)?).send().await?;
        card.enrolled(enrolled.error_for_status()?.json::<CertificateBody>().await?)?;
        Ok(CardPayer { cards: vec![card] })
    }

    /// Purchases of the letter with a card.
    pub(super) fn card_purchases(&self, cards: &CardPayer, count: usize) -> Outcome<Vec<Purchase>> {
        let acceptance = self.offer.accepts.iter().find(|acceptance| acceptance.module.as_str() == "card");
        let acceptance = acceptance.ok_or("the shop takes no cards")?;
        parallel::each(&vec![(); count], |()| {
            let (order, bill) = self.order("card")?;
            let mut rng = semper_server::crypto::system_rng();
            let payment = ErasedPayer::pay(&mut cards.clone(), &bill, acceptance, now(), &mut rng)?;
            paid(order, &bill, payment)
        })
    }

    /// The refund of a purchase, ready to be sent by the merchant's operator.
    pub(super) fn refund(&mut self, deal: &Digest) -> Outcome<Vec<u8>> {
        let mut name = [0; 16];
        name[..4].copy_from_slice(&self.take_numbers(1)?.start.to_be_bytes());
        let amount = Amount::new(self.keys.currency(), 1)?;
        let body = json!({ "refund": base64::encode(&name), "amount": amount, "reason": "measured" });
        let path = format!("/admin/deals/{deal}/refunds");
        Ok(post(&path, &serde_json::to_vec(&body)?, Some(ADMIN_TOKEN)))
    }

    /// Melts of coins into one of their own kind each, ready to be sent.
    pub(super) fn melts(&self, coins: &[Coin]) -> Outcome<Vec<Melting>> {
        parallel::each(coins, |coin| self.melt(coin))
    }

    fn melt(&self, coin: &Coin) -> Outcome<Melting> {
        let denomination = self.smallest()?;
        let key = coin.secret.key();
        let candidates = (0..KAPPA)
            .map(|number| Candidate::derive(&coin.secret.transfer_key(0, number), key.public_key(), &[denomination]))
            .collect::<Result<Vec<_>, _>>()?;
        let digests: Vec<Digest> = candidates.iter().map(Candidate::digest).collect();
        let melt = Melt {
            mint: self.keys.mint(),
            denomination: coin.denomination,
            signature: coin.signature,
            amount: denomination.value,
            outputs: vec![denomination.id],
            sequence: 0,
            commitment: commitment(&digests),
        };
        let melt = Signed::sign_self_keyed(melt, &key);
        let reveals = (0..KAPPA)
            .map(|gamma| reveal(coin, &candidates, gamma, &format!("/melts/{}/reveal", melt.digest())))
            .collect::<Outcome<_>>()?;
        let body = serde_json::to_vec(&MeltBody { melt: melt.to_compact() })?;
        Ok(Melting { request: post("/melts", &body, None), reveals })
    }
}

/// A withdrawal that is ready to be sent.
pub(super) struct Withdrawn {
    pub(super) request: Vec<u8>,
    secrets: Vec<CoinSecret>,
}

/// A melt that is ready to be sent, and the reveals for each choice that the mint has.
pub(super) struct Melting {
    pub(super) request: Vec<u8>,
    reveals: Vec<Vec<u8>>,
}

impl Melting {
    /// The reveal that the mint's choice asks for.
    pub(super) fn reveal(&self, answer: &[u8]) -> Outcome<Vec<u8>> {
        let answer: MeltAnswer = serde_json::from_slice(answer)?;
        let gamma = answer.confirmation.peek_unverified()?.gamma;
        self.reveals.get(usize::from(gamma)).cloned().ok_or_else(|| "gamma out of range".into())
    }
}

fn reveal(coin: &Coin, candidates: &[Candidate], gamma: u8, path: &str) -> Outcome<Vec<u8>> {
    let secret = |number| coin.secret.transfer_key(0, number).to_bytes().to_vec().into();
    let chosen = candidates.get(usize::from(gamma)).ok_or("gamma out of range")?;
    let reveal = Reveal {
        transfer_secrets: (0..KAPPA).filter(|number| *number != gamma).map(secret).collect(),
        transfer_public: chosen.transfer_public.clone(),
        planchets: chosen.planchets.iter().cloned().map(PlanchetMessage::from).collect(),
    };
    Ok(post(path, &serde_json::to_vec(&reveal)?, None))
}

fn paid(order: Compact<Order>, bill: &Bill, payment: Payment) -> Outcome<Purchase> {
    let body = serde_json::to_vec(&DealBody { order, payment: Some(payment) })?;
    Ok(Purchase { deal: bill.deal, request: post("/deals", &body, None) })
}

/// The letter's offer, once it takes both coins and cards.
async fn offer(http: &reqwest::Client, site: &Site) -> Outcome<Signed<Offer>> {
    for _ in 0..300 {
        let offer = http.get(format!("{}/offers/letter", site.merchant)).send().await?;
        if offer.status().is_success() {
            let offer = Offer::verify(&offer.text().await?, &site.merchant, now(), &Portable)?;
            let takes = |name: &str| offer.accepts.iter().any(|acceptance| acceptance.module.as_str() == name);
            if takes("ecash") && takes("card") {
                return Ok(offer);
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Err("the shop does not take coins and cards".into())
}
