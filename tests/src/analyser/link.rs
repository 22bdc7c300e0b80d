//! Guessing which payment came from which withdrawal, in every way, and saying how far each is from chance.
//!
//! Payments are made in an order that a seed shuffles after everything else is fixed. If what is observed tells nothing, then
//! whatever rule turns it into guesses meets the truth as a random permutation would: one right guess on average, however
//! many wallets there are, and more than `k` of them with the probability of a Poisson variable of mean one. Likewise the
//! rank correlation of any two numbers, times √(n − 1), is close to a standard normal variable, with lighter tails where the
//! numbers differ. Where only a few stand out (a line that a slow machine wrote into the log of two events of fifty), they
//! fall together more often than that: never more surely than one of the ways to place so few ([`placements`]).
//!
//! Thousands of rules are tried, so each must stay below its share of [`FALSE_ALARM`] (Bonferroni); the test then fails
//! without a leak once in a million runs.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use semper_shared::foundation::{Digest, base64};

use super::capture::{Capture, Event, Phase};
use super::facts::{Facts, RowIndex};

/// How often the analyser may cry wolf.
const FALSE_ALARM: f64 = 1e-6;

/// Bytes that must agree in a row.
const GRAM: usize = 8;

/// A way to link that works better than chance.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What is linked to what.
    pub link: &'static str,
    /// By what.
    pub how: String,
    /// The probability of doing as well without any leak.
    pub probability: f64,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, by {} (by chance: {:.1e})", self.link, self.how, self.probability)
    }
}

/// What came of all attempts.
#[derive(Debug)]
pub struct Report {
    /// What works better than chance, the best first.
    pub findings: Vec<Finding>,
    /// How many ways were tried.
    pub tried: usize,
    /// The best of them, whether or not it is more than chance.
    pub best: Option<Finding>,
    /// Which byte strings, rows and numbers there were to look at, as counts: a test holds that something was looked at.
    pub strings: usize,
    /// The places at which numbers stand, on either side.
    pub places: BTreeSet<String>,
}

/// Tries everything.
pub fn analyse(capture: &Capture) -> Report {
    let index = RowIndex::new(&capture.tables);
    let side = |phases: &[Phase]| -> Vec<(usize, Facts)> {
        let events = capture.events.iter().filter(|event| event.phase == phases[0]);
        let with_rest = |event: &Event| {
            let rest = capture
                .events
                .iter()
                .filter(|other| other.wallet == event.wallet && phases[1..].contains(&other.phase));
            let facts = Facts::of(event, capture, &index);
            (event.wallet, rest.fold(facts, |facts, other| facts.merge(Facts::of(other, capture, &index))))
        };
        events.map(with_rest).collect()
    };
    let (withdrawals, payments) = (side(&[Phase::Withdraw]), side(&[Phase::Pay]));
    let mut attempts = Attempts::default();
    attempts.link("a withdrawal to its payment", &withdrawals, &payments);
    let again = side(&[Phase::PayAgain]);
    if !again.is_empty() {
        attempts.link("a withdrawal to the payment with its change", &withdrawals, &again);
        // The coin's key stands in the payment and in the exchange of its change: whoever sees both sees one coin.
        attempts.link("a payment to the payment with its change", &side(&[Phase::Pay, Phase::Refresh]), &again);
    }
    attempts.report()
}

#[derive(Default)]
struct Attempts {
    all: Vec<Finding>,
    strings: usize,
    places: BTreeSet<String>,
}

impl Attempts {
    fn link(&mut self, link: &'static str, left: &[(usize, Facts)], right: &[(usize, Facts)]) {
        let position: HashMap<usize, usize> = left.iter().enumerate().map(|(at, (wallet, _))| (*wallet, at)).collect();
        let truth: Vec<usize> = right.iter().map(|(wallet, _)| position[wallet]).collect();
        let facts = |side: &[(usize, Facts)]| side.iter().map(|(_, facts)| facts.clone()).collect::<Vec<_>>();
        let (left, right) = (facts(left), facts(right));
        self.strings(link, &left, &right, &truth);
        self.numbers(link, &left, &right, &truth);
    }

    fn guessed(&mut self, link: &'static str, how: String, right: f64) {
        self.all.push(Finding { link, how: format!("{how}: {right:.1} right"), probability: poisson_tail(right) });
    }

