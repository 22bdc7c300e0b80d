//! The network: it carries requests to the parties, or does not.

use semper_shared::foundation::{Code, UnixSeconds};
use semper_wallet::core::ports::{HttpError, HttpRequest, HttpResponse};
use serde::Serialize;

use super::bank::Bank;
use super::chance::Chance;
use super::merchant::Merchant;
use super::mint::Mint;

pub(super) const MERCHANT: &str = "http://merchant.test";
pub(super) const MINT: &str = "http://mint.test";
pub(super) const BANK: &str = "http://bank.test";

/// A party's answer.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(body: &impl Serialize) -> Self {
        Self { status: 200, body: serde_json::to_vec(body).unwrap_or_default() }
    }

    pub(super) fn text(body: &str) -> Self {
        Self { status: 200, body: body.as_bytes().to_vec() }
    }

    pub(super) fn problem(code: Code) -> Self {
        Self::problem_with(code, serde_json::json!({}))
    }

    pub(super) fn problem_with(code: Code, mut members: serde_json::Value) -> Self {
        members["code"] = code.as_str().into();
        members["status"] = code.status().into();
        Self { status: code.status(), body: serde_json::to_vec(&members).unwrap_or_default() }
    }
}

/// How bad the network is, in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) lost_request: u64,
    pub(super) lost_answer: u64,
    pub(super) repeated: u64,
    pub(super) crash: u64,
}

impl Weather {
    pub(super) const CLEAR: Self = Self { lost_request: 0, lost_answer: 0, repeated: 0, crash: 0 };
}

/// All parties but the wallets, and the network between them.
pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) weather: Weather,
    pub(super) now: UnixSeconds,
    pub(super) bank: Bank,
    pub(super) mint: Mint,
    pub(super) merchant: Merchant,
}

impl World {
    /// Carries a request: delivered or not, once or twice, its answer delivered or not.
    pub(super) fn send(&mut self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.chance.percent(self.weather.lost_request) {
            return Err(HttpError::Unreachable);
        }
        let mut reply = self.route(request);
        if self.chance.percent(self.weather.repeated) {
            reply = self.route(request);
        }
        if self.chance.percent(self.weather.lost_answer) {
            return Err(HttpError::TimedOut);
        }
        Ok(HttpResponse { status: reply.status, headers: Vec::new(), body: reply.body })
    }

    fn route(&mut self, request: &HttpRequest) -> Reply {
        let body = request.body.as_deref().unwrap_or_default();
        let url = request.url.split('?').next().unwrap_or_default();
        if let Some(path) = url.strip_prefix(MINT) {
            return self.mint.answer(path, body, &self.bank, self.now);
        }
        if let Some(path) = url.strip_prefix(BANK) {
            return match path {
                "/test-account" => Bank::test_account(),
                "/transfers" => self.bank.transfer(body),
                _ => Reply::problem(Code::NOT_FOUND),
            };
        }
        if let Some(path) = url.strip_prefix(MERCHANT) {
            return self.merchant.answer(path, body, &mut self.mint, &mut self.chance, self.weather, self.now);
        }
        Reply::problem(Code::NOT_FOUND)
    }
}
