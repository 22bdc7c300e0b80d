#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod life;
mod reserves;

use std::collections::HashMap;
use std::time::Instant;

use proptest::prelude::*;
use semper_shared::foundation::Digest;

use super::*;
use crate::mint::payouts::{Due, NewAccount, PayoutOutcome, PayoutStore as _, Terms};
use crate::mint::store::{AccountNumber, Credit, NewSpend, Payee, UsedCoin};
use crate::store::testing::{self, Place, on_every_database};

/// A coin's value in these tests.
pub(super) const VALUE: u64 = 64;

pub(super) async fn open(place: &Place) -> SqlStore {
    SqlStore(Database::open(&place.config, &SCHEMA, None).await.unwrap())
}

/// Bytes as random as a key's, and the same for the same number.
pub(super) fn key(kind: u8, number: u64) -> Key {
    let mut key = [2; 33];
    key[1..].copy_from_slice(Digest::of_parts(&[&[kind], &number.to_be_bytes()]).as_bytes());
    key
}

pub(super) fn digest(kind: u8, number: u64) -> Digest {
    Digest::of_parts(&[b"digest", &[kind], &number.to_be_bytes()])
}

/// A batch of one planchet of its own.
fn planchet(number: u64) -> Vec<u8> {
    let mut batch = vec![0; 258];
    batch[2..10].copy_from_slice(&number.to_be_bytes());
    batch
}

pub(super) fn used(coin: u64, amount: u64) -> UsedCoin {
    UsedCoin { key: key(b'c', coin), denomination: 1, value: VALUE, signature: [5; 256], amount }
}

pub(super) fn account(number: u8) -> NewAccount {
    NewAccount {
        label: None,
        merchant: digest(b'm', number.into()),
        account: format!("merchant-{number}"),
        registered_at: UnixSeconds(1),
        registration: "x".repeat(600),
    }
}

pub(super) fn new_deposit(merchant: AccountNumber, deal: u64, spends: &[(u64, u64)]) -> NewDeposit {
    let spends = spends.iter().map(|(coin, amount)| NewSpend {
        coin: used(*coin, *amount),
        fee: 0,
        refund_by: UnixSeconds(1_800_000_000),
        proof: Proof::Signature([9; 64]),
    });
    let spends: Vec<_> = spends.collect();
    NewDeposit {
        merchant,
        payee: Payee::default(),
        deal: digest(b'd', deal),
        amount: spends.iter().map(|spend| spend.coin.amount).sum(),
        confirmed_at: UnixSeconds(1_790_000_000),
        wire_by: UnixSeconds(1_790_003_600),
        signature: [8; 64],
        spends,
    }
}

#[derive(Debug, Clone)]
enum Step {
    Credit { reserve: u8, amount: u16 },
    Withdraw { reserve: u8, coins: u8 },
    Deposit { deal: u8, coins: Vec<(u8, u8)> },
    Refund { deal: u8, amount: u8 },
    Melt { coin: u8, amount: u8 },
    Reveal { melt: u8 },
    Gather,
    Finish { payout: u8, sent: bool },
    Repeat,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0_u8..3, 1_u16..500).prop_map(|(reserve, amount)| Step::Credit { reserve, amount }),
        3 => (0_u8..4, 1_u8..4).prop_map(|(reserve, coins)| Step::Withdraw { reserve, coins }),
        4 => (0_u8..20, prop::collection::vec((0_u8..12, 1_u8..64), 1..4)).prop_map(|(deal, coins)| Step::Deposit { deal, coins }),
        3 => (0_u8..20, 1_u8..64).prop_map(|(deal, amount)| Step::Refund { deal, amount }),
        2 => (0_u8..12, 1_u8..64).prop_map(|(coin, amount)| Step::Melt { coin, amount }),
        2 => (0_u8..8).prop_map(|melt| Step::Reveal { melt }),
        1 => Just(Step::Gather),
        2 => (0_u8..4, any::<bool>()).prop_map(|(payout, sent)| Step::Finish { payout, sent }),
        1 => Just(Step::Repeat),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..40)
}

