//! A seeded simulation: real wallets, a mint, a merchant and a bank over a network that loses, repeats and cuts off.
//!
//! The wallet is the shipped core over simulated ports. Merchant and mint are built from the shipped checks
//! (`ecash::mint`, `deal::Opened`, the payment registry) over ledgers in memory; the shipped servers stand in the
//! end-to-end tests. A seed decides everything that happens; a failing one is run again by
//! `SEMPER_SEED=<seed> cargo test -p semper-tests --test simulation`.
//!
//! What must hold in the end, whatever happened: what the bank paid in is in coins, in reserves or owed to the
//! merchant; wallets and mint agree on every cent; and a deal is paid if and only if it is delivered.

mod bank;
mod chance;
mod merchant;
mod mint;
mod network;
mod ports;
mod scenario;

pub use chance::Chance;
pub use scenario::{Outline, run};
