//! A party's key on disk: PKCS#8 PEM, readable by its owner alone, made at the first start.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::crypto::{CryptoError, NativeSigner};

/// The file, in the party's data folder.
pub const KEY_FILE: &str = "key.pem";

/// Reads the party's key from its folder; makes both where there is none.
///
/// # Errors
/// [`KeysError`] where the folder cannot be used, the file is no key, or others may read it.
pub fn load_or_make(folder: &Path) -> Result<NativeSigner, KeysError> {
    let path = folder.join(KEY_FILE);
    match fs::read(&path) {
        Ok(pem) => {
            let mode = fs::metadata(&path).map_err(|source| KeysError::io(&path, source))?.permissions().mode();
            if mode & 0o077 != 0 {
                return Err(KeysError::Exposed(path));
            }
            let pem = zeroize::Zeroizing::new(pem);
            NativeSigner::from_pem(&pem).map_err(|source| KeysError::Key { path, source })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let signer = NativeSigner::make().map_err(|source| KeysError::Key { path: path.clone(), source })?;
            let pem = signer.to_pem().map_err(|source| KeysError::Key { path: path.clone(), source })?;
            match write(&path, &pem, |from, to| fs::hard_link(from, to).and_then(|()| fs::remove_file(from))) {
                Ok(()) => tracing::info!(path = %path.display(), "made a new key"),
                // Another replica that starts on the same folder was first, and both are to have one key.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => {
                    return load_or_make(folder);
                }
                Err(source) => return Err(KeysError::io(&path, source)),
            }
            Ok(signer)
        }
        Err(source) => Err(KeysError::io(&path, source)),
    }
}

/// Writes a file that only its owner may read: whole or not at all, and durably. Its folder is made too.
///
/// # Errors
/// What the system says.
pub fn write_secret(path: &Path, contents: &[u8]) -> io::Result<()> {
    write(path, contents, |from, to| fs::rename(from, to))
}

/// Writes a file beside where it is to be, and lets `place` bring it there.
fn write(path: &Path, contents: &[u8], place: impl FnOnce(&Path, &Path) -> io::Result<()>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(contents)?;
        file.sync_all()?;
        place(&temporary, path)
    })();
    if let Err(error) = written {
        let _may_not_exist = fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}

/// Why a party has no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no private key on P-256.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: CryptoError,
    },
    /// Others may read the file.
    #[error("{0} can be read by others: make a new key, or correct the file's mode to 0600")]
    Exposed(PathBuf),
}

impl KeysError {
    fn io(path: &Path, source: io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semper_shared::security::Signer as _;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("bank");
        let first = load_or_make(&data).unwrap();
        assert_eq!(load_or_make(&data).unwrap().public_key(), first.public_key());
        let path = data.join(KEY_FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&data).unwrap().count(), 1, "no temporary file stays");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load_or_make(&data), Err(KeysError::Exposed(_))));
    }

    #[test]
    fn a_broken_key_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        write_secret(&folder.path().join(KEY_FILE), b"rubbish").unwrap();
        assert!(matches!(load_or_make(folder.path()), Err(KeysError::Key { .. })));
        assert_eq!(fs::read(folder.path().join(KEY_FILE)).unwrap(), b"rubbish");
    }
}
