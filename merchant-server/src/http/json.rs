//! Strict JSON bodies: bounded in size and time, no duplicate keys, every failure a [`Problem`] with a stable code.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{FromRequest, HttpRequest, dev};
use futures_util::StreamExt as _;
use futures_util::future::LocalBoxFuture;
use semper_shared::foundation::{Code, json};
use serde::de::DeserializeOwned;

use super::Problem;

/// The largest body accepted, in bytes. The server sets a default; [`super::Endpoint::limit`] sets one for a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl BodyLimit {
    /// What a server accepts unless it is told otherwise: 256 KiB.
    pub const DEFAULT: Self = Self(256 * 1024);
}

/// How long a client may take to send a body that was announced.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A request body: `application/json`, strictly read into `T`.
///
/// Problems: `request-invalid` (another media type, or cut off), `body-too-large`, `timed-out`, and `json-malformed`, also
/// for duplicate keys and for members that do not fit `T`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().map_or(BodyLimit::DEFAULT.0, |limit| limit.0);
        let checked = check_headers(request, limit, "application/json");
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let body = tokio::time::timeout(BODY_TIMEOUT, collect(payload, limit)).await.map_err(|_| timeout())??;
            parse(&body).map(Json)
        })
    }
}

/// A request body that is a file: `application/xml`, bounded as JSON is, not read yet.
///
/// Problems: `request-invalid` (another media type, or cut off), `body-too-large`, `timed-out`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Xml(pub Bytes);

impl FromRequest for Xml {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().map_or(BodyLimit::DEFAULT.0, |limit| limit.0);
        let checked = check_headers(request, limit, "application/xml");
        let payload = payload.take();
        Box::pin(async move {
            checked?;
            let body = tokio::time::timeout(BODY_TIMEOUT, collect(payload, limit)).await.map_err(|_| timeout())??;
            Ok(Self(body))
        })
    }
}

/// Reads strict JSON: the whole input, without duplicate keys.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    json::from_slice(body).map_err(|error| Problem::new(Code::JSON_MALFORMED).detail(error.detail()))
}

fn check_headers(request: &HttpRequest, limit: usize, expected: &str) -> Result<(), Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = media_type.split(';').next().unwrap_or("").trim();
    if !essence.eq_ignore_ascii_case(expected) {
        return Err(Problem::request_invalid(format!("Send a body of type {expected}.")));
    }
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    match announced {
        Some(length) if length > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

/// Takes the body in; one that comes in a single piece is not copied.
async fn collect(mut payload: dev::Payload, limit: usize) -> Result<Bytes, Problem> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::request_invalid("The body ended before it was complete."))?;
        if first.len() + rest.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        if first.is_empty() {
            first = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    let mut whole = BytesMut::with_capacity(first.len() + rest.len());
    whole.extend_from_slice(&first);
    whole.extend_from_slice(&rest);
    Ok(whole.freeze())
}

fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BODY_TOO_LARGE).extra("limit_bytes", limit)
}

fn timeout() -> Problem {
    Problem::new(Code::TIMED_OUT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename = "closed Pair", deny_unknown_fields)]
    struct Pair {
        left: u32,
        right: u32,
    }

    async fn read(request: TestRequest) -> Result<Pair, Problem> {
        let (request, mut payload) = request.to_http_parts();
        Json::<Pair>::from_request(&request, &mut payload).await.map(|json| json.0)
    }

    fn post(body: &'static str) -> TestRequest {
        TestRequest::post().insert_header(("content-type", "application/json")).set_payload(body)
    }

    #[actix_web::test]
    async fn reads_what_fits_and_names_what_does_not() {
        assert_eq!(read(post(r#"{"left":1,"right":2}"#)).await.unwrap(), Pair { left: 1, right: 2 });
        for broken in [
            "",
            "{",
            r#"{"left":1}"#,
            r#"{"left":1,"right":2} 3"#,
            r#"{"left":1,"left":1,"right":2}"#,
            r#"{"left":1,"right":2,"x":3}"#,
        ] {
            assert_eq!(read(post(broken)).await.unwrap_err().code(), Code::JSON_MALFORMED, "{broken}");
        }
    }

    #[actix_web::test]
    async fn refuses_other_media_types_and_large_bodies() {
        let plain = TestRequest::post().insert_header(("content-type", "text/plain")).set_payload("{}");
        assert_eq!(read(plain).await.unwrap_err().code(), Code::REQUEST_INVALID);
        let announced = post("{}").insert_header(("content-length", "300000"));
        assert_eq!(read(announced).await.unwrap_err().status(), 413);
        let sent = post(r#"{"left":1,"right":2}"#).app_data(BodyLimit(8));
        assert_eq!(read(sent).await.unwrap_err().code(), Code::BODY_TOO_LARGE);
    }
}
