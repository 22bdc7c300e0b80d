//! Where the programs under test are.

use std::path::PathBuf;

use crate::Outcome;

/// The server: `SEMPER_BIN`, or what cargo built beside this test.
///
/// # Errors
/// Where there is none, saying how to build it.
pub fn semper() -> Outcome<PathBuf> {
    find("SEMPER_BIN", "semper")
}

/// The wallet: `SEMPER_WALLET_BIN`, or what cargo built beside this test.
///
/// # Errors
/// Where there is none, saying how to build it.
pub fn semper_wallet() -> Outcome<PathBuf> {
    find("SEMPER_WALLET_BIN", "semper-wallet")
}

fn find(variable: &str, name: &str) -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os(variable) {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let beside = test.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|path| path.is_file());
    beside.ok_or_else(|| {
        format!(
            "{name} is not built: run `cargo build -p semper-server -p semper-wallet --bins`, or `cargo xtask test`"
        )
        .into()
    })
}
