//! Cash from person to person: between two wallets, and cut off at every request and every commit of either.

use std::rc::Rc;

use semper_shared::foundation::{Code, Coded};
use semper_shared::items::payment::ecash::Policy;
use semper_shared::items::payment::ecash::transfer::{Direction, Passed, RETURN_S};

use super::market::{MINT, cents};
use super::world::{Fate, Here, World, run};
use crate::core::{Progress, TransferView, Wallet, WalletError, Words};

const CASH: u64 = 8;
const SENT: u64 = 4;
const OPEN_S: u64 = 500;

const OTHER_WORDS: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

async fn opened(world: &Rc<World>) -> Result<Wallet<Here>, WalletError> {
    let mut wallet = world.wallet();
    match wallet.status().await?.0 {
        crate::core::Status::Empty => {
            let words = wallet.make_words().unwrap();
            wallet.create(&words, "pass").await?;
        }
        _ => wallet.unlock("pass").await?,
    }
    Ok(wallet)
}

async fn funded(world: &Rc<World>) -> Wallet<Here> {
    let mut wallet = opened(world).await.unwrap();
    wallet.add_cash(MINT, cents(CASH), Progress::none()).await.unwrap();
    wallet
}

async fn balance(wallet: &mut Wallet<Here>) -> u64 {
    wallet.balance().await.unwrap().get("EUR").copied().unwrap_or(0)
}

/// Gives the market to another world: its mint, bank and shop.
fn hand_over(from: &Rc<World>, to: &Rc<World>) {
    from.market.swap(&to.market);
}

fn link(view: &TransferView) -> String {
    format!("https://wallet.test/#{}", view.link.as_ref().unwrap())
}

#[test]
fn sent_by_a_link_taken_by_a_link() {
    let here = World::new();
    run(async {
        let mut sender = funded(&here).await;
        let sent = sender.send_person(cents(SENT), "Lunch", OPEN_S).await.unwrap();
        assert_eq!((sent.direction, sent.state), (Direction::Sent, Passed::Open));
        assert_eq!(balance(&mut sender).await, CASH - SENT);
        sender.refresh().await.unwrap();
        assert_eq!(sender.receive_link(&link(&sent)).await.unwrap_err().code(), Code::REQUEST_INVALID, "one's own");

        let there = here.elsewhere();
        let mut payee = opened(&there).await.unwrap();
        let seen = payee.peek_link(&link(&sent)).await.unwrap();
        assert_eq!(
            (seen.kind, seen.amount, seen.purpose.as_str(), seen.known),
            ("receive", cents(SENT), "Lunch", false)
        );
        let received = payee.receive_link(&link(&sent)).await.unwrap();
        assert_eq!(received.state, Passed::Done);
        assert_eq!(balance(&mut payee).await, SENT);
        assert_eq!(payee.receive_link(&link(&sent)).await.unwrap().state, Passed::Done, "twice is once");
        assert_eq!(balance(&mut payee).await, SENT);

        // A third person comes too late.
        let third = there.elsewhere();
        let mut late = opened(&third).await.unwrap();
        assert_eq!(late.receive_link(&link(&sent)).await.unwrap_err().code(), Code::TRANSFER_ACCEPTED);
        hand_over(&third, &here);
        assert_eq!(sender.cancel_transfer(&sent.transfer).await.unwrap_err().code(), Code::TRANSFER_ACCEPTED);
        assert_eq!(sender.transfers().await.unwrap()[0].state, Passed::Done);
        assert_eq!(balance(&mut sender).await, CASH - SENT);
        assert!(!sender.is_unfinished().await.unwrap());
    })
    .unwrap();
}

#[test]
fn called_off_and_expired_cash_is_back() {
    let world = World::new();
    run(async {
        let mut wallet = funded(&world).await;
        let first = wallet.send_person(cents(SENT), "", OPEN_S).await.unwrap();
        wallet.refresh().await.unwrap();
        assert_eq!(wallet.cancel_transfer(&first.transfer).await.unwrap().state, Passed::Returned);
        assert_eq!(balance(&mut wallet).await, CASH);
        let second = wallet.send_person(cents(SENT), "", OPEN_S).await.unwrap();
        world.advance(OPEN_S + 1);
        assert!(wallet.transfers().await.unwrap().iter().any(|view| view.expired));
        wallet.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut wallet).await, CASH);
        // And it can be spent, all of it.
        wallet.send_person(cents(CASH), "", OPEN_S).await.unwrap();
        assert_eq!(balance(&mut wallet).await, 0);
        let there = world.elsewhere();
        let mut payee = opened(&there).await.unwrap();
        assert_eq!(payee.receive_link(&link(&second)).await.unwrap_err().code(), Code::TRANSFER_RETURNED);
        assert_eq!(there.market.borrow().mint.pending_minor(), CASH);
    })
    .unwrap();
}

