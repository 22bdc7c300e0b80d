//! Building the workspace's native binaries.

use crate::project::{Profile, Project};
use crate::run::{Outcome, cargo, run};
use crate::setup;

/// Builds the binaries of some packages, with OpenSSL from source where the machine has no headers.
pub(crate) fn binaries(project: &Project, profile: Profile, packages: &[&str]) -> Outcome {
    let mut command = cargo(project);
    command.arg("build");
    if profile == Profile::Release {
        command.arg("--release");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    command.arg("--bins").args(setup::openssl_features()?);
    run(&mut command, "Mend what the compiler reports above.")
}
