//! Requests over HTTP.

use std::time::Duration;

use reqwest::{Client, Method, redirect};

use crate::core::ports::{Http, HttpError, HttpRequest, HttpResponse, MAX_ANSWER_LEN};

const CONNECT: Duration = Duration::from_secs(10);
const WHOLE: Duration = Duration::from_secs(45);

/// An HTTP client; clones share its connections.
#[derive(Debug, Clone)]
pub struct NativeHttp(Client);

impl NativeHttp {
    /// A client that follows no redirection: what is asked of one party is not another's to answer.
    ///
    /// # Errors
    /// Where the system has no TLS.
    pub fn new() -> Result<Self, String> {
        let client = Client::builder()
            .connect_timeout(CONNECT)
            .redirect(redirect::Policy::none())
            .user_agent(concat!("semper-wallet/", env!("CARGO_PKG_VERSION")))
            .build();
        client.map(Self).map_err(|error| error.to_string())
    }

    pub(super) const fn client(&self) -> &Client {
        &self.0
    }
}

impl Http for NativeHttp {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| HttpError::Unreachable)?;
        let mut builder = self.0.request(method, &request.url).timeout(WHOLE);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let mut response = builder.send().await.map_err(|error| failure(&error))?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER_LEN {
                return Err(HttpError::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(HttpResponse { status, headers, body })
    }
}

fn failure(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() { HttpError::TimedOut } else { HttpError::Unreachable }
}
