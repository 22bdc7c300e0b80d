//! A set of static files with their headers.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use semper_shared::foundation::{Code, Digest, base64};
use serde::Serialize;

use super::assets::{AssetsError, media_type};
use crate::http::{Endpoint, Problem};

/// Good, and quick enough to be done at every start.
const BROTLI_QUALITY: u32 = 7;

/// Files by address, and the policy under which browsers run them.
#[derive(Debug)]
pub struct Site {
    files: HashMap<String, File>,
    /// Prefixes under which every address shows one page.
    pages: Vec<(&'static str, &'static str)>,
    links: HashMap<&'static str, &'static str>,
    /// Prefixes of what browsers also read on behalf of other sites.
    shared: Vec<&'static str>,
    policy: HeaderValue,
}

#[derive(Debug, Clone)]
struct File {
    media_type: &'static str,
    etag: HeaderValue,
    plain: Bytes,
    brotli: Option<Bytes>,
}

impl Site {
    /// An empty site with this Content-Security-Policy. It goes out with every file, since workers run under the policy of
    /// their own script.
    pub(super) fn new(policy: &str) -> Self {
        Self {
            files: HashMap::new(),
            pages: Vec::new(),
            links: HashMap::new(),
            shared: Vec::new(),
            policy: HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    /// Adds all files below `folder`, at any depth, under `prefix`. A page `x.html` is found as `/x` too, `index.html` as `/`.
    pub(super) fn folder(&mut self, prefix: &str, folder: &Path) -> Result<(), AssetsError> {
        for (name, path) in list(folder)? {
            if path.is_dir() {
                self.folder(&format!("{prefix}{name}/"), &path)?;
            } else {
                self.file(format!("{prefix}{name}"), &path)?;
            }
        }
        Ok(())
    }

    /// Adds the files of an npm package that browsers load, and none of what was installed to develop it.
    pub(super) fn package(&mut self, prefix: &str, folder: &Path) -> Result<(), AssetsError> {
        for (name, path) in list(folder)? {
            if path.is_file() && (name.ends_with(".js") || name.ends_with(".d.ts") || name == "package.json") {
                self.file(format!("{prefix}{name}"), &path)?;
            }
        }
        Ok(())
    }

    /// Shows the page at `page` under every address that begins with `prefix`.
    pub(super) fn page_below(&mut self, prefix: &'static str, page: &'static str) {
        self.pages.push((prefix, page));
    }

    /// Adds a generated JSON document.
    pub(super) fn json(&mut self, address: &str, value: &impl Serialize) {
        let text = serde_json::to_vec(value).unwrap_or_else(|_| b"{}".to_vec());
        self.files.insert(address.to_owned(), File::new("application/json", true, text));
    }

    /// Shows the file at `from` at `address` too, with a Link header.
    pub(super) fn linked(&mut self, address: &'static str, from: &'static str, link: &'static str) {
        if let Some(file) = self.files.get(from).cloned() {
            self.files.insert(address.to_owned(), file);
        }
        self.links.insert(address, link);
    }

    /// Lets browsers read what begins with `prefix` on behalf of other sites too.
    pub(super) fn shared(&mut self, prefix: &'static str) {
        self.shared.push(prefix);
    }

    /// The route that serves the site. It takes every address, so register it after all others.
    pub fn routes(self: &Arc<Self>, routes: &mut web::ServiceConfig) {
        let site = Arc::clone(self);
        routes.service(Endpoint::at("/{page:.*}").get(move |request: HttpRequest| {
            let response = site.answer(request.path(), request.headers());
            async move { response }
        }));
    }

    fn file(&mut self, address: String, path: &Path) -> Result<(), AssetsError> {
        let contents = fs::read(path).map_err(|source| AssetsError::Read { path: path.to_owned(), source })?;
        let (media_type, compressible) = media_type(&address);
        let file = File::new(media_type, compressible, contents);
        if let Some(page) = address.strip_suffix(".html") {
            let page = page.strip_suffix("index").unwrap_or(page);
            self.files.insert(page.to_owned(), file.clone());
        }
        self.files.insert(address, file);
        Ok(())
    }

    fn answer(&self, path: &str, request: &HeaderMap) -> HttpResponse {
        let below = self.pages.iter().find(|(prefix, _)| path.starts_with(prefix) && path.len() > prefix.len());
        let address = below.map_or(path, |(_, page)| *page);
        let Some(file) = self.files.get(address) else {
            return Problem::new(Code::NOT_FOUND).error_response();
        };
        let shared = self.shared.iter().any(|prefix| path.starts_with(prefix));
        let mut response = if file.is_known_to(request) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        response
            .insert_header((header::CONTENT_SECURITY_POLICY, self.policy.clone()))
            .insert_header((header::ETAG, file.etag.clone()))
            // Asked again every time, answered with 304 while nothing changed: a repaired page is used at once.
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .insert_header((header::VARY, "accept-encoding"))
            .insert_header(("permissions-policy", "camera=(), geolocation=(), microphone=()"))
            .insert_header(("cross-origin-resource-policy", if shared { "cross-origin" } else { "same-origin" }));
        if let Some(link) = self.links.get(address) {
            response.insert_header((header::LINK, *link));
        }
        if file.is_known_to(request) {
            return response.finish();
        }
        response.content_type(file.media_type);
        match &file.brotli {
            Some(packed) if takes_brotli(request) => {
                response.insert_header((header::CONTENT_ENCODING, "br")).body(packed.clone())
            }
            _ => response.body(file.plain.clone()),
        }
    }
}

impl File {
    fn new(media_type: &'static str, compressible: bool, contents: Vec<u8>) -> Self {
        let digest = Digest::of(&contents);
        // Weak, since the compressed form has the same one.
        let etag = format!("W/\"{}\"", base64::encode(&digest.as_bytes()[..12]));
        let etag = HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("W/\"\""));
        let brotli = compressible.then(|| compress(&contents)).flatten().filter(|packed| packed.len() < contents.len());
        Self { media_type, etag, plain: Bytes::from(contents), brotli: brotli.map(Bytes::from) }
    }

    fn is_known_to(&self, request: &HeaderMap) -> bool {
        let known = request.get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
        known.flat_map(|value| value.split(',')).any(|etag| self.etag == etag.trim() || etag.trim() == "*")
    }
}

/// The entries of a folder that are meant to be served, in the order of their names.
fn list(folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, AssetsError> {
    let cannot_read = |source| AssetsError::Read { path: folder.to_owned(), source };
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(cannot_read)? {
        let entry = entry.map_err(cannot_read)?;
        if let Ok(name) = entry.file_name().into_string()
            && !name.starts_with('.')
        {
            entries.push((name, entry.path()));
        }
    }
    entries.sort_unstable();
    Ok(entries)
}

fn takes_brotli(request: &HeaderMap) -> bool {
    let accepted = request.get_all(header::ACCEPT_ENCODING).filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim() == "br" && !matches!(weight.replace(' ', "").as_str(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn compress(contents: &[u8]) -> Option<Vec<u8>> {
    let mut packed = Vec::new();
    let mut writer = brotli::CompressorWriter::new(&mut packed, 1 << 16, BROTLI_QUALITY, 22);
    writer.write_all(contents).ok()?;
    drop(writer);
    Some(packed)
}

#[cfg(test)]
mod tests;
