//! HPKE's key schedule (RFC 9180 sections 4.1 and 5.1) in base mode, for DHKEM(P-256, HKDF-SHA256), HKDF-SHA256 and
//! AES-256-GCM, for one message.
//!
//! The key agreement comes from outside, so that it may be native. Tests hold this against an implementation by others.

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::keys::PublicKey;

/// The length of an encapsulated key: an uncompressed point.
pub(super) const ENCAPSULATED_LEN: usize = 65;

const VERSION: &[u8] = b"HPKE-v1";
const MODE_BASE: u8 = 0;
/// `"KEM" ‖ kem_id`.
const KEM_SUITE: &[u8] = b"KEM\x00\x10";
/// `"HPKE" ‖ kem_id ‖ kdf_id ‖ aead_id`.
const SUITE: &[u8] = b"HPKE\x00\x10\x00\x01\x00\x02";

const SECRET_LEN: u16 = 32;
const NONCE_LEN: u16 = 12;

/// Key and nonce of one message; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Channel {
    key: [u8; SECRET_LEN as usize],
    nonce: [u8; NONCE_LEN as usize],
}

impl Channel {
    /// The channel that an agreement gives, where `shared` is its x-coordinate and `enc` the ephemeral key.
    pub(super) fn new(shared: &[u8; 32], enc: &[u8; ENCAPSULATED_LEN], recipient: &PublicKey, info: &[u8]) -> Self {
        let agreed = extract(KEM_SUITE, &[], b"eae_prk", shared);
        let mut secret = Zeroizing::new([0; SECRET_LEN as usize]);
        let both = [&enc[..], &recipient.to_uncompressed()].concat();
        expand(&agreed, KEM_SUITE, SECRET_LEN, b"shared_secret", &both, &mut *secret);

        let (_, no_psk) = extracted(SUITE, &[], b"psk_id_hash", &[]);
        let (_, info) = extracted(SUITE, &[], b"info_hash", info);
        let context = [&[MODE_BASE][..], &no_psk, &info].concat();
        let secret = extract(SUITE, &*secret, b"secret", &[]);
        let mut channel = Self { key: [0; SECRET_LEN as usize], nonce: [0; NONCE_LEN as usize] };
        expand(&secret, SUITE, SECRET_LEN, b"key", &context, &mut channel.key);
        expand(&secret, SUITE, NONCE_LEN, b"base_nonce", &context, &mut channel.nonce);
        channel
    }

    /// Seals the one message; `None` where it is too long for the cipher.
    pub(super) fn seal(&self, plaintext: &[u8]) -> Option<Vec<u8>> {
        self.cipher().encrypt(&self.nonce.into(), plaintext).ok()
    }

    /// Opens the one message.
    pub(super) fn open(&self, ciphertext: &[u8]) -> Option<Vec<u8>> {
        self.cipher().decrypt(&self.nonce.into(), ciphertext).ok()
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&self.key.into())
    }
}

/// `LabeledExtract`, to expand from.
fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> Hkdf<Sha256> {
    extracted(suite, salt, label, ikm).0
}

/// `LabeledExtract`, with what was extracted.
fn extracted(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> (Hkdf<Sha256>, [u8; 32]) {
    let ikm = Zeroizing::new([VERSION, suite, label, ikm].concat());
    let (prk, hkdf) = Hkdf::<Sha256>::extract(Some(salt), &ikm);
    (hkdf, prk.into())
}

/// `LabeledExpand`; `length` is that of `out`.
fn expand(prk: &Hkdf<Sha256>, suite: &[u8], length: u16, label: &[u8], info: &[u8], out: &mut [u8]) {
    prk.expand_multi_info(&[&length.to_be_bytes(), VERSION, suite, label, info], out)
        .expect("32 bytes are within HKDF's bound of 8,160");
}

#[cfg(test)]
mod tests {
    use ::hpke::aead::AesGcm256;
    use ::hpke::kdf::HkdfSha256;
    use ::hpke::kem::DhP256HkdfSha256;
    use ::hpke::{
        Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable, setup_receiver, setup_sender_with_rng,
    };
    use getrandom::SysRng;
    use rand_core::UnwrapErr;

    use super::*;
    use crate::security::keys::{Signer as _, SigningKey};
    use crate::security::sealing::{Agree as _, Ephemeral};

    type Theirs = (<DhP256HkdfSha256 as Kem>::PrivateKey, <DhP256HkdfSha256 as Kem>::PublicKey);

    fn theirs(key: &SigningKey) -> Result<Theirs, HpkeError> {
        let public = Deserializable::from_bytes(&key.public_key().to_uncompressed())?;
        Ok((Deserializable::from_bytes(&*key.to_bytes())?, public))
    }

    fn texts() -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        (0..60_u8).map(|n| (vec![n; usize::from(n) * 3], vec![!n; usize::from(n) * 5]))
    }

    #[test]
    fn another_implementation_opens_what_this_one_seals() -> Result<(), Box<dyn std::error::Error>> {
        let mut rng = UnwrapErr(SysRng);
        for (info, text) in texts() {
            let key = SigningKey::make(&mut rng);
            let Ephemeral { public, shared } = rng.agree(key.public_key())?;
            let sealed = Channel::new(&shared, &public, key.public_key(), &info).seal(&text).ok_or("not sealed")?;
            let (private, _) = theirs(&key).map_err(|error| error.to_string())?;
            let enc = Deserializable::from_bytes(&public).map_err(|error| error.to_string())?;
            let opened =
                setup_receiver::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(&OpModeR::Base, &private, &enc, &info)
                    .and_then(|mut receiver| receiver.open(&sealed, b""));
            assert_eq!(opened.as_ref(), Ok(&text));
        }
        Ok(())
    }

    #[test]
    fn this_one_opens_what_another_implementation_seals() -> Result<(), Box<dyn std::error::Error>> {
        let mut rng = UnwrapErr(SysRng);
        for (info, text) in texts() {
            let key = SigningKey::make(&mut rng);
            let (_, public) = theirs(&key).map_err(|error| error.to_string())?;
            let (enc, sealed) = setup_sender_with_rng::<AesGcm256, HkdfSha256, DhP256HkdfSha256>(
                &OpModeS::Base,
                &public,
                &info,
                &mut rng,
            )
            .and_then(|(enc, mut sender)| Ok((enc, sender.seal(&text, b"")?)))
            .map_err(|error| error.to_string())?;
            let enc: [u8; ENCAPSULATED_LEN] = enc.to_bytes().into();
            let shared = key.diffie_hellman(&PublicKey::from_sec1(&enc)?);
            let channel = Channel::new(&shared, &enc, key.public_key(), &info);
            assert_eq!(channel.open(&sealed), Some(text));
            assert_eq!(Channel::new(&shared, &enc, key.public_key(), b"other").open(&sealed), None);
        }
        Ok(())
    }
}
