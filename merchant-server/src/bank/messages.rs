//! What the bank reads and writes.

use std::fmt;

use semper_shared::foundation::{Amount, UnixSeconds};
use semper_shared::items::payment::account::Iban;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::http::schema::AmountSchema;

/// A text that names something: letters, digits and a few signs, of bounded length.
macro_rules! bounded_text {
    ($(#[$doc:meta])* $name:ident, $max:literal, $pattern:literal, $allowed:expr, $says:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new().schema_type(Type::String).description(Some($says));
                text.min_length(Some(1)).max_length(Some($max)).pattern(Some($pattern)).into()
            }
        }

        impl ToSchema for $name {}

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, &'static str> {
                let allowed: fn(char) -> bool = $allowed;
                let fits = !text.is_empty() && text.chars().count() <= $max && text.chars().all(allowed);
                if fits { Ok(Self(text)) } else { Err($says) }
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

bounded_text!(
    /// An account's name in addresses.
    AccountName,
    64,
    "^[a-z0-9-]+$",
    |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-',
    "an account is 1 to 64 of a-z, 0-9 and -"
);

bounded_text!(
    /// A payer's own identifier of a transfer.
    TransferId,
    64,
    "^[A-Za-z0-9._-]+$",
    |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
    "an identifier is 1 to 64 of A-Z, a-z, 0-9, -, _ and ."
);

bounded_text!(
    /// What a transfer is for; 140 characters as in SEPA.
    Subject,
    140,
    r"^[^\x00-\x1F\x7F-\x9F]+$",
    |c| !c.is_control(),
    "a subject is 1 to 140 characters, none of them a control character"
);

bounded_text!(
    /// The payer's name for a transfer, which travels with the money.
    EndToEnd,
    35,
    r"^[^\x00-\x1F\x7F-\x9F]+$",
    |c| !c.is_control(),
    "a payer's name for a transfer is 1 to 35 characters, none of them a control character"
);

/// The wish to transfer money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename = "closed TransferOrder", deny_unknown_fields)]
pub struct TransferOrder {
    /// The payer's own identifier; the same order under the same identifier is done once.
    #[schema(example = "2f0c6a0e-topup")]
    pub id: TransferId,
    /// The account that pays.
    #[schema(example = "customer")]
    pub from: AccountName,
    /// The account that is paid.
    #[schema(example = "mint")]
    pub to: AccountName,
    /// How much.
    #[schema(value_type = AmountSchema)]
    pub amount: Amount,
    /// What for.
    pub subject: Subject,
    /// The payer's name for it that travels with the money; without it, its identifier, where that is short enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_to_end: Option<EndToEnd>,
}

/// The wish to transfer money to an account that is known by its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename = "closed PaymentOrder", deny_unknown_fields)]
pub struct PaymentOrder {
    /// The payer's own identifier; the same order under the same identifier is done once.
    #[schema(example = "invoice-RF18539007547034")]
    pub id: TransferId,
    /// The account that pays.
    #[schema(example = "customer")]
    pub from: AccountName,
    /// The number of the account that is paid.
    #[schema(value_type = String, example = "DE89370400440532013000")]
    pub iban: Iban,
    /// How much.
    #[schema(value_type = AmountSchema)]
    pub amount: Amount,
    /// What for: a creditor reference (ISO 11649), or words.
    pub subject: Subject,
}

/// What came of a file of orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Executed {
    /// Orders that were carried out now.
    pub done: u32,
    /// Orders that had been carried out before.
    pub repeated: u32,
    /// Orders that were refused.
    pub refused: Vec<RefusedOrder>,
}

/// An order that was refused; it may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefusedOrder {
    /// The payer's name for it.
    pub end_to_end: String,
    /// Why.
    pub code: String,
}

/// A transfer that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    /// The payer's own identifier.
    pub id: TransferId,
    /// The account that paid.
    pub from: AccountName,
    /// The account that was paid.
    pub to: AccountName,
    /// How much.
    #[schema(value_type = AmountSchema)]
    pub amount: Amount,
    /// What for.
    pub subject: Subject,
    /// When it was made, in seconds since 1970.
    #[schema(value_type = u64)]
    pub at: UnixSeconds,
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// The account.
    pub account: AccountName,
    /// Its owner's name.
    pub name: String,
    /// What it holds.
    #[schema(value_type = AmountSchema)]
    pub balance: Amount,
}

/// Which way money went, as the account's owner sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It was received.
    In,
    /// It was paid.
    Out,
}

/// One line of an account's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entry {
    /// Grows with every transfer of the bank; ask for what comes after the last one seen.
    pub serial: u64,
    /// The payer's identifier of the transfer.
    pub transfer: TransferId,
    /// Which way the money went.
    pub direction: Direction,
    /// The other account.
    pub counterparty: AccountName,
    /// How much.
    #[schema(value_type = AmountSchema)]
    pub amount: Amount,
    /// What for.
    pub subject: Subject,
    /// When, in seconds since 1970.
    #[schema(value_type = u64)]
    pub at: UnixSeconds,
}

/// A piece of an account's history, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// At most 100 entries; an empty list where nothing happened in the time that was waited.
    pub entries: Vec<Entry>,
}

/// From where on history is asked for, and how long to wait for news.
#[derive(Debug, Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(rename = "closed HistoryQuery", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    /// The serial of the last entry seen; 0 for the beginning.
    pub after: u64,
    /// How long to wait where there is nothing yet, in milliseconds, at most 30,000.
    #[param(maximum = 30_000)]
    pub wait_ms: u64,
}

/// An account that anyone may use, to try things out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestAccount {
    /// The account.
    pub account: AccountName,
    /// Its token, public on purpose.
    pub token: String,
    /// Its owner's name.
    pub name: String,
}
