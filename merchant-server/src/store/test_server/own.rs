//! A PostgreSQL server of one test's own, which it may kill.

use std::env;
use std::fs::{self, DirBuilder};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{Folder, Server, free_ports, service_user};
use crate::store::sql::StoreUrl;

/// What keeps the server: it ends it when whoever started it has gone, and leaves it alone where that said so. Either way it
/// takes leave of it: a process that nobody has waited for still counts as running, to the next server.
const GUARDIAN: &str = r#"
"$@" & server=$!
read -r left_alone || kill -INT "$server"
wait "$server"
"#;

/// A server that nobody else uses; it goes with this.
///
/// Its folder is in the system's temporary folder, since its user may not see ours.
pub struct OwnServer {
    folder: Folder,
    programs: PathBuf,
    port: String,
    server: Server,
    guardian: Option<Child>,
}

impl OwnServer {
    /// Makes and starts a server.
    ///
    /// # Errors
    /// Says what is missing, and what to do.
    pub fn start() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let me = fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid());
        let other = (me == 0).then(service_user);
        let base = if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { env::temp_dir() };
        let name = format!("semper-pg-own-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = base.join(name);
        let failed = |error: std::io::Error| format!("the test server's folder: {error}");
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let folder = Folder { path, other };
        if let Some((user, group)) = other {
            chown(&folder.path, Some(user), Some(group)).map_err(failed)?;
        }
        let programs = folder.programs()?;
        let secret = folder.initialise(&programs)?;
        let port = free_ports(1)?.to_string();
        let server = Server { url: format!("postgres://semper:{secret}@127.0.0.1:{port}/postgres"), _users: None };
        let mut own = Self { folder, programs, port, server, guardian: None };
        own.restart()?;
        Ok(own)
    }

    /// The address of its one database.
    pub fn url(&self) -> StoreUrl {
        StoreUrl::new(self.server.url.clone())
    }

    /// The number that a statement in it answers with.
    ///
    /// # Errors
    /// What the server says.
    pub fn number(&self, sql: &str) -> Result<i64, String> {
        let answer = self.server.ask("postgres", sql)?;
        answer.parse().map_err(|_| format!("{sql}: {answer}"))
    }

    /// Kills every process of it at once (SIGKILL), as a machine that stops does.
    ///
    /// # Errors
    /// Where it cannot be killed.
    pub fn kill(&mut self) -> Result<(), String> {
        if self.guardian.is_none() {
            return Ok(());
        }
        let first = self.first()?;
        // Stopped, it makes no new one meanwhile.
        signal("-STOP", &[first])?;
        let mut all = self.workers()?.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        all.push(first);
        signal("-KILL", &all)?;
        self.leave_alone();
        let deadline = Instant::now() + Duration::from_secs(10);
        while all.iter().any(|id| Path::new(&format!("/proc/{id}/exe")).exists()) {
            if Instant::now() > deadline {
                return Err("a process of the test server does not end".to_owned());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Kills one process that serves a connection (SIGKILL): the others are ended by the server itself, which recovers.
    ///
    /// # Errors
    /// Where nobody is connected, or it cannot be killed.
    pub fn kill_one_connection(&self) -> Result<(), String> {
        let named = |(_, title): &(u32, String)| title.contains("127.0.0.1");
        let one = self.workers()?.into_iter().find(named).ok_or("nobody is connected")?;
        signal("-KILL", &[one.0])
    }

    /// Starts it where it was killed; it recovers what was durable.
    ///
    /// # Errors
    /// Where it does not start.
    pub fn restart(&mut self) -> Result<(), String> {
        let mut guardian = self.folder.command(Path::new("sh"));
        guardian.args(["-c", GUARDIAN, "guardian"]).stdin(Stdio::piped());
        let started = self.folder.launch(guardian, &self.programs, &self.port, &self.server.url, &["fsync=on"])?;
        self.guardian = Some(started);
        Ok(())
    }

    /// Waits until it takes connections again.
    ///
    /// # Errors
    /// Where it does not, within half a minute.
    pub fn recovered(&self) -> Result<(), String> {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match self.server.run("SELECT 1") {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The process that starts all others.
    fn first(&self) -> Result<u32, String> {
        let text =
            fs::read_to_string(self.folder.path.join("data/postmaster.pid")).map_err(|error| error.to_string())?;
        text.lines().next().and_then(|line| line.parse().ok()).ok_or_else(|| "the server has no number".to_owned())
    }

    /// The processes that it has started, and what each says that it does.
    fn workers(&self) -> Result<Vec<(u32, String)>, String> {
        let first = self.first()?.to_string();
        let all = fs::read_dir("/proc").map_err(|error| error.to_string())?.flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<u32>().ok());
        let workers = numbers.filter_map(|id| {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // After the name, which is in brackets, come its state and its parent.
            let parent = state.rsplit_once(')')?.1.split_whitespace().nth(1)?;
            let title = fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
            (parent == first).then_some((id, title))
        });
        Ok(workers.collect())
    }

    /// Ends the guardian, without what it guards.
    fn leave_alone(&mut self) {
        if let Some(mut guardian) = self.guardian.take() {
            let told = guardian.stdin.take().is_some_and(|mut stdin| stdin.write_all(b"leave it\n").is_ok());
            let _ended = if told { guardian.wait().map(drop) } else { guardian.kill() };
        }
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        if self.kill().is_ok() {
            let _gone = fs::remove_dir_all(&self.folder.path);
        }
    }
}

fn signal(which: &str, processes: &[u32]) -> Result<(), String> {
    let status = Command::new("kill").arg(which).args(processes.iter().map(u32::to_string)).output();
    let status = status.map_err(|error| error.to_string())?;
    // One that has ended meanwhile is what was wanted.
    let said = String::from_utf8_lossy(&status.stderr).into_owned();
    if status.status.success() || said.lines().all(|line| line.contains("No such process")) {
        Ok(())
    } else {
        Err(said)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_stored_is_there_after_it_was_killed() {
        let mut server = OwnServer::start().unwrap();
        server.server.run("CREATE TABLE kept (x BIGINT); INSERT INTO kept VALUES (7)").unwrap();
        for _ in 0..2 {
            server.kill().unwrap();
            assert!(server.number("SELECT 1").is_err(), "it is gone");
            server.restart().unwrap();
            assert_eq!(server.number("SELECT x FROM kept").unwrap(), 7);
        }
    }
}
