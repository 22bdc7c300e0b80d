//! `keys/`, `derivation/`, `sealing/` and `blinding/`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::{Digest, json};
use crate::security::blinding::{self, BlindingSecrets, RsaPublicKey};
use crate::security::sealing::{self, Purpose};
use crate::security::{Portable, PublicKey, SecurityError, Seed, Signer as _, SigningKey, Thumbprint, Verifier as _};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "read-jwk" => on(input, read_jwk),
        "read-point" => on(input, read_point),
        "verify" => on(input, verify),
        "sign" => on(input, sign),
        "agree" => on(input, agree),
        "derive-seed" => on(input, derive_seed),
        "derive-key" => on(input, derive_key),
        "open" => on(input, open),
        "blind" => on(input, blind),
        "unblind" => on(input, unblind),
        "verify-unblinded" => on(input, verify_unblinded),
        "derive-blinding" => on(input, derive_blinding),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Jwk {
    /// The text itself, since duplicate members are part of what is tested.
    jwk: String,
}

#[derive(Serialize)]
struct Key {
    thumbprint: Thumbprint,
    compressed: Hex,
    uncompressed: Hex,
    text: String,
}

impl From<PublicKey> for Key {
    fn from(key: PublicKey) -> Self {
        Self {
            thumbprint: key.thumbprint(),
            compressed: Hex(key.to_compressed().to_vec()),
            uncompressed: Hex(key.to_uncompressed().to_vec()),
            text: key.to_text(),
        }
    }
}

fn read_jwk(Jwk { jwk }: Jwk) -> Result<Key, SecurityError> {
    json::from_slice::<PublicKey>(jwk.as_bytes()).map(Key::from).map_err(|_| SecurityError::Key)
}

#[derive(Deserialize)]
struct Point {
    point: Hex,
}

fn read_point(Point { point }: Point) -> Result<Key, SecurityError> {
    PublicKey::from_sec1(&point.0).map(Key::from)
}

#[derive(Deserialize)]
struct Verify {
    jwk: PublicKey,
    message: Hex,
    signature: Hex,
}

fn verify(input: Verify) -> Result<(), SecurityError> {
    let signature = input.signature.array(SecurityError::Signature)?;
    if Portable.es256(&input.jwk, &input.message.0, &signature) { Ok(()) } else { Err(SecurityError::Signature) }
}

#[derive(Deserialize)]
struct Sign {
    private: Hex,
    message: Hex,
}

#[derive(Serialize)]
struct Signature {
    signature: Hex,
}

fn sign(input: Sign) -> Result<Signature, SecurityError> {
    let key = SigningKey::from_bytes(&input.private.array(SecurityError::Key)?)?;
    Ok(Signature { signature: Hex(key.sign(&input.message.0).to_vec()) })
}

#[derive(Deserialize)]
struct Agree {
    private: Hex,
    public: Hex,
}

#[derive(Serialize)]
struct Shared {
    shared: Hex,
}

fn agree(input: Agree) -> Result<Shared, SecurityError> {
    let key = SigningKey::from_bytes(&input.private.array(SecurityError::Key)?)?;
    let other = PublicKey::from_sec1(&input.public.0)?;
    Ok(Shared { shared: Hex(key.diffie_hellman(&other).to_vec()) })
}

#[derive(Deserialize)]
struct Derive {
    seed: Hex,
    label: String,
    context: Vec<Hex>,
}

impl Derive {
    fn with<T>(&self, derive: impl FnOnce(&Seed, &str, &[&[u8]]) -> T) -> Result<T, SecurityError> {
        let seed = Seed::new(self.seed.array(SecurityError::Key)?);
        let context: Vec<_> = self.context.iter().map(|part| part.0.as_slice()).collect();
        Ok(derive(&seed, &self.label, &context))
    }
}

#[derive(Serialize)]
struct DerivedSeed {
    seed: Hex,
}

fn derive_seed(input: Derive) -> Result<DerivedSeed, SecurityError> {
    let seed = input.with(Seed::derive)?;
    Ok(DerivedSeed { seed: Hex(seed.as_bytes().to_vec()) })
}

#[derive(Serialize)]
struct DerivedKey {
    private: Hex,
    public: String,
}

fn derive_key(input: Derive) -> Result<DerivedKey, SecurityError> {
    let key = input.with(Seed::derive_key)?;
    Ok(DerivedKey { private: Hex(key.to_bytes().to_vec()), public: key.public_key().to_text() })
}

#[derive(Deserialize)]
struct Open {
    purpose: WirePurpose,
    context: Digest,
    recipient_private: Hex,
    sealed: Hex,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WirePurpose {
    ContentKey,
    Address,
}

#[derive(Serialize)]
struct Opened {
    plaintext: Hex,
}

fn open(input: Open) -> Result<Opened, SecurityError> {
    let recipient = SigningKey::from_bytes(&input.recipient_private.array(SecurityError::Key)?)?;
    let purpose = match input.purpose {
        WirePurpose::ContentKey => Purpose::ContentKey,
        WirePurpose::Address => Purpose::Address,
    };
    sealing::open(purpose, &input.context, &recipient, &input.sealed.0)
        .map(|plaintext| Opened { plaintext: Hex(plaintext) })
}

#[derive(Deserialize)]
struct Blinding {
    modulus: Hex,
    message: Hex,
    #[serde(default = "none")]
    salt: Hex,
    #[serde(default = "none")]
    factor: Hex,
    #[serde(default = "none")]
    signature: Hex,
}

const fn none() -> Hex {
    Hex(Vec::new())
}

impl Blinding {
    fn key(&self) -> Result<RsaPublicKey, SecurityError> {
        RsaPublicKey::from_modulus(&self.modulus.0)
    }

    fn secrets(&self) -> Result<BlindingSecrets, SecurityError> {
        Ok(BlindingSecrets::from_parts(self.salt.array(SecurityError::Key)?, self.factor.array(SecurityError::Key)?))
    }
}

#[derive(Serialize)]
struct Blinded {
    blinded: Hex,
}

fn blind(input: Blinding) -> Result<Blinded, SecurityError> {
    let blinded = blinding::blind(&input.key()?, &input.message.0, &input.secrets()?)?;
    Ok(Blinded { blinded: Hex(blinded.to_vec()) })
}

fn unblind(input: Blinding) -> Result<Signature, SecurityError> {
    let signature = input.signature.array(SecurityError::Signature)?;
    let signature = blinding::unblind(&input.key()?, &input.message.0, &signature, &input.secrets()?)?;
    Ok(Signature { signature: Hex(signature.to_vec()) })
}

fn verify_unblinded(input: Blinding) -> Result<(), SecurityError> {
    blinding::verify(&input.key()?, &input.message.0, &input.signature.0)
}

#[derive(Deserialize)]
struct DeriveBlinding {
    modulus: Hex,
    message: Hex,
    seed: Hex,
}

/// The secrets stay inside; the blinded message shows that they are the right ones.
fn derive_blinding(input: DeriveBlinding) -> Result<Blinded, SecurityError> {
    let key = RsaPublicKey::from_modulus(&input.modulus.0)?;
    let seed = Seed::new(input.seed.array(SecurityError::Key)?);
    let secrets = BlindingSecrets::derive(&key, &seed)?;
    Ok(Blinded { blinded: Hex(blinding::blind(&key, &input.message.0, &secrets)?.to_vec()) })
}
