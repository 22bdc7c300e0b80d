//! From a tree to a type.
//!
//! A struct is fed to serde as the sequence of its members, in the order of its fields: what serde derives for a sequence is
//! a fraction of what it derives for a map, and every type of the protocol is read in the browser. A type that refuses
//! members that it does not know says so in its name, which is all that a deserializer sees of it: [`CLOSED`].

use core::slice;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Number, Value};

use super::JsonError;

/// With what the name of a struct begins that has no members but its own, beside serde's `deny_unknown_fields`.
const CLOSED: &str = "closed ";

/// A value on its way into a type, which gets the kind that it asks for or nothing. None where a member is missing.
pub(super) struct Whole(Option<Value>);

impl Whole {
    pub(super) const fn of(value: Value) -> Self {
        Self(Some(value))
    }

    #[inline(never)]
    fn into_members(self) -> Result<Map<String, Value>, JsonError> {
        match self.0 {
            Some(Value::Object(members)) => Ok(members),
            _ => Err(mismatch()),
        }
    }

    #[inline(never)]
    fn into_items(self) -> Result<Items, JsonError> {
        match self.0 {
            Some(Value::Array(items)) => Ok(Items(items.into_iter())),
            _ => Err(mismatch()),
        }
    }

    #[inline(never)]
    fn into_number(self) -> Result<Number, JsonError> {
        match self.0 {
            Some(Value::Number(number)) => Ok(number),
            _ => Err(mismatch()),
        }
    }

    #[inline(never)]
    fn into_text(self) -> Result<String, JsonError> {
        match self.0 {
            Some(Value::String(text)) => Ok(text),
            _ => Err(mismatch()),
        }
    }

    #[inline(never)]
    fn into_variant(self) -> Result<Variant, JsonError> {
        match self.0 {
            Some(Value::String(name)) => Ok(Variant { name, value: None }),
            Some(Value::Object(members)) => {
                let mut members = members.into_iter();
                match (members.next(), members.next()) {
                    (Some((name, value)), None) => Ok(Variant { name, value: Some(value) }),
                    _ => Err(mismatch()),
                }
            }
            _ => Err(mismatch()),
        }
    }

    fn object<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_map(Members { rest: self.into_members()?.into_iter(), value: None })
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let mut items = self.into_items()?;
        let value = visitor.visit_seq(&mut items)?;
        items.end().map(|()| value)
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        let number = self.into_number()?;
        if let Some(number) = number.as_u64() {
            visitor.visit_u64(number)
        } else if let Some(number) = number.as_i64() {
            visitor.visit_i64(number)
        } else {
            visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_string(self.into_text()?)
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
            None => Err(mismatch()),
            Some(Value::Null) => visitor.visit_unit(),
            Some(Value::Bool(value)) => visitor.visit_bool(value),
            Some(Value::Number(_)) => self.number(visitor),
            Some(Value::String(_)) => self.text(visitor),
            Some(Value::Array(_)) => self.list(visitor),
            Some(Value::Object(_)) => self.object(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            None | Some(Value::Null) => visitor.visit_none(),
            Some(_) => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        let mut fields = Fields::of(self, name, fields)?;
        visitor.visit_seq(&mut fields).map_err(|error| fields.blame(error))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        visitor.visit_enum(self.into_variant()?)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        self.list(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            None => Err(mismatch()),
            Some(_) => visitor.visit_unit(),
        }
    }

    asks_for!(object: deserialize_map);
    asks_for!(list: deserialize_seq);
    asks_for!(text: deserialize_str deserialize_string deserialize_identifier);
    asks_for!(number: deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_i64 deserialize_f64);

    forward_to_deserialize_any! { bool i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct tuple_struct }
}

/// The members of a struct, in the order of its fields.
struct Fields {
    members: Map<String, Value>,
    names: slice::Iter<'static, &'static str>,
    /// The member that is missing, where the one before was.
    missing: Option<&'static str>,
}

impl Fields {
    fn of(whole: Whole, name: &str, names: &'static [&'static str]) -> Result<Self, JsonError> {
        let members = whole.into_members()?;
        if name.starts_with(CLOSED)
            && let Some(unknown) = members.keys().find(|member| !names.contains(&member.as_str()))
        {
            return Err(JsonError::naming("the member `", unknown, "` is not known"));
        }
        Ok(Self { members, names: names.iter(), missing: None })
    }

    #[inline(never)]
    fn next(&mut self) -> Whole {
        let name = self.names.next().copied().unwrap_or_default();
        let value = self.members.get_mut(name).map(Value::take);
        self.missing = value.is_none().then_some(name);
        Whole(value)
    }

    /// The error, or the missing member that is its cause.
    #[cold]
    #[inline(never)]
    fn blame(&self, error: JsonError) -> JsonError {
        match self.missing {
            Some(name) => JsonError::naming("the member `", name, "` is missing"),
            None => error,
        }
    }
}

impl<'de> SeqAccess<'de> for &mut Fields {
    type Error = JsonError;

    /// A member that is missing is none where its type can be none, and else what serde has for its default.
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        match seed.deserialize(self.next()) {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.missing.is_some() => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The members of an object.
struct Members {
    rest: serde_json::map::IntoIter,
    value: Option<Value>,
}

impl Members {
    #[inline(never)]
    fn next(&mut self) -> Option<Whole> {
        let (key, value) = self.rest.next()?;
        self.value = Some(value);
        Some(Whole::of(Value::String(key)))
    }
}

impl<'de> MapAccess<'de> for Members {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        self.next().map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(Whole(self.value.take()))
    }
}

/// The items of a list.
struct Items(std::vec::IntoIter<Value>);

impl Items {
    #[inline(never)]
    fn next(&mut self) -> Option<Whole> {
        self.0.next().map(Whole::of)
    }

    #[inline(never)]
    fn end(self) -> Result<(), JsonError> {
        if self.0.len() == 0 { Ok(()) } else { Err(JsonError::of("a list has the wrong length")) }
    }
}

impl<'de> SeqAccess<'de> for &mut Items {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        self.next().map(|item| seed.deserialize(item)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A variant of an enum: its name, and what it holds where it holds something.
struct Variant {
    name: String,
    value: Option<Value>,
}

/// What a variant holds.
struct Held(Option<Value>);

impl<'de> EnumAccess<'de> for Variant {
    type Error = JsonError;
    type Variant = Held;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Held), JsonError> {
        Ok((seed.deserialize(Whole::of(Value::String(self.name)))?, Held(self.value)))
    }
}

impl<'de> VariantAccess<'de> for Held {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        match self.0 {
            None | Some(Value::Null) => Ok(()),
            Some(_) => Err(mismatch()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        seed.deserialize(Whole(self.0))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        Whole(self.0).list(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        Whole(self.0).deserialize_struct("", fields, visitor)
    }
}
