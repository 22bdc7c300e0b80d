//! The market year: a synthetic ledger of one regional market, 1.1 million rows, for teaching and benchmarks.
//!
//! Every draw is integer arithmetic on a xoshiro256** stream, so one seed gives the same bytes on every platform.
//! `parts/the-market-year/handbook.html` says what the numbers mean and what is planted in them; change both together.
//!
//! ```text
//! let mut out = std::io::BufWriter::new(file);
//! let made = market_year::write_csv(&mut out, market_year::SEED)?;
//! assert_eq!(made.bytes, market_year::BYTES);
//! ```

use std::io::{self, Write};

/// Writes the whole ledger as CSV (UTF-8, `\n`, header line) and says what was written.
///
/// The rows come in order of time and there are always [`ROWS`] of them; with [`SEED`] the length is [`BYTES`].
/// Memory stays small: one day at a time.
///
/// # Errors
/// Only those of `out`.
pub fn write_csv(out: &mut impl Write, seed: u64) -> io::Result<Summary> {
    let mut market = Market::open(seed);
    let mut sink = Sink { out, summary: Summary::default() };
    sink.line(HEADER)?;
    let quotas = market.day_quotas();
    for (day, quota) in (0u64..).zip(quotas) {
        for purchase in market.day(day, quota) {
            market.seq += 1;
            sink.row(market.seq, &purchase)?;
        }
    }
    sink.out.flush()?;
    Ok(sink.summary)
}

/// What [`write_csv`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows without the header.
    pub rows: u64,
    /// Bytes, header and line ends included.
    pub bytes: u64,
}

/// The published edition's seed.
pub const SEED: u64 = 1995;
/// Rows of every edition, whatever its seed.
pub const ROWS: u64 = 1_100_000;
/// Bytes of the edition made with [`SEED`].
pub const BYTES: u64 = 113_997_419;

const HEADER: &str =
    "seq,time,town,merchant,category,deal,method,price_minor,vat_percent,coins,coin,status,refund_minor,label";

const DAY_SECONDS: u64 = 86_400;
const DAYS: u64 = 365;
/// The day (1 July) on which more wallets begin to pay from one larger coin.
const WALLET_UPDATE_DAY: u64 = 181;
/// How many of the latest coins a double spender may still hold.
const RECENT_COINS: usize = 30_000;
const MERCHANTS: u64 = 240;

#[rustfmt::skip]
const TOWNS: [&str; 12] = [
    "Aldersee", "Brunnmoor", "Caldew", "Dornach", "Estrel", "Fennbury", "Garonne-Haut", "Hallund", "Iverley", "Jonkers",
    "Kestrel", "Lindmar",
];

