//! Cash, end to end: a wallet, a merchant and a mint whose ledger is a map.
#![allow(clippy::unwrap_used, clippy::panic)]
