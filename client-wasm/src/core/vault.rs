//! The vault: records under a random key, and the key under a passphrase.
//!
//! Every record is AES-256-GCM with a random nonce of 96 bits, bound to its name. The vault key is wrapped under
//! Argon2id (RFC 9106) of the passphrase; the parameters stand beside it in the clear and are authenticated with it.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use argon2::{Algorithm, Argon2, Params, Version};
use rand_core::CryptoRng;
use semper_shared::foundation::{Bytes, base64, json};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::WalletError;

const KEY_LEN: usize = 32;
const NONCE_LEN: usize = 12;
const SALT_LEN: usize = 16;
/// What a stored document may ask of this machine: 1 GiB and 64 passes.
const MAX_MEMORY_KIB: u32 = 1 << 20;
const MAX_PASSES: u32 = 64;

/// How a passphrase becomes a key: the cost parameters of Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kdf {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Kdf {
    /// For passphrases that people remember: 64 MiB, three passes (the second choice of RFC 9106, with one lane, since a
    /// browser has no threads for more).
    pub const PEOPLE: Self = Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 };
    /// For a key file of 256 random bits, which nobody guesses however fast they are.
    pub const KEY_FILE: Self = Self { memory_kib: 8, passes: 1, lanes: 1 };

    fn derive(self, passphrase: &str, salt: &[u8; SALT_LEN]) -> Option<Zeroizing<[u8; KEY_LEN]>> {
        if self.memory_kib > MAX_MEMORY_KIB || self.passes > MAX_PASSES {
            return None;
        }
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(KEY_LEN)).ok()?;
        let mut key = Zeroizing::new([0; KEY_LEN]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), salt, &mut *key)
            .ok()?;
        Some(key)
    }
}

/// A key that seals records.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct VaultKey(Zeroizing<[u8; KEY_LEN]>);

impl VaultKey {
    pub(super) fn make(rng: &mut impl CryptoRng) -> Self {
        let mut key = Zeroizing::new([0; KEY_LEN]);
        rng.fill_bytes(&mut *key);
        Self(key)
    }

    pub(super) fn from_bytes(bytes: [u8; KEY_LEN]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// Seals a record under its name: `nonce ‖ ciphertext ‖ tag`.
    pub(super) fn seal_record(&self, name: &str, plaintext: &[u8], rng: &mut impl CryptoRng) -> Option<Vec<u8>> {
        seal(&self.0, &record_context(name), plaintext, rng)
    }

    /// Opens what was sealed under this name.
    pub(super) fn open_record(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        open(&self.0, &record_context(name), sealed)
    }
}

fn record_context(name: &str) -> Vec<u8> {
    [b"semper/1/record\0", name.as_bytes()].concat()
}

/// A secret under a passphrase, as it is stored in the clear part: all that is needed but the passphrase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename = "closed Locked", deny_unknown_fields)]
pub(super) struct Locked {
    /// The version of this format.
    format: u32,
    kdf: Kdf,
    #[serde(with = "base64::array")]
    salt: [u8; SALT_LEN],
    /// `nonce ‖ ciphertext ‖ tag`.
    sealed: Bytes,
}

const FORMAT: u32 = 1;

impl Locked {
    /// Puts a secret under a passphrase.
    pub(super) fn lock(
        purpose: &str,
        secret: &[u8],
        passphrase: &str,
        kdf: Kdf,
        rng: &mut impl CryptoRng,
    ) -> Option<Self> {
        let mut salt = [0; SALT_LEN];
        rng.fill_bytes(&mut salt);
        let key = kdf.derive(passphrase, &salt)?;
        let sealed = seal(&key, &locked_context(purpose, kdf, &salt), secret, rng)?;
        Some(Self { format: FORMAT, kdf, salt, sealed: Bytes(sealed) })
    }

    /// Opens it; none where passphrase, parameters or purpose differ.
    pub(super) fn unlock(&self, purpose: &str, passphrase: &str) -> Option<Zeroizing<Vec<u8>>> {
        if self.format != FORMAT {
            return None;
        }
        let key = self.kdf.derive(passphrase, &self.salt)?;
        open(&key, &locked_context(purpose, self.kdf, &self.salt), &self.sealed.0)
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, WalletError> {
        serde_json::to_vec(self).map_err(|_| WalletError::Damaged("the lock cannot be written"))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        json::from_slice(bytes).ok()
    }
}

fn locked_context(purpose: &str, kdf: Kdf, salt: &[u8; SALT_LEN]) -> Vec<u8> {
    let costs = [kdf.memory_kib, kdf.passes, kdf.lanes].map(u32::to_be_bytes);
    [b"semper/1/locked\0", purpose.as_bytes(), &[0], &FORMAT.to_be_bytes(), costs.as_flattened(), salt].concat()
}

fn seal(key: &[u8; KEY_LEN], context: &[u8], plaintext: &[u8], rng: &mut impl CryptoRng) -> Option<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let payload = Payload { msg: plaintext, aad: context };
    let ciphertext = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some([nonce.as_slice(), &ciphertext].concat())
}

fn open(key: &[u8; KEY_LEN], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let payload = Payload { msg: ciphertext, aad: context };
    Aes256Gcm::new(key.into()).decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::world::TestRng;

    const QUICK: Kdf = Kdf::KEY_FILE;

    /// A secret type that stops wiping itself does not compile here.
    const fn wipes_itself<T: ZeroizeOnDrop>() {}
    const _: () = {
        wipes_itself::<VaultKey>();
        wipes_itself::<crate::core::Words>();
    };

    #[test]
    fn a_record_opens_under_its_own_name_alone() {
        let mut rng = TestRng::new(1);
        let key = VaultKey::make(&mut rng);
        let sealed = key.seal_record("purse", b"coins", &mut rng).unwrap();
        assert_eq!(key.open_record("purse", &sealed).unwrap().as_slice(), b"coins");
        assert!(key.open_record("settings", &sealed).is_none());
        assert!(VaultKey::make(&mut rng).open_record("purse", &sealed).is_none());
        for position in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[position] ^= 1;
            assert!(key.open_record("purse", &changed).is_none(), "byte {position}");
        }
        assert_ne!(sealed, key.seal_record("purse", b"coins", &mut rng).unwrap(), "the nonce is fresh");
    }

    #[test]
    fn a_lock_opens_with_its_passphrase_and_parameters_alone() {
        let mut rng = TestRng::new(2);
        let locked = Locked::lock("vault", b"secret", "correct horse", QUICK, &mut rng).unwrap();
        let read = Locked::from_bytes(&locked.to_bytes().unwrap()).unwrap();
        assert_eq!(read.unlock("vault", "correct horse").unwrap().as_slice(), b"secret");
        assert!(read.unlock("vault", "wrong horse").is_none());
        assert!(read.unlock("backup", "correct horse").is_none());
        let weaker = Locked { kdf: Kdf { passes: 2, ..QUICK }, ..locked.clone() };
        assert!(weaker.unlock("vault", "correct horse").is_none());
        let greedy = Locked { kdf: Kdf { memory_kib: u32::MAX, ..QUICK }, ..locked };
        assert!(greedy.unlock("vault", "correct horse").is_none(), "a stored document cannot exhaust the machine");
    }

    #[test]
    fn the_parameters_for_people_are_strong_enough() {
        // OWASP's least: 19 MiB and two passes.
        const { assert!(Kdf::PEOPLE.memory_kib >= 19 * 1024 && Kdf::PEOPLE.passes >= 2) };
    }
}
