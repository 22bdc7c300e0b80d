#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;
use std::time::Instant;

use proptest::prelude::*;
use semper_shared::foundation::Digest;
use tempfile::TempDir;

use super::*;
use crate::mint::evidence::Proof;
use crate::mint::store::{Credit, NewSpend, UsedCoin};

/// A coin's value in these tests.
const VALUE: u64 = 64;

const MINT: Digest = Digest([7; 32]);

fn open(folder: &TempDir) -> SqliteStore {
    SqliteStore(Database::open(&folder.path().join("mint.sqlite"), &SCHEMA, None).unwrap())
}

/// Bytes as random as a key's, and the same for the same number.
fn key(kind: u8, number: u64) -> Key {
    let mut key = [2; 33];
    key[1..].copy_from_slice(Digest::of_parts(&[&[kind], &number.to_be_bytes()]).as_bytes());
    key
}

fn digest(kind: u8, number: u64) -> Digest {
    Digest::of_parts(&[b"digest", &[kind], &number.to_be_bytes()])
}

fn used(coin: u64, amount: u64) -> UsedCoin {
    UsedCoin { key: key(b'c', coin), denomination: 1, value: VALUE, signature: [5; 256], amount }
}

fn account(number: u8) -> NewAccount {
    NewAccount {
        merchant: digest(b'm', number.into()),
        account: format!("merchant-{number}"),
        registered_at: UnixSeconds(1),
        registration: "x".repeat(600),
    }
}

fn new_deposit(merchant: AccountNumber, deal: u64, spends: &[(u64, u64)]) -> NewDeposit {
    let spends = spends.iter().map(|(coin, amount)| NewSpend {
        coin: used(*coin, *amount),
        refund_by: UnixSeconds(1_800_000_000),
        proof: Proof::Signature([9; 64]),
    });
    let spends: Vec<_> = spends.collect();
    NewDeposit {
        merchant,
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
    /// By deal, whether it was paid.
    deals: HashMap<u8, u64>,
    /// Digest's number, amount, whether it was revealed.
    melts: Vec<(u64, u64, bool)>,
    melts_of: HashMap<u64, u32>,
    received: u64,
    withdrawn: u64,
}

impl Model {
    fn left(&self, coin: u64) -> u64 {
        VALUE - self.spent.get(&coin).copied().unwrap_or(0)
    }
}

async fn step(store: &SqliteStore, model: &mut Model, merchant: AccountNumber, step: &Step) {
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
                let page = FundingPage { credits: vec![credit()], strays: Vec::new(), cursor: model.serial };
                store.credit(page).await.unwrap();
            }
            *model.reserves.entry(*reserve).or_default() += u64::from(*amount);
            model.received += u64::from(*amount);
        }
        Step::Withdraw { reserve, coins } => {
            model.requests += 1;
            let amount = u64::from(*coins) * VALUE;
            let new = || NewWithdrawal {
                digest: digest(b'w', model.requests),
                reserve: key(b'r', (*reserve).into()),
                amount,
                requested_at: now,
                batch: vec![1; 258],
                signatures: model.requests.to_be_bytes().to_vec(),
                proof: Proof::Signature([1; 64]),
            };
            let (first, second) = (store.withdraw(new()).await, store.withdraw(new()).await);
            match model.reserves.get_mut(reserve) {
                Some(balance) if *balance >= amount => {
                    assert_eq!(first.unwrap(), second.unwrap());
                    *balance -= amount;
                    model.coins += u64::from(*coins);
                    model.withdrawn += amount;
                }
                Some(_) => assert!(matches!(first, Err(LedgerError::FundsInsufficient))),
                None => assert!(matches!(first, Err(LedgerError::ReserveUnknown))),
            }
        }
        Step::Deposit { deal, coins } => deposit(store, model, merchant, *deal, coins).await,
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
            let due = Due { mint: MINT, by: UnixSeconds(u64::MAX >> 1), now };
            for merchant in store.due(due.by).unwrap() {
                while store.gather(merchant, due).await.unwrap() {}
            }
        }
        Step::Finish { payout, sent } => {
            let open = store.open_payouts(UnixSeconds(u64::MAX >> 1)).unwrap();
            if let Some(payout) = open.get(usize::from(*payout)) {
                let outcome = if *sent { PayoutOutcome::Sent } else { PayoutOutcome::Refused { again_at: now } };
                store.finish(payout.number, outcome).await.unwrap();
            }
        }
        Step::Repeat | Step::Reopen => {}
    }
}

