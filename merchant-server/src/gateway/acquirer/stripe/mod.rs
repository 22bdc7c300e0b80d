//! Stripe, over its public API: payment intents with manual capture.
//!
//! ```text
//! hold        POST /v1/payment_methods, POST /v1/payment_intents (confirm, capture_method=manual)
//! capture     POST /v1/payment_intents/{id}/capture      once: what is not captured then is let go
//! void        POST /v1/payment_intents/{id}/cancel
//! refund      POST /v1/refunds                           in parts
//! chargeback  GET  /v1/disputes
//! ```
//!
//! Each call carries our key twice: as `Idempotency-Key`, by which Stripe recognises a repetition for a day at least, and among
//! the metadata, by which it is found after that. What was asked is kept before it is asked, so that after a crash it is looked
//! for first and never done twice. Stripe learns card and amount, and of the deal nothing but a digest.
//!
//! An issuer that wants the cardholder's approval gets it through a test account's own endpoint; with a live key it would have to
//! come from the issuer's page (3-D Secure), which the wallet does not open: such a payment is declined and let go.

mod books;
mod client;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Code, Digest};
use serde::Deserialize;
use zeroize::Zeroizing;

use self::books::Books;
use self::client::{CallError, Client, Intent, METADATA_KEY};
use super::{Acquirer, AcquirerError, Decision, Hold, Movement};
use crate::clock;
use crate::http::StartError;

/// How far our clock may be ahead of Stripe's when something is looked for, in seconds.
const CLOCK_LEEWAY_S: u64 = 300;

/// An account at Stripe.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed StripeConfig", deny_unknown_fields)]
pub struct StripeConfig {
    /// Its API's origin.
    #[serde(default = "default_url")]
    url: String,
    /// The file that holds the account's secret key.
    key_file: PathBuf,
    /// The security code to send with each card. Stripe does without; servers that imitate it may not.
    #[serde(default)]
    cvc: Option<String>,
}

fn default_url() -> String {
    "https://api.stripe.com".to_owned()
}

pub(super) struct Stripe {
    client: Client,
    books: Books,
    cvc: Option<String>,
    /// Calls under way in this process.
    under_way: Mutex<HashSet<Digest>>,
}

impl Stripe {
    pub(super) async fn open(config: &StripeConfig, data: &Path) -> Result<Self, StartError> {
        let unreadable = |error| {
            let path = config.key_file.display();
            StartError::Config(format!("gateway: the secret key of Stripe's account, {path}: {error}"))
        };
        let text = Zeroizing::new(std::fs::read_to_string(&config.key_file).map_err(unreadable)?);
        let secret = Zeroizing::new(text.trim().to_owned());
        if !secret.starts_with("sk_") {
            return Err(StartError::Config("gateway: the secret key of Stripe's account begins with sk_".to_owned()));
        }
        Ok(Self {
            client: Client::new(&config.url, secret)?,
            books: Books::open(data).await?,
            cvc: config.cvc.clone(),
            under_way: Mutex::default(),
        })
    }

    /// Enters a call; `None` where the same one is under way.
    fn enter(&self, key: Digest) -> Option<UnderWay<'_>> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(key).then_some(UnderWay { all: &self.under_way, key })
    }

    async fn ask_hold(&self, hold: &Hold) -> Result<Decision, AcquirerError> {
        let asked = self.books.begin_hold(hold.key, clock::now()).await?;
        let known = match asked.reference {
            Some(id) => Some(self.client.intent(&id).await?),
            None if asked.first => None,
            None => self.client.find_intent(hold.key, asked.at.0.saturating_sub(CLOCK_LEEWAY_S)).await?,
        };
        let intent = match known {
            Some(intent) => intent,
            None => match self.make(hold).await {
                Ok(intent) => intent,
                Err(CallError::Refused(refusal)) => return Ok(Decision::Declined(declined(refusal.as_code()))),
                Err(CallError::Unknown) => return Err(AcquirerError::Unknown),
            },
        };
        self.books.learn_reference(hold.key, intent.id.clone()).await?;
        match read(&intent)? {
            Decision::StepUp if hold.approved => self.approve(hold.key, &intent).await,
            decision => Ok(decision),
        }
    }

    async fn make(&self, hold: &Hold) -> Result<Intent, CallError> {
        let (month, year) = hold.expiry.month_and_year();
        let (month, year) = (month.to_string(), year.to_string());
        let mut card =
            vec![("card[number]", hold.card.digits()), ("card[exp_month]", &month), ("card[exp_year]", &year)];
        card.extend(self.cvc.as_deref().map(|cvc| ("card[cvc]", cvc)));
        let method = self.client.make_method(hold.key, &card).await?;
        let (amount, currency) =
            (hold.amount.minor().to_string(), hold.amount.currency().as_str().to_ascii_lowercase());
        let (key_name, key) = (format!("metadata[{METADATA_KEY}]"), hold.key.to_string());
        let form = [
            ("amount", amount.as_str()),
            ("currency", &currency),
            ("payment_method", &method),
            ("payment_method_types[]", "card"),
            ("capture_method", "manual"),
            ("confirm", "true"),
            (&key_name, &key),
        ];
        self.client.make_intent(hold.key, &form).await
    }

    /// The cardholder has approved what our own challenge said.
    async fn approve(&self, key: Digest, intent: &Intent) -> Result<Decision, AcquirerError> {
        let secret = intent.client_secret.as_deref().filter(|_| self.client.is_test());
        let Some(secret) = secret else {
            self.client.act(key, &intent.id, "cancel", &[]).await?;
            return Ok(Decision::Declined(Code::CARD_DECLINED));
        };
        let form = [("client_secret", secret), ("success", "true")];
        match self.client.act(key, &intent.id, "_authenticate", &form).await {
            Ok(intent) => read(&intent),
            Err(CallError::Refused(refusal)) => Ok(Decision::Declined(declined(refusal.as_code()))),
            Err(CallError::Unknown) => Err(AcquirerError::Unknown),
        }
    }

    async fn move_money(&self, key: Digest, reference: &str, movement: Movement) -> Result<(), AcquirerError> {
        let asked = self.books.begin_movement(key, clock::now()).await?;
        if asked.done || (!asked.first && self.was_moved(key, reference, &movement).await?) {
            return Ok(self.books.end_movement(key).await?);
        }
        match movement {
            Movement::Capture(amount) => {
                let minor = amount.minor().to_string();
                self.client.act(key, reference, "capture", &[("amount_to_capture", &minor)]).await.map(drop)
            }
            Movement::Void => self.client.act(key, reference, "cancel", &[]).await.map(drop),
            Movement::Refund(amount) => self.client.refund(key, reference, &amount.minor().to_string()).await,
        }?;
        Ok(self.books.end_movement(key).await?)
    }

    /// Whether a movement whose answer was lost has been carried out.
    async fn was_moved(&self, key: Digest, reference: &str, movement: &Movement) -> Result<bool, CallError> {
        Ok(match movement {
            Movement::Capture(_) => self.client.intent(reference).await?.status == "succeeded",
            Movement::Void => self.client.intent(reference).await?.status == "canceled",
            Movement::Refund(_) => self.client.has_refund(key, reference).await?,
        })
    }
}

