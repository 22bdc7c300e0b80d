//! The wallet's home on disk: a journal of commits, one line each.
//!
//! A commit is one line, written and synced before it counts; a line that a crash cut short never did. At the start the
//! lines are read one after the other, and when most of them are outdated, the journal is written anew beside the old one
//! and put in its place in one move. A lock file keeps a second process out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use semper_shared::foundation::{Bytes, Digest, json};
use serde::{Deserialize, Serialize};

use crate::core::ports::{Change, Store, StoreError, Stored};

const JOURNAL: &str = "wallet.journal";
const LOCK: &str = "lock";
const HEADER: &str = "semper-wallet-journal 1\n";
/// Journals below this size are left as they are.
const COMPACT_ABOVE: u64 = 1 << 20;

/// Records on disk.
#[derive(Debug)]
pub struct Journal {
    contents: RefCell<Contents>,
    _lock: File,
}

#[derive(Debug)]
struct Contents {
    path: PathBuf,
    file: Option<File>,
    generation: u64,
    meta: Option<Bytes>,
    records: BTreeMap<String, Bytes>,
}

/// A line: everything that a commit changed.
#[derive(Serialize, Deserialize)]
struct Line {
    generation: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    meta: Option<Bytes>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    puts: BTreeMap<String, Bytes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    deletes: Vec<String>,
}

impl Journal {
    /// Opens the journal in `home`, or begins one.
    ///
    /// # Errors
    /// [`StoreError::Failed`] where it cannot be read; [`StoreError::Conflict`] where another process has it.
    pub fn open(home: &Path) -> Result<Self, StoreError> {
        make_private_folder(home).map_err(|error| failed(home, &error))?;
        let lock_path = home.join(LOCK);
        let lock =
            private().create(true).truncate(false).open(&lock_path).map_err(|error| failed(&lock_path, &error))?;
        lock.try_lock().map_err(|_| StoreError::Conflict)?;
        let path = home.join(JOURNAL);
        let mut contents = Contents { path, file: None, generation: 0, meta: None, records: BTreeMap::new() };
        contents.read().map_err(|error| failed(&contents.path, &error))?;
        Ok(Self { contents: RefCell::new(contents), _lock: lock })
    }
}

impl Contents {
    fn read(&mut self) -> io::Result<()> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the journal is damaged");
        let lines = match bytes[..whole].strip_prefix(HEADER.as_bytes()) {
            Some(lines) => lines,
            // A crash before the first commit was whole.
            None if whole == 0 => &[],
            None => return Err(damaged()),
        };
        let mut length = if whole == 0 { 0 } else { HEADER.len() as u64 };
        let mut lines = lines.split_inclusive(|byte| *byte == b'\n').peekable();
        while let Some(text) = lines.next() {
            match parse(text).filter(|line| line.generation > self.generation) {
                Some(line) => self.apply(line),
                // Only the last line can be one that never counted.
                None if lines.peek().is_none() => break,
                None => return Err(damaged()),
            }
            length += text.len() as u64;
        }
        self.continue_at(length, bytes.len() as u64)
    }

    /// Opens the file for further lines, behind what counts, and writes it anew where most of it is outdated.
    fn continue_at(&mut self, length: u64, found: u64) -> io::Result<()> {
        let live: usize = self.records.iter().map(|(key, value)| key.len() + value.0.len() * 4 / 3).sum();
        if length > COMPACT_ABOVE && length > 3 * live as u64 {
            return self.rewrite();
        }
        let file = private().append(true).open(&self.path)?;
        if length < found {
            file.set_len(length)?;
            file.sync_all()?;
        }
        self.file = (length > 0).then_some(file);
        Ok(())
    }

    fn apply(&mut self, line: Line) {
        self.generation = line.generation;
        if line.meta.is_some() {
            self.meta = line.meta;
        }
        for key in &line.deletes {
            self.records.remove(key);
        }
        self.records.extend(line.puts);
    }

    /// Writes the whole contents as one line beside the journal, and puts it in its place.
    fn rewrite(&mut self) -> io::Result<()> {
        let line = Line {
            generation: self.generation,
            meta: self.meta.clone(),
            puts: self.records.clone(),
            deletes: Vec::new(),
        };
        self.file = Some(begin(&self.path, &line)?);
        Ok(())
    }

    fn commit(&mut self, line: Line) -> io::Result<()> {
        match &mut self.file {
            Some(file) => {
                let before = file.metadata()?.len();
                let text = write(&line)?;
                if let Err(error) = file.write_all(&text).and_then(|()| file.sync_data()) {
                    // What may have been written must not stand before the next line.
                    file.set_len(before)?;
                    file.sync_all()?;
                    return Err(error);
                }
            }
            None => self.file = Some(begin(&self.path, &line)?),
        }
        self.apply(line);
        Ok(())
    }
}

impl Store for Journal {
    async fn load(&self, known: Option<u64>) -> Result<Option<Stored>, StoreError> {
        let contents = self.contents.borrow();
        if known == Some(contents.generation) {
            return Ok(None);
        }
        let records = contents.records.iter().map(|(key, value)| (key.clone(), value.0.clone())).collect();
        let meta = contents.meta.as_ref().map(|meta| meta.0.clone());
        Ok(Some(Stored { generation: contents.generation, meta, records }))
    }

