//! Recovery words: 12 English words of BIP-39, from which the wallet's seed derives.

use core::fmt;

use bip39::{Language, Mnemonic};
use rand_core::CryptoRng;
use semper_shared::security::Seed;
use zeroize::Zeroizing;

use super::WalletError;

const ENTROPY_LEN: usize = 16;
const WORD_COUNT: usize = 12;

/// The words by which a wallet is restored: 128 bits of randomness and a checksum.
#[derive(Clone)]
pub struct Words(Mnemonic);

impl Words {
    /// Makes words.
    ///
    /// # Errors
    /// None in practice: 16 bytes are always words.
    pub fn make(rng: &mut impl CryptoRng) -> Result<Self, WalletError> {
        let mut entropy = Zeroizing::new([0; ENTROPY_LEN]);
        rng.fill_bytes(&mut *entropy);
        Mnemonic::from_entropy(&*entropy).map(Self).map_err(|_| WalletError::Words)
    }

    /// Reads words, however they are spaced and capitalised.
    ///
    /// # Errors
    /// [`WalletError::Words`] unless they are 12 of the list with a right checksum.
    pub fn parse(text: &str) -> Result<Self, WalletError> {
        let words = Zeroizing::new(text.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" "));
        let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words).map_err(|_| WalletError::Words)?;
        if mnemonic.word_count() == WORD_COUNT { Ok(Self(mnemonic)) } else { Err(WalletError::Words) }
    }

    /// The words, with a space between each two.
    pub fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.words().collect::<Vec<_>>().join(" "))
    }

    /// The wallet's seed: derived from the BIP-39 seed, which is made without a passphrase.
    pub fn seed(&self) -> Seed {
        let bip39 = Zeroizing::new(self.0.to_seed_normalized(""));
        let (left, right) = bip39.split_at(32);
        let mut first = Zeroizing::new([0; 32]);
        first.copy_from_slice(left);
        Seed::new(*first).derive("wallet/seed", &[right])
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(secret)")
    }
}
