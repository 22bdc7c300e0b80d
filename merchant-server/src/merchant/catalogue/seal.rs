//! Encrypting contents into files, a record at a time.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};

use rand_core::Rng as _;
use semper_shared::foundation::Digest;
use semper_shared::items::information::{ContentKey, SALT_LEN, Sealer};
use sha2::{Digest as _, Sha256};

use super::error::CatalogueError;
use crate::crypto::system_rng;
use crate::merchant::store::Content;

/// How often progress is told, in bytes.
const STEP: u64 = 1 << 20;

/// How a temporary file's name begins.
pub(super) const TEMPORARY: &str = ".new-";

/// Hashes a file.
pub(super) fn hash_file(path: &Path) -> Result<Digest, CatalogueError> {
    let mut hash = Sha256::new();
    read_all(path, |bytes| {
        hash.update(bytes);
        Ok(())
    })?;
    Ok(Digest(hash.finalize().into()))
}

fn read_all(path: &Path, mut take: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), CatalogueError> {
    let mut file = File::open(path).map_err(CatalogueError::io(path))?;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let length = file.read(&mut buffer).map_err(CatalogueError::io(path))?;
        let Some(bytes) = buffer.get(..length).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        take(bytes).map_err(CatalogueError::io(path))?;
    }
}

/// Encrypts a file under a key of its own.
pub(super) fn seal_file(
    path: &Path,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(Content, ContentKey), CatalogueError> {
    let mut sink = SealingWriter::open(folder, path, progress)?;
    read_all(path, |bytes| sink.write_all(bytes))?;
    sink.finish()
}

/// Encrypts what `write` writes under a key of its own.
pub(super) fn seal_written(
    name: &str,
    write: &dyn Fn(&mut dyn Write) -> io::Result<()>,
    folder: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<(Content, ContentKey), CatalogueError> {
    let path = Path::new(name);
    let mut sink = SealingWriter::open(folder, path, progress)?;
    // What is written in small pieces is gathered, so that hash and cipher see large ones.
    let mut buffered = BufWriter::with_capacity(1 << 16, &mut sink);
    write(&mut buffered).and_then(|()| buffered.flush()).map_err(CatalogueError::io(path))?;
    drop(buffered);
    sink.finish()
}

/// Takes plaintext and leaves the encrypted stream in a file that has its hash for a name.
struct SealingWriter<'a> {
    source: PathBuf,
    folder: PathBuf,
    temporary: PathBuf,
    out: BufWriter<File>,
    sealer: Option<Sealer>,
    key: ContentKey,
    plaintext: Sha256,
    done: u64,
    progress: &'a mut dyn FnMut(u64),
}

impl<'a> SealingWriter<'a> {
    fn open(folder: &Path, source: &Path, progress: &'a mut dyn FnMut(u64)) -> Result<Self, CatalogueError> {
        let mut rng = system_rng();
        let key = ContentKey::make(&mut rng);
        let mut salt = [0; SALT_LEN];
        rng.fill_bytes(&mut salt);
        let temporary = folder.join(format!("{TEMPORARY}{}", key.commitment()));
        let out = File::create_new(&temporary).map_err(CatalogueError::io(&temporary))?;
        Ok(Self {
            source: source.to_owned(),
            folder: folder.to_owned(),
            temporary,
            out: BufWriter::with_capacity(1 << 18, out),
            // The media type is the offer's matter: the same stream may be promised as one or the other.
            sealer: Some(Sealer::new(&key, salt, String::new())),
            key,
            plaintext: Sha256::new(),
            done: 0,
            progress,
        })
    }

    fn finish(mut self) -> Result<(Content, ContentKey), CatalogueError> {
        let refused = |source| CatalogueError::Content { path: self.source.clone(), source };
        let Some(sealer) = self.sealer.take() else {
            return Err(refused(semper_shared::items::information::InformationError::TooLarge));
        };
        let (rest, commitment) = sealer.finish().map_err(refused)?;
        let path = self.folder.join(commitment.ciphertext.to_string());
        let written = (|| {
            self.out.write_all(&rest)?;
            self.out.flush()?;
            self.out.get_ref().sync_all()?;
            fs::rename(&self.temporary, &path)?;
            File::open(&self.folder)?.sync_all()
        })();
        written.map_err(CatalogueError::io(&path))?;
        let content = Content {
            plaintext: Digest(std::mem::take(&mut self.plaintext).finalize().into()),
            ciphertext: commitment.ciphertext,
            size: commitment.size,
            root: commitment.plaintext_root,
            key_hash: commitment.key_hash,
        };
        Ok((content, self.key.clone()))
    }
}

impl Write for SealingWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sealer = self.sealer.as_mut().ok_or(io::ErrorKind::FileTooLarge)?;
        let stream = sealer.push(bytes).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
        self.plaintext.update(bytes);
        self.out.write_all(&stream)?;
        let before = self.done;
        self.done += bytes.len() as u64;
        if before / STEP != self.done / STEP {
            (self.progress)(self.done);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for SealingWriter<'_> {
    fn drop(&mut self) {
        // After the rename there is nothing left of that name.
        let _gone = fs::remove_file(&self.temporary);
    }
}
