//! The bank at work: orders in, news out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use semper_shared::foundation::Currency;
use semper_shared::items::payment::account::Bic;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::config::Config;
use super::error::BankError;
use super::messages::{AccountName, Entry, HistoryQuery, Standing, TestAccount, Transfer, TransferOrder};
use super::store::{Outcome, Store, Trial};
use crate::clock;
use crate::http::{Shutdown, StartError, TokenHash};

/// The longest wait for news.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often who waits looks by himself: another replica does not ring.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The most entries in one answer.
const PAGE: u32 = 100;

pub(super) struct App {
    pub(super) store: Box<dyn Store>,
    pub(super) bic: Option<Bic>,
    pub(super) currency: Currency,
    news: News,
    test_account: Option<TestAccount>,
    shutdown: Shutdown,
}

impl App {
    pub(super) async fn open(store: Box<dyn Store>, config: &Config, shutdown: Shutdown) -> Result<Self, StartError> {
        let refused = |error: BankError| match error {
            BankError::Store(error) => StartError::Store(error),
            BankError::CurrencyMismatch => StartError::Config("bank: the books are in another currency".to_owned()),
            other => StartError::Config(format!("bank: {other}")),
        };
        store.open(config.currency, config.money_limit_minor).await.map_err(refused)?;
        for account in &config.accounts {
            store.set_up(account, clock::now()).await.map_err(refused)?;
        }
        if store.trial().await.map_err(refused)? != Trial::BALANCED {
            return Err(StartError::Config("bank: the books do not balance; restore them from a backup".to_owned()));
        }
        let test_account =
            config.accounts.iter().find(|account| Some(&account.account) == config.test_account.as_ref());
        let test_account = test_account.map(|account| TestAccount {
            account: account.account.clone(),
            token: account.token.0.clone(),
            name: account.name.clone(),
        });
        let (bic, currency) = (config.bic.clone(), config.currency);
        Ok(Self { store, bic, currency, news: News::default(), test_account, shutdown })
    }

    pub(super) fn test_account(&self) -> Option<&TestAccount> {
        self.test_account.as_ref()
    }

    /// Makes a transfer; whether it is new, and what it is.
    pub(super) async fn transfer(&self, token: TokenHash, order: TransferOrder) -> Result<(bool, Transfer), BankError> {
        self.store.authorise(&order.from, token).await?;
        match self.store.transfer(order, clock::now()).await? {
            Outcome::Made(transfer) => {
                self.news.tell(&transfer.from);
                self.news.tell(&transfer.to);
                Ok((true, transfer))
            }
            Outcome::Repeated(transfer) => Ok((false, transfer)),
        }
    }

    pub(super) async fn standing(&self, token: TokenHash, account: &AccountName) -> Result<Standing, BankError> {
        self.store.authorise(account, token).await?;
        self.store.standing(account).await
    }

    /// What happened to an account; waits for something to happen where the caller wishes.
    pub(super) async fn history(
        &self,
        token: TokenHash,
        account: &AccountName,
        query: HistoryQuery,
    ) -> Result<Vec<Entry>, BankError> {
        self.store.authorise(account, token).await?;
        let deadline = Instant::now() + Duration::from_millis(query.wait_ms).min(LONGEST_WAIT);
        let bell = self.news.of(account);
        loop {
            // Listening begins before looking, so that nothing falls between the two.
            let mut rings = std::pin::pin!(bell.notified());
            rings.as_mut().enable();
            let entries = self.store.history(account, query.after, PAGE).await?;
            if !entries.is_empty() || Instant::now() >= deadline {
                return Ok(entries);
            }
            tokio::select! {
                () = rings => {}
                () = tokio::time::sleep_until(deadline.min(Instant::now() + LOOK_EVERY)) => {}
                () = self.shutdown.requested() => return Ok(Vec::new()),
            }
        }
    }
}

/// Who waits for news of which account. Only existing accounts get here, so the table is bounded by them.
#[derive(Default)]
struct News(Mutex<HashMap<AccountName, Arc<Notify>>>);

impl News {
    fn of(&self, account: &AccountName) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(account.clone()).or_default())
    }

    fn tell(&self, account: &AccountName) {
        let bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(account) {
            bell.notify_waiters();
        }
    }
}
