//! The wallet's decoders: its journal, backups, calls by name, and everything that other parties answer.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs;
use std::rc::Rc;

use futures_util::FutureExt as _;
use semper_shared::foundation::{Amount, Currency, UnixSeconds};
use semper_wallet::core::ports::{Clock, Http, HttpError, HttpRequest, HttpResponse, NoSession, Ports};
use semper_wallet::core::{Kdf, Progress, Wallet, Words};
use semper_wallet::native::{Journal, MemoryStore};

use super::protocol::status_and_body;
use crate::simulation::Chance;

/// Separates the answers of one input.
const BETWEEN: &str = "\n--next--\n";

/// A journal opens as what it was left as, or says that it is damaged; opened once more it is the same.
pub(super) fn journal(input: &[u8]) {
    let Ok(home) = tempfile::tempdir() else { return };
    let path = home.path().join("wallet.journal");
    if fs::write(&path, input).is_err() {
        return;
    }
    let first = Journal::open(home.path()).map(drop);
    if first.is_ok() {
        let kept = fs::read(&path).unwrap_or_default();
        assert!(input.starts_with(&kept), "opening changed what counts");
        assert!(Journal::open(home.path()).is_ok(), "it opened once and not again");
    }
}

/// Ports whose network says what the input says, and nothing after it.
struct Puppet {
    store: MemoryStore,
    answers: Rc<RefCell<VecDeque<Vec<u8>>>>,
    now: Cell<UnixSeconds>,
}

impl Puppet {
    fn new(input: &[u8]) -> Self {
        let text = String::from_utf8_lossy(input);
        let answers = text.split(BETWEEN).map(|answer| answer.as_bytes().to_vec()).collect();
        Self {
            store: MemoryStore::default(),
            answers: Rc::new(RefCell::new(answers)),
            now: Cell::new(UnixSeconds(1_750_000_000)),
        }
    }
}

impl Http for Puppet {
    async fn send(&self, _: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = self.answers.borrow_mut().pop_front().ok_or(HttpError::Unreachable)?;
        let (status, body) = status_and_body(&answer);
        Ok(HttpResponse { status, headers: Vec::new(), body: body.to_vec() })
    }
}

impl Clock for Puppet {
    fn now(&self) -> UnixSeconds {
        self.now.get()
    }

    async fn sleep(&self, ms: u32) {
        self.now.set(self.now.get().plus(u64::from(ms) / 1000 + 30));
    }
}

impl Ports for Puppet {
    type Http = Self;
    type Store = MemoryStore;
    type Clock = Self;
    type Session = NoSession;
    type Rng = Chance;

    fn http(&self) -> &Self {
        self
    }

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    fn clock(&self) -> &Self {
        self
    }

    fn session(&self) -> &NoSession {
        &NoSession
    }

    fn rng(&self) -> Chance {
        Chance::new(7)
    }
}

fn wallet(input: &[u8]) -> Wallet<Puppet> {
    Wallet::new(Puppet::new(input)).with_kdf(Kdf::KEY_FILE)
}

fn run<T>(future: impl Future<Output = T>) -> Option<T> {
    let done = future.now_or_never();
    assert!(done.is_some(), "nothing here makes anybody wait");
    done
}

/// A backup that somebody gives us. None of these was made with this passphrase.
pub(super) fn backup(input: &[u8]) {
    // What asks for much memory is refused by its bound, which a unit test holds; here it would only take long.
    let text = String::from_utf8_lossy(input);
    let costly = text.split("memory_kib\":").nth(1).is_some_and(|rest| !rest.starts_with("8,"));
    let passes = text.split("passes\":").nth(1).is_some_and(|rest| !rest.starts_with("1,"));
    if costly || passes {
        return;
    }
    let mut wallet = wallet(b"");
    let imported = run(wallet.import_backup(input, "not the passphrase", "new"));
    assert!(imported.is_some_and(|imported| imported.is_err()), "it opened without its passphrase");
}

/// A call as a page makes it: the method, a line feed, its parameters.
pub(super) fn call(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (method, params) = text.split_once('\n').unwrap_or((&text, "{}"));
    let mut wallet = wallet(b"");
    let answer = run(wallet.call(method, params, None, Progress::none()));
    if let Some(Err(error)) = answer {
        assert!(!error.message().is_empty());
    }
}

/// Whatever other parties answer: it is an error or an answer, and no money comes out of nothing.
pub(super) fn answers(input: &[u8]) {
    let mut wallet = wallet(input);
    let Ok(words) =
        Words::parse("abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about")
    else {
        return;
    };
    let done = run(async {
        wallet.create(&words, "pass").await?;
        let _either = wallet.review("http://localhost:8480/offers/article").await;
        let _either = wallet.offers("http://localhost:8480").await;
        let _either = wallet.mint_info("http://localhost:8482").await;
        if let Ok(amount) = Amount::new(Currency::EUR, 500) {
            let _either = wallet.add_cash("http://localhost:8482", amount, Progress::none()).await;
        }
        let _either = wallet.resume(Progress::none()).await;
        wallet.balance().await
    });
    if let Some(Ok(balance)) = done {
        assert!(balance.values().all(|minor| *minor == 0), "no mint signed any coin: {balance:?}");
    }
}
