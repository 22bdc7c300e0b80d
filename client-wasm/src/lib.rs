//! The customer's wallet: one core, driven by a browser Worker or by the command line.
//!
//! | module | holds |
//! | --- | --- |
//! | [`core`] | the wallet itself, over ports; the same everywhere |
//! | `native` | its ports on a computer: HTTP, a journal on disk |
//! | `cli` | the commands of `semper-wallet` |
//! | `browser` | its ports in a Worker, and the bindings |

#[cfg(target_arch = "wasm32")]
mod browser;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod cli;
pub mod core;
#[cfg(all(feature = "cli", not(target_arch = "wasm32")))]
pub mod native;