    async fn commit(&self, change: Change) -> Result<u64, StoreError> {
        let mut contents = self.contents.borrow_mut();
        if change.expected_generation != contents.generation {
            return Err(StoreError::Conflict);
        }
        let line = Line {
            generation: contents.generation + 1,
            meta: change.meta.map(Bytes),
            puts: change.puts.into_iter().map(|(key, value)| (key, Bytes(value))).collect(),
            deletes: change.deletes,
        };
        let path = contents.path.clone();
        contents.commit(line).map_err(|error| failed(&path, &error))?;
        Ok(contents.generation)
    }
}

/// Begins a journal with one line, in one move.
fn begin(path: &Path, line: &Line) -> io::Result<File> {
    let staging = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&staging)?;
    file.write_all(HEADER.as_bytes())?;
    file.write_all(&write(line)?)?;
    file.sync_all()?;
    fs::rename(&staging, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    private().append(true).open(path)
}

/// `SHA-256 of the JSON`, a space, the JSON, a line feed.
fn write(line: &Line) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(line)?;
    let mut text = Digest::of(&json).to_string().into_bytes();
    text.push(b' ');
    text.extend(json);
    text.push(b'\n');
    Ok(text)
}

fn parse(text: &[u8]) -> Option<Line> {
    let space = text.iter().position(|byte| *byte == b' ')?;
    let json = text[space + 1..].strip_suffix(b"\n")?;
    let whole = Digest::of(json).to_string().as_bytes() == &text[..space];
    whole.then(|| json::from_slice(json).ok()).flatten()
}

fn failed(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Failed(format!("{}: {error}", path.display()))
}

/// Options for a file that only its owner may read.
pub(crate) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(generation: u64, value: &[u8]) -> Change {
        let puts = vec![("purse".to_owned(), value.to_vec())];
        Change { expected_generation: generation, puts, ..Change::default() }
    }

    async fn purse(journal: &Journal) -> Option<Vec<u8>> {
        journal.load(None).await.unwrap().unwrap().records.pop().map(|(_, value)| value)
    }

    #[tokio::test]
    async fn keeps_what_was_committed() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::open(home.path()).unwrap();
        assert_eq!(journal.commit(put(0, b"one")).await.unwrap(), 1);
        assert_eq!(journal.commit(put(1, b"two")).await.unwrap(), 2);
        assert_eq!(journal.commit(put(1, b"lost")).await, Err(StoreError::Conflict));
        assert!(matches!(Journal::open(home.path()), Err(StoreError::Conflict)), "one process at a time");
        drop(journal);
        let journal = Journal::open(home.path()).unwrap();
        assert_eq!(purse(&journal).await.unwrap(), b"two");
        assert_eq!(journal.load(Some(2)).await.unwrap(), None);
    }

    /// A crash may cut the last line anywhere: the commit before it holds, and the next one too.
    #[tokio::test]
    async fn survives_a_crash_at_every_byte() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::open(home.path()).unwrap();
        journal.commit(put(0, b"one")).await.unwrap();
        let path = home.path().join(JOURNAL);
        let first = fs::read(&path).unwrap();
        journal.commit(put(1, b"two")).await.unwrap();
        drop(journal);
        let both = fs::read(&path).unwrap();
        for length in first.len()..both.len() {
            fs::write(&path, &both[..length]).unwrap();
            let journal = Journal::open(home.path()).unwrap();
            assert_eq!(purse(&journal).await.unwrap(), b"one", "{length}");
            journal.commit(put(1, b"three")).await.unwrap();
            drop(journal);
            assert_eq!(purse(&Journal::open(home.path()).unwrap()).await.unwrap(), b"three", "{length}");
        }
    }

    #[tokio::test]
    async fn refuses_a_journal_that_was_harmed_in_the_middle() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::open(home.path()).unwrap();
        journal.commit(put(0, b"one")).await.unwrap();
        journal.commit(put(1, b"two")).await.unwrap();
        drop(journal);
        let path = home.path().join(JOURNAL);
        let mut bytes = fs::read(&path).unwrap();
        bytes[HEADER.len() + 60] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Journal::open(home.path()), Err(StoreError::Failed(_))));
    }

    #[tokio::test]
    async fn is_written_anew_when_most_of_it_is_outdated() {
        let home = tempfile::tempdir().unwrap();
        let journal = Journal::open(home.path()).unwrap();
        for generation in 0..20 {
            journal.commit(put(generation, &[u8::try_from(generation).unwrap(); 100_000])).await.unwrap();
        }
        drop(journal);
        let path = home.path().join(JOURNAL);
        let before = fs::metadata(&path).unwrap().len();
        let journal = Journal::open(home.path()).unwrap();
        assert!(fs::metadata(&path).unwrap().len() < before / 10);
        assert_eq!(journal.commit(put(20, b"next")).await.unwrap(), 21);
        drop(journal);
        assert_eq!(purse(&Journal::open(home.path()).unwrap()).await.unwrap(), b"next");
    }
}
