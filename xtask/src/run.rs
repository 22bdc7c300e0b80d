//! Running other programs: what runs is shown, and a failure says what failed and what to do next.

use std::env;
use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use crate::progress;
use crate::project::Project;

/// What a step gives back.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// Why a step stopped, for the person in front of the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    next: String,
}

impl Failure {
    /// `what` failed, and what to do `next`.
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }

    /// A file or folder that could not be read, written or moved.
    pub(crate) fn file(doing: &str, path: &Path, cause: &io::Error) -> Self {
        Self::new(
            format!("{doing} {}: {cause}", path.display()),
            "Check that the path exists, that you may write there and that the disk is not full.",
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed: {}\n  next: {}", self.what, self.next)
    }
}

/// Cargo, in the project's root.
pub(crate) fn cargo(project: &Project) -> Command {
    cargo_in(&project.root)
}

/// Cargo, in a folder.
pub(crate) fn cargo_in(folder: &Path) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    // What the outer cargo says about xtask is not true of what the inner one builds: build scripts that watch
    // these variables would run again each time the tool and the developer take turns.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command to its end, its output passed through.
pub(crate) fn run(command: &mut Command, next: &str) -> Outcome {
    let line = announce(command);
    let status = command.stdin(Stdio::null()).status().map_err(|cause| not_started(&line, &cause))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{line}` ({status})"), next)) }
}

/// What a command prints, without the surrounding space; nothing if it cannot be run or fails.
pub(crate) fn capture(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    output.status.success().then_some(text)
}

/// Whether a command can be run and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    capture(command).is_some()
}

/// Runs a test runner, passing its output through and keeping the lines with which it closes.
pub(crate) fn run_keeping(command: &mut Command, keep: fn(&str) -> bool, next: &str) -> (Outcome, Vec<String>) {
    let line = announce(command);
    if io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always").env("FORCE_COLOR", "1");
    }
    let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(cause) => return (Err(not_started(&line, &cause)), Vec::new()),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let kept = thread::scope(|scope| {
        let errors = scope.spawn(move || err.map(|pipe| pass_through(pipe, io::stderr(), keep)));
        let mut kept = out.map(|pipe| pass_through(pipe, io::stdout(), keep)).unwrap_or_default();
        kept.extend(errors.join().ok().flatten().unwrap_or_default());
        kept
    });
    let outcome = match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::new(format!("`{line}` ({status})"), next)),
        Err(cause) => Err(not_started(&line, &cause)),
    };
    (outcome, kept)
}

fn pass_through(pipe: impl Read, mut to: impl Write, keep: fn(&str) -> bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line), Ok(1..)) {
        // A reader that went away (`| head`) must not stop the tests from finishing.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let text = without_colour(&String::from_utf8_lossy(&line));
        // Runners name a failed test when it fails and again at the end; once is enough.
        let shown = text.trim().to_owned();
        if keep(&text) && !kept.contains(&shown) {
            kept.push(shown);
        }
        line.clear();
    }
    kept
}

/// Drops terminal colour sequences (`ESC [ … m`).
fn without_colour(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, tail)| tail);
    }
    plain.push_str(rest);
    plain
}

fn announce(command: &Command) -> String {
    let mut line =
        Path::new(command.get_program()).file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    progress::note(&format!("$ {line}"));
    line
}

fn not_started(line: &str, cause: &io::Error) -> Failure {
    let program = line.split(' ').next().unwrap_or(line);
    Failure::new(format!("`{line}` could not be run: {cause}"), format!("Install `{program}`, or put it on the PATH."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_dropped_and_text_kept() {
        assert_eq!(without_colour("\u{1b}[32;1mSummary\u{1b}[0m [ 1s]"), "Summary [ 1s]");
        assert_eq!(without_colour("plain"), "plain");
        assert_eq!(without_colour("cut \u{1b}[3"), "cut ");
    }

    #[test]
    fn closing_lines_are_kept_and_everything_is_passed_on() {
        let mut passed = Vec::new();
        let text = "one\n\u{1b}[1mSummary\u{1b}[0m 2 tests\nthree";
        let kept = pass_through(text.as_bytes(), &mut passed, |line| line.starts_with("Summary"));
        assert_eq!(kept, ["Summary 2 tests"]);
        assert_eq!(passed, text.as_bytes());
    }

    #[test]
    fn a_failing_command_names_itself_and_the_next_step() {
        let failure = run(Command::new("false").arg("--loud"), "Do this.").err();
        let text = failure.map(|failure| failure.to_string()).unwrap_or_default();
        assert!(text.contains("`false --loud`") && text.ends_with("next: Do this."), "{text}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let failure = run(&mut Command::new("semper-no-such-program"), "").err();
        let text = failure.map(|failure| failure.to_string()).unwrap_or_default();
        assert!(text.contains("Install `semper-no-such-program`"), "{text}");
    }
}
