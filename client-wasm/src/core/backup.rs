//! Backups: everything that the wallet holds, in one file under a passphrase of its own.
//!
//! `semper-backup/1`, a line feed, and a JSON object with the costs of Argon2id, the salt, and AES-256-GCM of the
//! records. A backup is old as soon as it is made: after an import the mints are asked what became of the coins.

use semper_shared::foundation::Bytes;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::ports::Ports;
use super::records::{self, Touched};
use super::vault::{Kdf, Locked};
use super::wallet::State;
use super::{Wallet, WalletError};

const MAGIC: &[u8] = b"semper-backup/1\n";
/// What the backup's lock holds.
const BACKUP: &str = "backup";

#[derive(Serialize, Deserialize)]
struct Contents {
    records: Vec<Record>,
}

#[derive(Serialize, Deserialize)]
struct Record {
    name: String,
    bytes: Bytes,
}

impl<P: Ports> Wallet<P> {
    /// Makes a backup of everything, under a passphrase that people remember.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn export_backup(&mut self, passphrase: &str) -> Result<Vec<u8>, WalletError> {
        self.sync().await?;
        if passphrase.is_empty() {
            return Err(WalletError::Request("the passphrase is empty".to_owned()));
        }
        let records = self.plain(self.state()?, &Touched::all(&self.state()?.deals))?;
        let records = records.into_iter().map(|(name, bytes)| Record { name, bytes: Bytes(bytes.to_vec()) }).collect();
        let contents = records::write(&Contents { records })?;
        let locked = Locked::lock(BACKUP, &contents, passphrase, Kdf::PEOPLE, &mut self.ports.rng());
        let locked = locked.ok_or(WalletError::Damaged("the backup cannot be sealed"))?.to_bytes()?;
        Ok([MAGIC, &locked].concat())
    }

    /// Sets a wallet up from a backup.
    ///
    /// # Errors
    /// [`WalletError::Exists`], or [`WalletError::Backup`] where it is harmed or the passphrase another.
    pub async fn import_backup(
        &mut self,
        backup: &[u8],
        passphrase: &str,
        new_passphrase: &str,
    ) -> Result<(), WalletError> {
        if !matches!(self.sync().await, Err(WalletError::Empty)) {
            return Err(WalletError::Exists);
        }
        let locked = backup.strip_prefix(MAGIC).and_then(Locked::from_bytes).ok_or(WalletError::Backup)?;
        let contents = locked.unlock(BACKUP, passphrase).ok_or(WalletError::Backup)?;
        let contents: Contents = records::read(&contents).map_err(|_| WalletError::Backup)?;
        let plain = contents.records.into_iter().map(|record| (record.name, Zeroizing::new(record.bytes.0)));
        let mut state = State::read(&plain.collect::<Vec<_>>(), &self.modules)?;
        state.settings.rescan = true;
        state.settings.backup_confirmed = true;
        self.establish(state, new_passphrase).await
    }
}
