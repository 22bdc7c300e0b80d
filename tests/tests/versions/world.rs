//! A demo's bank, mint and gateway, and shops and wallets of this process that work with them.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use semper_server::crypto::NativeSigner;
use semper_server::http::{ServerSettings, Service, Shutdown, ShutdownTrigger};
use semper_server::introduction::Introduction;
use semper_server::keys;
use semper_server::merchant::{Config, catalogue, start_with_modules};
use semper_server::store::sqlite::released;
use semper_shared::foundation::{Amount, Currency, Digest, base64};
use semper_shared::items::party::{ModuleVersion, Party, Role};
use semper_shared::items::payment::card::{CardPayee, Gateway, Level};
use semper_shared::items::payment::ecash::{EcashPayee, TrustedMint};
use semper_shared::items::payment::{ErasedPayee, ModuleId};
use semper_shared::items::statement::Compact;
use semper_shared::security::PublicKey;
use semper_tests::demo::free_ports;
use semper_tests::process::Process;
use semper_tests::{Demo, Outcome, goods};
use semper_wallet::core::{Kdf, MakePayer, Progress, Wallet, WalletError};
use semper_wallet::native::{Computer, MemoryStore};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ways::{Asking, BARTER, payee};

pub(crate) type Purse = Wallet<Computer<MemoryStore>>;

/// Runs a test that has servers of its own.
pub(crate) fn in_time(test: impl Future<Output = Outcome>) -> Outcome {
    tokio::runtime::Runtime::new()?.block_on(test)
}

pub(crate) struct World {
    demo: Demo,
    /// A gateway, in a process of its own.
    cards: Process,
    trigger: ShutdownTrigger,
    shutdown: Shutdown,
    goods: PathBuf,
    pub(crate) gateway: String,
    /// Where the one shop is that has an account there.
    card_shop: u16,
    folder: TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.trigger.stop();
    }
}

impl World {
    pub(crate) async fn start() -> Outcome<Self> {
        let (trigger, shutdown) = Shutdown::new();
        let folder = tempfile::tempdir()?;
        let goods = folder.path().join("goods");
        goods::write(&goods)?;
        let port = free_ports(2)?;
        let card_shop = port + 1;
        let gateway = format!("http://localhost:{port}");
        let config = format!(
            "[gateway]\ndata = \"{}\"\nmerchants = [\"http://localhost:{card_shop}\"]\n\
             [gateway.server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"{gateway}\"\n",
            folder.path().join("gateway").display()
        );
        let file = folder.path().join("gateway.toml");
        std::fs::write(&file, config)?;
        let cards = tokio::task::block_in_place(|| Process::serve(&file, &folder.path().join("gateway.log")))?;
        let demo = tokio::task::block_in_place(Demo::start)?;
        Ok(Self { demo, cards, trigger, shutdown, goods, gateway, card_shop, folder })
    }

    /// A wallet with cash and a card, which knows further modules.
    pub(crate) async fn wallet(&self, further: &[MakePayer]) -> Outcome<Purse> {
        let ports = Computer::with_store(MemoryStore::default()).map_err(|error| format!("{error:?}"))?;
        let mut wallet = Wallet::new(ports).with_kdf(Kdf::KEY_FILE);
        for module in further {
            wallet = wallet.with_module(*module);
        }
        let words = wallet.make_words()?;
        wallet.create(&words, "of no importance here").await?;
        wallet.add_cash(&self.demo.urls.mint, Amount::new(Currency::EUR, 500)?, Progress::none()).await?;
        wallet.add_card("4242424242424242", "12/38", &self.gateway).await?;
        Ok(wallet)
    }

    /// A shop that works with some of the demo's parties, and has `modules` beside them; ready when it offers what is said.
    pub(crate) async fn shop(
        &self,
        with: &[&str],
        modules: Vec<Arc<dyn ErasedPayee>>,
        offered: &[(&str, u32)],
    ) -> Outcome<Shop> {
        let mut settings = json!({});
        if with.contains(&"mint") {
            settings["mints"] = json!([{ "url": self.demo.urls.mint }]);
            settings["payout"] = json!({ "bank": self.demo.urls.bank, "account": "merchant" });
        }
        self.open(settings, modules, offered).await
    }

