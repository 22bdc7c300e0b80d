//! The wallet's home and its passphrase.

use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rand_core::Rng;
use semper_shared::foundation::{Code, base64};
use zeroize::Zeroizing;

use super::CliError;
use super::args::Args;
use crate::core::ports::Ports;
use crate::core::{Kdf, Wallet};
use crate::native::{Computer, Journal};

const KEY_FILE: &str = "key";
const VARIABLE: &str = "SEMPER_WALLET_PASSPHRASE";

/// A wallet on this computer.
pub(super) type NativeWallet = Wallet<Computer<Journal>>;

/// Where the passphrase comes from.
pub(super) enum Passphrase {
    /// The customer gave it.
    Given(Zeroizing<String>),
    /// A file of random bytes in the home stands for it.
    KeyFile(PathBuf),
}

/// Where the wallet lives.
pub(super) fn path(args: &Args) -> Result<PathBuf, CliError> {
    if let Some(home) = &args.home {
        return Ok(home.clone());
    }
    let home = env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.ok_or_else(|| CliError::usage("say where the wallet lives: --home DIR"))?;
    Ok(PathBuf::from(home).join(".semper-wallet"))
}

pub(super) fn passphrase(args: &Args, home: &Path) -> Result<Passphrase, CliError> {
    if let Some(file) = &args.passphrase_file {
        return first_line(file).map(Passphrase::Given);
    }
    match env::var(VARIABLE) {
        Ok(passphrase) if !passphrase.is_empty() => Ok(Passphrase::Given(Zeroizing::new(passphrase))),
        _ => Ok(Passphrase::KeyFile(home.join(KEY_FILE))),
    }
}

/// The first line of a file.
pub(super) fn first_line(file: &Path) -> Result<Zeroizing<String>, CliError> {
    let text = fs::read_to_string(file).map_err(|error| CliError::system(file.display(), &error))?;
    let text = Zeroizing::new(text);
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(CliError::usage(format!("{} has no first line", file.display())));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

/// The wallet in its home, as it lies there.
pub(super) fn open(args: &Args, home: &Path) -> Result<(NativeWallet, Passphrase), CliError> {
    let passphrase = passphrase(args, home)?;
    let kdf = match passphrase {
        Passphrase::Given(_) => Kdf::PEOPLE,
        Passphrase::KeyFile(_) => Kdf::KEY_FILE,
    };
    Ok((Wallet::new(Computer::open(home)?).with_kdf(kdf), passphrase))
}

/// The wallet in its home, unlocked.
pub(super) async fn unlocked(args: &Args) -> Result<NativeWallet, CliError> {
    let home = path(args)?;
    if !home.exists() {
        let message = format!("there is no wallet in {}. Run `semper-wallet init` first.", home.display());
        return Err(CliError::new(Code::WALLET_EMPTY, message));
    }
    let (mut wallet, passphrase) = open(args, &home)?;
    let passphrase = match passphrase {
        Passphrase::Given(passphrase) => passphrase,
        Passphrase::KeyFile(file) => match first_line(&file) {
            Ok(passphrase) => passphrase,
            Err(_) => {
                // Whether there is a wallet at all, or one with a passphrase.
                wallet.balance().await?;
                return Err(CliError::usage(format!("give the passphrase: --passphrase-file FILE or {VARIABLE}")));
            }
        },
    };
    wallet.unlock(&passphrase).await?;
    // So that a test can read what a panic says while everything is open. No build without debug assertions knows of it.
    #[cfg(debug_assertions)]
    assert!(std::env::var_os("SEMPER_PANICS").is_none(), "a panic was asked for");
    Ok(wallet)
}

/// The passphrase for a new wallet; a key file is made where none is given.
pub(super) fn passphrase_for_new(
    wallet: &NativeWallet,
    passphrase: &Passphrase,
) -> Result<(Zeroizing<String>, Option<PathBuf>), CliError> {
    match passphrase {
        Passphrase::Given(passphrase) => Ok((passphrase.clone(), None)),
        Passphrase::KeyFile(file) => {
            if file.exists() {
                return Ok((first_line(file)?, Some(file.clone())));
            }
            let mut bytes = Zeroizing::new([0; 32]);
            wallet.ports().rng().fill_bytes(&mut *bytes);
            let text = Zeroizing::new(base64::encode(&*bytes));
            write_private(file, text.as_bytes()).map_err(|error| CliError::system(file.display(), &error))?;
            Ok((text, Some(file.clone())))
        }
    }
}

/// Writes a file that only its owner may read.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staging = path.with_extension("new");
    let mut file = crate::native::private().create(true).truncate(true).open(&staging)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(staging, path)
}
