//! `cargo xtask demo`: from a clean clone to a running market.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::build;
use crate::progress::{Work, note};
use crate::project::{Profile, Project};
use crate::run::{Failure, Outcome};
use crate::{setup, wasm};

/// Shop, wallet, mint, bank and gateway take this many ports, from the base upwards.
const PORTS: u16 = 5;

/// Options of `cargo xtask demo`.
#[derive(Args)]
pub(crate) struct Demo {
    /// Where the demo keeps its data; delete the folder to begin afresh. [default: target/demo]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The shop's port; wallet, mint, bank and gateway take the next four.
    #[arg(long, value_name = "PORT", default_value_t = 8480)]
    port_base: u16,
    /// Run the unoptimised build: quicker to make after a change, slower to run.
    #[arg(long)]
    debug: bool,
}

impl Demo {
    /// Builds what is missing, starts the server and stays until it ends.
    pub(crate) fn run(self, project: &Project) -> Outcome {
        self.ports_are_free()?;

        let work = Work::begin("What the build needs (1 of 4)");
        setup::build_tools()?;
        work.end("ok");

        let work = Work::begin("The wallet for the browser (2 of 4)");
        note(&wasm::build(project)?.to_string());
        work.end("ok");

        let profile = if self.debug { Profile::Dev } else { Profile::Release };
        let work = Work::begin("The server (3 of 4)");
        note("The first build takes several minutes; the next ones seconds.");
        build::binaries(project, profile, &["semper-server", "semper-wallet"])?;
        work.end("ok");

        let data = self.data.clone().unwrap_or_else(|| project.target.join("demo"));
        let work = Work::begin("Starting shop, wallet, mint and bank (4 of 4)");
        note("The first start fills the shop with its goods, a large download among them.");
        let mut server = Server::start(&project.binary(profile, "semper"), &data, self.port_base)?;
        let addresses = server.ready()?;
        work.end("ready");

        let wallet = project.binary(profile, "semper-wallet");
        println!("{}", addresses.welcome(&project.shown(&wallet).to_string()));
        println!("Ctrl-C stops it. Its data stay in {}.\n", project.shown(&data));
        server.wait()
    }

    /// Better to hear of a taken port before the build than after it.
    fn ports_are_free(&self) -> Outcome {
        for offset in 0..PORTS {
            let port = self.port_base.checked_add(offset).ok_or_else(|| {
                Failure::new(
                    format!("port base {} leaves no room for {PORTS} ports", self.port_base),
                    "Choose a lower --port-base.",
                )
            })?;
            TcpListener::bind(("127.0.0.1", port)).map_err(|cause| {
                Failure::new(
                    format!("port {port} cannot be used: {cause}"),
                    "Stop what uses it (another demo?), or choose another --port-base.",
                )
            })?;
        }
        Ok(())
    }
}

