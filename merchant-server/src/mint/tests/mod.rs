//! A mint, a real bank and wallets in one process, over HTTP.
#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod flow;
mod life;
mod limits;
mod measure;
mod refusals;
mod repeats;
mod secrecy;
mod settlement;
mod transfers;

use std::sync::atomic::{AtomicU64, Ordering};

use semper_shared::foundation::{Amount, Currency, Digest};
use semper_shared::items::payment::Bill;
use semper_shared::items::payment::ecash::{
    AcceptedMint, DepositBody, EcashBody, EcashParameters, KeySet, MeltAnswer, MeltBody, MeltConfirmation,
    PayoutAccount, ReserveStatus, Signatures, WithdrawalBody,
};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{Portable, Seed, SigningKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::bank as real_bank;
use crate::http::{ServerSettings, ShutdownTrigger};
use crate::store::sqlite::released;

const TOKEN: &str = "token-0123456789abcdefghij";

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap()
}

/// A mint, its bank, and what is needed to talk to them.
struct Market {
    folder: TempDir,
    ahead_s: Arc<AtomicU64>,
    client: reqwest::Client,
    bank: Running,
    mint: Arc<Mint>,
    running: Running,
    trigger: ShutdownTrigger,
}

impl Market {
    async fn start() -> Self {
        Self::start_with(1).await
    }

    async fn start_with(wire_delay_s: u64) -> Self {
        Self::open_in(TempDir::new().unwrap(), Arc::default(), wire_delay_s).await
    }

    async fn open_in(folder: TempDir, ahead_s: Arc<AtomicU64>, wire_delay_s: u64) -> Self {
        Self::open_with(folder, ahead_s, wire_delay_s, Limits::default()).await
    }

    async fn open_with(folder: TempDir, ahead_s: Arc<AtomicU64>, wire_delay_s: u64, policy: Limits) -> Self {
        let (trigger, shutdown) = Shutdown::new();
        let account =
            |name: &str, opening: u64| json!({"account": name, "name": name, "token": TOKEN, "opening_minor": opening});
        let bank: real_bank::Config = serde_json::from_value(json!({
            "data": folder.path().join("bank"),
            "accounts": [account("customer", 50_000), account("mint", 0), account("merchant", 0), account("kiosk", 0)],
        }))
        .unwrap();
        let bank = real_bank::start(&bank, &shutdown).await.unwrap();
        let config = Config {
            data: folder.path().join("mint"),
            server: ServerSettings { public_url: "http://localhost:8482".to_owned(), ..ServerSettings::default() },
            store: None,
            name: "Test mint".to_owned(),
            bank: BankAccount {
                url: format!("http://{}", bank.address()),
                account: "mint".to_owned(),
                token: Token::new(TOKEN),
            },
            currency: Currency::EUR,
            wire_delay_s,
            denominations: Windows { largest_minor: 128, ..Windows::default() },
            policy,
            fees: FeeTable::default(),
        };
        let ahead = Arc::clone(&ahead_s);
        let clock = move || crate::clock::now().plus(ahead.load(Ordering::SeqCst));
        let (running, mint) = open(&config, Arc::new(clock), &shutdown).await.unwrap();
        Self { folder, ahead_s, client: reqwest::Client::new(), bank, mint, running, trigger }
    }

    /// Stops everything and starts again from what is stored.
    async fn restart(self) -> Self {
        let (delay, policy) = (self.mint.config.wire_delay_s, self.mint.config.policy);
        let (folder, ahead_s) = self.stop().await;
        Self::open_with(folder, ahead_s, delay, policy).await
    }

