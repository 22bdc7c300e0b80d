//! Asking other parties: one request at a time, asked again while its outcome is open.
//!
//! Every request of the protocol is safe to repeat, so a lost answer, a busy server and a time-out are all met alike:
//! wait a little longer each time, then ask the same again. What stays open after that is reported as such, never as a
//! refusal.

use semper_shared::foundation::{Amount, Code, json};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ports::{Clock, Http, HttpError, HttpRequest, HttpResponse, Ports};
use super::{Said, WalletError};

const ATTEMPTS: u32 = 6;
const FIRST_PAUSE_MS: u32 = 150;
const LONGEST_PAUSE_MS: u32 = 4_000;

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// The stable code, where it is one that this wallet knows.
    pub code: Option<Code>,
    /// What happened, in words.
    pub detail: String,
    /// The whole document.
    pub members: Value,
}

/// A line of a merchant's catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogueEntry {
    /// The merchant's name for the good.
    pub id: String,
    /// What it is.
    pub title: String,
    /// What it costs.
    pub total: Amount,
    /// Where the offer lies.
    pub url: String,
}

/// An answer that is not an error, or the problem that it is.
pub(super) enum Reply {
    Good(Vec<u8>),
    Problem(u16, Problem),
}

/// Scheme, host and port of an address of the web.
pub fn origin_of(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    if !matches!(scheme, "http" | "https") {
        return None;
    }
    let host_len = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = &rest[..host_len];
    let plain =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']'));
    plain.then(|| &url[..scheme.len() + 3 + host_len])
}

/// The host and port of an address, to be named to people.
pub(super) fn host_of(url: &str) -> String {
    origin_of(url).and_then(|origin| origin.split_once("://")).map_or(url, |(_, host)| host).to_owned()
}

pub(super) fn peer(url: &str, what: impl Into<String>) -> WalletError {
    WalletError::Peer(Box::new(Said { host: host_of(url), what: what.into() }))
}

pub(super) fn get(url: impl Into<String>) -> HttpRequest {
    HttpRequest { method: "GET", url: url.into(), headers: Vec::new(), body: None }
}

pub(super) fn post(url: impl Into<String>, body: &impl Serialize) -> Result<HttpRequest, WalletError> {
    let url = url.into();
    let body = serde_json::to_vec(body).map_err(|_| WalletError::Damaged("a request cannot be written"))?;
    Ok(HttpRequest {
        method: "POST",
        url,
        headers: vec![("content-type", "application/json".to_owned())],
        body: Some(body),
    })
}

/// Asks until there is an answer that says something.
///
/// # Errors
/// [`WalletError::Network`] and [`WalletError::Unfinished`] where there is none after some time.
pub(super) async fn ask<P: Ports>(ports: &P, request: &HttpRequest) -> Result<Reply, WalletError> {
    let mut pause_ms = FIRST_PAUSE_MS;
    let mut attempt = 1;
    loop {
        let (open, wait_ms) = match ports.http().send(request).await {
            Ok(response) => match reply(response) {
                Outcome::Said(reply) => return Ok(reply),
                Outcome::Open { code, wait_ms } => (open_outcome(request, code), wait_ms),
            },
            Err(HttpError::TooLong) => return Err(peer(&request.url, "the answer is too long")),
            Err(HttpError::Unreachable | HttpError::TimedOut) => (open_outcome(request, None), 0),
        };
        if attempt == ATTEMPTS {
            return Err(open);
        }
        attempt += 1;
        ports.clock().sleep(pause_ms.max(wait_ms).min(LONGEST_PAUSE_MS)).await;
        pause_ms = pause_ms.saturating_mul(2);
    }
}

fn open_outcome(request: &HttpRequest, code: Option<Code>) -> WalletError {
    let host = host_of(&request.url);
    match code {
        Some(code) => WalletError::Unfinished { host, code },
        None => WalletError::Network { host },
    }
}

enum Outcome {
    Said(Reply),
    Open { code: Option<Code>, wait_ms: u32 },
}

