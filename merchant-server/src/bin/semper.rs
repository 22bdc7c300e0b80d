//! `semper`: the server's command line.

#[cfg(feature = "account")]
#[path = "semper/accounts.rs"]
mod accounts;
#[path = "semper/bank.rs"]
mod bank;
#[path = "semper/mint.rs"]
mod mint;
#[path = "semper/operate.rs"]
mod operate;

use std::fmt;
use std::io;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use semper_server::config::Config;
use semper_server::demo::{CONFIG_FILE, Demo, fill_shop};
use semper_server::http::{Shutdown, telemetry};
use semper_server::parties::Parties;
use semper_server::sites::Assets;
use semper_shared::foundation::{Code, Coded};

/// The goods of the demo's shop, in the folder that has the pages.
const DEMO_GOODS: &str = "merchant-server/goods";

/// How long the demo waits for its parties to find each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// Merchant, mint, bank and wallet site of the SEMPER marketplace.
///
/// Prints one JSON line when ready; logs go to standard error, filtered by RUST_LOG. SIGTERM and Ctrl-C stop it cleanly.
#[derive(Parser)]
#[command(name = "semper", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a whole market on this machine, with test money and goods.
    Demo(DemoArgs),
    /// Run the parties that a configuration file names.
    Serve(ServeArgs),
    /// List the deals of a running merchant, the newest first.
    Deals(operate::Merchant),
    /// List what mints have paid out to a running merchant, each with its deals; succeeds only where all agree with its own.
    Payouts(operate::Merchant),
    /// Give money of a deal back, in part or whole; the merchant must be running.
    Refund(operate::RefundArgs),
    #[cfg(feature = "account")]
    /// List the invoices of a running merchant, with what is to be written to those who owe.
    Invoices(accounts::InvoicesArgs),
    #[cfg(feature = "account")]
    /// The merchant's bank account: files in and out, transfers that nobody can be found for.
    #[command(subcommand)]
    Payments(accounts::Payments),
    /// The demo bank's files: statements out, orders in.
    #[command(subcommand)]
    Bank(bank::Bank),
    /// Look after a mint's denominations.
    #[command(subcommand)]
    Mint(mint::Mint),
    /// Check the books of mint and bank, row by row; succeeds only where nothing is off.
    ///
    /// Reads only, and may run while they work.
    Audit(AuditArgs),
    /// Fill the shop.
    #[command(subcommand)]
    Catalogue(Catalogue),
}

#[derive(Subcommand)]
enum Catalogue {
    /// Bring the merchant's goods to what a folder says: a Markdown file per good with front matter, or catalogue.csv.
    ///
    /// The merchant must not be running. Goods that are no longer in the folder are taken from the shop; what was sold of them
    /// stays where its customers find it.
    Import(ImportArgs),
}

