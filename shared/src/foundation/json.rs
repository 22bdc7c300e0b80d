//! Strict JSON (RFC 8259): duplicate keys are refused, since two readers may disagree on which one counts, and a message
//! is an object and nothing else: serde's other form of a struct, a list of its members, is not the protocol's.
//!
//! ```
//! use semper_shared::foundation::json;
//! assert!(json::from_slice::<serde_json::Value>(br#"{"pay":1,"pay":2}"#).is_err());
//! ```

use core::fmt;
use std::borrow::Cow;

use serde::de::value::{MapAccessDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value};

use super::code::{Code, Coded};

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

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self(Box::new(Cow::Owned(error.to_string())))
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
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict.deserialize(&mut reader)?;
    reader.end()?;
    from_value(value)
}

/// Reads a value that was parsed before, as strictly.
///
/// # Errors
/// [`JsonError`] for members that do not fit `T`.
pub fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    T::deserialize(Whole(value))
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

/// A value on its way into a type, which gets the kind that it asks for or nothing.
struct Whole(Value);

impl Whole {
    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Object(members) => visitor.visit_map(Members { rest: members.into_iter(), value: None }),
            _ => Err(mismatch()),
        }
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let Value::Array(items) = self.0 else {
            return Err(mismatch());
        };
        let mut items = Items(items.into_iter());
        let value = visitor.visit_seq(&mut items)?;
        if items.0.len() == 0 { Ok(value) } else { Err(JsonError::of("a list has the wrong length")) }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match &self.0 {
            Value::Number(number) => visit_number(number, visitor),
            _ => Err(mismatch()),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(mismatch()),
        }
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: &Number, visitor: V) -> Result<V::Value, JsonError> {
    if let Some(number) = number.as_u64() {
        visitor.visit_u64(number)
    } else if let Some(number) = number.as_i64() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
    }
}

#[cold]
#[inline(never)]
fn mismatch() -> JsonError {
    JsonError::of("a member has the wrong type")
}

macro_rules! asks_for {
    ($kind:ident: $($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
            self.$kind(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Whole {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(_) => self.number(visitor),
            Value::String(_) => self.text(visitor),
            Value::Array(_) => self.list(visitor),
            Value::Object(_) => self.object(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        self.object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::String(variant) => {
                let variant: StringDeserializer<JsonError> = variant.into_deserializer();
                visitor.visit_enum(variant)
            }
            Value::Object(members) => {
                let members = Members { rest: members.into_iter(), value: None };
                visitor.visit_enum(MapAccessDeserializer::new(members))
            }
            _ => Err(mismatch()),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.list(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    asks_for!(object: deserialize_map);
    asks_for!(list: deserialize_seq);
    asks_for!(text: deserialize_str deserialize_string deserialize_identifier);
    asks_for!(number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i64 deserialize_f64);

    forward_to_deserialize_any! { bool i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct tuple_struct }
}

/// The members of an object.
struct Members {
    rest: serde_json::map::IntoIter,
    value: Option<Value>,
}

impl<'de> MapAccess<'de> for Members {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        let key: StringDeserializer<JsonError> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(Whole(self.value.take().unwrap_or_default()))
    }
}

/// The items of a list.
struct Items(std::vec::IntoIter<Value>);

impl<'de> SeqAccess<'de> for Items {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        self.0.next().map(|item| seed.deserialize(Whole(item))).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
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

    #[test]
    fn reads_what_is_right() {
        let value: Result<Value, _> = from_slice(br#"{"a":[1,-2,0.5,"x",null,true]}"#);
        assert_eq!(value.ok(), Some(serde_json::json!({"a": [1, -2, 0.5, "x", null, true]})));
    }
}