/// What the ledger should hold, in maps.
#[derive(Default)]
struct Model {
    serial: u64,
    requests: u64,
    reserves: HashMap<u8, u64>,
    /// Coins issued by withdrawals, whose numbers run from zero; the steps name those that exist.
    coins: u64,
    spent: HashMap<u64, u64>,
    /// By deal, what was paid of it.
    deals: HashMap<u8, u64>,
    refunds: refunds::tests::Refunds,
    /// Digest's number, amount, whether it was revealed.
    melts: Vec<(u64, u64, bool)>,
    melts_of: HashMap<u64, u32>,
    received: u64,
    withdrawn: u64,
    /// What the mint kept of withdrawals and deposits, the latter by coin.
    kept: u64,
    kept_of: HashMap<u64, u64>,
}

impl Model {
    fn left(&self, coin: u64) -> u64 {
        VALUE - self.spent.get(&coin).copied().unwrap_or(0)
    }
}

async fn step(store: &SqlStore, model: &mut Model, merchant: AccountNumber, step: &Step) {
    let now = UnixSeconds(1_790_000_000);
    match step {
        Step::Credit { reserve, amount } => {
            model.serial += 1;
            let credit = || Credit {
                serial: model.serial,
                reserve: key(b'r', (*reserve).into()),
                amount: (*amount).into(),
                at: now,
            };
            // The page comes twice, as after a crash before its cursor was stored.
            for _ in 0..2 {
                let page = FundingPage {
                    credits: vec![credit()],
                    strays: Vec::new(),
                    cursor: model.serial,
                    ..FundingPage::default()
                };
                store.credit(page).await.unwrap();
            }
            *model.reserves.entry(*reserve).or_default() += u64::from(*amount);
            model.received += u64::from(*amount);
        }
        Step::Withdraw { reserve, coins } => {
            model.requests += 1;
            let fee = u64::from(*coins);
            let amount = fee * VALUE + fee;
            let new = || NewWithdrawal {
                digest: digest(b'w', model.requests),
                reserve: key(b'r', (*reserve).into()),
                amount,
                fee,
                requested_at: now,
                day: None,
                first: None,
                batch: planchet(model.requests),
                signatures: model.requests.to_be_bytes().to_vec(),
                proof: Proof::Signature([1; 64]),
            };
            let (first, second) = (store.withdraw(new()).await, store.withdraw(new()).await);
            match model.reserves.get_mut(reserve) {
                Some(balance) if *balance >= amount => {
                    assert_eq!(first.unwrap(), second.unwrap());
                    *balance -= amount;
                    model.coins += u64::from(*coins);
                    model.withdrawn += amount - fee;
                    model.kept += fee;
                }
                Some(_) => assert!(matches!(first, Err(LedgerError::FundsInsufficient))),
                None => assert!(matches!(first, Err(LedgerError::ReserveUnknown))),
            }
        }
        Step::Deposit { deal, coins } => deposit(store, model, merchant, *deal, coins).await,
        Step::Refund { deal, amount } => {
            let coins = model.refunds.step(store, merchant, digest(b'd', (*deal).into()), (*amount).into()).await;
            for (coin, spent) in &mut model.spent {
                *spent -= coins.get(&key(b'c', *coin)).copied().unwrap_or(0);
            }
        }
        Step::Melt { coin, amount } => melt(store, model, (*coin).into(), (*amount).into()).await,
        Step::Reveal { melt } => {
            if let Some((number, _, revealed)) = model.melts.get_mut(usize::from(*melt)) {
                let melt = digest(b'x', *number);
                let recorded = store.reveal(melt, key(b't', 1), vec![u8::from(*revealed); 256]).await.unwrap();
                assert_eq!(recorded, vec![0; 256], "the first reveal stays");
                *revealed = true;
            } else {
                let unknown = store.reveal(digest(b'z', 0), key(b't', 1), Vec::new()).await;
                assert!(matches!(unknown, Err(LedgerError::MeltUnknown)));
            }
        }
        Step::Gather => {
            let due = Due { by: UnixSeconds(u64::MAX >> 1), now };
            for account in store.due(due.by).await.unwrap() {
                while store.gather(account, due, Terms::default()).await.unwrap() {}
            }
        }
        Step::Finish { payout, sent } => {
            let open = store.open_payouts(UnixSeconds(u64::MAX >> 1)).await.unwrap();
            if let Some(payout) = open.get(usize::from(*payout)) {
                let outcome = if *sent { PayoutOutcome::Sent } else { PayoutOutcome::Refused { again_at: now } };
                store.finish(payout.clone(), outcome).await.unwrap();
            }
        }
        Step::Repeat | Step::Reopen => {}
    }
}

