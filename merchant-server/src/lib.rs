//! The server of SEMPER: merchant, mint, bank and gateway, each with its own keys, its own store and its own port.
//!
//! Parties never import each other. They talk through published, signed messages, also when one process hosts them all.
//! What they share is below them:
//!
//! | module | holds |
//! | --- | --- |
//! | [`http`] | problems, strict JSON, limits, telemetry, API description, start and stop |
//! | [`store`] | SQLite with one writer and group commit |
//! | [`crypto`] | native signatures |
//! | [`iso20022`] | the files that banks and their customers exchange |
//! | [`keys`] | a party's key on disk |
//! | [`introduction`] | the signed document by which a party introduces itself |
//! | [`sites`] | the pages: the wallet's site, and the shop's for the merchant |
//! | [`clock`] | the present time |
//! | [`config`], [`parties`], [`demo`] | which parties a process hosts, starting them, and a market to try out |

pub mod audit;
pub mod bank;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod demo;
#[cfg(feature = "card")]
pub mod gateway;
pub mod http;
pub mod introduction;
pub mod iso20022;
pub mod keys;
pub mod merchant;
pub mod mint;
pub mod operator;
pub mod parties;
pub mod sites;
pub mod store;
