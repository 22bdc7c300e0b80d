//! `GET /solvency`: the sums of the books and of the account at the bank, signed. Any replica answers.
//!
//! Adding up reads every row, so a statement serves for a while: the longer, the longer it took. The bank and the ledger are
//! two places; a statement is of a moment at which the bank's balance was the same before and after the sums were made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::{HttpResponse, web};
use semper_shared::items::payment::ecash::Solvency;
use semper_shared::items::statement::Signed;
use tokio::sync::Mutex;

use super::Mint;
use super::bank::{Bank, BankError};
use super::error::MintError;
use super::store::Books;
use crate::http::{Problem, ProblemBody, Shutdown, jose};

/// How often a statement is made, whether or not somebody asks.
const EVERY: Duration = Duration::from_secs(3_600);
/// How long one serves at least, and how many times as long as it took to make.
const SERVES: (Duration, u32) = (Duration::from_secs(30), 50);
/// How often a moment is looked for at which bank and ledger stand still, and how long is waited between.
const LOOKS: (u32, Duration) = (5, Duration::from_millis(200));

/// The mint's statements about its books.
pub(super) struct Statements {
    mint: Arc<Mint>,
    bank: Bank,
    last: Mutex<Option<Last>>,
}

struct Last {
    text: String,
    made: Instant,
    serves: Duration,
}

impl Statements {
    pub(super) fn new(mint: Arc<Mint>, bank: Bank) -> Self {
        Self { mint, bank, last: Mutex::new(None) }
    }

    /// Makes one from time to time, until the process is to stop.
    pub(super) async fn keep(self: Arc<Self>, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.requested() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
            if let Err(error) = self.current().await {
                tracing::warn!(cause = ?error, "cannot state the books");
            }
        }
    }

    /// The latest statement, or a new one where it has served. Whoever asks meanwhile waits for the same.
    async fn current(&self) -> Result<String, Problem> {
        let mut last = self.last.lock().await;
        if let Some(last) = last.as_ref().filter(|last| last.made.elapsed() < last.serves) {
            return Ok(last.text.clone());
        }
        let began = Instant::now();
        let text = self.make().await?;
        let serves = began.elapsed().saturating_mul(SERVES.1).max(SERVES.0).min(EVERY);
        *last = Some(Last { text: text.clone(), made: Instant::now(), serves });
        Ok(text)
    }

    async fn make(&self) -> Result<String, Problem> {
        let mut before = self.balance().await?;
        for look in 1.. {
            let at = self.mint.now();
            let books = self.mint.store.books().await.map_err(MintError::from)?;
            let after = self.balance().await?;
            let said = self.say(&books, after, at);
            // A payout between the bank and the record of it looks like a gap for a moment; a real gap stays.
            if (before == after && said.balances() && said.covered()) || look >= LOOKS.0 {
                if !said.balances() || !said.covered() {
                    tracing::error!(
                        ?books,
                        bank_balance = after,
                        "the books do not balance, or the bank does not cover them"
                    );
                }
                return Ok(Signed::sign(said, &*self.mint.signer).compact().to_owned());
            }
            before = after;
            tokio::time::sleep(LOOKS.1).await;
        }
        Err(Problem::busy())
    }

    fn say(&self, books: &Books, bank_balance: u64, at: semper_shared::foundation::UnixSeconds) -> Solvency {
        Solvency {
            mint: self.mint.ring().keys.mint(),
            at,
            currency: self.mint.config.currency,
            received: books.received,
            reserves: books.reserves,
            outstanding: books.outstanding().unwrap_or(0),
            melting: books.melting,
            pending: books.pending,
            owed: books.owed,
            paid_out: books.paid_out,
            fees: books.fees,
            bank_balance,
        }
    }

    async fn balance(&self) -> Result<u64, Problem> {
        self.bank.balance().await.map_err(|error: BankError| {
            tracing::warn!(cause = %error, "the bank does not say what the mint has");
            Problem::busy()
        })
    }
}

/// The mint's signed word about its books: `semper-solvency+jwt`.
#[utoipa::path(
    get, path = "/solvency",
    responses(
        (status = 200, description = "The statement.", body = String, content_type = "application/jose"),
        (status = 503, description = "`busy`: the bank does not answer.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn solvency(statements: web::Data<Statements>) -> Result<HttpResponse, Problem> {
    Ok(jose(statements.current().await?))
}
