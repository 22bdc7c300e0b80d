//! Stripe's API as it is published: form-encoded requests, JSON answers, a key by which a repeated request is recognised.
//!
//! Source: <https://docs.stripe.com/api>. Only what is used is read.

use std::collections::HashMap;
use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use semper_shared::foundation::{Code, Digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::http::StartError;

/// The name under which our key stands among an object's metadata.
pub(super) const METADATA_KEY: &str = "semper";

/// Stripe's largest page.
const PAGE: &str = "100";

pub(super) struct Client {
    http: reqwest::Client,
    origin: String,
    secret: Zeroizing<String>,
}

/// A call that did not succeed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum CallError {
    /// Nobody can say whether it was carried out, or it can be tried again.
    Unknown,
    /// It was refused; nothing was done.
    Refused(Refusal),
}

/// Stripe's reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Refusal {
    #[serde(skip)]
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) decline_code: Option<String>,
}

impl Refusal {
    /// The published code that says the same.
    pub(super) fn as_code(&self) -> Code {
        let said = [self.decline_code.as_deref(), self.code.as_deref()];
        let says = |code: &str| said.contains(&Some(code));
        if says("insufficient_funds") {
            Code::FUNDS_INSUFFICIENT
        } else if says("expired_card") || says("invalid_expiry_year") || says("invalid_expiry_month") {
            Code::CARD_EXPIRED
        } else if says("incorrect_number") || says("invalid_number") {
            Code::CARD_NUMBER_INVALID
        } else if says("charge_expired_for_capture") {
            Code::AUTHORISATION_EXPIRED
        } else if self.status == 404 || says("resource_missing") {
            Code::AUTHORISATION_UNKNOWN
        } else if self.status == 402 || says("card_declined") {
            Code::CARD_DECLINED
        } else {
            Code::AUTHORISATION_CLOSED
        }
    }
}

/// A payment intent.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    pub(super) status: String,
    #[serde(default)]
    pub(super) client_secret: Option<String>,
    #[serde(default)]
    pub(super) last_payment_error: Option<Refusal>,
    #[serde(default)]
    metadata: HashMap<String, String>,
    #[serde(default)]
    created: u64,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
    #[serde(default)]
    metadata: HashMap<String, String>,
    #[serde(default)]
    created: u64,
}

#[derive(Deserialize)]
struct Dispute {
    id: String,
    payment_intent: Option<String>,
    #[serde(default)]
    created: u64,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    has_more: bool,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Problem {
    error: Refusal,
}

/// Something on one of Stripe's lists.
trait Listed {
    fn id(&self) -> &str;
    fn created(&self) -> u64;
}

macro_rules! listed {
    ($($what:ty),+) => {$(
        impl Listed for $what {
            fn id(&self) -> &str { &self.id }
            fn created(&self) -> u64 { self.created }
        }
    )+};
}
listed!(Intent, Refund, Dispute);

impl Client {
    pub(super) fn new(origin: &str, secret: Zeroizing<String>) -> Result<Self, StartError> {
        let refuse = |error: reqwest::Error| StartError::Config(format!("stripe: {error}"));
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(refuse)?;
        Ok(Self { http, origin: origin.trim_end_matches('/').to_owned(), secret })
    }

    /// Whether the account's key moves no money.
    pub(super) fn is_test(&self) -> bool {
        self.secret.starts_with("sk_test_")
    }

    pub(super) async fn make_method(&self, key: Digest, card: &[(&str, &str)]) -> Result<String, CallError> {
        let form: Vec<_> = [("type", "card")].into_iter().chain(card.iter().copied()).collect();
        let named: Named = self.post("/v1/payment_methods", &format!("{key}-method"), &form).await?;
        Ok(named.id)
    }

    pub(super) async fn make_intent(&self, key: Digest, form: &[(&str, &str)]) -> Result<Intent, CallError> {
        self.post("/v1/payment_intents", &format!("{key}-intent"), form).await
    }

    /// Does something with an intent: `capture`, `cancel`.
    pub(super) async fn act(
        &self,
        key: Digest,
        id: &str,
        action: &str,
        form: &[(&str, &str)],
    ) -> Result<Intent, CallError> {
        self.post(&format!("/v1/payment_intents/{id}/{action}"), &format!("{key}-{action}"), form).await
    }

    pub(super) async fn refund(&self, key: Digest, intent: &str, minor: &str) -> Result<(), CallError> {
        let (key_name, key_text) = (format!("metadata[{METADATA_KEY}]"), key.to_string());
        let form = [("payment_intent", intent), ("amount", minor), (&key_name, &key_text)];
        self.post::<Named>("/v1/refunds", &format!("{key}-refund"), &form).await.map(drop)
    }

    pub(super) async fn intent(&self, id: &str) -> Result<Intent, CallError> {
        self.get(&format!("/v1/payment_intents/{id}"), &[]).await
    }