#[test]
fn asked_for_by_a_link_paid_by_a_link() {
    let here = World::new();
    run(async {
        let mut payee = opened(&here).await.unwrap();
        let asked = payee.request_person(MINT, cents(SENT), "Rent", OPEN_S).await.unwrap();
        let lapsing = payee.request_person(MINT, cents(7), "", OPEN_S).await.unwrap();
        payee.resume(Progress::none()).await.unwrap();
        assert_eq!(here.market.borrow().account_minor, 10_000, "no bank is asked to fill it");

        let there = here.elsewhere();
        let mut payer = funded(&there).await;
        let seen = payer.peek_link(&link(&asked)).await.unwrap();
        assert_eq!((seen.kind, seen.purpose.as_str(), seen.available), ("pay", "Rent", cents(CASH)));
        assert_eq!(payer.pay_link(&link(&asked)).await.unwrap().state, Passed::Done);
        assert_eq!(payer.pay_link(&link(&asked)).await.unwrap().state, Passed::Done, "twice is once");
        assert_eq!(balance(&mut payer).await, CASH - SENT);

        let third = there.elsewhere();
        let mut second = funded(&third).await;
        assert_eq!(second.pay_link(&link(&asked)).await.unwrap_err().code(), Code::TRANSFER_ACCEPTED);
        assert_eq!(balance(&mut second).await, CASH, "whoever is second keeps it");

        hand_over(&third, &here);
        payee.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut payee).await, SENT);
        here.advance(OPEN_S + RETURN_S + 1);
        payee.resume(Progress::none()).await.unwrap();
        let states: Vec<_> = payee.transfers().await.unwrap().iter().map(|view| (view.amount, view.state)).collect();
        assert!(states.contains(&(cents(SENT), Passed::Done)) && states.contains(&(cents(7), Passed::Returned)));
        assert!(payee.peek_link(&link(&lapsing)).await.unwrap().expired);
    })
    .unwrap();
}

#[test]
fn the_words_bring_open_transfers_back() {
    let here = World::new();
    run(async {
        let mut sender = here.wallet();
        sender.create(&Words::parse(OTHER_WORDS).unwrap(), "pass").await.unwrap();
        sender.add_cash(MINT, cents(CASH), Progress::none()).await.unwrap();
        let sent = sender.send_person(cents(SENT), "Lunch", OPEN_S).await.unwrap();
        sender.refresh().await.unwrap();

        let there = here.elsewhere();
        let mut restored = there.wallet();
        let words = Words::parse(OTHER_WORDS).unwrap();
        restored.restore(&words, "pass", &[MINT.to_owned()], Progress::none()).await.unwrap();
        assert_eq!(balance(&mut restored).await, CASH - SENT);
        let back = restored.transfers().await.unwrap().remove(0);
        assert_eq!((back.transfer, back.state, &back.link), (sent.transfer, Passed::Open, &sent.link));
        there.advance(OPEN_S + 1);
        restored.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut restored).await, CASH);
        assert_eq!(restored.transfers().await.unwrap()[0].state, Passed::Returned);
    })
    .unwrap();
}

#[test]
fn limits_are_said_before_money_moves_and_large_receipts_come_in_parts() {
    let here = World::new();
    let policy = Policy {
        max_withdrawal_minor: Some(4),
        max_reserve_minor: Some(10),
        max_transfer_minor: Some(7),
        ..Policy::default()
    };
    here.market.borrow_mut().mint.limit(policy);
    run(async {
        let mut sender = opened(&here).await.unwrap();
        assert_eq!(sender.mint_info(MINT).await.unwrap().limit_minor, Some(4));
        for (minor, code) in [(5, Code::WITHDRAWAL_LIMIT), (11, Code::RESERVE_LIMIT)] {
            let refused = sender.add_cash(MINT, cents(minor), Progress::none()).await.unwrap_err();
            assert_eq!(refused.code(), code);
        }
        assert_eq!(here.market.borrow().account_minor, 10_000, "no money moved");
        for _ in 0..2 {
            sender.add_cash(MINT, cents(4), Progress::none()).await.unwrap();
        }
        let over = sender.send_person(cents(8), "", OPEN_S).await.unwrap_err();
        assert_eq!(over.code(), Code::TRANSFER_LIMIT);
        let sent = sender.send_person(cents(7), "", OPEN_S).await.unwrap();
        let there = here.elsewhere();
        let mut payee = opened(&there).await.unwrap();
        // The first part comes, the rest waits for the next day.
        there.market.borrow_mut().mint.day_is_over = true;
        let refused = payee.receive_link(&link(&sent)).await.unwrap_err();
        assert_eq!(refused.code(), Code::DAY_LIMIT);
        assert_eq!(payee.transfers().await.unwrap()[0].state, Passed::Done, "it is the payee's");
        there.market.borrow_mut().mint.day_is_over = false;
        payee.resume(Progress::none()).await.unwrap();
        assert_eq!(balance(&mut payee).await, 7);
        assert_eq!(there.market.borrow().mint.reserves_minor(), 0);
    })
    .unwrap();
}

