//! The adversary of the unlinkability test: mint and merchant together, with all that they keep and see.
//!
//! ```text
//! market   real servers behind recording proxies, N wallets that withdraw the same amount and pay in shuffled order
//! capture  what mint and merchant have afterwards: every exchange, every row of their tables, every line of their logs
//! plant    the same capture with a leak put into it, which must be found
//! facts    one event (a withdrawal, a payment) as byte strings and numbers, without knowing what any of them means
//! link     every way to guess which payment came from which withdrawal, and how far each is from chance
//! ```
//!
//! The adversary does not read the protocol: it takes all that it finds apart (JSON, base64, statements, headers, rows,
//! lines) and compares everything with everything, so that a field which somebody adds later is looked at too.
//!
//! What it is *not* given is who connects from where. Every step of a wallet comes over a new connection from the same
//! address, as through an anonymising network: protocol and parties can keep a secret that the network does not tell.

mod capture;
mod facts;
mod http;
mod link;
mod market;
mod plant;
mod proxy;
mod tables;

pub use capture::{Capture, Event, Phase};
pub use link::{Finding, Report, analyse};
pub use market::{Run, observe};
pub use plant::{LEAKS, Leak, plant};
