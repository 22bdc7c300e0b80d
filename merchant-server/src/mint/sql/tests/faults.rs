//! Whatever befalls a write, asking again gives the right answer.

use std::time::Duration;

use super::*;
use crate::store::faults::{Fault, Faults};

on_every_database!(every_write_may_fail_in_every_way);

/// Asks until the store answers, as handlers' callers and the mint's own tasks do.
async fn insist<T, E: Into<LedgerError>>(mut ask: impl AsyncFnMut() -> Result<T, E>) -> Result<T, LedgerError> {
    for _ in 0..3 {
        match ask().await.map_err(Into::into) {
            Err(LedgerError::Store(StoreError::Busy | StoreError::Commit(_))) => {}
            other => return other,
        }
    }
    panic!("one fault, and three times no answer");
}

/// From a transfer to a payout, with keys of this round's own.
async fn purchase(store: &SqlStore, merchant: AccountNumber, round: u64) {
    let now = UnixSeconds(1_790_000_000);
    let reserve = key(b'r', round);
    insist(async || {
        let credit = Credit { serial: round, reserve, amount: 3 * VALUE, at: now };
        store
            .credit(FundingPage { credits: vec![credit], strays: Vec::new(), cursor: round, ..FundingPage::default() })
            .await
    })
    .await
    .unwrap();

    let withdraw = async |signatures: u8| {
        let new = NewWithdrawal {
            digest: digest(b'w', round),
            reserve,
            amount: 2 * VALUE,
            fee: 0,
            requested_at: now,
            day: None,
            first: None,
            batch: vec![1; 516],
            signatures: vec![signatures; 512],
            proof: Proof::Signature([1; 64]),
        };
        store.withdraw(new).await
    };
    let signatures = insist(async || withdraw(1).await).await.unwrap();
    let again = insist(async || withdraw(2).await).await.unwrap();
    assert_eq!((signatures, again), (vec![1; 512], vec![1; 512]));
    assert_eq!(store.balance(reserve).await.unwrap(), Some(VALUE));

    let (first, second) = (2 * round, 2 * round + 1);
    let deposit = async || store.deposit(new_deposit(merchant, round, &[(first, 20), (second, VALUE)])).await;
    match insist(deposit).await.unwrap() {
        Deposited::Now => {}
        Deposited::Before(record) => assert_eq!((record.amount, record.spends.len()), (20 + VALUE, 2)),
    }
    let other = async || store.deposit(new_deposit(merchant, 1_000_000 + round, &[(second, 1)])).await;
    assert!(matches!(insist(other).await, Err(LedgerError::CoinSpent(_))));

    let gamma = insist(async || store.melt(new_melt(round, first, 44, 1)).await).await.unwrap().gamma;
    let again = insist(async || store.melt(new_melt(round, first, 44, 2)).await).await.unwrap().gamma;
    assert_eq!(again, gamma, "gamma is drawn once");
    let melt = digest(b'x', round);
    let revealed = insist(async || store.reveal(melt, key(b't', 1), vec![7; 256]).await).await.unwrap();
    assert_eq!(revealed, vec![7; 256]);

    let due = Due { by: UnixSeconds(u64::MAX >> 1), now };
    while insist(async || store.gather((merchant, 0), due, Terms::default()).await).await.unwrap() {}
    for payout in store.open_payouts(UnixSeconds(u64::MAX >> 1)).await.unwrap() {
        assert_eq!(payout.amount, 20 + VALUE);
        insist(async || store.finish(payout.clone(), PayoutOutcome::Sent).await).await.unwrap();
    }
    assert!(store.open_payouts(UnixSeconds(u64::MAX >> 1)).await.unwrap().is_empty());

    for (coin, spends, melts) in [(first, 1, 1), (second, 1, 0)] {
        let record = store.coin(key(b'c', coin)).await.unwrap().unwrap();
        assert_eq!((record.spent, record.spends.len(), record.melts.len()), (VALUE, spends, melts));
    }
}

async fn every_write_may_fail_in_every_way(place: Place) {
    let plain = open(&place).await;
    plain.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = plain.register(account(1)).await.unwrap();
    let none = Faults::new(|_| None);
    purchase(&SqlStore(plain.0.with_faults(&none)), merchant, 1).await;
    let mut round = 1;
    for write in 0..none.writes() {
        for fault in [Fault::Busy, Fault::Lost, Fault::Unanswered, Fault::Slow(Duration::from_millis(5))] {
            round += 1;
            let faults = Faults::once(write, fault);
            purchase(&SqlStore(plain.0.with_faults(&faults)), merchant, round).await;
            let books = plain.books().await.unwrap();
            assert!(books.balance(), "{fault:?} at write {write}: {books:?}");
            let paid = round * (20 + VALUE);
            let sums = (books.received, books.issued, books.owed, books.paid_out);
            assert_eq!(sums, (3 * round * VALUE, round * (2 * VALUE + 44), 0, paid), "{fault:?} at write {write}");
        }
    }
}

fn new_melt(round: u64, coin: u64, amount: u64, gamma: u8) -> NewMelt {
    NewMelt {
        digest: digest(b'x', round),
        coin: used(coin, amount),
        fee: 0,
        sequence: 0,
        outputs: vec![1],
        commitment: digest(b'y', 0),
        proof: Proof::Signature([2; 64]),
        gamma,
        confirmation: [3; 64],
    }
}
