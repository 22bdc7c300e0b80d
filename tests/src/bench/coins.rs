//! How many coins a purchase takes, over a mix of prices, with the purse's own rules.

use semper_shared::foundation::{Amount, Digest, UnixSeconds};
use semper_shared::items::payment::ecash::{KeySet, select};
use serde::Serialize;

use crate::Outcome;

/// Prices in cents, and how often each occurs among a hundred purchases. They are an assumption, not a survey: the price
/// points at which articles, songs, books and courses are commonly sold one by one.
const PRICES: &str = include_str!("prices.csv");

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
    /// How many coins are gathered in the background, per purchase.
    pub gathered: f64,
    /// How often that happens, per purchase.
    pub gatherings: f64,
    /// The mean without gathering.
    pub mean_ungathered: f64,
}

/// Buys as a wallet does: cash is added when it runs out, coins are gathered and change is exchanged after every purchase.
///
/// # Errors
/// Where the mint issues no coins now.
pub(super) fn measure(keys: &KeySet, now: UnixSeconds) -> Outcome<CoinsUsed> {
    let used = run(keys, now, true)?;
    Ok(CoinsUsed { mean_ungathered: run(keys, now, false)?.mean, ..used })
}

fn run(keys: &KeySet, now: UnixSeconds, gathers: bool) -> Outcome<CoinsUsed> {
    let prices = prices()?;
    let mut purse: Vec<(u64, Digest)> = Vec::new();
    let mut random = 0x5eed_u64;
    let (mut used, mut most, mut gathered, mut gatherings) = (0, 0, 0, 0);
    for _ in 0..PURCHASES {
        let price = next(&prices, &mut random);
        let held: u64 = purse.iter().map(|(value, _)| value).sum();
        if held < price {
            purse.extend(coins_of(keys, TOP_UP.max(price - held), now)?);
        }
        let values: Vec<u64> = purse.iter().map(|(value, _)| *value).collect();
        let chosen = select(&values, price).ok_or("a full purse cannot pay")?;
        used += chosen.len();
        most = most.max(chosen.len());
        let mut left = Vec::new();
        for (index, taken) in chosen {
            left.push(purse[index].0 - taken);
            purse[index].0 = 0;
        }
        purse.retain(|(value, _)| *value > 0);
        while let Some((one, chosen)) = keys.gathering(&purse, now).filter(|_| gathers) {
            gathered += chosen.len();
            gatherings += 1;
            let sum: u64 = chosen.iter().map(|index| purse[*index].0).sum();
            if sum != one.value.minor() {
                return Err("what is gathered is not what it becomes".into());
            }
            for index in chosen {
                purse[index].0 = 0;
            }
            purse.retain(|(value, _)| *value > 0);
            purse.push((one.value.minor(), one.id));
        }
        for change in left.into_iter().filter(|change| *change > 0) {
            purse.extend(coins_of(keys, change, now)?);
        }
    }
    let a_purchase =
        |count: usize| Ok::<_, core::num::TryFromIntError>(f64::from(u32::try_from(count)?) / f64::from(PURCHASES));
    Ok(CoinsUsed {
        mean: a_purchase(used)?,
        most,
        gathered: a_purchase(gathered)?,
        gatherings: a_purchase(gatherings)?,
        mean_ungathered: 0.0,
    })
}

/// What a withdrawal or a refresh of an amount gives.
fn coins_of(keys: &KeySet, minor: u64, now: UnixSeconds) -> Outcome<Vec<(u64, Digest)>> {
    let coins = keys.withdrawal(Amount::new(keys.currency(), minor)?, now)?;
    Ok(coins.into_iter().map(|denomination| (denomination.value.minor(), denomination.id)).collect())
}

/// The prices, and the share of each.
fn prices() -> Outcome<Vec<(u64, u64)>> {
    let lines = PRICES.lines().skip(1);
    lines
        .map(|line| {
            let mut fields = line.split(',');
            let mut number = || fields.next().ok_or("a field is missing").map(str::parse::<u64>);
            Ok((number()??, number()??))
        })
        .collect()
}

