//! Recoup: what is left of coins whose denomination was revoked becomes fresh coins, by way of a reserve.
//!
//! ```text
//! recouping, stored ── POST /recoups ──▶ reserve, stored ── withdrawal ──▶ coins, stored
//! ```

use semper_shared::foundation::Amount;
use semper_shared::items::payment::ecash::{RecoupAnswer, RecoupBody};
use semper_shared::security::Thumbprint;

use super::call::Progress;
use super::net::{ask_json, join, post};
use super::ports::Ports;
use super::records::Touched;
use super::takeover::asks_anew;
use super::{Wallet, WalletError};

impl<P: Ports> Wallet<P> {
    /// Recoups every coin of a mint that waits for it, and withdraws what came of it.
    pub(super) async fn recoup_mint(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        let mut reserves = Vec::new();
        for name in self.state()?.payer.recoups(mint)? {
            match self.recoup_coin(mint, &name).await {
                Ok(reserve) if reserves.contains(&reserve) => {}
                Ok(reserve) => reserves.push(reserve),
                Err(WalletError::Refused { code, .. }) if asks_anew(code) => self.clear_doubt(mint, &name).await?,
                Err(error) => return Err(error),
            }
        }
        for reserve in reserves {
            self.finish_reserve(mint, reserve, Progress::none()).await?;
        }
        Ok(())
    }

    async fn recoup_coin(&mut self, mint: &Thumbprint, name: &str) -> Result<u32, WalletError> {
        let now = self.now();
        let recoup = self.change()?.payer.recoup(mint, name, now)?;
        self.save(Touched::purse()).await?;
        let url = join(&self.mint_url(mint)?, "recoups");
        let request = post(url, &RecoupBody { recoup: recoup.to_compact() })?;
        let answer: RecoupAnswer = ask_json(&self.ports, &request).await?;
        let reserve = self.change()?.payer.recouped(mint, name)?;
        self.save(Touched::purse()).await?;
        self.count_exchanged(answer.recouped);
        Ok(reserve)
    }

    /// Counts what was renewed or recouped, to be told to the person.
    pub(super) fn count_exchanged(&mut self, amount: Amount) {
        let sum = self.renewed.get_or_insert(amount.currency().to_string(), || 0);
        *sum = sum.saturating_add(amount.minor());
    }
}
