//! The core against a world in memory.
#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod life;
pub(super) mod market;
mod mint;
pub(super) mod world;