/// The next price; the same ones in every run.
fn next(prices: &[(u64, u64)], random: &mut u64) -> u64 {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let mut place = (*random >> 33) % 100;
    for (price, share) in prices {
        if place < *share {
            return *price;
        }
        place -= share;
    }
    prices[0].0
}

#[cfg(test)]
mod tests {
    use semper_shared::foundation::{Currency, base64};
    use semper_shared::items::payment::ecash::{DenominationKey, Fees, Funding, MintKeys, Policy};
    use semper_shared::items::statement::Signed;
    use semper_shared::security::blinding::RsaPublicKey;
    use semper_shared::security::{Signer, SigningKey};

    use super::*;

    const NOW: UnixSeconds = UnixSeconds(1_000);
    const KEYS: &str = include_str!("../../../shared/src/items/payment/ecash/tests/rsa-test-keys.json");

    /// A mint that issues every power of two up to 81.92.
    fn mint(fees: Fees, policy: Policy) -> Outcome<KeySet> {
        let file: serde_json::Value = serde_json::from_str(KEYS)?;
        let modulus = file["keys"][0]["n"].as_str().and_then(base64::decode).ok_or("a modulus")?;
        let n = RsaPublicKey::from_modulus(&modulus)?;
        let [issue_from, issue_until, spend_until] = [0, 2_000, 9_000].map(UnixSeconds);
        let denomination = |power: u32| DenominationKey {
            value_minor: 1 << power,
            n: n.clone(),
            issue_from,
            issue_until,
            spend_until,
            fees,
        };
        let signer = SigningKey::from_bytes(&[7; 32])?;
        let document = MintKeys {
            key: signer.public_key().clone(),
            url: "http://mint.test".to_owned(),
            name: "Mint".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: "http://bank.test".to_owned(), account: "mint".to_owned() },
            wire_delay_s: 60,
            denominations: (0..14).map(denomination).collect(),
            earlier: None,
            revoked: Vec::new(),
            policy,
            issued_at: NOW,
            expires_at: UnixSeconds(2_000),
        };
        Ok(KeySet::new(Signed::sign(document, &signer))?)
    }

    #[test]
    fn fewer_than_two_coins_pay_a_purchase() -> Outcome {
        let used = measure(&mint(Fees::default(), Policy::default())?, NOW)?;
        println!("{used:?}");
        assert!(used.mean < 2.0, "{used:?}");
        assert!(used.mean_ungathered > 4.0, "it is gathering that does it: {used:?}");
        assert!(used.most <= 64, "every one of them can be paid: {used:?}");
        assert!(used.gatherings < 0.6 && used.gathered < 5.0, "{used:?}");
        Ok(())
    }

    #[test]
    fn nothing_is_gathered_that_costs_a_fee_or_is_beyond_the_limits() -> Outcome {
        let fees = Fees { refresh: 1, ..Fees::default() };
        let coins =
            |keys: &KeySet| Ok::<_, Box<dyn std::error::Error + Send + Sync>>(coins_of(keys, 1, NOW)?.repeat(40));
        let costly = mint(fees, Policy::default())?;
        assert!(costly.gathering(&coins(&costly)?, NOW).is_none());
        let free = mint(Fees::default(), Policy::default())?;
        let (one, chosen) = free.gathering(&coins(&free)?, NOW).ok_or("nothing is gathered")?;
        assert_eq!((one.value.minor(), chosen.len()), (32, 32));
        assert!(free.gathering(&coins(&free)?[..16], NOW).is_none(), "few coins stay");
        for policy in [
            Policy { max_transfer_minor: Some(31), ..Policy::default() },
            Policy { max_reserve_minor: Some(31), ..Policy::default() },
            Policy { max_withdrawal_minor: Some(31), ..Policy::default() },
            Policy { max_day_minor: Some(31), ..Policy::default() },
        ] {
            let limited = mint(Fees::default(), policy)?;
            let (one, _) = limited.gathering(&coins(&limited)?, NOW).ok_or("nothing is gathered")?;
            assert_eq!(one.value.minor(), 16, "{policy:?}");
        }
        Ok(())
    }
}
