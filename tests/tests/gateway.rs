//! What a merchant may do with an authorisation, at a real gateway that may be killed in between.
#![allow(missing_docs)]

use std::thread;
use std::time::{Duration, Instant};

use semper_shared::foundation::Digest;
use semper_shared::items::payment::card::{Level, Operation};
use semper_tests::Outcome;
use semper_tests::acquiring::{Acquiring, Answered, euros};
use serde_json::json;

const APPROVED: &str = "4242424242424242";
const ANSWER_LOST: &str = "4000000000000119";

fn capture(minor: u64) -> Outcome<Operation> {
    Ok(Operation::Capture { amount: euros(minor)? })
}

fn refund(minor: u64) -> Outcome<Operation> {
    Ok(Operation::Refund { amount: euros(minor)?, reason: "It was late.".to_owned() })
}

/// Captured and refunded so far, as the gateway has signed it, or the code of its refusal.
fn sums(acquiring: &Acquiring, common: Digest, id: u8, operation: Operation) -> Outcome<Answered<(u64, u64)>> {
    let done = acquiring.order(common, id, operation)?;
    Ok(done.map(|done| (done.captured_minor, done.refunded_minor)))
}

fn authorised(acquiring: &Acquiring, deal: &[u8], minor: u64) -> Outcome<Digest> {
    let slip = acquiring.slip(&mut acquiring.card(APPROVED)?, deal, minor)?;
    acquiring.authorise(&slip)??;
    Ok(slip.0.terms.common())
}

#[test]
fn captures_and_refunds_come_in_parts_and_are_cleared_once() -> Outcome {
    let mut acquiring = Acquiring::start(600, Level::Two)?;
    let common = authorised(&acquiring, b"in parts", 1_999)?;
    assert_eq!(sums(&acquiring, common, 1, capture(500)?)?, Ok((500, 0)));
    assert_eq!(sums(&acquiring, common, 2, capture(1_500)?)?, Err("capture-excessive".into()));
    assert_eq!(sums(&acquiring, common, 3, capture(1_499)?)?, Ok((1_999, 0)));
    // Repeated, it is the same order; with another content it is none.
    let (first, again) = (acquiring.order(common, 3, capture(1_499)?)??, acquiring.order(common, 3, capture(1_499)?)??);
    assert_eq!(first.compact(), again.compact());
    assert_eq!(sums(&acquiring, common, 3, capture(1)?)?, Err("request-conflict".into()));
    assert_eq!(sums(&acquiring, common, 4, Operation::Void)?, Err("authorisation-closed".into()));

    acquiring.restart()?;
    assert_eq!(sums(&acquiring, common, 5, refund(300)?)?, Ok((1_999, 300)));
    assert_eq!(sums(&acquiring, common, 6, refund(1_700)?)?, Err("capture-excessive".into()));
    assert_eq!(sums(&acquiring, common, 7, refund(1_699)?)?, Ok((1_999, 1_999)));
    assert_eq!(acquiring.standing(common)?["state"], "refunded");

    let deadline = Instant::now() + Duration::from_secs(20);
    let mut lines = loop {
        let lines = acquiring.cleared()?;
        if lines.len() >= 4 || Instant::now() > deadline {
            break lines;
        }
        thread::sleep(Duration::from_millis(100));
    };
    acquiring.restart()?;
    thread::sleep(Duration::from_secs(3));
    assert_eq!(acquiring.cleared()?.len(), lines.len(), "what is cleared is not cleared again");
    lines.retain(|line| line.contains(&common.to_string()));
    let mut amounts: Vec<_> = lines.iter().filter_map(|line| line.split(',').nth(5)).collect();
    amounts.sort_unstable();
    assert_eq!(amounts, ["-16.99", "-3.00", "14.99", "5.00"]);
    Ok(())
}

#[test]
fn what_is_let_go_cannot_be_taken() -> Outcome {
    let acquiring = Acquiring::start(600, Level::One)?;
    let common = authorised(&acquiring, b"let go", 700)?;
    assert_eq!(sums(&acquiring, common, 1, Operation::Void)?, Ok((0, 0)));
    assert_eq!(sums(&acquiring, common, 1, Operation::Void)?, Ok((0, 0)), "once more is the same");
    assert_eq!(sums(&acquiring, common, 2, capture(700)?)?, Err("authorisation-closed".into()));
    assert_eq!(acquiring.standing(common)?["state"], "voided");
    let unknown = Digest::of(b"nobody's");
    assert_eq!(sums(&acquiring, unknown, 3, capture(1)?)?, Err("authorisation-unknown".into()));
    Ok(())
}

#[test]
fn an_authorisation_ends_by_itself() -> Outcome {
    let acquiring = Acquiring::start(2, Level::Two)?;
    let common = authorised(&acquiring, b"too late", 700)?;
    assert_eq!(sums(&acquiring, common, 1, capture(100)?)?, Ok((100, 0)));
    let late = authorised(&acquiring, b"much too late", 700)?;
    thread::sleep(Duration::from_secs(4));
    assert_eq!(sums(&acquiring, late, 2, capture(700)?)?, Err("authorisation-expired".into()));
    assert_eq!(acquiring.standing(late)?["state"], "expired");
    // What was captured in time can still be given back.
    assert_eq!(sums(&acquiring, common, 3, refund(100)?)?, Ok((100, 100)));
    Ok(())
}

#[test]
fn every_level_pays_and_a_lower_one_than_asked_does_not() -> Outcome {
    for (level, enrolled) in [(Level::One, false), (Level::Two, false), (Level::Three, true)] {
        let acquiring = Acquiring::start(600, level)?;
        let mut payer = acquiring.card(APPROVED)?;
        if enrolled {
            assert!(acquiring.slip(&mut payer, b"a deal", 250).is_err(), "level 3 takes a key");
            acquiring.enrol(&mut payer)?;
        }
        let slip = acquiring.slip(&mut payer, b"a deal", 250)?;
        assert_eq!(slip.0.terms.level == Level::Three, enrolled);
        let (first, again) = (acquiring.authorise(&slip)??, acquiring.authorise(&slip)??);
        assert_eq!(first, again, "asked twice, authorised once");
        assert_eq!(sums(&acquiring, slip.0.terms.common(), 1, capture(250)?)?, Ok((250, 0)));
        // The deal has its authorisation: another slip for it is refused.
        let other = acquiring.slip(&mut payer, b"a deal", 250)?;
        assert_eq!(acquiring.authorise(&other)?, Err("request-conflict".into()));
    }
    Ok(())
}

#[test]
fn after_a_crash_the_gateway_finds_out_what_the_acquirer_did() -> Outcome {
    let mut acquiring = Acquiring::start(600, Level::Two)?;
    let slip = acquiring.slip(&mut acquiring.card(ANSWER_LOST)?, b"unheard", 420)?;
    assert_eq!(acquiring.authorise(&slip)?, Err("outcome-unknown".into()));
    acquiring.restart()?;
    let common = slip.0.terms.common();
    let deadline = Instant::now() + Duration::from_secs(30);
    // Nobody asks for it again: the gateway inquires by itself.
    while acquiring.standing(common)?["state"] != json!("authorised") {
        assert!(Instant::now() < deadline, "{}", acquiring.standing(common)?);
        thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(sums(&acquiring, common, 1, capture(420)?)?, Ok((420, 0)));
    Ok(())
}
