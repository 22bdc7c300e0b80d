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
//! - customers lose their device, give up, and put an old copy of their wallet back;
//! - the merchant gives back part of a price or all of it;
//! - customers send each other cash and ask for it, by links that are followed once, twice, too late, by both or by nobody,
//!   and called off;
//! - days pass: denominations rotate, coins grow old and are renewed; what is issued is revoked, and its coins are recouped.
//!
//! What must hold in the end, whatever happened: what the bank paid in is in coins, in reserves or owed to the merchant;
//! no coin gave more than it is worth; a deal is paid if and only if it is delivered; a transfer is accepted or back in its
//! coins; nothing is left in coins that are too old or revoked; and every customer has what they paid in less what their
//! delivered deals cost, with what was refunded, less what they gave away, to the cent.

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
