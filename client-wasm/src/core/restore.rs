//! Restoring: seed and mint give every coin back.
//!
//! Reserves are asked about from number zero, until some in a row are not known; each gives the coins that it paid for,
//! and of each coin the mint says what is left, and what was made of it.

use semper_shared::commerce::deal::State as DealState;
use semper_shared::foundation::{Code, Digest, Table};
use semper_shared::items::payment::ecash::transfer::Direction;
use semper_shared::items::payment::ecash::{CoinStatus, EcashPayer, MAX_AWAITED, ReserveStatus};
use semper_shared::security::{Portable, Signer, Thumbprint};
use serde::Serialize;

use super::call::Progress;
use super::mints::{address, fetch_keys};
use super::net::{ask_known, ask_text, get, peer};
use super::ports::{Clock, Ports};
use super::records::{Settings, Touched};
use super::transfers::scan_transfers;
use super::wallet::State;
use super::{Wallet, WalletError, Words};

/// How many reserves in a row must be unknown before the search ends: more than a wallet has waiting for their money.
const GAP: u32 = 20;
const _: () = assert!(MAX_AWAITED < GAP as usize, "a wallet finds the reserve after those that were never filled");
/// How many coins one search follows at most.
const MAX_COINS: usize = 100_000;

/// What was found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The balance by currency, in minor units.
    pub balance: Table<String, u64>,
}

impl<P: Ports> Wallet<P> {
    /// Sets a wallet up from its recovery words, with what these mints have kept of it. Nothing is stored before all of
    /// them have answered.
    ///
    /// # Errors
    /// [`WalletError::Exists`], or where a mint cannot be reached.
    pub async fn restore(
        &mut self,
        words: &Words,
        passphrase: &str,
        mints: &[String],
        progress: Progress<'_>,
    ) -> Result<Restored, WalletError> {
        if !matches!(self.sync().await, Err(WalletError::Empty)) {
            return Err(WalletError::Exists);
        }
        let mut settings = Settings::new(&words.seed(), self.now());
        settings.backup_confirmed = true;
        let mut state = State::fresh(settings, &self.modules);
        for url in mints {
            progress.report(&object!("step": "mint", "mint": url, "found": state.payer.balances()));
            let document = fetch_keys(&self.ports, url, self.now()).await?;
            let mint = state.payer.trust(document)?;
            scan(&self.ports, &mut state.payer, &mint).await?;
            progress.report(&object!("step": "found", "mint": url, "found": state.payer.balances()));
        }
        self.establish(state, passphrase).await?;
        // Money that was still on its way, and change; what does not answer now is resumed later.
        progress.step("change");
        self.resume(Progress::none()).await?;
        Ok(Restored { balance: self.balance().await? })
    }

    /// Asks all mints again what there is, where a backup may be older than the coins.
    pub(super) async fn rescan_if_due(&mut self) -> Result<(), WalletError> {
        self.own()?;
        if self.state()?.settings.rescan { self.rescan().await } else { Ok(()) }
    }

