//! Recovery words: 12 English words of BIP-39, from which the wallet's seed derives.
//!
//! The arithmetic is here, in little code and over the hash functions that the wallet has anyway; a test holds it and the list
//! equal to the crate `bip39`. The list is a file of the wallet's site: what runs in the browser is smaller by it, and takes it
//! from there when words are made or read.

use core::fmt;
use std::sync::OnceLock;

use hkdf::hmac::{Hmac, KeyInit, Mac};
use rand_core::CryptoRng;
use semper_shared::foundation::Digest;
use semper_shared::security::Seed;
use sha2::Sha512;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::WalletError;
use super::net::peer;

/// The English list of BIP-39, in its order; the browser's is [`take_list`]'s.
#[cfg(not(target_arch = "wasm32"))]
const BUILT_IN: Option<&str> = Some(include_str!("../../../www/wallet/words.txt"));
#[cfg(target_arch = "wasm32")]
const BUILT_IN: Option<&str> = None;

/// Where the wallet's site has the list.
const ADDRESS: &str = "/words.txt";
/// Its SHA-256.
const LIST_DIGEST: &str = "v7XxfQ3DujiLqpaHdwNS700inkjXrZD0b0wO7NThx6o";

/// The list, once it was taken.
static TAKEN: OnceLock<String> = OnceLock::new();

const ENTROPY_LEN: usize = 16;
const WORD_COUNT: usize = 12;
const WORD_BITS: u32 = 11;
/// How many of the last word's bits are the checksum.
const CHECKSUM_BITS: u32 = 4;
/// BIP-39: PBKDF2 with HMAC-SHA512.
const ROUNDS: u32 = 2048;

/// The words by which a wallet is restored: 128 bits of randomness and a checksum.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Words(Zeroizing<[u8; ENTROPY_LEN]>, #[zeroize(skip)] List);

/// The English list of BIP-39, in its order.
#[derive(Clone, Copy)]
struct List(&'static str);

/// Takes the list, where it is not built in: words can be made and read from then on.
///
/// # Errors
/// [`WalletError::Peer`] where it is another list.
pub fn take_list(text: String) -> Result<(), WalletError> {
    if Digest::of(text.as_bytes()).to_string() != LIST_DIGEST {
        return Err(peer(ADDRESS, "it is not the list of recovery words"));
    }
    // Another call may have taken the same list.
    let _ = TAKEN.set(text);
    Ok(())
}

impl List {
    fn get() -> Result<Self, WalletError> {
        let list = BUILT_IN.or_else(|| TAKEN.get().map(String::as_str));
        list.map(Self).ok_or_else(|| peer(ADDRESS, "there is no list of recovery words"))
    }

    fn words(self) -> impl Iterator<Item = &'static str> {
        self.0.split_ascii_whitespace()
    }
}

impl Words {
    /// Makes words.
    ///
    /// # Errors
    /// [`WalletError::Peer`] where the list was not taken.
    pub fn make(rng: &mut impl CryptoRng) -> Result<Self, WalletError> {
        let mut entropy = Zeroizing::new([0; ENTROPY_LEN]);
        rng.fill_bytes(&mut *entropy);
        Ok(Self(entropy, List::get()?))
    }

    /// Reads words, however they are spaced and capitalised.
    ///
    /// # Errors
    /// [`WalletError::Words`] unless they are 12 of the list with a right checksum, and [`WalletError::Peer`] where the list was
    /// not taken.
    pub fn parse(text: &str) -> Result<Self, WalletError> {
        let list = List::get()?;
        let mut indices = Vec::with_capacity(WORD_COUNT);
        for word in text.split_ascii_whitespace().take(WORD_COUNT + 1) {
            let word = Zeroizing::new(word.to_ascii_lowercase());
            let index = list.words().position(|other| other == word.as_str()).ok_or(WalletError::Words)?;
            indices.push(u128::try_from(index).map_err(|_| WalletError::Words)?);
        }
        let [first @ .., last] = indices.as_slice() else {
            return Err(WalletError::Words);
        };
        if indices.len() != WORD_COUNT {
            return Err(WalletError::Words);
        }
        let entropy = first.iter().fold(0, |bits, index| (bits << WORD_BITS) | index);
        let entropy = (entropy << (WORD_BITS - CHECKSUM_BITS)) | (last >> CHECKSUM_BITS);
        let words = Self(Zeroizing::new(entropy.to_be_bytes()), list);
        if words.indices().last() == usize::try_from(*last).ok() { Ok(words) } else { Err(WalletError::Words) }
    }

