//! Giving a purchase up: the way out where a merchant neither delivers nor refuses.

use semper_shared::commerce::deal::{Event, State};
use semper_shared::foundation::{Code, Digest, json};
use semper_shared::items::payment::ecash::{CoinStatus, EcashBody};
use semper_shared::security::Portable;

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
        self.give_up(deal).await
    }

    /// Exchanges the coins, and only then calls the deal refused: an order that is still on its way may be faster. Where
    /// this is cut off, the deal is still ordered, and both resuming and giving up go on with it.
    async fn give_up(&mut self, deal: &Digest) -> Result<(), WalletError> {
        let host = host_of(&self.deal_record(deal)?.merchant_url);
        let taken = WalletError::Unfinished { host, code: Code::OUTCOME_UNKNOWN };
        if self.was_taken(deal).await? {
            return Err(taken);
        }
        self.change()?.ended(deal, false)?;
        self.save(Touched::purse()).await?;
        self.exchange_all().await?;
        if self.was_taken(deal).await? {
            return Err(taken);
        }
        let now = self.now();
        let record = self.change_deal(deal)?;
        record.advance(Event::Refuse, now)?;
        let detail = "given up by the customer: the merchant neither delivered nor refused".to_owned();
        record.refusal = Some(Refusal { code: Code::TIMED_OUT.as_str().to_owned(), detail, proof: Vec::new() });
        self.save(Touched::deal(*deal)).await
    }

    /// Whether more is missing from the coins that were signed over to a deal than what this wallet exchanged.
    async fn was_taken(&self, deal: &Digest) -> Result<bool, WalletError> {
        let payment = self.deal_record(deal)?.paid_by("ecash");
        let body = payment.and_then(|payment| json::from_value::<EcashBody>(payment.body).ok());
        let Some(EcashBody { mint, permissions }) = body else { return Ok(false) };
        for permission in &permissions {
            let (permission, coin) = permission.verify_self_keyed(&Portable)?;
            let url = address(&self.mint_url(&mint)?, "coins", &coin.to_text());
            let status: Option<CoinStatus> = ask_known(&self.ports, &get(url), Code::COIN_UNKNOWN).await?;
            let Some(status) = status else { continue };
            // What was exchanged, here or on another device, was not taken by the merchant.
            let mut there = status.remaining.minor();
            for melted in status.melts.iter().filter(|melted| !melted.void) {
                there = there.saturating_add(melted.melt.peek_unverified()?.amount.minor());
            }
            if there < self.state()?.payer.keys(&mint)?.find(&permission.denomination)?.value.minor() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
