//! One party is killed (SIGKILL) at an exact step of a purchase while the others live on; then it is started again.
//!
//! Every step runs twice: the party comes back at once, or not before the customer's command has given up. In both the
//! same command brings the purchase to its end, paid once; the goods are there; and mint, bank and wallets agree on
//! every cent.
#![allow(missing_docs)]

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use semper_tests::market::{Party, TEST_MONEY};
use semper_tests::proxy::{Deed, Moment, Trap};
use semper_tests::{Market, Outcome, Wallet, goods};

use Moment::{Answered, Arriving, Asked, Passing};
use Who::{Bank, Merchant, Mint};

#[derive(Debug, Clone, Copy)]
enum Who {
    Bank,
    Mint,
    Merchant,
}

/// What the customer does, and so what it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deal {
    Withdraw,
    Buy(&'static str, u64),
}

const ARTICLE: Deal = Deal::Buy("article", 320);
const COURSE: Deal = Deal::Buy("course", 1200);
/// A sum whose coins pay neither price exactly, so that change must be exchanged.
const CASH: (&str, u64) = ("40.96", 4096);

/// A step: the request to whom, and the moment of it.
type Step = (&'static str, Deal, Who, &'static str, &'static str, usize, Moment);

const MERCHANT_DIES: &[Step] = &[
    ("the offer is sent", ARTICLE, Merchant, "GET", "/offers/article", 1, Answered),
    ("before the order arrives", ARTICLE, Merchant, "POST", "/deals", 1, Asked),
    ("its deposit is lost on the way", ARTICLE, Mint, "POST", "/deposits", 1, Asked),
    ("its deposit is on the way and arrives", ARTICLE, Mint, "POST", "/deposits", 1, Arriving),
    ("the deposit is durable and unanswered", ARTICLE, Mint, "POST", "/deposits", 1, Answered),
    ("the receipt is written and unanswered", ARTICLE, Merchant, "POST", "/deals", 1, Answered),
    ("before the acknowledgement", ARTICLE, Merchant, "POST", "/deals/*/acknowledgement", 1, Asked),
    ("after the acknowledgement", ARTICLE, Merchant, "POST", "/deals/*/acknowledgement", 1, Answered),
    ("before the content", ARTICLE, Merchant, "GET", "/content/*", 1, Asked),
    ("in the middle of the content", COURSE, Merchant, "GET", "/content/*", 2, Passing(150_000)),
    ("while change is exchanged", ARTICLE, Mint, "POST", "/melts", 1, Answered),
];

const MINT_DIES: &[Step] = &[
    ("before it shows its keys", Deal::Withdraw, Mint, "GET", "/keys", 1, Asked),
    ("before it is asked for the reserve", Deal::Withdraw, Mint, "GET", "/reserves/*", 1, Asked),
    ("while the money is transferred", Deal::Withdraw, Bank, "POST", "/transfers", 1, Answered),
    ("while the wallet waits for the money", Deal::Withdraw, Mint, "GET", "/reserves/*", 2, Answered),
    ("before the withdrawal arrives", Deal::Withdraw, Mint, "POST", "/withdrawals", 1, Asked),
    ("the coins are signed and not sent", Deal::Withdraw, Mint, "POST", "/withdrawals", 1, Answered),
    ("before the order arrives", ARTICLE, Merchant, "POST", "/deals", 1, Asked),
    ("before the deposit arrives", ARTICLE, Mint, "POST", "/deposits", 1, Asked),
    ("the deposit is durable and unanswered", ARTICLE, Mint, "POST", "/deposits", 1, Answered),
    ("the receipt is written and unanswered", ARTICLE, Merchant, "POST", "/deals", 1, Answered),
    ("in the middle of the content", COURSE, Merchant, "GET", "/content/*", 2, Passing(150_000)),
    ("before the melt arrives", ARTICLE, Mint, "POST", "/melts", 1, Asked),
    ("the melt is durable and unanswered", ARTICLE, Mint, "POST", "/melts", 1, Answered),
    ("before the reveal arrives", ARTICLE, Mint, "POST", "/melts/*/reveal", 1, Asked),
    ("the new coins are signed and not sent", ARTICLE, Mint, "POST", "/melts/*/reveal", 1, Answered),
];

const BANK_DIES: &[Step] = &[
    ("before the transfer arrives", Deal::Withdraw, Bank, "POST", "/transfers", 1, Asked),
    ("the transfer is made and unanswered", Deal::Withdraw, Bank, "POST", "/transfers", 1, Answered),
    ("while the mint waits for the money", Deal::Withdraw, Mint, "GET", "/reserves/*", 2, Asked),
];

/// How many steps are taken in one market after another; of the bank's, whose absence a wallet waits for the longest, fewer.
const STEPS_A_MARKET: usize = 4;
const BANKS_STEPS_A_MARKET: usize = 1;

/// When the killed party comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Back {
    AtOnce,
    WhenTheCommandHasEnded,
}

/// The market of a run, and what must stand in its books.
struct Run {
    market: Market,
    in_wallets: u64,
    withdrawn: u64,
    bought: u64,
    paid: u64,
}

/// Takes the steps in several markets at once, since most of the time is spent waiting for who is dead.
fn run(victim: Who, steps: &'static [Step], back: Back) -> Outcome {
    let together = if matches!(victim, Bank) { BANKS_STEPS_A_MARKET } else { STEPS_A_MARKET };
    let markets = steps.chunks(together).map(|steps| thread::spawn(move || run_in_one(victim, steps, back)));
    let markets: Vec<_> = markets.collect();
    for market in markets {
        market.join().map_err(|_| "a market's thread ended early")??;
    }
    Ok(())
}

