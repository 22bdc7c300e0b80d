//! Where things lie.

use std::env;
use std::path::{Path, PathBuf};

use crate::run::{Failure, Outcome, capture, cargo_in};

/// The working tree and its build output.
pub(crate) struct Project {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the user's configuration puts it.
    pub(crate) target: PathBuf,
}

/// A cargo profile whose binaries are run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Quick to build; the tests use it.
    Dev,
    /// Optimised; the demo and the benchmarks use it.
    Release,
}

impl Project {
    /// Finds the workspace this tool belongs to.
    pub(crate) fn locate() -> Outcome<Self> {
        // Cargo sets the variable when it runs the tool; the compiled-in path serves who calls the binary directly.
        let tool =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = tool.parent().unwrap_or(&tool).to_path_buf();
        let target = capture(cargo_in(&root).args(["metadata", "--format-version=1", "--no-deps"]))
            .and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok())
            .and_then(|metadata| metadata["target_directory"].as_str().map(PathBuf::from))
            .ok_or_else(|| {
                Failure::new(
                    format!("`cargo metadata` gave no answer in {}", root.display()),
                    "Run `cargo metadata --no-deps` there and mend what it reports.",
                )
            })?;
        Ok(Self { root, target })
    }

    /// A path below the root.
    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// A built binary of the workspace.
    pub(crate) fn binary(&self, profile: Profile, name: &str) -> PathBuf {
        let folder = match profile {
            Profile::Dev => "debug",
            Profile::Release => "release",
        };
        self.target.join(folder).join(name)
    }

    /// A path as a person in the root folder would type it.
    pub(crate) fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
