//! What mint and merchant have after a run.

use std::time::Duration;

/// What a wallet did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Took coins out.
    Withdraw,
    /// Paid with them.
    Pay,
    /// Exchanged the change.
    Refresh,
    /// Paid with the change.
    PayAgain,
}

/// A request and its answer, as they went over the wire.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Who answered.
    pub party: &'static str,
    /// The number of the connection.
    pub connection: u64,
    /// When it began, from the beginning of the run.
    pub at: Duration,
    /// How long the answer took.
    pub took: Duration,
    /// The request line and headers.
    pub request_head: String,
    /// The request's body.
    pub request: Vec<u8>,
    /// The status line and headers.
    pub response_head: String,
    /// The answer's body.
    pub response: Vec<u8>,
}

/// A value of a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Null,
    /// A number.
    Number(i64),
    /// Bytes or text.
    Bytes(Vec<u8>),
}

/// A table, in the order in which its database gives its rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// Whose, and its name.
    pub name: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// Column, table and column that it refers to.
    pub references: Vec<(usize, String, String)>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

/// One step of one wallet, with all that was seen while it went on. Steps are taken one after the other, which makes the
/// adversary's work as easy as it can be.
#[derive(Debug, Clone)]
pub struct Event {
    /// Whose step it was. This is the truth to be guessed: no fact is made from it.
    pub wallet: usize,
    /// What it was, which everybody sees.
    pub phase: Phase,
    /// The requests, in their order.
    pub exchanges: Vec<Exchange>,
    /// What the parties wrote into their logs meanwhile.
    pub log: String,
}

/// Everything that the adversary has.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The steps, in their order in time.
    pub events: Vec<Event>,
    /// The tables of mint and merchant at the end.
    pub tables: Vec<Table>,
}
