//! Problem details (RFC 9457): the one shape in which this server says that something went wrong.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use semper_shared::foundation::{Code, Coded};
use serde::Serialize;
use serde_json::{Map, Value};

/// An error as the client sees it: a stable [`Code`], and words that say what to do next, never an internal cause.
///
/// ```
/// use semper_server::http::Problem;
/// use semper_shared::foundation::Code;
///
/// let problem = Problem::new(Code::COIN_ALREADY_SPENT).extra("coin", "kTh0…");
/// assert_eq!(problem.code(), Code::COIN_ALREADY_SPENT);
/// assert_eq!(problem.status().as_u16(), 409);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone, PartialEq)]
struct Inner {
    code: Code,
    detail: Option<Cow<'static, str>>,
    retry_after_s: Option<u32>,
    extra: Map<String, Value>,
}

/// The members every problem has, as they stand in the API's description. Some codes add members of their own.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    /// `urn:semper:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:semper:problem:account-unknown")]
    pub kind: String,
    /// The code in words.
    #[schema(example = "Account unknown")]
    pub title: String,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// Stable and meant for programs.
    #[schema(example = "account-unknown")]
    pub code: String,
    /// What to do next.
    #[schema(example = "Check the account's name.")]
    pub detail: String,
}

impl Problem {
    /// The problem that `code` names, with the status and the advice of the published table.
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner { code, detail: None, retry_after_s: None, extra: Map::new() }))
    }

    /// 400 `request-invalid`, with what is wrong with the request.
    pub fn request_invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::REQUEST_INVALID).detail(detail)
    }

    /// 409 `in-progress`: the same request is still being worked on.
    pub fn in_progress() -> Self {
        Self::new(Code::IN_PROGRESS).retry_after(1)
    }

    /// 500 `internal`: our own fault. The cause goes to the log; the client learns that there was one.
    pub fn internal(cause: impl fmt::Display) -> Self {
        tracing::error!(cause = %cause, "request failed");
        Self::new(Code::INTERNAL)
    }

    /// 503 `busy`: more work is waiting than is accepted. Nothing was done.
    pub fn busy() -> Self {
        Self::new(Code::BUSY).retry_after(1)
    }

    /// 503 `outcome-unknown`: the request may have had its effect. Repeating the identical request is safe.
    pub fn outcome_unknown() -> Self {
        Self::new(Code::OUTCOME_UNKNOWN).retry_after(1)
    }

    /// Says what is special about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a member of this code's own. A value that cannot be written as JSON is left out.
    #[must_use]
    pub fn extra(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.extra.insert(name.to_owned(), value);
        }
        self
    }

    /// Says after how many seconds to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds);
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem as a JSON object.
    pub fn to_json(&self) -> Value {
        let Inner { code, detail, extra, .. } = &*self.0;
        let mut object = extra.clone();
        object.insert("type".into(), format!("urn:semper:problem:{code}").into());
        object.insert("title".into(), title(*code).into());
        object.insert("status".into(), code.status().into());
        object.insert("code".into(), code.as_str().into());
        object.insert("detail".into(), detail.as_deref().unwrap_or(code.advice()).into());
        Value::Object(object)
    }
}

/// `coin-already-spent` as `Coin already spent`.
fn title(code: Code) -> String {
    let mut title = code.as_str().replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

impl<E: Coded> From<E> for Problem {
    /// A refusal of the protocol crate, under its code.
    fn from(error: E) -> Self {
        Self::new(error.code())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code, self.0.detail.as_deref().unwrap_or(self.0.code.advice()))
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        response
            .content_type("application/problem+json")
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"));
        if self.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((header::RETRY_AFTER, HeaderValue::from(seconds)));
        }
        response.body(self.to_json().to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn is_written_as_rfc_9457_says() {
        let problem = Problem::busy().extra("waiting", 3);
        let response = problem.error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "1");
        assert_eq!(response.headers().get("content-type").unwrap(), "application/problem+json");
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
        assert_eq!(body["type"], "urn:semper:problem:busy");
        assert_eq!(body["status"], 503);
        assert_eq!(body["code"], "busy");
        assert_eq!(body["title"], "Busy");
        assert_eq!(body["waiting"], 3);
    }

    #[test]
    fn a_code_s_own_member_cannot_overwrite_the_standard_ones() {
        let problem = Problem::new(Code::JSON_MALFORMED).extra("code", "other");
        assert_eq!(problem.to_json()["code"], "json-malformed");
    }

    #[test]
    fn an_internal_cause_stays_inside() {
        let problem = Problem::internal("disk /var/lib/secret is full");
        assert!(!problem.to_json().to_string().contains("secret"));
    }
}
