//! Years of a mint's denominations, with keys that are only numbers, since making a thousand real ones takes minutes.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
use std::collections::BTreeMap;

use proptest::prelude::*;
use semper_shared::foundation::{Currency, UnixSeconds};
use semper_shared::items::payment::ecash::{Fees, Funding};
use semper_shared::items::statement::MAX_LEN;
use semper_shared::security::blinding::RsaPublicKey;
use semper_shared::security::{Portable, SigningKey};

use super::*;
use crate::mint::settings::Windows;

const DAY_S: u64 = 24 * 3_600;
const BEGIN: UnixSeconds = UnixSeconds(1_800_000_000);

/// A different modulus each time.
fn modulus(number: usize) -> RsaPublicKey {
    let mut bytes = [0xff; 256];
    bytes[8..16].copy_from_slice(&number.to_be_bytes());
    RsaPublicKey::from_modulus(&bytes).unwrap()
}

/// What [`super::super::keys::load_or_make`] does, without the keys.
fn rotate(windows: &Windows, issuers: &mut Vec<Issuer>, now: UnixSeconds) {
    let ahead = now.plus(windows.days(windows.ahead_days));
    for (issue_from, values) in windows.missing(issuers.iter().map(|issuer| &issuer.key), now, ahead) {
        for value in values {
            let key = windows.key(value, Fees::default(), modulus(issuers.len()), issue_from);
            issuers.push(Issuer { key, signer: None });
        }
    }
}

fn ring(issuers: &[Issuer], now: UnixSeconds, signer: &SigningKey) -> Ring {
    let document = MintKeys {
        key: signer.public_key().clone(),
        url: "https://mint.a-rather-long-name.example".to_owned(),
        name: "A mint with a rather long name, too".to_owned(),
        currency: Currency::EUR,
        funding: Funding { bank: "https://bank.example".to_owned(), account: "mint".to_owned() },
        wire_delay_s: 3_600,
        denominations: Vec::new(),
        earlier: None,
        revoked: Vec::new(),
        policy: semper_shared::items::payment::ecash::Policy::default(),
        issued_at: now,
        expires_at: now.plus(DAY_S),
    };
    let numbers: Vec<Number> = (0..).take(issuers.len()).collect();
    Ring::new(document, signer, issuers, &numbers).unwrap()
}

/// The document as a wallet gets it, with all the pages that it leads to.
fn read_all(ring: &Ring) -> (KeySet, usize) {
    let compact = semper_shared::items::statement::Compact::new(String::from_utf8(ring.text.to_vec()).unwrap());
    let mut keys = KeySet::verify(&compact, &Portable).unwrap();
    let mut pages = 0;
    while let Some(digest) = keys.next_page() {
        keys.turn_page(&ring.page(&digest).unwrap()).unwrap();
        pages += 1;
    }
    (keys, pages)
}

/// Ten years: every value is always issued, the document stays small, and the pages lead to all that ever was.
#[test]
fn ten_years_of_rotation() {
    let windows = Windows::default();
    let signer = SigningKey::from_bytes(&[1; 32]).unwrap();
    let mut issuers = Vec::new();
    let mut largest = 0;
    for day in 0..3_650 {
        let now = BEGIN.plus(day * DAY_S);
        let before = issuers.len();
        rotate(&windows, &mut issuers, now);
        if issuers.len() == before && day % 7 != 0 {
            continue;
        }
        let ring = ring(&issuers, now, &signer);
        largest = largest.max(ring.text.len());
        let (keys, pages) = read_all(&ring);
        assert_eq!(keys.denominations().count(), issuers.len(), "day {day}");
        assert!(pages <= issuers.len() / 15);
        for value in 0..15 {
            let of_value = || keys.document().denominations.iter().filter(move |key| key.value_minor == 1 << value);
            let issued = of_value().filter(|key| key.issue_from <= now && now <= key.issue_until).count();
            assert!((1..=2).contains(&issued), "day {day}: {issued} keys of 2^{value}");
            let until = of_value().map(|key| key.issue_until).max().unwrap();
            assert!(now.plus(60 * DAY_S) <= until, "day {day}: two months are published ahead");
        }
    }
    println!("{} denominations; the largest document has {largest} bytes", issuers.len());
    assert!(largest <= MAX_LEN / 2, "{largest}");
    assert!(largest <= windows.document_len());
}

