//! Serving contents: encrypted, so public and cacheable for ever, and resumable at any byte (RFC 9110 section 14).

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use actix_web::body::SizedStream;
use actix_web::http::{Method, header};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use futures_util::stream;
use semper_shared::foundation::{Code, Digest};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::pages::matches;
use crate::http::Problem;

/// How much is read at a time.
const CHUNK: usize = 128 * 1024;

/// The folder of the encrypted streams, each under its own hash.
#[derive(Debug, Clone)]
pub(super) struct Contents(PathBuf);

impl Contents {
    pub(super) fn new(data: &Path) -> Self {
        Self(data.join("content"))
    }

    /// Answers a request for a stream or a range of it.
    pub(super) async fn serve(&self, request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
        let not_found = || Problem::new(Code::NOT_FOUND);
        // Whatever parses as a digest is a harmless file name.
        let digest: Digest = name.parse().map_err(|_| not_found())?;
        let mut file = match File::open(self.0.join(digest.to_string())).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(not_found()),
            Err(error) => return Err(Problem::internal(error)),
        };
        let length = file.metadata().await.map_err(Problem::internal)?.len();
        let tag = format!("\"{digest}\"");
        if matches(request, header::IF_NONE_MATCH, &tag) {
            return Ok(headers(HttpResponse::NotModified(), &tag).finish());
        }
        let asked = text(request, &header::RANGE).filter(|_| range_holds(request, &tag));
        let (answer, range) = match asked.map_or(Asked::Everything, |asked| parse(asked, length)) {
            Asked::Everything => (HttpResponse::Ok(), 0..length),
            Asked::Part(range) => {
                let mut answer = HttpResponse::PartialContent();
                let last = range.end.saturating_sub(1);
                answer.insert_header((header::CONTENT_RANGE, format!("bytes {}-{last}/{length}", range.start)));
                (answer, range)
            }
            Asked::Nothing => return Ok(unsatisfiable(length)),
        };
        let mut answer = headers(answer, &tag);
        let size = range.end - range.start;
        if request.method() == Method::HEAD {
            return Ok(answer.body(SizedStream::new(size, stream::empty::<Result<Bytes, io::Error>>())));
        }
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).await.map_err(Problem::internal)?;
        }
        Ok(answer.body(SizedStream::new(size, chunks(file, size))))
    }
}

fn headers(mut answer: actix_web::HttpResponseBuilder, tag: &str) -> actix_web::HttpResponseBuilder {
    answer
        .content_type("application/octet-stream")
        .insert_header((header::ETAG, tag))
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable, no-transform"));
    answer
}

/// 416 says how long the whole is, so that the next request can be right.
fn unsatisfiable(length: u64) -> HttpResponse {
    let mut answer = Problem::request_invalid("The range lies behind the end of the content.").error_response();
    *answer.status_mut() = actix_web::http::StatusCode::RANGE_NOT_SATISFIABLE;
    if let Ok(range) = header::HeaderValue::from_str(&format!("bytes */{length}")) {
        answer.headers_mut().insert(header::CONTENT_RANGE, range);
    }
    answer
}

/// Reads `size` bytes from where the file stands, a chunk in memory at a time.
fn chunks(file: File, size: u64) -> impl futures_util::Stream<Item = Result<Bytes, io::Error>> {
    stream::unfold((file, size), |(mut file, left)| async move {
        if left == 0 {
            return None;
        }
        let want = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut buffer = Vec::with_capacity(want);
        let read = (&mut file).take(want as u64).read_to_end(&mut buffer).await;
        match read {
            Ok(0) => Some((Err(io::ErrorKind::UnexpectedEof.into()), (file, 0))),
            Ok(read) => Some((Ok(Bytes::from(buffer)), (file, left.saturating_sub(read as u64)))),
            Err(error) => Some((Err(error), (file, 0))),
        }
    })
}

fn text<'a>(request: &'a HttpRequest, name: &header::HeaderName) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// Whether If-Range lets a range stand: only our own strong tag does, since a content never changes.
fn range_holds(request: &HttpRequest, tag: &str) -> bool {
    !request.headers().contains_key(header::IF_RANGE) || text(request, &header::IF_RANGE) == Some(tag)
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// No range, or one that is to be ignored: malformed, in other units, or several at once.
    Everything,
    Part(Range<u64>),
    Nothing,
}

/// Reads a Range header for a content of `length` bytes.
fn parse(header: &str, length: u64) -> Asked {
    let spec = header.split_once('=').filter(|(unit, _)| unit.trim().eq_ignore_ascii_case("bytes"));
    let Some((first, last)) = spec.and_then(|(_, spec)| spec.trim().split_once('-')) else { return Asked::Everything };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More than fits lies behind any end.
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    match (first, last) {
        ("", last) => match number(last) {
            None => Asked::Everything,
            Some(0) => Asked::Nothing,
            Some(_) if length == 0 => Asked::Nothing,
            Some(count) => Asked::Part(length.saturating_sub(count)..length),
        },
        (first, last) => {
            let Some(first) = number(first) else { return Asked::Everything };
            let last = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match last {
                Some(last) if last < first => Asked::Everything,
                Some(_) if first >= length => Asked::Nothing,
                Some(last) => Asked::Part(first..last.saturating_add(1).min(length)),
                None => Asked::Everything,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let cases = [
            ("bytes=0-4", Asked::Part(0..5)),
            ("bytes=5-", Asked::Part(5..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=9-99999999999999999999999", Asked::Part(9..10)),
            ("Bytes=0-0", Asked::Part(0..1)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=99999999999999999999999-", Asked::Nothing),
            ("bytes=4-3", Asked::Everything),
            ("bytes=0-1,3-4", Asked::Everything),
            ("bytes=+1-2", Asked::Everything),
            ("bytes=-", Asked::Everything),
            ("bytes", Asked::Everything),
            ("records=0-1", Asked::Everything),
            ("", Asked::Everything),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header, 10), expected, "{header}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Nothing);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_content(header in "bytes=[0-9]{0,20}-[0-9]{0,20}", length: u64) {
            if let Asked::Part(range) = parse(&header, length) {
                prop_assert!(range.start < range.end && range.end <= length);
            }
        }
    }
}
