//! Denomination keys: RSA-2048, on disk for the mint's eyes alone, made ahead of their time and destroyed after it.
//!
//! ```text
//! made, published ──▶ issued ──▶ its private key is destroyed ──▶ only taken ──▶ expired
//! ```
//!
//! Every value has a key that issues for some weeks and whose coins can be spent for a year. The next one is made and
//! published long before its time comes: a mint that cannot make keys for a while goes on, and wallets and the mint's other
//! replicas know what is coming. When the last coin was issued the private key is overwritten: what it signed can be taken
//! with the public key alone, and nobody can steal what is not there.
//!
//! What a folder has is never taken out of it again but for the private keys, and always in the order in which it was made.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use semper_shared::foundation::{Bytes, UnixSeconds, json};
use semper_shared::items::payment::ecash::{DenominationKey, Fees};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::settings::{FeeTable, Windows};
use crate::crypto::{BlindSigner, CryptoError};
use crate::http::StartError;
use crate::keys::{KeysError, write_secret};

/// The file, in the mint's data folder.
const FILE: &str = "denominations.json";

/// Whoever holds this file may write the other.
const LOCK: &str = "denominations.lock";

/// A denomination with the key that signs its coins, as long as it may.
#[derive(Debug, Clone)]
pub(super) struct Issuer {
    pub(super) key: DenominationKey,
    pub(super) signer: Option<Arc<BlindSigner>>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    denominations: Vec<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    value_minor: u64,
    issue_from: UnixSeconds,
    issue_until: UnixSeconds,
    spend_until: UnixSeconds,
    #[serde(default, skip_serializing_if = "Fees::are_none")]
    fees: Fees,
    /// The public key, base64url; what the private key has is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<semper_shared::security::blinding::RsaPublicKey>,
    /// PKCS#1, base64url; gone after its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    private: Option<Bytes>,
}

/// How far ahead denominations are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ahead {
    /// None: what the folder has, without waiting for whoever makes more.
    Nothing,
    /// Those that are to be issued now: enough to begin with.
    Now,
    /// Those of the times to come, too.
    Settings,
}

/// Reads the mint's denominations, makes those that are missing at `now`, and destroys private keys whose time is over.
/// Takes seconds where it makes some. Replicas that share the folder take turns. With [`Ahead::Nothing`], the folder stays as it
/// is, and keys of what was revoked are left out.
pub(super) fn load_or_make(
    folder: &Path,
    (windows, fees): (&Windows, &FeeTable),
    now: UnixSeconds,
    ahead: Ahead,
    is_revoked: &dyn Fn(&DenominationKey) -> bool,
) -> Result<Vec<Issuer>, StartError> {
    let path = folder.join(FILE);
    let until = match ahead {
        Ahead::Nothing => return Ok(without(read(&path)?, is_revoked)),
        Ahead::Now => now,
        Ahead::Settings => now.plus(windows.days(windows.ahead_days)),
    };
    let lock = folder.join(LOCK);
    let lock_file = File::create(&lock).map_err(|source| io_error(&lock, source))?;
    lock_file.lock().map_err(|source| io_error(&lock, source))?;
    let mut issuers = read(&path)?;
    let good: Vec<&DenominationKey> = issuers.iter().map(|issuer| &issuer.key).filter(|key| !is_revoked(key)).collect();
    let missing = windows.missing(good.into_iter(), now, until);
    let mut changed = false;
    for issuer in &mut issuers {
        let over = issuer.key.issue_until.plus(windows.grace_s()) < now || is_revoked(&issuer.key);
        if over && issuer.signer.take().is_some() {
            changed = true;
        }
    }
    for (issue_from, values) in missing {
        let made = make(&values).map_err(|source| key_error(&path, source))?;
        tracing::info!(keys = made.len(), issue_from = issue_from.0, "made new denominations");
        for (value_minor, signer) in values.into_iter().zip(made) {
            let key = windows.key(value_minor, fees.of(value_minor), signer.public_key().clone(), issue_from);
            issuers.push(Issuer { key, signer: Some(Arc::new(signer)) });
        }
        changed = true;
    }
    if changed {
        write(&path, &issuers)?;
    }
    Ok(issuers)
}

/// The same without the private keys of some.
fn without(mut issuers: Vec<Issuer>, is_revoked: &dyn Fn(&DenominationKey) -> bool) -> Vec<Issuer> {
    for issuer in issuers.iter_mut().filter(|issuer| is_revoked(&issuer.key)) {
        issuer.signer = None;
    }
    issuers
}

/// Every denomination that a folder has.
pub(super) fn known(folder: &Path) -> Result<Vec<DenominationKey>, StartError> {
    Ok(read(&folder.join(FILE))?.into_iter().map(|issuer| issuer.key).collect())
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
    let file: Stored = json::from_slice(&text).map_err(|_| key_error(path, CryptoError::Key))?;
    let read_one = |stored: StoredKey| {
        let signer = match stored.private {
            Some(private) => Some(Arc::new(BlindSigner::from_der(&Zeroizing::new(private.0))?)),
            None => None,
        };
        let public = stored.n.or_else(|| signer.as_ref().map(|signer| signer.public_key().clone()));
        Ok(Issuer {
            key: DenominationKey {
                value_minor: stored.value_minor,
                n: public.ok_or(CryptoError::Key)?,
                issue_from: stored.issue_from,
                issue_until: stored.issue_until,
                spend_until: stored.spend_until,
                fees: stored.fees,
            },
            signer,
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
            fees: issuer.key.fees,
            n: Some(issuer.key.n.clone()),
            private: match &issuer.signer {
                Some(signer) => Some(Bytes(signer.to_der()?.to_vec())),
                None => None,
            },
        })
    };
    let denominations =
        issuers.iter().map(store).collect::<Result<_, _>>().map_err(|source| key_error(path, source))?;
    let text = serde_json::to_vec(&Stored { denominations }).map_err(|error| io_error(path, error.into()))?;
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
