//! ES256 with OpenSSL.

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private, Public};
use openssl::sha::sha256;
use semper_shared::security::keys::SignatureBytes;
use semper_shared::security::{PublicKey, Signer, SigningKey};
use zeroize::Zeroizing;

use super::CryptoError;

/// A party's signing key, parsed once.
pub struct NativeSigner {
    key: EcKey<Private>,
    portable: SigningKey,
}

impl NativeSigner {
    /// A fresh key.
    ///
    /// # Errors
    /// [`CryptoError::Library`].
    pub fn make() -> Result<Self, CryptoError> {
        Self::from_key(EcKey::generate(&*group()?)?)
    }

    /// Reads a PKCS#8 PEM.
    ///
    /// # Errors
    /// [`CryptoError::Key`] where it is no private key on P-256.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CryptoError> {
        let key = PKey::private_key_from_pem(pem).and_then(|key| key.ec_key()).map_err(|_| CryptoError::Key)?;
        if key.group().curve_name() != Some(Nid::X9_62_PRIME256V1) || key.check_key().is_err() {
            return Err(CryptoError::Key);
        }
        Self::from_key(key)
    }

    /// Writes a PKCS#8 PEM.
    ///
    /// # Errors
    /// [`CryptoError::Library`].
    pub fn to_pem(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        Ok(Zeroizing::new(PKey::from_ec_key(self.key.clone())?.private_key_to_pem_pkcs8()?))
    }

    /// The same key for portable code: sealing needs its Diffie–Hellman.
    pub fn portable(&self) -> &SigningKey {
        &self.portable
    }

    fn from_key(key: EcKey<Private>) -> Result<Self, CryptoError> {
        let padded = Zeroizing::new(key.private_key().to_vec_padded(32)?);
        let mut scalar = Zeroizing::new([0; 32]);
        scalar.copy_from_slice(&padded);
        let portable = SigningKey::from_bytes(&scalar).map_err(|_| CryptoError::Key)?;
        Ok(Self { key, portable })
    }
}

impl Signer for NativeSigner {
    fn public_key(&self) -> &PublicKey {
        self.portable.public_key()
    }

    /// Signs natively. Should the library fail, the portable code signs: a party must not fall silent for that.
    fn sign(&self, message: &[u8]) -> SignatureBytes {
        native_sign(&self.key, message).unwrap_or_else(|_| self.portable.sign(message))
    }
}

impl std::fmt::Debug for NativeSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NativeSigner(secret of {})", self.public_key().to_text())
    }
}

fn native_sign(key: &EcKey<Private>, message: &[u8]) -> Result<SignatureBytes, CryptoError> {
    let signature = EcdsaSig::sign(&sha256(message), key)?;
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&signature.r().to_vec_padded(32)?);
    bytes[32..].copy_from_slice(&signature.s().to_vec_padded(32)?);
    Ok(bytes)
}

pub(super) fn group() -> Result<EcGroup, CryptoError> {
    Ok(EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?)
}

/// Verifies. The point is known to be on the curve, and OpenSSL checks that again when it reads it.
pub(super) fn verify(
    group: &EcGroup,
    key: &PublicKey,
    message: &[u8],
    signature: &SignatureBytes,
) -> Result<bool, CryptoError> {
    let mut context = BigNumContext::new()?;
    let point = EcPoint::from_bytes(group, &key.to_uncompressed(), &mut context)?;
    let key: EcKey<Public> = EcKey::from_public_key(group, &point)?;
    let (r, s) = signature.split_at(32);
    let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    Ok(signature.verify(&sha256(message), &key)?)
}