    /// Byte strings: the same, part of another, or hashed.
    fn strings(&mut self, link: &'static str, left: &[Facts], right: &[Facts], truth: &[usize]) {
        let rare = (left.len() / 4).max(2);
        let mut seen: HashMap<&[u8], usize> = HashMap::new();
        for string in left.iter().chain(right).flat_map(|facts| &facts.strings) {
            *seen.entry(string).or_default() += 1;
        }
        self.strings = self.strings.max(seen.len());
        let rare_strings = |facts: &Facts| -> Vec<Vec<u8>> {
            facts.strings.iter().filter(|string| seen[string.as_slice()] <= 2 * rare).cloned().collect()
        };
        let left: Vec<_> = left.iter().map(rare_strings).collect();
        let right: Vec<_> = right.iter().map(rare_strings).collect();
        let plain = |strings: &Vec<Vec<u8>>| strings.iter().flat_map(|string| grams(string)).collect();
        let hashed = |strings: &Vec<Vec<u8>>| strings.iter().flat_map(|string| hashes(string)).collect();
        let sets = |side: &[Vec<Vec<u8>>], make: &dyn Fn(&Vec<Vec<u8>>) -> HashSet<u64>| {
            side.iter().map(make).collect::<Vec<_>>()
        };
        let (left_plain, right_plain) = (sets(&left, &plain), sets(&right, &plain));
        let ways = [
            ("byte strings in common", left_plain.clone(), right_plain.clone()),
            ("a hash or another spelling of what was there first", sets(&left, &hashed), right_plain),
            ("a hash or another spelling of what came later", left_plain, sets(&right, &hashed)),
        ];
        for (how, left, right) in ways {
            let scores = common(&left, &right, rare);
            let hits: f64 = scores.iter().zip(truth).map(|(scores, truth)| credit(scores, *truth)).sum();
            self.guessed(link, how.to_owned(), hits);
        }
    }

    /// Numbers: near each other, or in the same order.
    fn numbers(&mut self, link: &'static str, left: &[Facts], right: &[Facts], truth: &[usize]) {
        let (left, right) = (columns(left), columns(right));
        self.places.extend(left.keys().chain(right.keys()).cloned());
        let ranked = |side: &BTreeMap<String, Vec<f64>>| -> Vec<(String, Vec<f64>, Vec<f64>)> {
            let varied = side.iter().filter(|(_, values)| values.iter().any(|value| value != &values[0]));
            varied.map(|(place, values)| (place.clone(), values.clone(), ranks(values))).collect()
        };
        let (left, right) = (ranked(&left), ranked(&right));
        for (place, values, ranks) in &left {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            for (other, other_values, other_ranks) in &right {
                let hits =
                    truth.iter().zip(other_values).map(|(truth, value)| nearest(&sorted, values[*truth], *value));
                self.guessed(link, format!("{place} near {other}"), hits.sum());
                let aligned: Vec<f64> = truth.iter().map(|truth| ranks[*truth]).collect();
                let correlation = pearson(&aligned, other_ranks);
                let how = format!("{place} in the order of {other}: correlation {correlation:.2}");
                let z = correlation.abs() * f64::from(u32::try_from(truth.len() - 1).unwrap_or(1)).sqrt();
                let least = 1.0 / placements(&aligned).min(placements(other_ranks));
                self.all.push(Finding { link, how, probability: (2.0 * normal_tail(z)).max(least) });
            }
        }
    }

    fn report(mut self) -> Report {
        self.all.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        let tried = self.all.len();
        let share = FALSE_ALARM / f64::from(u32::try_from(tried.max(1)).unwrap_or(u32::MAX));
        let best = self.all.first().cloned();
        let findings = self.all.into_iter().take_while(|finding| finding.probability < share).collect();
        Report { findings, tried, best, strings: self.strings, places: self.places }
    }
}

/// Every run of eight bytes.
fn grams(string: &[u8]) -> impl Iterator<Item = u64> {
    string.windows(GRAM).filter_map(|window| window.try_into().ok().map(u64::from_be_bytes))
}

/// The first eight bytes of a string's SHA-256 in its spellings, and of the string in hexadecimal and base64.
fn hashes(string: &[u8]) -> Vec<u64> {
    let digest = Digest::of(string);
    let spelt = |bytes: &[u8]| {
        let hexadecimal: String = bytes.iter().take(GRAM).map(|byte| format!("{byte:02x}")).collect();
        [hexadecimal, base64::encode(bytes)]
    };
    let mut all = vec![digest.as_bytes().to_vec()];
    all.extend(spelt(digest.as_bytes()).map(String::into_bytes));
    all.extend(spelt(string).map(String::into_bytes));
    all.iter().filter_map(|text| grams(text).next()).collect()
}

/// For every right one, how much each left one has in common with it: the rarer, the more.
fn common(left: &[HashSet<u64>], right: &[HashSet<u64>], rare: usize) -> Vec<Vec<f64>> {
    let owners = |side: &[HashSet<u64>]| {
        let mut owners: HashMap<u64, Vec<usize>> = HashMap::new();
        for (number, grams) in side.iter().enumerate() {
            grams.iter().for_each(|gram| owners.entry(*gram).or_default().push(number));
        }
        owners
    };
    let (left_owners, right_owners) = (owners(left), owners(right));
    let mut scores = vec![vec![0.0; left.len()]; right.len()];
    for (gram, owners) in &left_owners {
        let Some(others) = right_owners.get(gram).filter(|others| others.len().max(owners.len()) <= rare) else {
            continue;
        };
        let weight = 1.0 / f64::from(u32::try_from(owners.len() * others.len()).unwrap_or(u32::MAX));
        others.iter().for_each(|right| owners.iter().for_each(|left| scores[*right][*left] += weight));
    }
    scores
}

