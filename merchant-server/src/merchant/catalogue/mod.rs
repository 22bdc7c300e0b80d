//! The catalogue: goods from a folder, made ready for sale.
//!
//! ```text
//! folder                      read, checked                 encrypted once            one transaction
//!   *.md, catalogue.csv  ──▶  drafts, all or none   ──▶     content/<digest>   ──▶    goods, keys, covers
//! ```
//!
//! Content is found again by the hash of its plaintext, so that an import that changes nothing encrypts nothing. A good that
//! is no longer in the folder is unlisted; what was sold of it stays where its customers find it.

mod csv;
mod error;
mod front_matter;
mod good;
mod import;
mod markdown;
mod raw;
mod seal;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};

pub use error::CatalogueError;
pub use good::{Cover, Good, GoodPart};
pub use import::{Generator, Imported, Progress, import};

use self::raw::Draft;

/// The most goods a catalogue has.
const MAX_GOODS: usize = 10_000;

/// The largest file of a catalogue itself, in bytes.
const MAX_FILE: u64 = 16 << 20;

/// Reads and checks a folder without importing it: its goods in the order of their ids, each without its parts.
///
/// # Errors
/// [`CatalogueError`], naming file and line.
pub fn look(folder: &Path) -> Result<Vec<Good>, CatalogueError> {
    Ok(read(folder)?.into_iter().map(|draft| draft.good).collect())
}

/// Reads and checks all goods of a folder, in the order of their ids.
fn read(folder: &Path) -> Result<Vec<Draft>, CatalogueError> {
    let folder = fs::canonicalize(folder).map_err(CatalogueError::io(folder))?;
    let mut raw = Vec::new();
    for file in files(&folder)? {
        let text = text(&file)?;
        if file.extension().is_some_and(|extension| extension == "csv") {
            raw.extend(csv::read(&file, &text)?);
        } else {
            raw.push(front_matter::read(&file, &text)?);
        }
    }
    if raw.is_empty() || raw.len() > MAX_GOODS {
        return Err(CatalogueError::invalid(
            &folder,
            None,
            "a catalogue has 1 to 10000 goods: .md files or catalogue.csv",
        ));
    }
    let mut drafts = raw.into_iter().map(|good| good.check(&folder)).collect::<Result<Vec<_>, _>>()?;
    drafts.sort_by(|a, b| a.good.id.cmp(&b.good.id));
    if let Some(twice) = drafts.windows(2).find(|pair| pair[0].good.id == pair[1].good.id) {
        let what = format!("the good `{}` stands in {} too", twice[1].good.id, twice[0].file.display());
        return Err(CatalogueError::invalid(&twice[1].file, twice[1].line, what));
    }
    Ok(drafts)
}

/// The files that describe goods: every `.md` but a README, and `catalogue.csv`.
fn files(folder: &Path) -> Result<Vec<PathBuf>, CatalogueError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(CatalogueError::io(folder))? {
        let path = entry.map_err(CatalogueError::io(folder))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_good = name.ends_with(".md") && !name.starts_with('.') && !name.eq_ignore_ascii_case("readme.md");
        if is_good || name == "catalogue.csv" {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn text(file: &Path) -> Result<String, CatalogueError> {
    let length = fs::metadata(file).map_err(CatalogueError::io(file))?.len();
    if length > MAX_FILE {
        return Err(CatalogueError::invalid(file, None, "the file is larger than 16 MiB"));
    }
    let bytes = fs::read(file).map_err(CatalogueError::io(file))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = 1 + error.as_bytes().iter().take(valid).filter(|b| **b == b'\n').count();
        CatalogueError::invalid(file, line, "the text is not UTF-8")
    })
}
