//! What the tests that span crates stand on: real servers, real wallets, real folders.
//!
//! Nothing here is a mock. A [`Demo`] is the `semper` binary as a process of its own, so that a test can kill it; a
//! [`Wallet`] is the `semper-wallet` binary over a folder.

pub mod acquiring;
pub mod analyser;
pub mod bench;
pub mod binaries;
pub mod demo;
pub mod fuzz;
pub mod goods;
pub mod localstripe;
pub mod market;
pub mod parts;
pub mod process;
pub mod proxy;
pub mod simulation;
pub mod wallet;

pub use demo::Demo;
pub use localstripe::LocalStripe;
pub use market::Market;
pub use wallet::Wallet;

/// What tests return, so that they may use `?`.
pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
