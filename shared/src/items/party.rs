//! Who a party is: the signed document at `/.well-known/semper`.

use serde::{Deserialize, Serialize};

pub use super::payment::ModuleVersion;
use super::payment::Unusable;
use super::statement::{Signed, Statement, StatementError};
use crate::foundation::{Table, UnixSeconds};
use crate::security::{PublicKey, Verifier};

/// What a party does in the marketplace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Role {
    /// Publishes offers and delivers.
    Merchant,
    /// Issues and redeems coins.
    Mint,
    /// Keeps accounts.
    Bank,
    /// Has card payments authorised.
    Gateway,
}

/// The document by which a party introduces itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The name that people know it by.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Its origin, such as `https://mint.example`.
    pub url: String,
    /// The key that signs its statements.
    pub key: PublicKey,
    /// The payment modules that it runs.
    pub modules: Vec<ModuleVersion>,
    /// Named addresses below `url`.
    pub endpoints: Table<String, String>,
    /// When the document was signed.
    pub issued_at: UnixSeconds,
    /// When it must be fetched again.
    pub expires_at: UnixSeconds,
}

impl Statement for Party {
    const TYP: &'static str = "semper-party+jwt";
}

impl Party {
    /// Reads a party's own document: proves that whoever answered holds the key, at the origin it was fetched from.
    ///
    /// # Errors
    /// [`StatementError`] where it is not signed by the key it names, names another origin, or is out of date.
    pub fn verify(
        compact: &str,
        fetched_from: &str,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Signed<Self>, StatementError> {
        let party = Signed::<Self>::verify_introduction(compact, |party| &party.key, verifier)?;
        if party.url.trim_end_matches('/') != fetched_from.trim_end_matches('/') {
            return Err(StatementError::Malformed("the party's url is not where its document was found"));
        }
        if now > party.expires_at {
            return Err(StatementError::Malformed("the party's document has expired"));
        }
        Ok(party)
    }

    /// That it runs a module in a version that is spoken here. One that names no version of it says nothing against it.
    ///
    /// # Errors
    /// [`Unusable::Version`] where it names other versions alone.
    pub fn speaks(&self, module: &str, ours: u32) -> Result<(), Unusable> {
        let versions = self.modules.iter().filter(|run| run.id.as_str() == module).map(|run| run.version);
        match versions.clone().max() {
            Some(theirs) if !versions.clone().any(|version| version == ours) => Err(Unusable::Version { ours, theirs }),
            _ => Ok(()),
        }
    }
}
