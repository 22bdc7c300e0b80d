//! The operator's side of a running merchant: its deals, and refunds of them, over the merchant's own addresses.

#[cfg(feature = "account")]
mod accounts;

use std::path::Path;
use std::time::Duration;

use rand_core::Rng as _;
use semper_shared::foundation::{Amount, AmountError, Code, Coded, Digest};
use semper_shared::items::payment::{ModuleId, RefundId, Share};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::crypto::system_rng;
use crate::merchant::{ADMIN_TOKEN_FILE, Config};

#[cfg(feature = "account")]
pub use accounts::{Entry, Invoice, Outgoing, Report};

/// How often a request whose outcome is not known is sent again, and how long to wait before.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_secs(2);

/// A deal, as the merchant lists it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Deal {
    /// Its name.
    pub deal: Digest,
    /// What was bought.
    pub title: String,
    /// Its state.
    pub state: String,
    /// What was paid.
    pub paid: Option<Amount>,
    /// What each module paid of it, where two shared the price.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub split: Vec<Share>,
    /// What of it was refunded.
    pub refunded: Amount,
    /// What is owed for goods that are out, where that is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<Amount>,
    /// When it was ordered, in seconds since the epoch.
    pub ordered_at: u64,
}

#[derive(Deserialize)]
struct Deals {
    deals: Vec<Deal>,
    before: Option<i64>,
}

/// A refund, as the merchant answers it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Refund {
    /// Its name.
    pub refund: RefundId,
    /// The deal.
    pub deal: Digest,
    /// How much.
    pub amount: Amount,
    /// Why.
    pub reason: String,
    /// `done`, or `partly` where a part of it did not go back.
    pub state: String,
    /// What of it went back, where the rest did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<Amount>,
    /// Why the rest did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Which modules did not give their part back, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<NotGiven>,
}

/// What a module does not give back.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct NotGiven {
    /// The module.
    pub module: ModuleId,
    /// The stable code of why.
    pub code: String,
}

/// A payout, as the merchant lists it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Payout {
    /// Its name, which the transfer's subject at the bank carries.
    pub payout: Digest,
    /// The mint that paid.
    pub mint: String,
    /// The account's label, where it is a further one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The account.
    pub account: String,
    /// What was transferred.
    pub amount: Amount,
    /// What the mint kept.
    pub fees: Amount,
    /// When the deals were gathered, in seconds since the epoch.
    pub made_at: u64,
    /// Whether it agrees with the merchant's own books.
    pub agrees: bool,
    /// `payout-mismatch` where it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong with the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// What it is for.
    pub deals: Vec<PaidDeal>,
    /// The mint's signed word.
    pub statement: String,
}

/// A deal of a payout.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct PaidDeal {
    /// Its name.
    pub deal: Digest,
    /// What its customer paid.
    pub amount: Amount,
    /// What of it was given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
    /// What the merchant's own books say otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

#[derive(Deserialize)]
struct Payouts {
    payouts: Vec<Payout>,
    before: Option<i64>,
}

/// A merchant that runs, and the token that opens its operator's addresses.
pub struct Operator {
    url: String,
    token: String,
    client: reqwest::Client,
}

impl Operator {
    /// The operator of the merchant that a configuration names; the token is in `token`, or in the merchant's folder.
    ///
    /// # Errors
    /// [`OperatorError::Token`] where it cannot be read.
    pub fn new(config: &Config, token: Option<&Path>) -> Result<Self, OperatorError> {
        let file = token.map_or_else(|| config.data.join(ADMIN_TOKEN_FILE), Path::to_owned);
        let read = std::fs::read_to_string(&file);
        let token = read.map_err(|error| OperatorError::Token(format!("{}: {error}", file.display())))?;
        let url = config.server.public_url.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build();
        let client = client.map_err(|error| OperatorError::Unreachable(error.to_string()))?;
        Ok(Self { url, token: token.trim().to_owned(), client })
    }