    /// Asks all mints what there is. Purchases on their way are finished first, since a mint cannot know of them.
    pub(super) async fn rescan(&mut self) -> Result<(), WalletError> {
        let ordered = self.state()?.deals.iter().filter(|deal| deal.state == DealState::Ordered);
        let ordered: Vec<_> = ordered.map(|deal| deal.deal).collect();
        for deal in ordered {
            match Box::pin(self.finish_deal(&deal, Progress::none())).await {
                Ok(_) | Err(WalletError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        for transfer in self.open_transfers()? {
            // A gathering's coins, or its reserve, are found as any other.
            if self.state()?.payer.transfer(&transfer)?.1.direction == Direction::Gathered {
                self.change()?.payer.end_gathering(&transfer)?;
                self.save(Touched::purse()).await?;
                continue;
            }
            match Box::pin(self.finish_transfer(&transfer)).await {
                Ok(()) | Err(WalletError::Refused { .. } | WalletError::TakenOver) => {}
                Err(error) => return Err(error),
            }
        }
        let mints: Vec<Thumbprint> = self.state()?.payer.purse().mints.keys().copied().collect();
        for mint in mints {
            self.freshen_mint(&mint).await?;
            self.changing = true;
            let state = self.state.as_mut().ok_or(WalletError::Locked)?;
            scan(&self.ports, &mut state.payer, &mint).await?;
        }
        let settings = &mut self.change()?.settings;
        (settings.rescan, settings.taken_over) = (false, false);
        self.save(Touched::settings().and_purse()).await
    }
}

/// Finds again what a mint has kept.
async fn scan<P: Ports>(ports: &P, payer: &mut EcashPayer, mint: &Thumbprint) -> Result<(), WalletError> {
    let base = payer.mint_purse(mint)?.url.clone();
    let mut to_ask = Vec::new();
    let mut unknown = 0;
    for index in 0.. {
        let key = payer.reserve_key(mint, index).public_key().to_text();
        let url = address(&base, "reserves", &key);
        match ask_known::<_, ReserveStatus>(ports, &get(url), Code::RESERVE_UNKNOWN).await? {
            Some(status) => {
                unknown = 0;
                let named = status.withdrawals.iter().flat_map(|withdrawn| &withdrawn.batch);
                learn(ports, payer, mint, &base, named.map(|planchet| planchet.denomination).collect()).await?;
                to_ask.extend(payer.restore_reserve(mint, index, &status)?);
            }
            None => unknown += 1,
        }
        if unknown == GAP {
            break;
        }
    }
    let (mut asked, mut in_transfers) = (0, Vec::new());
    while let Some(name) = to_ask.pop() {
        asked += 1;
        if asked > MAX_COINS {
            return Err(peer(&base, "its history of this wallet has no end"));
        }
        let url = address(&base, "coins", &name);
        match ask_known::<_, CoinStatus>(ports, &get(url), Code::COIN_UNKNOWN).await? {
            Some(status) => {
                let mut named = Vec::new();
                for melted in &status.melts {
                    named.extend(melted.melt.peek_unverified()?.outputs);
                }
                learn(ports, payer, mint, &base, named).await?;
                for pending in &status.pending {
                    let coin = payer.mint_purse(mint)?.coins.iter().find(|coin| coin.name() == name).cloned();
                    in_transfers.extend(coin.map(|coin| (pending.transfer, pending.amount, coin)));
                }
                to_ask.extend(payer.restore_coin(mint, &name, &status, &Portable)?);
            }
            None => exchange_before_use(payer, mint, &name)?,
        }
    }
    scan_transfers(ports, payer, mint, &in_transfers, (GAP, ports.clock().now())).await?;
    Ok(payer.tidy(mint)?)
}

/// Reads the mint's pages of earlier denominations, the latest first, until all of these are known.
pub(super) async fn learn<P: Ports>(
    ports: &P,
    payer: &mut EcashPayer,
    mint: &Thumbprint,
    base: &str,
    named: Vec<Digest>,
) -> Result<(), WalletError> {
    while let Some(page) = payer.missing_page(mint, named.iter().copied())? {
        let text = ask_text(ports, &address(base, "keys", &page.to_string())).await?;
        payer.turn_page(mint, text.as_bytes())?;
    }
    Ok(())
}

/// An unspent coin whose key the mint has now seen, together with this wallet's others: spent as it is, it could be linked
/// to its withdrawal, so it counts as shown and is exchanged first.
fn exchange_before_use(payer: &mut EcashPayer, mint: &Thumbprint, name: &str) -> Result<(), WalletError> {
    let coin = payer.mint_purse(mint)?.coins.iter().find(|coin| coin.name() == name);
    if let Some((left, melts)) = coin.map(|coin| (coin.remaining, coin.melts)) {
        payer.found_remaining(mint, name, left, melts)?;
    }
    Ok(())
}