    async fn stop(self) -> (TempDir, Arc<AtomicU64>) {
        self.trigger.stop();
        self.running.stopped().await;
        self.bank.stopped().await;
        drop(self.mint);
        for store in ["bank/bank.sqlite", "mint/mint.sqlite"] {
            released(&self.folder.path().join(store)).await.unwrap();
        }
        (self.folder, self.ahead_s)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address())
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> (u16, String) {
        let response = self.client.post(self.url(path)).json(body).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn post_ok<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> T {
        let (status, text) = self.post(path, body).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn refused(&self, path: &str, body: &impl Serialize) -> (u16, String) {
        let (status, text) = self.post(path, body).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(problem["status"], status, "{text}");
        (status, problem["code"].as_str().unwrap_or_default().to_owned())
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let response = self.client.get(self.url(path)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    async fn transfer(&self, id: &str, minor: u64, subject: &str) {
        let order = json!({"id": id, "from": "customer", "to": "mint", "amount": euros(minor), "subject": subject});
        let request = self.client.post(format!("http://{}/transfers", self.bank.address())).bearer_auth(TOKEN);
        assert!(request.json(&order).send().await.unwrap().status().is_success());
    }

    async fn at_bank(&self, account: &str) -> u64 {
        let request = self.client.get(format!("http://{}/accounts/{account}", self.bank.address())).bearer_auth(TOKEN);
        let standing: Value = request.send().await.unwrap().json().await.unwrap();
        standing["balance"]["minor"].as_u64().unwrap()
    }

    async fn keys(&self) -> Signed<MintKeys> {
        let (status, text) = self.get("/keys").await;
        assert_eq!(status, 200);
        KeySet::verify(&Compact::new(text), &Portable).unwrap().document().clone()
    }

    fn registration(&self, merchant: &SigningKey, account: &str, at: u64) -> Value {
        let registration = PayoutAccount {
            mint: self.mint.ring().keys.mint(),
            merchant: merchant.public_key().clone(),
            bank: self.mint.config.bank.url.clone(),
            account: account.to_owned(),
            label: None,
            registered_at: UnixSeconds(at),
        };
        json!({"registration": Signed::sign(registration, merchant).compact()})
    }

    async fn register(&self, merchant: &SigningKey, account: &str) {
        let body = self.registration(merchant, account, self.mint.now().0);
        let (status, text) = self.post("/accounts", &body).await;
        assert_eq!(status, 200, "{text}");
    }

    async fn assert_balanced(&self) -> store::Books {
        let books = self.mint.store.books().await.unwrap();
        assert!(books.balance(), "{books:?}");
        books
    }
}

fn merchant(number: u8) -> SigningKey {
    SigningKey::from_bytes(&[number; 32]).unwrap()
}

fn deal(number: u32) -> Digest {
    Digest::of_parts(&[b"deal", &number.to_be_bytes()])
}

/// A wallet at one mint.
struct Wallet {
    seed: Seed,
    payer: EcashPayer,
    mint: Digest,
}

impl Wallet {
    async fn new(market: &Market, seed: u8) -> Self {
        let seed = Seed::new([seed; 32]);
        let mut payer = EcashPayer::new(seed.clone());
        let mint = payer.trust(market.keys().await).unwrap();
        Self { seed, payer, mint }
    }

    /// A second wallet with the same coins, as a cheat would have.
    fn copy(&self) -> Self {
        let payer = EcashPayer::load(self.seed.clone(), self.payer.purse().clone(), &Portable).unwrap();
        Self { seed: self.seed.clone(), payer, mint: self.mint }
    }

    fn balance(&self) -> u64 {
        self.payer.mint_purse(&self.mint).unwrap().balance().minor()
    }

    /// Transfers money and waits for it: the reserve's number.
    async fn fund(&mut self, market: &Market, minor: u64) -> u32 {
        let reserve = self.payer.open_reserve(&self.mint, euros(minor), market.mint.now()).unwrap();
        let name = self.payer.reserve_key(&self.mint, reserve).public_key().to_text();
        let (path, id) = (format!("/reserves/{name}?wait_ms=20000"), format!("{name}-1"));
        let (waiting, ()) = tokio::join!(market.get(&path), market.transfer(&id, minor, &name));
        assert_eq!(waiting.0, 200, "{}", waiting.1);
        let status: ReserveStatus = serde_json::from_str(&waiting.1).unwrap();
        assert_eq!(status.balance.minor(), minor);
        reserve
    }

    fn withdrawal(&mut self, market: &Market, reserve: u32, minor: u64) -> WithdrawalBody {
        let request = self.payer.withdraw(&self.mint, reserve, euros(minor), market.mint.now()).unwrap();
        WithdrawalBody { request: request.to_compact() }
    }

    async fn withdraw(&mut self, market: &Market, minor: u64) {
        let reserve = self.fund(market, minor).await;
        let body = self.withdrawal(market, reserve, minor);
        let signed: Signatures = market.post_ok("/withdrawals", &body).await;
        let gained = self.payer.withdrawn(&self.mint, reserve, &signed.signatures).unwrap();
        assert_eq!(gained.minor(), minor);
    }

    fn pay(&mut self, market: &Market, merchant: &SigningKey, deal: Digest, minor: u64) -> DepositBody {
        let refund_by = market.mint.now();
        let bill = Bill { deal, payee: merchant.public_key().thumbprint(), total: euros(minor), refund_by };
        let accepted = AcceptedMint { url: market.mint.url.clone(), mint: self.mint };
        let parameters = EcashParameters { mints: vec![accepted], account: None };
        let mut rng = crate::crypto::system_rng();
        let EcashBody { permissions, .. } =
            PayerModule::pay(&mut self.payer, &bill, &parameters, market.mint.now(), &mut rng).unwrap();
        DepositBody::new(permissions)
    }

    /// Refreshes what waits for it, each melt and reveal sent twice.
    async fn refresh(&mut self, market: &Market) {
        for name in self.payer.refreshes(&self.mint, market.mint.now()).unwrap() {
            let melt = self.payer.melt(&self.mint, &name, market.mint.now(), &mut crate::crypto::system_rng()).unwrap();
            let body = MeltBody { melt: melt.to_compact() };
            let answer: MeltAnswer = market.post_ok("/melts", &body).await;
            assert_eq!(answer, market.post_ok::<MeltAnswer>("/melts", &body).await);
            let confirmation: Signed<MeltConfirmation> =
                answer.confirmation.verify(market.mint.signer.public_key(), &Portable).unwrap();
            assert_eq!(confirmation.melt, melt.digest());
            let reveal = self.payer.reveal(&self.mint, &name, &confirmation).unwrap();
            let path = format!("/melts/{}/reveal", melt.digest());
            let signed: Signatures = market.post_ok(&path, &reveal).await;
            assert_eq!(signed, market.post_ok::<Signatures>(&path, &reveal).await);
            self.payer.refreshed(&self.mint, &name, confirmation.gamma, &signed.signatures).unwrap();
        }
    }
}
