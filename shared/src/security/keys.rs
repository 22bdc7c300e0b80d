//! P-256 keys (FIPS 186-5): JWK (RFC 7517), thumbprints (RFC 7638), ES256 signatures (RFC 7518 section 3.4) and ECDH.

use core::fmt;

use p256::NistP256;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey as EcdsaKey, VerifyingKey};
use p256::elliptic_curve::sec1::Sec1Point;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::SecurityError;
use crate::foundation::{Digest, base64};

/// The RFC 7638 thumbprint of a public key: how a party is named.
pub type Thumbprint = Digest;

/// An ES256 signature: `r ‖ s`, 32 bytes each (RFC 7518 section 3.4).
pub type SignatureBytes = [u8; 64];

/// A public key on P-256, known to be on the curve; as JSON, a JWK.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Jwk", into = "Jwk")]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a compressed or uncompressed SEC1 point.
    ///
    /// # Errors
    /// [`SecurityError::Key`] where the bytes are no point of the curve.
    pub fn from_sec1(bytes: &[u8]) -> Result<Self, SecurityError> {
        VerifyingKey::from_sec1_bytes(bytes).map(Self).map_err(|_| SecurityError::Key)
    }

    /// The compressed SEC1 point.
    pub fn to_compressed(&self) -> [u8; 33] {
        let mut out = [0; 33];
        out.copy_from_slice(self.0.to_sec1_point(true).as_bytes());
        out
    }

    /// The uncompressed SEC1 point, `0x04 ‖ x ‖ y`.
    pub fn to_uncompressed(&self) -> [u8; 65] {
        let mut out = [0; 65];
        out.copy_from_slice(self.0.to_sec1_point(false).as_bytes());
        out
    }

    /// The RFC 7638 thumbprint, with SHA-256.
    pub fn thumbprint(&self) -> Thumbprint {
        let Jwk { x, y, .. } = self.clone().into();
        Digest::of(format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes())
    }

    /// The compressed point as base64url: how coins and reserves stand in addresses.
    pub fn to_text(&self) -> String {
        base64::encode(&self.to_compressed())
    }

    /// Reads what [`PublicKey::to_text`] wrote.
    ///
    /// # Errors
    /// [`SecurityError::Key`] where it is no compressed point.
    pub fn from_text(text: &str) -> Result<Self, SecurityError> {
        base64::decode_array::<33>(text).ok_or(SecurityError::Key).and_then(|bytes| Self::from_sec1(&bytes))
    }

    pub(crate) fn verifying_key(&self) -> &VerifyingKey {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.to_text())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "closed Jwk", deny_unknown_fields)]
struct Jwk {
    kty: Kty,
    crv: Crv,
    x: String,
    y: String,
}

#[derive(Serialize, Deserialize)]
enum Kty {
    #[serde(rename = "EC")]
    Ec,
}

#[derive(Serialize, Deserialize)]
enum Crv {
    #[serde(rename = "P-256")]
    P256,
}

impl From<PublicKey> for Jwk {
    fn from(key: PublicKey) -> Self {
        let point = key.to_uncompressed();
        Self { kty: Kty::Ec, crv: Crv::P256, x: base64::encode(&point[1..33]), y: base64::encode(&point[33..]) }
    }
}

impl TryFrom<Jwk> for PublicKey {
    type Error = SecurityError;

    fn try_from(jwk: Jwk) -> Result<Self, SecurityError> {
        let x = base64::decode_array::<32>(&jwk.x).ok_or(SecurityError::Key)?;
        let y = base64::decode_array::<32>(&jwk.y).ok_or(SecurityError::Key)?;
        let point = Sec1Point::<NistP256>::from_affine_coordinates(&x.into(), &y.into(), false);
        VerifyingKey::from_sec1_point(&point).map(Self).map_err(|_| SecurityError::Key)
    }
}

/// Whatever signs with ES256: a [`SigningKey`], a server's native key, a hardware module.
pub trait Signer {
    /// The key that verifies the signatures.
    fn public_key(&self) -> &PublicKey;

    /// Signs `message`, which is hashed with SHA-256.
    fn sign(&self, message: &[u8]) -> SignatureBytes;
}

/// A private key on P-256; wiped when dropped.
#[derive(Clone)]
pub struct SigningKey {
    secret: EcdsaKey,
    public: PublicKey,
}

/// Its only secret wipes itself.
impl ZeroizeOnDrop for SigningKey where EcdsaKey: ZeroizeOnDrop {}

impl SigningKey {
    /// A fresh key.
    pub fn make(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            rng.fill_bytes(&mut *bytes);
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
        }
    }

    /// Reads a big-endian scalar.
    ///
    /// # Errors
    /// [`SecurityError::Key`] for zero and for what is not below the group's order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SecurityError> {
        let secret = EcdsaKey::from_slice(bytes).map_err(|_| SecurityError::Key)?;
        let public = PublicKey(*secret.verifying_key());
        Ok(Self { secret, public })
    }

    /// The scalar, big-endian.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes().into())
    }

    /// ECDH (SP 800-56A): the x-coordinate of the shared point. Derive keys from it, never use it as one.
    pub fn diffie_hellman(&self, other: &PublicKey) -> Zeroizing<[u8; 32]> {
        let shared = p256::ecdh::diffie_hellman(self.secret.as_nonzero_scalar(), other.0.as_affine());
        Zeroizing::new((*shared.raw_secret_bytes()).into())
    }
}

impl Signer for SigningKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Deterministic (RFC 6979), so that the same statement has the same signature after a crash.
    fn sign(&self, message: &[u8]) -> SignatureBytes {
        let signature: Signature = self.secret.sign(message);
        signature.to_bytes().into()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(secret of {})", self.public.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_points_off_the_curve() {
        let zero = base64::encode(&[0; 32]);
        let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{zero}","y":"{zero}"}}"#);
        assert!(serde_json::from_str::<PublicKey>(&jwk).is_err());
        assert!(PublicKey::from_sec1(&[0]).is_err(), "the point at infinity is no key");
    }

    #[test]
    fn refuses_scalars_out_of_range() {
        assert!(SigningKey::from_bytes(&[0; 32]).is_err());
        assert!(SigningKey::from_bytes(&[0xff; 32]).is_err());
    }

    #[test]
    fn both_sides_of_ecdh_agree() -> Result<(), SecurityError> {
        let (a, b) = (SigningKey::from_bytes(&[1; 32])?, SigningKey::from_bytes(&[2; 32])?);
        assert_eq!(a.diffie_hellman(b.public_key()), b.diffie_hellman(a.public_key()));
        Ok(())
    }

    #[test]
    fn every_spelling_is_the_same_key() -> Result<(), Box<dyn std::error::Error>> {
        let key = SigningKey::from_bytes(&[7; 32])?.public_key().clone();
        assert_eq!(PublicKey::from_sec1(&key.to_uncompressed())?, key);
        assert_eq!(PublicKey::from_text(&key.to_text())?, key);
        assert_eq!(serde_json::from_str::<PublicKey>(&serde_json::to_string(&key)?)?, key);
        Ok(())
    }
}
