//! A purchase from the first cent to the exchanged change, cut off at every request and every commit.

use std::rc::Rc;

use semper_shared::commerce::deal::State;

use super::life::buy;
use super::market::{MINT, Market, cents};
use super::world::{Fate, TestRng, World, run};
use crate::core::{Progress, Status, WalletError};

const CASH: u64 = 16;
const PRICE: u64 = 5;

/// The whole story, as far as nothing stops it; what was done before is not done again.
async fn story(world: &Rc<World>) -> Result<(), WalletError> {
    let mut wallet = world.wallet();
    if wallet.status().await?.0 == Status::Empty {
        let words = wallet.make_words().unwrap();
        wallet.create(&words, "pass").await?;
    } else {
        wallet.unlock("pass").await?;
        wallet.resume(Progress::none()).await?;
    }
    if world.market.borrow().account_minor == 10_000 || !wallet.purses().await?.iter().any(|purse| purse.coins > 0) {
        let bought = wallet.deals().await?.iter().any(|deal| deal.state != State::Ordered);
        if !bought {
            wallet.add_cash(MINT, cents(CASH), Progress::none()).await?;
        }
    }
    if wallet.deals().await?.is_empty() {
        buy(&mut wallet).await?;
    }
    wallet.resume(Progress::none()).await?;
    if wallet.is_unfinished().await? {
        return Err(WalletError::NotFound("something is unfinished"));
    }
    Ok(())
}

/// Everything is where it belongs: paid once, delivered once, and not a cent lost.
fn check(world: &Rc<World>, what: &str) {
    let mut wallet = world.wallet();
    let (balance, deals, key) = run(async {
        wallet.unlock("pass").await.unwrap();
        let deals = wallet.deals().await.unwrap();
        let access = wallet.part_access(&deals[0].deal, "a.html").await.unwrap();
        (wallet.balance().await.unwrap()["EUR"], deals, access.key)
    })
    .unwrap();
    let market = world.market.borrow();
    assert_eq!(10_000 - market.account_minor, CASH, "{what}: transferred once");
    assert_eq!(market.mint.deposited_minor, PRICE, "{what}: paid once");
    assert_eq!(market.deals.len(), 1, "{what}: one deal at the merchant");
    assert_eq!(deals.len(), 1, "{what}: one deal in the wallet");
    assert_eq!(key.as_bytes(), Market::content_key().as_bytes(), "{what}: the goods open");
    assert_eq!(market.mint.reserves_minor(), 0, "{what}: nothing is left in a reserve");
    assert_eq!(market.mint.outstanding_minor, CASH - PRICE, "{what}: the mint owes the change");
    assert_eq!(balance, CASH - PRICE, "{what}: the wallet has the change");
}

fn length_of_the_story() -> u64 {
    let world = World::new();
    run(story(&world)).unwrap().unwrap();
    check(&world, "without faults");
    world.events()
}

#[test]
fn a_wallet_that_dies_at_any_moment_goes_on() {
    let length = length_of_the_story();
    assert!(length > 20, "{length} events");
    for event in 0..length {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            let what = format!("{fate:?} at event {event} of {length}");
            let world = World::new();
            world.set_fates(move |now| if now == event { fate } else { Fate::Good });
            assert!(run(story(&world)).is_none(), "{what}: it dies");
            world.set_fates(|_| Fate::Good);
            run(story(&world)).unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
            check(&world, &what);
        }
    }
}

/// Dying once more while it recovers changes nothing.
#[test]
fn a_wallet_that_dies_again_and_again_goes_on() {
    for seed in 0..60 {
        let world = World::new();
        let mut lives = 0;
        loop {
            lives += 1;
            assert!(lives < 500, "seed {seed} never ends");
            let mut rng = TestRng::new(seed * 1_000 + lives);
            let (dies_at, after) = (rng.next() % 14, rng.next().is_multiple_of(2));
            let fate = if after { Fate::DiesAfter } else { Fate::DiesBefore };
            world.set_fates(move |now| if now == dies_at { fate } else { Fate::Good });
            match run(story(&world)) {
                None => {}
                Some(result) => {
                    result.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
                    break;
                }
            }
        }
        check(&world, &format!("seed {seed}, {lives} lives"));
    }
}

/// Requests and answers are lost, commits fail, and the customer tries again.
#[test]
fn a_bad_network_and_a_full_disk_cost_nothing() {
    for seed in 0..60 {
        let world = World::new();
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 500, "seed {seed} never ends");
            world.set_fates(move |now| match TestRng::new(seed * 100_000 + attempts * 1_000 + now).next() % 10 {
                0..2 => Fate::Lost,
                2..4 => Fate::AnswerLost,
                _ => Fate::Good,
            });
            match run(story(&world)).unwrap() {
                Ok(()) => break,
                Err(error) => {
                    let allowed = error.is_open() || error == WalletError::NotFound("something is unfinished");
                    assert!(allowed, "seed {seed}: {error}");
                }
            }
        }
        world.set_fates(|_| Fate::Good);
        check(&world, &format!("seed {seed}, {attempts} attempts"));
    }
}