async fn deposit(store: &SqliteStore, model: &mut Model, merchant: AccountNumber, deal: u8, coins: &[(u8, u8)]) {
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
    let outcome = store.deposit(new_deposit(merchant, deal.into(), &coins)).await;
    let good = coins.iter().all(|(coin, amount)| *amount <= model.left(*coin));
    match (model.deals.get(&deal), outcome) {
        (Some(amount), Ok(Deposited::Before(record))) => assert_eq!(record.amount, *amount),
        (None, Ok(Deposited::Now)) if good => {
            for (coin, amount) in &coins {
                *model.spent.entry(*coin).or_default() += amount;
            }
            model.deals.insert(deal, coins.iter().map(|(_, amount)| amount).sum());
        }
        (None, Err(LedgerError::CoinSpent(_))) if !good => {}
        _ => panic!("the ledger and the model differ about deal {deal}"),
    }
}

async fn melt(store: &SqliteStore, model: &mut Model, coin: u64, amount: u64) {
    if coin >= model.coins {
        return;
    }
    model.requests += 1;
    let sequence = model.melts_of.get(&coin).copied().unwrap_or(0);
    let new = |gamma: u8| NewMelt {
        digest: digest(b'x', model.requests),
        coin: used(coin, amount),
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

fn agree(store: &SqliteStore, model: &Model) {
    let books = store.books().unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books.received, model.received);
    assert_eq!(books.reserves, model.reserves.values().sum::<u64>());
    let revealed: u64 = model.melts.iter().filter(|(_, _, revealed)| *revealed).map(|(_, amount, _)| amount).sum();
    let melted: u64 = model.melts.iter().map(|(_, amount, _)| amount).sum();
    assert_eq!(books.issued, model.withdrawn + revealed);
    assert_eq!(books.melting, melted - revealed);
    assert_eq!(books.spent, model.spent.values().sum::<u64>());
    assert_eq!(books.owed + books.paid_out, model.deals.values().sum::<u64>());
    for (coin, spent) in &model.spent {
        let record = store.coin(&key(b'c', *coin)).unwrap().unwrap();
        assert_eq!(record.spent, *spent);
        let (spends, melts) = (record.spends.iter().map(|s| s.amount), record.melts.iter().map(|m| m.amount));
        assert_eq!(spends.chain(melts).sum::<u64>(), *spent, "every unit has its proof");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is asked in whatever order, and wherever the process ends: what came in is somewhere, once.
    #[test]
    fn value_in_is_coins_and_reserves_and_owed_and_paid_out(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let folder = TempDir::new().unwrap();
            let mut store = open(&folder);
            store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
            let merchant = store.register(account(1)).await.unwrap();
            let mut model = Model::default();
            for (index, one) in steps.iter().enumerate() {
                step(&store, &mut model, merchant, one).await;
                if matches!(one, Step::Reopen) {
                    drop(store);
                    store = open(&folder);
                }
                if matches!(one, Step::Repeat | Step::Reopen) || index + 1 == steps.len() {
                    agree(&store, &model);
                }
            }
        });
    }
}

#[tokio::test]
async fn a_key_under_two_denominations_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let numbers = store.number(vec![(digest(b'n', 1), VALUE), (digest(b'n', 2), VALUE)]).await.unwrap();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(store.number(vec![(digest(b'n', 2), VALUE)]).await.unwrap(), [2]);
    let merchant = store.register(account(1)).await.unwrap();
    assert!(matches!(store.deposit(new_deposit(merchant, 1, &[(1, 3)])).await, Ok(Deposited::Now)));
    let mut other = new_deposit(merchant, 2, &[(1, 3)]);
    other.spends[0].coin.denomination = 2;
    assert!(matches!(store.deposit(other).await, Err(LedgerError::CoinInvalid)));
    assert!(store.deposited(merchant, &digest(b'd', 2)).unwrap().is_none());
}

/// Prints what a purchase costs; fails where it costs more than the design allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purchase_takes_less_than_a_kilobyte() {
    const PURCHASES: u64 = 5_000;
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    let used = |store: &SqliteStore| -> u64 {
        let pages: i64 =
            store.0.read(|c| c.query_row("SELECT page_count FROM pragma_page_count", (), |row| row.get(0))).unwrap();
        u64::try_from(pages).unwrap() * 4_096
    };
    let before = used(&store);
    let started = Instant::now();
    for batch in 0..PURCHASES / 100 {
        let deposits =
            (0..100).map(|n| store.deposit(new_deposit(merchant, batch * 100 + n, &[(batch * 100 + n, 20)])));
        for outcome in futures_util::future::join_all(deposits).await {
            assert!(matches!(outcome, Ok(Deposited::Now)));
        }
    }
    let took = started.elapsed();
    let sync = crate::store::sqlite::probe::fdatasync_times(folder.path(), 5).unwrap();
    let each = (used(&store) - before) / PURCHASES;
    println!("{each} bytes a purchase; {PURCHASES} deposits stored in {took:?}, fdatasync {:?}", sync[2]);
    assert!(each < 1_000, "{each} bytes a purchase");
}
