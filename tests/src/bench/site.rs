//! What is measured: a bank, a gateway, and one or two replicas of mint and merchant, each replica a process of its own.
//!
//! The replicas share their keys and their database. Where there are two, a [`Balancer`] before each party gives every new
//! connection to the next one; the customers' connections take turns by themselves, without it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use semper_server::store::test_server::TestDatabase;
use semper_shared::foundation::Digest;
use tempfile::TempDir;

use super::balancer::Balancer;
use super::process;
use crate::{Outcome, binaries, demo, goods};

/// What opens the operator's addresses at the merchant.
pub(super) const ADMIN_TOKEN: &str = "the benchmark's operator";

/// Offsets from a base port. Mint and merchant are a balancer's where there are two replicas, whose ports then are the last.
const BANK: u16 = 0;
const GATEWAY: u16 = 1;
const MINT: u16 = 2;
const MERCHANT: u16 = 3;
const REPLICAS: u16 = 4;
const PORTS: u16 = 8;

/// Where mint and merchant keep their books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    /// SQLite files, one replica.
    Sqlite,
    /// A PostgreSQL database for each, and this many replicas.
    Postgres(u16),
}

impl Store {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(1) => "postgres",
            Self::Postgres(_) => "postgres_2_replicas",
        }
    }

    /// The offsets of each replica's mint; its merchant's is the next one.
    fn replicas(self) -> Vec<u16> {
        match self {
            Self::Sqlite | Self::Postgres(0 | 1) => vec![MINT],
            Self::Postgres(replicas) => (0..replicas).map(|number| REPLICAS + 2 * number).collect(),
        }
    }
}

/// Running servers; they end when this is dropped.
pub(super) struct Site {
    pub(super) mint: String,
    pub(super) merchant: String,
    pub(super) bank: String,
    pub(super) gateway: String,
    /// The ports of the mint's replicas.
    pub(super) mints: Vec<u16>,
    /// The ports of the merchant's replicas.
    pub(super) merchants: Vec<u16>,
    processes: Vec<Process>,
    _balancers: Vec<Balancer>,
    /// Of mint, merchant and gateway, where they are not files.
    databases: Vec<TestDatabase>,
    folder: TempDir,
}

/// The parties whose books count.
const PARTIES: [&str; 3] = ["mint", "merchant", "gateway"];

/// What the books take, in bytes.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Stored {
    pub(super) mint: f64,
    pub(super) merchant: f64,
    pub(super) gateway: f64,
}

/// CPU time that was used, in microseconds.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Cpu {
    /// By gateway, mints and merchants. The bank has no part in what is measured.
    pub(super) parties: f64,
    /// By the database server, for them.
    pub(super) database: f64,
}

