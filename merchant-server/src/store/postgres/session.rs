//! A transaction on a connection. Statements travel together where they can: each round trip costs as much as a statement.

use std::collections::HashMap;
use std::ops::ControlFlow;

use futures_util::TryStreamExt as _;
use futures_util::future::{join, join_all};
use tokio::runtime::Runtime;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Error, Statement};

use super::link::Live;
use super::trouble::{self, Trouble};
use crate::store::StoreError;
use crate::store::sql::seam::{Columns, Each, Session};
use crate::store::sql::{Row, Value};

/// Statements that are sent at once, of those that may be.
const PIPELINE: usize = 24;

/// A connection's prepared statements, by their text. The texts are the program's own, so they are bounded.
pub(super) type Statements = HashMap<String, Statement>;

pub(super) struct Connected<'a> {
    runtime: &'a Runtime,
    client: &'a Client,
    statements: &'a mut Statements,
    /// What is to be said before the next statement: the transaction's beginning, a savepoint.
    before: String,
    /// Statements that nobody waits for. They go after what is to be said, before the next statement or the end.
    waiting: Vec<(Statement, Vec<Owned>)>,
    /// Whether anything was said at all.
    begun: bool,
    /// Whether a statement failed since the last savepoint: the transaction then takes no other.
    failed: bool,
    trouble: Option<Trouble>,
}

impl<'a> Connected<'a> {
    pub(super) fn new(runtime: &'a Runtime, live: &'a mut Live, before: &str) -> Self {
        Self {
            runtime,
            client: &live.client,
            statements: &mut live.statements,
            before: before.to_owned(),
            waiting: Vec::new(),
            begun: false,
            failed: false,
            trouble: None,
        }
    }

    /// Says something before the next statement, if there is one.
    pub(super) fn announce(&mut self, sql: &str) {
        if !self.before.is_empty() {
            self.before.push_str("; ");
        }
        self.before.push_str(sql);
    }

    /// What is announced and not said yet.
    pub(super) fn announced(&mut self) -> &mut String {
        &mut self.before
    }

    pub(super) fn begun(&self) -> bool {
        self.begun
    }

    /// Does not send what waits.
    pub(super) fn forget_waiting(&mut self) {
        self.waiting.clear();
    }

    /// Whether statements wait to be sent.
    pub(super) fn waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether a statement failed; forgotten with the answer.
    pub(super) fn take_failed(&mut self) -> bool {
        std::mem::take(&mut self.failed)
    }

    pub(super) fn take_trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }

    /// Sends what waits, and waits for it.
    pub(super) fn flush(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() { Ok(()) } else { self.run(async { Ok(()) }) }
    }

    /// Forgets what was announced and what waits, and rolls the transaction back.
    pub(super) fn roll_back(&mut self) -> Result<(), Error> {
        self.before.clear();
        self.waiting.clear();
        self.runtime.block_on(self.client.batch_execute("ROLLBACK"))
    }

    /// Ends the transaction, with what is announced and what waits before. Where a statement that waited fails, the end has
    /// rolled the transaction back: [`Connected::take_failed`] says so.
    pub(super) fn end(&mut self, sql: &str) -> Result<(), Error> {
        let (before, waiting) = (std::mem::take(&mut self.before), std::mem::take(&mut self.waiting));
        let client = self.client;
        if waiting.is_empty() {
            let text = if before.is_empty() { sql.to_owned() } else { format!("{before}; {sql}") };
            return self.runtime.block_on(client.batch_execute(&text));
        }
        let (ahead, ended) = self.runtime.block_on(join(ahead(client, &before, &waiting), client.batch_execute(sql)));
        if let Err(error) = ahead {
            self.fail(&error);
            return Err(error);
        }
        ended
    }

    pub(super) fn trouble_of(&self, error: &Error) -> Option<Trouble> {
        trouble::of(error, self.client)
    }

    fn prepare(&mut self, sql: &str) -> Result<Statement, StoreError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        match self.runtime.block_on(self.client.prepare(&rewrite(sql))) {
            Ok(statement) => {
                self.statements.insert(sql.to_owned(), statement.clone());
                Ok(statement)
            }
            Err(error) => Err(self.fail(&error)),
        }
    }

    /// Runs a statement with what is announced and what waits before it, all in one journey.
    fn run<T>(&mut self, statement: impl Future<Output = Result<T, Error>>) -> Result<T, StoreError> {
        let (before, waiting) = (std::mem::take(&mut self.before), std::mem::take(&mut self.waiting));
        let result = if before.is_empty() && waiting.is_empty() {
            self.runtime.block_on(statement)
        } else {
            self.begun = true;
            let (said, result) = self.runtime.block_on(join(ahead(self.client, &before, &waiting), statement));
            said.and(result)
        };
        result.map_err(|error| self.fail(&error))
    }

    fn fail(&mut self, error: &Error) -> StoreError {
        self.failed = true;
        let what = trouble::say(error);
        if self.trouble.is_none() {
            self.trouble = self.trouble_of(error);
        }
        StoreError::Failed(what.into())
    }
}

