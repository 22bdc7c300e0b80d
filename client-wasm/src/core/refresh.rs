//! Exchanging change: what is left of a shown coin becomes new coins that nobody can link to it.
//!
//! ```text
//! doubtful ── GET /coins/{coin} ──▶ shown ── melt, stored ──▶ melting ── reveal ──▶ new coins, stored
//! ```

use semper_shared::foundation::{Amount, Code};
use semper_shared::items::payment::ecash::{CoinState, CoinStatus, MeltAnswer, MeltBody, Signatures};
use semper_shared::security::{Portable, Thumbprint};

use super::mints::address;
use super::net::{ask_json, ask_known, get, join, peer, post};
use super::ports::Ports;
use super::records::Touched;
use super::takeover::{asks_anew, is_anothers};
use super::{Wallet, WalletError};

/// How often an exchange is planned in one go: once more where its denominations have just gone.
const PLANS: u32 = 3;

impl<P: Ports> Wallet<P> {
    /// Exchanges all change, and whatever is soon too old or was revoked, at all mints, and gathers many coins into few. Meant
    /// for the background, after a purchase.
    ///
    /// # Errors
    /// The first that occurred; what could be exchanged is exchanged, and the rest is next time.
    pub async fn refresh(&mut self) -> Result<(), WalletError> {
        self.sync().await?;
        self.rescan_if_due().await?;
        // Gathered first: the change of the last purchase is not among what is seen together, and what was gathered is not
        // renewed as well.
        let mut gathered = Ok(());
        for mint in self.mints_held()? {
            let result = self.gather(&mint).await;
            gathered = gathered.and(result);
        }
        self.exchange_all().await.and(gathered)
    }

    /// The same without gathering, where coins were shown to somebody who did not get them.
    pub(super) async fn exchange_all(&mut self) -> Result<(), WalletError> {
        self.sync().await?;
        self.rescan_if_due().await?;
        let mut first_error = Ok(());
        for mint in self.mints_held()? {
            let result = self.refresh_mint(&mint).await;
            first_error = first_error.and(result);
        }
        first_error
    }

    fn mints_held(&self) -> Result<Vec<Thumbprint>, WalletError> {
        Ok(self.state()?.payer.purse().mints.keys().copied().collect())
    }

    /// Whether there is change to be exchanged.
    pub(super) fn has_change(&self) -> Result<bool, WalletError> {
        let now = self.now();
        let payer = &self.state()?.payer;
        for mint in payer.purse().mints.keys() {
            if !payer.refreshes(mint, now)?.is_empty() || !payer.recoups(mint)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn refresh_mint(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        if self.state()?.payer.mint_purse(mint)?.coins.is_empty() {
            return Ok(());
        }
        self.freshen_mint(mint).await?;
        self.recoup_mint(mint).await?;
        let now = self.now();
        for coin in self.state()?.payer.refreshes(mint, now)? {
            self.refresh_coin(mint, &coin).await?;
        }
        Ok(())
    }

    async fn refresh_coin(&mut self, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
        for _ in 0..PLANS {
            if self.coin_state(mint, name)? == Some(CoinState::Doubtful) {
                self.clear_doubt(mint, name).await?;
            }
            let renewal = match self.coin_state(mint, name)? {
                None | Some(CoinState::Pledged { .. } | CoinState::Recouping { .. }) => return Ok(()),
                Some(state) => state == CoinState::Fresh,
            };
            match self.exchange(mint, name).await {
                // The mint knows better what is left of the coin, or what it issues now.
                Err(WalletError::Refused { code, .. }) if asks_anew(code) => {
                    self.renew_mint(mint).await?;
                    self.clear_doubt(mint, name).await?;
                    if self.state()?.payer.recoups(mint)?.iter().any(|coin| coin == name) {
                        return self.recoup_mint(mint).await;
                    }
                }
                Ok(gained) => {
                    if renewal {
                        self.count_exchanged(gained);
                    }
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn coin_state(&self, mint: &Thumbprint, name: &str) -> Result<Option<CoinState>, WalletError> {
        let coins = &self.state()?.payer.mint_purse(mint)?.coins;
        Ok(coins.iter().find(|coin| coin.name() == name).map(|coin| coin.state.clone()))
    }

    /// Asks the mint what is left of a coin.
    pub(super) async fn clear_doubt(&mut self, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
        let url = address(&self.mint_url(mint)?, "coins", name);
        let status: Option<CoinStatus> = ask_known(&self.ports, &get(url), Code::COIN_UNKNOWN).await?;
        let coins = &self.state()?.payer.mint_purse(mint)?.coins;
        let Some(coin) = coins.iter().find(|coin| coin.name() == name) else {
            return Ok(());
        };
        let (left, melts) = (coin.remaining, coin.melts);
        match status {
            None => self.change()?.payer.found_remaining(mint, name, left, melts)?,
            Some(status) if is_anothers(coin, &status)? => return Err(self.taken_over().await?),
            Some(status) if status.melts.is_empty() => {
                let remaining = if status.remaining.minor() < left.minor() { status.remaining } else { left };
                self.change()?.payer.found_remaining(mint, name, remaining, melts)?;
            }
            // Exchanged in part, or an exchange that came to nothing since its outputs are issued no longer. Another life of
            // this wallet may have known denominations that have gone since.
            Some(status) => {
                let mut named = Vec::new();
                for melted in &status.melts {
                    named.extend(melted.melt.peek_unverified()?.outputs);
                }
                self.know_denominations(mint, named).await?;
                self.change()?.payer.restore_coin(mint, name, &status, &Portable)?;
            }
        }
        self.save(Touched::purse()).await
    }

    async fn exchange(&mut self, mint: &Thumbprint, name: &str) -> Result<Amount, WalletError> {
        let (now, mut rng) = (self.now(), self.ports.rng());
        let base = self.mint_url(mint)?;
        let melt = self.change()?.payer.melt(mint, name, now, &mut rng)?;
        self.save(Touched::purse()).await?;
        let request = post(join(&base, "melts"), &MeltBody { melt: melt.to_compact() })?;
        let answer: MeltAnswer = ask_json(&self.ports, &request).await?;
        let mint_key = self.state()?.payer.keys(mint)?.document().key.clone();
        let choice = answer.confirmation.verify(&mint_key, &Portable)?;
        if choice.melt != melt.digest() {
            return Err(peer(&base, "it confirmed another melt"));
        }
        let reveal = self.state()?.payer.reveal(mint, name, &choice)?;
        let request = post(address(&base, "melts", &format!("{}/reveal", melt.digest())), &reveal)?;
        let signed: Signatures = ask_json(&self.ports, &request).await?;
        let gained: Amount = self.change()?.payer.refreshed(mint, name, choice.gamma, &signed.signatures)?;
        self.save(Touched::purse()).await?;
        Ok(gained)
    }
}