    /// A shop that is told to work with these, and has a module of its own.
    pub(crate) async fn shop_with(&self, mint: &str, gateway: &str) -> Outcome<Shop> {
        let settings = json!({
            "mints": [{ "url": mint }],
            "payout": { "bank": self.demo.urls.bank, "account": "merchant" },
            "gateway": { "url": gateway },
        });
        let modules = vec![payee::<BARTER, 1>()];
        let shop = self.open(settings, modules, &[("barter", 1)]).await?;
        // Long enough that it has asked both.
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(shop)
    }

    /// The shop that has an account with the gateway, and the card module with which it opens: that says something of cards
    /// that nobody knows yet.
    pub(crate) async fn card_shop(&mut self, further: (&'static str, Value)) -> Outcome<(Shop, Arc<dyn ErasedPayee>)> {
        let data = tempfile::tempdir_in(self.folder.path())?.keep();
        let signer = Arc::new(keys::load_or_make(&data)?);
        let gateway = Gateway { url: self.gateway.clone(), key: key_of(&self.gateway).await? };
        let cards = Arc::new(CardPayee::new(gateway, Level::Three, [7; 16], signer));
        let cards: Arc<dyn ErasedPayee> = Arc::new(Asking { further: Some(further), ..Asking::of(cards) });
        let shop = self.open_at(data, self.card_shop, json!({}), vec![Arc::clone(&cards)], &[("card", 1)]).await?;
        // It meets its merchants when it starts.
        tokio::task::block_in_place(|| self.cards.restart())?;
        Ok((shop, cards))
    }

    async fn open(
        &self,
        settings: Value,
        modules: Vec<Arc<dyn ErasedPayee>>,
        offered: &[(&str, u32)],
    ) -> Outcome<Shop> {
        let data = tempfile::tempdir_in(self.folder.path())?.keep();
        self.open_at(data, free_ports(1)?, settings, modules, offered).await
    }

    async fn open_at(
        &self,
        data: PathBuf,
        port: u16,
        mut settings: Value,
        modules: Vec<Arc<dyn ErasedPayee>>,
        offered: &[(&str, u32)],
    ) -> Outcome<Shop> {
        catalogue::import(&data, None, &self.goods, &[], &mut |_| {})?;
        settings["data"] = json!(data);
        settings["name"] = json!("The shop");
        let mut config: Config = serde_json::from_value(settings)?;
        config.server = server(port);
        let (trigger, shutdown) = Shutdown::new();
        let mut shop = Shop { config, trigger, shutdown, running: None };
        shop.start(modules, offered).await?;
        Ok(shop)
    }

    /// The cash module of the demo's mint.
    pub(crate) async fn cash(&self) -> Outcome<Arc<dyn ErasedPayee>> {
        let url = self.demo.urls.mint.clone();
        let key = key_of(&url).await?;
        Ok(Arc::new(EcashPayee::new(vec![TrustedMint { url, key }])))
    }

    /// A mint that says that it speaks these versions, and nothing more.
    pub(crate) async fn mint_of(&self, versions: &[u32]) -> Outcome<String> {
        self.stranger(Role::Mint, "ecash", versions).await
    }

    /// A gateway that says that it speaks these versions, and nothing more.
    pub(crate) async fn gateway_of(&self, versions: &[u32]) -> Outcome<String> {
        self.stranger(Role::Gateway, "card", versions).await
    }

    async fn stranger(&self, role: Role, module: &str, versions: &[u32]) -> Outcome<String> {
        let settings = server(free_ports(1)?);
        let url = settings.public_url.clone();
        let id = ModuleId::new(module).ok_or("a name")?;
        let modules: Vec<_> =
            versions.iter().map(|version| ModuleVersion { id: id.clone(), version: *version }).collect();
        let signer = Arc::new(NativeSigner::make().map_err(|error| format!("{error:?}"))?);
        let introduction = Introduction::new(signer, role, "A stranger", &url).modules(move || modules.clone());
        let introduction = Arc::new(introduction);
        let service = Service::new("stranger")?;
        let routes = move |routes: &mut actix_web::web::ServiceConfig| {
            routes.service(introduction.endpoint());
        };
        semper_server::http::server::start(&settings, service, routes, &self.shutdown).await?;
        Ok(url)
    }
}

/// The key of the party at an address.
async fn key_of(url: &str) -> Outcome<PublicKey> {
    let document = reqwest::get(format!("{url}/.well-known/semper")).await?.text().await?;
    Ok(Compact::<Party>::new(document).peek_unverified()?.key)
}

/// A shop of this process.
pub(crate) struct Shop {
    config: Config,
    trigger: ShutdownTrigger,
    shutdown: Shutdown,
    running: Option<semper_server::http::Running>,
}

impl Shop {
    pub(crate) fn offer(&self) -> String {
        format!("{}/offers/article", self.config.server.public_url)
    }

