//! Many seeds of the simulation; each is a world of its own.
#![allow(missing_docs)]

use semper_tests::Outcome;
use semper_tests::simulation::{Outline, run};

/// How many seeds run by default; `SEMPER_SEEDS` asks for more, `SEMPER_SEED` for a single one.
const SEEDS: u64 = 150;

#[test]
fn money_is_conserved_in_every_weather() -> Outcome {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SEMPER_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEMPER_SEEDS").unwrap_or(SEEDS),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut sum = Outline::default();
    for seed in seeds.clone() {
        let outline = runtime.block_on(run(seed)).map_err(|error| {
            format!("seed {seed}: {error}\nreplay: SEMPER_SEED={seed} cargo test -p semper-tests --test simulation")
        })?;
        sum.delivered += outline.delivered;
        sum.deaths += outline.deaths;
        sum.cut_off += outline.cut_off;
    }
    println!("{seeds:?}: {sum:?}");
    if seeds.end - seeds.start > 20 {
        assert!(sum.delivered > 0 && sum.deaths > 0 && sum.cut_off > 0, "the weather was too good: {sum:?}");
    }
    Ok(())
}
