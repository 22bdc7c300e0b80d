//! Where the pages lie, and what kind of file each is.

use std::env;
use std::io;
use std::path::{Path, PathBuf};

use semper_shared::foundation::{Code, Coded};

/// The environment's word for where the pages lie.
pub const ASSETS_VARIABLE: &str = "SEMPER_ASSETS";

/// The folder that contains `www/`, and beside it `client-wasm/js`.
#[derive(Debug, Clone)]
pub struct Assets(PathBuf);

impl Assets {
    /// Finds the folder: as `given`, as `$SEMPER_ASSETS` says, or else upwards from the working folder, then upwards from
    /// this program's file.
    ///
    /// # Errors
    /// [`AssetsError::NotFound`], or [`AssetsError::NoPages`] where the place that was named has no `www`.
    pub fn find(given: Option<&Path>) -> Result<Self, AssetsError> {
        let named = given.map(Path::to_owned).or_else(|| env::var_os(ASSETS_VARIABLE).map(PathBuf::from));
        if let Some(root) = named {
            return if has_pages(&root) { Ok(Self(root)) } else { Err(AssetsError::NoPages(root)) };
        }
        let starts = [env::current_dir().ok(), env::current_exe().ok()];
        let above = starts.iter().flatten().flat_map(|start| start.ancestors());
        above.map(Path::to_owned).find(|folder| has_pages(folder)).map(Self).ok_or(AssetsError::NotFound)
    }

    /// A folder below `www/`.
    pub(super) fn www(&self, name: &str) -> PathBuf {
        self.0.join("www").join(name)
    }

    /// The folder of the npm package.
    pub(super) fn package(&self) -> PathBuf {
        self.0.join("client-wasm/js")
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.0
    }
}

fn has_pages(folder: &Path) -> bool {
    folder.join("www/wallet").is_dir() && folder.join("www/common").is_dir()
}

/// The media type that a file's name says, and whether compressing it pays.
pub(super) fn media_type(name: &str) -> (&'static str, bool) {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => ("text/html; charset=utf-8", true),
        "js" | "mjs" => ("text/javascript; charset=utf-8", true),
        "css" => ("text/css; charset=utf-8", true),
        "json" => ("application/json", true),
        "webmanifest" => ("application/manifest+json", true),
        "wasm" => ("application/wasm", true),
        "svg" => ("image/svg+xml", true),
        "txt" | "md" | "ts" => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", false),
        "jpg" | "jpeg" => ("image/jpeg", false),
        "webp" => ("image/webp", false),
        "avif" => ("image/avif", false),
        "ico" => ("image/x-icon", false),
        "woff2" => ("font/woff2", false),
        "opus" | "ogg" => ("audio/ogg", false),
        "mp3" => ("audio/mpeg", false),
        _ => ("application/octet-stream", false),
    }
}

/// Why there are no pages.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// Nowhere above the working folder or the program.
    #[error(
        "the pages (the folder www) are neither above the working folder nor above the program: say where they are with --assets or ${ASSETS_VARIABLE}"
    )]
    NotFound,
    /// Not where one was told to look.
    #[error("{0} has no folder www with the pages")]
    NoPages(PathBuf),
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Coded for AssetsError {
    fn code(&self) -> Code {
        Code::CONFIG_INVALID
    }
}
