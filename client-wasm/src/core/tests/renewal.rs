//! Coins over the years: renewed before they expire, recouped where they are revoked, and found again from words alone.

use std::rc::Rc;

use super::life::buy;
use super::market::{MINT, SECOND_MINT, cents};
use super::mint::{ISSUE_S, SPEND_S};
use super::world::{Fate, Here, World, run};
use crate::core::{Progress, Wallet, WalletError, Words};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
const CASH: u64 = 21;

async fn funded(world: &Rc<World>) -> Wallet<Here> {
    let mut wallet = world.wallet();
    wallet.create(&Words::parse(WORDS).unwrap(), "pass").await.unwrap();
    wallet.add_cash(MINT, cents(CASH), Progress::none()).await.unwrap();
    wallet
}

async fn opened(world: &Rc<World>) -> Wallet<Here> {
    let mut wallet = world.wallet();
    wallet.unlock("pass").await.unwrap();
    wallet
}

async fn balance(wallet: &mut Wallet<Here>) -> u64 {
    wallet.balance().await.unwrap().get("EUR").copied().unwrap_or(0)
}

/// What a wallet that has nothing but the words finds.
fn found_again(world: &Rc<World>, mints: &[&str]) -> u64 {
    let elsewhere = world.elsewhere();
    let found = run(async {
        let mints: Vec<String> = mints.iter().map(|&mint| mint.to_owned()).collect();
        let words = Words::parse(WORDS).unwrap();
        elsewhere.wallet().restore(&words, "other", &mints, Progress::none()).await.unwrap()
    });
    found.unwrap().balance.get("EUR").copied().unwrap_or(0)
}

/// Nothing is lost or made, at the mint and in the wallet.
fn check(world: &Rc<World>, expected: u64, what: &str) {
    run(async {
        let mut wallet = opened(world).await;
        assert_eq!(balance(&mut wallet).await, expected, "{what}: in the wallet");
        assert!(!wallet.is_unfinished().await.unwrap(), "{what}: finished");
    })
    .unwrap();
    {
        let market = world.market.borrow();
        assert_eq!(market.mint.outstanding_minor, expected, "{what}: the mint owes it in coins");
        assert_eq!(market.mint.reserves_minor(), 0, "{what}: nothing stays in a reserve");
    }
    assert_eq!(found_again(world, &[MINT]), expected, "{what}: the words find it");
}

/// Lets the wallet die at each of its requests and commits while it does this; a new one goes on.
fn dies_anywhere(prepare: impl Fn() -> Rc<World>, expected: u64) {
    let resume = |world: &Rc<World>| {
        let world = Rc::clone(world);
        async move {
            let mut wallet = opened(&world).await;
            let resumed = wallet.resume(Progress::none()).await?;
            // The shop of these tests knows nothing of refunds.
            assert!(resumed.waiting.iter().all(|waiting| waiting.what == "refund"), "{:?}", resumed.waiting);
            Ok::<_, WalletError>(resumed)
        }
    };
    let world = prepare();
    world.set_fates(|_| Fate::Good);
    run(resume(&world)).unwrap().unwrap();
    let length = world.events();
    assert!(length > 8, "{length} events");
    check(&world, expected, "without faults");
    for event in 0..length {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            let world = prepare();
            world.set_fates(move |now| if now == event { fate } else { Fate::Good });
            assert!(run(resume(&world)).is_none(), "{fate:?} at event {event}: it dies");
            world.set_fates(|_| Fate::Good);
            run(resume(&world)).unwrap().unwrap();
            check(&world, expected, &format!("{fate:?} at event {event}"));
        }
    }
}

fn soon_too_old() -> Rc<World> {
    let world = World::new();
    run(funded(&world)).unwrap();
    world.advance(SPEND_S - 2 * ISSUE_S);
    world
}

#[test]
fn coins_are_renewed_before_they_expire() {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world).await;
        world.advance(SPEND_S / 2);
        assert!(wallet.resume(Progress::none()).await.unwrap().renewed.is_empty(), "they are good for long yet");
        world.advance(SPEND_S / 2 - 2 * ISSUE_S);
        assert!(wallet.is_unfinished().await.unwrap(), "it is time");
        assert_eq!(wallet.resume(Progress::none()).await.unwrap().renewed["EUR"], CASH);
        assert!(wallet.resume(Progress::none()).await.unwrap().renewed.is_empty(), "once");
        // Long after the first coins expired, years even: whoever opens the wallet now and then loses nothing.
        for _ in 0..15 {
            world.advance(SPEND_S / 3);
            wallet.resume(Progress::none()).await.unwrap();
            buy(&mut wallet).await.ok();
        }
        assert_eq!(balance(&mut wallet).await, CASH % 5);
        assert_eq!(world.market.borrow().mint.deposited_minor, CASH - CASH % 5);
    })
    .unwrap();
}

#[test]
fn a_wallet_that_dies_while_it_renews_goes_on() {
    dies_anywhere(soon_too_old, CASH);
}

#[test]
fn what_was_left_too_long_is_gone_and_said_to_be() {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world).await;
        world.advance(SPEND_S + 2 * ISSUE_S);
        wallet.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut wallet).await, 0);
        assert_eq!(wallet.purses().await.unwrap()[0].expired_minor, CASH);
    })
    .unwrap();
}

