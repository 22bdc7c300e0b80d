//! What the wallet needs from the world: requests, a store, the time, randomness, and a place for the unlocked key.

use rand_core::CryptoRng;
use semper_shared::foundation::UnixSeconds;

/// The most bytes of an answer that a port may hand to the core.
pub const MAX_ANSWER_LEN: usize = 4 * 1024 * 1024;

/// The world, as one wallet sees it.
pub trait Ports {
    /// Requests.
    type Http: Http;
    /// The store.
    type Store: Store;
    /// The time.
    type Clock: Clock;
    /// Where the vault key stays between calls.
    type Session: Session;
    /// Randomness.
    type Rng: CryptoRng;

    /// The way to other parties.
    fn http(&self) -> &Self::Http;
    /// The wallet's own memory.
    fn store(&self) -> &Self::Store;
    /// The time.
    fn clock(&self) -> &Self::Clock;
    /// The session.
    fn session(&self) -> &Self::Session;
    /// A source of secret random bytes.
    fn rng(&self) -> Self::Rng;
}

/// A request. What it carries (tokens, names of coins) shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, in capitals.
    pub method: &'static str,
    /// The address.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
    /// The body, where there is one.
    pub body: Option<Vec<u8>>,
}

impl core::fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HttpRequest({} {})", self.method, super::net::host_of(&self.url))
    }
}

/// An answer. What it carries shows itself nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, at most [`MAX_ANSWER_LEN`] bytes.
    pub body: Vec<u8>,
}

impl core::fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HttpResponse({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer. What became of the request is not known in any of these cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpError {
    /// Nobody is there, or the connection broke.
    Unreachable,
    /// It took too long.
    TimedOut,
    /// The answer is longer than [`MAX_ANSWER_LEN`].
    TooLong,
}

/// Sends requests.
#[allow(async_fn_in_trait, reason = "a wallet is driven by one task, in a browser without threads")]
pub trait Http {
    /// Sends one request and waits for its whole answer.
    ///
    /// # Errors
    /// [`HttpError`].
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError>;
}

/// Everything in a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// How many commits there were.
    pub generation: u64,
    /// The clear part: what is needed to unlock the rest.
    pub meta: Option<Vec<u8>>,
    /// Encrypted records by their keys.
    pub records: Vec<(String, Vec<u8>)>,
}

/// One change of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// The generation that the change was made from.
    pub expected_generation: u64,
    /// The new clear part; the old one stays where this is none.
    pub meta: Option<Vec<u8>>,
    /// Records to be written.
    pub puts: Vec<(String, Vec<u8>)>,
    /// Keys of records to be removed.
    pub deletes: Vec<String>,
}

/// Why the store did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreError {
    /// Somebody else changed the store meanwhile; nothing was written.
    Conflict,
    /// It cannot be read or written.
    Failed(String),
}

/// Keeps records. All of a change is written, or nothing.
#[allow(async_fn_in_trait, reason = "a wallet is driven by one task, in a browser without threads")]
pub trait Store {
    /// Everything, unless the generation is still `known`.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError>;

    /// Writes a change and returns the new generation, once it is durable.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is written then.
    async fn commit(&self, change: Change) -> Result<u64, StoreError>;
}

/// Tells the time.
#[allow(async_fn_in_trait, reason = "a wallet is driven by one task, in a browser without threads")]
pub trait Clock {
    /// The present moment.
    fn now(&self) -> UnixSeconds;

    /// Waits.
    async fn sleep(&self, ms: u32);
}

/// Keeps the vault key of an unlocked wallet for a while, where the wallet's process does not live on.
#[allow(async_fn_in_trait, reason = "a wallet is driven by one task, in a browser without threads")]
pub trait Session {
    /// Keeps the key.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn save(&self, vault_key: &[u8; 32]) -> Result<(), StoreError>;

    /// The key, while the session lasts.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn load(&self) -> Result<Option<[u8; 32]>, StoreError>;

    /// Ends the session.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    async fn clear(&self) -> Result<(), StoreError>;
}

/// No session: the wallet is unlocked as long as it is in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSession;

impl Session for NoSession {
    async fn save(&self, _: &[u8; 32]) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self) -> Result<Option<[u8; 32]>, StoreError> {
        Ok(None)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
