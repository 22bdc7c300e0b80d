//! The mint as a customer of its bank.

use std::time::Duration;

use semper_shared::foundation::{Amount, Code, UnixSeconds, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::settings::BankAccount;

/// How long the bank may hold a request for history open, in milliseconds.
const WAIT_MS: u64 = 25_000;

/// The mint's account at its bank.
#[derive(Debug, Clone)]
pub(super) struct Bank {
    client: reqwest::Client,
    url: String,
    account: BankAccount,
}

/// An entry of the account's history.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Entry {
    pub(super) serial: u64,
    pub(super) transfer: String,
    pub(super) direction: Direction,
    pub(super) counterparty: String,
    pub(super) amount: Amount,
    pub(super) subject: String,
    pub(super) at: UnixSeconds,
}

/// Which way a transfer went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Direction {
    In,
    Out,
}

#[derive(Deserialize)]
struct History {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Standing {
    balance: Amount,
}

#[derive(Serialize)]
struct Order<'a> {
    id: &'a str,
    from: &'a str,
    to: &'a str,
    amount: Amount,
    subject: &'a str,
}

/// Why the bank did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum BankError {
    /// Whether it was done is not known: to be asked again.
    #[error("no answer: {0}")]
    Unknown(String),
    /// It was not done.
    #[error("refused: {}", .0.as_str())]
    Refused(Code),
}

impl Bank {
    pub(super) fn new(account: BankAccount) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_millis(WAIT_MS) + Duration::from_secs(15))
            .build()?;
        Ok(Self { client, url: account.url.trim_end_matches('/').to_owned(), account })
    }

    /// What came and went after `after`; waits for it for a while.
    pub(super) async fn history(&self, after: u64) -> Result<Vec<Entry>, BankError> {
        let url = format!("{}/accounts/{}/history?after={after}&wait_ms={WAIT_MS}", self.url, self.account.account);
        let history: History = self.ask(self.client.get(url)).await?;
        Ok(history.entries)
    }

    /// Pays. Does nothing twice under one `id`.
    pub(super) async fn pay(&self, id: &str, to: &str, amount: Amount, subject: &str) -> Result<(), BankError> {
        let order = Order { id, from: &self.account.account, to, amount, subject };
        let request = self.client.post(format!("{}/transfers", self.url)).json(&order);
        self.ask::<Value>(request).await.map(|_| ())
    }

    /// What the account holds, in minor units; nothing where it is below zero.
    pub(super) async fn balance(&self) -> Result<u64, BankError> {
        let url = format!("{}/accounts/{}", self.url, self.account.account);
        let standing: Standing = self.ask(self.client.get(url)).await?;
        Ok(standing.balance.minor())
    }

    async fn ask<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, BankError> {
        let unknown = |error: reqwest::Error| BankError::Unknown(error.without_url().to_string());
        let response = request.bearer_auth(self.account.token.expose()).send().await.map_err(unknown)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unknown)?;
        if status.is_success() {
            return json::from_slice(&body).map_err(|_| BankError::Unknown("a malformed answer".to_owned()));
        }
        let code = json::from_slice::<Value>(&body).ok().and_then(|problem| Code::find(problem.get("code")?.as_str()?));
        match code {
            Some(code) if status.is_client_error() && code != Code::IN_PROGRESS && code != Code::TIMED_OUT => {
                Err(BankError::Refused(code))
            }
            _ => Err(BankError::Unknown(format!("status {status}"))),
        }
    }
}