impl Session for Connected<'_> {
    fn execute(&mut self, sql: &str, values: &[Value<'_>]) -> Result<u64, StoreError> {
        let statement = self.prepare(sql)?;
        let client = self.client;
        self.run(client.execute_raw(&statement, values.iter().map(|value| Parameter(*value))))
    }

    fn execute_later(&mut self, sql: &str, values: &[Value<'_>]) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        self.waiting.push((statement, values.iter().map(|value| Owned::from(*value)).collect()));
        if self.waiting.len() < PIPELINE { Ok(()) } else { self.flush() }
    }

    fn query(&mut self, sql: &str, values: &[Value<'_>], each: &mut Each<'_>) -> Result<(), StoreError> {
        let statement = self.prepare(sql)?;
        let client = self.client;
        let rows: Vec<tokio_postgres::Row> = self.run(async {
            client.query_raw(&statement, values.iter().map(|value| Parameter(*value))).await?.try_collect().await
        })?;
        for row in &rows {
            if let ControlFlow::Break(()) = each(&Row::new(row))? {
                break;
            }
        }
        Ok(())
    }

    fn execute_each(&mut self, sql: &str, sets: &[&[Value<'_>]]) -> Result<Vec<u64>, StoreError> {
        let statement = self.prepare(sql)?;
        let client = self.client;
        let mut counts = Vec::with_capacity(sets.len());
        for sets in sets.chunks(PIPELINE) {
            let all = sets.iter().map(|values| {
                client.execute_raw(&statement, values.iter().map(|value| Parameter(*value)).collect::<Vec<_>>())
            });
            let all: Vec<_> = all.collect();
            // All are waited for: after the first failure the server refuses the others by itself.
            let done = self.run(async move { join_all(all).await.into_iter().collect::<Result<Vec<_>, _>>() })?;
            counts.extend(done);
        }
        Ok(counts)
    }
}

/// Says something and runs statements, all sent at once in this order; waits for all, and gives the first error.
async fn ahead(client: &Client, before: &str, waiting: &[(Statement, Vec<Owned>)]) -> Result<(), Error> {
    let said = async { if before.is_empty() { Ok(()) } else { client.batch_execute(before).await } };
    let run = waiting.iter().map(|(statement, values)| {
        client.execute_raw(statement, values.iter().map(|value| Parameter(value.as_value())).collect::<Vec<_>>())
    });
    let (said, run) = join(said, join_all(run)).await;
    said?;
    run.into_iter().try_for_each(|done| done.map(drop))
}

/// A value that is kept until it is sent.
enum Owned {
    Null,
    Integer(i64),
    Bytes(Vec<u8>),
    Text(String),
    TooLarge,
}

impl From<Value<'_>> for Owned {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Integer(number) => Self::Integer(number),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::TooLarge => Self::TooLarge,
        }
    }
}

impl Owned {
    fn as_value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Integer(number) => Value::Integer(*number),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Text(text) => Value::Text(text),
            Self::TooLarge => Value::TooLarge,
        }
    }
}

/// The layer's text as PostgreSQL reads it: `?1` is `$1`, and `/*FOR UPDATE*/` is what it says.
fn rewrite(sql: &str) -> String {
    let mut quoted = false;
    let text: String = sql
        .chars()
        .map(|c| {
            quoted ^= c == '\'';
            if c == '?' && !quoted { '$' } else { c }
        })
        .collect();
    match text.split_once("/*FOR ") {
        Some((before, after)) => format!("{before}FOR {}", after.replacen("*/", "", 1)),
        None => text,
    }
}

/// A value on its way to the server, in the form that the statement expects there.
#[derive(Debug)]
struct Parameter<'a>(Value<'a>);

impl ToSql for Parameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self.0, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Integer(number), &Type::INT4) => i32::try_from(number)?.to_sql(ty, out),
            (Value::Integer(number), &Type::INT2) => i16::try_from(number)?.to_sql(ty, out),
            (Value::Integer(number), &Type::BOOL) => (number != 0).to_sql(ty, out),
            (Value::Integer(number), &Type::INT8) => number.to_sql(ty, out),
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (Value::Text(text), ty) if <&str as ToSql>::accepts(ty) => text.to_sql(ty, out),
            (Value::TooLarge, _) => Err("a number is larger than the database's".into()),
            (_, ty) => Err(format!("the statement expects {ty}: CAST its placeholder").into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Columns for tokio_postgres::Row {
    fn value(&self, column: usize) -> Result<Value<'_>, StoreError> {
        let failed = |what: String| StoreError::Failed(what.into());
        let Some(found) = self.columns().get(column) else {
            return Err(failed(format!("there is no column {column}")));
        };
        let value = match *found.type_() {
            Type::INT8 => self.try_get::<_, Option<i64>>(column).map(|number| number.map(Value::Integer)),
            Type::INT4 => self.try_get::<_, Option<i32>>(column).map(|number| number.map(|n| Value::Integer(n.into()))),
            Type::INT2 => self.try_get::<_, Option<i16>>(column).map(|number| number.map(|n| Value::Integer(n.into()))),
            Type::BOOL => self.try_get::<_, Option<bool>>(column).map(|truth| truth.map(|t| Value::Integer(t.into()))),
            Type::BYTEA => self.try_get::<_, Option<&[u8]>>(column).map(|bytes| bytes.map(Value::Bytes)),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                self.try_get::<_, Option<&str>>(column).map(|text| text.map(Value::Text))
            }
            ref other => return Err(failed(format!("column {column} is of type {other}: CAST it"))),
        };
        Ok(value.map_err(|error| failed(error.to_string()))?.unwrap_or(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_rewritten() {
        for (ours, theirs) in [
            ("SELECT x FROM t WHERE a = ?1 AND b = ?12", "SELECT x FROM t WHERE a = $1 AND b = $12"),
            ("SELECT '?1' || ?1 || 'it''s ?2'", "SELECT '?1' || $1 || 'it''s ?2'"),
            ("SELECT x FROM t /*FOR UPDATE*/", "SELECT x FROM t FOR UPDATE"),
            ("SELECT x FROM t LIMIT ?1 /*FOR UPDATE SKIP LOCKED*/", "SELECT x FROM t LIMIT $1 FOR UPDATE SKIP LOCKED"),
        ] {
            assert_eq!(rewrite(ours), theirs);
        }
    }
}
