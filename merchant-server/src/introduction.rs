//! How a party introduces itself: the signed document at `/.well-known/semper`.

use std::sync::{Arc, Mutex, PoisonError};

use actix_web::http::header;
use actix_web::web::Bytes;
use semper_shared::foundation::{Table, UnixSeconds};
use semper_shared::items::party::{ModuleVersion, Party, Role};
use semper_shared::items::statement::Signed;
use semper_shared::security::Signer as _;

use crate::clock;
use crate::crypto::NativeSigner;
use crate::http::{Endpoint, jose};

/// How long a document is valid.
const VALID_S: u64 = 24 * 3_600;

/// How long a document is served before a new one is signed.
const SERVED_S: u64 = 3_600;

/// What is served for a while.
struct Served {
    signed_at: UnixSeconds,
    modules: Vec<ModuleVersion>,
    document: Bytes,
}

/// A party's document, signed anew every hour, and when its modules change.
pub struct Introduction {
    signer: Arc<NativeSigner>,
    name: String,
    role: Role,
    url: String,
    modules: Box<dyn Fn() -> Vec<ModuleVersion> + Send + Sync>,
    endpoints: Table<String, String>,
    current: Mutex<Option<Served>>,
}

impl Introduction {
    /// A party at `url`, its origin. Modules and endpoints are added below.
    pub fn new(signer: Arc<NativeSigner>, role: Role, name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            signer,
            name: name.into(),
            role,
            url: url.into(),
            modules: Box::new(Vec::new),
            endpoints: Table::new(),
            current: Mutex::new(None),
        }
    }

    /// Names the payment modules that the party runs: asked each time.
    #[must_use]
    pub fn modules(mut self, modules: impl Fn() -> Vec<ModuleVersion> + Send + Sync + 'static) -> Self {
        self.modules = Box::new(modules);
        self
    }

    /// Names an address below the origin, such as `("transfers", "/transfers")`.
    #[must_use]
    pub fn address(mut self, name: &str, path: &str) -> Self {
        self.endpoints.insert(name.to_owned(), path.to_owned());
        self
    }

    /// The document as it stands at `now`.
    pub fn document(&self, now: UnixSeconds) -> Bytes {
        let modules = (self.modules)();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = &*current
            && now >= served.signed_at
            && now.since(served.signed_at) < SERVED_S
            && served.modules == modules
        {
            return served.document.clone();
        }
        let party = Party {
            name: self.name.clone(),
            role: self.role,
            url: self.url.clone(),
            key: self.signer.public_key().clone(),
            modules: modules.clone(),
            endpoints: self.endpoints.clone(),
            issued_at: now,
            expires_at: now.plus(VALID_S),
        };
        let document = Bytes::from(Signed::sign(party, &*self.signer).compact().to_owned());
        *current = Some(Served { signed_at: now, modules, document: document.clone() });
        document
    }

    /// The route that serves it.
    pub fn endpoint(self: &Arc<Self>) -> Endpoint {
        let this = Arc::clone(self);
        Endpoint::at("/.well-known/semper").get(move || {
            let mut response = jose(this.document(clock::now()));
            let cache = header::HeaderValue::from_static("public, max-age=300");
            response.headers_mut().insert(header::CACHE_CONTROL, cache);
            async move { response }
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semper_shared::security::Portable;

    #[test]
    fn is_signed_anew_before_it_expires() {
        let signer = Arc::new(NativeSigner::make().unwrap());
        let introduction =
            Introduction::new(signer, Role::Bank, "A bank", "http://localhost:1").address("transfers", "/transfers");
        let first = introduction.document(UnixSeconds(1_000));
        assert_eq!(introduction.document(UnixSeconds(1_000 + SERVED_S - 1)), first);
        let later = UnixSeconds(1_000 + SERVED_S);
        let second = introduction.document(later);
        assert_ne!(second, first);
        let text = std::str::from_utf8(&second).unwrap();
        let party = Party::verify(text, "http://localhost:1", later, &Portable).unwrap();
        assert_eq!(party.expires_at, later.plus(VALID_S));
    }
}