    /// The words, with a space between each two.
    pub fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(WORD_COUNT * 9));
        for index in self.indices() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(self.1.words().nth(index).unwrap_or_default());
        }
        text
    }

    /// Where the words stand in the list.
    fn indices(&self) -> impl Iterator<Item = usize> {
        let entropy = u128::from_be_bytes(*self.0);
        let checksum = Digest::of(&*self.0).as_bytes()[0] >> (8 - CHECKSUM_BITS);
        let whole = (0..11).map(move |word| entropy >> (128 - WORD_BITS * (word + 1)));
        let last = (entropy << CHECKSUM_BITS) | u128::from(checksum);
        whole.chain([last]).map(|bits| usize::try_from(bits & 0x7ff).unwrap_or_default())
    }

    /// The wallet's seed: derived from the BIP-39 seed, which is made without a passphrase.
    pub fn seed(&self) -> Seed {
        let bip39 = self.bip39_seed();
        let (left, right) = bip39.split_at(32);
        let mut first = Zeroizing::new([0; 32]);
        first.copy_from_slice(left);
        Seed::new(*first).derive("wallet/seed", &[right])
    }

    /// One block of PBKDF2 (RFC 8018) of the words.
    fn bip39_seed(&self) -> Zeroizing<[u8; 64]> {
        let keyed = Hmac::<Sha512>::new_from_slice(self.text().as_bytes()).expect("HMAC takes keys of any length");
        let mut round: [u8; 64] =
            keyed.clone().chain_update(b"mnemonic").chain_update([0, 0, 0, 1]).finalize().into_bytes().into();
        let mut seed = Zeroizing::new(round);
        for _ in 1..ROUNDS {
            round = keyed.clone().chain_update(round).finalize().into_bytes().into();
            for (byte, other) in seed.iter_mut().zip(round) {
                *byte ^= other;
            }
        }
        seed
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(secret)")
    }
}

#[cfg(test)]
mod tests {
    use bip39::{Language, Mnemonic};

    use super::*;
    use crate::core::tests::world::TestRng;

    #[test]
    fn are_those_of_bip39() {
        assert!(List::get().unwrap().words().eq(Language::English.word_list().iter().copied()));
        let mut rng = TestRng::new(3);
        for _ in 0..50 {
            let words = Words::make(&mut rng).unwrap();
            let theirs = Mnemonic::from_entropy(&*words.0).unwrap();
            assert_eq!(*words.text(), theirs.to_string());
            assert_eq!(*words.bip39_seed(), theirs.to_seed_normalized(""));
            let read = Words::parse(&format!(" {}\n", words.text().to_uppercase().replace(' ', "  "))).unwrap();
            assert_eq!(*read.0, *words.0);
        }
    }

    /// The published vector of all zeros: BIP-39's reference, with no passphrase.
    #[test]
    fn have_the_published_seed() {
        let words = Words::parse(&format!("{}about", "abandon ".repeat(11))).unwrap();
        assert_eq!(*words.0, [0; 16]);
        assert_eq!(words.bip39_seed()[..8], [0x5e, 0xb0, 0x0b, 0xbd, 0xdc, 0xf0, 0x69, 0x08]);
    }

    #[test]
    fn no_other_list_is_taken() {
        let list = BUILT_IN.unwrap();
        assert!(matches!(take_list(list.replacen("abandon", "abandom", 1)), Err(WalletError::Peer(_))));
        assert!(matches!(take_list(String::new()), Err(WalletError::Peer(_))));
        take_list(list.to_owned()).unwrap();
    }

    #[test]
    fn wrong_words_are_refused() {
        let good = format!("{}about", "abandon ".repeat(11));
        let wrong = [
            String::new(),
            "abandon ".repeat(12),
            "abandon ".repeat(11),
            format!("{good} about"),
            good.replace("about", "abot"),
            good.replace("about", "zoo"),
        ];
        for text in wrong {
            assert_eq!(Words::parse(&text).err(), Some(WalletError::Words), "{text}");
        }
    }
}
