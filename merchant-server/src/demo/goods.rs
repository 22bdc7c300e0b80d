//! Filling the shop: the goods' folder, and those goods that are made rather than kept.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use super::book::Book;
use super::market_year;
use crate::merchant::catalogue::{CatalogueError, Generator, Imported, Progress, import};
use crate::store::sql::StoreUrl;

/// Between two lines about the same part.
const PAUSE: Duration = Duration::from_secs(2);

/// Brings the merchant's goods to what `folder` says. `assets` has the specification, from which the book is made.
///
/// # Errors
/// [`CatalogueError`]; the shop stays as it was.
pub fn fill_shop(
    data: &Path,
    store: Option<&StoreUrl>,
    folder: &Path,
    assets: &Path,
    tell: &mut dyn FnMut(&str),
) -> Result<Imported, CatalogueError> {
    let book = Book::read(&assets.join("shared/spec")).ok();
    let edition = book.as_ref().map(Book::edition).unwrap_or_default();
    let write_book = |out: &mut dyn Write| book.as_ref().map_or(Ok(()), |book| book.write(out));
    let write_year = |out: &mut dyn Write| {
        let mut out = std::io::BufWriter::with_capacity(1 << 16, out);
        market_year::write_csv(&mut out, market_year::SEED).map(|_| ())
    };
    let mut generators = vec![Generator { name: "market-year", edition: "1995", write: &write_year }];
    if book.is_some() {
        generators.push(Generator { name: "specification-book", edition: &edition, write: &write_book });
    }
    let mut teller = Teller { tell, told: None };
    import(data, store, folder, &generators, &mut |progress| teller.hear(&progress))
}

/// Says how far it has come: once for each part, and again where one takes long.
struct Teller<'a> {
    tell: &'a mut dyn FnMut(&str),
    told: Option<(usize, Instant)>,
}

impl Teller<'_> {
    fn hear(&mut self, progress: &Progress) {
        let now = Instant::now();
        if self.told.is_some_and(|(number, at)| number == progress.number && now.duration_since(at) < PAUSE) {
            return;
        }
        self.told = Some((progress.number, now));
        let Progress { good, part, number, parts, bytes, of } = progress;
        let size = match of {
            Some(of) if *of > 1_000_000 => format!(", {} of {} MB", bytes / 1_000_000, of / 1_000_000),
            _ if *bytes > 1_000_000 => format!(", {} MB", bytes / 1_000_000),
            _ => String::new(),
        };
        (self.tell)(&format!("goods, part {number} of {parts}: {good}, {part}{size}"));
    }
}
