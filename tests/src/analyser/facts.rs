//! An event as facts: byte strings and numbers, whatever they mean.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use semper_shared::foundation::base64;
use serde_json::Value;

use super::capture::{Capture, Cell, Event, Table};

/// Shorter byte strings are not compared as such; they may be numbers.
const SHORTEST: usize = 8;
/// From here on a byte string names a row.
const NAMES: usize = 16;

/// What is known of one event.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Every byte string, in the clear and decoded.
    pub(super) strings: BTreeSet<Vec<u8>>,
    /// Every number under where it stands; the first where there are several.
    pub(super) numbers: BTreeMap<String, f64>,
    counts: BTreeMap<String, u32>,
}

impl Facts {
    /// All facts of an event.
    pub(super) fn of(event: &Event, capture: &Capture, index: &RowIndex) -> Self {
        let mut facts = Self::default();
        facts.exchanges(event);
        for line in event.log.lines() {
            facts.text("log", line);
            facts.string(line.as_bytes());
        }
        facts.rows(capture, index);
        for (path, count) in std::mem::take(&mut facts.counts) {
            facts.numbers.insert(format!("count of {path}"), f64::from(count));
        }
        facts
    }

    /// Takes in what another event of the same coin has, which anybody can see.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.strings.extend(other.strings);
        self.numbers.extend(other.numbers.into_iter().map(|(path, number)| (format!("then {path}"), number)));
        self
    }

    fn exchanges(&mut self, event: &Event) {
        for exchange in &event.exchanges {
            let line = exchange.request_head.lines().next().unwrap_or_default();
            let (method, target) = line.split_once(' ').unwrap_or_default();
            let path = target.split([' ', '?']).next().unwrap_or_default();
            let route: String = path.split('/').take(2).collect::<Vec<_>>().join("/");
            let place = format!("{} {method} {route}", exchange.party);
            for part in target.split(['/', '?', '&', '=', ' ']) {
                self.text(&format!("{place} target"), part);
            }
            for (side, head) in [("request", &exchange.request_head), ("response", &exchange.response_head)] {
                for (name, value) in head.lines().filter_map(|line| line.split_once(':')) {
                    self.text(&format!("{place} {side} header {}", name.to_lowercase()), value.trim());
                }
                self.number(&format!("{place} {side} head length"), head.len());
            }
            for (side, body) in [("request", &exchange.request), ("response", &exchange.response)] {
                self.number(&format!("{place} {side} length"), body.len());
                let here = format!("{place} {side}");
                match std::str::from_utf8(body) {
                    Ok(text) => self.text(&here, text),
                    Err(_) => self.string(body),
                }
            }
            let micros = |duration: std::time::Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
            self.put(&format!("{place} at"), f64::from(micros(exchange.at)));
            self.put(&format!("{place} took"), f64::from(micros(exchange.took)));
            self.number(&format!("{place} connection"), usize::try_from(exchange.connection).unwrap_or(0));
        }
        self.number("requests", event.exchanges.len());
    }

    /// Text of any kind: JSON, a statement, base64, a number.
    fn text(&mut self, path: &str, text: &str) {
        if let Ok(number) = text.parse::<f64>() {
            return self.put(path, number);
        }
        if text.starts_with(['{', '['])
            && let Ok(value) = serde_json::from_str::<Value>(text)
        {
            return self.json(path, &value);
        }
        let parts: Vec<&str> = text.split('.').collect();
        if let [head, payload, signature] = parts[..]
            && let (Some(head), Some(payload)) = (decoded_text(head), decoded_text(payload))
        {
            self.text(&format!("{path} header"), &head);
            self.text(&format!("{path} payload"), &payload);
            return self.text(&format!("{path} signature"), signature);
        }
        self.string(text.as_bytes());
        if let Some(bytes) = base64::decode(text) {
            self.string(&bytes);
        }
    }

    fn json(&mut self, path: &str, value: &Value) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(name, member)| self.json(&format!("{path} {name}"), member));
            }
            Value::Array(items) => {
                self.number(&format!("{path} length"), items.len());
                items.iter().for_each(|item| self.json(path, item));
            }
            Value::String(text) => self.text(path, text),
            Value::Number(number) => self.put(path, number.as_f64().unwrap_or(0.0)),
            Value::Bool(_) | Value::Null => {}
        }
    }

    fn string(&mut self, bytes: &[u8]) {
        if bytes.len() >= SHORTEST {
            self.strings.insert(bytes.to_vec());
        }
    }

    fn put(&mut self, path: &str, number: f64) {
        *self.counts.entry(path.to_owned()).or_default() += 1;
        self.numbers.entry(path.to_owned()).or_insert(number);
    }

    fn number(&mut self, path: &str, number: usize) {
        self.put(path, f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
    }

    /// The rows that name anything of this event, what refers to them, and what all of these refer to.
    fn rows(&mut self, capture: &Capture, index: &RowIndex) {
        let named: BTreeSet<Place> =
            self.strings.iter().filter_map(|string| index.by_string.get(string)).flatten().copied().collect();
        let children = named.iter().flat_map(|place| index.referring(capture, *place));
        let near: BTreeSet<Place> = named.iter().copied().chain(children).collect();
        let parents = near.iter().flat_map(|place| index.referred(capture, *place));
        let all: BTreeSet<Place> = near.iter().copied().chain(parents).collect();
        for (table, row) in all {
            let Table { name, columns, rows, .. } = &capture.tables[table];
            self.number(&format!("{name} position"), row);
            for (column, cell) in columns.iter().zip(&rows[row]) {
                let path = format!("{name}.{column}");
                match cell {
                    Cell::Null => {}
                    #[allow(clippy::cast_precision_loss, reason = "numbers are compared, not computed with")]
                    Cell::Number(number) => self.put(&path, *number as f64),
                    Cell::Bytes(bytes) => match std::str::from_utf8(bytes) {
                        Ok(text) => self.text(&path, text),
                        Err(_) => {
                            self.string(bytes);
                            self.number(&format!("{path} length"), bytes.len());
                        }
                    },
                }
            }
        }
    }
}

