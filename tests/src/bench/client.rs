//! The customers' side, made before anything is timed, so that the server is what is measured.

use std::thread;

use semper_shared::commerce::deal::{DealBody, Draft};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::{Amount, Digest, base64};
use semper_shared::items::payment::ecash::{
    Candidate, Coin, CoinSecret, Denomination, EcashBody, KAPPA, KeySet, Melt, MeltAnswer, MeltBody, Permission,
    PlanchetMessage, Reveal, Signatures, Withdrawal, WithdrawalBody, commitment,
};
use semper_shared::items::payment::{ModuleId, Payment};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::blinding::MODULUS_LEN;
use semper_shared::security::{Portable, Seed, Signer, SigningKey};
use serde_json::{Value, json};

use super::now;
use super::site::Site;
use crate::Outcome;

const BATCH: usize = 64;

/// An order with its payment, ready to be sent.
pub(super) struct Purchase {
    /// The deal that comes of it.
    pub(super) deal: Digest,
    /// The body.
    pub(super) body: Vec<u8>,
}

/// A connection to a site, and what its customers know.
pub(super) struct Bench {
    pub(super) http: reqwest::Client,
    pub(super) keys: KeySet,
    offer: Signed<Offer>,
    mint_url: String,
    merchant_url: String,
    bank_url: String,
    seed: Seed,
    made: u32,
}