/// A trade: name, VAT, nine price quantiles in minor units, refunds per 10,000, weight of each hour of the day.
struct Category(&'static str, u64, [u64; 9], u64, [u64; 24]);

const SHOP: [u64; 24] = [0, 0, 0, 0, 0, 0, 1, 4, 9, 13, 15, 15, 13, 10, 10, 12, 14, 16, 14, 8, 3, 1, 0, 0];
const MORNING: [u64; 24] = [0, 0, 0, 0, 0, 3, 16, 26, 24, 16, 11, 9, 9, 7, 6, 6, 6, 5, 3, 1, 0, 0, 0, 0];
const SCREEN: [u64; 24] = [5, 3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 8, 9, 9, 8, 8, 9, 10, 12, 15, 18, 19, 15, 9];

const CATEGORIES: [Category; 8] = [
    Category("bakery", 7, [65, 140, 220, 295, 380, 490, 660, 980, 2400], 15, MORNING),
    Category("grocer", 7, [99, 420, 890, 1450, 2100, 2950, 4200, 6600, 16_500], 40, SHOP),
    Category("cafe", 19, [180, 290, 360, 450, 590, 790, 1120, 1750, 4600], 10, MORNING),
    Category("press", 7, [20, 40, 60, 90, 120, 160, 240, 450, 1990], 60, SCREEN),
    Category("transit", 7, [170, 170, 260, 260, 340, 340, 520, 1040, 6300], 90, SHOP),
    Category("books", 7, [300, 799, 1000, 1200, 1400, 1800, 2200, 2900, 7800], 180, SHOP),
    Category("hardware", 19, [89, 349, 699, 1199, 1899, 2999, 4999, 9499, 49_900], 320, SHOP),
    Category("software", 19, [99, 199, 299, 499, 999, 1499, 2999, 5900, 24_900], 210, SCREEN),
];

/// Weight of each weekday, Monday first.
const WEEKDAYS: [u64; 7] = [92, 94, 97, 103, 124, 138, 52];
/// Weight of each month.
const MONTHS: [u64; 12] = [88, 90, 97, 101, 104, 100, 95, 86, 99, 103, 112, 139];
const MONTH_LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// Days of the year on which the market is nearly shut: New Year, Good Friday, Easter Monday, 1 May, Christmas.
const HOLIDAYS: [u64; 6] = [0, 107, 110, 120, 358, 359];

#[derive(Clone, Copy)]
struct Shop {
    index: usize,
    town: &'static str,
    category: &'static Category,
}

struct Merchant {
    shop: Shop,
    opens_day: u64,
    /// Cumulative weight up to and including this merchant.
    cumulative: u64,
}

/// Merchants whose refunds are feigned, each between two days (1 March to 31 May).
const RING: [usize; 3] = [41, 97, 163];
const RING_DAYS: std::ops::Range<u64> = 59..151;
/// Of ten thousand purchases at a ring merchant in its season, this many are sent back.
const RING_REFUND_RATE: u64 = 1_800;
/// Days on which stolen card numbers are tried out.
const CARD_TEST_DAYS: [u64; 24] =
    [9, 23, 38, 52, 66, 71, 88, 104, 119, 133, 149, 162, 176, 190, 205, 221, 234, 248, 263, 279, 295, 311, 328, 347];

#[derive(Clone)]
struct Purchase {
    /// Since 1 January 2025, 00:00 UTC.
    second: u64,
    shop: Shop,
    deal: u64,
    method: &'static str,
    price_minor: u64,
    coins: u32,
    coin: u64,
    status: &'static str,
    refund_minor: u64,
    label: &'static str,
}

struct Market {
    rng: Xoshiro256,
    merchants: Vec<Merchant>,
    recent: Vec<u64>,
    oldest: usize,
    seq: u64,
}

impl Market {
    fn open(seed: u64) -> Self {
        let mut rng = Xoshiro256::from_seed(seed);
        let mut merchants = Vec::new();
        let mut cumulative = 0;
        for (index, (town, rank)) in TOWNS.iter().cycle().zip(1..=MERCHANTS).enumerate() {
            // Popularity falls as 1/(rank + 8): a few well-known shops and a long tail.
            cumulative += 1_000_000 / (rank + 8);
            let category = rng.pick(&CATEGORIES).unwrap_or(&CATEGORIES[0]);
            let opens_day = if rank > 20 && rng.below(12) == 0 { 30 + rng.below(270) } else { 0 };
            merchants.push(Merchant { shop: Shop { index, town, category }, opens_day, cumulative });
        }
        Self { rng, merchants, recent: Vec::with_capacity(RECENT_COINS), oldest: 0, seq: 0 }
    }

    /// Rows of each day: weekday × month × growth × chance, scaled so that the year has exactly [`ROWS`].
    fn day_quotas(&mut self) -> Vec<u64> {
        let mut weights = Vec::new();
        let months = MONTHS.iter().zip(MONTH_LENGTHS).flat_map(|(month, length)| (0..length).map(move |_| *month));
        // 1 January 2025 was a Wednesday.
        let weekdays = WEEKDAYS.iter().cycle().skip(2);
        for ((day, month), weekday) in (0..DAYS).zip(months).zip(weekdays) {
            let growth = 1_000 + day * 200 / DAYS;
            let chance = 920 + self.rng.below(81) + self.rng.below(81);
            let shut = if HOLIDAYS.contains(&day) { 12 } else { 100 };
            weights.push(weekday * month * growth / 1_000 * chance / 1_000 * shut);
        }
        let total: u64 = weights.iter().sum();
        let (mut seen, mut given) = (0, 0);
        weights
            .into_iter()
            .map(|weight| {
                seen += weight;
                let quota = ROWS * seen / total - given;
                given += quota;
                quota
            })
            .collect()
    }

    /// One day's rows in order of time.
    fn day(&mut self, day: u64, quota: u64) -> Vec<Purchase> {
        let mut rows = Vec::new();
        if CARD_TEST_DAYS.contains(&day) {
            self.card_test(day, quota, &mut rows);
        }
        while (rows.len() as u64) < quota {
            let purchase = self.purchase(day);
            // A lost answer: the wallet sends the same request again, and gets the stored receipt.
            if rows.len() as u64 + 1 < quota && purchase.status == "settled" && self.rng.below(250) == 0 {
                let mut again = purchase.clone();
                again.second = (again.second + 2 + self.rng.below(60)).min((day + 1) * DAY_SECONDS - 1);
                again.status = "repeat";
                again.refund_minor = 0;
                rows.push(again);
            }
            rows.push(purchase);
        }
        rows.sort_by_key(|row| (row.second, row.status == "repeat", row.deal));
        rows
    }

    /// An honest purchase, or one of the two frauds that hide among them.
    fn purchase(&mut self, day: u64) -> Purchase {
        let shop = self.open_shop(day);
        let price_minor = self.price(shop.category);
        let second = self.rng.hour(&shop.category.4) * 3_600 + self.rng.below(3_600);
        let method = self.method(day, price_minor);
        let mut row = self.row(shop, day * DAY_SECONDS + second, method, price_minor);
        if method == "ecash" {
            row.coins = self.coins(day, price_minor);
            row.coin = self.rng.next();
            if self.rng.below(2_000) == 0 && self.recent.len() == RECENT_COINS {
                // A coin that was spent in the last days comes back; the mint refuses it.
                row.coin = self.rng.pick(&self.recent).copied().unwrap_or(row.coin);
                return Purchase { coins: 1, status: "refused", label: "double", ..row };
            }
            self.remember(row.coin);
        }
        let in_ring = RING.contains(&shop.index) && RING_DAYS.contains(&day);
        let refund_rate = if in_ring { RING_REFUND_RATE } else { shop.category.3 };
        if self.rng.below(10_000) < refund_rate {
            // Two refunds in three are whole, the others a part; a feigned one is always whole.
            let whole = in_ring || self.rng.below(3) < 2;
            row.refund_minor = if whole { price_minor } else { 1 + self.rng.below(price_minor) };
            row.status = "refunded";
            row.label = if in_ring { "ring" } else { "ok" };
        }
        row
    }

    /// A burst of small card payments at one shop within twenty minutes; the gateway declines four in five.
    fn card_test(&mut self, day: u64, quota: u64, rows: &mut Vec<Purchase>) {
        let shop = self.open_shop(day);
        let start = day * DAY_SECONDS + 3_600 * (1 + self.rng.below(22));
        for _ in 0..quota.min(60 + self.rng.below(61)) {
            let second = start + self.rng.below(1_200);
            let price_minor = 100 + self.rng.below(101);
            let status = if self.rng.below(5) < 4 { "declined" } else { "settled" };
            let row = self.row(shop, second, "card", price_minor);
            rows.push(Purchase { status, label: "cardtest", ..row });
        }
    }

    #[rustfmt::skip]
    fn row(&mut self, shop: Shop, second: u64, method: &'static str, price_minor: u64) -> Purchase {
        let deal = self.rng.next();
        Purchase {
            second, shop, deal, method, price_minor,
            coins: 0, coin: 0, status: "settled", refund_minor: 0, label: "ok",
        }
    }

    /// A shop that is open on that day, drawn by popularity.
    fn open_shop(&mut self, day: u64) -> Shop {
        let total = self.merchants.last().map_or(1, |m| m.cumulative);
        loop {
            let ticket = self.rng.below(total);
            let index = self.merchants.partition_point(|m| m.cumulative <= ticket);
            if let Some(open) = self.merchants.get(index).filter(|m| m.opens_day <= day) {
                return open.shop;
            }
        }
    }

    /// A price from the category's quantiles, straight lines between them; above 10.00 it ends in 0, 5 or 9.
    fn price(&mut self, category: &Category) -> u64 {
        let step = index(self.rng.below(8));
        let low = category.2.get(step).copied().unwrap_or_default();
        let high = category.2.get(step + 1).copied().unwrap_or(low);
        let price = low + self.rng.below(high - low + 1);
        if price < 1_000 {
            return price;
        }
        price / 10 * 10 + self.rng.pick(&[0, 0, 5, 9, 9, 9]).copied().unwrap_or(0)
    }

    /// Cash for the small, cards and transfers for the large; cash gains 0.03 % of all purchases a day.
    fn method(&mut self, day: u64, price_minor: u64) -> &'static str {
        let base = match price_minor {
            0..=999 => 6_200,
            1_000..=4_999 => 4_100,
            5_000..=19_999 => 1_500,
            _ => 300,
        };
        let ticket = self.rng.below(10_000);
        if ticket < base + 3 * day {
            "ecash"
        } else if ticket < base + 3 * day + (10_000 - base - 3 * day) * 7 / 10 {
            "card"
        } else {
            "account"
        }
    }

    /// Coins handed over: an old wallet pays exactly (one coin for each binary digit 1), a new one pays from one larger coin.
    fn coins(&mut self, day: u64, price_minor: u64) -> u32 {
        let new_wallets = if day < WALLET_UPDATE_DAY { 20 } else { 55 };
        if self.rng.below(100) < new_wallets { 1 } else { price_minor.count_ones() }
    }

    fn remember(&mut self, coin: u64) {
        if self.recent.len() < RECENT_COINS {
            self.recent.push(coin);
        } else if let Some(slot) = self.recent.get_mut(self.oldest) {
            *slot = coin;
            self.oldest = (self.oldest + 1) % RECENT_COINS;
        }
    }
}