    /// The intent that carries our key, made since then.
    pub(super) async fn find_intent(&self, key: Digest, since: u64) -> Result<Option<Intent>, CallError> {
        let name = key.to_string();
        let ours = |intent: &Intent| intent.metadata.get(METADATA_KEY) == Some(&name);
        self.search("/v1/payment_intents", &[], since, ours).await
    }

    /// Whether an intent has the refund that carries our key.
    pub(super) async fn has_refund(&self, key: Digest, intent: &str) -> Result<bool, CallError> {
        let name = key.to_string();
        let ours = |refund: &Refund| refund.metadata.get(METADATA_KEY) == Some(&name);
        let found: Option<Refund> = self.search("/v1/refunds", &[("payment_intent", intent)], 0, ours).await?;
        Ok(found.is_some())
    }

    /// The intents in dispute, of the last hundred disputes.
    pub(super) async fn disputed(&self) -> Result<Vec<String>, CallError> {
        let page: Page<Dispute> = self.get("/v1/disputes", &[("limit", PAGE)]).await?;
        Ok(page.data.into_iter().filter_map(|dispute| dispute.payment_intent).collect())
    }

    /// Looks through a list, newest first as Stripe gives it, until what is older than `since`.
    async fn search<T: DeserializeOwned + Listed>(
        &self,
        path: &str,
        filter: &[(&str, &str)],
        since: u64,
        wanted: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, CallError> {
        let mut after: Option<String> = None;
        loop {
            let mut query = filter.to_vec();
            query.push(("limit", PAGE));
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page: Page<T> = self.get(path, &query).await?;
            let newest_first = page.data.first().map(T::created) >= page.data.last().map(T::created);
            let old = newest_first && page.data.last().is_some_and(|last| last.created() < since);
            after = page.data.last().map(|last| last.id().to_owned());
            if let Some(found) = page.data.into_iter().find(&wanted) {
                return Ok(Some(found));
            }
            if old || !page.has_more || after.is_none() {
                return Ok(None);
            }
        }
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, key: &str, form: &[(&str, &str)]) -> Result<T, CallError> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(format!("{}{path}", self.origin)).header("idempotency-key", key);
        self.send(request.header("content-type", "application/x-www-form-urlencoded").body(body)).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, CallError> {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
        self.send(self.http.get(format!("{}{path}?{query}", self.origin))).await
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CallError> {
        let answer = request.bearer_auth(self.secret.as_str()).send().await.map_err(lost)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(lost)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| {
                tracing::warn!(cause = %error, "stripe answered something else");
                CallError::Unknown
            });
        }
        let refusal = serde_json::from_slice::<Problem>(&body).map(|problem| problem.error).unwrap_or_default();
        tracing::info!(status = status.as_u16(), code = refusal.code, "stripe refused");
        Err(classify(status, refusal))
    }
}

/// The address may hold a name; the cause never holds a card.
fn lost(error: reqwest::Error) -> CallError {
    tracing::warn!(cause = %error.without_url(), "no answer from stripe");
    CallError::Unknown
}

/// What can be tried again is not a refusal: a request in flight (409), too many (429), a wrong key to the account (401, 403).
fn classify(status: StatusCode, refusal: Refusal) -> CallError {
    match status.as_u16() {
        401 | 403 | 409 | 429 | 500.. => CallError::Unknown,
        status => CallError::Refused(Refusal { status, ..refusal }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: u16, code: &str, decline: Option<&str>) -> Refusal {
        Refusal { status, code: Some(code.into()), decline_code: decline.map(Into::into) }
    }

    #[test]
    fn reasons_have_published_codes() {
        let cases = [
            (refusal(402, "card_declined", Some("insufficient_funds")), Code::FUNDS_INSUFFICIENT),
            (refusal(402, "card_declined", Some("lost_card")), Code::CARD_DECLINED),
            (refusal(402, "expired_card", None), Code::CARD_EXPIRED),
            (refusal(400, "invalid_expiry_year", None), Code::CARD_EXPIRED),
            (refusal(402, "incorrect_number", None), Code::CARD_NUMBER_INVALID),
            (refusal(400, "charge_expired_for_capture", None), Code::AUTHORISATION_EXPIRED),
            (refusal(400, "charge_already_captured", None), Code::AUTHORISATION_CLOSED),
            (refusal(404, "resource_missing", None), Code::AUTHORISATION_UNKNOWN),
            (Refusal { status: 402, ..Refusal::default() }, Code::CARD_DECLINED),
        ];
        for (refusal, code) in cases {
            assert_eq!(refusal.as_code(), code, "{refusal:?}");
        }
    }

    #[test]
    fn what_may_be_tried_again_is_no_refusal() {
        for status in [401, 403, 409, 429, 500, 502, 503] {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            assert_eq!(classify(status, Refusal::default()), CallError::Unknown, "{status}");
        }
        assert!(matches!(classify(StatusCode::BAD_REQUEST, Refusal::default()), CallError::Refused(_)));
    }
}
