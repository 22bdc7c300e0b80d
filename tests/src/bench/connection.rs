//! Connections that send requests as they were prepared, and read no more of an answer than they must: the load generator
//! shares the machine with what it measures.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Outcome;

/// The largest head of an answer.
const LONGEST_HEAD: usize = 16 * 1024;

/// A POST of JSON, ready to be sent.
pub(super) fn post(path: &str, body: &[u8], token: Option<&str>) -> Vec<u8> {
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{token}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Connections to the replicas of a party, which take turns. Each is used for one request after the other.
#[derive(Default)]
pub(super) struct Door {
    ports: Vec<u16>,
    opened: AtomicUsize,
    idle: Mutex<Vec<Connection>>,
}

impl Door {
    pub(super) fn to(ports: &[u16]) -> Self {
        Self { ports: ports.to_vec(), ..Self::default() }
    }

    /// Sends a request and takes the answer's body, which must be a good one.
    pub(super) async fn ask(&self, request: &[u8]) -> Outcome<Vec<u8>> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => Connection::open(self.next_port()?).await?,
        };
        let (status, body) = connection.exchange(request).await?;
        if !(200..300).contains(&status) {
            return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into());
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(body)
    }

    fn next_port(&self) -> Outcome<u16> {
        let turn = self.opened.fetch_add(1, Ordering::Relaxed);
        self.ports.get(turn % self.ports.len().max(1)).copied().ok_or_else(|| "there is no replica".into())
    }
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(LONGEST_HEAD) })
    }

    async fn exchange(&mut self, request: &[u8]) -> Outcome<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("a server closed the connection".into());
            }
            let Some(head) = Head::read(&self.buffer)? else { continue };
            while self.buffer.len() < head.length + head.content_length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err("a server closed the connection".into());
                }
            }
            return Ok((head.status, self.buffer.split_off(head.length)));
        }
    }
}

/// What must be known of an answer's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    content_length: usize,
}

impl Head {
    /// `None` where it has not come as a whole.
    fn read(bytes: &[u8]) -> Outcome<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if bytes.len() < LONGEST_HEAD { Ok(None) } else { Err("an answer's head has no end".into()) };
        };
        let text = std::str::from_utf8(&bytes[..end])?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or("an answer without a status")?;
        let content_length = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .ok_or("an answer without a length")?;
        let head = Self { status: status.parse()?, length: end + 4, content_length: content_length.1.trim().parse()? };
        Ok(Some(head))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_answers_head_is_read_once_it_is_there() {
        let head = b"HTTP/1.1 409 Conflict\r\nserver: x\r\nContent-Length: 12\r\n\r\n{\"code\":\"x\"}";
        for cut in 0..head.len() - 12 {
            assert_eq!(Head::read(&head[..cut]).unwrap(), None, "{cut}");
        }
        let length = head.len() - 12;
        assert_eq!(Head::read(head).unwrap(), Some(Head { status: 409, length, content_length: 12 }));
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err(), "an answer of unknown length would never end");
    }

    #[test]
    fn a_request_says_how_long_it_is() {
        let request = post("/deals", b"{}", Some("secret"));
        let text = String::from_utf8(request).unwrap();
        assert!(
            text.starts_with("POST /deals HTTP/1.1\r\n") && text.ends_with("content-length: 2\r\n\r\n{}"),
            "{text}"
        );
        assert!(text.contains("\r\nauthorization: Bearer secret\r\n"));
    }
}
