//! Denominations that are revoked, coins that are recouped, and refreshes that come to nothing.

use super::*;
use crate::mint::life::{LifeStore as _, NewRecoup, NewRevocation};

on_every_database!(
    what_is_revoked_stays_so,
    a_coin_is_recouped_once_and_for_what_is_left,
    recoups_and_payments_at_once_give_no_more_than_the_coin,
    a_refresh_is_void_or_revealed_and_never_both,
);

const NOW: UnixSeconds = UnixSeconds(1_790_000_000);

/// A ledger with two coins' worth issued.
async fn issued(place: &Place) -> (SqlStore, AccountNumber) {
    let store = open(place).await;
    store.number(vec![(digest(b'n', 1), VALUE)]).await.unwrap();
    let credit = Credit { serial: 1, reserve: key(b'r', 1), amount: 2 * VALUE, at: NOW };
    let page = FundingPage { credits: vec![credit], cursor: 1, ..FundingPage::default() };
    store.credit(page).await.unwrap();
    let new = NewWithdrawal {
        fee: 0,
        digest: digest(b'w', 1),
        reserve: key(b'r', 1),
        amount: 2 * VALUE,
        requested_at: NOW,
        day: None,
        first: None,
        batch: planchet(1),
        signatures: vec![1; 512],
        proof: Proof::Signature([1; 64]),
    };
    store.withdraw(new).await.unwrap();
    let merchant = store.register(account(1)).await.unwrap();
    (store, merchant)
}

/// An order to recoup a coin, by its number; each `order` is a statement of its own.
fn new_recoup(order: u64, coin: u64) -> NewRecoup {
    let UsedCoin { key: coin, denomination, value, signature, .. } = used(coin, 0);
    let reserve = key(b'r', 100 + order);
    let statement = format!("recoup {order}");
    NewRecoup { digest: digest(b'q', order), key: coin, denomination, value, signature, reserve, at: NOW, statement }
}

fn new_melt(number: u64, coin: u64, amount: u64, sequence: u32) -> NewMelt {
    NewMelt {
        fee: 0,
        digest: digest(b'x', number),
        coin: used(coin, amount),
        sequence,
        outputs: vec![1],
        commitment: digest(b'y', 0),
        proof: Proof::Text("a melt".to_owned()),
        gamma: 1,
        confirmation: [3; 64],
    }
}

async fn balance(store: &SqlStore, order: u64) -> Option<u64> {
    store.balance(key(b'r', 100 + order)).await.unwrap()
}

async fn what_is_revoked_stays_so(place: Place) {
    let store = open(&place).await;
    let new = |numbers: &[u64], at| NewRevocation {
        denominations: numbers.iter().map(|number| digest(b'n', *number)).collect(),
        reason: "a disk was lost".to_owned(),
        revoked_at: UnixSeconds(at),
    };
    assert_eq!(store.revoke(new(&[1, 2], 5)).await.unwrap(), 2);
    assert_eq!(store.revoke(new(&[2, 3], 9)).await.unwrap(), 1, "one of them was revoked before");
    drop(store);
    let revoked = open(&place).await.revocations().await.unwrap();
    let times: HashMap<Digest, u64> = revoked.iter().map(|(denomination, at)| (*denomination, at.0)).collect();
    let expected = [(digest(b'n', 1), 5), (digest(b'n', 2), 5), (digest(b'n', 3), 9)];
    assert_eq!((times, revoked.len()), (expected.into(), 3), "the first time counts");
}

