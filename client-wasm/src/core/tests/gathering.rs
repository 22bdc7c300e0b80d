//! Many coins become few: in the background, cut off anywhere, and where a purchase needs it.

use std::rc::Rc;

use semper_shared::foundation::{Code, Coded};
use semper_shared::items::payment::ecash::{EcashBody, Fees};

use super::life::buy;
use super::market::{MINT, cents};
use super::world::{Fate, Here, World, run};
use crate::core::{Progress, Wallet, WalletError, Words};

const WORDS: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
/// More than a wallet leaves as they are, each of one cent.
const MANY: u64 = 18;

async fn opened(world: &Rc<World>) -> Result<Wallet<Here>, WalletError> {
    let mut wallet = world.wallet();
    wallet.unlock("pass").await?;
    Ok(wallet)
}

/// A wallet that was topped up so often.
async fn funded(world: &Rc<World>, times: u64, minor: u64) -> Wallet<Here> {
    let mut wallet = world.wallet();
    wallet.create(&Words::parse(WORDS).unwrap(), "pass").await.unwrap();
    for _ in 0..times {
        wallet.add_cash(MINT, cents(minor), Progress::none()).await.unwrap();
    }
    wallet
}

async fn balance(wallet: &mut Wallet<Here>) -> u64 {
    wallet.balance().await.unwrap().get("EUR").copied().unwrap_or(0)
}

async fn coins(wallet: &mut Wallet<Here>) -> usize {
    wallet.purses().await.unwrap().iter().map(|purse| purse.coins).sum()
}

/// How many coins paid the purchases so far.
async fn coins_paid_with(wallet: &mut Wallet<Here>) -> Vec<usize> {
    wallet.sync().await.unwrap();
    let deals = &wallet.state().unwrap().deals;
    let bodies = deals.iter().filter_map(|deal| deal.payment.as_ref()).map(|payment| payment.body.clone());
    bodies.map(|body| serde_json::from_value::<EcashBody>(body).unwrap().permissions.len()).collect()
}

/// Nothing is lost or made, and nothing waits.
fn check(world: &Rc<World>, expected: u64, what: &str) {
    run(async {
        let mut wallet = opened(world).await.unwrap();
        assert_eq!(balance(&mut wallet).await, expected, "{what}: in the wallet");
        assert!(!wallet.is_unfinished().await.unwrap(), "{what}: finished");
        assert!(wallet.transfers().await.unwrap().is_empty(), "{what}: no person has a part in it");
    })
    .unwrap();
    let market = world.market.borrow();
    assert_eq!(market.mint.outstanding_minor, expected, "{what}: the mint owes it in coins");
    assert_eq!(market.mint.reserves_minor(), 0, "{what}: nothing stays in a reserve");
}

fn found_again(world: &Rc<World>) -> u64 {
    let elsewhere = world.elsewhere();
    let found = run(async {
        let words = Words::parse(WORDS).unwrap();
        elsewhere.wallet().restore(&words, "other", &[MINT.to_owned()], Progress::none()).await.unwrap()
    });
    found.unwrap().balance.get("EUR").copied().unwrap_or(0)
}

#[test]
fn many_coins_become_few_and_the_words_find_them() {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world, MANY, 1).await;
        assert_eq!(coins(&mut wallet).await, 18);
        wallet.refresh().await.unwrap();
        assert_eq!(coins(&mut wallet).await, 3, "16 of them are one now");
        buy(&mut wallet).await.unwrap();
        assert_eq!(coins_paid_with(&mut wallet).await, [1]);
        wallet.refresh().await.unwrap();
    })
    .unwrap();
    check(&world, MANY - 5, "gathered");
    assert_eq!(found_again(&world), MANY - 5);
}

#[test]
fn a_wallet_that_dies_while_it_gathers_goes_on() {
    let prepare = || {
        let world = World::new();
        run(funded(&world, MANY, 1)).unwrap();
        world
    };
    let gather = async |world: &Rc<World>| opened(world).await?.resume(Progress::none()).await.map(|_| ());
    let world = prepare();
    world.set_fates(|_| Fate::Good);
    run(gather(&world)).unwrap().unwrap();
    let length = world.events();
    assert!(length >= 8, "{length} events");
    check(&world, MANY, "without faults");
    for event in 0..length {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost, Fate::Lost] {
            let what = format!("{fate:?} at event {event} of {length}");
            let world = prepare();
            world.set_fates(move |now| if now == event { fate } else { Fate::Good });
            let _cut_off = run(gather(&world));
            world.set_fates(|_| Fate::Good);
            run(async {
                // Whatever is on its way counts as this wallet's.
                assert_eq!(balance(&mut opened(&world).await.unwrap()).await, MANY, "{what}: on its way");
            })
            .unwrap();
            if event % 2 == 0 {
                assert_eq!(found_again(&world), MANY, "{what}: from the words alone");
            } else {
                run(gather(&world)).unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
                check(&world, MANY, &what);
            }
        }
    }
}

