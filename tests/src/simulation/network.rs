//! The network: it carries requests to the parties, late, twice, in another order, or not at all.

use semper_shared::foundation::{Code, UnixSeconds};
use semper_wallet::core::ports::{HttpError, HttpRequest, HttpResponse};
use serde::Serialize;

use super::bank::Bank;
use super::chance::Chance;
use super::keys;
use super::merchant::Merchant;
use super::mint::Mint;

pub(super) const MERCHANT: &str = "http://merchant.test";
pub(super) const MINT: &str = "http://mint.test";
pub(super) const BANK: &str = "http://bank.test";

/// How many requests may be at work within each other.
const MAX_DEPTH: u8 = 3;

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
        Self::problem_with(code, serde_json::json!({ "detail": code.as_str() }))
    }

    pub(super) fn problem_with(code: Code, mut members: serde_json::Value) -> Self {
        members["code"] = code.as_str().into();
        members["status"] = code.status().into();
        Self { status: code.status(), body: serde_json::to_vec(&members).unwrap_or_default() }
    }
}

/// How bad everything is, in percent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// A request is lost.
    pub(super) lost_request: u64,
    /// An answer is lost.
    pub(super) lost_answer: u64,
    /// A request arrives twice.
    pub(super) repeated: u64,
    /// A request arrives later, after others; some of them have arrived in time as well.
    pub(super) late: u64,
    /// Two requests are at work at once.
    pub(super) overlap: u64,
    /// A process dies at a step.
    pub(super) crash: u64,
    /// A store's commit fails, or is slow, or nobody knows.
    pub(super) disk: u64,
}

impl Weather {
    pub(super) const CLEAR: Self =
        Self { lost_request: 0, lost_answer: 0, repeated: 0, late: 0, overlap: 0, crash: 0, disk: 0 };

    /// The weather of a seed; one in four has none of a kind.
    pub(super) fn make(chance: &mut Chance) -> Self {
        let mut up_to = |worst: u64| if chance.percent(25) { 0 } else { chance.below(worst) };
        Self {
            lost_request: up_to(15),
            lost_answer: up_to(15),
            repeated: up_to(15),
            late: up_to(12),
            overlap: up_to(25),
            crash: up_to(5),
            disk: up_to(10),
        }
    }
}

/// What becomes of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Good,
    /// The queue is full: nothing is tried.
    Full,
    /// It fails: nothing is stored.
    Fails,
    /// It is stored, and the writer is told that it failed.
    Unknown,
    /// It is stored after some seconds.
    Slow,
}

/// A request that arrives some other time. Nobody waits for its answer.
enum Late {
    FromWallet(usize, HttpRequest),
    FromMerchant(&'static str, Vec<u8>),
}

/// Whom a request of the merchant comes from, where customers have their numbers.
const SHOP: usize = usize::MAX;

/// All parties but the wallets, and the network between them.
pub(super) struct World {
    pub(super) chance: Chance,
    pub(super) weather: Weather,
    pub(super) now: UnixSeconds,
    /// How far the clocks of mint and merchant are ahead, in seconds.
    pub(super) ahead: [u64; 2],
    pub(super) bank: Bank,
    pub(super) mint: Mint,
    pub(super) merchant: Merchant,
    /// Whether the merchant shows its offers and takes no orders at present.
    pub(super) merchant_deaf: bool,
    /// How often each kind of trouble came.
    pub(super) trouble: u64,
    /// What customers have given each other to take or to pay.
    pub(super) links: Vec<String>,
    late: Vec<Late>,
    depth: u8,
}

impl World {
    pub(super) fn new(mut chance: Chance, now: UnixSeconds, mint: Mint, merchant: Merchant) -> Self {
        let weather = Weather::make(&mut chance);
        let ahead = [chance.below(200), chance.below(200)];
        let bank = Bank::default();
        Self {
            chance,
            weather,
            now,
            ahead,
            bank,
            mint,
            merchant,
            merchant_deaf: false,
            trouble: 0,
            links: Vec::new(),
            late: Vec::new(),
            depth: 0,
        }
    }

    /// Whether something of this likelihood happens now.
    pub(super) fn happens(&mut self, percent: u64) -> bool {
        let happens = self.chance.percent(percent);
        self.trouble += u64::from(happens);
        happens
    }

    pub(super) fn fate(&mut self) -> Fate {
        if !self.happens(self.weather.disk) {
            return Fate::Good;
        }
        match self.chance.below(4) {
            0 => Fate::Full,
            1 => Fate::Fails,
            2 => Fate::Unknown,
            _ => {
                self.now = self.now.plus(1 + self.chance.below(20));
                Fate::Slow
            }
        }
    }

    /// Carries a customer's request: once or twice, now or later, or not; its answer or not.
    pub(super) fn send(&mut self, from: usize, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        if self.happens(self.weather.overlap) {
            self.deliver_late();
        }
        if self.happens(self.weather.lost_request) {
            return Err(HttpError::Unreachable);
        }
        if self.happens(self.weather.late) {
            self.late.push(Late::FromWallet(from, request.clone()));
            if self.chance.percent(50) {
                return Err(HttpError::TimedOut);
            }
        }
        let mut reply = self.route(from, request);
        if self.happens(self.weather.repeated) {
            reply = self.route(from, request);
        }
        if self.happens(self.weather.lost_answer) {
            return Err(HttpError::TimedOut);
        }
        let reply = reply.ok_or(HttpError::TimedOut)?;
        Ok(HttpResponse { status: reply.status, headers: Vec::new(), body: reply.body })
    }