struct Sink<'a, W: Write> {
    out: &'a mut W,
    summary: Summary,
}

impl<W: Write> Sink<'_, W> {
    fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")?;
        self.summary.bytes += text.len() as u64 + 1;
        Ok(())
    }

    fn row(&mut self, seq: u64, row: &Purchase) -> io::Result<()> {
        let coin = if row.method == "ecash" { format!("{},{:016x}", row.coins, row.coin) } else { "0,".to_owned() };
        let Shop { index, town, category: Category(category, vat_percent, ..) } = row.shop;
        let Purchase { deal, method, price_minor, status, refund_minor, label, .. } = row;
        let time = timestamp(row.second);
        self.summary.rows += 1;
        self.line(&format!(
            "{seq},{time},{town},M{index:03},{category},{deal:016x},{method},{price_minor},{vat_percent},{coin},{status},{refund_minor},{label}"
        ))
    }
}

/// RFC 3339 in UTC of a second of the year 2025.
fn timestamp(second: u64) -> String {
    let (mut day, clock) = (second / DAY_SECONDS, second % DAY_SECONDS);
    let mut month = 1;
    for length in MONTH_LENGTHS.into_iter().take(11) {
        if day < length {
            break;
        }
        day -= length;
        month += 1;
    }
    format!("2025-{month:02}-{:02}T{:02}:{:02}:{:02}Z", day + 1, clock / 3_600, clock / 60 % 60, clock % 60)
}

/// xoshiro256** by Blackman and Vigna, its state filled by SplitMix64. Not for secrets.
struct Xoshiro256([u64; 4]);

impl Xoshiro256 {
    fn from_seed(seed: u64) -> Self {
        let mut state = seed;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        }))
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let result = b.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (c, d) = (c ^ a, d ^ b);
        self.0 = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        result
    }

    /// A number below `bound`, by multiply and shift; `bound` is far below 2⁶⁴, so the bias is too small to see.
    fn below(&mut self, bound: u64) -> u64 {
        u64::try_from((u128::from(self.next()) * u128::from(bound)) >> 64).unwrap_or_default()
    }

    /// One of them, or nothing if there are none.
    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(index(self.below(from.len() as u64)))
    }

    /// An hour drawn by weight.
    fn hour(&mut self, weights: &[u64; 24]) -> u64 {
        let mut ticket = self.below(weights.iter().sum());
        for (hour, weight) in (0..).zip(weights) {
            if ticket < *weight {
                return hour;
            }
            ticket -= weight;
        }
        12
    }
}

/// A small number as an index; one that does not fit points past every end.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