/// Some coins as they were withdrawn, others from a refresh; all of them revoked.
fn revoked() -> Rc<World> {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world).await;
        buy(&mut wallet).await.unwrap();
        wallet.refresh().await.unwrap();
        let now = world.now();
        world.market.borrow_mut().mint.revoke(|key| key.issue_from <= now);
    })
    .unwrap();
    world.advance(2 * ISSUE_S);
    world
}

#[test]
fn revoked_coins_become_fresh_ones() {
    let world = revoked();
    run(async {
        let mut wallet = opened(&world).await;
        assert_eq!(wallet.resume(Progress::none()).await.unwrap().renewed["EUR"], CASH - 5);
        buy(&mut wallet).await.unwrap();
        wallet.refresh().await.unwrap();
    })
    .unwrap();
    check(&world, CASH - 10, "recouped");
}

#[test]
fn a_wallet_that_dies_while_it_recoups_goes_on() {
    dies_anywhere(revoked, CASH - 5);
}

/// A shop is paid with coins that were revoked meanwhile: nothing is paid, and nothing is lost.
#[test]
fn a_purchase_with_revoked_coins_falls_through_and_the_next_one_does_not() {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world).await;
        let now = world.now();
        world.market.borrow_mut().mint.revoke(|key| key.issue_from <= now);
        assert!(buy(&mut wallet).await.is_err());
        assert_eq!(balance(&mut wallet).await, CASH, "it is recouped");
        world.advance(ISSUE_S);
        wallet.resume(Progress::none()).await.unwrap();
        buy(&mut wallet).await.unwrap();
    })
    .unwrap();
    run(async { opened(&world).await.resume(Progress::none()).await.unwrap() }).unwrap();
    check(&world, CASH - 5, "bought");
}

/// Dies between melt and reveal, everything but the words is lost, and so much time goes by that what was to be signed is
/// issued no longer.
#[test]
fn the_words_finish_what_was_cut_off_between_melt_and_reveal() {
    let count = |world: &Rc<World>| {
        run(async {
            let mut wallet = opened(world).await;
            world.set_fates(|_| Fate::Good);
            wallet.refresh().await.unwrap();
        })
        .unwrap();
        world.events()
    };
    for pause in [0, ISSUE_S / 2, 2 * ISSUE_S, 7 * ISSUE_S] {
        let story = || {
            let world = World::new();
            run(async { buy(&mut funded(&world).await).await.unwrap() }).unwrap();
            world
        };
        let (length, mut cut) = (count(&story()), 0);
        for event in 0..length {
            let world = story();
            world.set_fates(move |now| if now == event { Fate::DiesBefore } else { Fate::Good });
            assert!(run(async { opened(&world).await.refresh().await }).is_none());
            world.set_fates(|_| Fate::Good);
            let (owed, all) = (world.market.borrow().mint.outstanding_minor, CASH - 5);
            cut += u32::from(owed < all);
            world.advance(pause);
            assert_eq!(found_again(&world, &[MINT]), all, "after {pause} s, cut off at event {event}");
        }
        assert!(cut > 0, "some were cut off between melt and reveal");
    }
}

/// Years of a wallet at two mints, and then nothing but its words.
#[test]
fn words_find_every_coin_after_any_number_of_rotations() {
    let world = World::new();
    let before = run(async {
        let mut wallet = funded(&world).await;
        wallet.add_cash(SECOND_MINT, cents(300), Progress::none()).await.unwrap();
        for year in 0..12 {
            world.advance(SPEND_S / 3);
            wallet.resume(Progress::none()).await.unwrap();
            if year % 3 == 0 {
                wallet.add_cash(MINT, cents(7 + year), Progress::none()).await.unwrap();
                buy(&mut wallet).await.unwrap();
            }
            if year == 7 {
                let now = world.now();
                world.market.borrow_mut().second.revoke(|key| key.issue_from <= now && key.value_minor > 16);
                world.advance(ISSUE_S + 1);
                wallet.resume(Progress::none()).await.unwrap();
            }
        }
        balance(&mut wallet).await
    })
    .unwrap();
    assert_eq!(before, CASH + 300 + (7 + 10 + 13 + 16) - 4 * 5);
    assert_eq!(found_again(&world, &[MINT, SECOND_MINT]), before);
}

/// A wallet asks for many transfers that never come, and then for one that does: the words find it all the same.
#[test]
fn transfers_that_never_came_hide_nothing() {
    let world = World::new();
    run(async {
        let mut wallet = world.wallet();
        wallet.create(&Words::parse(WORDS).unwrap(), "pass").await.unwrap();
        world.market.borrow_mut().account_minor = u64::MAX;
        world.set_fates(|event| if event % 3 == 2 { Fate::Lost } else { Fate::Good });
        for minor in 1..60 {
            let _ = wallet.add_cash(MINT, cents(minor), Progress::none()).await;
        }
        world.set_fates(|_| Fate::Good);
        wallet.add_cash(MINT, cents(100), Progress::none()).await.unwrap();
        wallet.resume(Progress::none()).await.unwrap();
    })
    .unwrap();
    let before = run(async { balance(&mut opened(&world).await).await }).unwrap();
    assert!(before >= 100);
    assert_eq!(found_again(&world, &[MINT]), before);
}