/// The window that gathers dies with the coins on their way; in another one somebody buys.
#[test]
fn a_purchase_that_needs_what_is_being_gathered_waits_for_it() {
    let world = World::new();
    run(funded(&world, MANY, 1)).unwrap();
    world.market.borrow_mut().price_minor = MANY;
    world.set_fates(|event| if event == 3 { Fate::DiesBefore } else { Fate::Good });
    assert!(run(async { opened(&world).await.unwrap().refresh().await }).is_none(), "it dies");
    world.set_fates(|_| Fate::Good);
    run(async {
        let mut wallet = opened(&world).await.unwrap();
        assert!(coins(&mut wallet).await < 18, "coins are on their way");
        let review = wallet.review(super::life::OFFER).await.unwrap();
        assert!(review.methods[0].usable, "{:?}", review.methods[0]);
        buy(&mut wallet).await.unwrap();
        assert_eq!(coins_paid_with(&mut wallet).await, [3]);
    })
    .unwrap();
    check(&world, 0, "bought");
}

#[test]
fn a_payment_of_more_coins_than_one_may_have_gathers_first_or_says_why_not() {
    let price = 10 * 127;
    let world = World::new();
    world.market.borrow_mut().price_minor = price;
    run(async {
        let mut wallet = funded(&world, 10, 127).await;
        assert_eq!(coins(&mut wallet).await, 70);
        assert!(wallet.review(super::life::OFFER).await.unwrap().methods[0].usable);
        buy(&mut wallet).await.unwrap();
        assert!(coins_paid_with(&mut wallet).await[0] <= 17);
    })
    .unwrap();
    check(&world, 0, "bought");

    let world = World::new();
    world.market.borrow_mut().price_minor = price;
    world.market.borrow_mut().mint.begin(8, Fees { refresh: 1, ..Fees::default() });
    run(async {
        let mut wallet = funded(&world, 10, 127).await;
        let method = &wallet.review(super::life::OFFER).await.unwrap().methods[0];
        assert_eq!((method.usable, method.why), (false, Some("coins-too-many")));
        assert_eq!(buy(&mut wallet).await.unwrap_err().code(), Code::COINS_TOO_MANY);
        for result in [
            wallet.send_cost(cents(price)).await.map(|_| ()),
            wallet.send_person(cents(price), "all of it", 600).await.map(|_| ()),
        ] {
            assert_eq!(result.unwrap_err().code(), Code::COINS_TOO_MANY, "to a person as to a shop");
        }
        assert_eq!(wallet.send_cost(cents(price + 1)).await.unwrap_err().code(), Code::FUNDS_INSUFFICIENT);
        assert!(wallet.send_cost(cents(price / 2)).await.is_ok());
        wallet.refresh().await.unwrap();
        assert_eq!(coins(&mut wallet).await, 70, "no fee is paid for gathering");
    })
    .unwrap();
    check(&world, price, "refused");
}

/// Two devices with the same words: the one that takes over has what the other was gathering, and the other stops.
#[test]
fn a_gathering_that_another_device_took_over_is_let_go() {
    let world = World::new();
    run(funded(&world, MANY, 1)).unwrap();
    world.set_fates(|event| if event == 3 { Fate::DiesBefore } else { Fate::Good });
    assert!(run(async { opened(&world).await.unwrap().refresh().await }).is_none(), "it dies");
    world.set_fates(|_| Fate::Good);
    let there = world.elsewhere();
    run(async {
        let words = Words::parse(WORDS).unwrap();
        there.wallet().restore(&words, "pass", &[MINT.to_owned()], Progress::none()).await.unwrap();
    })
    .unwrap();
    check(&there, MANY, "taken over");
    world.market.swap(&there.market);
    run(async {
        let mut first = opened(&world).await.unwrap();
        first.resume(Progress::none()).await.unwrap();
        assert!(first.is_taken_over().unwrap());
        let resumed = first.take_over(Progress::none()).await.unwrap();
        assert!(resumed.waiting.is_empty(), "{:?}", resumed.waiting);
    })
    .unwrap();
    check(&world, MANY, "taken back");
}

/// The shipped wallet, a mint and a merchant: a hundred purchases at the benchmark's prices, with top-ups.
#[test]
fn a_hundred_purchases_take_fewer_than_two_coins_each() {
    const PRICES: &str = include_str!("../../../../tests/src/bench/prices.csv");
    let number = |field: Option<&str>| field.unwrap().parse::<u64>().unwrap();
    let mut prices: Vec<u64> = Vec::new();
    for line in PRICES.lines().skip(1) {
        let mut fields = line.split(',');
        let (price, share) = (number(fields.next()), number(fields.next()));
        prices.extend(std::iter::repeat_n(price, usize::try_from(share).unwrap()));
    }
    assert_eq!(prices.len(), 100);
    let world = World::new();
    world.market.borrow_mut().account_minor = 1_000_000;
    world.market.borrow_mut().mint.begin(13, Fees::default());
    run(async {
        let mut wallet = funded(&world, 0, 0).await;
        for purchase in 0..100 {
            // Every price in its share, in no order.
            let price = prices[purchase * 37 % 100];
            world.market.borrow_mut().price_minor = price;
            let held = balance(&mut wallet).await;
            if held < price {
                wallet.add_cash(MINT, cents((price - held).max(2_000)), Progress::none()).await.unwrap();
            }
            buy(&mut wallet).await.unwrap();
            wallet.refresh().await.unwrap();
        }
        let used = coins_paid_with(&mut wallet).await;
        assert_eq!(used.len(), 100);
        let (sum, most) = (used.iter().sum::<usize>(), used.iter().max().unwrap());
        println!("{}.{:02} coins per purchase, at most {most}", sum / 100, sum % 100);
        assert!(sum < 200, "{sum} coins for 100 purchases: {used:?}");
        let left = balance(&mut wallet).await;
        assert_eq!(world.market.borrow().mint.outstanding_minor, left);
    })
    .unwrap();
}
