//! Asking other parties: bounded in time and size.

use std::cell::OnceCell;
use std::time::Duration;

use semper_shared::items::payment::{Answer, Request};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 512 * 1024;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(2);

/// How long a request may take in all; below the time that a wallet's own request is given.
const TOTAL: Duration = Duration::from_secs(10);

/// Asks other parties over connections that are kept open.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    client: reqwest::Client,
}

/// There is no answer: whether the request arrived is not known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unanswered(String);

impl From<reqwest::Error> for Unanswered {
    fn from(error: reqwest::Error) -> Self {
        // An address may name a coin or a deal, so it stays out of logs.
        Self(error.without_url().to_string())
    }
}

thread_local! {
    /// A client of each thread's own: what is asked is not handed over to another thread, on which the connection was made.
    static OWN: OnceCell<reqwest::Client> = const { OnceCell::new() };
}

impl Asker {
    pub(super) fn new() -> Result<Self, Unanswered> {
        Ok(Self { client: client()? })
    }

    fn own(&self) -> reqwest::Client {
        OWN.with(|own| own.get_or_init(|| client().unwrap_or_else(|_| self.client.clone())).clone())
    }

    /// GET.
    pub(super) async fn get(&self, url: &str) -> Result<Answer, Unanswered> {
        read(self.own().get(url).send().await?).await
    }

    /// POST of JSON.
    pub(super) async fn post(&self, request: &Request) -> Result<Answer, Unanswered> {
        read(self.own().post(&request.url).json(&request.body).send().await?).await
    }
}

fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .timeout(TOTAL)
        .pool_idle_timeout(Duration::from_secs(60))
        .pool_max_idle_per_host(64)
        .tcp_nodelay(true)
        .http1_only()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("semper-merchant/", env!("CARGO_PKG_VERSION")))
        .build()
}

async fn read(mut response: reqwest::Response) -> Result<Answer, Unanswered> {
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(Unanswered("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, body })
}
