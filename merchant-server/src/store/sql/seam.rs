//! What a database behind the layer must do.
//!
//! ```text
//! Database ──Box<dyn Job>──▶ Backend::submit ──▶ job.run(&mut dyn Session)   in a transaction; again where it was lost
//!     ▲                                               │ whether it is to be kept
//!     └──────────── answer ◀── job.finish(outcome) ◀──┘ once the commit is durable, or failed
//! ```

use std::ops::ControlFlow;

use super::{Row, Value};
use crate::store::StoreError;

/// How a job uses the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It writes. Its statements are one transaction, durable before it is answered.
    Write,
    /// It reads what is committed; each statement may see a later moment.
    Read,
    /// It reads, all of it as it stood at one moment.
    Snapshot,
}

/// A database. The last clone of the [`super::Database`] that goes drops it: it then finishes the writes that wait.
pub trait Backend: Send + Sync {
    /// Takes a job, which is run and finished here or on another thread. Does not wait for a place.
    ///
    /// # Errors
    /// [`StoreError::Busy`] where too many wait, [`StoreError::Closed`]: the job was dropped, and nothing was done.
    fn submit(&self, access: Access, job: Box<dyn Job>) -> Result<(), StoreError>;

    /// Whether it works, for `/ready`. Takes milliseconds at most.
    ///
    /// # Errors
    /// Says what does not work.
    fn check(&self) -> Result<(), String>;

    /// Which database it is, without secrets.
    fn name(&self) -> String;
}

/// A piece of work, without its types.
pub trait Job: Send {
    /// Does the work; whether it is to be kept. It can be run again, which forgets the earlier run: a backend does so in a new
    /// transaction where the first was rolled back through no fault of the job's (a serialization failure, a deadlock). A
    /// statement's error stays in the job's own result; a backend that has to know of it remembers it in its session.
    fn run(&mut self, session: &mut dyn Session) -> bool;

    /// Answers the caller: `Ok` where the transaction ended as the last run asked, else why it did not.
    fn finish(self: Box<Self>, outcome: Result<(), StoreError>);
}

/// A transaction that is open. Statements are cached by their text.
pub trait Session {
    /// Runs a statement; how many rows it changed.
    ///
    /// # Errors
    /// What the database says.
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError>;

    /// Runs a statement for each of its rows, until `each` breaks or fails.
    ///
    /// # Errors
    /// What the database says, or `each`.
    fn query(&mut self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), StoreError>;

    /// Runs a statement whose outcome nobody waits for; it may be sent together with later ones. Where it fails, so does the
    /// job, at the latest when it ends.
    ///
    /// # Errors
    /// What the database says, where that is known already.
    fn execute_later(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        self.execute(sql, values).map(drop)
    }

    /// Runs one statement for many sets of values, which may be sent together; how many rows it changed each time.
    ///
    /// # Errors
    /// What the database says of the first that failed.
    fn execute_each(&mut self, sql: &str, sets: &[&[Value<'_>]]) -> Result<Vec<u64>, StoreError> {
        sets.iter().map(|values| self.execute(sql, values)).collect()
    }
}

/// What is done with each row.
pub type Each<'a> = dyn FnMut(&Row<'_>) -> Result<ControlFlow<()>, StoreError> + 'a;

/// The values of a row.
pub trait Columns {
    /// The value in a column, counted from zero.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where there is no such column, or it has a type that [`Value`] does not know.
    fn value(&self, column: usize) -> Result<Value<'_>, StoreError>;
}
