//! Gathering: many coins become few, in the background, so that few coins pay a purchase.
//!
//! ```text
//! coins ── request to oneself and permissions, stored ── POST /transfers ──▶ own reserve ── withdrawal, stored ──▶ one coin
//! ```
//!
//! Every step is asked again in the same words after a crash; from the words alone, the reserve is found by its number.

use semper_shared::foundation::{Amount, Digest};
use semper_shared::items::payment::ecash::MAX_COINS;
use semper_shared::security::Thumbprint;

use super::call::Progress;
use super::ports::Ports;
use super::records::Touched;
use super::{Wallet, WalletError};

impl<P: Ports> Wallet<P> {
    /// Gathers what a purse has in many coins, and goes on with a gathering that was cut off.
    pub(super) async fn gather(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        // Each leaves fewer coins; no mint keeps the wallet at it for ever.
        for _ in 0..MAX_COINS {
            if self.state()?.payer.gathering(mint).is_none() {
                if !self.state()?.payer.is_crowded(mint, self.now()) {
                    break;
                }
                self.freshen_mint(mint).await?;
                let now = self.now();
                if self.change()?.payer.gather(mint, now)?.is_none() {
                    break;
                }
                self.save(Touched::purse()).await?;
            }
            let Some(begun) = self.state()?.payer.gathering(mint) else { break };
            self.finish_transfer(&begun).await?;
            if self.state()?.payer.gathering(mint) == Some(begun) {
                break;
            }
        }
        Ok(())
    }

    /// Exchanges and gathers where the coins at hand cannot pay an amount at a mint, and would then.
    pub(super) async fn make_ready(&mut self, mint: &Thumbprint, amount: Amount) -> Result<(), WalletError> {
        let (payer, now) = (&self.state()?.payer, self.now());
        if payer.cost(mint, amount, false, now).is_none() && payer.cost(mint, amount, true, now).is_some() {
            self.refresh_mint(mint).await?;
            self.gather(mint).await?;
        }
        Ok(())
    }

    /// Fetches the coin of a gathering that the mint has taken the coins of.
    pub(super) async fn fetch_gathered(
        &mut self,
        mint: &Thumbprint,
        gathering: &Digest,
        index: u32,
    ) -> Result<(), WalletError> {
        self.finish_reserve(mint, index, Progress::none()).await?;
        if self.state()?.payer.mint_purse(mint)?.reserves.iter().any(|reserve| reserve.index == index && reserve.done) {
            self.change()?.payer.end_gathering(gathering)?;
            self.save(Touched::purse()).await?;
        }
        Ok(())
    }
}
