//! A world in memory: ports that may fail or let the wallet die at any moment, and the parties behind them.

use core::convert::Infallible;
use core::future::{Future, pending};
use core::pin::pin;
use core::task::{Context, Poll, Waker};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rand_core::{TryCryptoRng, TryRng};
use semper_shared::foundation::UnixSeconds;

use super::market::Market;
use crate::core::ports::{
    Change, Clock, Http, HttpError, HttpRequest, HttpResponse, NoSession, Ports, Store, StoreError, Stored,
};
use crate::core::{Kdf, Wallet};
use crate::native::MemoryStore;

pub(crate) const NOW: UnixSeconds = UnixSeconds(1_000_000);

/// Random bytes that are the same in every run.
pub(crate) struct TestRng(u64);

impl TestRng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl TryRng for TestRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.next() >> 32).unwrap())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for TestRng {}

/// What happens at one request or commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Good,
    /// A request does not arrive; a commit fails.
    Lost,
    /// A request arrives, and its answer is lost.
    AnswerLost,
    /// The wallet dies before it happens.
    DiesBefore,
    /// It happens, and the wallet dies before it knows.
    DiesAfter,
}

/// Decides the fate of the events, by their number.
pub(crate) type Fates = Box<dyn Fn(u64) -> Fate>;

/// Everything outside the wallet's memory.
pub(crate) struct World {
    pub(crate) market: RefCell<Market>,
    store: MemoryStore,
    now: Cell<UnixSeconds>,
    events: Cell<u64>,
    fates: RefCell<Fates>,
    /// Seeds a new generator for each use.
    rng: Cell<u64>,
}

impl World {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            market: RefCell::new(Market::new()),
            store: MemoryStore::default(),
            now: Cell::new(NOW),
            events: Cell::new(0),
            fates: RefCell::new(Box::new(|_| Fate::Good)),
            rng: Cell::new(0),
        })
    }

    /// From now on.
    pub(crate) fn set_fates(&self, fates: impl Fn(u64) -> Fate + 'static) {
        self.events.set(0);
        *self.fates.borrow_mut() = Box::new(fates);
    }

    /// Time goes by, for the wallet and all parties.
    pub(crate) fn advance(&self, seconds: u64) {
        self.now.set(self.now.get().plus(seconds));
        self.market.borrow_mut().advance(self.now.get());
    }

    pub(crate) fn now(&self) -> UnixSeconds {
        self.now.get()
    }

    pub(crate) fn set_now(&self, now: UnixSeconds) {
        self.now.set(now);
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.get()
    }

    fn fate(&self) -> Fate {
        let event = self.events.get();
        self.events.set(event + 1);
        (self.fates.borrow())(event)
    }

    /// A wallet that has just been started, on this world's store.
    pub(crate) fn wallet(self: &Rc<Self>) -> Wallet<Here> {
        Wallet::new(Here(Rc::clone(self))).with_kdf(Kdf::KEY_FILE)
    }

    /// The same on another store.
    pub(crate) fn elsewhere(self: &Rc<Self>) -> Rc<Self> {
        let other = Self::new();
        other.market.swap(&self.market);
        other.now.set(self.now.get());
        other.rng.set(self.rng.get() + (1 << 32));
        other
    }
}

/// A world as ports.
pub(crate) struct Here(pub(crate) Rc<World>);

impl Ports for Here {
    type Http = Self;
    type Store = Self;
    type Clock = Self;
    type Session = NoSession;
    type Rng = TestRng;

    fn http(&self) -> &Self {
        self
    }

    fn store(&self) -> &Self {
        self
    }

    fn clock(&self) -> &Self {
        self
    }

    fn session(&self) -> &NoSession {
        &NoSession
    }

    fn rng(&self) -> TestRng {
        self.0.rng.set(self.0.rng.get() + 1);
        TestRng::new(self.0.rng.get())
    }
}

impl Clock for Here {
    fn now(&self) -> UnixSeconds {
        self.0.now.get()
    }

    async fn sleep(&self, _: u32) {}
}

impl Http for Here {
    async fn send(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = || self.0.market.borrow_mut().answer(request);
        match self.0.fate() {
            Fate::Good => Ok(answer()),
            Fate::Lost => Err(HttpError::Unreachable),
            Fate::AnswerLost => {
                answer();
                Err(HttpError::TimedOut)
            }
            Fate::DiesBefore => pending().await,
            Fate::DiesAfter => {
                answer();
                pending().await
            }
        }
    }
}

impl Store for Here {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        self.0.store.load(known).await
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        match self.0.fate() {
            Fate::Good => self.0.store.commit(change).await,
            Fate::Lost | Fate::AnswerLost => Err(StoreError::Failed("no space".to_owned())),
            Fate::DiesBefore => pending().await,
            Fate::DiesAfter => {
                self.0.store.commit(change).await?;
                pending().await
            }
        }
    }
}

/// Runs until the end, or until the wallet dies.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
