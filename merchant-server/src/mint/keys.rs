//! Denomination keys: RSA-2048, on disk for the mint's eyes alone, renewed before they run out.
//!
//! Every value has a key that issues for some weeks and whose coins can be spent for a year. Some days before the issue
//! window closes the next generation is made, so that a wallet always finds keys to withdraw with.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use actix_web::web;
use semper_shared::foundation::{Amount, Bytes, Digest, UnixSeconds, json};
use semper_shared::items::payment::ecash::{DenominationKey, EcashError, KeySet, MintKeys, PlanchetMessage};
use semper_shared::items::statement::Signed;
use semper_shared::security::Signer;
use semper_shared::security::blinding::MODULUS_LEN;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::error::{MintError, broken};
use super::settings::Windows;
use super::store::Number;
use crate::crypto::{BlindSigner, CryptoError};
use crate::http::StartError;
use crate::keys::{KeysError, write_secret};

/// The file, in the mint's data folder.
const FILE: &str = "denominations.json";

/// How far a wallet's clock may be behind and still find a denomination issued that is new, in seconds.
const SKEW_S: u64 = 3_600;

/// How long a key document may be used, in seconds.
pub(super) const DOCUMENT_S: u64 = 7 * 24 * 3_600;

/// A denomination with the key that signs its coins.
#[derive(Debug, Clone)]
pub(super) struct Issuer {
    pub(super) key: DenominationKey,
    signer: Arc<BlindSigner>,
}

#[derive(Serialize, Deserialize)]
struct File {
    denominations: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    value_minor: u64,
    issue_from: UnixSeconds,
    issue_until: UnixSeconds,
    spend_until: UnixSeconds,
    /// PKCS#1, base64url.
    private: Bytes,
}

/// Reads the mint's denominations, makes those that are missing at `now`, and keeps them. Takes seconds where it makes some.
pub(super) fn load_or_make(folder: &Path, windows: &Windows, now: UnixSeconds) -> Result<Vec<Issuer>, StartError> {
    let path = folder.join(FILE);
    let mut issuers = read(&path)?;
    let missing = windows.missing(issuers.iter().map(|issuer| &issuer.key), now);
    if missing.is_empty() {
        return Ok(issuers);
    }
    let made = make(&missing).map_err(|source| key_error(&path, source))?;
    tracing::info!(keys = made.len(), "made new denominations");
    for (value_minor, signer) in missing.into_iter().zip(made) {
        issuers.push(Issuer {
            key: DenominationKey {
                value_minor,
                n: signer.public_key().clone(),
                issue_from: UnixSeconds(now.0.saturating_sub(SKEW_S)),
                issue_until: now.plus(windows.issue_s()),
                spend_until: now.plus(windows.spend_s()),
            },
            signer: Arc::new(signer),
        });
    }
    write(&path, &issuers)?;
    Ok(issuers)
}

/// One key a value, side by side, since each takes a tenth of a second and more.
fn make(values: &[u64]) -> Result<Vec<BlindSigner>, CryptoError> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = values.iter().map(|_| scope.spawn(BlindSigner::make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(Err(CryptoError::Library))).collect()
    })
}

