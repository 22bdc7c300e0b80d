//! The core against a world in memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod devices;
mod faults;
mod gathering;
mod life;
pub(super) mod market;
mod mint;
mod policies;
mod refunds;
mod renewal;
mod transfers;
pub(super) mod world;