fn reply(response: HttpResponse) -> Outcome {
    if (200..300).contains(&response.status) {
        return Outcome::Said(Reply::Good(response.body));
    }
    let members = json::from_slice::<Value>(&response.body).unwrap_or_default();
    let code = members.get("code").and_then(Value::as_str).and_then(Code::find);
    if matches!(response.status, 408 | 425 | 429 | 500..=599) && !is_verdict(code) || code == Some(Code::IN_PROGRESS) {
        let seconds = response.headers.iter().find(|(name, _)| name == "retry-after");
        let seconds = seconds.and_then(|(_, value)| value.trim().parse::<u32>().ok()).unwrap_or(0);
        return Outcome::Open { code, wait_ms: seconds.saturating_mul(1_000) };
    }
    let detail = members.get("detail").or_else(|| members.get("title")).and_then(Value::as_str);
    let detail: String = detail.unwrap_or("without saying why").chars().take(300).filter(|c| !c.is_control()).collect();
    Outcome::Said(Reply::Problem(response.status, Problem { code, detail, members }))
}

/// Codes that travel with a status of 500 and above and are final all the same.
fn is_verdict(code: Option<Code>) -> bool {
    matches!(code, Some(Code::RECEIPT_INVALID | Code::DELIVERY_INVALID | Code::CONTENT_INVALID | Code::PEER_INVALID))
}

/// Asks, and takes any problem for a refusal.
pub(super) async fn ask_bytes<P: Ports>(ports: &P, request: &HttpRequest) -> Result<Vec<u8>, WalletError> {
    match ask(ports, request).await? {
        Reply::Good(body) => Ok(body),
        Reply::Problem(_, problem) => Err(refused(&request.url, problem)),
    }
}

/// Asks for JSON.
pub(super) async fn ask_json<P: Ports, T: DeserializeOwned>(
    ports: &P,
    request: &HttpRequest,
) -> Result<T, WalletError> {
    let body = ask_bytes(ports, request).await?;
    read_json(&request.url, &body)
}

/// Asks for JSON that may not exist: none where the answer is this code.
pub(super) async fn ask_known<P: Ports, T: DeserializeOwned>(
    ports: &P,
    request: &HttpRequest,
    unknown: Code,
) -> Result<Option<T>, WalletError> {
    match ask(ports, request).await? {
        Reply::Good(body) => read_json(&request.url, &body).map(Some),
        Reply::Problem(_, problem) if problem.code == Some(unknown) => Ok(None),
        Reply::Problem(_, problem) => Err(refused(&request.url, problem)),
    }
}

/// Asks for a statement in its compact form.
pub(super) async fn ask_text<P: Ports>(ports: &P, url: &str) -> Result<String, WalletError> {
    let body = ask_bytes(ports, &get(url)).await?;
    let text = String::from_utf8(body).map_err(|_| peer(url, "the answer is not text"))?;
    Ok(text.trim().to_owned())
}

pub(super) fn read_json<T: DeserializeOwned>(url: &str, body: &[u8]) -> Result<T, WalletError> {
    json::from_slice(body).map_err(|error| peer(url, error.detail()))
}

pub(super) fn refused(url: &str, problem: Problem) -> WalletError {
    match problem.code {
        Some(code) => WalletError::refused(code, host_of(url), problem.detail),
        None => peer(url, problem.detail),
    }
}

/// `base/path`, whether or not the base ends with a slash.
pub(super) fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_strictly() {
        for (url, origin) in [
            ("https://shop.example/offers/1?x#y", Some("https://shop.example")),
            ("http://localhost:8480", Some("http://localhost:8480")),
            ("http://[::1]:8480/a", Some("http://[::1]:8480")),
            ("https://shop.example#https://other", Some("https://shop.example")),
            ("https://user@shop.example/", None),
            ("https:///offers", None),
            ("ftp://shop.example", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(origin_of(url), origin, "{url}");
        }
    }

    #[test]
    fn what_is_open_is_never_a_refusal() {
        let response = |status, body: &str| HttpResponse { status, headers: Vec::new(), body: body.into() };
        for (status, body) in [
            (503, ""),
            (502, "<html>"),
            (429, r#"{"code":"rate-limited"}"#),
            (409, r#"{"code":"in-progress"}"#),
            (500, r#"{"code":"internal"}"#),
        ] {
            assert!(matches!(reply(response(status, body)), Outcome::Open { .. }), "{status} {body}");
        }
        for (status, body) in
            [(404, ""), (409, r#"{"code":"coin-already-spent"}"#), (502, r#"{"code":"peer-invalid"}"#)]
        {
            assert!(matches!(reply(response(status, body)), Outcome::Said(Reply::Problem(..))), "{status} {body}");
        }
    }
}
