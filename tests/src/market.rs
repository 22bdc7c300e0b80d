//! A market whose parties are processes of their own, so that a test can kill one alone.
//!
//! Bank, mint and merchant are `semper serve` each, over a folder each. Each is reached through a [`Proxy`] whose address
//! is the one that its statements name.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::proxy::Proxy;
use crate::{Outcome, binaries, demo, goods};

/// What the customers' account at the bank holds in the beginning, in cents.
pub const TEST_MONEY: u64 = 5_000_000;

/// The tokens of the bank's accounts, as the configuration names them.
pub const TOKENS: [(&str, &str, u64); 3] = [
    ("customer", "customer-token-planted-4f1c", TEST_MONEY),
    ("mint", "mint-token-planted-9d27ab", 0),
    ("merchant", "merchant-token-planted-77e0", 0),
];

/// One party: a process that can be killed and started again.
pub struct Party {
    config: PathBuf,
    log: PathBuf,
    filter: &'static str,
    child: Mutex<Option<Child>>,
    /// The way to it.
    pub proxy: Proxy,
}

impl Party {
    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the process at once (SIGKILL).
    ///
    /// # Errors
    /// Where it cannot be killed.
    pub fn kill(&self) -> Outcome {
        if let Some(mut child) = self.child().take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts the process where it does not run, and waits until it listens.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn start(&self) -> Outcome {
        let mut running = self.child();
        if running.is_some() {
            return Ok(());
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut child = Command::new(binaries::semper()?)
            .args(["serve".as_ref(), "--config".as_ref(), self.config.as_os_str()])
            .env("RUST_LOG", self.filter)
            .env("SEMPER_PANICS", "1")
            .env("RUST_BACKTRACE", "full")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("there is no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if !line.starts_with(r#"{"ready":true"#) {
            child.kill()?;
            child.wait()?;
            return Err(format!("a party did not start: {line}{}", fs::read_to_string(&self.log)?).into());
        }
        *running = Some(child);
        Ok(())
    }

    /// The origin under which others know it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.proxy.port())
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Where there is no log.
    pub fn log(&self) -> Outcome<String> {
        Ok(fs::read_to_string(&self.log)?)
    }
}

impl Drop for Party {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a party could not be ended: {error}");
        }
    }
}

/// Bank, mint and merchant, and a gateway where cards are taken.
pub struct Market {
    folder: TempDir,
    /// The bank.
    pub bank: Arc<Party>,
    /// The mint.
    pub mint: Arc<Party>,
    /// The merchant.
    pub merchant: Arc<Party>,
    /// The gateway, with the sandbox behind it.
    pub gateway: Option<Arc<Party>>,
}

impl Market {
    /// Starts a market with the tests' small catalogue.
    ///
    /// # Errors
    /// Where a party does not start.
    pub fn start() -> Outcome<Self> {
        Self::start_logging("warn")
    }

    /// The same, with another filter for the parties' logs.
    ///
    /// # Errors
    /// As [`Market::start`].
    pub fn start_logging(filter: &'static str) -> Outcome<Self> {
        Self::start_with(filter, false)
    }

    /// The same with a gateway, through which the merchant takes cards.
    ///
    /// # Errors
    /// As [`Market::start`].
    pub fn start_with_cards() -> Outcome<Self> {
        Self::start_with_cards_logging("warn")
    }

    /// The same, with another filter for the parties' logs.
    ///
    /// # Errors
    /// As [`Market::start`].
    pub fn start_with_cards_logging(filter: &'static str) -> Outcome<Self> {
        Self::start_with(filter, true)
    }

    fn start_with(filter: &'static str, cards: bool) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let base = demo::free_base()?;
        let at = |offset| SocketAddr::from((Ipv4Addr::LOCALHOST, base + offset));
        let party = |name: &str, offset| -> Outcome<Party> {
            let config = folder.path().join(format!("{name}.toml"));
            let log = folder.path().join(format!("{name}.log"));
            Ok(Party { config, log, filter, child: Mutex::default(), proxy: Proxy::start(at(offset))? })
        };
        let (bank, mint, merchant) = (party("bank", 0)?, party("mint", 1)?, party("merchant", 2)?);
        let server = |party: &Party, offset| {
            format!("server = {{ listen = \"{}\", public_url = \"{}\" }}", at(offset), party.url())
        };
        let gateway = cards.then(|| party("gateway", 3)).transpose()?;
        let through = match &gateway {
            Some(gateway) => {
                fs::write(
                    &gateway.config,
                    format!(
                        "[gateway]\ndata = \"gateway\"\nmerchants = [\"{}\"]\nhold_s = 86400\nclearance_s = 3600\n{}\n",
                        merchant.url(),
                        server(gateway, 3)
                    ),
                )?;
                format!("gateway = {{ url = \"{}\" }}\n", gateway.url())
            }
            None => String::new(),
        };
        let accounts: String = TOKENS
            .iter()
            .map(|(account, token, opening)| {
                format!("[[bank.accounts]]\naccount = \"{account}\"\nname = \"{account}\"\ntoken = \"{token}\"\nopening_minor = {opening}\n")
            })
            .collect();
        fs::write(
            &bank.config,
            format!("[bank]\ndata = \"bank\"\ntest_account = \"customer\"\n{}\n{accounts}", server(&bank, 0)),
        )?;
        fs::write(
            &mint.config,
            format!(
                "[mint]\ndata = \"mint\"\nname = \"The mint\"\nwire_delay_s = 86400\n{}\nbank = {{ url = \"{}\", account = \"mint\", token = \"{}\" }}\n",
                server(&mint, 1),
                bank.url(),
                TOKENS[1].1
            ),
        )?;
        fs::write(
            &merchant.config,
            format!(
                "[merchant]\ndata = \"merchant\"\nname = \"The shop\"\n{}\nmints = [{{ url = \"{}\" }}]\npayout = {{ bank = \"{}\", account = \"merchant\" }}\n{through}",
                server(&merchant, 2),
                mint.url(),
                bank.url()
            ),
        )?;
        let catalogue = folder.path().join("goods");
        goods::write(&catalogue)?;
        let imported = Command::new(binaries::semper()?)
            .args(["catalogue".as_ref(), "import".as_ref(), catalogue.as_os_str()])
            .args(["--config".as_ref(), merchant.config.as_os_str()])
            .output()?;
        if !imported.status.success() {
            return Err(format!("the shop is empty: {}", String::from_utf8_lossy(&imported.stderr)).into());
        }
        let gateway = gateway.map(Arc::new);
        let market = Self { folder, bank: bank.into(), mint: mint.into(), merchant: merchant.into(), gateway };
        market.bank.start()?;
        market.mint.start()?;
        market.merchant.start()?;
        if let Some(gateway) = &market.gateway {
            gateway.start()?;
        }
        market.open()?;
        Ok(market)
    }

