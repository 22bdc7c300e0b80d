//! Statements, whatever somebody does to their text.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use semper_shared::foundation::Digest;
use semper_shared::items::statement::{Compact, MAX_LEN, Signed, Statement, StatementError};
use semper_shared::security::{Portable, PublicKey, Signer, SigningKey};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    text: String,
    number: u64,
}

impl Statement for Note {
    const TYP: &'static str = "semper-note+jwt";
}

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

fn signed(text: &str, number: u64) -> Signed<Note> {
    Signed::sign(Note { text: text.to_owned(), number }, &key(1))
}

fn verify(compact: &str) -> Result<Signed<Note>, StatementError> {
    Signed::verify(compact, key(1).public_key(), &Portable)
}

/// Every character of header, payload and signature, and both dots, replaced by every character of a compact JWS.
#[test]
fn refuses_every_changed_character() {
    let compact = signed("I deliver on Monday", 7).compact().to_owned();
    for position in 0..compact.len() {
        for other in "ABYZabyz059-_.=+/ \n\u{e9}".chars() {
            let changed = format!("{}{other}{}", &compact[..position], &compact[position + 1..]);
            assert_eq!(verify(&changed).is_ok(), changed == compact, "{other:?} at {position}");
        }
    }
}

#[test]
fn refuses_every_left_out_or_added_character() {
    let compact = signed("I deliver on Monday", 7).compact().to_owned();
    for position in 0..=compact.len() {
        for added in ["A", ".", "=", " "] {
            let longer = format!("{}{added}{}", &compact[..position], &compact[position..]);
            assert!(verify(&longer).is_err(), "{added:?} added at {position}");
        }
        if position < compact.len() {
            let shorter = format!("{}{}", &compact[..position], &compact[position + 1..]);
            assert!(verify(&shorter).is_err(), "left out at {position}");
        }
    }
}

/// One statement never counts for another: every part swapped with that of another statement by the same signer.
#[test]
fn refuses_parts_of_two_statements() {
    let (a, b) = (signed("Monday", 1), signed("never", 1));
    let split = |compact: &str| compact.split('.').map(str::to_owned).collect::<Vec<_>>();
    let (a, b) = (split(a.compact()), split(b.compact()));
    assert_eq!(a[0], b[0], "the same header");
    for mixed in [[&a[0], &a[1], &b[2]], [&a[0], &b[1], &a[2]]] {
        assert_eq!(verify(&mixed.map(String::as_str).join(".")).err(), Some(StatementError::Signature));
    }
}

#[test]
fn refuses_other_signers() {
    let compact = Signed::sign(Note { text: String::new(), number: 0 }, &key(2)).compact().to_owned();
    assert_eq!(verify(&compact).err(), Some(StatementError::Signature));
    let self_keyed = Signed::sign_self_keyed(Note { text: String::new(), number: 0 }, &key(2));
    assert_eq!(verify(self_keyed.compact()).err(), Some(StatementError::Signature), "its own key is no authority");
    let (_, found): (_, PublicKey) = Signed::<Note>::verify_self_keyed(self_keyed.compact(), &Portable).unwrap();
    assert_eq!(found, *key(2).public_key());
}

/// The bound is on the text: 64 KiB verify, and nothing above is even parsed.
#[test]
fn holds_the_bound() {
    let empty = signed("", 0).compact().len();
    let mut text = "A".repeat((MAX_LEN - empty) / 4 * 3);
    while signed(&text, 0).compact().len() <= MAX_LEN {
        assert!(verify(signed(&text, 0).compact()).is_ok());
        text.push('A');
    }
    assert_eq!(verify(signed(&text, 0).compact()).err(), Some(StatementError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trip(text in ".{0,200}", number: u64) {
        let note = signed(&text, number);
        let read = verify(note.compact())?;
        prop_assert_eq!(read.payload(), note.payload());
        prop_assert_eq!(read.digest(), note.digest());
        prop_assert_eq!(read.signer(), key(1).public_key().thumbprint());
        let input = note.compact().rsplit_once('.').map(|(input, _)| input).unwrap_or_default();
        prop_assert_eq!(read.digest(), Digest::of(input.as_bytes()));
        let sent = serde_json::to_string(&note.to_compact()).unwrap();
        let arrived: Compact<Note> = serde_json::from_str(&sent).unwrap();
        prop_assert_eq!(arrived.verify(key(1).public_key(), &Portable)?.digest(), note.digest());
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,300}") {
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn no_parts_make_it_panic(header in ".{0,60}", payload in ".{0,60}", signature: [u8; 32]) {
        use semper_shared::foundation::base64::encode;
        let text = format!("{}.{}.{}", encode(header.as_bytes()), encode(payload.as_bytes()), encode(&signature));
        prop_assert!(verify(&text).is_err());
    }
}