/// What the mint keeps of a coin in these tests.
fn fee_of(amount: u64) -> u64 {
    u64::from(amount > 1)
}

async fn deposit(store: &SqlStore, model: &mut Model, merchant: AccountNumber, deal: u8, coins: &[(u8, u8)]) {
    let mut coins: Vec<(u64, u64)> = coins
        .iter()
        .map(|(coin, amount)| (u64::from(*coin), u64::from(*amount)))
        .filter(|(coin, _)| *coin < model.coins)
        .collect();
    coins.sort_unstable();
    coins.dedup_by_key(|(coin, _)| *coin);
    if coins.is_empty() {
        return;
    }
    let mut new = new_deposit(merchant, deal.into(), &coins);
    for spend in &mut new.spends {
        spend.fee = fee_of(spend.coin.amount);
    }
    new.amount = new.spends.iter().map(NewSpend::gives).sum();
    let outcome = store.deposit(new).await;
    let good = coins.iter().all(|(coin, amount)| *amount <= model.left(*coin));
    match (model.deals.get(&deal), outcome) {
        (Some(amount), Ok(Deposited::Before(record))) => assert_eq!(record.amount, *amount),
        (None, Ok(Deposited::Now)) if good => {
            for (coin, amount) in &coins {
                *model.spent.entry(*coin).or_default() += amount;
                *model.kept_of.entry(*coin).or_default() += fee_of(*amount);
            }
            model.deals.insert(deal, coins.iter().map(|(_, amount)| amount - fee_of(*amount)).sum());
        }
        (None, Err(LedgerError::CoinSpent(_))) if !good => {}
        _ => panic!("the ledger and the model differ about deal {deal}"),
    }
}

async fn melt(store: &SqlStore, model: &mut Model, coin: u64, amount: u64) {
    if coin >= model.coins {
        return;
    }
    model.requests += 1;
    let sequence = model.melts_of.get(&coin).copied().unwrap_or(0);
    let new = |gamma: u8| NewMelt {
        digest: digest(b'x', model.requests),
        coin: used(coin, amount),
        fee: fee_of(amount),
        sequence,
        outputs: vec![1, 2, 300],
        commitment: digest(b'y', 0),
        proof: Proof::Text("a melt spelt in its own way".repeat(9)),
        gamma,
        confirmation: [3; 64],
    };
    let (first, second) = (store.melt(new(1)).await, store.melt(new(2)).await);
    if amount > model.left(coin) {
        assert!(matches!(first, Err(LedgerError::CoinSpent(_))));
        return;
    }
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!((first.gamma, second.gamma), (1, 1), "gamma is drawn once");
    assert_eq!(second.outputs, [1, 2, 300]);
    assert_eq!(first.proof, second.proof);
    *model.spent.entry(coin).or_default() += amount;
    *model.melts_of.entry(coin).or_default() += 1;
    model.melts.push((model.requests, amount, false));
}

async fn agree(store: &SqlStore, model: &Model) {
    let books = store.books().await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books.received, model.received);
    assert_eq!(books.reserves, model.reserves.values().sum::<u64>());
    let revealed: u64 = model.melts.iter().filter(|(_, _, revealed)| *revealed).map(|(_, amount, _)| amount).sum();
    let melted: u64 = model.melts.iter().map(|(_, amount, _)| amount).sum();
    let revealing = model.melts.iter().filter(|(_, _, revealed)| *revealed);
    let refreshing: u64 = revealing.map(|(_, amount, _)| fee_of(*amount)).sum();
    assert_eq!(books.issued, model.withdrawn + revealed - refreshing);
    assert_eq!(books.fees, model.kept + model.kept_of.values().sum::<u64>() + refreshing);
    assert_eq!(books.melting, melted - revealed);
    assert_eq!(books.spent, model.spent.values().sum::<u64>());
    assert_eq!(books.owed + books.paid_out + model.refunds.total(), model.deals.values().sum::<u64>());
    for (coin, spent) in &model.spent {
        let record = store.coin(key(b'c', *coin)).await.unwrap().unwrap();
        assert_eq!(record.spent, *spent);
        let (spends, melts) = (record.spends.iter().map(|s| s.amount), record.melts.iter().map(|m| m.amount));
        let back = model.refunds.to(&key(b'c', *coin));
        let kept = model.kept_of.get(coin).copied().unwrap_or(0);
        assert_eq!(spends.chain(melts).sum::<u64>() + kept, *spent + back, "every unit has its proof");
        assert_eq!(back > 0, !record.refunds.is_empty(), "what returned has its proof");
    }
}