impl Bench {
    pub(super) async fn connect(site: &Site) -> Outcome<Self> {
        let http = reqwest::Client::new();
        let keys = http.get(format!("{}/keys", site.mint)).send().await?.error_for_status()?.text().await?;
        let keys = KeySet::verify(&Compact::new(keys), &Portable)?;
        let offer =
            http.get(format!("{}/offers/letter", site.merchant)).send().await?.error_for_status()?.text().await?;
        let offer = Offer::verify(&offer, &site.merchant, now(), &Portable)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self {
            http,
            keys,
            offer,
            mint_url: site.mint.clone(),
            merchant_url: site.merchant.clone(),
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

    /// A withdrawal of one-cent coins, ready to be sent, and the coins' secrets.
    pub(super) fn withdrawal(&mut self, reserve: &SigningKey, coins: usize) -> Outcome<(Vec<u8>, Vec<CoinSecret>)> {
        let mut secrets = Vec::with_capacity(coins);
        for _ in 0..coins {
            self.made += 1;
            secrets.push(CoinSecret::from_seed(self.seed.derive("bench/coin", &[&self.made.to_be_bytes()])));
        }
        let denomination = self.smallest()?;
        let batch = secrets.iter().map(|secret| secret.planchet(denomination).map(PlanchetMessage::from));
        let batch = batch.collect::<Result<_, _>>()?;
        let request = Withdrawal { mint: self.keys.mint(), batch, requested_at: now() };
        let request = Signed::sign_self_keyed(request, reserve).to_compact();
        Ok((serde_json::to_vec(&WithdrawalBody { request })?, secrets))
    }

    /// Unblinds what the mint answered to a withdrawal.
    pub(super) fn coins(&self, secrets: Vec<CoinSecret>, answer: &[u8]) -> Outcome<Vec<Coin>> {
        let answer: Signatures = serde_json::from_slice(answer)?;
        let denomination = self.smallest()?;
        secrets
            .into_iter()
            .zip(answer.signatures)
            .map(|(secret, signature)| {
                let signature: [u8; MODULUS_LEN] = signature.0.try_into().map_err(|_| "a signature's length")?;
                Ok(secret.unblind(denomination, &signature)?)
            })
            .collect()
    }

    /// Withdraws one-cent coins.
    pub(super) async fn withdraw(&mut self, count: usize) -> Outcome<Vec<Coin>> {
        let reserve = self.reserve(count).await?;
        let mut coins = Vec::with_capacity(count);
        while coins.len() < count {
            let (body, secrets) = self.withdrawal(&reserve, BATCH.min(count - coins.len()))?;
            let answer = self.http.post(self.withdrawals_url()).header("content-type", "application/json").body(body);
            let answer = answer.send().await?.error_for_status()?.bytes().await?;
            coins.extend(self.coins(secrets, &answer)?);
        }
        Ok(coins)
    }

    /// A purchase of the one-cent letter with one coin, ready to be sent.
    pub(super) fn purchase(&self, coin: &Coin) -> Outcome<Purchase> {
        let mut rng = semper_server::crypto::system_rng();
        let module = ModuleId::new("ecash").ok_or("a module's name")?;
        let draft = Draft::new(self.offer.clone(), SigningKey::make(&mut rng));
        let buyer = draft.order(module.clone(), now(), &mut rng)?;
        let bill = buyer.bill();
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
        let payment = Payment { module, version: 1, body: serde_json::to_value(body)? };
        let body = serde_json::to_vec(&DealBody { order: buyer.order().to_compact(), payment: Some(payment) })?;
        Ok(Purchase { deal: bill.deal, body })
    }

    /// Purchases with these coins, made on all cores.
    pub(super) fn purchases(&self, coins: &[Coin]) -> Outcome<Vec<Purchase>> {
        let share = coins.len().div_ceil(thread::available_parallelism().map_or(1, usize::from)).max(1);
        let parts: Vec<Outcome<Vec<Purchase>>> = thread::scope(|scope| {
            let workers: Vec<_> = coins
                .chunks(share)
                .map(|coins| scope.spawn(|| coins.iter().map(|coin| self.purchase(coin)).collect()))
                .collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|_| Err("a thread panicked".into())))
                .collect()
        });
        Ok(parts.into_iter().collect::<Outcome<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// The refund of a purchase, ready to be sent by the merchant's operator.
    pub(super) fn refund(&mut self, deal: &Digest) -> Outcome<(String, Vec<u8>)> {
        self.made += 1;
        let mut name = [0; 16];
        name[..4].copy_from_slice(&self.made.to_be_bytes());
        let amount = Amount::new(self.keys.currency(), 1)?;
        let body = json!({ "refund": base64::encode(&name), "amount": amount, "reason": "measured" });
        Ok((format!("{}/admin/deals/{deal}/refunds", self.merchant_url), serde_json::to_vec(&body)?))
    }

    /// A melt of a coin into one of its own kind, ready to be sent, and its three candidates.
    pub(super) fn melt(&self, coin: &Coin) -> Outcome<(Vec<u8>, String, Vec<Candidate>)> {
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
        let name = melt.digest().to_string();
        Ok((serde_json::to_vec(&MeltBody { melt: melt.to_compact() })?, name, candidates))
    }

    /// The reveal that the mint's choice asks for.
    pub(super) fn reveal(coin: &Coin, candidates: &[Candidate], answer: &[u8]) -> Outcome<Vec<u8>> {
        let answer: MeltAnswer = serde_json::from_slice(answer)?;
        let gamma = answer.confirmation.peek_unverified()?.gamma;
        let secret = |number| coin.secret.transfer_key(0, number).to_bytes().to_vec().into();
        let chosen = candidates.get(usize::from(gamma)).ok_or("gamma out of range")?;
        Ok(serde_json::to_vec(&Reveal {
            transfer_secrets: (0..KAPPA).filter(|number| *number != gamma).map(secret).collect(),
            transfer_public: chosen.transfer_public.clone(),
            planchets: chosen.planchets.iter().cloned().map(PlanchetMessage::from).collect(),
        })?)
    }

    pub(super) fn deals_url(&self) -> String {
        format!("{}/deals", self.merchant_url)
    }

    pub(super) fn withdrawals_url(&self) -> String {
        format!("{}/withdrawals", self.mint_url)
    }

    pub(super) fn melts_url(&self) -> String {
        format!("{}/melts", self.mint_url)
    }
}
