//! Mint and merchant together, with all their tables, logs and traffic, cannot tell whose coin a payment was.
#![allow(missing_docs)]

use semper_tests::Outcome;
use semper_tests::analyser::{LEAKS, Leak, Report, Run, analyse, observe, plant};

/// One coin of two cents, of which one is spent; the change is exchanged, and spent.
const WITH_CHANGE: Run = Run { wallets: 48, cents: 2, good: "letter", again: true, seed: 1 };
/// Two coins, spent whole.
const WHOLE: Run = Run { wallets: 40, cents: 320, good: "article", again: false, seed: 2 };

fn show(what: &str, report: &Report) {
    let best = report.best.as_ref().map(ToString::to_string).unwrap_or_default();
    println!("{what}: {} ways tried, {} found; the best: {best}", report.tried, report.findings.len());
}

#[test]
fn nobody_links_a_payment_to_its_withdrawal_and_every_planted_leak_is_found() -> Outcome {
    let capture = observe(&WITH_CHANGE)?;
    let honest = analyse(&capture);
    show("as it is", &honest);
    assert!(honest.findings.is_empty(), "{}", honest.findings[0]);
    // The adversary has looked: at bytes, at rows of both parties, at headers, at logs and at the clock.
    assert!(honest.strings > 48 * 20, "{} byte strings", honest.strings);
    for place in
        ["mint.withdrawal.", "mint.coin.", "mint.spend.", "merchant.deal.", " header ", " at", "log ", "connection"]
    {
        assert!(honest.places.iter().any(|known| known.contains(place)), "nothing was seen at {place:?}");
    }
    for leak in LEAKS {
        let report = analyse(&plant(&capture, leak));
        show(&format!("{leak:?}"), &report);
        assert!(!report.findings.is_empty(), "{leak:?} was overlooked");
    }
    Ok(())
}

#[test]
fn payments_of_several_whole_coins_tell_nothing_either() -> Outcome {
    let capture = observe(&WHOLE)?;
    let honest = analyse(&capture);
    show("as it is", &honest);
    assert!(honest.findings.is_empty(), "{}", honest.findings[0]);
    assert!(!analyse(&plant(&capture, Leak::ReserveInDeposit)).findings.is_empty());
    Ok(())
}