    async fn start(&mut self, modules: Vec<Arc<dyn ErasedPayee>>, offered: &[(&str, u32)]) -> Outcome {
        self.running = Some(start_with_modules(&self.config, modules, |_| {}, &self.shutdown).await?);
        self.offers_become(offered).await
    }

    /// Waits until it offers this.
    pub(crate) async fn offers_become(&self, offered: &[(&str, u32)]) -> Outcome {
        for _ in 0..300 {
            if self.offers().await? == offered.iter().map(|(id, v)| format!("{id}/{v}")).collect::<Vec<_>>() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!("it offers {:?}", self.offers().await?).into())
    }

    /// The same shop with other modules.
    pub(crate) async fn renew(&mut self, modules: Vec<Arc<dyn ErasedPayee>>, offered: &[(&str, u32)]) -> Outcome {
        self.trigger.stop();
        if let Some(running) = self.running.take() {
            running.stopped().await;
            released(&self.config.data.join("merchant.sqlite")).await?;
        }
        (self.trigger, self.shutdown) = Shutdown::new();
        self.start(modules, offered).await
    }

    async fn offers(&self) -> Outcome<Vec<String>> {
        let answer = reqwest::get(self.offer()).await?;
        if !answer.status().is_success() {
            return Ok(Vec::new());
        }
        let offer = payload(&answer.text().await?)?;
        let accepts = offer["accepts"].as_array().cloned().unwrap_or_default();
        let way = |way: &Value| {
            format!("{}/{}", way["module"].as_str().unwrap_or_default(), way["version"].as_u64().unwrap_or(1))
        };
        Ok(accepts.iter().map(way).collect())
    }
}

pub(crate) async fn pay(wallet: &mut Purse, offer: &Digest, module: &ModuleId) -> Result<Digest, WalletError> {
    Ok(wallet.pay(offer, module, Progress::none()).await?.deal)
}

/// The version that a deal's statement of this type names.
pub(crate) fn version_of(evidence: &Value, typ: &str) -> Outcome<u64> {
    Ok(payload_of(evidence, typ)?["version"].as_u64().unwrap_or(1))
}

/// What a deal's statement of this type says, as it was signed.
pub(crate) fn payload_of(evidence: &Value, typ: &str) -> Outcome<Value> {
    let statements = evidence["statements"].as_array().ok_or("the evidence")?;
    let mut statements = statements.iter().filter_map(Value::as_str);
    let found = statements.find(|statement| header(statement).is_ok_and(|header| header["typ"] == typ));
    payload(found.ok_or("the statement")?)
}

fn part(compact: &str, number: usize) -> Outcome<Value> {
    let part = compact.split('.').nth(number).and_then(base64::decode).ok_or("a statement")?;
    Ok(serde_json::from_slice(&part)?)
}

fn header(compact: &str) -> Outcome<Value> {
    part(compact, 0)
}

fn payload(compact: &str) -> Outcome<Value> {
    part(compact, 1)
}

fn server(port: u16) -> ServerSettings {
    ServerSettings {
        listen: ([127, 0, 0, 1], port).into(),
        public_url: format!("http://localhost:{port}"),
        ..ServerSettings::default()
    }
}