    /// Delivers one of the requests that are late, whichever.
    pub(super) fn deliver_late(&mut self) {
        if self.late.is_empty() || self.depth >= MAX_DEPTH {
            return;
        }
        let which = self.chance.below(self.late.len() as u64);
        self.depth += 1;
        match self.late.swap_remove(usize::try_from(which).unwrap_or(0)) {
            Late::FromWallet(from, request) => drop(self.route(from, &request)),
            Late::FromMerchant(path, body) => drop(self.ask_mint(SHOP, path, &body)),
        }
        self.depth -= 1;
    }

    /// Time passes: hours or days, in which nobody does anything but the mint.
    pub(super) fn wait(&mut self, seconds: u64) {
        self.now = self.now.plus(seconds);
        let now = self.now.plus(self.ahead[0]);
        self.mint.sweep(now);
    }

    /// Delivers everything that is late.
    pub(super) fn deliver_all(&mut self) {
        while !self.late.is_empty() {
            self.deliver_late();
        }
    }

    /// A party's answer; none where it died before it answered.
    fn route(&mut self, from: usize, request: &HttpRequest) -> Option<Reply> {
        let body = request.body.as_deref().unwrap_or_default();
        let url = request.url.split('?').next().unwrap_or_default();
        if let Some(path) = url.strip_prefix(MINT) {
            return self.ask_mint(from, path, body);
        }
        if let Some(path) = url.strip_prefix(BANK) {
            return Some(match path {
                "/test-account" => Bank::test_account(),
                "/transfers" => self.bank.transfer(from, body),
                _ => Reply::problem(Code::NOT_FOUND),
            });
        }
        match url.strip_prefix(MERCHANT) {
            Some("/deals") if self.merchant_deaf => None,
            Some(path) => self.ask_merchant(from, path, body),
            None => Some(Reply::problem(Code::NOT_FOUND)),
        }
    }

    /// One of the mint's replicas answers; none where it died before.
    pub(super) fn ask_mint(&mut self, from: usize, path: &str, body: &[u8]) -> Option<Reply> {
        let now = self.now.plus(self.ahead[0]);
        let prepared = match self.mint.prepare(from, path, body, &self.bank, now) {
            Ok(super::mint::Prepared::Known(reply)) | Err(reply) => return Some(reply),
            Ok(prepared) => prepared,
        };
        if self.happens(self.weather.overlap) {
            // The other replica is asked the same at the same time, or something else, and is quicker.
            if self.chance.percent(50) {
                if let Ok(other) = self.mint.prepare(from, path, body, &self.bank, now) {
                    self.mint.commit(other, &self.bank);
                }
            } else {
                self.deliver_late();
            }
        }
        if self.happens(self.weather.crash) {
            self.mint.replica_died();
            return None;
        }
        let reply = match self.fate() {
            Fate::Good | Fate::Slow => self.mint.commit(prepared, &self.bank),
            Fate::Full => Reply::problem(Code::BUSY),
            Fate::Fails => self.mint.hasty_answer(&prepared).unwrap_or(Reply::problem(Code::OUTCOME_UNKNOWN)),
            Fate::Unknown => {
                self.mint.commit(prepared, &self.bank);
                Reply::problem(Code::OUTCOME_UNKNOWN)
            }
        };
        if self.happens(self.weather.crash) {
            self.mint.replica_died();
            return None;
        }
        Some(reply)
    }

    /// What the merchant asks of the mint, over the same bad network; none where there is no answer.
    pub(super) fn ask_for_merchant(&mut self, path: &'static str, body: &[u8]) -> Option<Reply> {
        if self.happens(self.weather.lost_request) {
            return None;
        }
        if self.happens(self.weather.late) {
            self.late.push(Late::FromMerchant(path, body.to_vec()));
            if self.chance.percent(50) {
                return None;
            }
        }
        let mut reply = self.ask_mint(SHOP, path, body);
        if self.happens(self.weather.repeated) {
            reply = self.ask_mint(SHOP, path, body);
        }
        if self.happens(self.weather.lost_answer) { None } else { reply }
    }

    fn ask_merchant(&mut self, from: usize, path: &str, body: &[u8]) -> Option<Reply> {
        let now = self.now.plus(self.ahead[1]);
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            [".well-known", "semper"] => Some(keys::merchant_party(now).unwrap_or_else(|problem| problem)),
            ["offers", id] => Some(self.merchant.offer(id)),
            ["deals"] => match serde_json::from_slice(body) {
                Ok(body) => self.take_order(from, body),
                Err(_) => Some(Reply::problem(Code::JSON_MALFORMED)),
            },
            ["deals", deal] => Some(self.merchant.status(deal)),
            ["deals", _, "acknowledgement"] => Some(Reply::json(&serde_json::json!({}))),
            _ => Some(Reply::problem(Code::NOT_FOUND)),
        }
    }
}