    /// Waits until the shop has met its mint, and so has offers.
    fn open(&self) -> Outcome {
        let http = reqwest::blocking::Client::new();
        for _ in 0..300 {
            if http
                .get(format!("{}/ready", self.merchant.url()))
                .send()
                .is_ok_and(|answer| answer.status().is_success())
            {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err(format!("the shop did not become ready: {}", self.merchant.log()?).into())
    }

    /// The folder of everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The address of one of the catalogue's offers.
    pub fn offer(&self, id: &str) -> String {
        format!("{}/offers/{id}", self.merchant.url())
    }

    /// What the mint's ledger says, read beside the mint.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn books(&self) -> Outcome<Books> {
        let ledger = open_readonly(&self.folder().join("mint/mint.sqlite"))?;
        let sum =
            |sql: &str| -> Outcome<u64> { Ok(u64::try_from(ledger.query_row(sql, (), |row| row.get::<_, i64>(0))?)?) };
        Ok(Books {
            received: sum("SELECT coalesce(sum(amount), 0) FROM credit")?,
            reserves: sum("SELECT coalesce(sum(balance), 0) FROM reserve")?,
            issued: sum("SELECT coalesce(sum(amount), 0) FROM withdrawal")?
                + sum("SELECT coalesce(sum(amount), 0) FROM melt WHERE signatures IS NOT NULL")?,
            spent: sum("SELECT coalesce(sum(spent), 0) FROM coin")?,
            melting: sum("SELECT coalesce(sum(amount), 0) FROM melt WHERE signatures IS NULL")?,
            deposits: sum("SELECT count(*) FROM deposit")?,
            owed: sum("SELECT coalesce(sum(amount), 0) FROM deposit")?,
        })
    }

    /// How many deals the merchant has delivered, and how many are still open or were refused.
    ///
    /// # Errors
    /// Where its books cannot be read.
    pub fn deals(&self) -> Outcome<(u64, u64)> {
        let books = open_readonly(&self.folder().join("merchant/merchant.sqlite"))?;
        let count =
            |sql: &str| -> Outcome<u64> { Ok(u64::try_from(books.query_row(sql, (), |row| row.get::<_, i64>(0))?)?) };
        let delivered = count("SELECT count(*) FROM deal WHERE state IN (1, 2)")?;
        Ok((delivered, count("SELECT count(*) FROM deal")? - delivered))
    }

    /// What an account at the bank holds, in cents.
    ///
    /// # Errors
    /// Where the bank does not answer.
    pub fn account(&self, name: &str) -> Outcome<u64> {
        let token = TOKENS.iter().find(|(account, ..)| *account == name).ok_or("no such account")?.1;
        let request = reqwest::blocking::Client::new().get(format!("{}/accounts/{name}", self.bank.url()));
        let account: serde_json::Value = request.bearer_auth(token).send()?.json()?;
        account["balance"]["minor"].as_u64().ok_or_else(|| format!("no balance in {account}").into())
    }
}

/// Sums of the mint's ledger, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Books {
    /// Came in by transfers that named a reserve.
    pub received: u64,
    /// Is still in the reserves.
    pub reserves: u64,
    /// Was issued as coins.
    pub issued: u64,
    /// Was taken out of coins.
    pub spent: u64,
    /// Was melted, and not yet revealed.
    pub melting: u64,
    /// How many deals were paid.
    pub deposits: u64,
    /// What all of them came to.
    pub owed: u64,
}

impl Books {
    /// What is in coins.
    pub fn outstanding(&self) -> u64 {
        self.issued - self.spent
    }

    /// Whether everything that came in is somewhere, once.
    pub fn balance(&self) -> bool {
        self.spent <= self.issued && self.received == self.reserves + self.outstanding() + self.melting + self.owed
    }
}

/// Opens a database that somebody else writes.
///
/// # Errors
/// Where there is none.
pub fn open_readonly(path: &Path) -> Outcome<Connection> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}
