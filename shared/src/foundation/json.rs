//! Strict JSON (RFC 8259): duplicate keys are refused, since two readers may disagree on which one counts, and a message
//! is an object and nothing else: serde's other form of a struct, a list of its members, is not the protocol's.
//!
//! ```
//! use semper_shared::foundation::json;
//! assert!(json::from_slice::<serde_json::Value>(br#"{"pay":1,"pay":2}"#).is_err());
//! ```

mod strict;
mod whole;

use core::fmt;
use std::borrow::Cow;

use serde::de::{DeserializeOwned, Expected, Unexpected};
use serde_json::Value;

use super::code::{Code, Coded};
use whole::Whole;

/// JSON that was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is malformed, repeats a key or does not have the expected members")]
pub struct JsonError(Box<Cow<'static, str>>);

impl JsonError {
    #[cold]
    #[inline(never)]
    fn of(detail: &'static str) -> Self {
        Self(Box::new(Cow::Borrowed(detail)))
    }

    #[cold]
    #[inline(never)]
    fn naming(before: &str, name: &str, after: &str) -> Self {
        Self(Box::new(Cow::Owned([before, name, after].concat())))
    }
}

impl JsonError {
    /// What is wrong, for whoever sent the JSON: it names members and positions, never secrets.
    pub fn detail(&self) -> String {
        self.0.to_string()
    }
}

/// In the browser it says only where, since all that a text can suffer from would be told in English.
impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let detail = if cfg!(target_arch = "wasm32") {
            format!("malformed at line {} column {}", error.line(), error.column())
        } else {
            error.to_string()
        };
        Self(Box::new(Cow::Owned(detail)))
    }
}

/// Says less than serde would, and without the machinery that prints every kind of value.
impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Box::new(Cow::Owned(message.to_string())))
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::of("a member has the wrong type")
    }

    fn invalid_value(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        Self::of("a member is not within its bounds")
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        Self::of("a list has the wrong length")
    }

    fn unknown_variant(variant: &str, _: &'static [&'static str]) -> Self {
        Self::naming("`", variant, "` is not known")
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::naming("the member `", field, "` is not known")
    }

    fn missing_field(field: &'static str) -> Self {
        Self::naming("the member `", field, "` is missing")
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::naming("the member `", field, "` stands twice")
    }
}

impl Coded for JsonError {
    fn code(&self) -> Code {
        Code::JSON_MALFORMED
    }
}

/// Reads one JSON text, refusing duplicate keys at every depth.
///
/// # Errors
/// [`JsonError`] for malformed text, duplicate keys, trailing characters or members that do not fit `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    from_value(strict::read(bytes)?)
}

/// Reads a value that was parsed before, as strictly.
///
/// # Errors
/// [`JsonError`] for members that do not fit `T`.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    T::deserialize(Whole::of(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_duplicates_at_every_depth() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":1}}]"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(from_slice::<Value>(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn refuses_what_follows() {
        assert!(from_slice::<Value>(b"{} {}").is_err());
        assert!(from_slice::<Value>(b"").is_err());
        assert!(from_slice::<Value>(&b"[".repeat(100_000)).is_err(), "depth is bounded");
    }

    #[test]
    fn a_message_is_an_object_and_nothing_else() {
        use crate::foundation::{Amount, Currency};
        let amount: Result<Amount, _> = from_slice(br#"{"currency":"EUR","minor":320}"#);
        assert_eq!(amount.ok(), Amount::new(Currency::EUR, 320).ok());
        for text in [r#"["EUR",320]"#, r#"{"currency":"EUR","minor":"320"}"#, r#"{"currency":"EUR"}"#, "null"] {
            assert!(from_slice::<Amount>(text.as_bytes()).is_err(), "{text}");
        }
        assert!(from_slice::<(u8, u8)>(b"[1,2,3]").is_err());
        assert!(from_slice::<(u8, u8)>(b"[1,2]").is_ok());
        assert!(from_slice::<u8>(b"256").is_err());
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Open {
        first: u8,
        second: Option<u8>,
        #[serde(default)]
        third: Vec<Kind>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename = "closed Closed", deny_unknown_fields)]
    struct Closed {
        open: Open,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Plain,
        Held { number: u8 },
    }

    #[test]
    fn members_are_found_by_name_and_what_may_be_missing_may() {
        let open = |second, third| Ok(Open { first: 1, second, third });
        assert_eq!(from_slice(br#"{"second":2,"first":1,"else":3}"#), open(Some(2), Vec::new()));
        assert_eq!(from_slice(br#"{"first":1,"second":null}"#), open(None, Vec::new()));
        assert_eq!(
            from_slice(br#"{"third":["plain",{"held":{"number":4}}],"first":1}"#),
            open(None, vec![Kind::Plain, Kind::Held { number: 4 }])
        );
        for text in [
            r#"{"first":1,"third":null}"#,
            r#"{"first":null}"#,
            r#"{"first":1,"third":["held"]}"#,
            r#"{"first":1,"third":[{"plain":1}]}"#,
            r#"{"first":1,"third":[{"held":{"number":4},"plain":null}]}"#,
            r#"{"first":1,"third":[{}]}"#,
        ] {
            assert!(from_slice::<Open>(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_member() {
        let detail = |text: &str| from_slice::<Closed>(text.as_bytes()).map_err(|error| error.detail());
        assert_eq!(detail("{}"), Err("the member `open` is missing".to_owned()));
        assert_eq!(detail(r#"{"open":{"second":1}}"#), Err("the member `first` is missing".to_owned()));
        assert_eq!(detail(r#"{"open":{"first":1},"more":1}"#), Err("the member `more` is not known".to_owned()));
        assert_eq!(detail(r#"{"open":{"first":"1"}}"#), Err("a member has the wrong type".to_owned()));
    }

    #[test]
    fn reads_what_is_right() {
        let value: Result<Value, _> = from_slice(br#"{"a":[1,-2,0.5,"x",null,true]}"#);
        assert_eq!(value.ok(), Some(serde_json::json!({"a": [1, -2, 0.5, "x", null, true]})));
    }
}
