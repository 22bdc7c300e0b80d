//! What goes into a statement and comes out of a row.

use semper_shared::foundation::Digest;

/// A value on its way into the database or out of it. It borrows, so that nothing is copied on the way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Nothing.
    Null,
    /// A whole number. `INTEGER` in SQLite, `BIGINT` in PostgreSQL.
    Integer(i64),
    /// Bytes. `BLOB` in SQLite, `BYTEA` in PostgreSQL.
    Bytes(&'a [u8]),
    /// A text.
    Text(&'a str),
    /// A whole number that the database's do not reach: the statement is refused.
    TooLarge,
}

/// What can be given to a statement.
pub trait ToValue {
    /// The value, borrowed.
    fn to_value(&self) -> Value<'_>;
}

/// What can be read from a row.
pub trait FromValue: Sized {
    /// The value as this type; `None` where it is something else.
    fn from_value(value: Value<'_>) -> Option<Self>;
}

/// The values of a statement: `values![a, b]`, each of which is borrowed.
#[macro_export]
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::store::sql::ToValue::to_value(&$value)),*] as &[$crate::store::sql::Value<'_>]
    };
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl ToValue for $number {
            fn to_value(&self) -> Value<'_> {
                i64::try_from(*self).map_or(Value::TooLarge, Value::Integer)
            }
        }

        impl FromValue for $number {
            fn from_value(value: Value<'_>) -> Option<Self> {
                match value {
                    Value::Integer(number) => number.try_into().ok(),
                    _ => None,
                }
            }
        }

        impl From<$number> for Value<'_> {
            fn from(number: $number) -> Self {
                i64::try_from(number).map_or(Self::TooLarge, Self::Integer)
            }
        }
    )*};
}

numbers!(i64, i32, i16, u64, u32, u16, u8, usize);

impl ToValue for bool {
    fn to_value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl FromValue for bool {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Integer(0) => Some(false),
            Value::Integer(1) => Some(true),
            _ => None,
        }
    }
}

impl ToValue for [u8] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<const N: usize> ToValue for [u8; N] {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => bytes.try_into().ok(),
            _ => None,
        }
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value<'_> {
        Value::Text(self)
    }
}

impl FromValue for String {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.to_owned()),
            _ => None,
        }
    }
}

impl ToValue for Digest {
    fn to_value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl FromValue for Digest {
    fn from_value(value: Value<'_>) -> Option<Self> {
        FromValue::from_value(value).map(Self)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        *self
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: ToValue + FromValue + PartialEq>(value: &T) -> bool {
        T::from_value(value.to_value()).as_ref() == Some(value)
    }

    #[test]
    fn what_goes_in_comes_out() {
        assert!(there_and_back(&-5_i64) && there_and_back(&5_u64) && there_and_back(&u8::MAX));
        assert!(there_and_back(&true) && there_and_back(&vec![1_u8, 2]) && there_and_back(&[3_u8; 33]));
        assert!(there_and_back(&"text".to_owned()) && there_and_back(&Digest([4; 32])));
        assert!(there_and_back(&None::<i64>) && there_and_back(&Some(7_u32)));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(u64::MAX.to_value(), Value::TooLarge);
        assert_eq!(u16::from_value(Value::Integer(70_000)), None);
        assert_eq!(u64::from_value(Value::Integer(-1)), None);
        assert_eq!(<[u8; 4]>::from_value(Value::Bytes(&[1])), None);
        assert_eq!(bool::from_value(Value::Integer(2)), None);
        assert_eq!(i64::from_value(Value::Null), None);
        assert_eq!(String::from_value(Value::Bytes(b"x")), None);
    }
}
