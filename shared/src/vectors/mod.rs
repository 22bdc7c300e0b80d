//! Runs the published test vectors (`vectors/`), so that the same files hold this crate natively, in WebAssembly and in JavaScript.
//!
//! A vector is one scenario: `operation` with `input` either gives `output`, where `expect` is `ok`, or is refused with
//! the error code that `expect` names. `comment` says what it shows and who made it.

#[cfg(feature = "account")]
mod account;
#[cfg(feature = "card")]
mod card;
mod commerce;
#[cfg(feature = "ecash")]
mod ecash;
mod foundation;
mod information;
#[cfg(feature = "ecash")]
mod issue;
#[cfg(feature = "ecash")]
mod life;
mod negotiation;
mod party;
mod policy;
mod security;
mod statement;
#[cfg(feature = "ecash")]
mod transfer;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::foundation::{Code, Coded, json};

#[derive(serde::Deserialize)]
#[serde(rename = "closed Vector", deny_unknown_fields)]
struct Vector {
    comment: String,
    operation: String,
    expect: String,
    input: Value,
    #[serde(default)]
    output: Value,
}

/// What an operation came to: its output, or the code it was refused with.
type Outcome = Result<Value, Code>;

/// The outcome, or what is wrong with the vector itself.
type Performed = Result<Outcome, String>;

/// Runs one vector of `module`, the name of its folder.
///
/// # Errors
/// What differs from the vector, or what is wrong with it.
pub fn run(module: &str, text: &str) -> Result<(), String> {
    let vector: Vector = json::from_slice(text.as_bytes()).map_err(|error| error.detail())?;
    if vector.comment.is_empty() {
        return Err("a vector says what it shows".to_owned());
    }
    let perform = match module {
        "foundation" => foundation::perform,
        "keys" | "derivation" | "sealing" | "blinding" => security::perform,
        "statement" => statement::perform,
        "information" => information::perform,
        #[cfg(feature = "account")]
        "account" => account::perform,
        #[cfg(feature = "card")]
        "card" => card::perform,
        #[cfg(feature = "ecash")]
        "ecash" => ecash::perform,
        #[cfg(feature = "ecash")]
        "transfer" => transfer::perform,
        "policy" => policy::perform,
        "party" => party::perform,
        "negotiation" => negotiation::perform,
        "offer" | "deal" | "split" => commerce::perform,
        _ => return Err(format!("there is no module {module}")),
    };
    match (vector.expect.as_str(), perform(&vector.operation, vector.input)?) {
        ("ok", Ok(output)) if output == vector.output => Ok(()),
        ("ok", Ok(output)) => Err(format!("gives {output}, not {}", vector.output)),
        (expected, Err(code)) if expected == code.as_str() && Code::find(expected).is_some() => Ok(()),
        (expected, Err(code)) => Err(format!("is refused with {code}, not {expected}")),
        (expected, Ok(output)) => Err(format!("gives {output}, not {expected}")),
    }
}

/// Reads the input and performs `operation` on it.
fn on<I: DeserializeOwned, O: Serialize, E: Coded>(
    input: Value,
    operation: impl FnOnce(I) -> Result<O, E>,
) -> Performed {
    let input = serde_json::from_value(input).map_err(|error| format!("input: {error}"))?;
    match operation(input) {
        Ok(output) => serde_json::to_value(output).map(Ok).map_err(|error| format!("output: {error}")),
        Err(error) => Ok(Err(error.code())),
    }
}

fn unknown(operation: &str) -> Performed {
    Err(format!("there is no operation {operation}"))
}

/// A code is its own error here.
impl Coded for Code {
    fn code(&self) -> Code {
        *self
    }
}

/// Bytes that stand as hex in a vector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hex(Vec<u8>);

impl<'de> serde::Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<Vec<_>>>()
            .filter(|digits| digits.len() % 2 == 0)
            .ok_or_else(|| serde::de::Error::custom("not hex"))?;
        Ok(Self(digits.chunks_exact(2).map(|pair| (pair[0] << 4) | pair[1]).collect()))
    }
}

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use core::fmt::Write as _;
        let mut text = String::new();
        for byte in &self.0 {
            write!(text, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        serializer.serialize_str(&text)
    }
}

impl Hex {
    /// Exactly `N` bytes, or what the operation is refused with.
    fn array<const N: usize, E>(&self, refusal: E) -> Result<[u8; N], E> {
        self.0.as_slice().try_into().map_err(|_| refusal)
    }
}
