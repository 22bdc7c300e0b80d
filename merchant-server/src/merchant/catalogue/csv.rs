//! All goods in one table, `catalogue.csv` (RFC 4180): for whoever keeps theirs in a spreadsheet.

use std::path::Path;

use super::error::CatalogueError;
use super::raw::{Field, RawGood, RawPart};

/// The columns, in any order, each once.
const COLUMNS: [&str; 7] = ["id", "title", "price", "vat_rate", "description", "picture", "file"];

/// Reads the table.
pub(super) fn read(file: &Path, text: &str) -> Result<Vec<RawGood>, CatalogueError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = rows(text).map_err(|(line, what)| CatalogueError::invalid(file, line, what))?.into_iter();
    let head = rows.next().ok_or_else(|| CatalogueError::invalid(file, 1, "the table is empty"))?;
    let mut place = [0; COLUMNS.len()];
    for (place, column) in place.iter_mut().zip(COLUMNS) {
        let what = || format!("the first line names the columns {}", COLUMNS.join(","));
        let found = head.cells.iter().position(|cell| cell == column);
        *place = found.ok_or_else(|| CatalogueError::invalid(file, 1, what()))?;
    }
    if head.cells.len() != COLUMNS.len() {
        return Err(CatalogueError::invalid(file, 1, format!("the columns are {}", COLUMNS.join(","))));
    }
    rows.map(|row| {
        if row.cells.len() != COLUMNS.len() {
            let what = format!("{} cells, where the table has {} columns", row.cells.len(), COLUMNS.len());
            return Err(CatalogueError::invalid(file, row.line, what));
        }
        Ok(good(file, &row, place))
    })
    .collect()
}

fn good(file: &Path, row: &Row, place: [usize; COLUMNS.len()]) -> RawGood {
    let [id, title, price, vat_rate, description, picture, content] =
        place.map(|place| row.cells.get(place).cloned().unwrap_or_default());
    let line = row.line;
    let field = |text: String| Field { text, line };
    let picture = Some(picture).filter(|picture| !picture.is_empty());
    RawGood {
        file: file.to_owned(),
        line,
        id: field(id),
        // A table has no column for it, so the title must do.
        picture_alt: picture.as_ref().map(|_| field(title.clone())),
        title: field(title),
        summary: None,
        kind: None,
        language: None,
        price: field(price),
        currency: None,
        vat_rate: field(vat_rate),
        account: None,
        picture: picture.map(field),
        byline: None,
        minutes: None,
        order: i64::try_from(line).ok(),
        preview: None,
        description,
        parts: vec![RawPart { line, file: Some(field(content)), ..RawPart::default() }],
    }
}

struct Row {
    line: usize,
    cells: Vec<String>,
}

/// Takes the table apart. Empty lines are left out.
fn rows(text: &str) -> Result<Vec<Row>, (usize, &'static str)> {
    let mut rows = Vec::new();
    let mut row = Row { line: 1, cells: Vec::new() };
    let mut cell = String::new();
    let mut line = 1;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if cell.is_empty() => {
                let opened = line;
                loop {
                    match chars.next() {
                        Some('"') if chars.peek() == Some(&'"') => {
                            chars.next();
                            cell.push('"');
                        }
                        Some('"') => break,
                        Some(c) => {
                            line += usize::from(c == '\n');
                            cell.push(c);
                        }
                        None => return Err((opened, "a quoted cell does not end")),
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                    return Err((line, "text follows a quoted cell"));
                }
            }
            '"' => return Err((line, "a quote within a cell that does not begin with one")),
            ',' => row.cells.push(std::mem::take(&mut cell)),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                line += 1;
                end_row(&mut rows, &mut row, &mut cell, line);
            }
            c => cell.push(c),
        }
    }
    end_row(&mut rows, &mut row, &mut cell, line);
    Ok(rows)
}

fn end_row(rows: &mut Vec<Row>, row: &mut Row, cell: &mut String, next_line: usize) {
    row.cells.push(std::mem::take(cell));
    let done = std::mem::replace(row, Row { line: next_line, cells: Vec::new() });
    if done.cells.iter().any(|cell| !cell.is_empty()) {
        rows.push(done);
    }
}