#[derive(Args)]
struct ImportArgs {
    /// The folder of the goods.
    folder: PathBuf,
    /// The configuration that names the merchant.
    #[arg(long, value_name = "FILE", required_unless_present = "data", conflicts_with = "data")]
    config: Option<PathBuf>,
    /// The merchant's own data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

#[derive(Args)]
struct DemoArgs {
    /// Where the demo keeps its data; delete the folder to begin afresh.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The merchant's port; wallet, mint, bank and gateway take the next four.
    #[arg(long, value_name = "PORT", default_value_t = 8480)]
    port_base: u16,
    /// The folder that contains `www/`; found by itself above the working folder or the program.
    #[arg(long, value_name = "DIR")]
    assets: Option<PathBuf>,
    /// The folder of the goods to sell, in place of the shop's own.
    #[arg(long, value_name = "DIR")]
    goods: Option<PathBuf>,
}

#[derive(Args)]
struct AuditArgs {
    /// The folder of a demo.
    #[arg(long, value_name = "DIR", required_unless_present = "config", conflicts_with = "config")]
    data: Option<PathBuf>,
    /// The configuration that names mint and bank.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ServeArgs {
    /// The configuration (TOML).
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) if !help.use_stderr() => {
            let _closed_pipe = help.print();
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!(
                "semper: {}: {}",
                Code::USAGE,
                error.render().to_string().trim_start_matches("error: ").trim_end()
            );
            return ExitCode::from(2);
        }
    };
    match run(cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("semper: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::INTERNAL, error.to_string()))?;
    match command {
        Command::Demo(args) => {
            telemetry::init_logs("warn");
            let assets = Assets::find(args.assets.as_deref())?.root().to_owned();
            let goods = args.goods.unwrap_or_else(|| assets.join(DEMO_GOODS));
            let demo = Demo { data: args.data, port_base: args.port_base, assets };
            let config = demo.prepare()?;
            if let Some(merchant) = &config.merchant {
                fill_shop(&merchant.data, merchant.store.as_ref(), &goods, &demo.assets, &mut |line| {
                    eprintln!("{line}")
                })?;
            }
            runtime.block_on(serve(&config, Some(PATIENCE)))
        }
        Command::Serve(args) => {
            telemetry::init_logs("info");
            let config = Config::read(&args.config)?;
            runtime.block_on(serve(&config, None))
        }
        Command::Deals(merchant) => runtime.block_on(operate::deals(&merchant)),
        Command::Payouts(merchant) => runtime.block_on(operate::payouts(&merchant)),
        Command::Refund(args) => runtime.block_on(operate::refund(&args)),
        #[cfg(feature = "account")]
        Command::Invoices(args) => runtime.block_on(accounts::invoices(&args)),
        #[cfg(feature = "account")]
        Command::Payments(command) => runtime.block_on(accounts::run(&command)),
        Command::Bank(command) => runtime.block_on(bank::run(&command)),
        Command::Mint(command) => mint::run(&command),
        Command::Audit(args) => {
            telemetry::init_logs("warn");
            runtime.block_on(audit(args))
        }
        Command::Catalogue(Catalogue::Import(args)) => {
            telemetry::init_logs("warn");
            import(args)
        }
    }
}

async fn audit(args: AuditArgs) -> Result<(), Failure> {
    let file = args.config.or_else(|| Some(args.data?.join(CONFIG_FILE)));
    let file = file.ok_or_else(|| Failure::new(Code::USAGE, "name the books with --data or --config"))?;
    let report = semper_server::audit::run(&Config::read(&file)?, semper_server::clock::now()).await?;
    if args.json {
        let report = serde_json::to_string(&report).map_err(|error| Failure::new(Code::INTERNAL, error.to_string()))?;
        println!("{report}");
    } else {
        println!("{report}");
    }
    if report.balances() { Ok(()) } else { Err(Failure::new(Code::BOOKS_UNBALANCED, "the books do not balance")) }
}

fn import(args: ImportArgs) -> Result<(), Failure> {
    let (data, store) = match (args.data, args.config) {
        (Some(data), _) => (data, None),
        (None, Some(file)) => match Config::read(&file)?.merchant {
            Some(merchant) => (merchant.data, merchant.store),
            None => {
                return Err(Failure::new(Code::CONFIG_INVALID, format!("{}: it names no merchant", file.display())));
            }
        },
        (None, None) => return Err(Failure::new(Code::USAGE, "name the merchant with --config or --data")),
    };
    // What some goods are made from lies with the pages; other goods do without.
    let assets = Assets::find(None).map(|assets| assets.root().to_owned()).unwrap_or_default();
    let done = fill_shop(&data, store.as_ref(), &args.folder, &assets, &mut |line| eprintln!("{line}"))?;
    println!(
        "{}",
        serde_json::json!({"goods": done.goods, "added": done.added, "changed": done.changed, "removed": done.removed})
    );
    Ok(())
}

/// Starts the parties, says so, and stays until told to stop. With patience it says so only when all can do their work.
async fn serve(config: &Config, patience: Option<Duration>) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let (trigger, shutdown) = Shutdown::new();
    let start = async {
        let parties = Parties::start(config, &shutdown).await?;
        if let Some(patience) = patience {
            let waiting = parties.ready(patience).await;
            if !waiting.is_empty() {
                let what = format!("{} did not become ready; the log says why", waiting.join(", "));
                return Err(Failure::new(Code::INTERNAL, what));
            }
        }
        Ok(parties)
    };
    let parties = tokio::select! {
        started = start => started?,
        () = stop.received() => return Ok(()),
    };
    let mut out = std::io::stdout();
    // Whoever started us may not listen; that is no reason to stop.
    let _closed_pipe = writeln!(out, "{}", parties.ready_line()).and_then(|()| out.flush());
    stop.received().await;
    trigger.stop();
    tokio::select! {
        () = parties.stopped() => Ok(()),
        () = stop.received() => Err(Failure::new(Code::INTERNAL, "stopped before all requests were answered")),
    }
}

struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot = |error: std::io::Error| Failure::new(Code::INTERNAL, error.to_string());
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(cannot)?,
            interrupt: signal(SignalKind::interrupt()).map_err(cannot)?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// What ends the program, with its stable code.
struct Failure {
    code: Code,
    message: String,
}

impl Failure {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// A file that cannot be read or written.
fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::new(Code::STORE_FAILED, format!("{}: {error}", file.display()))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl<E: Coded + fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.code(), error.to_string())
    }
}
