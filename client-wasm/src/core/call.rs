//! The wallet by name: methods with JSON parameters, as pages call them through the Worker.

use semper_shared::foundation::{Amount, Digest, json};
use semper_shared::items::payment::{ModuleId, Share};
use serde::Serialize;
use serde_json::Value;

use super::ports::Ports;
use super::{Status, Trust, Wallet, WalletError, Words};

/// Where a long operation says how far it has come.
#[derive(Clone, Copy)]
pub struct Progress<'a>(&'a dyn Fn(&Value));

impl<'a> Progress<'a> {
    /// Tells `report`.
    pub const fn new(report: &'a dyn Fn(&Value)) -> Self {
        Self(report)
    }

    /// Tells nobody.
    pub const fn none() -> Self {
        Self(&|_| {})
    }

    pub(super) fn step(self, step: &str) {
        (self.0)(&object!("step": step));
    }

    pub(super) fn report(self, value: &Value) {
        (self.0)(value);
    }
}

/// What a call gives back.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A value, as JSON.
    Json(String),
    /// A file.
    Bytes(Vec<u8>),
}

#[derive(Serialize)]
struct StatusView {
    state: Status,
    backup_confirmed: bool,
    #[serde(skip_serializing_if = "is_false")]
    taken_over: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_false(said: &bool) -> bool {
    !*said
}

impl<P: Ports> Wallet<P> {
    /// Calls a method by its name. `params` is a JSON object; `bytes` is its one member that is a file.
    ///
    /// # Errors
    /// The method's own, or [`WalletError::Request`] for an unknown method or wrong parameters.
    pub async fn call(
        &mut self,
        method: &str,
        params: &str,
        bytes: Option<&[u8]>,
        progress: Progress<'_>,
    ) -> Result<Answer, WalletError> {
        let p = &Params::read(params)?;
        match method {
            "status" => {
                let (state, backup_confirmed) = self.status().await?;
                let taken_over = state == Status::Unlocked && self.is_taken_over()?;
                answer(&StatusView { state, backup_confirmed, taken_over })
            }
            "make_words" => answer(&object!("words": self.make_words()?.text().as_str())),
            "create" => done(self.create(&Words::parse(p.text("words")?)?, p.text("passphrase")?).await),
            "restore" => {
                let words = Words::parse(p.text("words")?)?;
                answer(&self.restore(&words, p.text("passphrase")?, &p.texts("mints")?, progress).await?)
            }
            "unlock" => done(self.unlock(p.text("passphrase")?).await),
            "lock" => done(self.lock().await),
            "change_passphrase" => done(self.change_passphrase(p.text("old")?, p.text("new")?).await),
            "confirm_backup" => done(self.confirm_backup().await),
            "export_backup" => Ok(Answer::Bytes(self.export_backup(p.text("passphrase")?).await?)),
            "import_backup" => {
                let bytes = bytes.ok_or_else(|| WalletError::Request("the backup's bytes are missing".to_owned()))?;
                done(self.import_backup(bytes, p.text("passphrase")?, p.text("new_passphrase")?).await)
            }
            _ => self.call_open(method, p, progress).await,
        }
    }

