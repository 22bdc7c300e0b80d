//! As much of HTTP/1.1 as a recording proxy needs.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};

/// A message, as it came.
pub(super) struct Message {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
    /// The bytes to be passed on.
    pub(super) raw: Vec<u8>,
}

/// Reads a message; none where the other side has gone. An answer to HEAD has no body.
pub(super) async fn read<R: AsyncRead + Unpin>(from: &mut BufReader<R>, bodiless: bool) -> io::Result<Option<Message>> {
    let mut raw = Vec::new();
    loop {
        let before = raw.len();
        if from.read_until(b'\n', &mut raw).await? == 0 {
            return Ok(None);
        }
        if raw.len() - before <= 2 && before > 0 {
            break;
        }
    }
    let head = String::from_utf8_lossy(&raw).into_owned();
    let mut body = Vec::new();
    let field = |name: &str| {
        head.lines().find_map(|line| line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case(name)))
    };
    if bodiless || head.starts_with("HTTP/1.1 204") || head.starts_with("HTTP/1.1 304") {
        return Ok(Some(Message { head, body, raw }));
    }
    if let Some((_, length)) = field("content-length") {
        body.resize(length.trim().parse().map_err(io::Error::other)?, 0);
        from.read_exact(&mut body).await?;
        raw.extend_from_slice(&body);
    } else if field("transfer-encoding").is_some() {
        loop {
            let mut line = Vec::new();
            from.read_until(b'\n', &mut line).await?;
            let text = String::from_utf8_lossy(&line);
            let length = usize::from_str_radix(text.trim(), 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; length + 2];
            from.read_exact(&mut chunk).await?;
            raw.extend_from_slice(&line);
            raw.extend_from_slice(&chunk);
            body.extend_from_slice(&chunk[..length]);
            if length == 0 {
                break;
            }
        }
    }
    Ok(Some(Message { head, body, raw }))
}
