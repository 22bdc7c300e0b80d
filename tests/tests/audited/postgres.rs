//! The tables in a PostgreSQL database.

use std::collections::{BTreeMap, BTreeSet};

use semper_server::store::test_server::TestDatabase;
use semper_tests::Outcome;

use super::{Change, Depth, Tables, eventful, everything_is_found};

/// Whoever changes rows behind the program's back does not ask for leave: no references are checked.
const UNASKED: &str = "SET session_replication_role = replica;";

/// A party's schema. Beside it lies a copy of every table.
struct Schema<'a> {
    database: &'a TestDatabase,
    party: &'static str,
    /// The kind of each (table, column).
    kinds: BTreeMap<(String, String), String>,
}

impl<'a> Schema<'a> {
    fn open(database: &'a TestDatabase, party: &'static str) -> Outcome<Self> {
        let sql = format!(
            "SELECT string_agg(concat_ws(' ', c.relname, a.attname, format_type(a.atttypid, NULL)), ',')
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
             WHERE n.nspname = '{party}' AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0
                 AND NOT a.attisdropped"
        );
        let mut kinds = BTreeMap::new();
        for column in database.text(&sql)?.split(',') {
            let [table, name, kind] = column.split(' ').collect::<Vec<_>>()[..] else {
                return Err(format!("no column: {column}").into());
            };
            kinds.insert((table.to_owned(), name.to_owned()), kind.to_owned());
        }
        let schema = Self { database, party, kinds };
        database.text(&format!("CREATE SCHEMA intact_{party}"))?;
        for table in schema.kinds.keys().map(|(table, _)| table).collect::<BTreeSet<_>>() {
            database.text(&format!("CREATE TABLE intact_{party}.{table} AS TABLE {party}.{table}"))?;
        }
        Ok(schema)
    }
}

impl Tables for Schema<'_> {
    fn columns(&self) -> Outcome<Vec<(String, String)>> {
        Ok(self.kinds.keys().cloned().collect())
    }

    fn count(&self, table: &str) -> Outcome<u64> {
        Ok(u64::try_from(self.database.number(&format!("SELECT count(*) FROM {}.{table}", self.party))?)?)
    }

    fn change(&mut self, table: &str, column: &str, nth: usize) -> Outcome<Change> {
        let kind = self.kinds.get(&(table.to_owned(), column.to_owned())).ok_or("a column is lost")?;
        let (can_be, other) = match kind.as_str() {
            "bigint" => ("$c IS NOT NULL", "$c + 1"),
            "bytea" => ("length($c) > 0", "set_byte($c, length($c) / 2, get_byte($c, length($c) / 2) # 1)"),
            "text" => (
                "$c IS NOT NULL",
                "CASE WHEN $c = '' THEN 'A' ELSE overlay($c PLACING \
                 CASE substr($c, length($c) / 2 + 1, 1) WHEN 'A' THEN 'B' ELSE 'A' END FROM length($c) / 2 + 1 FOR 1) END",
            ),
            kind => return Err(format!("{table}.{column} is of the kind {kind}").into()),
        };
        let quoted = format!("\"{column}\"");
        let [can_be, other] = [can_be, other].map(|text| text.replace("$c", &quoted));
        let full = format!("{}.{table}", self.party);
        let sql = format!(
            "{UNASKED} WITH changed AS (UPDATE {full} SET \"{column}\" = {other} WHERE (tableoid, ctid) =
             (SELECT tableoid, ctid FROM {full} WHERE {can_be} ORDER BY tableoid, ctid LIMIT 1 OFFSET {nth})
             RETURNING 1) SELECT count(*) FROM changed"
        );
        match self.database.number(&sql) {
            Ok(0) => Ok(Change::NoMore),
            Ok(rows) => {
                assert_eq!(rows, 1, "{full}.{column}");
                Ok(Change::Made(format!("value {nth}")))
            }
            // Of the class "integrity constraint violation".
            Err(error) if error.contains("SqlState(E23") => Ok(Change::Refused),
            Err(error) => Err(error.into()),
        }
    }

    fn restore(&mut self, table: &str) -> Outcome {
        let party = self.party;
        let back = format!("INSERT INTO {party}.{table} SELECT * FROM intact_{party}.{table}");
        self.database.text(&format!("{UNASKED} DELETE FROM {party}.{table}; {back}"))?;
        Ok(())
    }
}

#[test]
fn whatever_is_changed_in_a_table_is_found() -> Outcome {
    let database = TestDatabase::make()?;
    let market = eventful(Some(&database.url()))?;
    let (mut mint, mut bank) = (Schema::open(&database, "mint")?, Schema::open(&database, "bank")?);
    everything_is_found(&market, &mut mint, &mut bank, Depth::Tables)
}
