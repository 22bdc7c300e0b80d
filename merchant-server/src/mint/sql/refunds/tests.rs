#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::HashMap;

use semper_shared::foundation::UnixSeconds;
use semper_shared::items::payment::ecash::spread;

use super::*;
use crate::mint::payouts::{Due, PayoutStore as _, Terms};
use crate::mint::refunds::Share;
use crate::mint::sql::tests::{VALUE, account, both_at_once, digest, key, new_deposit, open};
use crate::mint::store::{Key, MintStore as _};
use crate::store::testing::{Place, on_every_database};

/// What a refund of this name would be, from the deposit as it stands.
fn planned(standing: &Refundable, id: u64, amount: u64) -> Option<NewRefund> {
    let given: Vec<u64> = standing.given.iter().map(|given| given.amount).collect();
    let shares = spread(&given, standing.refunded, amount)?;
    Some(NewRefund {
        deposit: standing.deposit,
        already: standing.refunded,
        id: name(id),
        digest: digest(b'f', id),
        amount,
        confirmed_at: UnixSeconds(1),
        statement: format!("statement {id}"),
        confirmation: format!("confirmation {id}"),
        shares: shares.into_iter().map(|(at, amount)| Share { coin: standing.given[at].coin, amount }).collect(),
    })
}

fn name(id: u64) -> [u8; 16] {
    let mut name = [0; 16];
    name[8..].copy_from_slice(&id.to_be_bytes());
    name
}

/// What the ledger should hold of refunds, beside the model of everything else.
#[derive(Default)]
pub(in crate::mint::sql) struct Refunds {
    count: u64,
    by_coin: HashMap<Key, u64>,
}

impl Refunds {
    pub(in crate::mint::sql) fn total(&self) -> u64 {
        self.by_coin.values().sum()
    }

    pub(in crate::mint::sql) fn to(&self, coin: &Key) -> u64 {
        self.by_coin.get(coin).copied().unwrap_or(0)
    }

    /// Refunds, and again under the same name, and again as planned before the first one. What returned to which coins.
    pub(in crate::mint::sql) async fn step(
        &mut self,
        store: &SqlStore,
        merchant: i64,
        deal: Digest,
        amount: u64,
    ) -> HashMap<Key, u64> {
        self.count += 1;
        let id = self.count;
        let Some(standing) = store.refundable(merchant, deal, name(id)).await.unwrap() else { return HashMap::new() };
        let paid: u64 = standing.given.iter().map(|given| given.amount).sum();
        let plan = |id| planned(&standing, id, amount);
        let Some(new) = plan(id) else {
            assert!(standing.refunded + amount > paid, "it can be refunded");
            return HashMap::new();
        };
        let back: HashMap<Key, u64> = new.shares.iter().map(|share| (share.coin, share.amount)).collect();
        let outcome = store.refund(new).await;
        if standing.paid_out {
            assert!(matches!(outcome, Err(LedgerError::PaidOut)));
            return HashMap::new();
        }
        assert!(matches!(outcome, Ok(Refunded::Now)));
        let again = store.refund(plan(id).unwrap()).await.unwrap();
        assert!(matches!(again, Refunded::Before(record) if record.digest == digest(b'f', id)));
        assert!(matches!(store.refund(plan(u64::MAX).unwrap()).await.unwrap(), Refunded::Moved), "the plan is old");
        let after = store.refundable(merchant, deal, name(id)).await.unwrap().unwrap();
        assert_eq!(after.refunded, standing.refunded + amount);
        assert_eq!(after.before.unwrap().confirmation, format!("confirmation {id}"));
        for (coin, amount) in &back {
            *self.by_coin.entry(*coin).or_default() += amount;
        }
        back
    }
}

on_every_database!(
    a_payout_takes_what_is_left,
    after_the_payout_nothing_is_refunded,
    refund_and_payout_at_once_agree,
    refunds_at_once_give_no_more_than_was_paid,
);

