//! `information/`: streams, commitments, paths.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Hex, Performed, on, unknown};
use crate::foundation::Digest;
use crate::items::information::{Commitment, ContentKey, InclusionPath, InformationError, Opener, Sealer, merkle};

/// A content, spelt out or, where it is long, as the bytes 0, 1, … 250, 0, 1, … that many times.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Content {
    Bytes(Hex),
    Counting(usize),
}

impl Content {
    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.0,
            Self::Counting(length) => (0..=250).cycle().take(length).collect(),
        }
    }
}

#[derive(Deserialize)]
struct Seal {
    key: Hex,
    salt: Hex,
    media_type: String,
    content: Content,
}

#[derive(Serialize)]
struct Sealed {
    commitment: Commitment,
    /// Left out where the stream is long: its hash is in the commitment.
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Hex>,
}

#[derive(Deserialize)]
struct Open {
    key: Hex,
    commitment: Commitment,
    stream: Hex,
}

#[derive(Serialize)]
struct Opened {
    content: Hex,
}

#[derive(Deserialize)]
struct Leaves {
    records: Vec<Hex>,
}

#[derive(Serialize)]
struct Root {
    root: Digest,
    paths: Vec<Vec<Digest>>,
}

#[derive(Deserialize)]
struct CheckRecord {
    record: Hex,
    index: u64,
    records: u64,
    beside: Vec<Digest>,
    root: Digest,
}

const LONG: usize = 4096;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "seal" => on(input, seal),
        "open" => on(input, open),
        "tree" => on(input, tree),
        "check-record" => on(input, check_record),
        _ => unknown(operation),
    }
}

fn seal(input: Seal) -> Result<Sealed, InformationError> {
    let key = ContentKey::from_bytes(input.key.array(InformationError::Key)?);
    let salt = input.salt.array(InformationError::Content)?;
    let mut sealer = Sealer::new(&key, salt, input.media_type);
    let mut stream = sealer.push(&input.content.into_bytes())?;
    let (rest, commitment) = sealer.finish()?;
    stream.extend(rest);
    Ok(Sealed { commitment, stream: (stream.len() <= LONG).then_some(Hex(stream)) })
}

fn open(input: Open) -> Result<Opened, InformationError> {
    let key = ContentKey::from_bytes(input.key.array(InformationError::Key)?);
    let mut opener = Opener::new(&input.commitment, &key)?;
    let mut content = opener.push(&input.stream.0)?;
    content.extend(opener.finish()?);
    Ok(Opened { content: Hex(content) })
}

fn tree(input: Leaves) -> Result<Root, InformationError> {
    let leaves: Vec<_> = input.records.iter().map(|record| merkle::leaf(&record.0)).collect();
    let mut tree = merkle::Tree::new();
    leaves.iter().for_each(|leaf| tree.push(*leaf));
    let paths =
        (0..leaves.len()).filter_map(|index| InclusionPath::make(&leaves, index)).map(|path| path.beside).collect();
    Ok(Root { root: tree.root().ok_or(InformationError::Content)?, paths })
}

fn check_record(input: CheckRecord) -> Result<(), InformationError> {
    let path = InclusionPath { index: input.index, beside: input.beside };
    if path.leads(merkle::leaf(&input.record.0), input.records, &input.root) {
        Ok(())
    } else {
        Err(InformationError::Content)
    }
}