    /// The methods of an open wallet.
    async fn call_open(&mut self, method: &str, p: &Params, progress: Progress<'_>) -> Result<Answer, WalletError> {
        match method {
            "balance" => answer(&self.balance().await?),
            "holdings" => answer(&self.holdings().await?),
            "purses" => answer(&self.purses().await?),
            "mint_info" => answer(&self.mint_info(p.text("url")?).await?),
            "add_cash" => answer(&self.add_cash(p.text("mint")?, p.amount()?, progress).await?),
            "top_up_cost" => answer(&self.top_up_cost(p.text("mint")?, p.amount()?).await?),
            "send_cost" => answer(&self.send_cost(p.amount()?).await?),
            "send_person" => answer(&self.send_person(p.amount()?, p.text("purpose")?, p.number("expires_s")?).await?),
            "request_person" => {
                let (mint, purpose) = (p.text("mint")?, p.text("purpose")?);
                answer(&self.request_person(mint, p.amount()?, purpose, p.number("expires_s")?).await?)
            }
            "peek_link" => answer(&self.peek_link(p.text("link")?).await?),
            "receive_link" => answer(&self.receive_link(p.text("link")?).await?),
            "pay_link" => answer(&self.pay_link(p.text("link")?).await?),
            "cancel_transfer" => answer(&self.cancel_transfer(&p.digest("transfer")?).await?),
            "transfers" => answer(&self.transfers().await?),
            "review" => answer(&self.review(p.text("offer_url")?).await?),
            "pay" => {
                let module = ModuleId::new(p.text("module")?).ok_or_else(|| wrong("module"))?;
                let offer = p.digest("offer_digest")?;
                #[cfg(feature = "account")]
                {
                    let terms = p.0.get("terms").map(|terms| json::from_value(terms.clone())).transpose();
                    self.prefer_terms(terms.map_err(|_| wrong("terms"))?);
                }
                if let Some(split) = p.0.get("split") {
                    let split: Vec<Share> = json::from_value(split.clone()).map_err(|_| wrong("split"))?;
                    self.split(&offer, &split);
                }
                if p.0.get("confirmed").is_some_and(|said| *said == true) {
                    self.confirm(&offer);
                }
                answer(&self.pay(&offer, &module, progress).await?)
            }
            #[cfg(feature = "account")]
            "invoice" => answer(&self.invoice(&p.digest("deal")?).await?),
            #[cfg(feature = "account")]
            "pay_invoice" => answer(&self.pay_invoice(&p.digest("deal")?, progress).await?),
            "read_policy" => answer(&self.read_policy(p.text("policy")?).await?),
            "policy" => answer(&self.policy().await?),
            "set_policy" => {
                let customer = p.0.get("customer").map(|_| p.text("customer")).transpose()?;
                let authority = p.0.get("authority").map(|key| json::from_value(key.clone())).transpose();
                let authority = authority.map_err(|_| wrong("authority"))?;
                let replacing = p.0.get("replacing").is_some_and(|said| *said == true);
                answer(&self.set_policy(p.text("policy")?, customer, Trust { authority, replacing }).await?)
            }
            #[cfg(feature = "card")]
            "cards" => answer(&self.cards().await?),
            #[cfg(feature = "card")]
            "add_card" => answer(&self.add_card(p.text("number")?, p.text("expiry")?, p.text("gateway")?).await?),
            #[cfg(feature = "card")]
            "remove_card" => done(self.remove_card(p.text("last_four")?).await),
            #[cfg(feature = "card")]
            "approval" => {
                let deal = self.awaiting_approval().await?;
                answer(&self.approval(&deal).await?)
            }
            #[cfg(feature = "card")]
            "approve" => {
                let approved = p.member("approved")?.as_bool().ok_or_else(|| wrong("approved"))?;
                let deal = self.awaiting_approval().await?;
                answer(&object!("approved": self.approve(&deal, approved).await?))
            }
            "resume" => answer(&self.resume(progress).await?),
            "take_over" => answer(&self.take_over(progress).await?),
            "check_refunds" => {
                let deal = p.0.get("deal").map(|_| p.digest("deal")).transpose()?;
                answer(&self.check_refunds(deal.as_ref()).await?)
            }
            "refresh" => done(self.refresh().await),
            "abandon" => done(self.abandon(&p.digest("deal")?).await),
            "deals" => answer(&self.deals().await?),
            "deal" => answer(&self.deal(&p.digest("deal")?).await?),
            "evidence" => answer(&self.evidence(&p.digest("deal")?).await?),
            "library" => answer(&self.library().await?),
            "part_access" => answer(&self.part_access(&p.digest("deal")?, p.text("part")?).await?),
            _ => Err(WalletError::Request(format!("there is no method {method}"))),
        }
    }
}

/// A call's parameters.
struct Params(Value);

impl Params {
    fn read(text: &str) -> Result<Self, WalletError> {
        json::from_slice(text.as_bytes()).map(Self).map_err(|error| WalletError::Request(error.detail()))
    }

    fn member(&self, name: &'static str) -> Result<&Value, WalletError> {
        self.0.get(name).ok_or_else(|| wrong(name))
    }

    fn text(&self, name: &'static str) -> Result<&str, WalletError> {
        self.member(name)?.as_str().ok_or_else(|| wrong(name))
    }

    fn texts(&self, name: &'static str) -> Result<Vec<String>, WalletError> {
        let items = self.member(name)?.as_array().ok_or_else(|| wrong(name))?;
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong(name))).collect()
    }

    fn amount(&self) -> Result<Amount, WalletError> {
        json::from_value(self.member("amount")?.clone()).map_err(|error| WalletError::Request(error.detail()))
    }

    fn number(&self, name: &'static str) -> Result<u64, WalletError> {
        self.member(name)?.as_u64().ok_or_else(|| wrong(name))
    }

    fn digest(&self, name: &'static str) -> Result<Digest, WalletError> {
        self.text(name)?.parse().map_err(|_| wrong(name))
    }
}

fn wrong(name: &'static str) -> WalletError {
    WalletError::Request(format!("the parameter {name} is missing or not what it should be"))
}

fn answer(value: &impl Serialize) -> Result<Answer, WalletError> {
    serde_json::to_string(value).map(Answer::Json).map_err(|_| WalletError::Damaged("an answer cannot be written"))
}

fn done(result: Result<(), WalletError>) -> Result<Answer, WalletError> {
    result.map(|()| Answer::Json("{}".to_owned()))
}
