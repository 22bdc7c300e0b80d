//! RSA's public operation, modulo a 2,048-bit number.

use core::fmt;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::MODULUS_LEN;
use crate::foundation::base64;
use crate::security::SecurityError;

const LIMBS: usize = U2048::LIMBS;
const PUBLIC_EXPONENT: u32 = 65_537;
const PUBLIC_EXPONENT_BITS: u32 = 17;

/// A residue modulo the key's modulus.
pub(super) type Residue = FixedMontyForm<LIMBS>;

/// An RSA-2048 public key with exponent 65,537; as JSON, its modulus as base64url.
#[derive(Clone)]
pub struct RsaPublicKey {
    modulus: [u8; MODULUS_LEN],
    params: Box<FixedMontyParams<LIMBS>>,
}

impl RsaPublicKey {
    /// Reads a big-endian modulus.
    ///
    /// # Errors
    /// [`SecurityError::Key`] unless it is odd and has exactly 2,048 bits.
    pub fn from_modulus(modulus: &[u8]) -> Result<Self, SecurityError> {
        let modulus: [u8; MODULUS_LEN] = modulus.try_into().map_err(|_| SecurityError::Key)?;
        if modulus[0] & 0x80 == 0 {
            return Err(SecurityError::Key);
        }
        let odd = Option::<Odd<U2048>>::from(Odd::new(U2048::from_be_slice(&modulus))).ok_or(SecurityError::Key)?;
        Ok(Self { modulus, params: Box::new(FixedMontyParams::new_vartime(odd)) })
    }

    /// The modulus, big-endian.
    pub const fn modulus(&self) -> &[u8; MODULUS_LEN] {
        &self.modulus
    }

    /// The number that `bytes` are, where it is below the modulus and not zero.
    pub(super) fn reduced(&self, bytes: &[u8; MODULUS_LEN]) -> Option<Residue> {
        let number = U2048::from_be_slice(bytes);
        let in_range = number < **self.params.modulus() && number != U2048::ZERO;
        in_range.then(|| Residue::new(&number, &self.params))
    }

    /// `base^e`.
    pub(super) fn raise(&self, base: &Residue) -> Residue {
        base.pow_bounded_exp(&U2048::from_u32(PUBLIC_EXPONENT), PUBLIC_EXPONENT_BITS)
    }

    pub(super) fn raise_to_bytes(&self, base: &Residue) -> [u8; MODULUS_LEN] {
        bytes_of(&self.raise(base))
    }

    pub(super) fn multiply(&self, a: &Residue, b: &Residue) -> [u8; MODULUS_LEN] {
        bytes_of(&(a * b))
    }

    /// The inverse, where there is one.
    pub(super) fn invert(&self, residue: &Residue) -> Option<Residue> {
        residue.invert().into()
    }
}

fn bytes_of(residue: &Residue) -> [u8; MODULUS_LEN] {
    let mut out = [0; MODULUS_LEN];
    out.copy_from_slice(residue.retrieve().to_be_bytes().as_ref());
    out
}

impl PartialEq for RsaPublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.modulus == other.modulus
    }
}

impl Eq for RsaPublicKey {}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RsaPublicKey({}…)", &base64::encode(&self.modulus)[..8])
    }
}

impl Serialize for RsaPublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        base64::array::serialize(&self.modulus, serializer)
    }
}

impl<'de> Deserialize<'de> for RsaPublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let modulus: [u8; MODULUS_LEN] = base64::array::deserialize(deserializer)?;
        Self::from_modulus(&modulus).map_err(de::Error::custom)
    }
}
