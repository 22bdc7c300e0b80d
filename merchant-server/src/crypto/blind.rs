//! The signer's side of blind RSA signatures (RFC 9474 section 4.3): the raw private operation.

use openssl::bn::BigNum;
use openssl::pkey::Private;
use openssl::rsa::{Padding, Rsa};
use semper_shared::security::blinding::{MODULUS_LEN, RsaPublicKey};
use zeroize::Zeroizing;

use super::CryptoError;

const PUBLIC_EXPONENT: u32 = 65_537;

/// An RSA-2048 key that signs blinded messages, parsed once.
pub struct BlindSigner {
    key: Rsa<Private>,
    public: RsaPublicKey,
}

impl BlindSigner {
    /// A fresh key. Takes a tenth of a second and more.
    ///
    /// # Errors
    /// [`CryptoError::Library`].
    pub fn make() -> Result<Self, CryptoError> {
        Self::from_key(Rsa::generate(2_048)?)
    }

    /// Reads a PKCS#1 private key.
    ///
    /// # Errors
    /// [`CryptoError::Key`] unless it is a consistent RSA-2048 key with exponent 65,537.
    pub fn from_der(der: &[u8]) -> Result<Self, CryptoError> {
        let key = Rsa::private_key_from_der(der).map_err(|_| CryptoError::Key)?;
        if !key.check_key().unwrap_or(false) {
            return Err(CryptoError::Key);
        }
        Self::from_key(key)
    }

    /// Writes a PKCS#1 private key.
    ///
    /// # Errors
    /// [`CryptoError::Library`].
    pub fn to_der(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        Ok(Zeroizing::new(self.key.private_key_to_der()?))
    }

    /// The key that verifies.
    pub fn public_key(&self) -> &RsaPublicKey {
        &self.public
    }

    /// Signs a blinded message: `blinded^d mod n`, blinded once more inside the library against timing, and checked with the
    /// public key, since one faulty result would give the private key away.
    ///
    /// # Errors
    /// [`CryptoError::Input`] for zero and for what is not below the modulus, [`CryptoError::Library`] for a failure or a fault.
    pub fn sign(&self, blinded: &[u8; MODULUS_LEN]) -> Result<[u8; MODULUS_LEN], CryptoError> {
        if blinded.as_slice() >= self.public.modulus().as_slice() || blinded.iter().all(|byte| *byte == 0) {
            return Err(CryptoError::Input);
        }
        let mut signature = [0; MODULUS_LEN];
        let length = self.key.private_encrypt(blinded, &mut signature, Padding::NONE)?;
        let mut check = [0; MODULUS_LEN];
        let checked = self.key.public_decrypt(&signature, &mut check, Padding::NONE)?;
        if length != MODULUS_LEN || checked != MODULUS_LEN || check != *blinded {
            return Err(CryptoError::Library);
        }
        Ok(signature)
    }

    fn from_key(key: Rsa<Private>) -> Result<Self, CryptoError> {
        if key.e() != &*BigNum::from_u32(PUBLIC_EXPONENT)? {
            return Err(CryptoError::Key);
        }
        let public = RsaPublicKey::from_modulus(&key.n().to_vec()).map_err(|_| CryptoError::Key)?;
        Ok(Self { key, public })
    }
}

impl std::fmt::Debug for BlindSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BlindSigner(secret of {:?})", self.public)
    }
}
