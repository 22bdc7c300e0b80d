//! The client's two secrets of one blinding: the PSS salt and the blinding factor.

use core::fmt;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::MODULUS_LEN;
use super::pss::SALT_LEN;
use super::rsa::RsaPublicKey;
use crate::security::{SecurityError, Seed};

/// Salt and blinding factor; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct BlindingSecrets {
    salt: [u8; SALT_LEN],
    factor: [u8; MODULUS_LEN],
}

impl BlindingSecrets {
    /// The secrets that `seed` gives for `key`: the first candidate factor that is an invertible residue.
    ///
    /// Candidates are uniform below 2^2048 and the modulus lies above 2^2047, so the factor is uniform and each attempt
    /// succeeds with a chance above one half.
    ///
    /// # Errors
    /// [`SecurityError::Key`] where 128 attempts fail, which only a malicious modulus makes happen.
    pub fn derive(key: &RsaPublicKey, seed: &Seed) -> Result<Self, SecurityError> {
        let mut secrets = Self { salt: [0; SALT_LEN], factor: [0; MODULUS_LEN] };
        seed.expand("blinding/salt", &[], &mut secrets.salt);
        for attempt in 0_u8..128 {
            seed.expand("blinding/factor", &[&[attempt]], &mut secrets.factor);
            if key.reduced(&secrets.factor).is_some() {
                return Ok(secrets);
            }
        }
        Err(SecurityError::Key)
    }

    /// Secrets given as they are, for test vectors.
    pub const fn from_parts(salt: [u8; SALT_LEN], factor: [u8; MODULUS_LEN]) -> Self {
        Self { salt, factor }
    }

    pub(super) const fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    pub(super) const fn factor(&self) -> &[u8; MODULUS_LEN] {
        &self.factor
    }
}

impl fmt::Debug for BlindingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlindingSecrets(secret)")
    }
}
