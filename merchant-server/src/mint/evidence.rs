//! Statements kept as columns: their text is rebuilt, byte for byte, from their payload and signature.
//!
//! A coin's permission is 1.3 kB of text, most of it base64 of what the ledger has in columns anyway. What the usual wallet
//! sends can be rebuilt; a statement that is spelt in another way, which is allowed, is kept as it came.

use semper_shared::foundation::{Digest, base64};
use semper_shared::items::statement::{Signed, Statement};
use semper_shared::security::keys::SignatureBytes;
use semper_shared::security::{PublicKey, Signer};

/// What must be kept besides a statement's payload and its signer's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Proof {
    /// Its signature: the text can be rebuilt.
    Signature(SignatureBytes),
    /// Its text.
    Text(String),
}

impl Proof {
    /// Decides what to keep of a statement that carries its signer's `key`.
    pub(super) fn of<T: Statement + Clone>(statement: &Signed<T>, key: &PublicKey) -> Self {
        if let Some(signature) = signature_of(statement.compact())
            && self_keyed(statement.payload().clone(), key, signature).compact() == statement.compact()
        {
            return Self::Signature(signature);
        }
        Self::Text(statement.compact().to_owned())
    }

    /// The statement's text.
    pub(super) fn text<T: Statement>(&self, payload: impl FnOnce() -> T, key: &PublicKey) -> String {
        match self {
            Self::Signature(signature) => self_keyed(payload(), key, *signature).compact().to_owned(),
            Self::Text(text) => text.clone(),
        }
    }

    /// As it is stored: a signature by its length of 64 bytes, which no statement has.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Signature(signature) => signature,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// Reads what [`Proof::as_bytes`] wrote.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        match SignatureBytes::try_from(bytes) {
            Ok(signature) => Some(Self::Signature(signature)),
            Err(text) => String::from_utf8(text).ok().map(Self::Text),
        }
    }
}

/// The digest of a statement's text: that of its signing input.
pub(super) fn digest_of(compact: &str) -> Digest {
    let signing_input = compact.rsplit_once('.').map_or(compact, |(input, _)| input);
    Digest::of(signing_input.as_bytes())
}

/// The signature of a statement's text.
pub(super) fn signature_of(compact: &str) -> Option<SignatureBytes> {
    base64::decode_array(compact.rsplit_once('.')?.1)
}

/// A statement of the mint's own, from its payload and the signature made then.
pub(super) fn own<T: Statement>(payload: T, key: &PublicKey, signature: SignatureBytes) -> Signed<T> {
    Signed::sign(payload, &Recorded { key, signature })
}

fn self_keyed<T: Statement>(payload: T, key: &PublicKey, signature: SignatureBytes) -> Signed<T> {
    Signed::sign_self_keyed(payload, &Recorded { key, signature })
}

/// Has signed already.
struct Recorded<'a> {
    key: &'a PublicKey,
    signature: SignatureBytes,
}

impl Signer for Recorded<'_> {
    fn public_key(&self) -> &PublicKey {
        self.key
    }

    fn sign(&self, _: &[u8]) -> SignatureBytes {
        self.signature
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semper_shared::foundation::UnixSeconds;
    use semper_shared::items::payment::ecash::Withdrawal;
    use semper_shared::security::{Portable, SigningKey};

    #[test]
    fn the_usual_text_is_rebuilt_and_another_spelling_is_kept() {
        let key = SigningKey::from_bytes(&[7; 32]).unwrap();
        let payload = Withdrawal {
            mint: Digest([1; 32]),
            batch: Vec::new(),
            first: Some(0),
            requested_at: UnixSeconds(u64::MAX),
        };
        let usual = Signed::sign_self_keyed(payload.clone(), &key);
        let proof = Proof::of(&usual, key.public_key());
        assert!(matches!(proof, Proof::Signature(_)));
        assert_eq!(proof.text(|| payload.clone(), key.public_key()), usual.compact());
        assert_eq!(digest_of(usual.compact()), usual.digest());

        // The same payload with a space in it, signed by the same key.
        let (header, _) = usual.compact().split_once('.').unwrap();
        let spaced = format!("{} ", serde_json::to_string(&payload).unwrap());
        let input = format!("{header}.{}", base64::encode(spaced.as_bytes()));
        let text = format!("{input}.{}", base64::encode(&key.sign(input.as_bytes())));
        let (other, _) = Signed::<Withdrawal>::verify_self_keyed(&text, &Portable).unwrap();
        let proof = Proof::of(&other, key.public_key());
        assert_eq!(proof, Proof::Text(text.clone()));
        assert_eq!(digest_of(&proof.text(|| payload, key.public_key())), other.digest());
        assert_eq!(Proof::from_bytes(proof.as_bytes().to_vec()), Some(proof));
    }
}
