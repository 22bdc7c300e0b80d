//! A verified statement, and one still to be verified.

use core::fmt;
use core::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::StatementError;
use super::compact::{ALG, Header, Parts};
use crate::foundation::{Digest, base64, json};
use crate::security::{PublicKey, Signer, Thumbprint, Verifier};

/// A kind of statement: the payload and the type that separates it from every other kind.
pub trait Statement: Serialize + DeserializeOwned {
    /// The `typ` of the header, such as `semper-offer+jwt`.
    const TYP: &'static str;
}

/// A statement whose signature was made or verified here; reads like its payload.
#[derive(Clone)]
pub struct Signed<T> {
    compact: String,
    payload: T,
    signer: Thumbprint,
    digest: Digest,
}

impl<T: Statement> Signed<T> {
    /// Signs with a key that the verifier knows from elsewhere.
    pub fn sign(payload: T, signer: &(impl Signer + ?Sized)) -> Self {
        Self::assemble(payload, signer, None)
    }

    /// Signs with a key that the statement itself carries: a deal's, a coin's, a reserve's.
    pub fn sign_self_keyed(payload: T, signer: &(impl Signer + ?Sized)) -> Self {
        Self::assemble(payload, signer, Some(signer.public_key().clone()))
    }

    fn assemble(payload: T, signer: &(impl Signer + ?Sized), jwk: Option<PublicKey>) -> Self {
        let kid = signer.public_key().thumbprint();
        let header = Header { alg: ALG.to_owned(), typ: T::TYP.to_owned(), kid, jwk, crit: None };
        let mut compact = String::new();
        compact.push_str(&base64::encode(&json_of(&header)));
        compact.push('.');
        compact.push_str(&base64::encode(&json_of(&payload)));
        let digest = Digest::of(compact.as_bytes());
        let signature = signer.sign(compact.as_bytes());
        compact.push('.');
        compact.push_str(&base64::encode(&signature));
        Self { compact, payload, signer: kid, digest }
    }

    /// Verifies a statement of `key`'s owner.
    ///
    /// # Errors
    /// [`StatementError`] where it is malformed, of another kind, or not signed by `key`.
    pub fn verify(compact: &str, key: &PublicKey, verifier: &dyn Verifier) -> Result<Self, StatementError> {
        let parts = Parts::parse(compact, T::TYP)?;
        if parts.header.kid != key.thumbprint() {
            return Err(StatementError::Signature);
        }
        Self::check(compact, &parts, key, verifier)
    }

    /// Verifies a statement that carries its own key, and returns the key.
    ///
    /// # Errors
    /// [`StatementError`] where it is malformed, of another kind, carries no key, or is not signed by it.
    pub fn verify_self_keyed(compact: &str, verifier: &dyn Verifier) -> Result<(Self, PublicKey), StatementError> {
        let mut parts = Parts::parse(compact, T::TYP)?;
        let key = parts.header.jwk.take().ok_or(StatementError::Malformed("no jwk"))?;
        let signed = Self::check(compact, &parts, &key, verifier)?;
        Ok((signed, key))
    }

    /// Reads a statement that introduces its own signer: `key_of` finds the key in the payload, which must then verify it.
    ///
    /// This proves only that the signer holds the key it names; whose key that is, the caller must know otherwise.
    ///
    /// # Errors
    /// As [`Signed::verify`].
    pub fn verify_introduction(
        compact: &str,
        key_of: impl FnOnce(&T) -> &PublicKey,
        verifier: &dyn Verifier,
    ) -> Result<Self, StatementError> {
        let payload = payload_of::<T>(&Parts::parse(compact, T::TYP)?)?;
        Self::verify(compact, key_of(&payload), verifier)
    }

    fn check(
        compact: &str,
        parts: &Parts<'_>,
        key: &PublicKey,
        verifier: &dyn Verifier,
    ) -> Result<Self, StatementError> {
        if !verifier.es256(key, parts.signing_input.as_bytes(), &parts.signature) {
            return Err(StatementError::Signature);
        }
        Ok(Self {
            compact: compact.to_owned(),
            payload: payload_of(parts)?,
            signer: parts.header.kid,
            digest: Digest::of(parts.signing_input.as_bytes()),
        })
    }
}

fn payload_of<T: Statement>(parts: &Parts<'_>) -> Result<T, StatementError> {
    json::from_slice(&parts.payload).map_err(|_| StatementError::Malformed("payload"))
}

fn json_of(value: &impl Serialize) -> Vec<u8> {
    // Without the error, whose texts the browser would have to carry.
    serde_json::to_vec(value)
        .map_err(drop)
        .expect("statements hold only strings, integers, lists and structs, which always serialize")
}

impl<T> Signed<T> {
    /// The compact serialization, to be sent and stored.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// The digest: SHA-256 of the signing input.
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The thumbprint of the key that signed.
    pub const fn signer(&self) -> Thumbprint {
        self.signer
    }

    /// The payload.
    pub const fn payload(&self) -> &T {
        &self.payload
    }

    /// The statement as text that still is to be verified, for messages and stores.
    pub fn to_compact(&self) -> Compact<T> {
        Compact::new(self.compact.clone())
    }
}

impl<T> Deref for Signed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.payload
    }
}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({} by {})", self.digest, self.signer)
    }
}

/// The text of a statement of kind `T`, not verified: what messages carry.
pub struct Compact<T> {
    text: String,
    kind: core::marker::PhantomData<fn() -> T>,
}

impl<T> Compact<T> {
    /// Takes any text; whether it is a statement is seen when it is verified.
    pub const fn new(text: String) -> Self {
        Self { text, kind: core::marker::PhantomData }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T: Statement> Compact<T> {
    /// Reads the payload without verifying anything: for cheap checks, before somebody else verifies.
    ///
    /// # Errors
    /// [`StatementError`] where it is malformed or of another kind.
    pub fn peek_unverified(&self) -> Result<T, StatementError> {
        payload_of(&Parts::parse(&self.text, T::TYP)?)
    }

    /// Verifies it: [`Signed::verify`].
    ///
    /// # Errors
    /// As [`Signed::verify`].
    pub fn verify(&self, key: &PublicKey, verifier: &dyn Verifier) -> Result<Signed<T>, StatementError> {
        Signed::verify(&self.text, key, verifier)
    }

    /// Verifies it: [`Signed::verify_self_keyed`].
    ///
    /// # Errors
    /// As [`Signed::verify_self_keyed`].
    pub fn verify_self_keyed(&self, verifier: &dyn Verifier) -> Result<(Signed<T>, PublicKey), StatementError> {
        Signed::verify_self_keyed(&self.text, verifier)
    }
}

impl<T> Clone for Compact<T> {
    fn clone(&self) -> Self {
        Self::new(self.text.clone())
    }
}

impl<T> PartialEq for Compact<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Compact<T> {}

impl<T> fmt::Debug for Compact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compact({} bytes)", self.text.len())
    }
}

impl<T> Serialize for Compact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Compact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}
