//! `statement/`: any payload under the type of notes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::foundation::Digest;
use crate::items::statement::{Signed, Statement, StatementError};
use crate::security::{Portable, PublicKey, Thumbprint};

/// A kind of statement that only vectors have.
#[derive(Serialize, Deserialize)]
struct Note {
    text: String,
}

impl Statement for Note {
    const TYP: &'static str = "semper-note+jwt";
}

#[derive(Deserialize)]
struct Verify {
    compact: String,
    jwk: PublicKey,
}

#[derive(Deserialize)]
struct VerifySelfKeyed {
    compact: String,
}

#[derive(Serialize)]
struct Verified {
    text: String,
    digest: Digest,
    signer: Thumbprint,
}

impl From<Signed<Note>> for Verified {
    fn from(note: Signed<Note>) -> Self {
        Self { text: note.text.clone(), digest: note.digest(), signer: note.signer() }
    }
}

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "verify" => {
            on(input, |Verify { compact, jwk }| Signed::<Note>::verify(&compact, &jwk, &Portable).map(Verified::from))
        }
        "verify-self-keyed" => on(input, |VerifySelfKeyed { compact }| {
            let (note, _) = Signed::<Note>::verify_self_keyed(&compact, &Portable)?;
            Ok::<_, StatementError>(Verified::from(note))
        }),
        _ => unknown(operation),
    }
}