/// Whatever is asked in whatever order, and wherever the process ends: what came in is somewhere, once.
async fn value_in_is_coins_and_reserves_and_owed_and_paid_out(place: Place, steps: &[Step]) {
    let mut store = open(&place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    let mut model = Model::default();
    for (index, one) in steps.iter().enumerate() {
        step(&store, &mut model, merchant, one).await;
        if matches!(one, Step::Reopen) {
            drop(store);
            store = open(&place).await;
        }
        if matches!(one, Step::Repeat | Step::Reopen) || index + 1 == steps.len() {
            agree(&store, &model).await;
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn value_in_is_somewhere_once_in_sqlite(steps in steps()) {
        runtime().block_on(async {
            value_in_is_coins_and_reserves_and_owed_and_paid_out(testing::sqlite().await, &steps).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn value_in_is_somewhere_once_in_postgres(steps in steps()) {
        runtime().block_on(async {
            value_in_is_coins_and_reserves_and_owed_and_paid_out(testing::postgres().await, &steps).await;
        });
    }
}

on_every_database!(
    a_key_under_two_denominations_is_refused,
    equal_requests_at_once_are_one,
    a_coin_is_taken_once_by_whoever_comes_first,
);

async fn a_key_under_two_denominations_is_refused(place: Place) {
    let store = open(&place).await;
    let numbers = store.number(vec![(digest(b'n', 1), VALUE), (digest(b'n', 2), VALUE)]).await.unwrap();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(store.number(vec![(digest(b'n', 2), VALUE)]).await.unwrap(), [2]);
    let merchant = store.register(account(1)).await.unwrap();
    assert!(matches!(store.deposit(new_deposit(merchant, 1, &[(1, 3)])).await, Ok(Deposited::Now)));
    let mut other = new_deposit(merchant, 2, &[(1, 3)]);
    other.spends[0].coin.denomination = 2;
    assert!(matches!(store.deposit(other).await, Err(LedgerError::CoinInvalid)));
    assert!(store.deposited(merchant, digest(b'd', 2)).await.unwrap().is_none());
}

/// Two replicas of the mint, where the database takes two; else the same one twice.
pub(super) async fn replicas(place: &Place) -> [SqlStore; 2] {
    let first = open(place).await;
    let second = match Database::open(&place.config, &SCHEMA, None).await {
        Ok(database) => SqlStore(database),
        Err(StoreError::InUse(_)) => first.clone(),
        Err(other) => panic!("{other}"),
    };
    [first, second]
}

/// Runs a job several times at once, at both replicas.
pub(super) fn both_at_once<T: Send + 'static>(
    stores: &[SqlStore; 2],
    job: impl Fn(SqlStore, usize) -> BoxFuture<'static, T>,
) -> BoxFuture<'static, Vec<T>> {
    let tasks: Vec<_> = (0..8).map(|task| tokio::spawn(job(stores[task % 2].clone(), task))).collect();
    async { futures_util::future::join_all(tasks).await.into_iter().map(Result::unwrap).collect() }.boxed()
}

async fn funded(store: &SqlStore, amount: u64) {
    let credit = Credit { serial: 1, reserve: key(b'r', 1), amount, at: UnixSeconds(1) };
    store
        .credit(FundingPage { credits: vec![credit], strays: Vec::new(), cursor: 1, ..FundingPage::default() })
        .await
        .unwrap();
}

/// The same request several times at once: done once, and everybody hears the same.
async fn equal_requests_at_once_are_one(place: Place) {
    let stores = replicas(&place).await;
    let store = stores[0].clone();
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    funded(&store, 10 * VALUE).await;
    for round in 0..5 {
        let withdrawals = both_at_once(&stores, |store, task| {
            let new = NewWithdrawal {
                digest: digest(b'w', round),
                reserve: key(b'r', 1),
                amount: VALUE,
                fee: 0,
                requested_at: UnixSeconds(1),
                day: None,
                first: None,
                batch: planchet(round),
                signatures: vec![u8::try_from(task).unwrap(); 256],
                proof: Proof::Signature([1; 64]),
            };
            Box::pin(async move { store.withdraw(new).await.unwrap() })
        });
        let withdrawals = withdrawals.await;
        assert!(withdrawals.iter().all(|signatures| *signatures == withdrawals[0]));
        assert_eq!(store.balance(key(b'r', 1)).await.unwrap(), Some((9 - round) * VALUE));

        let melts = both_at_once(&stores, |store, task| {
            let new = NewMelt {
                digest: digest(b'x', round),
                coin: used(round, 20),
                fee: 0,
                sequence: 0,
                outputs: vec![1],
                commitment: digest(b'y', 0),
                proof: Proof::Signature([2; 64]),
                gamma: u8::try_from(task).unwrap(),
                confirmation: [3; 64],
            };
            Box::pin(async move { store.melt(new).await.unwrap().gamma })
        });
        let melts = melts.await;
        assert!(melts.iter().all(|gamma| *gamma == melts[0]), "gamma is drawn once");

        let deposits = both_at_once(&stores, |store, _| {
            let new = new_deposit(merchant, round, &[(round, 10), (100 + round, 10)]);
            Box::pin(async move { store.deposit(new).await.unwrap() })
        });
        let now = deposits.await.iter().filter(|outcome| matches!(outcome, Deposited::Now)).count();
        assert_eq!(now, 1);
        assert_eq!(store.coin(key(b'c', round)).await.unwrap().unwrap().spent, 30);
    }
}

/// Deals that share coins, each naming them in another order: each coin gives what it has, and no deal gets a part.
async fn a_coin_is_taken_once_by_whoever_comes_first(place: Place) {
    let stores = replicas(&place).await;
    let store = stores[0].clone();
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    for round in 0..10_u64 {
        let outcomes = both_at_once(&stores, |store, task| {
            let deal = round * 100 + u64::try_from(task).unwrap();
            let mut coins: Vec<_> = (0..3).map(|coin| (round * 3 + coin, 30)).collect();
            coins.rotate_left(task % 3);
            let new = new_deposit(merchant, deal, &coins);
            Box::pin(async move { store.deposit(new).await })
        });
        let taken = outcomes.await.into_iter().filter(|outcome| match outcome {
            Ok(Deposited::Now) => true,
            Err(LedgerError::CoinSpent(_)) => false,
            _ => panic!("neither taken nor spent"),
        });
        assert_eq!(taken.count(), 2, "64 is twice 30");
        for coin in 0..3 {
            assert_eq!(store.coin(key(b'c', round * 3 + coin)).await.unwrap().unwrap().spent, 60);
        }
    }
    assert_eq!(store.books().await.unwrap().owed, 10 * 2 * 90);
}

/// Prints what a purchase costs; fails where it costs more than the design allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_takes_less_than_a_kilobyte() {
    const PURCHASES: u64 = 5_000;
    let place = testing::sqlite().await;
    let store = open(&place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    let used = async || -> u64 {
        let pages = store.0.read(|tx| tx.value::<u64>("SELECT page_count FROM pragma_page_count", values![])).await;
        pages.unwrap_or_else(|error: StoreError| panic!("{error}")) * 4_096
    };
    let before = used().await;
    let started = Instant::now();
    for batch in 0..PURCHASES / 100 {
        let deposits =
            (0..100).map(|n| store.deposit(new_deposit(merchant, batch * 100 + n, &[(batch * 100 + n, 20)])));
        for outcome in futures_util::future::join_all(deposits).await {
            assert!(matches!(outcome, Ok(Deposited::Now)));
        }
    }
    let took = started.elapsed();
    let sync = crate::store::sqlite::probe::fdatasync_times(place.folder.path(), 5).unwrap();
    let each = (used().await - before) / PURCHASES;
    println!("{each} bytes a purchase; {PURCHASES} deposits stored in {took:?}, fdatasync {:?}", sync[2]);
    assert!(each < 1_000, "{each} bytes a purchase");
}
