//! `semper serve` as a process, killed when dropped.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Outcome, binaries};

/// One process over one configuration.
pub struct Process {
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Process {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn serve(config: &Path, log: &Path) -> Outcome<Self> {
        let mut process = Self { config: config.to_owned(), log: log.to_owned(), child: None };
        process.restart()?;
        Ok(process)
    }

    /// Kills it (SIGKILL), and starts it again.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn restart(&mut self) -> Outcome {
        self.kill()?;
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(binaries::semper()?);
        command.arg("serve").arg("--config").arg(&self.config).stdout(Stdio::piped()).stderr(log);
        let child = self.child.insert(command.spawn()?);
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("there is no standard output")?).read_line(&mut line)?;
        if line.starts_with(r#"{"ready":true"#) {
            return Ok(());
        }
        self.kill()?;
        Err(format!("it did not start: {line}{}", fs::read_to_string(&self.log)?).into())
    }

    fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a process could not be ended: {error}");
        }
    }
}
