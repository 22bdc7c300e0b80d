//! The import itself.

use std::collections::{HashMap, HashSet};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use semper_shared::foundation::Digest;
use semper_shared::items::information::{Commitment, ContentKey, ciphertext_len};

use super::error::CatalogueError;
use super::good::{Good, GoodPart};
use super::raw::{Draft, DraftPart, Source, picture_type};
use super::seal;
use crate::merchant::sql::{self, Sql};
use crate::merchant::store::{CatalogueChange, Content, Picture, Store as _};
use crate::store::StoreError;
use crate::store::sql::StoreUrl;

/// Makes a content that no file holds, such as a large data set.
pub struct Generator<'a> {
    /// The name that a part's `generate` asks for.
    pub name: &'a str,
    /// Whatever the bytes depend on, such as a version and a seed: the same edition is not made twice.
    pub edition: &'a str,
    /// Writes the content.
    pub write: &'a dyn Fn(&mut dyn Write) -> io::Result<()>,
}

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The good at hand.
    pub good: String,
    /// The part at hand.
    pub part: String,
    /// Its number among all parts, from one.
    pub number: usize,
    /// How many parts there are.
    pub parts: usize,
    /// How much of it is encrypted, in bytes.
    pub bytes: u64,
    /// Its size, where it is known beforehand.
    pub of: Option<u64>,
}

/// What an import changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// How many goods the shop now has.
    pub goods: usize,
    /// How many of them are new, or listed again.
    pub added: usize,
    /// How many were changed.
    pub changed: usize,
    /// How many were taken from the shop.
    pub removed: usize,
    /// How many parts were encrypted.
    pub encrypted: usize,
    /// How many bytes those were.
    pub encrypted_bytes: u64,
}

/// Brings the merchant's goods to what `folder` says: all of it, or nothing where anything is wrong.
///
/// Blocks its thread. A merchant whose store is a file must not be running, since the file has one owner at a time; one
/// with PostgreSQL shows the goods when it next makes offers, or is started again.
///
/// # Errors
/// [`CatalogueError`], which names file and line; the shop stays as it was.
pub fn import(
    data: &Path,
    store: Option<&StoreUrl>,
    folder: &Path,
    generators: &[Generator<'_>],
    progress: &mut dyn FnMut(Progress),
) -> Result<Imported, CatalogueError> {
    let drafts = super::read(folder)?;
    check_generators(&drafts, generators)?;
    let contents = data.join("content");
    DirBuilder::new().recursive(true).mode(0o700).create(&contents).map_err(CatalogueError::io(&contents))?;
    let store = finish(sql::open(data, store, None))?;
    let known = finish(store.contents())?;
    let mut run = Run {
        contents: &contents,
        store: &store,
        generators,
        progress,
        known: known.into_iter().map(|content| (content.plaintext, content)).collect(),
        change: CatalogueChange::default(),
        imported: Imported { goods: drafts.len(), ..Imported::default() },
        number: 0,
        parts: drafts.iter().map(|draft| draft.parts.len()).sum(),
    };
    for draft in drafts {
        run.good(draft)?;
    }
    let Run { change, mut imported, known, .. } = run;
    let counts = finish(store.replace_catalogue(change))?;
    (imported.added, imported.changed, imported.removed) = (counts.added, counts.changed, counts.removed);
    remove_orphans(&contents, known.values());
    tracing::info!(goods = imported.goods, encrypted = imported.encrypted, "catalogue imported");
    Ok(imported)
}

fn check_generators(drafts: &[Draft], generators: &[Generator<'_>]) -> Result<(), CatalogueError> {
    for draft in drafts {
        for part in &draft.parts {
            if let Source::Generator(name) = &part.source
                && !generators.iter().any(|generator| generator.name == name)
            {
                let what = format!("there is no generator `{name}` here");
                return Err(CatalogueError::invalid(&draft.file, part.line, what));
            }
        }
    }
    Ok(())
}

struct Run<'a> {
    contents: &'a Path,
    store: &'a Sql,
    generators: &'a [Generator<'a>],
    progress: &'a mut dyn FnMut(Progress),
    known: HashMap<Digest, Content>,
    change: CatalogueChange,
    imported: Imported,
    number: usize,
    parts: usize,
}

