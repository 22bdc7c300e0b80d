//! What an error of the database means for the job that met it.

use std::error::Error as _;
use std::io;
use std::sync::Arc;

use tokio_postgres::{Client, Error};

/// What a job met that is not its own doing.
#[derive(Debug, Clone)]
pub(super) enum Trouble {
    /// Others were in its way: it is to be run again.
    Conflict(Arc<str>),
    /// The connection is lost, or is of no more use.
    Lost(Arc<str>),
}

/// Tells trouble from a statement's own failure.
pub(super) fn of(error: &Error, client: &Client) -> Option<Trouble> {
    let Some(database) = error.as_db_error() else {
        let broken =
            error.is_closed() || client.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>());
        return broken.then(|| Trouble::Lost(say(error).into()));
    };
    match database.code().code() {
        // Serialization failure, deadlock, no lock in time, a statement that took too long.
        "40001" | "40P01" | "55P03" | "57014" => Some(Trouble::Conflict(say(error).into())),
        // A standby that takes no writes; a transaction that was ended for being idle.
        "25006" | "25P03" => Some(Trouble::Lost(say(error).into())),
        // The connection, the machine's resources, the server's end.
        code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => {
            Some(Trouble::Lost(say(error).into()))
        }
        _ => None,
    }
}

/// What the database says, without the values that its details would quote.
pub(super) fn say(error: &Error) -> String {
    match error.as_db_error() {
        Some(database) => format!("{} ({})", database.message(), database.code().code()),
        None => error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}")),
    }
}
