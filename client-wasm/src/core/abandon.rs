//! Giving a purchase up: the way out where a merchant neither delivers nor refuses.

use semper_shared::commerce::deal::{Event, State};
use semper_shared::foundation::{Code, Digest};
use semper_shared::items::payment::ErasedPayer;
use semper_shared::items::payment::ecash::{CoinState, CoinStatus};
use semper_shared::security::Thumbprint;

use super::call::Progress;
use super::mints::address;
use super::net::{ask_known, get, host_of};
use super::ports::Ports;
use super::records::{Refusal, Touched};
use super::{Wallet, WalletError};

impl<P: Ports> Wallet<P> {
    /// Gives up a purchase that its merchant does not finish: asks once more, makes sure at the mint that the money was
    /// not taken, and exchanges the coins, so that the merchant cannot take it later either.
    ///
    /// # Errors
    /// [`WalletError::Request`] where the deal is not waiting; [`WalletError::Unfinished`] where the merchant has taken
    /// the money: the deal stays open then, and its evidence shows what was paid.
    pub async fn abandon(&mut self, deal: &Digest) -> Result<(), WalletError> {
        self.sync().await?;
        if self.deal_record(deal)?.state != State::Ordered {
            return Err(WalletError::Request("the purchase is not waiting for anything".to_owned()));
        }
        match self.finish_deal(deal, Progress::none()).await {
            Ok(_) => return Err(WalletError::Request("the purchase has just been delivered".to_owned())),
            Err(WalletError::Refused { .. }) => return Ok(()),
            Err(error @ (WalletError::Store(_) | WalletError::StoreConflict)) => return Err(error),
            Err(_) => {}
        }
        let host = host_of(&self.deal_record(deal)?.merchant_url);
        if self.was_taken(deal).await? {
            return Err(WalletError::Unfinished { host, code: Code::OUTCOME_UNKNOWN });
        }
        let now = self.now();
        let state = self.change()?;
        let record = state.deal_mut(deal)?;
        record.advance(Event::Refuse, now)?;
        let detail = "given up by the customer: the merchant neither delivered nor refused".to_owned();
        record.refusal = Some(Refusal { code: Code::TIMED_OUT.as_str().to_owned(), detail, proof: Vec::new() });
        ErasedPayer::refused(&mut state.payer, deal);
        self.save(Touched::deal(*deal).and_purse()).await?;
        self.refresh().await
    }

    /// Whether the mint has seen any of the coins that were signed over to a deal.
    async fn was_taken(&self, deal: &Digest) -> Result<bool, WalletError> {
        let mints = &self.state()?.payer.purse().mints;
        let pledged: Vec<(Thumbprint, String, u64)> = mints
            .iter()
            .flat_map(|(mint, held)| held.coins.iter().map(move |coin| (mint, coin)))
            .filter(|(_, coin)| matches!(&coin.state, CoinState::Pledged { deal: other, .. } if other == deal))
            .map(|(mint, coin)| (*mint, coin.name().to_owned(), coin.remaining.minor()))
            .collect();
        for (mint, name, remaining) in pledged {
            let url = address(&self.mint_url(&mint)?, "coins", &name);
            let status: Option<CoinStatus> = ask_known(&self.ports, &get(url), Code::COIN_UNKNOWN).await?;
            let Some(status) = status else { continue };
            // What another device has exchanged was not taken by the merchant.
            let mut there = status.remaining.minor();
            for melted in status.melts.iter().filter(|melted| !melted.void) {
                there = there.saturating_add(melted.melt.peek_unverified()?.amount.minor());
            }
            if there < remaining {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