impl Run<'_> {
    fn good(&mut self, draft: Draft) -> Result<(), CatalogueError> {
        if let (Some(path), Some(cover)) = (&draft.picture, &draft.good.picture) {
            let bytes = fs::read(path).map_err(CatalogueError::io(path))?;
            let digest = Digest::of(&bytes);
            match self.change.pictures.iter().find(|picture| picture.name == cover.file) {
                Some(other) if other.digest != digest => {
                    let what = format!("another good has another picture of the name `{}`", cover.file);
                    return Err(CatalogueError::invalid(&draft.file, draft.line, what));
                }
                Some(_) => {}
                None => {
                    let media_type = picture_type(&cover.file).unwrap_or("application/octet-stream").to_owned();
                    self.change.pictures.push(Picture { name: cover.file.clone(), media_type, digest, bytes });
                }
            }
        }
        let mut parts = Vec::with_capacity(draft.parts.len());
        for part in draft.parts {
            let content = self.part(&draft.good, &part)?;
            let commitment = Commitment {
                media_type: part.media_type,
                size: content.size,
                ciphertext: content.ciphertext,
                plaintext_root: content.root,
                key_hash: content.key_hash,
            };
            parts.push(GoodPart { name: part.name, title: part.title, commitment });
        }
        self.change.goods.push(Good { parts, ..draft.good });
        Ok(())
    }

    fn part(&mut self, good: &Good, part: &DraftPart) -> Result<Content, CatalogueError> {
        self.number += 1;
        let earlier = match &part.source {
            Source::File(path) => Some(seal::hash_file(path)?),
            Source::Generator(name) => {
                let edition = self.generator(name).map_or("", |generator| generator.edition);
                finish(self.store.generated(name, edition))?
            }
        };
        if let Some(content) = earlier.and_then(|plaintext| self.known.get(&plaintext))
            && self.is_stored(content)
        {
            return Ok(content.clone());
        }
        let (content, key) = self.seal(good, part)?;
        if let Source::Generator(name) = &part.source {
            let edition = self.generator(name).map_or("", |generator| generator.edition);
            self.change.generated.push((name.clone(), edition.to_owned(), content.plaintext));
        }
        self.imported.encrypted += 1;
        self.imported.encrypted_bytes += content.size;
        self.known.insert(content.plaintext, content.clone());
        self.change.contents.push((content.clone(), key));
        Ok(content)
    }

    fn seal(&mut self, good: &Good, part: &DraftPart) -> Result<(Content, ContentKey), CatalogueError> {
        let of = match &part.source {
            Source::File(path) => Some(fs::metadata(path).map_err(CatalogueError::io(path))?.len()),
            Source::Generator(_) => None,
        };
        let (number, parts) = (self.number, self.parts);
        let progress = &mut *self.progress;
        let mut tell = |bytes| {
            progress(Progress { good: good.id.clone(), part: part.name.clone(), number, parts, bytes, of });
        };
        tell(0);
        match &part.source {
            Source::File(path) => seal::seal_file(path, self.contents, &mut tell),
            Source::Generator(name) => {
                let generator = self.generators.iter().find(|generator| generator.name == name);
                let write = generator.map(|generator| generator.write);
                let write = write.ok_or_else(|| CatalogueError::invalid(Path::new(name), None, "no such generator"))?;
                seal::seal_written(name, write, self.contents, &mut tell)
            }
        }
    }

    fn generator(&self, name: &str) -> Option<&Generator<'_>> {
        self.generators.iter().find(|generator| generator.name == name)
    }

    fn is_stored(&self, content: &Content) -> bool {
        let path = self.contents.join(content.ciphertext.to_string());
        fs::metadata(path).is_ok_and(|metadata| metadata.len() == ciphertext_len(content.size))
    }
}

/// Waits for the store, on a thread of its own, so that it does not matter whether this one drives a runtime.
fn finish<T: Send>(work: impl Future<Output = Result<T, StoreError>> + Send) -> Result<T, StoreError> {
    let wait = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| StoreError::Failed(error.to_string().into()))?.block_on(work)
    };
    std::thread::scope(|scope| scope.spawn(wait).join().unwrap_or(Err(StoreError::Panicked)))
}

/// Removes what an import that was cut off left behind: streams whose key nobody has.
fn remove_orphans<'a>(folder: &Path, kept: impl Iterator<Item = &'a Content>) {
    let kept: HashSet<String> = kept.map(|content| content.ciphertext.to_string()).collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let ours = name.starts_with(seal::TEMPORARY) || name.parse::<Digest>().is_ok();
        if ours && !kept.contains(name.as_ref()) && fs::remove_file(entry.path()).is_ok() {
            tracing::info!("removed what an unfinished import left");
        }
    }
}
