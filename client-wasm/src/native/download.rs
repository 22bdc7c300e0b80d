//! Fetching goods: the ciphertext into a file that may be continued, then opened, verified, and put in its place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, RANGE};
use semper_shared::foundation::{Code, Coded};
use semper_shared::items::information::{InformationError, Opener};

use super::NativeHttp;
use crate::core::PartAccess;

const ATTEMPTS: u32 = 6;
const SILENCE: Duration = Duration::from_secs(30);
const BUFFER_LEN: usize = 1 << 18;

/// Why a file could not be fetched or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Download {
    /// The connection was lost, again and again; what has come is kept.
    #[error("the connection was lost; what has arrived is kept, and the next attempt goes on from there")]
    Interrupted,
    /// The merchant does not serve it.
    #[error("the shop answered {0}")]
    Status(u16),
    /// It is not what was promised.
    #[error(transparent)]
    Content(#[from] InformationError),
    /// The disk failed.
    #[error("{0}: {1}")]
    Disk(PathBuf, io::Error),
}

impl Coded for Download {
    fn code(&self) -> Code {
        match self {
            Self::Interrupted => Code::NETWORK_FAILED,
            Self::Status(404) => Code::NOT_FOUND,
            Self::Status(_) => Code::PEER_INVALID,
            Self::Content(error) => error.code(),
            Self::Disk(..) => Code::STORE_FAILED,
        }
    }
}

/// Fetches a file into `folder` and opens it there, under its own name, or under a numbered one where another file has
/// it. Returns its path. `report` hears how many bytes of how many have arrived.
///
/// # Errors
/// [`Download`]. A file of that name is only ever the whole and verified one.
pub async fn download(
    http: &NativeHttp,
    access: &PartAccess,
    folder: &Path,
    report: &dyn Fn(u64, u64),
) -> Result<PathBuf, Download> {
    let partial = folder.join(format!(".{}.part", access.ciphertext));
    fs::create_dir_all(folder).map_err(|error| Download::Disk(folder.to_owned(), error))?;
    fetch(http, access, &partial, report).await?;
    let opened = folder.join(format!(".{}.open", access.ciphertext));
    match open(access, &partial, &opened) {
        Ok(()) => {}
        Err(error) => {
            // What arrived is worthless, and must not be continued.
            if matches!(error, Download::Content(_)) {
                let _ = fs::remove_file(&partial);
            }
            let _ = fs::remove_file(&opened);
            return Err(error);
        }
    }
    let path = place(&opened, folder, &access.name).map_err(|error| Download::Disk(folder.to_owned(), error))?;
    let _ = fs::remove_file(&partial);
    Ok(path)
}

/// Puts a file in its place; one that is there already with another content keeps its name.
fn place(opened: &Path, folder: &Path, name: &str) -> io::Result<PathBuf> {
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    for number in 1..10_000 {
        let path = folder.join(if number == 1 { name.to_owned() } else { format!("{stem} ({number}){ending}") });
        if !path.exists() || same_content(opened, &path)? {
            fs::rename(opened, &path)?;
            return Ok(path);
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are too many files of that name"))
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    if fs::metadata(one)?.len() != fs::metadata(other)?.len() {
        return Ok(false);
    }
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut a, mut b) = (vec![0; BUFFER_LEN], vec![0; BUFFER_LEN]);
    loop {
        let length = one.read(&mut a)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut b[..length])?;
        if a[..length] != b[..length] {
            return Ok(false);
        }
    }
}

/// Fetches the ciphertext, going on where an earlier attempt ended.
async fn fetch(http: &NativeHttp, access: &PartAccess, path: &Path, report: &dyn Fn(u64, u64)) -> Result<(), Download> {
    let disk = |error| Download::Disk(path.to_owned(), error);
    let total = access.commitment.ciphertext_len();
    let mut failures = 0;
    loop {
        let mut file = OpenOptions::new().create(true).append(true).open(path).map_err(disk)?;
        let before = file.metadata().map_err(disk)?.len();
        if before > total {
            file.set_len(0).map_err(disk)?;
            continue;
        }
        if before == total {
            return file.sync_all().map_err(disk);
        }
        match fetch_rest(http, access, &mut file, before, report).await {
            Ok(()) => {}
            Err(Rest::Final(error)) => return Err(error),
            Err(Rest::Lost) => {
                failures = if file.metadata().map_err(disk)?.len() > before { 1 } else { failures + 1 };
                if failures == ATTEMPTS {
                    return Err(Download::Interrupted);
                }
                tokio::time::sleep(Duration::from_millis(100 << failures)).await;
            }
        }
    }
}

enum Rest {
    Lost,
    Final(Download),
}

async fn fetch_rest(
    http: &NativeHttp,
    access: &PartAccess,
    file: &mut File,
    have: u64,
    report: &dyn Fn(u64, u64),
) -> Result<(), Rest> {
    let total = access.commitment.ciphertext_len();
    let mut request = http.client().get(&access.url);
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let sent = tokio::time::timeout(SILENCE, request.send()).await;
    let mut response = sent.map_err(|_| Rest::Lost)?.map_err(|_| Rest::Lost)?;
    let disk = |error| Rest::Final(Download::Disk(PathBuf::from(&access.name), error));
    let mut done = match response.status() {
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
            let begins = range.is_some_and(|range| range.starts_with(&format!("bytes {have}-")));
            if !begins {
                return Err(Rest::Final(Download::Status(206)));
            }
            have
        }
        StatusCode::OK => {
            file.set_len(0).map_err(disk)?;
            0
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => return Err(Rest::Lost),
        status => return Err(Rest::Final(Download::Status(status.as_u16()))),
    };
    loop {
        let chunk = tokio::time::timeout(SILENCE, response.chunk()).await;
        let Some(chunk) = chunk.map_err(|_| Rest::Lost)?.map_err(|_| Rest::Lost)? else {
            return if done == total { Ok(()) } else { Err(Rest::Lost) };
        };
        done += chunk.len() as u64;
        if done > total {
            return Err(Rest::Final(Download::Content(InformationError::Content)));
        }
        file.write_all(&chunk).map_err(disk)?;
        report(done, total);
    }
}

/// Decrypts and verifies the whole ciphertext.
fn open(access: &PartAccess, partial: &Path, opened: &Path) -> Result<(), Download> {
    let from_disk = |error| Download::Disk(partial.to_owned(), error);
    let to_disk = |error| Download::Disk(opened.to_owned(), error);
    let mut reader = BufReader::new(File::open(partial).map_err(from_disk)?);
    let mut file = File::create(opened).map_err(to_disk)?;
    let mut opener = Opener::new(&access.commitment, &access.key)?;
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let length = reader.read(&mut buffer).map_err(from_disk)?;
        if length == 0 {
            break;
        }
        file.write_all(&opener.push(&buffer[..length])?).map_err(to_disk)?;
    }
    file.write_all(&opener.finish()?).map_err(to_disk)?;
    file.sync_all().map_err(to_disk)
}