    /// All deals, the newest first.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn deals(&self) -> Result<Vec<Deal>, OperatorError> {
        let mut all = Vec::new();
        let mut url = format!("{}/admin/deals", self.url);
        loop {
            let page: Deals = self.send(self.client.get(&url)).await?;
            all.extend(page.deals);
            let Some(before) = page.before else { return Ok(all) };
            url = format!("{}/admin/deals?before={before}", self.url);
        }
    }

    /// What mints have paid out, the newest first.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn payouts(&self) -> Result<Vec<Payout>, OperatorError> {
        let mut all = Vec::new();
        let mut url = format!("{}/admin/payouts", self.url);
        loop {
            let page: Payouts = self.send(self.client.get(&url)).await?;
            all.extend(page.payouts);
            let Some(before) = page.before else { return Ok(all) };
            url = format!("{}/admin/payouts?before={before}", self.url);
        }
    }

    /// One deal.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn deal(&self, deal: &Digest) -> Result<Deal, OperatorError> {
        let unknown =
            OperatorError::Refused { code: Code::DEAL_UNKNOWN, detail: Code::DEAL_UNKNOWN.advice().to_owned() };
        self.deals().await?.into_iter().find(|line| line.deal == *deal).ok_or(unknown)
    }

    /// Refunds. The same name is the same refund, however often it is sent.
    ///
    /// # Errors
    /// [`OperatorError`]; where the outcome is not known, the same may be sent again.
    pub async fn refund(
        &self,
        deal: &Digest,
        id: RefundId,
        amount: Amount,
        reason: &str,
    ) -> Result<Refund, OperatorError> {
        let url = format!("{}/admin/deals/{deal}/refunds", self.url);
        let body = json!({"refund": id, "amount": amount, "reason": reason});
        let mut attempt = 1;
        loop {
            let answer = self.send(self.client.post(&url).json(&body)).await;
            let open = matches!(&answer, Err(error) if error.is_open());
            if !open || attempt == ATTEMPTS {
                return answer;
            }
            attempt += 1;
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send<T: DeserializeOwned>(&self, request: reqwest::RequestBuilder) -> Result<T, OperatorError> {
        let (_, bytes) = self.raw(request).await?;
        serde_json::from_slice(&bytes).map_err(|error| OperatorError::Unreachable(error.to_string()))
    }

    /// Status and body of an answer that is no problem.
    async fn raw(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), OperatorError> {
        let unreachable = |error: reqwest::Error| OperatorError::Unreachable(error.to_string());
        let answer = request.bearer_auth(&self.token).send().await.map_err(unreachable)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(unreachable)?;
        if matches!(status, 200 | 204) {
            return Ok((status, bytes.to_vec()));
        }
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let code = problem["code"].as_str().and_then(Code::find);
        let code = code.ok_or_else(|| OperatorError::Unreachable(format!("it answered with status {status}")))?;
        let detail = problem["detail"].as_str().unwrap_or(code.advice()).to_owned();
        Err(OperatorError::Refused { code, detail })
    }
}

/// A new refund's name.
pub fn make_refund_id() -> RefundId {
    let mut bytes = [0; 16];
    system_rng().fill_bytes(&mut bytes);
    RefundId(bytes)
}

/// Why the operator was not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OperatorError {
    /// The token cannot be read.
    #[error("the operator's token cannot be read: {0}")]
    Token(String),
    /// The merchant cannot be reached.
    #[error("the merchant cannot be reached: {0}")]
    Unreachable(String),
    /// The merchant refused.
    #[error("{detail}")]
    Refused {
        /// Why.
        code: Code,
        /// Why, in words.
        detail: String,
    },
    /// An amount was refused.
    #[error(transparent)]
    Amount(#[from] AmountError),
}

impl OperatorError {
    /// Whether the outcome is not known, so that the same may be sent again.
    pub fn is_open(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { code, .. } => matches!(*code, Code::OUTCOME_UNKNOWN | Code::BUSY | Code::IN_PROGRESS),
            _ => false,
        }
    }
}

impl Coded for OperatorError {
    fn code(&self) -> Code {
        match self {
            Self::Token(_) => Code::TOKEN_INVALID,
            Self::Unreachable(_) => Code::NETWORK_FAILED,
            Self::Refused { code, .. } => *code,
            Self::Amount(error) => error.code(),
        }
    }
}
