//! What is measured: a bank, and one or two replicas of mint and merchant, each replica a process of its own.
//!
//! The replicas share their keys and their database. A [`Balancer`] before each party gives every new connection to the
//! next replica, also where there is one, so that both are measured alike.

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

/// Offsets from a base port: the bank, the balancers of mint and merchant, then the replicas.
const BANK: u16 = 0;
const MINT: u16 = 1;
const MERCHANT: u16 = 2;
const REPLICAS: u16 = 3;

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

    const fn replicas(self) -> u16 {
        match self {
            Self::Sqlite => 1,
            Self::Postgres(replicas) => replicas,
        }
    }
}

/// Running servers; they end when this is dropped.
pub(super) struct Site {
    pub(super) mint: String,
    pub(super) merchant: String,
    pub(super) bank: String,
    processes: Vec<Process>,
    _balancers: Vec<Balancer>,
    databases: Vec<TestDatabase>,
    folder: TempDir,
}

impl Site {
    /// Starts everything and waits until the shop has offers.
    ///
    /// `prepare` may write into the books before: the servers have run once by then, and stand still.
    pub(super) async fn start(store: Store, prepare: Option<&(dyn Fn(&Path) -> Outcome + Sync)>) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let base = demo::free_base()?;
        let databases = match store {
            Store::Sqlite => Vec::new(),
            Store::Postgres(_) => vec![TestDatabase::make()?, TestDatabase::make()?],
        };
        let url = |offset: u16| format!("http://localhost:{}", base + offset);
        let mut site = Self {
            mint: url(MINT),
            merchant: url(MERCHANT),
            bank: url(BANK),
            processes: Vec::new(),
            _balancers: Vec::new(),
            databases,
            folder,
        };
        let configs = site.write_configs(base, store.replicas())?;
        site.import(configs.last().ok_or("there are no replicas")?)?;
        let ports = |offset: u16| (0..store.replicas()).map(|n| base + REPLICAS + 2 * n + offset).collect::<Vec<_>>();
        site._balancers =
            vec![Balancer::start(base + MINT, ports(0)).await?, Balancer::start(base + MERCHANT, ports(1)).await?];
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

    /// The bank's configuration, then each replica's.
    fn write_configs(&self, base: u16, replicas: u16) -> Outcome<Vec<PathBuf>> {
        let Self { mint, merchant, bank, .. } = self;
        let listen = |offset: u16, url: &str| {
            format!("server = {{ listen = \"127.0.0.1:{}\", public_url = \"{url}\", workers = 2 }}", base + offset)
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
        let database = |index: usize| {
            let url = self.databases.get(index).map(|database| format!("store = \"{}\"\n", database.url().expose()));
            url.unwrap_or_default()
        };
        let admin = Digest::of(ADMIN_TOKEN.as_bytes());
        for number in 0..replicas {
            let offset = REPLICAS + 2 * number;
            configs.push((
                format!("replica-{number}.toml"),
                format!(
                    "[mint]\ndata = \"mint\"\nname = \"The mint\"\nwire_delay_s = 86400\n{}{}\n\
                     bank = {{ url = \"{bank}\", account = \"mint\", token = \"mint-token-of-the-benchmark\" }}\n\
                     [merchant]\ndata = \"merchant\"\nname = \"The shop\"\nadmin_token_hash = \"{admin}\"\n{}{}\n\
                     mints = [{{ url = \"{mint}\" }}]\npayout = {{ bank = \"{bank}\", account = \"merchant\" }}\n",
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

    /// CPU time that mints and merchants have used, in microseconds. The bank has no part in what is measured.
    pub(super) fn cpu_us(&self) -> Outcome<f64> {
        self.processes.iter().skip(1).map(|process| process::cpu_us(process.0.id())).sum()
    }

    /// What the books of mint and merchant take, in bytes.
    pub(super) fn bytes(&self) -> Outcome<f64> {
        if self.databases.is_empty() {
            return process::database_bytes(self.folder.path());
        }
        self.databases.iter().map(|database| Ok(f64::from(u32::try_from(database.bytes()?)?))).sum()
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
