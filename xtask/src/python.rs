//! Programs from the Python package index that tests speak to, in a virtual environment of the project's own.

use std::fs;
use std::process::Command;

use crate::progress::note;
use crate::project::Project;
use crate::run::{Failure, Outcome, run, succeeds};
use crate::setup::apt_install;

/// What is installed, with every version pinned.
const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// Where the environment is.
const ENVIRONMENT: &str = "target/python";

/// The virtual environment; made again where the requirements are not those that it was made with.
pub(crate) fn environment(project: &Project) -> Outcome {
    let (requirements, folder) = (project.path(REQUIREMENTS), project.path(ENVIRONMENT));
    // Written last, so that a cut-off installation does not count.
    let made_with = folder.join("made-with.txt");
    let wanted = fs::read(&requirements).map_err(|cause| Failure::file("reading", &requirements, &cause))?;
    if fs::read(&made_with).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    if !succeeds(Command::new("python3").args(["-c", "import ensurepip"])) {
        note("Python's venv module is missing; installing it for the tests.");
        apt_install("python3-venv").map_err(|_| {
            Failure::new(
                "no Python 3 with its venv module, for the programs that the tests speak to",
                "Run `sudo apt-get install -y python3-venv` and try again.",
            )
        })?;
    }
    let again = "Check the network and the free space, then try again.";
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder), again)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&requirements);
    run(&mut pip, again)?;
    fs::write(&made_with, wanted).map_err(|cause| Failure::file("writing", &made_with, &cause))
}
