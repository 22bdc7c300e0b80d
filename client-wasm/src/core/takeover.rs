//! Several devices with the same words: one of them has the money, and the others notice.
//!
//! Coins and reserves derive from the words, so two wallets that have the same words hold the same coins. Neither knows of
//! the other. What keeps them apart is the mint, which takes every coin once, signs every planchet once, and two rules:
//!
//! - A wallet that is set up from words or from a backup spends nothing that it found: it exchanges every coin first. An
//!   exchange draws its sequence, so that of two wallets that exchange the same coin one gets the new coins, and only one.
//! - A wallet that meets something at a mint which its coins signed and it did not, has been taken over. It stops, and says
//!   so, until the person takes the money over to it again.
//!
//! An attempt to spend a coin that the other device exchanged is refused by the mint, so that the purchase does not come
//! about; nobody loses money, and what the merchant sees names nobody.

use semper_shared::foundation::Code;
use semper_shared::items::payment::ecash::{CoinState, CoinStatus, PurseCoin};

use super::call::Progress;
use super::ports::Ports;
use super::records::Touched;
use super::resume::Resumed;
use super::{Wallet, WalletError};

impl<P: Ports> Wallet<P> {
    /// Takes all the money over to this device: asks every mint what there is, and exchanges every coin, so that no other
    /// device can spend it. Also the way to look for money that another device has added.
    ///
    /// # Errors
    /// Where the wallet is locked or its store fails; what other parties do not answer stands in the result.
    pub async fn take_over(&mut self, progress: Progress<'_>) -> Result<Resumed, WalletError> {
        self.sync().await?;
        let settings = &mut self.change()?.settings;
        (settings.taken_over, settings.rescan) = (false, true);
        self.save(Touched::settings()).await?;
        self.resume(progress).await
    }

    /// Whether another device has taken the money over.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub fn is_taken_over(&self) -> Result<bool, WalletError> {
        Ok(self.state()?.settings.taken_over)
    }

    /// Refuses where another device has the money.
    pub(super) fn own(&self) -> Result<(), WalletError> {
        if self.is_taken_over()? { Err(WalletError::TakenOver) } else { Ok(()) }
    }

    /// Notes that another device has the money.
    pub(super) async fn taken_over(&mut self) -> Result<WalletError, WalletError> {
        self.change()?.settings.taken_over = true;
        self.save(Touched::settings().and_purse()).await?;
        Ok(WalletError::TakenOver)
    }
}

/// Whether a coin was exchanged, or spent while nobody doubted what was left of it, by somebody who has its key too.
pub(super) fn is_anothers(coin: &PurseCoin, status: &CoinStatus) -> Result<bool, WalletError> {
    let (floor, own) = match coin.state {
        CoinState::Melting { above, .. } => (above, Some(coin.melts)),
        _ => (coin.melts, None),
    };
    let mut own_is_there = false;
    for seen in &status.melts {
        let sequence = seen.melt.peek_unverified()?.sequence;
        own_is_there |= Some(sequence) == own;
        if sequence >= floor && Some(sequence) != own {
            return Ok(true);
        }
    }
    let doubtful = coin.state == CoinState::Doubtful || own_is_there;
    Ok(!doubtful && status.remaining.minor() < coin.remaining.minor())
}

/// Whether a refused exchange or withdrawal is to be planned again from what the mint says.
pub(super) fn asks_anew(code: Code) -> bool {
    let wrong_memory = [Code::COIN_ALREADY_SPENT, Code::REQUEST_CONFLICT];
    let rotated = [Code::DENOMINATION_EXPIRED, Code::DENOMINATION_UNKNOWN, Code::DENOMINATION_REVOKED];
    wrong_memory.contains(&code) || rotated.contains(&code)
}
