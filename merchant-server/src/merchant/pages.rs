//! Answers that are made once: offers, goods, covers. Each has an entity tag, so that who has it already is told so.

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};

use super::offers::Page;
use super::store::Picture;

/// Whether a list of entity tags has this one (weak comparison, RFC 9110 section 8.8.3.2).
pub(super) fn matches(request: &HttpRequest, name: HeaderName, tag: &str) -> bool {
    let lists = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|other| other == "*" || other.trim_start_matches("W/") == tag)
}

/// A page that may change at any time.
pub(super) fn serve(request: &HttpRequest, page: &Page, media_type: &'static str) -> HttpResponse {
    let fresh = matches(request, header::IF_NONE_MATCH, &page.tag);
    let mut answer = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((header::ETAG, page.tag.as_str())).insert_header((header::CACHE_CONTROL, "public, no-cache"));
    if fresh { answer.finish() } else { answer.content_type(media_type).body(page.body.clone()) }
}

/// A cover. An SVG is a document of its own, which may draw and nothing else.
pub(super) fn picture(request: &HttpRequest, picture: Picture) -> HttpResponse {
    let tag = format!("\"{}\"", picture.digest);
    let fresh = matches(request, header::IF_NONE_MATCH, &tag);
    let mut answer = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // A cover's address carries a part of its hash, so another cover has another address.
    let versioned = request.query_string().starts_with("v=");
    let cache = if versioned { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    answer.insert_header((header::ETAG, tag)).insert_header((header::CACHE_CONTROL, cache)).insert_header((
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'",
    ));
    if fresh { answer.finish() } else { answer.content_type(picture.media_type).body(picture.bytes) }
}
