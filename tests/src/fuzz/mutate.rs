//! Inputs made from others, by a seed: bits flipped, parts cut out, doubled, put elsewhere, taken from another input.

use crate::simulation::Chance;

/// What decoders are likely to look at.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1e9",
    "18446744073709551616",
    "9007199254740993",
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "\\u0000",
    "\\ud800",
    "EUR",
    "JPY",
    "A",
    "=",
    ".",
    "..",
    ",",
    ":",
    "\"",
    "[[",
    "{\"",
    "\n",
    "\r\n",
    "\t",
    "+++",
    "---",
    "<script>",
    "../",
    "\u{feff}",
    "\u{202e}",
    "alg",
    "none",
    "crit",
    "jwk",
    "ES256",
    "typ",
    "kid",
];

/// The longest input that is made.
const MAX_LEN: usize = 256 * 1024;

/// An input made from one of the corpus.
pub fn mutate(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
    let pick = |chance: &mut Chance| corpus.get(below(chance, corpus.len())).cloned().unwrap_or_default();
    let mut input = pick(chance);
    for _ in 0..=chance.below(4) {
        let at = below(chance, input.len() + 1);
        let to = at + below(chance, (input.len() - at).min(64) + 1);
        match chance.below(9) {
            0 if at < input.len() => input[at] ^= 1 << chance.below(8),
            1 if at < input.len() => input[at] = byte(chance),
            2 => input.insert(at, byte(chance)),
            3 => drop(input.drain(at..to)),
            4 => {
                let part = input[at..to].to_vec();
                let place = below(chance, input.len() + 1);
                drop(input.splice(place..place, part));
            }
            5 | 6 => {
                let word = WORDS[below(chance, WORDS.len())].bytes();
                let to = if chance.percent(50) { to } else { at };
                drop(input.splice(at..to, word));
            }
            7 => input.truncate(at),
            _ => {
                let other = pick(chance);
                let from = below(chance, other.len() + 1);
                let until = from + below(chance, other.len() - from + 1);
                drop(input.splice(at..to, other[from..until].iter().copied()));
            }
        }
    }
    input.truncate(MAX_LEN);
    input
}

fn below(chance: &mut Chance, bound: usize) -> usize {
    usize::try_from(chance.below(bound.max(1) as u64)).unwrap_or(0)
}

fn byte(chance: &mut Chance) -> u8 {
    u8::try_from(chance.below(256)).unwrap_or(0)
}
