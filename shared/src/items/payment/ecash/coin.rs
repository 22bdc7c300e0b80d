//! Coins: the secret that a wallet derives, the planchet that it sends, the coin that it gets.

use core::fmt;

use zeroize::ZeroizeOnDrop;

use super::{Denomination, EcashError};
use crate::foundation::Digest;
use crate::security::blinding::{self, BlindingSecrets, MODULUS_LEN};
use crate::security::{PublicKey, Seed, Signer, SigningKey};

/// What the mint signs: a hash input that binds the coin's key and its denomination.
pub fn coin_message(denomination: &Digest, coin: &PublicKey) -> Vec<u8> {
    [b"semper/1/coin".as_slice(), denomination.as_bytes(), &coin.to_compressed()].concat()
}

/// The seed of one coin: its key and its blinding secrets derive from it.
#[derive(Clone)]
pub struct CoinSecret(Seed);

/// Its only member wipes itself.
impl ZeroizeOnDrop for CoinSecret where Seed: ZeroizeOnDrop {}

impl CoinSecret {
    /// The coin number `index` of reserve number `reserve` at a mint.
    pub fn derive_withdrawn(seed: &Seed, mint: &Digest, reserve: u32, index: u32) -> Self {
        Self(seed.derive("ecash/coin", &[mint.as_bytes(), &reserve.to_be_bytes(), &index.to_be_bytes()]))
    }

    /// Output number `index` of a refresh whose ECDH secret is `shared`.
    pub fn derive_refreshed(shared: &Seed, index: u32) -> Self {
        Self(shared.derive("ecash/refreshed", &[&index.to_be_bytes()]))
    }

    /// Takes a stored seed.
    pub const fn from_seed(seed: Seed) -> Self {
        Self(seed)
    }

    /// The seed, to be stored encrypted.
    pub const fn seed(&self) -> &Seed {
        &self.0
    }

    /// The coin's key.
    pub fn key(&self) -> SigningKey {
        self.0.derive_key("coin/key", &[])
    }

    /// The key of transfer candidate `candidate` of the coin's melt number `sequence`.
    pub fn transfer_key(&self, sequence: u32, candidate: u8) -> SigningKey {
        self.0.derive_key("coin/transfer", &[&sequence.to_be_bytes(), &[candidate]])
    }

    /// The planchet: what the mint signs blindly.
    ///
    /// # Errors
    /// [`EcashError::Security`] where the denomination's key is malicious.
    pub fn planchet(&self, denomination: &Denomination) -> Result<Planchet, EcashError> {
        let message = coin_message(&denomination.id, self.key().public_key());
        let blinded = blinding::blind(&denomination.key, &message, &self.blinding(denomination)?)?;
        Ok(Planchet { denomination: denomination.id, blinded })
    }

    /// Unblinds the mint's signature and verifies it.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where it is no signature on the planchet.
    pub fn unblind(self, denomination: &Denomination, blind_signature: &[u8; MODULUS_LEN]) -> Result<Coin, EcashError> {
        let message = coin_message(&denomination.id, self.key().public_key());
        let secrets = self.blinding(denomination)?;
        let signature = blinding::unblind(&denomination.key, &message, blind_signature, &secrets)
            .map_err(|_| EcashError::Peer("a blind signature is not valid"))?;
        Ok(Coin { secret: self, denomination: denomination.id, signature })
    }

    /// The seed of the blinding, which opens the planchet: whoever has it can tell that the planchet is this coin's. It
    /// says nothing of the coin's key.
    pub fn opening(&self, denomination: &Digest) -> Seed {
        self.0.derive("coin/blinding", &[denomination.as_bytes()])
    }

    fn blinding(&self, denomination: &Denomination) -> Result<BlindingSecrets, EcashError> {
        Ok(BlindingSecrets::derive(&denomination.key, &self.opening(&denomination.id))?)
    }
}

impl fmt::Debug for CoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CoinSecret(secret)")
    }
}

/// A coin still to be signed, blinded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planchet {
    /// The denomination that it shall become.
    pub denomination: Digest,
    /// The blinded message.
    pub blinded: [u8; MODULUS_LEN],
}

/// A coin: a secret that the mint has signed for.
#[derive(Debug, Clone)]
pub struct Coin {
    /// Its seed.
    pub secret: CoinSecret,
    /// Its denomination.
    pub denomination: Digest,
    /// The mint's signature.
    pub signature: [u8; MODULUS_LEN],
}
