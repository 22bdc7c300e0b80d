//! The commands of `semper-wallet`.
//!
//! Results go to standard output, as text for people or as JSON (`--json`); progress and errors go to standard error.
//! The exit status is 0 only on success, and an error is one line: `error[code]: what happened and what to do`.

#[cfg(feature = "account")]
mod accounts;
mod args;
mod buy;
#[cfg(feature = "card")]
mod cards;
mod commands;
mod error;
mod home;
mod output;
mod people;
mod policies;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::Args;
pub use error::CliError;

/// Runs the command line.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let text = error.to_string();
            eprintln!("error[usage]: {}", text.strip_prefix("error: ").unwrap_or(&text).trim_end());
            return ExitCode::FAILURE;
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(commands::run(args)),
        Err(error) => Err(CliError::system("the program could not start", &error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[{}]: {}", error.code(), error.message());
            ExitCode::FAILURE
        }
    }
}
