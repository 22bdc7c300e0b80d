//! `party/`: how a party introduces itself, and which of its versions are spoken.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::foundation::{Code, Coded, Digest, UnixSeconds};
use crate::items::party::{ModuleVersion, Party, Role};
use crate::items::statement::{Signed, StatementError};
use crate::security::Portable;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "verify-party" => on(input, verify),
        "speaks" => on(input, speaks),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Introduced {
    document: String,
    fetched_from: String,
    now: UnixSeconds,
}

impl Introduced {
    fn party(&self) -> Result<Signed<Party>, StatementError> {
        Party::verify(&self.document, &self.fetched_from, self.now, &Portable)
    }
}

#[derive(Serialize)]
struct Known {
    name: String,
    role: Role,
    key: Digest,
    modules: Vec<ModuleVersion>,
}

fn verify(input: Introduced) -> Result<Known, StatementError> {
    let party = input.party()?;
    Ok(Known {
        name: party.name.clone(),
        role: party.role,
        key: party.key.thumbprint(),
        modules: party.modules.clone(),
    })
}

#[derive(Deserialize)]
struct Spoken {
    #[serde(flatten)]
    introduced: Introduced,
    module: String,
    version: u32,
}

fn speaks(input: Spoken) -> Result<(), Code> {
    let party = input.introduced.party().map_err(|error| error.code())?;
    party.speaks(&input.module, input.version).map_err(|why| why.code())
}