async fn shop(place: &Place) -> (SqlStore, AccountNumber) {
    let store = open(place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    (store, merchant)
}

const DUE: Due = Due { by: UnixSeconds(u64::MAX >> 1), now: UnixSeconds(1) };

async fn paid_out(store: &SqlStore) -> u64 {
    store.open_payouts(UnixSeconds(2)).await.unwrap().iter().map(|payout| payout.amount).sum()
}

async fn a_payout_takes_what_is_left(place: Place) {
    let (store, merchant) = shop(&place).await;
    let mut refunds = Refunds::default();
    store.deposit(new_deposit(merchant, 1, &[(1, 30), (2, 40)])).await.map(drop).unwrap();
    store.deposit(new_deposit(merchant, 2, &[(3, 5)])).await.map(drop).unwrap();
    refunds.step(&store, merchant, digest(b'd', 1), 35).await;
    assert_eq!((refunds.to(&key(b'c', 1)), refunds.to(&key(b'c', 2))), (30, 5), "in the deposit's order");
    // One that is refunded whole is nothing to be paid: it alone makes no payout.
    refunds.step(&store, merchant, digest(b'd', 2), 5).await;
    assert_eq!(store.due(DUE.by).await.unwrap(), [(merchant, 0)]);
    assert!(store.gather((merchant, 0), DUE, Terms::default()).await.unwrap());
    assert!(!store.gather((merchant, 0), DUE, Terms::default()).await.unwrap());
    assert!(store.due(DUE.by).await.unwrap().is_empty());
    assert_eq!(paid_out(&store).await, 35);
    assert_eq!(store.books().await.unwrap().owed, 35);
    assert_eq!(store.coin(key(b'c', 2)).await.unwrap().unwrap().spent, 35);
    assert_eq!(store.coin(key(b'c', 3)).await.unwrap().unwrap().spent, 0);
}

async fn after_the_payout_nothing_is_refunded(place: Place) {
    let (store, merchant) = shop(&place).await;
    store.deposit(new_deposit(merchant, 1, &[(1, 30)])).await.map(drop).unwrap();
    let deal = digest(b'd', 1);
    let early = store.refundable(merchant, deal, name(1)).await.unwrap().unwrap();
    assert!(matches!(store.refund(planned(&early, 1, 10).unwrap()).await, Ok(Refunded::Now)));
    let before = store.refundable(merchant, deal, name(2)).await.unwrap().unwrap();
    assert!(store.gather((merchant, 0), DUE, Terms::default()).await.unwrap());
    assert!(matches!(store.refund(planned(&before, 2, 10).unwrap()).await, Err(LedgerError::PaidOut)));
    let after = store.refundable(merchant, deal, name(1)).await.unwrap().unwrap();
    assert!(after.paid_out && after.before.is_some(), "what was refunded before is still known");
    assert!(matches!(store.refund(planned(&early, 1, 10).unwrap()).await, Ok(Refunded::Before(_))));
    assert_eq!((paid_out(&store).await, store.coin(key(b'c', 1)).await.unwrap().unwrap().spent), (20, 20));
}

/// Whoever comes first decides: what is paid out and what is refunded are together what was paid.
async fn refund_and_payout_at_once_agree(place: Place) {
    let (store, merchant) = shop(&place).await;
    let (mut refunded, mut deposited) = (0, 0);
    for round in 0..12_u64 {
        store.deposit(new_deposit(merchant, round, &[(round, 20)])).await.map(drop).unwrap();
        deposited += 20;
        let both = [store.clone(), store.clone()];
        let outcomes = both_at_once(&both, move |store, task| {
            Box::pin(async move {
                // They begin in every order.
                if task == usize::try_from(round % 8).unwrap() {
                    store.gather((merchant, 0), DUE, Terms::default()).await.unwrap();
                    return 0;
                }
                let (id, deal) = (round * 8 + u64::try_from(task).unwrap(), digest(b'd', round));
                loop {
                    let standing = store.refundable(merchant, deal, name(id)).await.unwrap().unwrap();
                    let Some(new) = planned(&standing, id, 3) else { return 0 };
                    match store.refund(new).await {
                        Ok(Refunded::Now) => return 3,
                        Ok(Refunded::Moved) => {}
                        Err(LedgerError::PaidOut) => return 0,
                        _ => panic!("neither refunded nor paid out"),
                    }
                }
            })
        });
        refunded += outcomes.await.into_iter().sum::<u64>();
        while store.gather((merchant, 0), DUE, Terms::default()).await.unwrap() {}
        let standing = store.refundable(merchant, digest(b'd', round), name(u64::MAX)).await.unwrap().unwrap();
        let spent = store.coin(key(b'c', round)).await.unwrap().unwrap().spent;
        assert_eq!(spent + standing.refunded, 20);
        assert_eq!(paid_out(&store).await + refunded, deposited);
    }
}

async fn refunds_at_once_give_no_more_than_was_paid(place: Place) {
    let (store, merchant) = shop(&place).await;
    store.deposit(new_deposit(merchant, 1, &[(1, 7), (2, 11)])).await.map(drop).unwrap();
    let both = [store.clone(), store.clone()];
    let outcomes = both_at_once(&both, move |store, task| {
        Box::pin(async move {
            let id = u64::try_from(task).unwrap();
            loop {
                let standing = store.refundable(merchant, digest(b'd', 1), name(id)).await.unwrap().unwrap();
                let Some(new) = planned(&standing, id, 4) else { return 0 };
                if matches!(store.refund(new).await.unwrap(), Refunded::Now) {
                    return 4;
                }
            }
        })
    });
    assert_eq!(outcomes.await.into_iter().sum::<u64>(), 16, "four times 4 of 18");
    let (first, second) = (store.coin(key(b'c', 1)).await.unwrap().unwrap(), store.coin(key(b'c', 2)).await.unwrap());
    assert_eq!((first.spent, second.unwrap().spent), (0, 2));
    assert_eq!(first.refunds.len(), 2, "4 and 3");
}
