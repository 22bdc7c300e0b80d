//! `semper`: the server's command line.

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use semper_server::config::{Config, ConfigError};
use semper_server::demo::{Demo, DemoError};
use semper_server::http::{Shutdown, StartError, telemetry};
use semper_server::parties::Parties;
use semper_server::sites::{Assets, AssetsError};
use semper_shared::foundation::{Code, Coded as _};

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
}

#[derive(Args)]
struct DemoArgs {
    /// Where the demo keeps its data; delete the folder to begin afresh.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The merchant's port; wallet, mint and bank take the next three.
    #[arg(long, value_name = "PORT", default_value_t = 8480)]
    port_base: u16,
    /// The folder that contains `www/`; found by itself above the working folder or the program.
    #[arg(long, value_name = "DIR")]
    assets: Option<PathBuf>,
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
        .map_err(|error| Failure { code: Code::INTERNAL, message: error.to_string() })?;
    match command {
        Command::Demo(args) => {
            telemetry::init_logs("warn");
            let assets = Assets::find(args.assets.as_deref())?.root().to_owned();
            let demo = Demo { data: args.data, port_base: args.port_base, assets };
            let config = demo.prepare()?;
            runtime.block_on(serve(&config))
        }
        Command::Serve(args) => {
            telemetry::init_logs("info");
            let config = Config::read(&args.config)?;
            runtime.block_on(serve(&config))
        }
    }
}

/// Starts the parties, says so, and stays until told to stop.
async fn serve(config: &Config) -> Result<(), Failure> {
    let mut stop = StopSignals::listen()?;
    let (trigger, shutdown) = Shutdown::new();
    let parties = tokio::select! {
        started = Parties::start(config, &shutdown) => started?,
        () = stop.received() => return Ok(()),
    };
    let mut out = std::io::stdout();
    // Whoever started us may not listen; that is no reason to stop.
    let _closed_pipe = writeln!(out, "{}", parties.ready_line()).and_then(|()| out.flush());
    stop.received().await;
    trigger.stop();
    tokio::select! {
        () = parties.stopped() => Ok(()),
        () = stop.received() => Err(Failure { code: Code::INTERNAL, message: "stopped before all requests were answered".into() }),
    }
}

struct StopSignals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        use tokio::signal::unix::{SignalKind, signal};
        let cannot = |error: std::io::Error| Failure { code: Code::INTERNAL, message: error.to_string() };
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

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}

impl From<AssetsError> for Failure {
    fn from(error: AssetsError) -> Self {
        Self { code: Code::CONFIG_INVALID, message: error.to_string() }
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        let code = match &error {
            DemoError::Folder { .. } => Code::STORE_FAILED,
            DemoError::Ports(_) => Code::USAGE,
            _ => Code::CONFIG_INVALID,
        };
        Self { code, message: error.to_string() }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self { code: error.code(), message: error.to_string() }
    }
}
