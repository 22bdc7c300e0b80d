//! Strict JSON (RFC 8259): duplicate keys are refused, since two readers may disagree on which one counts.
//!
//! ```
//! use semper_shared::foundation::json;
//! assert!(json::from_slice::<serde_json::Value>(br#"{"pay":1,"pay":2}"#).is_err());
//! ```

use core::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::code::{Code, Coded};

/// JSON that was refused.
#[derive(Debug, thiserror::Error)]
#[error("the JSON is malformed, repeats a key or does not have the expected members")]
pub struct JsonError(#[from] serde_json::Error);

impl JsonError {
    /// What the parser said, for whoever sent the JSON: it names members and positions, never secrets.
    pub fn detail(&self) -> String {
        self.0.to_string()
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
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    Ok(serde_json::from_value(value)?)
}

/// Builds a [`Value`] and watches for duplicate keys on the way.
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Strict)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict)?;
            if members.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate key `{key}`")));
            }
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
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
    fn reads_what_is_right() {
        let value: Result<Value, _> = from_slice(br#"{"a":[1,-2,0.5,"x",null,true]}"#);
        assert_eq!(value.ok(), Some(serde_json::json!({"a": [1, -2, 0.5, "x", null, true]})));
    }
}
