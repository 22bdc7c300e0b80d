//! What merchants give back: found, verified, in the purse, exchanged; and nothing is lost wherever the wallet dies.

use std::rc::Rc;

use semper_shared::foundation::{Code, Coded};
use serde_json::{Value, json};

use super::life::buy;
use super::market::{MINT, cents};
use super::world::{Fate, TestRng, World, run};
use crate::core::{Progress, Status, WalletError};

const CASH: u64 = 16;
const PRICE: u64 = 5;

/// A wallet that bought, in a world whose merchant then gives back `refunds`.
fn bought(refunds: &[u64]) -> (Rc<World>, String) {
    let world = World::new();
    let mut wallet = world.wallet();
    let deal = run(async {
        let words = wallet.make_words().unwrap();
        wallet.create(&words, "pass").await.unwrap();
        wallet.add_cash(MINT, cents(CASH), Progress::none()).await.unwrap();
        let deal = buy(&mut wallet).await.unwrap().deal;
        wallet.refresh().await.unwrap();
        deal.to_string()
    })
    .unwrap();
    give_back(&world, &deal, refunds);
    (world, deal)
}

fn give_back(world: &World, deal: &str, refunds: &[u64]) {
    for (number, minor) in (0..).zip(refunds) {
        world.market.borrow_mut().refund(deal, number, *minor, "It came late.");
    }
}

/// Looks for refunds until all is done, as far as nothing stops it.
async fn story(world: &Rc<World>) -> Result<(), WalletError> {
    let mut wallet = world.wallet();
    if wallet.status().await?.0 != Status::Unlocked {
        wallet.unlock("pass").await?;
    }
    let deal = wallet.deals().await?[0].deal;
    wallet.check_refunds(Some(&deal)).await?;
    wallet.resume(Progress::none()).await?;
    if wallet.is_unfinished().await? {
        return Err(WalletError::NotFound("something is unfinished"));
    }
    Ok(())
}

fn check(world: &Rc<World>, back: u64, what: &str) {
    let mut wallet = world.wallet();
    run(async {
        wallet.unlock("pass").await.unwrap();
        let deal = wallet.deals().await.unwrap().remove(0);
        assert_eq!(deal.refunded, cents(back), "{what}: what the list says");
        let view = wallet.deal(&deal.deal).await.unwrap();
        let told: u64 = view.refunds.iter().map(|refund| refund.amount.minor()).sum();
        assert_eq!(told, back, "{what}: what the deal says");
        assert_eq!(wallet.balance().await.unwrap()["EUR"], CASH - PRICE + back, "{what}: the balance");
        assert!(
            wallet
                .state()
                .unwrap()
                .payer
                .purse()
                .mints
                .values()
                .all(|held| { held.coins.iter().all(|coin| coin.is_spendable(super::world::NOW)) }),
            "{what}: all of it can be spent"
        );
    })
    .unwrap();
    let market = world.market.borrow();
    assert_eq!(market.mint.outstanding_minor, CASH - PRICE + back, "{what}: the mint owes as much");
    assert_eq!(market.mint.deposited_minor, PRICE - back, "{what}: and the merchant has the rest");
}

#[test]
fn refunds_are_found_once_and_pay_again() {
    let (world, deal) = bought(&[2, 1]);
    let mut wallet = world.wallet();
    run(async {
        wallet.unlock("pass").await.unwrap();
        let found = wallet.check_refunds(None).await.unwrap();
        let found: Vec<_> = found.iter().map(|refund| (refund.amount.minor(), refund.reason.as_str())).collect();
        assert_eq!(found, [(2, "It came late."), (1, "It came late.")]);
        assert!(wallet.check_refunds(None).await.unwrap().is_empty(), "nothing is new");
    })
    .unwrap();
    check(&world, 3, "in part");
    world.market.borrow_mut().refund(&deal, 9, 2, "");
    run(story(&world)).unwrap().unwrap();
    check(&world, 5, "whole");
    world.market.borrow_mut().price_minor = CASH;
    run(async {
        let mut wallet = world.wallet();
        wallet.unlock("pass").await.unwrap();
        assert_eq!(buy(&mut wallet).await.unwrap().paid, cents(CASH), "every cent pays again");
    })
    .unwrap();
}

