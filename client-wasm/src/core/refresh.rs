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
use super::{Wallet, WalletError};

/// Whether a refused melt is to be planned again from what the mint says of the coin.
fn asks_anew(code: Code) -> bool {
    let wrong_memory = [Code::COIN_ALREADY_SPENT, Code::REQUEST_CONFLICT];
    let rotated = [Code::DENOMINATION_EXPIRED, Code::DENOMINATION_UNKNOWN];
    wrong_memory.contains(&code) || rotated.contains(&code)
}

impl<P: Ports> Wallet<P> {
    /// Exchanges all change at all mints. Meant for the background, after a purchase.
    ///
    /// # Errors
    /// The first that occurred; what could be exchanged is exchanged, and the rest is next time.
    pub async fn refresh(&mut self) -> Result<(), WalletError> {
        self.sync().await?;
        let mints: Vec<Thumbprint> = self.state()?.payer.purse().mints.keys().copied().collect();
        let mut first_error = Ok(());
        for mint in mints {
            let result = self.refresh_mint(&mint).await;
            first_error = first_error.and(result);
        }
        first_error
    }

    /// Whether there is change to be exchanged.
    pub(super) fn has_change(&self) -> Result<bool, WalletError> {
        let mints = self.state()?.payer.purse().mints.values();
        Ok(mints.flat_map(|held| &held.coins).any(|coin| coin.needs_refresh()))
    }

    pub(super) async fn refresh_mint(&mut self, mint: &Thumbprint) -> Result<(), WalletError> {
        let coins = self.state()?.payer.refreshes(mint)?;
        if coins.is_empty() {
            return Ok(());
        }
        self.freshen_mint(mint).await?;
        for coin in coins {
            self.refresh_coin(mint, &coin).await?;
        }
        Ok(())
    }

    async fn refresh_coin(&mut self, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
        if self.coin_state(mint, name)? == Some(CoinState::Doubtful) {
            self.clear_doubt(mint, name).await?;
        }
        match self.coin_state(mint, name)? {
            None | Some(CoinState::Fresh | CoinState::Pledged { .. }) => return Ok(()),
            Some(_) => {}
        }
        match self.exchange(mint, name).await {
            // Our memory of the coin is wrong, as after an old backup, or the denominations that it was to become are no
            // longer issued: the mint knows better, and the next exchange is planned anew.
            Err(WalletError::Refused { code, .. }) if asks_anew(code) => self.clear_doubt(mint, name).await,
            result => result,
        }
    }

    fn coin_state(&self, mint: &Thumbprint, name: &str) -> Result<Option<CoinState>, WalletError> {
        let coins = &self.state()?.payer.mint_purse(mint)?.coins;
        Ok(coins.iter().find(|coin| coin.name() == name).map(|coin| coin.state.clone()))
    }

    /// Asks the mint what is left of a coin.
    async fn clear_doubt(&mut self, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
        let url = address(&self.mint_url(mint)?, "coins", name);
        let status: Option<CoinStatus> = ask_known(&self.ports, &get(url), Code::COIN_UNKNOWN).await?;
        let coins = &self.state()?.payer.mint_purse(mint)?.coins;
        let Some(coin) = coins.iter().find(|coin| coin.name() == name) else {
            return Ok(());
        };
        let (left, melts) = (coin.remaining, coin.melts);
        match status {
            None => self.change()?.payer.found_remaining(mint, name, left, melts)?,
            Some(status) if status.melts.is_empty() => {
                let remaining = if status.remaining.minor() < left.minor() { status.remaining } else { left };
                self.change()?.payer.found_remaining(mint, name, remaining, melts)?;
            }
            // It was exchanged, perhaps in part, by a life of this wallet that it does not remember.
            Some(status) => {
                self.change()?.payer.restore_coin(mint, name, &status, &Portable)?;
                self.save(Touched::purse()).await?;
                return Ok(());
            }
        }
        self.save(Touched::purse()).await
    }

    async fn exchange(&mut self, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
        let now = self.now();
        let base = self.mint_url(mint)?;
        let melt = self.change()?.payer.melt(mint, name, now)?;
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
        debug_assert_eq!(gained, melt.amount, "the outputs sum up to what was melted");
        self.save(Touched::purse()).await
    }
}
