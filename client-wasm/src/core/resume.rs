//! Resuming: everything that was cut off is asked again, in the same words.

use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Code, Coded, Digest, Table};
use semper_shared::items::payment::ecash::transfer::Passed;
use serde::Serialize;

use super::call::Progress;
use super::ports::Ports;
use super::{RefundView, Wallet, WalletError};

/// What resuming came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Resumed {
    /// Deals that are delivered now.
    pub completed: Vec<Digest>,
    /// Deals that were refused for good; their coins are back, as far as the mint says so.
    pub refused: Vec<Digest>,
    /// What still waits, and for what.
    pub waiting: Vec<Waiting>,
    /// What came back by refunds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<RefundView>,
    /// What was exchanged because it was soon too old or was revoked, by currency, in minor units.
    #[serde(skip_serializing_if = "Table::is_empty")]
    pub renewed: Table<String, u64>,
}

/// Something that still waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// `deal`, `refund`, `transfer`, `cash` or `change`.
    pub what: &'static str,
    /// The deal, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deal: Option<Digest>,
    /// The code of what it waits for.
    pub code: &'static str,
    /// The same in words.
    pub message: String,
}

impl Waiting {
    fn new(what: &'static str, deal: Option<Digest>, error: &WalletError) -> Self {
        Self { what, deal, code: error.code().as_str(), message: error.told() }
    }
}

impl<P: Ports> Wallet<P> {
    /// Goes on with every purchase, top-up and exchange that was cut off.
    ///
    /// # Errors
    /// Where the wallet is locked or its store fails; what other parties do not answer stands in the result.
    pub async fn resume(&mut self, progress: Progress<'_>) -> Result<Resumed, WalletError> {
        self.sync().await?;
        let mut resumed = Resumed::default();
        self.resume_deals(&mut resumed, progress).await?;
        self.resume_refunds(&mut resumed).await?;
        #[cfg(feature = "account")]
        self.resume_invoices().await?;
        match self.rescan_if_due().await {
            Ok(()) => self.resume_cash(&mut resumed, progress).await?,
            Err(error) => note(&mut resumed, "cash", None, error)?,
        }
        resumed.renewed = core::mem::take(&mut self.renewed);
        Ok(resumed)
    }

    async fn resume_deals(&mut self, resumed: &mut Resumed, progress: Progress<'_>) -> Result<(), WalletError> {
        let unfinished = |state: State| matches!(state, State::Ordered | State::Delivered);
        let deals = self.state()?.deals.iter().filter(|deal| unfinished(deal.state));
        let deals: Vec<(Digest, State)> = deals.map(|deal| (deal.deal, deal.state)).collect();
        for (deal, state) in deals {
            match self.finish_deal(&deal, progress).await {
                Ok(_) if state == State::Ordered => resumed.completed.push(deal),
                Ok(_) => {}
                Err(WalletError::Refused { .. }) => resumed.refused.push(deal),
                Err(error) => note(resumed, "deal", Some(deal), error)?,
            }
            self.sync().await?;
        }
        Ok(())
    }

    async fn resume_cash(&mut self, resumed: &mut Resumed, progress: Progress<'_>) -> Result<(), WalletError> {
        for transfer in self.open_transfers()? {
            let result = self.finish_transfer(&transfer).await;
            if let Err(error) = result
                && self.open_transfers()?.contains(&transfer)
            {
                note(resumed, "transfer", None, error)?;
            }
            self.sync().await?;
        }
        for (mint, index) in self.open_reserves()? {
            if let Err(error) = self.finish_reserve(&mint, index, progress).await {
                note(resumed, "cash", None, error)?;
            }
            self.sync().await?;
        }
        if let Err(error) = self.refresh().await {
            note(resumed, "change", None, error)?;
        }
        Ok(())
    }

    /// Whether anything waits to be resumed.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn is_unfinished(&mut self) -> Result<bool, WalletError> {
        self.sync().await?;
        let ordered = self.state()?.deals.iter().any(|deal| deal.state == State::Ordered);
        let begun = self.state()?.payer.transfers().any(|(_, record)| record.passed == Passed::Begun);
        Ok(ordered || begun || !self.open_reserves()?.is_empty() || self.has_change()?)
    }
}

/// Notes what other parties did; what is wrong with this wallet itself ends the call.
pub(super) fn note(
    resumed: &mut Resumed,
    what: &'static str,
    deal: Option<Digest>,
    error: WalletError,
) -> Result<(), WalletError> {
    if matches!(error.code(), Code::STORE_CONFLICT | Code::STORE_FAILED | Code::WALLET_LOCKED) {
        return Err(error);
    }
    resumed.waiting.push(Waiting::new(what, deal, &error));
    Ok(())
}