/// Whether the highest score is the true one's; a part of it where it shares the place.
fn credit(scores: &[f64], truth: usize) -> f64 {
    let best = scores.iter().copied().fold(0.0, f64::max);
    let first = scores.iter().filter(|score| **score >= best).count();
    if scores[truth] >= best { 1.0 / f64::from(u32::try_from(first).unwrap_or(u32::MAX)) } else { 0.0 }
}

/// Whether the true one is the nearest; a part of it where it shares the place.
fn nearest(sorted: &[f64], truth: f64, value: f64) -> f64 {
    let at = sorted.partition_point(|other| *other < value);
    let below = at.checked_sub(1).map(|below| value - sorted[below]);
    let least = sorted.get(at).map(|above| above - value).into_iter().chain(below).fold(f64::INFINITY, f64::min);
    if (truth - value).abs() > least {
        return 0.0;
    }
    let equal = |to: f64| sorted.partition_point(|other| *other <= to) - sorted.partition_point(|other| *other < to);
    let sharing = equal(value + least) + if least > 0.0 { equal(value - least) } else { 0 };
    1.0 / f64::from(u32::try_from(sharing.max(1)).unwrap_or(u32::MAX))
}

/// The numbers of all events at each place; where one has none there, a number that stands nowhere.
fn columns(side: &[Facts]) -> BTreeMap<String, Vec<f64>> {
    let places: BTreeSet<&String> = side.iter().flat_map(|facts| facts.numbers.keys()).collect();
    let column = |place: &String| side.iter().map(|facts| facts.numbers.get(place).copied().unwrap_or(-1.0)).collect();
    places.into_iter().map(|place| (place.clone(), column(place))).collect()
}

/// The ranks of values; equal ones share theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = |value: &f64| {
        let below = sorted.partition_point(|other| other < value);
        let through = sorted.partition_point(|other| other <= value);
        f64::from(u32::try_from(below + through).unwrap_or(u32::MAX)) / 2.0
    };
    values.iter().map(rank).collect()
}

/// In how many ways those that differ from the most frequent value can stand among all: a binomial coefficient.
fn placements(values: &[f64]) -> f64 {
    let frequency = |value: &f64| values.iter().filter(|other| *other == value).count();
    let apart = values.len() - values.iter().map(frequency).max().unwrap_or(0);
    let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    (0..apart.min(values.len() / 2)).map(|taken| of(values.len() - taken) / of(taken + 1)).product()
}

fn pearson(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap_or(1));
    let (mean_a, mean_b) = (mean(a), mean(b));
    let product: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let square = |values: &[f64], mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
    product / (square(a, mean_a) * square(b, mean_b)).sqrt().max(f64::MIN_POSITIVE)
}

/// The probability that a Poisson variable of mean one is at least this.
fn poisson_tail(at_least: f64) -> f64 {
    let (mut term, mut tail) = ((-1.0_f64).exp(), 0.0);
    for number in 0..200_u32 {
        if f64::from(number) >= at_least.floor() {
            tail += term;
        }
        term /= f64::from(number + 1);
    }
    tail
}

/// An upper bound on the probability that a standard normal variable is above this (Mills' ratio).
fn normal_tail(above: f64) -> f64 {
    let density = (-above * above / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (density / above.max(f64::MIN_POSITIVE)).min(0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_the_tables() {
        assert!((poisson_tail(1.0) - 0.632).abs() < 0.001);
        assert!((poisson_tail(5.0) - 0.00366).abs() < 0.0001);
        assert!((normal_tail(6.0) - 1.0e-9).abs() < 0.1e-9);
    }

    #[test]
    fn ties_share_the_credit() {
        assert!((credit(&[0.0, 0.0, 0.0, 0.0], 2) - 0.25).abs() < 1e-9);
        assert!((credit(&[0.0, 3.0, 3.0], 1) - 0.5).abs() < 1e-9);
        assert!(credit(&[1.0, 3.0], 0) < 1e-9);
        assert!((nearest(&[1.0, 2.0, 2.0, 4.0], 2.0, 3.0) - 1.0 / 3.0).abs() < 1e-9);
        assert!((nearest(&[1.0, 2.0, 4.0], 2.0, 2.0) - 1.0).abs() < 1e-9);
        assert!(nearest(&[1.0, 2.0, 4.0], 4.0, 2.5) < 1e-9);
    }

    #[test]
    fn the_few_that_stand_out_fall_together_by_chance() {
        let two_of = |at: [usize; 2]| (0..50).map(|n| if at.contains(&n) { 1.0 } else { 0.0 }).collect::<Vec<_>>();
        assert!((placements(&two_of([3, 4])) - 1225.0).abs() < 1e-6);
        let different: Vec<f64> = (0..50).map(f64::from).collect();
        assert!(placements(&different) > 1e14);
        assert!((placements(&[7.0; 50]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn order_is_seen_whatever_the_scale() {
        let squares: Vec<f64> = (0..20_u32).map(|n| f64::from(n * n)).collect();
        let numbers: Vec<f64> = (0..20).map(f64::from).collect();
        assert!((pearson(&ranks(&squares), &ranks(&numbers)) - 1.0).abs() < 1e-9);
    }
}
