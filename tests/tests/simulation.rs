//! Many seeds of the simulation; each is a world of its own.
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use semper_tests::Outcome;
use semper_tests::simulation::{Defect, Outline, run_many};

/// How many seeds run by default; `SEMPER_SEEDS` asks for as many as one likes (`100000`, or `5000..6000`), `SEMPER_SEED`
/// for a single one.
const SEEDS: u64 = 2_000;
const THREADS: usize = 2;

/// How many seeds are tried for a defect to show itself.
const DEFECTIVE: u64 = 2_000;

/// Each way of being wrong, and a seed to begin at: the first of those that show it is close behind. Where the simulation
/// changes, another one is, and the search takes longer.
const DEFECTS: [(Defect, u64); 9] = [
    (Defect::TakesSpentCoins, 150),
    (Defect::OwesTwice, 0),
    (Defect::DebitsTwice, 0),
    (Defect::KeepsRefusedCoins, 740),
    (Defect::AnswersTooEarly, 80),
    (Defect::ForgetsMelts, 1_240),
    (Defect::RefundsTwice, 0),
    (Defect::ReturnsAccepted, 0),
    (Defect::RecoupsWhole, 0),
];

#[test]
fn money_is_conserved_in_every_weather() -> Outcome {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let range = std::env::var("SEMPER_SEEDS").ok();
    let range = range.as_deref().and_then(|text| text.split_once(".."));
    let seeds = match (number("SEMPER_SEED"), range) {
        (Some(seed), _) => seed..seed + 1,
        (None, Some((first, end))) => first.parse()?..end.parse()?,
        (None, None) => 0..number("SEMPER_SEEDS").unwrap_or(SEEDS),
    };
    let begun = Instant::now();
    let sum = run_many(seeds.clone(), THREADS, None)?;
    let time = begun.elapsed().max(Duration::from_millis(1));
    println!("{seeds:?} in {time:?}: {sum:?}");
    if seeds.end - seeds.start > 100 {
        let Outline { delivered, deaths, cut_off, given_up, put_back, gathered, trouble, .. } = sum;
        let Outline { refunds, transfers, returned, recoups, renewed, .. } = sum;
        let all = [
            delivered, deaths, cut_off, given_up, put_back, gathered, trouble, refunds, transfers, returned, recoups,
            renewed,
        ];
        assert!(all.into_iter().all(|count| count > 0), "the weather was too good: {sum:?}");
    }
    Ok(())
}

/// The simulation is worth nothing unless it notices: each way of being wrong fails some seed, which can be replayed.
#[test]
fn a_mint_that_is_wrong_is_found_out() -> Outcome {
    for (defect, first) in DEFECTS {
        let Err(failure) = run_many(first..first + DEFECTIVE, THREADS, Some(defect)) else {
            return Err(format!("{defect:?} was not noticed in {DEFECTIVE} seeds").into());
        };
        let told = failure.to_string();
        println!("{defect:?}: {told}");
        let seed: u64 = told.strip_prefix("seed ").and_then(|rest| rest.split(':').next()).ok_or("a seed")?.parse()?;
        assert!(told.contains(&format!("SEMPER_SEED={seed} cargo test")), "{told}");
        assert!(run_many(seed..seed + 1, 1, Some(defect)).is_err(), "the replay shows it again: {told}");
        assert!(run_many(seed..seed + 1, 1, None).is_ok(), "and it is the mint's: {told}");
    }
    Ok(())
}
