//! The core against a world in memory.
#![allow(clippy::unwrap_used, clippy::panic)]

pub(super) mod world;