/// What a wallet does that may be cut off anywhere: `act` until it is done, however often it is begun again.
fn cut_off_everywhere(
    prepare: impl Fn() -> Rc<World>,
    act: impl AsyncFn(&mut Wallet<Here>) -> Result<(), WalletError>,
    check: impl Fn(&Rc<World>, &str),
) {
    let story = async |world: &Rc<World>| {
        let mut wallet = opened(world).await?;
        wallet.resume(Progress::none()).await?;
        act(&mut wallet).await?;
        wallet.resume(Progress::none()).await.map(|_| ())
    };
    let world = prepare();
    world.set_fates(|_| Fate::Good);
    run(story(&world)).unwrap().unwrap();
    check(&world, "without faults");
    let length = world.events();
    assert!(length > 3, "{length}");
    for event in 0..length {
        for fate in [Fate::DiesBefore, Fate::DiesAfter, Fate::AnswerLost] {
            let what = format!("{fate:?} at event {event} of {length}");
            let world = prepare();
            world.set_fates(move |now| if now == event { fate } else { Fate::Good });
            // It dies, or goes on, or says that it failed: then the person tries again.
            let _cut_off = run(story(&world));
            world.set_fates(|_| Fate::Good);
            run(story(&world)).unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
            check(&world, &what);
        }
    }
}

fn wallet_has(world: &Rc<World>, minor: u64, what: &str) {
    let found = run(async { balance(&mut opened(world).await.unwrap()).await }).unwrap();
    assert_eq!(found, minor, "{what}: in the wallet");
}

#[test]
fn a_sender_that_dies_at_any_moment_goes_on() {
    let prepare = || {
        let world = World::new();
        run(funded(&world)).unwrap();
        world
    };
    let send = async |wallet: &mut Wallet<Here>| {
        if wallet.transfers().await?.is_empty() {
            wallet.send_person(cents(SENT), "Lunch", OPEN_S).await?;
        }
        Ok(())
    };
    cut_off_everywhere(prepare, send, |world, what| {
        wallet_has(world, CASH - SENT, what);
        let market = world.market.borrow();
        assert_eq!(market.mint.pending_minor(), SENT, "{what}: sent once");
        assert_eq!(market.mint.outstanding_minor, CASH - SENT, "{what}");
    });
}

#[test]
fn a_sender_that_takes_back_and_dies_at_any_moment_goes_on() {
    let prepare = || {
        let world = World::new();
        run(async {
            let mut wallet = funded(&world).await;
            wallet.send_person(cents(SENT), "Lunch", OPEN_S).await.unwrap();
        })
        .unwrap();
        world.advance(OPEN_S + 1);
        world
    };
    cut_off_everywhere(
        prepare,
        async |_: &mut Wallet<Here>| Ok(()),
        |world, what| {
            wallet_has(world, CASH, what);
            assert_eq!(world.market.borrow().mint.pending_minor(), 0, "{what}");
            assert_eq!(world.market.borrow().mint.outstanding_minor, CASH, "{what}");
        },
    );
}

#[test]
fn a_payee_that_dies_at_any_moment_goes_on() {
    let link_of = std::cell::RefCell::new(String::new());
    let prepare = || {
        let here = World::new();
        let there = run(async {
            let mut sender = funded(&here).await;
            let sent = sender.send_person(cents(SENT), "Lunch", OPEN_S).await.unwrap();
            *link_of.borrow_mut() = link(&sent);
            here.elsewhere()
        });
        there.unwrap()
    };
    let take = async |wallet: &mut Wallet<Here>| {
        let link = link_of.borrow().clone();
        wallet.receive_link(&link).await.map(|_| ())
    };
    cut_off_everywhere(prepare, take, |world, what| {
        wallet_has(world, SENT, what);
        let market = world.market.borrow();
        assert_eq!((market.mint.pending_minor(), market.mint.reserves_minor()), (0, 0), "{what}");
        assert_eq!(market.mint.outstanding_minor, CASH, "{what}");
    });
}

#[test]
fn a_payer_that_dies_at_any_moment_pays_once() {
    let link_of = std::cell::RefCell::new(String::new());
    let prepare = || {
        let here = World::new();
        run(async {
            let mut payee = opened(&here).await.unwrap();
            let asked = payee.request_person(MINT, cents(SENT), "Rent", OPEN_S).await.unwrap();
            *link_of.borrow_mut() = link(&asked);
            let there = here.elsewhere();
            funded(&there).await;
            there
        })
        .unwrap()
    };
    let pay = async |wallet: &mut Wallet<Here>| {
        let link = link_of.borrow().clone();
        wallet.pay_link(&link).await.map(|_| ())
    };
    cut_off_everywhere(prepare, pay, |world, what| {
        wallet_has(world, CASH - SENT, what);
        assert_eq!(world.market.borrow().mint.reserves_minor(), SENT, "{what}: paid once");
    });
}
