//! The audit: whether the books of a mint and its bank are true, from their tables alone.
//!
//! ```text
//! mint's tables ──one moment──▶ every row against its signatures, and every sum against its rows ─┐
//! bank's tables ──one moment──▶ every account against its postings ───────────────────────────────┤
//! mint ◀── every transfer that either side knows of ──▶ bank ──────────────────────────────────────┴──▶ report
//! ```
//!
//! Like an arbiter it stands beside the parties: it reads what they store, only reads it, and shares no code with them, so
//! that it does not repeat their mistakes. It may run while they work. What is signed is verified again: a withdrawal by its
//! reserve, a spend and a melt by its coin, a coin by its denomination, what the mint promised by the mint.

mod bank;
mod compare;
mod desk;
mod keys;
mod mint;
mod report;

use std::sync::Arc;

use semper_shared::foundation::{Code, Coded, UnixSeconds};

pub use self::report::{Finding, Report};

use self::desk::Desk;
use self::keys::Keys;
use crate::config::Config;
use crate::store::StoreError;
use crate::store::sql::{Database, StoreConfig};

/// Audits the mint and the bank that a configuration names, or the one that it names.
///
/// # Errors
/// [`AuditError`] where nothing can be said: there is no such party, or its keys or tables cannot be read.
pub async fn run(config: &Config, now: UnixSeconds) -> Result<Report, AuditError> {
    let mut report = Report::default();
    let mut at_mint = None;
    if let Some(mint) = &config.mint {
        let keys = Arc::new(Keys::read(&mint.data, mint.currency)?);
        let store = StoreConfig::new(mint.data.join("mint.sqlite"), mint.store.as_ref());
        let database = Database::inspect(&store, "mint").await?;
        let (book, seen) = database
            .scan(move |tx| {
                let mut desk = Desk::new("mint", tx, Arc::clone(&keys))?;
                let seen = mint::audit(&mut desk)?;
                Ok::<_, StoreError>((desk.close(), seen))
            })
            .await?;
        report.add(book);
        at_mint = Some((database, seen));
    }
    let Some(bank) = &config.bank else {
        return if at_mint.is_some() { Ok(report) } else { Err(AuditError::Nothing) };
    };
    // The bank is read after the mint, so that it knows all that the mint knew.
    let store = StoreConfig::new(bank.data.join("bank.sqlite"), bank.store.as_ref());
    let database = Database::inspect(&store, "bank").await?;
    let account = config.mint.as_ref().map(|mint| mint.bank.account.clone());
    let (book, at_bank) = database
        .scan(move |tx| {
            let mut desk = Desk::new("bank", tx, Arc::default())?;
            let transfers = bank::audit(&mut desk, account.as_deref())?;
            Ok::<_, StoreError>((desk.close(), transfers))
        })
        .await?;
    report.add(book);
    if let (Some((database, mut seen)), Some(config)) = (at_mint, &config.mint) {
        // What the mint sent between the two moments is known to it now.
        seen.later = database.scan(mint::payouts::names).await?;
        compare::compare(&mut report, &seen, &at_bank, config.currency, now);
        report.compared = true;
    }
    Ok(report)
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Neither a mint nor a bank is named.
    #[error("the configuration names neither a mint nor a bank")]
    Nothing,
    /// The mint's keys cannot be read.
    #[error("the mint's keys cannot be read: {0}")]
    Keys(String),
    /// Tables cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Coded for AuditError {
    fn code(&self) -> Code {
        match self {
            Self::Nothing => Code::CONFIG_INVALID,
            Self::Keys(_) | Self::Store(_) => Code::STORE_FAILED,
        }
    }
}
