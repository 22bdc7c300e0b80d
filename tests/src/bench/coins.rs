//! How many coins a purchase takes, over a realistic mix of prices, with the purse's own rules.

use semper_shared::foundation::{Amount, UnixSeconds};
use semper_shared::items::payment::ecash::{KeySet, select};
use serde::Serialize;

use crate::Outcome;

/// Prices in cents as shops of contents have them, and how often each occurs among a hundred purchases.
const PRICES: [(u64, u32); 12] = [
    (25, 8),
    (49, 10),
    (99, 18),
    (149, 8),
    (199, 12),
    (299, 12),
    (320, 8),
    (499, 9),
    (999, 8),
    (1_249, 3),
    (1_999, 3),
    (4_999, 1),
];

/// What a customer puts into the purse at a time, in cents; more where a price asks for it.
const TOP_UP: u64 = 2_000;
const PURCHASES: u32 = 20_000;

/// Coins per purchase.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct CoinsUsed {
    /// The mean.
    pub mean: f64,
    /// The most.
    pub most: usize,
}

/// Buys, with change refreshed after every purchase and cash added when it runs out.
pub(super) fn measure(keys: &KeySet, now: UnixSeconds) -> Outcome<CoinsUsed> {
    let mut purse: Vec<u64> = Vec::new();
    let mut random = 0x5eed_u64;
    let (mut used, mut most) = (0, 0);
    for _ in 0..PURCHASES {
        let price = price(&mut random);
        let held: u64 = purse.iter().sum();
        if held < price {
            purse.extend(coins_of(keys, TOP_UP.max(price - held), now)?);
        }
        let chosen = select(&purse, price).ok_or("a full purse cannot pay")?;
        used += chosen.len();
        most = most.max(chosen.len());
        let mut left = Vec::new();
        for (index, taken) in chosen {
            left.push(purse[index] - taken);
            purse[index] = 0;
        }
        purse.retain(|value| *value > 0);
        for change in left.into_iter().filter(|change| *change > 0) {
            purse.extend(coins_of(keys, change, now)?);
        }
    }
    let mean = f64::from(u32::try_from(used)?) / f64::from(PURCHASES);
    Ok(CoinsUsed { mean, most })
}

/// What a withdrawal or a refresh of an amount gives.
fn coins_of(keys: &KeySet, minor: u64, now: UnixSeconds) -> Outcome<Vec<u64>> {
    let coins = keys.withdrawal(Amount::new(keys.currency(), minor)?, now)?;
    Ok(coins.into_iter().map(|denomination| denomination.value.minor()).collect())
}

/// The next price; the same ones in every run.
fn price(random: &mut u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut place = u32::try_from((*random >> 33) % 100).unwrap_or(0);
    for (price, share) in PRICES {
        if place < share {
            return price;
        }
        place -= share;
    }
    PRICES[0].0
}
