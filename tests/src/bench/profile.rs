//! What the servers spend their time on while purchases are measured, by Linux's `perf`.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Outcome;

/// How many of the first entries are printed.
const ENTRIES: usize = 45;

/// A recording that goes on until it is ended.
pub(super) struct Recording<'a> {
    perf: Child,
    file: &'a Path,
}

impl<'a> Recording<'a> {
    /// Begins to record processes into a file.
    pub(super) fn begin(processes: &[u32], file: &'a Path) -> Outcome<Self> {
        let ids = processes.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let perf = Command::new("perf")
            .args(["record", "--quiet", "--freq", "1999", "--output"])
            .arg(file)
            .args(["--pid", &ids])
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("perf: {error}: `sudo apt-get install linux-perf`"))?;
        Ok(Self { perf, file })
    }

    /// Ends it, and gives the functions that took the most, with their shares.
    pub(super) fn end(mut self) -> Outcome<String> {
        Command::new("kill").arg("-INT").arg(self.perf.id().to_string()).status()?;
        // It says that it was interrupted.
        self.perf.wait()?;
        let objects = self.report(&["--sort", "dso"])?;
        let functions = self.report(&["--sort", "dso,symbol"])?;
        fs::remove_file(self.file)?;
        Ok(format!("{objects}\n{functions}"))
    }

    fn report(&self, sorts: &[&str]) -> Outcome<String> {
        let report = Command::new("perf")
            .args(["report", "--stdio", "--quiet", "--no-children", "--percent-limit", "0.4", "--input"])
            .arg(self.file)
            .args(sorts)
            .output()?;
        let text = String::from_utf8_lossy(&report.stdout);
        let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
        Ok(lines.take(ENTRIES).map(|line| format!("{}\n", line.trim_end())).collect())
    }
}
