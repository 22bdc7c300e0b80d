#![allow(clippy::unwrap_used)]

use super::*;
use crate::mint::evidence::Proof;
use crate::mint::sql::tests::{VALUE, account, both_at_once, digest, new_deposit, open as open_store, replicas};
use crate::mint::store::{MintStore as _, Payee};
use crate::store::testing::{Place, on_every_database};

on_every_database!(
    two_gather_at_once,
    little_is_carried_forward_until_it_is_enough_or_old,
    each_account_has_its_own_payout,
    a_payout_says_what_it_was_for_and_is_signed_once,
);

const EVER: Due = Due { by: UnixSeconds(u64::MAX >> 1), now: UnixSeconds(1) };

/// When the tests' deposits are due.
const DAY: UnixSeconds = UnixSeconds(1_790_003_600);

async fn amounts(store: &SqlStore) -> Vec<u64> {
    let open = store.open_payouts(EVER.by).await.unwrap();
    open.iter().map(|payout| payout.amount).collect()
}

/// Every deposit is in one payout, and every payout is what its deposits add up to.
async fn two_gather_at_once(place: Place) {
    let stores = replicas(&place).await;
    let store = stores[0].clone();
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    for deal in 0..20 {
        store.deposit(new_deposit(merchant, deal, &[(deal, 7)])).await.map(drop).unwrap();
    }
    let gathered = both_at_once(&stores, move |store, _| {
        Box::pin(async move { store.gather((merchant, 0), EVER, Terms { min: 140, wait_s: 0 }).await.unwrap() })
    });
    assert_eq!(gathered.await.into_iter().filter(|some| *some).count(), 1);
    let open = store.open_payouts(UnixSeconds(2)).await.unwrap();
    assert_eq!(open.iter().map(|payout| payout.amount).collect::<Vec<_>>(), [140]);
    // One replica hears of a refusal late.
    store.finish(open[0].clone(), PayoutOutcome::Sent).await.unwrap();
    store.finish(open[0].clone(), PayoutOutcome::Refused { again_at: UnixSeconds(1) }).await.unwrap();
    assert!(store.open_payouts(UnixSeconds(2)).await.unwrap().is_empty());
    let books = store.books().await.unwrap();
    assert_eq!((books.owed, books.paid_out), (0, 140));
}