fn read(path: &Path) -> Result<Vec<Issuer>, StartError> {
    let text = match fs::read(path) {
        Ok(text) => Zeroizing::new(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(io_error(path, source)),
    };
    let file: File = json::from_slice(&text).map_err(|_| key_error(path, CryptoError::Key))?;
    let read_one = |stored: StoredKey| {
        let private = Zeroizing::new(stored.private.0);
        let signer = BlindSigner::from_der(&private)?;
        Ok(Issuer {
            key: DenominationKey {
                value_minor: stored.value_minor,
                n: signer.public_key().clone(),
                issue_from: stored.issue_from,
                issue_until: stored.issue_until,
                spend_until: stored.spend_until,
            },
            signer: Arc::new(signer),
        })
    };
    file.denominations.into_iter().map(read_one).collect::<Result<_, _>>().map_err(|source| key_error(path, source))
}

fn write(path: &Path, issuers: &[Issuer]) -> Result<(), StartError> {
    let store = |issuer: &Issuer| {
        Ok(StoredKey {
            value_minor: issuer.key.value_minor,
            issue_from: issuer.key.issue_from,
            issue_until: issuer.key.issue_until,
            spend_until: issuer.key.spend_until,
            private: Bytes(issuer.signer.to_der()?.to_vec()),
        })
    };
    let denominations =
        issuers.iter().map(store).collect::<Result<_, _>>().map_err(|source| key_error(path, source))?;
    let text = serde_json::to_vec(&File { denominations }).map_err(|error| io_error(path, error.into()))?;
    write_secret(path, &Zeroizing::new(text)).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: io::Error) -> StartError {
    let path = PathBuf::from(path);
    StartError::Keys(KeysError::Io { path, source })
}

fn key_error(path: &Path, source: CryptoError) -> StartError {
    let path = PathBuf::from(path);
    StartError::Keys(KeysError::Key { path, source })
}

/// The mint's denominations as requests need them, read once: never changed, but replaced by a newer ring.
#[derive(Debug)]
pub(super) struct Ring {
    /// All denominations that ever were.
    pub(super) keys: KeySet,
    /// The key document, which has those that have not expired.
    pub(super) text: web::Bytes,
    by_id: HashMap<Digest, (Number, Arc<BlindSigner>)>,
    by_number: HashMap<Number, (Digest, u64)>,
}

impl Ring {
    /// Signs the document, and puts the keys in order. `numbers` are the ledger's, in the order of `issuers`. The document is
    /// given without denominations.
    pub(super) fn new(
        mut document: MintKeys,
        signer: &dyn Signer,
        issuers: &[Issuer],
        numbers: &[Number],
    ) -> Result<Self, EcashError> {
        let currency = document.currency;
        // What has expired is no longer published, but recognised: such a coin is too late, and not unknown.
        let current = issuers.iter().filter(|issuer| document.issued_at <= issuer.key.spend_until);
        let current = current.map(|issuer| issuer.key.clone()).collect();
        let published = Signed::sign(MintKeys { denominations: current, ..document.clone() }, signer);
        let text = web::Bytes::copy_from_slice(published.compact().as_bytes());
        document.denominations = issuers.iter().map(|issuer| issuer.key.clone()).collect();
        let document = Signed::sign(document, signer);
        let mut by_id = HashMap::with_capacity(issuers.len());
        let mut by_number = HashMap::with_capacity(issuers.len());
        for (issuer, number) in issuers.iter().zip(numbers) {
            let id = issuer.key.id(currency);
            by_id.insert(id, (*number, Arc::clone(&issuer.signer)));
            by_number.insert(*number, (id, issuer.key.value_minor));
        }
        Ok(Self { keys: KeySet::new(document)?, text, by_id, by_number })
    }

    /// The ledger's number of a denomination.
    pub(super) fn number(&self, id: &Digest) -> Result<Number, EcashError> {
        self.by_id.get(id).map(|(number, _)| *number).ok_or(EcashError::DenominationUnknown)
    }

    /// The name of the denomination with this number in the ledger, and its coins' value.
    pub(super) fn denomination(&self, number: Number) -> Result<(Digest, u64), EcashError> {
        self.by_number.get(&number).copied().ok_or(EcashError::DenominationUnknown)
    }

    /// An amount in the mint's currency.
    pub(super) fn amount(&self, minor: u64) -> Result<Amount, EcashError> {
        Ok(Amount::new(self.keys.currency(), minor)?)
    }

    /// Signs blinded messages, one after the other in one string of bytes. 0.3 ms each.
    pub(super) fn sign<'a>(
        &self,
        planchets: impl IntoIterator<Item = (&'a Digest, &'a [u8; MODULUS_LEN])>,
    ) -> Result<Vec<u8>, MintError> {
        let mut signatures = Vec::new();
        for (id, blinded) in planchets {
            let (_, signer) = self.by_id.get(id).ok_or(EcashError::DenominationUnknown)?;
            let signature = signer.sign(blinded).map_err(|error| match error {
                CryptoError::Input => EcashError::Malformed("a blinded message is not below the modulus").into(),
                _ => broken("a denomination's key does not sign"),
            })?;
            signatures.extend_from_slice(&signature);
        }
        Ok(signatures)
    }

    /// A batch as the ledger keeps it.
    pub(super) fn pack(&self, batch: &[PlanchetMessage]) -> Result<Vec<u8>, EcashError> {
        let mut bytes = Vec::with_capacity(batch.len() * PACKED);
        for planchet in batch {
            bytes.extend_from_slice(&self.number(&planchet.denomination)?.to_be_bytes());
            bytes.extend_from_slice(&planchet.blinded);
        }
        Ok(bytes)
    }

    /// Reads what [`Ring::pack`] wrote.
    pub(super) fn unpack(&self, bytes: &[u8]) -> Result<Vec<PlanchetMessage>, EcashError> {
        let broken = EcashError::Malformed("a stored batch is broken");
        bytes
            .chunks(PACKED)
            .map(|packed| {
                let (number, blinded) = packed.split_at_checked(2).ok_or_else(|| broken.clone())?;
                let number = number.try_into().map_err(|_| broken.clone())?;
                Ok(PlanchetMessage {
                    denomination: self.denomination(Number::from_be_bytes(number))?.0,
                    blinded: blinded.try_into().map_err(|_| broken.clone())?,
                })
            })
            .collect()
    }
}

const PACKED: usize = 2 + MODULUS_LEN;

/// Signatures kept in one string of bytes, one by one.
pub(super) fn split_signatures(bytes: &[u8]) -> Vec<Bytes> {
    bytes.chunks(MODULUS_LEN).map(|signature| Bytes(signature.to_vec())).collect()
}
