//! The protocol crate's verification seam, natively.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

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

/// RSA keys that a thread keeps ready. A mint has some dozens; beyond the bound all are forgotten and parsed anew.
const KEPT_KEYS: usize = 1_024;

thread_local! {
    /// Keys with everything set for a verification. Per thread, so that threads never wait for each other; setting one up
    /// costs half as much as a verification.
    static READY: RefCell<HashMap<[u8; MODULUS_LEN], PkeyCtx<Public>>> = RefCell::new(HashMap::new());
}

/// OpenSSL behind the protocol crate's seams. P-256 keys are read anew each time, which costs little from their uncompressed form, while coins'
/// keys are seen once or twice; RSA keys are kept.
pub struct Native {
    group: EcGroup,
}

impl Native {
    /// A verifier, and a party to agreements.
    ///
    /// # Errors
    /// [`CryptoError::Library`] where the library does not know P-256.
    pub fn new() -> Result<Self, CryptoError> {
        Ok(Self { group: es256::group()? })
    }

    pub(super) fn group(&self) -> &EcGroup {
        &self.group
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
        READY.with_borrow_mut(|ready| match ready_context(ready, key) {
            Ok(context) => context.verify(&sha384(message), signature).unwrap_or(false),
            // The library does not take every odd number for a modulus that the portable code takes.
            Err(_) => Portable.rsa_pss(key, message, signature),
        })
    }
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Native")
    }
}

fn ready_context<'a>(
    ready: &'a mut HashMap<[u8; MODULUS_LEN], PkeyCtx<Public>>,
    key: &RsaPublicKey,
) -> Result<&'a mut PkeyCtx<Public>, CryptoError> {
    if ready.len() >= KEPT_KEYS && !ready.contains_key(key.modulus()) {
        ready.clear();
    }
    match ready.entry(*key.modulus()) {
        Entry::Occupied(context) => Ok(context.into_mut()),
        Entry::Vacant(place) => Ok(place.insert(pss_context(key)?)),
    }
}

/// RSASSA-PSS with SHA-384, MGF1-SHA-384 and a salt of 48 bytes.
fn pss_context(key: &RsaPublicKey) -> Result<PkeyCtx<Public>, CryptoError> {
    let rsa = Rsa::from_public_components(BigNum::from_slice(key.modulus())?, BigNum::from_u32(65_537)?)?;
    let key = PKey::from_rsa(rsa)?;
    let mut context = PkeyCtx::new(&key)?;
    context.verify_init()?;
    context.set_rsa_padding(Padding::PKCS1_PSS)?;
    context.set_signature_md(Md::sha384())?;
    context.set_rsa_mgf1_md(Md::sha384())?;
    context.set_rsa_pss_saltlen(RsaPssSaltlen::custom(48))?;
    Ok(context)
}
