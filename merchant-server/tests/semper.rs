//! The command line as a script meets it: what it prints where, and how it ends.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn semper(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_semper")).args(arguments).output().unwrap()
}

fn refused(arguments: &[&str], status: i32, code: &str) -> String {
    let output = semper(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(status), "{said}");
    // Before it there may be lines of the log.
    assert!(said.lines().any(|line| line.starts_with(&format!("semper: {code}: "))), "{said}");
    assert!(output.stdout.is_empty());
    said
}

/// A bank alone, on a free port.
fn write_config(folder: &Path) -> String {
    let file = folder.join("semper.toml");
    let account = "[[bank.accounts]]\naccount = 'mint'\nname = 'A mint'\ntoken = '0123456789012345678901'\n";
    fs::write(&file, format!("[bank]\ndata = 'bank'\nserver.listen = '127.0.0.1:0'\n{account}")).unwrap();
    file.to_str().unwrap().to_owned()
}

fn serve(config: &str) -> (Child, serde_json::Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_semper"))
        .args(["serve", "--config", config])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[test]
fn says_where_it_is_and_stops_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path());
    for signal in ["TERM", "INT"] {
        let (mut child, ready) = serve(&config);
        assert_eq!(ready["ready"], true);
        assert!(ready["bank"].as_str().unwrap().starts_with("http://localhost:"));
        assert!(ready.get("mint").is_none());
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        assert!(child.wait().unwrap().success());
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{log}");
        assert!(!log.contains("0123456789"), "no token in the log: {log}");
    }
}

#[test]
fn one_store_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path());
    let (mut child, _) = serve(&config);
    let said = refused(&["serve", "--config", &config], 1, "store-failed");
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("in use by another process"), "{said}");
    let (mut child, _) = serve(&config);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_taken_port_is_an_error_with_a_code() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let config = write_config(folder.path());
    let port = taken.local_addr().unwrap().port();
    fs::write(&config, fs::read_to_string(&config).unwrap().replace(":0'", &format!(":{port}'"))).unwrap();
    assert!(refused(&["serve", "--config", &config], 1, "config-invalid").contains(&port.to_string()));
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    refused(&["demo"], 2, "usage");
    refused(&["nonsense"], 2, "usage");
    refused(&["catalogue", "import", "goods"], 2, "usage");
    refused(&["demo", "--data", &path("demo"), "--port-base", "65535"], 1, "usage");
    refused(&["demo", "--data", &path("demo"), "--assets", &path("")], 1, "config-invalid");
    refused(&["serve", "--config", &path("missing.toml")], 1, "config-invalid");
    fs::write(path("wrong.toml"), "[bnak]").unwrap();
    assert!(refused(&["serve", "--config", &path("wrong.toml")], 1, "config-invalid").contains("bnak"));
    fs::create_dir(path("goods")).unwrap();
    refused(&["catalogue", "import", &path("goods"), "--data", &path("merchant")], 1, "catalogue-invalid");
    assert!(semper(&["--help"]).status.success());
    assert!(semper(&["--version"]).status.success());
}
