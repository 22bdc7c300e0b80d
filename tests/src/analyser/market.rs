//! The run: real servers behind recording proxies, and many wallets that all do the same.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use semper_server::demo::{CONFIG_FILE, Demo, fill_shop};
use semper_shared::foundation::{Amount, Currency};
use semper_shared::items::payment::ModuleId;
use semper_wallet::core::ports::{Change, Store, StoreError, Stored};
use semper_wallet::core::{Kdf, Progress, Wallet, Words};
use semper_wallet::native::{Computer, MemoryStore, NativeHttp};
use tempfile::TempDir;

use super::capture::{Capture, Event, Phase};
use super::proxy::{self, Recorder};
use super::tables;
use crate::simulation::Chance;
use crate::{Outcome, binaries, demo, goods};

/// A moment of quiet for what the servers write after they have answered.
const SETTLE: Duration = Duration::from_millis(3);

/// What the wallets of a run do: all the same, so that only their order could tell them apart.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// How many wallets.
    pub wallets: usize,
    /// What each withdraws, in cents.
    pub cents: u64,
    /// What each buys.
    pub good: &'static str,
    /// Whether each exchanges its change and buys once more with it.
    pub again: bool,
    /// What decides the orders.
    pub seed: u64,
}

/// Runs it, and returns what mint and merchant have.
///
/// # Errors
/// Where a server does not start or a purchase fails.
pub fn observe(run: &Run) -> Outcome<Capture> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let market = Market::prepare()?;
    let recorder = Recorder::new();
    let mut server = runtime.block_on(market.start(&recorder))?;
    let observed = runtime.block_on(market.run(run, &recorder));
    Command::new("kill").arg("-TERM").arg(server.id().to_string()).status()?;
    server.wait()?;
    let mut tables = tables::read("mint", &market.data.join("mint/mint.sqlite"))?;
    tables.extend(tables::read("merchant", &market.data.join("merchant/merchant.sqlite"))?);
    Ok(Capture { events: observed?, tables })
}

struct Market {
    _folder: TempDir,
    data: PathBuf,
    base: u16,
    inner: u16,
}

impl Market {
    /// A demo whose merchant and mint listen elsewhere than they are reached.
    fn prepare() -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let (base, inner) = (demo::free_base()?, demo::free_base()?);
        let data = folder.path().join("data");
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = Demo { data: data.clone(), port_base: base, assets: assets.clone() }.prepare()?;
        goods::write(&folder.path().join("goods"))?;
        let merchant = config.merchant.ok_or("the demo has no merchant")?;
        fill_shop(&merchant.data, None, &folder.path().join("goods"), &assets, &mut |_| {})?;
        let file = data.join(CONFIG_FILE);
        let mut text = fs::read_to_string(&file)?;
        for offset in [0, 2] {
            let listen = |base: u16| format!("listen = \"127.0.0.1:{}\"", base + offset);
            if !text.contains(&listen(base)) {
                return Err("the demo's configuration has another form".into());
            }
            text = text.replace(&listen(base), &listen(inner));
        }
        fs::write(&file, text)?;
        Ok(Self { _folder: folder, data, base, inner })
    }

    async fn start(&self, recorder: &Recorder) -> Outcome<Child> {
        proxy::start(recorder, "merchant", self.base, self.inner).await?;
        proxy::start(recorder, "mint", self.base + 2, self.inner + 2).await?;
        let mut child = Command::new(binaries::semper()?)
            .args(["serve", "--config"])
            .arg(self.data.join(CONFIG_FILE))
            .env("RUST_LOG", "semper_server=trace,info")
            .stdout(Stdio::piped())
            .stderr(File::create(self.log())?)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        let ready = format!("http://127.0.0.1:{}/ready", self.inner);
        for _ in 0..600 {
            // The merchant is ready once it has met its mint.
            if reqwest::get(&ready).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(child);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child.kill()?;
        Err(format!("the market did not become ready: {}", fs::read_to_string(self.log())?).into())
    }

    fn log(&self) -> PathBuf {
        self.data.join("log")
    }

    async fn run(&self, run: &Run, recorder: &Recorder) -> Outcome<Vec<Event>> {
        let mut chance = Chance::new(run.seed);
        let mut stores = Vec::with_capacity(run.wallets);
        for _ in 0..run.wallets {
            let person = Person { store: Shared::default(), market: self };
            person.first_time().await?;
            stores.push(person);
        }
        let phases = [Phase::Withdraw, Phase::Pay, Phase::Refresh, Phase::PayAgain];
        let phases = &phases[..if run.again { 4 } else { 2 }];
        let mut events = Vec::with_capacity(run.wallets * phases.len());
        for phase in phases {
            for wallet in shuffled(run.wallets, &mut chance) {
                recorder.take();
                let before = fs::metadata(self.log())?.len();
                stores[wallet].act(*phase, run).await?;
                tokio::time::sleep(SETTLE).await;
                let log = fs::read(self.log())?.split_off(usize::try_from(before)?);
                let log = String::from_utf8_lossy(&log).into_owned();
                events.push(Event { wallet, phase: *phase, exchanges: recorder.take(), log });
            }
        }
        Ok(events)
    }
}

/// The numbers below `count` in an order by chance (Fisher and Yates).
pub(super) fn shuffled(count: usize, chance: &mut Chance) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let other = chance.below(u64::try_from(last).unwrap_or(0) + 1);
        order.swap(last, usize::try_from(other).unwrap_or(0));
    }
    order
}

/// A wallet's disk, between one opening of the wallet and the next.
#[derive(Clone, Default)]
struct Shared(Rc<MemoryStore>);

impl Store for Shared {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        self.0.load(known).await
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        self.0.commit(change).await
    }
}

const PASSPHRASE: &str = "of no importance here";

struct Person<'a> {
    store: Shared,
    market: &'a Market,
}

impl Person<'_> {
    /// Opens the wallet as on another day: with nothing but what it has stored.
    fn open(&self) -> Outcome<Wallet<Computer<Shared>>> {
        let ports = Computer::with_http(NativeHttp::new()?, self.store.clone());
        Ok(Wallet::new(ports).with_kdf(Kdf::KEY_FILE))
    }

    async fn first_time(&self) -> Outcome {
        let mut wallet = self.open()?;
        let words: Words = wallet.make_words()?;
        Ok(wallet.create(&words, PASSPHRASE).await?)
    }

    async fn act(&self, phase: Phase, run: &Run) -> Outcome {
        let mut wallet = self.open()?;
        wallet.unlock(PASSPHRASE).await?;
        let base = self.market.base;
        match phase {
            Phase::Withdraw => {
                let amount = Amount::new(Currency::EUR, run.cents)?;
                wallet.add_cash(&format!("http://localhost:{}", base + 2), amount, Progress::none()).await?;
            }
            Phase::Pay | Phase::PayAgain => {
                let review = wallet.review(&format!("http://localhost:{base}/offers/{}", run.good)).await?;
                let module = ModuleId::new("ecash").ok_or("a module's name")?;
                wallet.pay(&review.offer_digest, &module, Progress::none()).await?;
            }
            Phase::Refresh => wallet.refresh().await?,
        }
        Ok(())
    }
}
