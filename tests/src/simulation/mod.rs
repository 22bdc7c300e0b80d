//! A seeded simulation: real wallets, a mint, a merchant and a bank in every weather.
//!
//! The wallet is the shipped core over simulated ports. Merchant and mint are built from the shipped checks
//! (`ecash::mint`, `deal::Opened`, the payment registry) over ledgers in memory; the shipped servers stand in the
//! end-to-end tests. A seed decides everything that happens:
//!
//! - messages are lost, repeated, late, and arrive in another order; answers are lost;
//! - commits fail, succeed unknown, are slow, or are refused by a full queue, at wallets, merchant and mint;
//! - wallets and merchant die at any step; so does either of the mint's two replicas, while the other goes on;
//! - clocks differ by minutes;
//! - customers lose their device, give up, and put an old copy of their wallet back.
//!
//! What must hold in the end, whatever happened: what the bank paid in is in coins, in reserves or owed to the merchant;
//! no coin gave more than it is worth; a deal is paid if and only if it is delivered; and every customer has what they
//! paid in less what their delivered deals cost, to the cent.

mod bank;
mod chance;
mod keys;
mod merchant;
mod mint;
mod network;
mod ports;
mod run;
mod scenario;

pub use chance::Chance;
pub use mint::Defect;
pub use run::{replay, run_many};
pub use scenario::{Outline, run};
