//! Which coins pay an amount: as few as possible, since every coin costs the mint a verification and shows a key.

use crate::foundation::table::in_order;

/// Chooses among coins of these values, in minor units, and says how much to take from each: `(index, amount)`.
///
/// One coin where one suffices: the exact one, else the smallest that is enough. Otherwise the largest coins whole, and
/// the rest from the smallest coin that is enough for it. At most one coin is spent in part. `None` where all of them
/// together are not enough.
pub fn select(values: &[u64], amount: u64) -> Option<Vec<(usize, u64)>> {
    if values.iter().try_fold(0_u64, |sum, value| sum.checked_add(*value)).is_some_and(|sum| sum < amount) {
        return None;
    }
    let mut order = in_order(0..values.len(), |index| values[*index]);
    let mut chosen = Vec::new();
    let mut rest = amount;
    while rest > 0 {
        let enough = order.iter().position(|index| values[*index] >= rest);
        let index = match enough {
            Some(position) => order.remove(position),
            None => order.pop()?,
        };
        let take = values[index].min(rest);
        rest -= take;
        chosen.push((index, take));
    }
    Some(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_coin_where_one_suffices() {
        assert_eq!(select(&[1024, 512, 320, 64], 320), Some(vec![(2, 320)]), "exact");
        assert_eq!(select(&[1024, 512, 64], 320), Some(vec![(1, 320)]), "smallest that is enough");
        assert_eq!(select(&[512, 256, 64], 800), Some(vec![(0, 512), (1, 256), (2, 32)]));
        assert_eq!(select(&[1, 2], 4), None);
        assert_eq!(select(&[], 0), Some(vec![]));
    }

    proptest! {
        #[test]
        fn pays_exactly_and_breaks_one_coin_at_most(values in prop::collection::vec(1_u64..5000, 0..20), amount in 0_u64..20_000) {
            let Some(chosen) = select(&values, amount) else {
                prop_assert!(values.iter().sum::<u64>() < amount);
                return Ok(());
            };
            prop_assert_eq!(chosen.iter().map(|(_, take)| take).sum::<u64>(), amount);
            prop_assert!(chosen.iter().filter(|(index, take)| *take < values[*index]).count() <= 1);
            prop_assert!(chosen.iter().all(|(index, take)| *take <= values[*index]));
            let mut indices: Vec<_> = chosen.iter().map(|(index, _)| *index).collect();
            indices.sort_unstable();
            indices.dedup();
            prop_assert_eq!(indices.len(), chosen.len());
        }
    }
}