#[test]
fn a_wallet_that_dies_at_any_moment_loses_nothing() {
    let length = {
        let (world, _) = bought(&[2, 2]);
        world.set_fates(|_| Fate::Good);
        run(story(&world)).unwrap().unwrap();
        check(&world, 4, "without faults");
        world.events()
    };
    assert!(length > 5, "{length} events");
    for event in 0..length {
        for fate in [Fate::DiesBefore, Fate::DiesAfter] {
            let what = format!("{fate:?} at event {event} of {length}");
            let (world, _) = bought(&[2, 2]);
            world.set_fates(move |now| if now == event { fate } else { Fate::Good });
            assert!(run(story(&world)).is_none(), "{what}: it dies");
            world.set_fates(|_| Fate::Good);
            run(story(&world)).unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
            check(&world, 4, &what);
        }
    }
}

#[test]
fn a_bad_network_and_a_full_disk_cost_nothing() {
    for seed in 0..12 {
        let (world, _) = bought(&[3, 1]);
        let mut attempts = 0;
        loop {
            attempts += 1;
            assert!(attempts < 300, "seed {seed} never ends");
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
        check(&world, 4, &format!("seed {seed}, {attempts} attempts"));
    }
}

/// What a merchant may tell, and what becomes of it: nothing is taken, and the purse stays as it is.
#[test]
fn what_does_not_fit_is_not_taken() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change, Code); 5] = [
        ("the mint's word is missing", |refunds| refunds[0]["proofs"] = json!([]), Code::PEER_INVALID),
        ("another refund's word", |refunds| refunds[0]["proofs"] = refunds[1]["proofs"].clone(), Code::PEER_INVALID),
        ("the same name twice", |refunds| refunds[1] = refunds[0].clone(), Code::REFUND_INVALID),
        (
            "not signed",
            |refunds| {
                let text = refunds[0]["refund"].as_str().unwrap();
                let cut = format!("{}.{}", text.rsplit_once('.').unwrap().0, "A".repeat(86));
                refunds[0]["refund"] = cut.into();
            },
            Code::SIGNATURE_INVALID,
        ),
        ("no statement", |refunds| refunds[0]["refund"] = "x".into(), Code::STATEMENT_MALFORMED),
    ];
    for (what, change, code) in cases {
        let (world, deal) = bought(&[2, 1]);
        change(&mut world.market.borrow_mut().deals.get_mut(&deal).unwrap()["refunds"]);
        let mut wallet = world.wallet();
        run(async {
            wallet.unlock("pass").await.unwrap();
            let refused = wallet.check_refunds(Some(&deal.parse().unwrap())).await.unwrap_err();
            assert_eq!(refused.code(), code, "{what}: {refused}");
            assert_eq!(wallet.balance().await.unwrap()["EUR"], CASH - PRICE, "{what}");
            assert!(wallet.deals().await.unwrap()[0].refunded.is_zero(), "{what}");
        })
        .unwrap();
    }
}

#[test]
fn words_alone_find_what_was_refunded() {
    let world = World::new();
    let mut wallet = world.wallet();
    let words = wallet.make_words().unwrap();
    let deal = run(async {
        wallet.create(&words, "pass").await.unwrap();
        wallet.add_cash(MINT, cents(CASH), Progress::none()).await.unwrap();
        buy(&mut wallet).await.unwrap().deal.to_string()
    })
    .unwrap();
    give_back(&world, &deal, &[4]);
    let empty = world.elsewhere();
    let mut other = empty.wallet();
    run(async {
        let found = other.restore(&words, "pass", &[MINT.to_owned()], Progress::none()).await.unwrap();
        assert_eq!(found.balance["EUR"], CASH - PRICE + 4);
    })
    .unwrap();
}
