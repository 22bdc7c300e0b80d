//! localstripe, a server by others that imitates Stripe's API: a process on loopback, ended when dropped.

use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Outcome;
use crate::demo::free_ports;

/// Its own start listens on every address and keeps its objects in one fixed file; this does neither.
const START: &str = "
import sys
from aiohttp import web
from localstripe import resources
resources.Store.dump_to_disk = lambda self: None
from localstripe.server import app
web.run_app(app, host='127.0.0.1', port=int(sys.argv[1]), print=None)
";

/// The secret key of the account that the tests have there.
pub const KEY: &str = "sk_test_planted_5f0c7be1";

/// A running localstripe.
pub struct LocalStripe {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl LocalStripe {
    /// Starts it on a free port.
    ///
    /// # Errors
    /// Where it is not installed, saying how, or does not listen.
    pub fn start() -> Outcome<Self> {
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/python/bin/python");
        if !python.exists() {
            let how = "run `cargo xtask test --only python`, or: python3 -m venv target/python && \
                       target/python/bin/pip install -r tests/python/requirements.txt";
            return Err(format!("localstripe is not installed: {how}").into());
        }
        let port = free_ports(1)?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("stripe.key"), KEY)?;
        let mut child = Command::new(python)
            .args(["-c", START, &port.to_string()])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = child.try_wait()? {
                return Err(format!("localstripe ended: {status}").into());
            }
            if Instant::now() > deadline {
                child.kill()?;
                return Err("localstripe does not listen".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(Self { child, port, folder })
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its origin.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The file with the account's key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("stripe.key")
    }

    /// What it answers to a GET.
    ///
    /// # Errors
    /// Where it does not answer with JSON.
    pub fn get(&self, path: &str) -> Outcome<serde_json::Value> {
        let client = reqwest::blocking::Client::builder().no_proxy().build()?;
        Ok(client.get(format!("{}{path}", self.url())).bearer_auth(KEY).send()?.json()?)
    }
}

impl Drop for LocalStripe {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            eprintln!("localstripe could not be ended: {error}");
        }
    }
}
