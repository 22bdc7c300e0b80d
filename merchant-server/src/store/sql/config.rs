//! Which database a party uses.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Where a party keeps its truth.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The SQLite file, which is used where there is no URL.
    pub file: PathBuf,
    /// A PostgreSQL database.
    pub url: Option<StoreUrl>,
}

impl StoreConfig {
    /// A SQLite file.
    pub fn file(file: &Path) -> Self {
        Self { file: file.to_owned(), url: None }
    }

    /// The database that a party's settings name: `store` if it is there, else `file`.
    pub fn new(file: PathBuf, url: Option<&StoreUrl>) -> Self {
        Self { file, url: url.cloned() }
    }
}

/// A database's URL, such as `postgres://user:password@host:5432/mint?sslmode=require`. It is not written into logs.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct StoreUrl(String);

impl StoreUrl {
    /// Takes a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// With its secrets.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The scheme, host and path: nothing that is secret.
    pub fn shown(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("", &self.0));
        let rest = rest.split(['?', '#']).next().unwrap_or_default();
        // A password may have an '@' or a '/' in it, if it was not escaped.
        let rest = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
        format!("{scheme}://{rest}")
    }
}

impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({})", self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for url in [
            "postgres://mint:hunter2@db.example:5432/mint?sslmode=require",
            "postgres://mint:p@ss/hunter2@db.example:5432/mint",
            "postgres://db.example:5432/mint?user=mint&password=hunter2",
        ] {
            assert_eq!(StoreUrl::new(url).shown(), "postgres://db.example:5432/mint");
            assert!(!format!("{:?}", StoreUrl::new(url)).contains("hunter2"));
        }
    }
}