fn decoded_text(part: &str) -> Option<String> {
    String::from_utf8(base64::decode(part)?).ok().filter(|text| text.starts_with('{'))
}

/// A table and a row in it.
type Place = (usize, usize);

/// Rows by the byte strings in them. A string in many rows (a merchant, a denomination) names none of them.
pub(super) struct RowIndex {
    by_string: HashMap<Vec<u8>, Vec<Place>>,
}

impl RowIndex {
    pub(super) fn new(tables: &[Table]) -> Self {
        let mut by_string: HashMap<Vec<u8>, Vec<Place>> = HashMap::new();
        for (table, rows) in tables.iter().enumerate().map(|(number, table)| (number, &table.rows)) {
            for (row, cells) in rows.iter().enumerate() {
                for cell in cells {
                    if let Cell::Bytes(bytes) = cell
                        && bytes.len() >= NAMES
                    {
                        by_string.entry(bytes.clone()).or_default().push((table, row));
                    }
                }
            }
        }
        by_string.retain(|_, places| places.len() <= 4);
        Self { by_string }
    }

    /// The rows that a row refers to.
    fn referred(&self, capture: &Capture, (table, row): Place) -> Vec<Place> {
        let own = &capture.tables[table];
        let mut found = Vec::new();
        for (column, other, key) in &own.references {
            let value = &own.rows[row][*column];
            let Some(number) = capture.tables.iter().position(|table| table.name == *other) else { continue };
            let Some(key) = capture.tables[number].columns.iter().position(|column| column == key) else { continue };
            let rows = capture.tables[number].rows.iter().enumerate();
            found.extend(rows.filter(|(_, cells)| cells[key] == *value).map(|(row, _)| (number, row)));
        }
        found
    }

    /// The rows that refer to a row, unless there are many, which then say nothing about it alone.
    fn referring(&self, capture: &Capture, (table, row): Place) -> Vec<Place> {
        let named = &capture.tables[table];
        let mut found = Vec::new();
        for (number, other) in capture.tables.iter().enumerate() {
            for (column, _, key) in other.references.iter().filter(|(_, name, _)| *name == named.name) {
                let Some(key) = named.columns.iter().position(|column| column == key) else { continue };
                let value = &named.rows[row][key];
                let rows = other.rows.iter().enumerate().filter(|(_, cells)| cells[*column] == *value);
                let rows: Vec<Place> = rows.map(|(row, _)| (number, row)).collect();
                if rows.len() <= 4 {
                    found.extend(rows);
                }
            }
        }
        found
    }
}
