//! The protocol crate's verification seam, natively.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use openssl::bn::BigNum;
use openssl::ec::EcGroup;
use openssl::md::Md;
use openssl::pkey::{PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::sha384;
use openssl::sign::RsaPssSaltlen;
use semper_shared::security::blinding::{MODULUS_LEN, RsaPublicKey};
use semper_shared::security::keys::SignatureBytes;
use semper_shared::security::{Portable, PublicKey, Verifier};

use super::{CryptoError, es256};

/// RSA keys that are kept parsed. A mint has some dozens; beyond the bound all are forgotten and parsed anew.
const KEPT_KEYS: usize = 4_096;

type ParsedKeys = HashMap<[u8; MODULUS_LEN], Arc<PKey<Public>>>;

/// Verifies with OpenSSL. Share one: it keeps parsed RSA keys. P-256 keys are read anew, which costs next to nothing from their
/// uncompressed form, while coins' keys are seen once or twice.
pub struct Native {
    group: EcGroup,
    rsa_keys: RwLock<ParsedKeys>,
}

impl Native {
    /// A verifier with no keys kept yet.
    ///
    /// # Errors
    /// [`CryptoError::Library`] where the library does not know P-256.
    pub fn new() -> Result<Self, CryptoError> {
        Ok(Self { group: es256::group()?, rsa_keys: RwLock::default() })
    }

    fn parsed(&self, key: &RsaPublicKey) -> Result<Arc<PKey<Public>>, CryptoError> {
        let kept = self.rsa_keys.read().unwrap_or_else(PoisonError::into_inner).get(key.modulus()).cloned();
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let rsa = Rsa::from_public_components(BigNum::from_slice(key.modulus())?, BigNum::from_u32(65_537)?)?;
        let parsed = Arc::new(PKey::from_rsa(rsa)?);
        let mut keys = self.rsa_keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= KEPT_KEYS {
            keys.clear();
        }
        keys.insert(*key.modulus(), Arc::clone(&parsed));
        Ok(parsed)
    }
}

impl Verifier for Native {
    fn es256(&self, key: &PublicKey, message: &[u8], signature: &SignatureBytes) -> bool {
        es256::verify(&self.group, key, message, signature).unwrap_or(false)
    }

    fn rsa_pss(&self, key: &RsaPublicKey, message: &[u8], signature: &[u8]) -> bool {
        if signature.len() != MODULUS_LEN {
            return false;
        }
        match self.parsed(key) {
            Ok(parsed) => verify_pss(&parsed, message, signature).unwrap_or(false),
            // The library does not take every odd number for a modulus that the portable code takes.
            Err(_) => Portable.rsa_pss(key, message, signature),
        }
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Native")
    }
}

/// RSASSA-PSS with SHA-384, MGF1-SHA-384 and a salt of 48 bytes.
fn verify_pss(key: &PKey<Public>, message: &[u8], signature: &[u8]) -> Result<bool, CryptoError> {
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    context.set_rsa_padding(Padding::PKCS1_PSS)?;
    context.set_signature_md(Md::sha384())?;
    context.set_rsa_mgf1_md(Md::sha384())?;
    context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(48))?;
    Ok(context.verify(&sha384(message), signature)?)
}
