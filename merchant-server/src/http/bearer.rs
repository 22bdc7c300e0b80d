//! Bearer tokens (RFC 6750), which are hashed before anything else sees them.

use std::future::{Ready, ready};

use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, dev};
use openssl::memcmp;
use openssl::sha::sha256;
use semper_shared::foundation::Code;

use super::Problem;

/// The SHA-256 of a token: what stores keep. Tokens are long random texts, so a plain hash is enough.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token.
    pub fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }

    /// The bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it equals a stored hash; takes the same time wherever they differ.
    pub fn matches(&self, stored: &[u8]) -> bool {
        stored.len() == self.0.len() && memcmp::eq(stored, &self.0)
    }
}

/// The token of a request. Problem: `token-invalid` where there is none.
pub struct Bearer(pub TokenHash);

impl FromRequest for Bearer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let token =
            request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(|value| {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
            });
        ready(match token {
            Some(token) if !token.is_empty() => Ok(Self(TokenHash::of(token))),
            _ => Err(Problem::new(Code::TOKEN_INVALID)),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use actix_web::test::TestRequest;

    #[actix_web::test]
    async fn only_a_bearer_token_counts() {
        for (header, expect) in
            [("Bearer abc", true), ("bearer abc", true), ("Basic abc", false), ("Bearer ", false), ("abc", false)]
        {
            let request = TestRequest::get().insert_header(("authorization", header)).to_http_request();
            let bearer = Bearer::extract(&request).await;
            assert_eq!(
                bearer.is_ok_and(|bearer| bearer.0.matches(TokenHash::of("abc").as_bytes())),
                expect,
                "{header}"
            );
        }
        assert!(!TokenHash::of("abc").matches(&[]));
    }
}
