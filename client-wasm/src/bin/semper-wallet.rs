//! `semper-wallet`: the customer's wallet on the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    semper_wallet::cli::main()
}
