//! Cash, end to end: a wallet, a merchant, and a mint whose ledger is a map.

mod attacks;
mod fees;
mod ledger;
mod lifecycle;
mod recoup;
mod refund;
mod transfers;
