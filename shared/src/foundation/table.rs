//! A map, a sort and a set for what is few: a mint's purse among a handful, coins by the hundred.
//!
//! The standard library's trees and sorts are made for more, and each kind of content brings several kilobytes of them into
//! the browser.

use core::borrow::Borrow;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Index;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map: a list in the order of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table<K, V>(Vec<(K, V)>);

impl<K, V> Table<K, V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keys and values, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    /// The keys, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }

    /// The values, in the order of the keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Ord, V> Table<K, V> {
    /// Where a key stands, or would.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &self.0[at].1)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.find(key).ok().map(|at| &mut self.0[at].1)
    }

    /// The value of a key, which is this one where there was none.
    pub fn get_or_insert(&mut self, key: K, default: impl FnOnce() -> V) -> &mut V {
        let at = self.find(&key).unwrap_or_else(|at| {
            self.0.insert(at, (key, default()));
            at
        });
        &mut self.0[at].1
    }

    /// Puts a value under a key, instead of what stood there.
    pub fn insert(&mut self, key: K, value: V) {
        match self.find(&key) {
            Ok(at) => self.0[at].1 = value,
            Err(at) => self.0.insert(at, (key, value)),
        }
    }
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for Table<K, V> {
    type Output = V;

    /// Panics where there is no such key: for tests.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the table has this key")
    }
}

impl<K: Serialize, V: Serialize> Serialize for Table<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Table<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading(PhantomData))
    }
}

struct Reading<K, V>(PhantomData<fn() -> (K, V)>);

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Reading<K, V> {
    type Value = Table<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table<K, V>, A::Error> {
        let mut table = Table::new();
        while let Some((key, value)) = map.next_entry()? {
            table.insert(key, value);
        }
        Ok(table)
    }
}

/// The items in the order of their keys; those of equal keys stay as they stood.
pub fn in_order<T, K: Ord>(items: impl IntoIterator<Item = T>, key: impl Fn(&T) -> K) -> Vec<T> {
    let mut sorted = Vec::new();
    for item in items {
        let own = key(&item);
        let at = sorted.partition_point(|other| key(other) <= own);
        sorted.insert(at, item);
    }
    sorted
}

/// Whether no two items are equal.
pub fn are_distinct<T: PartialEq>(items: &[T]) -> bool {
    (1..items.len()).all(|at| !items[..at].contains(&items[at]))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_table_is_a_map(entries: Vec<(u8, u32)>) {
            let (mut table, mut map) = (Table::new(), BTreeMap::new());
            for (key, value) in &entries {
                table.insert(*key, *value);
                map.insert(*key, *value);
                *table.get_or_insert(key.wrapping_add(1), || 7) ^= 1;
                *map.entry(key.wrapping_add(1)).or_insert(7) ^= 1;
            }
            prop_assert!(table.iter().eq(&map));
            prop_assert!((0..=255).all(|key| table.get(&key) == map.get(&key)));
            let json = serde_json::to_string(&map).unwrap();
            prop_assert_eq!(&serde_json::to_string(&table).unwrap(), &json);
            prop_assert_eq!(serde_json::from_str::<Table<u8, u32>>(&json).unwrap(), table);
        }

        #[test]
        fn the_order_is_that_of_a_stable_sort(items: Vec<(u8, u32)>) {
            let mut sorted = items.clone();
            sorted.sort_by_key(|item| item.0);
            prop_assert_eq!(in_order(items, |item| item.0), sorted);
        }

        #[test]
        fn distinct_items_are_as_many_as_their_set(items in prop::collection::vec(0_u8..20, 0..8)) {
            let set: std::collections::BTreeSet<_> = items.iter().collect();
            prop_assert_eq!(are_distinct(&items), set.len() == items.len());
        }
    }
}