async fn little_is_carried_forward_until_it_is_enough_or_old(place: Place) {
    let store = open_store(&place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = (store.register(account(1)).await.unwrap(), 0);
    let terms = Terms { min: 20, wait_s: 1_000 };
    let at = |after: u64| Due { by: DAY.plus(after), now: UnixSeconds(1) };
    store.deposit(new_deposit(merchant.0, 1, &[(1, 19)])).await.map(drop).unwrap();
    assert!(!store.gather(merchant, Due { by: UnixSeconds(DAY.0 - 1), ..EVER }, Terms::default()).await.unwrap());
    assert_eq!(store.due(DAY).await.unwrap(), [merchant]);
    assert!(!store.gather(merchant, at(999), terms).await.unwrap(), "too little");
    store.deposit(new_deposit(merchant.0, 2, &[(1, 1)])).await.map(drop).unwrap();
    assert!(store.gather(merchant, at(0), terms).await.unwrap(), "enough");
    assert_eq!(amounts(&store).await, [20]);
    store.deposit(new_deposit(merchant.0, 3, &[(2, 5)])).await.map(drop).unwrap();
    assert!(!store.gather(merchant, at(999), terms).await.unwrap());
    assert!(store.gather(merchant, at(1_000), terms).await.unwrap(), "it has waited long enough");
    assert!(!store.gather(merchant, EVER, Terms::default()).await.unwrap());
    assert_eq!(amounts(&store).await, [20, 5]);
}

async fn each_account_has_its_own_payout(place: Place) {
    let store = open_store(&place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    let further = || NewAccount {
        label: Some("books".to_owned()),
        account: "shelf".to_owned(),
        registered_at: UnixSeconds(3),
        ..account(1)
    };
    let stranger = store.register(NewAccount { label: Some("books".to_owned()), ..account(2) }).await;
    assert!(matches!(stranger, Err(LedgerError::AccountMissing)), "the account without a label comes first");
    for _ in 0..2 {
        assert_eq!(store.register(further()).await.unwrap(), merchant);
    }
    let older = NewAccount { registered_at: UnixSeconds(2), account: "old".to_owned(), ..further() };
    assert!(matches!(store.register(older).await, Err(LedgerError::Conflict(_))));
    assert_eq!(store.payee(merchant, "maps".to_owned()).await.unwrap(), None);
    let number = store.payee(merchant, "books".to_owned()).await.unwrap().unwrap();
    let payee = || Payee { number, direction: Some(Proof::Signature([6; 64])) };
    store.deposit(new_deposit(merchant, 1, &[(1, 10)])).await.map(drop).unwrap();
    let mut directed = new_deposit(merchant, 2, &[(2, 20)]);
    directed.payee = payee();
    store.deposit(directed).await.map(drop).unwrap();
    // Handed in by somebody else first; the merchant's word comes after, and once.
    store.deposit(new_deposit(merchant, 3, &[(3, 30)])).await.map(drop).unwrap();
    for deal in [2, 3] {
        store.redirect(Redirection { merchant, deal: digest(b'd', deal), payee: payee() }).await.unwrap();
    }
    assert_eq!(store.due(EVER.by).await.unwrap(), [(merchant, 0), (merchant, number)]);
    for account in store.due(EVER.by).await.unwrap() {
        assert!(store.gather(account, EVER, Terms::default()).await.unwrap());
    }
    let open = store.open_payouts(EVER.by).await.unwrap();
    let paid: Vec<_> = open.iter().map(|payout| (payout.account.as_str(), payout.amount)).collect();
    assert_eq!(paid, [(account(1).account.as_str(), 10), ("shelf", 50)]);
    // What was gathered is directed nowhere else.
    store.redirect(Redirection { merchant, deal: digest(b'd', 1), payee: payee() }).await.unwrap();
    let name = open[0].id.parse().unwrap();
    assert_eq!(store.payout(merchant, name).await.unwrap().unwrap().deals, [(digest(b'd', 1), 10, 0)]);
    // A refused payout goes to where its label says then.
    let moved = NewAccount { registered_at: UnixSeconds(4), account: "attic".to_owned(), ..further() };
    store.register(moved).await.unwrap();
    store.finish(open[1].clone(), PayoutOutcome::Refused { again_at: UnixSeconds(1) }).await.unwrap();
    assert_eq!(store.open_payouts(EVER.by).await.unwrap()[1].account, "attic");
}

async fn a_payout_says_what_it_was_for_and_is_signed_once(place: Place) {
    let store = open_store(&place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    let other = store.register(account(2)).await.unwrap();
    for deal in 1..=3 {
        store.deposit(new_deposit(merchant, deal, &[(deal, 10)])).await.map(drop).unwrap();
    }
    assert!(store.gather((merchant, 0), EVER, Terms::default()).await.unwrap());
    let payout = store.open_payouts(EVER.by).await.unwrap().remove(0);
    let name: Digest = payout.id.parse().unwrap();
    assert!(!store.payouts(merchant, 0, 9).await.unwrap()[0].sent);
    store.finish(payout, PayoutOutcome::Sent).await.unwrap();
    let rows = store.payouts(merchant, 0, 9).await.unwrap();
    assert_eq!((rows.len(), rows[0].amount, rows[0].sent), (1, 30, true));
    assert!(store.payouts(merchant, rows[0].number, 9).await.unwrap().is_empty());
    assert!(store.payouts(other, 0, 9).await.unwrap().is_empty());
    assert!(store.payout(other, name).await.unwrap().is_none(), "another's payout is nobody else's");
    let record = store.payout(merchant, name).await.unwrap().unwrap();
    assert_eq!(record.deals.len(), 3);
    assert_eq!(record.signature, None);
    assert_eq!(store.sign_payout(record.number, [1; 64]).await.unwrap(), [1; 64]);
    assert_eq!(store.sign_payout(record.number, [2; 64]).await.unwrap(), [1; 64], "the first counts");
    assert_eq!(store.payout(merchant, name).await.unwrap().unwrap().signature, Some([1; 64]));
}