fn run_in_one(victim: Who, steps: &[Step], back: Back) -> Outcome {
    let market = Market::start()?;
    let mut run = Run { market, in_wallets: 0, withdrawn: 0, bought: 0, paid: 0 };
    for step in steps {
        run.step(victim, step, back).map_err(|error| format!("{victim:?} dies, {}, {back:?}: {error}", step.0))?;
    }
    Ok(())
}

impl Run {
    fn party(&self, who: Who) -> &Arc<Party> {
        match who {
            Bank => &self.market.bank,
            Mint => &self.market.mint,
            Merchant => &self.market.merchant,
        }
    }

    fn step(&mut self, victim: Who, step: &Step, back: Back) -> Outcome {
        let &(_, deal, to, method, path, nth, moment) = step;
        let (wallet, mint) = (Wallet::init()?, self.market.mint.url());
        let withdraw = ["withdraw", CASH.0, "--mint", &mint];
        if deal != Deal::Withdraw {
            wallet.run(&withdraw)?;
        }
        let out = wallet.goods();
        let out = out.to_str().ok_or("path")?;
        let offer = if let Deal::Buy(id, _) = deal { self.market.offer(id) } else { String::new() };
        let buy = ["buy", &offer, "--out", out, "--json"];
        let command: &[&str] = if deal == Deal::Withdraw { &withdraw } else { &buy };

        let killed = Arc::new(AtomicBool::new(false));
        let deed = kill(self.party(victim), &killed, back);
        self.party(to).proxy.set(Trap::new(method, path, nth, moment, deed));
        let first = wallet.attempt(command)?;
        let said = String::from_utf8_lossy(&first.stderr);
        require(!self.party(to).proxy.unset() && killed.load(Ordering::SeqCst), || {
            format!("that step never came: {said}; {:?}", self.party(to).proxy.seen())
        })?;
        self.party(victim).start()?;
        if !first.status.success() {
            let open = ["network-failed", "outcome-unknown", "in-progress", "busy", "reserve-unknown"];
            let told = open.iter().any(|code| said.contains(&format!("error[{code}]")));
            require(told, || format!("it must be told as open: {said}"))?;
            wallet.run(command)?;
        }
        wallet.run(&["resume"])?;
        self.check(&wallet, deal)
    }

    /// The customer has what was paid for, and everyone's books agree.
    fn check(&mut self, wallet: &Wallet, deal: Deal) -> Outcome {
        let mut left = CASH.1;
        self.withdrawn += CASH.1;
        if let Deal::Buy(id, price) = deal {
            left -= price;
            self.paid += price;
            self.bought += 1;
            let page = fs::read_to_string(wallet.goods().join(format!("{id}.html")))?;
            require(page == goods::text(id), || "the page is another one".to_owned())?;
            if deal == COURSE {
                let recording = fs::read(wallet.goods().join("recording.bin"))?;
                require(recording == goods::recording(), || "the recording is another one".to_owned())?;
            }
        }
        self.in_wallets += left;
        let balance = wallet.balance()?;
        require(balance == left, || format!("the wallet has {balance}, not {left}"))?;
        let deals = wallet.json(&["deals", "--json"])?;
        let count = deals.as_array().map_or(0, Vec::len);
        require(count == usize::from(deal != Deal::Withdraw), || format!("deals of the wallet: {deals}"))?;

        let books = self.market.books()?;
        require(books.balance() && books.reserves == 0 && books.melting == 0, || format!("{books:?}"))?;
        require(books.outstanding() == self.in_wallets, || format!("{books:?}, in wallets {}", self.in_wallets))?;
        require((books.deposits, books.owed) == (self.bought, self.paid), || {
            format!("{books:?}, bought {} for {}", self.bought, self.paid)
        })?;
        let at_bank = (self.market.account("customer")?, self.market.account("mint")?);
        require(at_bank == (TEST_MONEY - self.withdrawn, self.withdrawn), || format!("at the bank: {at_bank:?}"))?;
        let deals = self.market.deals()?;
        require(deals == (self.bought, 0), || format!("deals of the merchant: {deals:?}, bought {}", self.bought))
    }
}

/// Kills the party, and perhaps starts it again; either way the test goes on meanwhile.
fn kill(party: &Arc<Party>, killed: &Arc<AtomicBool>, back: Back) -> Deed {
    let (party, killed) = (Arc::clone(party), Arc::clone(killed));
    Box::new(move || {
        killed.store(party.kill().is_ok(), Ordering::SeqCst);
        if back == Back::AtOnce {
            // Where it does not start, the test's own start says so.
            thread::spawn(move || drop(party.start()));
        }
    })
}

fn require(holds: bool, what: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(what().into()) }
}

#[test]
fn the_merchant_dies_alone_and_is_back_at_once() -> Outcome {
    run(Merchant, MERCHANT_DIES, Back::AtOnce)
}

#[test]
fn the_merchant_dies_alone_and_stays_away() -> Outcome {
    run(Merchant, MERCHANT_DIES, Back::WhenTheCommandHasEnded)
}

#[test]
fn the_mint_dies_alone_and_is_back_at_once() -> Outcome {
    run(Mint, MINT_DIES, Back::AtOnce)
}

#[test]
fn the_mint_dies_alone_and_stays_away() -> Outcome {
    run(Mint, MINT_DIES, Back::WhenTheCommandHasEnded)
}

#[test]
fn the_bank_dies_alone_and_is_back_at_once() -> Outcome {
    run(Bank, BANK_DIES, Back::AtOnce)
}

#[test]
fn the_bank_dies_alone_and_stays_away() -> Outcome {
    run(Bank, BANK_DIES, Back::WhenTheCommandHasEnded)
}