async fn a_coin_is_recouped_once_and_for_what_is_left(place: Place) {
    let (store, merchant) = issued(&place).await;
    store.deposit(new_deposit(merchant, 1, &[(0, 20)])).await.unwrap();
    assert_eq!(store.recouped(new_recoup(1, 0).digest).await.unwrap(), None);
    for _ in 0..2 {
        assert_eq!(store.recoup(new_recoup(1, 0)).await.unwrap(), VALUE - 20);
    }
    assert_eq!(store.recouped(new_recoup(1, 0).digest).await.unwrap(), Some(VALUE - 20));
    assert_eq!(balance(&store, 1).await, Some(VALUE - 20), "once");
    assert!(matches!(store.recoup(new_recoup(2, 0)).await, Err(LedgerError::CoinSpent(_))), "into another reserve");
    assert_eq!(balance(&store, 2).await, None);
    assert!(matches!(store.deposit(new_deposit(merchant, 2, &[(0, 1)])).await, Err(LedgerError::CoinSpent(_))));
    // A coin that the ledger has never seen is recouped whole.
    assert_eq!(store.recoup(new_recoup(3, 1)).await.unwrap(), VALUE);
    let record = store.coin(key(b'c', 0)).await.unwrap().unwrap();
    assert_eq!((record.spent, record.recoups.as_slice()), (VALUE, &["recoup 1".to_owned()][..]));
    let books = store.books().await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!((books.reserves, books.outstanding(), books.owed), (2 * VALUE - 20, Some(0), 20));
}

async fn recoups_and_payments_at_once_give_no_more_than_the_coin(place: Place) {
    let (store, merchant) = issued(&place).await;
    let recoup = |order| store.recoup(new_recoup(order, 0));
    let pay = |deal| store.deposit(new_deposit(merchant, deal, &[(0, 40)]));
    let (one, again, other, first, second) = tokio::join!(recoup(1), recoup(1), recoup(2), pay(1), pay(2));
    let paid = [&first, &second].into_iter().filter(|paid| paid.is_ok()).count();
    assert!(paid <= 1, "both payments are more than the coin");
    let mut recouped: Vec<u64> = [&one, &other].into_iter().flatten().copied().collect();
    assert_eq!(one.ok(), again.ok(), "the same order, the same answer");
    assert_eq!(recouped.len(), 1, "one of the orders");
    let paid = if paid == 1 { 40 } else { 0 };
    assert_eq!(recouped.pop().map(|recouped| recouped + paid), Some(VALUE));
    let books = store.books().await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!((books.outstanding(), books.owed), (Some(VALUE), paid), "the other coin is whole");
}

async fn a_refresh_is_void_or_revealed_and_never_both(place: Place) {
    let (store, _) = issued(&place).await;
    let reveal = |number, with| store.reveal(digest(b'x', number), key(b't', 1), vec![with; 256]);
    let spent = async || store.coin(key(b'c', 0)).await.unwrap().unwrap().spent;

    store.melt(new_melt(1, 0, 10, 0)).await.unwrap();
    assert_eq!(spent().await, 10);
    for _ in 0..2 {
        store.void(digest(b'x', 1)).await.unwrap();
        assert_eq!(spent().await, 0, "it is back, once");
    }
    assert!(matches!(reveal(1, 1).await, Err(LedgerError::MeltVoid)));
    assert!(store.melted(digest(b'x', 1)).await.unwrap().unwrap().void);

    store.melt(new_melt(2, 0, 20, 1)).await.unwrap();
    assert_eq!(reveal(2, 7).await.unwrap(), vec![7; 256]);
    store.void(digest(b'x', 2)).await.unwrap();
    assert_eq!(spent().await, 20, "what was revealed is gone");
    assert!(!store.melted(digest(b'x', 2)).await.unwrap().unwrap().void);
    assert!(matches!(store.void(digest(b'x', 9)).await, Err(LedgerError::MeltUnknown)));

    // Both at once: whichever is first.
    let mut expected = 20;
    for number in 3..9 {
        store.melt(new_melt(number, 0, 5, u32::try_from(number).unwrap())).await.unwrap();
        let (revealed, voided) = tokio::join!(reveal(number, 1), store.void(digest(b'x', number)));
        voided.unwrap();
        let melt = store.melted(digest(b'x', number)).await.unwrap().unwrap();
        assert_eq!((revealed.is_ok(), melt.revealed.is_some()), (!melt.void, !melt.void));
        expected += if melt.void { 0 } else { 5 };
        assert_eq!(spent().await, expected);
    }
    let books = store.books().await.unwrap();
    assert!(books.balance(), "{books:?}");
    assert_eq!(books.melting, 0);
}