/// The running `semper demo`.
struct Server {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Server {
    fn start(program: &Path, data: &Path, port_base: u16) -> Outcome<Self> {
        let mut child = Command::new(program)
            .arg("demo")
            .arg("--data")
            .arg(data)
            .args(["--port-base", &port_base.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // A group of its own: the terminal's Ctrl-C then reaches it through us alone, as one clean SIGTERM.
            .process_group(0)
            .spawn()
            .map_err(|cause| Failure::file("starting", program, &cause))?;
        stop_with_us(&child)?;
        let output =
            child.stdout.take().map(BufReader::new).ok_or_else(|| {
                Failure::new("the server's output cannot be read", "Try again; this should not happen.")
            })?;
        Ok(Self { child, output })
    }

    /// Waits for the line that says where everything is.
    fn ready(&mut self) -> Outcome<Addresses> {
        let mut line = String::new();
        while matches!(self.output.read_line(&mut line), Ok(1..)) {
            match Addresses::parse(&line) {
                Some(addresses) => return Ok(addresses),
                None => print!("{line}"),
            }
            line.clear();
        }
        let how = self.child.wait().map_or_else(|cause| cause.to_string(), |s| s.to_string());
        Err(Failure::new(
            format!("the server ended before it was ready ({how})"),
            "Read what it says above. Data of an older version? Delete the data folder and try again.",
        ))
    }

    /// Passes its output on until it ends; being stopped is a good end.
    fn wait(mut self) -> Outcome {
        let mut line = String::new();
        while matches!(self.output.read_line(&mut line), Ok(1..)) {
            print!("{line}");
            line.clear();
        }
        let status = self
            .child
            .wait()
            .map_err(|cause| Failure::new(format!("waiting for the server: {cause}"), "Look whether it still runs."))?;
        if status.success() || status.signal() == Some(SIGTERM) {
            println!("The demo has stopped.");
            return Ok(());
        }
        Err(Failure::new(
            format!("the server ended ({status})"),
            "Read what it says above; its data are kept, so starting again resumes where it was.",
        ))
    }
}

/// Ctrl-C, SIGTERM and a closed terminal stop the child cleanly; asking again kills it.
fn stop_with_us(child: &Child) -> Outcome {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(|cause| {
        Failure::new(format!("listening for Ctrl-C: {cause}"), "Try again; this should not happen.")
    })?;
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        for (count, _) in signals.forever().enumerate() {
            let signal = if count == 0 { Signal::TERM } else { Signal::KILL };
            note(if count == 0 { "stopping (Ctrl-C again to kill)" } else { "killing" });
            // It may have ended by itself in the meantime.
            let _ = kill_process(pid, signal);
        }
    });
    Ok(())
}

/// Where the parties listen.
#[derive(Debug, PartialEq, Eq)]
struct Addresses {
    merchant: String,
    wallet: String,
    mint: String,
    bank: String,
}

impl Addresses {
    fn parse(line: &str) -> Option<Self> {
        let ready: Value = serde_json::from_str(line).ok()?;
        let url = |name: &str| ready[name].as_str().map(str::to_owned);
        (ready["ready"] == true).then_some(())?;
        Some(Self { merchant: url("merchant")?, wallet: url("wallet")?, mint: url("mint")?, bank: url("bank")? })
    }

    fn welcome(&self, program: &str) -> String {
        let Self { merchant, wallet, mint, bank } = self;
        format!(
            "
SEMPER is running.

   shop      {merchant}
   wallet    {wallet}
   mint      {mint}
   bank      {bank}

What to try:
   1. Open the shop, choose a good and click on pay.
   2. The wallet opens. Write down its recovery words, and add cash: the bank's test account pays.
   3. Read what you are about to sign, and confirm. The good opens, and stays in your library.

The same from another terminal:
   {program} --home target/demo-wallet init
   {program} --home target/demo-wallet withdraw 20.00 --mint {mint}
   {program} --home target/demo-wallet offers {merchant}
   {program} --home target/demo-wallet buy OFFER_URL --out target/bought
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_is_read_and_other_lines_are_not() {
        let line = r#"{"ready":true,"merchant":"http://m","wallet":"http://w","mint":"http://i","bank":"http://b"}"#;
        let addresses = Addresses::parse(line);
        assert_eq!(addresses.map(|a| a.bank), Some("http://b".to_owned()));
        for other in ["seeding", r#"{"ready":false}"#, r#"{"ready":true,"merchant":"http://m"}"#] {
            assert_eq!(Addresses::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_taken_port_is_noticed_before_the_build() -> std::io::Result<()> {
        let taken = TcpListener::bind(("127.0.0.1", 0))?;
        let port_base = taken.local_addr()?.port();
        let demo = Demo { data: None, port_base, debug: false };
        let text = demo.ports_are_free().err().map(|f| f.to_string()).unwrap_or_default();
        assert!(text.contains(&port_base.to_string()) && text.contains("--port-base"), "{text}");
        Ok(())
    }
}
