//! A proxy that stands where a party should, and writes everything down.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::capture::Exchange;
use super::http;
use crate::Outcome;

/// What all proxies write into.
#[derive(Clone)]
pub(super) struct Recorder(Arc<Inner>);

struct Inner {
    began: Instant,
    connections: AtomicU64,
    exchanges: Mutex<Vec<Exchange>>,
}

impl Recorder {
    pub(super) fn new() -> Self {
        Self(Arc::new(Inner { began: Instant::now(), connections: AtomicU64::new(0), exchanges: Mutex::default() }))
    }

    /// What was written since the last time.
    pub(super) fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self, exchange: Exchange) {
        self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner).push(exchange);
    }
}

/// Passes on what comes to `port` to the party behind it. Both families, since `localhost` may be either.
pub(super) async fn start(recorder: &Recorder, party: &'static str, port: u16, behind: u16) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let recorder = recorder.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (recorder, number) = (recorder.clone(), recorder.0.connections.fetch_add(1, Ordering::SeqCst));
            tokio::spawn(async move {
                // A connection that breaks off is the end of it.
                let _broken = pass_on(&recorder, party, number, client, behind).await;
            });
        }
    });
    Ok(())
}

async fn pass_on(
    recorder: &Recorder,
    party: &'static str,
    connection: u64,
    client: TcpStream,
    behind: u16,
) -> std::io::Result<()> {
    let server = TcpStream::connect(("127.0.0.1", behind)).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let ((from_client, mut to_client), (from_server, mut to_server)) = (client.into_split(), server.into_split());
    let (mut from_client, mut from_server) = (BufReader::new(from_client), BufReader::new(from_server));
    while let Some(request) = http::read(&mut from_client, false).await? {
        let began = Instant::now();
        to_server.write_all(&request.raw).await?;
        let Some(response) = http::read(&mut from_server, request.head.starts_with("HEAD ")).await? else {
            return Ok(());
        };
        recorder.write(Exchange {
            party,
            connection,
            at: began - recorder.0.began,
            took: began.elapsed(),
            request_head: request.head,
            request: request.body,
            response_head: response.head,
            response: response.body,
        });
        to_client.write_all(&response.raw).await?;
    }
    Ok(())
}
