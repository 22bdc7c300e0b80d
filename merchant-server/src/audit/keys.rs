//! The mint's public keys, from its folder.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use openssl::bn::BigNum;
use openssl::rsa::{Padding, Rsa};
use semper_shared::foundation::{Bytes, Currency, Digest, UnixSeconds, json};
use semper_shared::items::payment::ecash::{DenominationKey, Fees};
use semper_shared::security::blinding::{MODULUS_LEN, RsaPublicKey};
use semper_shared::security::{PublicKey, Signer as _, Thumbprint};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::AuditError;
use super::desk::NO_CURRENCY;
use crate::crypto::BlindSigner;

/// What is needed to verify what the mint signed.
pub(super) struct Keys {
    /// The mint's own key; none where no mint is audited.
    pub(super) own: Option<PublicKey>,
    pub(super) currency: Currency,
    by_id: HashMap<Digest, DenominationKey>,
}

impl Default for Keys {
    fn default() -> Self {
        Self { own: None, currency: NO_CURRENCY, by_id: HashMap::new() }
    }
}

#[derive(Deserialize)]
struct Stored {
    denominations: Vec<StoredKey>,
}

#[derive(Deserialize)]
struct StoredKey {
    value_minor: u64,
    issue_from: UnixSeconds,
    issue_until: UnixSeconds,
    spend_until: UnixSeconds,
    #[serde(default)]
    fees: Fees,
    #[serde(default)]
    n: Option<RsaPublicKey>,
    #[serde(default)]
    private: Option<Bytes>,
}

impl Keys {
    /// Reads a mint's folder. Its private keys are looked at for their public halves alone.
    pub(super) fn read(folder: &Path, currency: Currency) -> Result<Self, AuditError> {
        if !folder.join(crate::keys::KEY_FILE).is_file() {
            return Err(AuditError::Keys(format!("there is no mint in {}", folder.display())));
        }
        let own = crate::keys::load_or_make(folder).map_err(|error| AuditError::Keys(error.to_string()))?;
        let path = folder.join("denominations.json");
        let unreadable = |why: &dyn std::fmt::Display| AuditError::Keys(format!("{}: {why}", path.display()));
        let text = Zeroizing::new(fs::read(&path).map_err(|error| unreadable(&error))?);
        let stored: Stored = json::from_slice(&text).map_err(|_| unreadable(&"not the mint's keys"))?;
        let mut by_id = HashMap::new();
        for stored in stored.denominations {
            let n = match (stored.n, stored.private) {
                (Some(n), _) => n,
                (None, Some(private)) => {
                    let private = Zeroizing::new(private.0);
                    BlindSigner::from_der(&private).map_err(|error| unreadable(&error))?.public_key().clone()
                }
                (None, None) => return Err(unreadable(&"a denomination has no key")),
            };
            let key = DenominationKey {
                value_minor: stored.value_minor,
                n,
                issue_from: stored.issue_from,
                issue_until: stored.issue_until,
                spend_until: stored.spend_until,
                fees: stored.fees,
            };
            by_id.insert(key.id(currency), key);
        }
        Ok(Self { own: Some(own.public_key().clone()), currency, by_id })
    }

    pub(super) fn denomination(&self, id: &Digest) -> Option<&DenominationKey> {
        self.by_id.get(id)
    }

    /// The mint's name.
    pub(super) fn mint(&self) -> Thumbprint {
        self.own.as_ref().map_or(Digest([0; 32]), PublicKey::thumbprint)
    }
}

/// What a blind signature signs: `signature^e mod n`.
pub(super) fn opened(key: &RsaPublicKey, signature: &[u8]) -> Option<[u8; MODULUS_LEN]> {
    let modulus = BigNum::from_slice(key.modulus()).ok()?;
    let rsa = Rsa::from_public_components(modulus, BigNum::from_u32(65_537).ok()?).ok()?;
    let mut blinded = [0; MODULUS_LEN];
    (rsa.public_decrypt(signature, &mut blinded, Padding::NONE).ok()? == MODULUS_LEN).then_some(blinded)
}