impl Site {
    /// Starts everything and waits until the shop has offers.
    ///
    /// `prepare` may write into the books before: the servers have run once by then, and stand still.
    pub(super) async fn start(store: Store, prepare: Option<&(dyn Fn(&Path) -> Outcome + Sync)>) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let base = demo::free_ports(PORTS)?;
        let databases = match store {
            Store::Sqlite => Vec::new(),
            Store::Postgres(_) => PARTIES.iter().map(|_| TestDatabase::make()).collect::<Result<_, _>>()?,
        };
        let replicas = store.replicas();
        let url = |offset: u16| format!("http://localhost:{}", base + offset);
        let mut site = Self {
            mint: url(MINT),
            merchant: url(MERCHANT),
            bank: url(BANK),
            gateway: url(GATEWAY),
            mints: replicas.iter().map(|offset| base + offset).collect(),
            merchants: replicas.iter().map(|offset| base + offset + 1).collect(),
            processes: Vec::new(),
            _balancers: Vec::new(),
            databases,
            folder,
        };
        let configs = site.write_configs(base, &replicas)?;
        site.import(configs.last().ok_or("there are no replicas")?)?;
        if replicas.len() > 1 {
            site._balancers = vec![
                Balancer::start(base + MINT, site.mints.clone()).await?,
                Balancer::start(base + MERCHANT, site.merchants.clone()).await?,
            ];
        }
        site.launch(&configs).await?;
        if let Some(prepare) = prepare {
            site.processes.clear();
            prepare(site.folder.path())?;
            site.launch(&configs).await?;
        }
        Ok(site)
    }

    async fn launch(&mut self, configs: &[PathBuf]) -> Outcome {
        for config in configs {
            self.processes.push(Process::start(config)?);
        }
        let http = reqwest::Client::new();
        for _ in 0..600 {
            let answer = http.get(format!("{}/ready", self.merchant)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err("the shop did not become ready".into())
    }

    /// The bank's configuration, the gateway's, then each replica's.
    fn write_configs(&self, base: u16, replicas: &[u16]) -> Outcome<Vec<PathBuf>> {
        let Self { mint, merchant, bank, gateway, .. } = self;
        let listen = |offset: u16, url: &str| {
            format!("server = {{ listen = \"127.0.0.1:{}\", public_url = \"{url}\", workers = 2 }}", base + offset)
        };
        let database = |index: usize| {
            let url = self.databases.get(index).map(|database| format!("store = \"{}\"\n", database.url().expose()));
            url.unwrap_or_default()
        };
        let mut configs = vec![(
            "bank.toml".to_owned(),
            format!(
                "[bank]\ndata = \"bank\"\ntest_account = \"customer\"\nmoney_limit_minor = 1000000000000\n{}\n{}{}{}",
                listen(BANK, bank),
                account("customer", 1_000_000_000),
                account("mint", 0),
                account("merchant", 0)
            ),
        )];
        configs.push((
            "gateway.toml".to_owned(),
            format!(
                "[gateway]\ndata = \"gateway\"\nmerchants = [\"{merchant}\"]\n{}{}\n",
                database(2),
                listen(GATEWAY, gateway)
            ),
        ));
        let admin = Digest::of(ADMIN_TOKEN.as_bytes());
        for &offset in replicas {
            configs.push((
                format!("replica-{offset}.toml"),
                format!(
                    "[mint]\ndata = \"mint\"\nname = \"The mint\"\nwire_delay_s = 86400\n{}{}\n\
                     bank = {{ url = \"{bank}\", account = \"mint\", token = \"mint-token-of-the-benchmark\" }}\n\
                     [merchant]\ndata = \"merchant\"\nname = \"The shop\"\nadmin_token_hash = \"{admin}\"\n{}{}\n\
                     mints = [{{ url = \"{mint}\" }}]\ngateway = {{ url = \"{gateway}\" }}\npayout = {{ bank = \"{bank}\", account = \"merchant\" }}\n",
                    database(0),
                    listen(offset, mint),
                    database(1),
                    listen(offset + 1, merchant),
                ),
            ));
        }
        let write = |(name, text): (String, String)| {
            let path = self.folder.path().join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        configs.into_iter().map(write).collect()
    }

    fn import(&self, config: &Path) -> Outcome {
        let catalogue = self.folder.path().join("goods");
        goods::write(&catalogue)?;
        let imported = Command::new(binaries::semper()?)
            .args(["catalogue".as_ref(), "import".as_ref(), catalogue.as_os_str()])
            .args(["--config".as_ref(), config.as_os_str()])
            .output()?;
        if imported.status.success() {
            return Ok(());
        }
        Err(format!("the shop is empty: {}", String::from_utf8_lossy(&imported.stderr)).into())
    }

    /// The processes of gateway, mints and merchants.
    pub(super) fn serving(&self) -> Vec<u32> {
        self.processes.iter().skip(1).map(|process| process.0.id()).collect()
    }

    /// What was used until now.
    pub(super) fn cpu(&self) -> Outcome<Cpu> {
        let sum = |ids: Vec<u32>| ids.into_iter().map(process::cpu_us).sum::<Outcome<f64>>();
        let mut database = 0.0;
        for books in &self.databases {
            database += sum(books.backends()?)?;
        }
        let parties = sum(self.serving())?;
        Ok(Cpu { parties, database })
    }

    /// What the books take.
    pub(super) fn stored(&self) -> Outcome<Stored> {
        let of = |index: usize| -> Outcome<f64> {
            match self.databases.get(index) {
                Some(database) => Ok(f64::from(u32::try_from(database.bytes()?)?)),
                None => {
                    let party = PARTIES.get(index).ok_or("there is no such party")?;
                    process::database_bytes(&self.folder.path().join(party).join(party).with_extension("sqlite"))
                }
            }
        };
        Ok(Stored { mint: of(0)?, merchant: of(1)?, gateway: of(2)? })
    }
}

fn account(name: &str, opening: u64) -> String {
    format!(
        "[[bank.accounts]]\naccount = \"{name}\"\nname = \"{name}\"\ntoken = \"{name}-token-of-the-benchmark\"\nopening_minor = {opening}\n"
    )
}

/// `semper serve`, stopped when dropped.
struct Process(Child);

impl Process {
    fn start(config: &Path) -> Outcome<Self> {
        let log = config.with_extension("log");
        let mut child = Command::new(binaries::semper()?)
            .args(["serve".as_ref(), "--config".as_ref(), config.as_os_str()])
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .stderr(File::options().create(true).append(true).open(&log)?)
            .spawn()?;
        let stdout = child.stdout.take().ok_or("there is no standard output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let process = Self(child);
        if line.starts_with(r#"{"ready":true"#) {
            return Ok(process);
        }
        drop(process);
        Err(format!("a server did not start: {line}{}", fs::read_to_string(&log)?).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // As an operator would, so that SQLite's log is folded into the file; then without asking.
        let asked = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) {
            // It is gone already.
            let _ = self.0.kill();
        }
        if let Err(error) = self.0.wait() {
            eprintln!("a server could not be ended: {error}");
        }
    }
}