#[test]
fn a_revocation_is_published_as_long_as_it_matters() {
    let windows = Windows { largest_minor: 1, ..Windows::default() };
    let signer = SigningKey::from_bytes(&[1; 32]).unwrap();
    let mut issuers = Vec::new();
    rotate(&windows, &mut issuers, BEGIN);
    let revoked = Revoked { denomination: issuers[0].key.id(Currency::EUR), revoked_at: BEGIN };
    for (days, published) in [(0, true), (365, true), (729, true), (800, false)] {
        let now = BEGIN.plus(days * DAY_S);
        let mut document = ring(&issuers, now, &signer).keys.document().payload().clone();
        document.revoked = vec![revoked.clone()];
        let numbers: Vec<Number> = (0..).take(issuers.len()).collect();
        let ring = Ring::new(document, &signer, &issuers, &numbers).unwrap();
        assert_eq!(!ring.keys.document().revoked.is_empty(), published, "after {days} days");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the windows, and however long making keys fails in between (up to what is made ahead): every value is issued
    /// at every moment, what is issued can be spent until its time, and batches of a value overlap by no more than asked.
    #[test]
    fn there_is_always_a_key(
        issue_days in 3_u64..90,
        overlap_share in 0_u64..40,
        spend_more in 0_u64..400,
        ahead_days in 1_u64..120,
        pauses in prop::collection::vec(1_u64..100, 20..60),
    ) {
        let windows = Windows {
            largest_minor: 4,
            issue_days,
            overlap_days: issue_days * overlap_share / 100,
            spend_days: issue_days + spend_more,
            ahead_days: ahead_days.min(issue_days * 2),
            day_s: DAY_S,
        };
        let mut issuers: Vec<Issuer> = Vec::new();
        let mut now = BEGIN;
        for pause in pauses {
            rotate(&windows, &mut issuers, now);
            let next = now.plus(pause.min(windows.ahead_days) * DAY_S);
            let mut at = now;
            while at <= next {
                for value in [1, 2, 4] {
                    let issued: Vec<_> = issuers
                        .iter()
                        .filter(|issuer| issuer.key.value_minor == value)
                        .filter(|issuer| issuer.key.issue_from <= at && at <= issuer.key.issue_until)
                        .collect();
                    prop_assert!((1..=2).contains(&issued.len()), "{} keys of {value}", issued.len());
                    for issuer in issued {
                        prop_assert!(at <= issuer.key.spend_until, "a coin is good when it is issued");
                    }
                }
                at = at.plus(DAY_S / 2);
            }
            now = next;
        }
        let mut by_value: BTreeMap<u64, Vec<&DenominationKey>> = BTreeMap::new();
        for issuer in &issuers {
            by_value.entry(issuer.key.value_minor).or_default().push(&issuer.key);
        }
        for keys in by_value.values() {
            for pair in keys.windows(2) {
                let overlap = pair[0].issue_until.0 - pair[1].issue_from.0;
                prop_assert_eq!(overlap, windows.overlap_days * DAY_S);
                prop_assert!(pair[0].spend_until < pair[1].spend_until);
            }
        }
    }

    /// A mint that was off for longer than that begins anew where it stands, and never issues for the past.
    #[test]
    fn a_mint_that_slept_wakes_up(days in 0_u64..1_000) {
        let windows = Windows { largest_minor: 2, ..Windows::default() };
        let mut issuers = Vec::new();
        rotate(&windows, &mut issuers, BEGIN);
        let now = BEGIN.plus(days * DAY_S);
        rotate(&windows, &mut issuers, now);
        for value in [1, 2] {
            let issued = issuers
                .iter()
                .filter(|issuer| issuer.key.value_minor == value)
                .filter(|issuer| issuer.key.issue_from <= now && now <= issuer.key.issue_until);
            prop_assert!((1..=2).contains(&issued.count()));
        }
        let after_the_first = issuers.iter().skip(4);
        for issuer in after_the_first {
            prop_assert!(now.0 <= issuer.key.issue_from.0 + 3_600);
        }
    }
}
