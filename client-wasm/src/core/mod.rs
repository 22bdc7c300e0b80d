//! The wallet over its ports: every decision is made here, and nothing here knows the browser or the network.
//!
//! ```text
//! add_cash   bank transfer ──▶ reserve ──▶ withdrawal ──▶ coins
//! review     offer, verified ──▶ what is shown
//! buy        order and payment, stored ──▶ merchant ──▶ receipt and keys, stored ──▶ acknowledgement
//! transfers  a link from person to person ──▶ coins into a transfer at the mint ──▶ the other's reserve
//! refunds    what a merchant gave back ──▶ verified, back in the purse
//! refresh    what is left of a coin ──▶ melt, reveal ──▶ new coins
//! resume     whatever of these was cut off, asked again in the same words
//! ```
//!
//! Two rules keep the money safe. What draws on coins or reserves is stored before it is sent, and an answer is stored
//! before anything is built on it; so a wallet that dies at any moment finds on its disk what to ask again. And every
//! request is the same each time it is asked, so whoever answered it before answers it again.

/// A JSON object of members that serialize. Like `serde_json::json`, which would bring the texts of all of its errors along.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {{
        let mut members = serde_json::Map::new();
        $(members.insert($name.to_owned(), serde_json::to_value(&$value).unwrap_or_default());)*
        serde_json::Value::Object(members)
    }};
}

mod abandon;
#[cfg(feature = "account")]
mod accounts;
mod backup;
mod buy;
mod call;
#[cfg(feature = "card")]
mod cards;
mod deals;
mod error;
mod gather;
mod library;
mod mints;
mod net;
mod policies;
pub mod ports;
mod records;
mod recoup;
mod refresh;
mod refunds;
mod restore;
mod resume;
mod review;
mod takeover;
mod topup;
mod transfers;
mod vault;
mod wallet;
mod words;

#[cfg(test)]
mod tests;

#[cfg(feature = "account")]
pub use accounts::InvoiceView;
pub use buy::Bought;
pub use call::{Answer, Progress};
#[cfg(feature = "card")]
pub use cards::{ApprovalView, CardView};
pub use deals::{DealLine, DealView, StatementView};
pub use error::{OpenInvoice, Said, TransferNeeded, WalletError};
pub use library::{LibraryDeal, LibraryPart, PartAccess};
pub use mints::{BooksView, HoldingView, MintInfo, MintName, PurseView};
pub use net::{CatalogueEntry, Problem, origin_of};
pub use policies::{PolicyView, Trust};
pub use records::Step;
pub use refunds::RefundView;
pub use restore::Restored;
pub use resume::Resumed;
pub use review::{Already, MerchantView, Method, Review};
pub use topup::TopUp;
pub use transfers::{LinkView, TransferView};
pub use vault::Kdf;
pub use wallet::{MakePayer, Payer, Status, Wallet};
pub use words::{Words, take_list};