impl Acquirer for Stripe {
    fn hold<'a>(&'a self, hold: &'a Hold) -> BoxFuture<'a, Result<Decision, AcquirerError>> {
        Box::pin(async move {
            let _under_way = self.enter(hold.key).ok_or(AcquirerError::Unknown)?;
            self.ask_hold(hold).await
        })
    }

    fn inquire(&self, key: Digest) -> BoxFuture<'_, Result<Option<Decision>, AcquirerError>> {
        Box::pin(async move {
            let (Some(_under_way), Some(asked)) = (self.enter(key), self.books.find_hold(key).await?) else {
                return Ok(None);
            };
            let intent = match asked.reference {
                Some(id) => Some(self.client.intent(&id).await?),
                None => self.client.find_intent(key, asked.at.0.saturating_sub(CLOCK_LEEWAY_S)).await?,
            };
            // What waits for the cardholder is not decided: the merchant asks again.
            let decision = intent.as_ref().map(read).transpose()?;
            Ok(decision.filter(|decision| *decision != Decision::StepUp))
        })
    }

    fn carry_out<'a>(
        &'a self,
        key: Digest,
        reference: &'a str,
        movement: Movement,
    ) -> BoxFuture<'a, Result<(), AcquirerError>> {
        Box::pin(async move {
            let _under_way = self.enter(key).ok_or(AcquirerError::Unknown)?;
            self.move_money(key, reference, movement).await
        })
    }

    fn charged_back(&self) -> BoxFuture<'_, Result<Vec<String>, AcquirerError>> {
        Box::pin(async move {
            match self.client.disputed().await {
                Ok(intents) => Ok(intents),
                // A server that imitates Stripe without disputes.
                Err(CallError::Refused(refusal)) if refusal.status == 404 => Ok(Vec::new()),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn approves(&self, _code: &str) -> bool {
        false
    }
}

impl From<CallError> for AcquirerError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unknown => Self::Unknown,
            CallError::Refused(refusal) => Self::Refused(refusal.as_code()),
        }
    }
}

/// A call that is under way, until this is dropped.
struct UnderWay<'a> {
    all: &'a Mutex<HashSet<Digest>>,
    key: Digest,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.all.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// What an intent's status says. Source: <https://docs.stripe.com/payments/paymentintents/lifecycle>.
fn read(intent: &Intent) -> Result<Decision, AcquirerError> {
    match intent.status.as_str() {
        "requires_capture" | "succeeded" => Ok(Decision::Held { reference: intent.id.clone() }),
        "requires_action" => Ok(Decision::StepUp),
        "requires_payment_method" | "canceled" => {
            let code = intent.last_payment_error.as_ref().map_or(Code::CARD_DECLINED, client::Refusal::as_code);
            Ok(Decision::Declined(declined(code)))
        }
        _ => Err(AcquirerError::Unknown),
    }
}

/// A hold is declined for a reason of the card; what speaks of authorisations is ours to explain, not the customer's.
fn declined(code: Code) -> Code {
    let of_the_card = [Code::FUNDS_INSUFFICIENT, Code::CARD_EXPIRED, Code::CARD_NUMBER_INVALID];
    if of_the_card.contains(&code) { code } else { Code::CARD_DECLINED }
}
