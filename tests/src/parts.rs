//! A market in parts: bank, mint and merchant, each a process of its own, so that each can be killed alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use semper_server::demo::{CONFIG_FILE, Demo, fill_shop};
use semper_server::store::sql::StoreUrl;
use semper_wallet::core::{Kdf, Wallet, WalletError};
use semper_wallet::native::{Computer, MemoryStore};
use tempfile::TempDir;

use crate::{Outcome, binaries, demo, goods};

/// How long a party may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(120);

/// The parties and the ports above the base at which they are.
const PARTIES: [(&str, u16); 3] = [("bank", 3), ("mint", 2), ("merchant", 0)];

/// The processes, killed when dropped.
pub struct Parts {
    folder: TempDir,
    base: u16,
    running: BTreeMap<&'static str, Child>,
}

impl Parts {
    /// Starts bank, mint and merchant with the tests' small catalogue. The mint pays after `wire_delay_s` seconds.
    ///
    /// # Errors
    /// Where one does not become ready.
    pub fn start(wire_delay_s: u64) -> Outcome<Self> {
        Self::start_on(wire_delay_s, None)
    }

    /// The same with the books of all three in a PostgreSQL database, where one is given.
    ///
    /// # Errors
    /// As [`Parts::start`].
    pub fn start_on(wire_delay_s: u64, store: Option<&StoreUrl>) -> Outcome<Self> {
        Self::start_with(wire_delay_s, store, "", &[])
    }

    /// The same with `settings` at the end of the configuration, and goods that are paid out to the account `books`.
    ///
    /// # Errors
    /// As [`Parts::start`].
    pub fn start_with(wire_delay_s: u64, store: Option<&StoreUrl>, settings: &str, books: &[&str]) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let base = demo::free_base()?;
        let data = folder.path().join("data");
        let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let config = Demo { data: data.clone(), port_base: base, assets: assets.clone() }.prepare()?;
        goods::write(&folder.path().join("goods"))?;
        for good in books {
            goods::pay_to(&folder.path().join("goods"), good, "books")?;
        }
        let merchant = config.merchant.ok_or("the demo has no merchant")?;
        fill_shop(&merchant.data, store, &folder.path().join("goods"), &assets, &mut |_| {})?;
        let text = fs::read_to_string(data.join(CONFIG_FILE))?;
        let delay = |line: &str| match line.split_once('=') {
            Some((name, _)) if name.trim() == "wire_delay_s" => format!("wire_delay_s = {wire_delay_s}\n"),
            // The mint keeps count for a limit that nobody reaches; and a reserve gives much money in several withdrawals.
            _ if line == "[mint.bank]" => {
                format!("[mint.policy]\nmax_day_minor = 100000000\nmax_withdrawal_minor = 1500\n\n{line}\n")
            }
            // In the first lines of each party's part, before what is nested in it.
            _ => match store.filter(|_| PARTIES.iter().any(|(party, _)| line == format!("[{party}]"))) {
                Some(url) => format!("{line}\nstore = \"{}\"\n", url.expose()),
                None => format!("{line}\n"),
            },
        };
        let text: String = text.lines().map(delay).collect::<String>() + settings;
        fs::write(data.join(CONFIG_FILE), &text)?;
        for (party, _) in PARTIES {
            fs::write(data.join(format!("{party}.toml")), section(&text, party))?;
        }
        let mut parts = Self { folder, base, running: BTreeMap::new() };
        for (party, _) in PARTIES {
            parts.begin(party)?;
        }
        for (party, _) in PARTIES {
            parts.ready(party)?;
        }
        Ok(parts)
    }

    /// The folder that an audit is given.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A party's origin.
    pub fn url(&self, party: &str) -> String {
        let offset = PARTIES.iter().find(|(name, _)| *name == party).map_or(0, |(_, offset)| *offset);
        format!("http://localhost:{}", self.base + offset)
    }

    /// Kills a party (SIGKILL), as a power cut would.
    ///
    /// # Errors
    /// Where it cannot be killed.
    pub fn kill(&mut self, party: &str) -> Outcome {
        if let Some(mut child) = self.running.remove(party) {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts a party that was killed, and waits until it is ready.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub fn restart(&mut self, party: &'static str) -> Outcome {
        self.begin(party)?;
        self.ready(party)
    }

    /// Stops all parties as an operator would.
    ///
    /// # Errors
    /// Where one does not end cleanly.
    pub fn stop(&mut self) -> Outcome {
        for (party, mut child) in std::mem::take(&mut self.running) {
            Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
            if !child.wait()?.success() {
                return Err(format!("the {party} did not end cleanly").into());
            }
        }
        Ok(())
    }

    /// The end of what a party has logged.
    pub fn log(&self, party: &str) -> String {
        let log = fs::read_to_string(self.data().join(format!("{party}.log"))).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n")
    }

    fn begin(&mut self, party: &'static str) -> Outcome {
        let log = File::options().create(true).append(true).open(self.data().join(format!("{party}.log")))?;
        let mut child = Command::new(binaries::semper()?)
            .args(["serve", "--config"])
            .arg(self.data().join(format!("{party}.toml")))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("no standard output")?).read_line(&mut line)?;
        self.running.insert(party, child);
        Ok(())
    }

    /// Waits until a party can do its work.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub fn ready(&self, party: &str) -> Outcome {
        let since = Instant::now();
        let address = format!("{}/ready", self.url(party));
        while since.elapsed() < PATIENCE {
            if reqwest::blocking::get(&address).is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("the {party} did not become ready: {}", self.log(party)).into())
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _gone = child.kill().and_then(|()| child.wait());
        }
    }
}

/// What a configuration says about one party.
fn section(text: &str, party: &str) -> String {
    let mut own = String::new();
    let mut within = false;
    for line in text.lines() {
        if line.starts_with('[') {
            let name = line.trim_start_matches('[').split(['.', ']']).next().unwrap_or_default();
            within = name == party;
        }
        if within {
            own.push_str(line);
            own.push('\n');
        }
    }
    own
}

/// A wallet in memory.
pub type InMemory = Wallet<Computer<MemoryStore>>;

/// Makes a new wallet in memory.
///
/// # Errors
/// Where it cannot be set up.
pub async fn wallet() -> Outcome<InMemory> {
    let ports = Computer::with_store(MemoryStore::default()).map_err(|error| format!("{error:?}"))?;
    let mut wallet = Wallet::new(ports).with_kdf(Kdf::KEY_FILE);
    let words = wallet.make_words()?;
    wallet.create(&words, "of no importance here").await?;
    Ok(wallet)
}

/// Buys a good.
///
/// # Errors
/// Where the purchase did not come to its end.
pub async fn buy(wallet: &mut InMemory, merchant: &str, good: &str) -> Result<(), WalletError> {
    use semper_shared::items::payment::ModuleId;
    let review = wallet.review(&format!("{merchant}/offers/{good}")).await?;
    let module = ModuleId::new("ecash").unwrap_or_else(ModuleId::none);
    wallet.pay(&review.offer_digest, &module, semper_wallet::core::Progress::none()).await?;
    Ok(())
}
