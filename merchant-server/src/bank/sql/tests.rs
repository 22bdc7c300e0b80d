//! What the bank's books promise, over every database.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::json;

use super::*;
use crate::store::testing::{Place, on_every_database};

on_every_database!(
    only_what_is_there_can_be_paid_however_many_try,
    opposite_transfers_do_not_wait_for_each_other,
    whoever_has_seen_an_entry_has_seen_all_before_it,
    replicas_may_open_the_books_at_once,
    the_books_balance_whatever_is_ordered,
    accounts_have_their_own_tokens,
);

const NAMES: [&str; 3] = ["customer", "mint", "merchant"];
const OPENING: u64 = 50_000;

async fn books(place: &Place) -> Arc<Sql> {
    Arc::new(Sql::new(Database::open(&place.config, &SCHEMA, None).await.unwrap()))
}

/// The books of as many replicas as the database takes: a file has one owner.
async fn replicas(place: &Place) -> [Arc<Sql>; 2] {
    let one = books(place).await;
    let two = if place.config.url.is_some() { books(place).await } else { Arc::clone(&one) };
    set_up(&one).await;
    [one, two]
}

async fn set_up(books: &Sql) {
    books.open(Currency::EUR, 100_000_000).await.unwrap();
    for account in NAMES {
        let opening = if account == "customer" { OPENING } else { 0 };
        let account = json!({"account": account, "name": account, "token": format!("{account}-0123456789abcdefghij"), "opening_minor": opening});
        books.set_up(&serde_json::from_value(account).unwrap(), UnixSeconds(1)).await.unwrap();
    }
}

fn name(account: &str) -> AccountName {
    AccountName::try_from(account.to_owned()).unwrap()
}

fn order(id: &str, from: &str, to: &str, minor: u64) -> TransferOrder {
    let amount = json!({"currency": "EUR", "minor": minor});
    serde_json::from_value(json!({"id": id, "from": from, "to": to, "amount": amount, "subject": "x"})).unwrap()
}

async fn balance(books: &Sql, account: &str) -> u64 {
    books.standing(&name(account)).await.unwrap().balance.minor()
}

async fn only_what_is_there_can_be_paid_however_many_try(place: Place) {
    let replicas = replicas(&place).await;
    let transfers: Vec<_> = (0..64)
        .map(|index| {
            let books = Arc::clone(&replicas[index % 2]);
            // Every fourth is a repetition of the one before, at the other replica.
            let id = format!("t{}", index - usize::from(index % 4 == 3));
            tokio::spawn(async move { books.transfer(order(&id, "customer", "mint", 1_500), UnixSeconds(2)).await })
        })
        .collect();
    let mut made = 0;
    for transfer in transfers {
        match transfer.await.unwrap() {
            Ok(Outcome::Made(_)) => made += 1,
            Ok(Outcome::Repeated(_)) | Err(BankError::Ledger(LedgerError::FundsInsufficient)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(made, OPENING / 1_500, "as often as there was money, not once more");
    assert_eq!(balance(&replicas[1], "customer").await, OPENING % 1_500);
    assert_eq!(replicas[0].trial().await.unwrap(), Trial::BALANCED);
}

async fn opposite_transfers_do_not_wait_for_each_other(place: Place) {
    let replicas = replicas(&place).await;
    replicas[0].transfer(order("half", "customer", "mint", OPENING / 2), UnixSeconds(2)).await.unwrap();
    let transfers: Vec<_> = (0..80)
        .map(|index| {
            let books = Arc::clone(&replicas[index % 2]);
            let (from, to) = if index % 4 < 2 { ("customer", "mint") } else { ("mint", "customer") };
            tokio::spawn(async move { books.transfer(order(&format!("t{index}"), from, to, 7), UnixSeconds(2)).await })
        })
        .collect();
    for transfer in transfers {
        assert!(matches!(transfer.await.unwrap().unwrap(), Outcome::Made(_)));
    }
    assert_eq!((balance(&replicas[0], "customer").await, balance(&replicas[0], "mint").await), (25_000, 25_000));
    assert_eq!(replicas[1].trial().await.unwrap(), Trial::BALANCED);
}

/// A mint reads its account's history from where it stopped: a transfer that became visible after a later one were lost.
async fn whoever_has_seen_an_entry_has_seen_all_before_it(place: Place) {
    let replicas = replicas(&place).await;
    let transfers: Vec<_> = (0..60)
        .map(|index| {
            let books = Arc::clone(&replicas[index % 2]);
            tokio::spawn(async move {
                books.transfer(order(&format!("t{index}"), "customer", "mint", 1), UnixSeconds(2)).await.map(|_| ())
            })
        })
        .collect();
    let (mut seen, mut after) = (0, 0);
    for _ in 0..2_000 {
        let entries = replicas[1].history(&name("mint"), after, 100).await.unwrap();
        seen += entries.len();
        after = entries.last().map_or(after, |entry| entry.serial);
        if seen == 60 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    for transfer in transfers {
        transfer.await.unwrap().unwrap();
    }
    assert_eq!(seen, 60, "none was passed over");
}

async fn replicas_may_open_the_books_at_once(place: Place) {
    let all = match place.config.url {
        Some(_) => futures_util::future::join_all((0..4).map(|_| books(&place))).await,
        None => vec![books(&place).await; 4],
    };
    futures_util::future::join_all(all.iter().map(|books| set_up(books))).await;
    assert_eq!(balance(&all[0], "customer").await, OPENING, "the opening balance is given once");
    assert_eq!(all[3].trial().await.unwrap(), Trial::BALANCED);
    let other = all[0].open("USD".parse().unwrap(), 1).await;
    assert!(matches!(other, Err(BankError::CurrencyMismatch)));
}

/// In the store too no money appears.
async fn the_books_balance_whatever_is_ordered(place: Place) {
    let [books, _] = replicas(&place).await;
    let orders = prop::collection::vec((0_usize..3, 0_usize..3, 0_u64..40_000, 0_u8..60), 80);
    let orders = orders.new_tree(&mut TestRunner::deterministic()).unwrap().current();
    for (from, to, minor, id) in orders {
        let _refused_or_not =
            books.transfer(order(&format!("t{id}"), NAMES[from], NAMES[to], minor), UnixSeconds(3)).await;
    }
    assert_eq!(books.trial().await.unwrap(), Trial::BALANCED);
    let mut held = 0;
    for account in NAMES {
        held += balance(&books, account).await;
    }
    assert_eq!(held, OPENING);
    assert!(balance(&books, "customer").await < OPENING, "some were made");
}

async fn accounts_have_their_own_tokens(place: Place) {
    let [books, _] = replicas(&place).await;
    let token = |account: &str| TokenHash::of(&format!("{account}-0123456789abcdefghij"));
    books.authorise(&name("mint"), token("mint")).await.unwrap();
    for (account, token) in [("mint", token("customer")), (CENTRAL, token(CENTRAL))] {
        assert!(matches!(books.authorise(&name(account), token).await, Err(BankError::TokenInvalid)));
    }
    assert!(matches!(books.authorise(&name("nobody"), token("mint")).await, Err(BankError::AccountUnknown)));
}
