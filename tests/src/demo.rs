//! The `semper` binary as a process: merchant, wallet site, mint, bank and gateway on one base port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use semper_server::store::test_server;
use serde::Deserialize;
use tempfile::TempDir;

use crate::{Outcome, binaries, goods};

/// A running demo, killed when dropped.
pub struct Demo {
    folder: TempDir,
    port_base: u16,
    child: Option<Child>,
    /// The addresses that it printed.
    pub urls: Urls,
}

/// The line that `semper demo` prints when it is ready.
#[derive(Debug, Clone, Deserialize)]
pub struct Urls {
    /// Always true.
    pub ready: bool,
    /// The merchant's origin.
    pub merchant: String,
    /// The wallet site's origin.
    pub wallet: String,
    /// The mint's origin.
    pub mint: String,
    /// The bank's origin.
    pub bank: String,
    /// The gateway's origin; empty where the program has none.
    #[serde(default)]
    pub gateway: String,
}

impl Demo {
    /// Starts a demo in a new folder, with the tests' small catalogue.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub fn start() -> Outcome<Self> {
        Self::start_program(&binaries::semper()?)
    }

    /// The same with another build of the program.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub fn start_program(program: &Path) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        goods::write(&folder.path().join("goods"))?;
        let port_base = free_base()?;
        let (child, urls) = launch(program, folder.path(), port_base)?;
        Ok(Self { folder, port_base, child: Some(child), urls })
    }

    /// Kills all parties at once (SIGKILL), as a power cut would.
    ///
    /// # Errors
    /// Where the process cannot be killed.
    pub fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts again on the same data and ports.
    ///
    /// # Errors
    /// Where it does not become ready.
    pub fn restart(&mut self) -> Outcome {
        self.kill()?;
        let (child, urls) = launch(&binaries::semper()?, self.folder.path(), self.port_base)?;
        self.child = Some(child);
        self.urls = urls;
        Ok(())
    }

    /// Starts again on the same data and ports, as `semper serve` does, with a changed configuration.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn serve_with(&mut self, change: impl Fn(String) -> String) -> Outcome {
        self.kill()?;
        let config = self.data().join("changed.toml");
        std::fs::write(&config, change(std::fs::read_to_string(self.data().join("semper.toml"))?))?;
        let mut command = Command::new(binaries::semper()?);
        command.arg("serve").arg("--config").arg(&config);
        let (child, urls) = spawn(command, self.folder.path())?;
        self.child = Some(child);
        self.urls = urls;
        // What `semper demo` waits for: that it can do its work.
        for _ in 0..100 {
            let ready = reqwest::blocking::get(format!("{}/ready", self.urls.merchant));
            if ready.is_ok_and(|ready| ready.status().is_success()) {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err("the merchant did not become ready".into())
    }

    /// Stops as an operator would (SIGTERM) and returns whether it ended cleanly.
    ///
    /// # Errors
    /// Where the signal cannot be sent.
    pub fn stop(&mut self) -> Outcome<bool> {
        let Some(mut child) = self.child.take() else { return Ok(true) };
        Command::new("kill").arg("-TERM").arg(child.id().to_string()).status()?;
        Ok(child.wait()?.success())
    }

    /// The process's number.
    ///
    /// # Errors
    /// Where it does not run.
    pub fn id(&self) -> Outcome<u32> {
        self.child.as_ref().map(Child::id).ok_or_else(|| "the demo does not run".into())
    }

    /// The folder of its data.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What it has logged.
    ///
    /// # Errors
    /// Where the log cannot be read.
    pub fn log(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(self.folder.path().join("log"))?)
    }

    /// The address of one of the catalogue's offers.
    pub fn offer(&self, id: &str) -> String {
        format!("{}/offers/{id}", self.urls.merchant)
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let killed = child.kill().and_then(|()| child.wait());
            if let Err(error) = killed {
                eprintln!("the demo could not be ended: {error}");
            }
        }
    }
}

fn launch(program: &Path, folder: &Path, port_base: u16) -> Outcome<(Child, Urls)> {
    let mut command = Command::new(program);
    command
        .arg("demo")
        .args(["--data".as_ref(), folder.join("data").as_os_str()])
        .args(["--goods".as_ref(), folder.join("goods").as_os_str()])
        .args(["--port-base", &port_base.to_string()]);
    spawn(command, folder)
}

/// Starts the program, and waits for its line.
fn spawn(mut command: Command, folder: &Path) -> Outcome<(Child, Urls)> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(std::fs::File::options().create(true).append(true).open(folder.join("log"))?)
        .spawn()?;
    let stdout = child.stdout.take().ok_or("the demo has no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    match serde_json::from_str(&line) {
        Ok(urls) => Ok((child, urls)),
        Err(_) => {
            let log = std::fs::read_to_string(folder.join("log"))?;
            child.kill()?;
            child.wait()?;
            Err(format!("the demo did not become ready: {line}{log}").into())
        }
    }
}

/// Eight consecutive ports of which the first five are free now.
///
/// # Errors
/// Where none are found.
pub fn free_base() -> Outcome<u16> {
    free_ports(5)
}

/// The first of so many adjacent ports, at most eight, that are free.
///
/// # Errors
/// Where there are none.
pub fn free_ports(count: u16) -> Outcome<u16> {
    Ok(test_server::free_ports(count)?)
}
