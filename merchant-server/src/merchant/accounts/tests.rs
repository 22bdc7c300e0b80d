//! What the store makes of bookings, over both databases.
#![allow(clippy::unwrap_used, clippy::panic)]

use semper_shared::items::payment::RefundId;
use semper_shared::items::payment::account::Reference;

use super::*;
use crate::merchant::sql;
use crate::store::testing::{Place, on_every_database};

on_every_database!(
    an_entry_counts_once_however_often_it_is_imported,
    imports_at_once_count_an_entry_once,
    a_booking_is_the_same_with_and_without_its_transfers,
    more_than_is_due_goes_back_where_it_came_from,
    what_is_decided_is_decided_once,
    a_file_of_orders_is_made_once,
    reminders_and_ends_come_at_their_time,
    a_credit_that_is_taken_back_is_owed_again,
    a_reversal_that_names_no_single_credit_waits_for_a_person,
);

const NOW: UnixSeconds = UnixSeconds(1_000_000);

fn deal(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

async fn with_invoice(place: &Place, pay_later: bool) -> sql::Sql {
    let store = sql::tests::store(place).await;
    let new = NewInvoice {
        deal: deal("one"),
        reference: Reference::of(&deal("one")),
        pay_later,
        statement: "a.b.c".to_owned(),
        amount_minor: 320,
        issued_at: UnixSeconds(1),
        due_at: UnixSeconds(500_000),
    };
    let stored = store.open_invoice(new.clone()).await.unwrap();
    let again = store.open_invoice(NewInvoice { amount_minor: 1, statement: "x.y.z".to_owned(), ..new }).await.unwrap();
    assert_eq!(stored, again, "a deal has one invoice");
    store
}

fn entry(key: &str, minor: u64, named: bool) -> NewEntry {
    NewEntry {
        key: Digest::of(key.as_bytes()),
        credit: true,
        reversal: false,
        amount_minor: minor,
        booked_on: "2026-11-23".to_owned(),
        name: "Jean Dupont".to_owned(),
        iban: "FR1420041010050500013M02606".parse().ok(),
        remittance: if named { "RF".to_owned() } else { String::new() },
        end_to_end: None,
        references: if named { vec![Reference::of(&deal("one"))] } else { Vec::new() },
    }
}

fn booking(entries: Vec<NewEntry>) -> NewBooking {
    NewBooking { total_minor: entries.iter().map(|entry| entry.amount_minor).sum(), entries }
}

async fn ledger(store: &sql::Sql) -> semper_shared::items::payment::account::Ledger {
    store.invoice(deal("one")).await.unwrap().unwrap().ledger
}

async fn an_entry_counts_once_however_often_it_is_imported(place: Place) {
    let store = with_invoice(&place, false).await;
    let bookings = vec![booking(vec![entry("a", 100, true)]), booking(vec![entry("b", 7, false)])];
    let first = store.import(bookings.clone(), NOW).await.unwrap();
    assert_eq!((first.new, first.known, first.matched, first.waiting), (2, 0, 1, 1));
    assert_eq!(first.deals, [deal("one")]);
    let again = store.import([bookings, vec![booking(vec![entry("c", 220, true)])]].concat(), NOW).await.unwrap();
    assert_eq!((again.new, again.known), (1, 2), "a file that overlaps");
    assert_eq!(ledger(&store).await.received_minor, 320);
    assert!(store.outgoing(10).await.unwrap().is_empty());
}

async fn imports_at_once_count_an_entry_once(place: Place) {
    let store = with_invoice(&place, false).await;
    let imports = (0..8).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let bookings = vec![booking(vec![entry("a", 100, true)]), booking(vec![entry("b", 220, true)])];
            store.import(bookings, NOW).await.unwrap()
        })
    });
    let imported: Vec<Imported> =
        futures_util::future::join_all(imports).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(imported.iter().map(|one| one.new).sum::<u32>(), 2);
    assert_eq!(ledger(&store).await.received_minor, 320);
}

async fn a_booking_is_the_same_with_and_without_its_transfers(place: Place) {
    let store = with_invoice(&place, false).await;
    // A statement says the sum alone; the notification says of what.
    let whole = booking(vec![entry("first", 320, false)]);
    let parts = booking(vec![entry("first", 100, true), entry("second", 220, true)]);
    store.import(vec![whole.clone()], NOW).await.unwrap();
    assert_eq!(store.entries(true, 10).await.unwrap().len(), 1);
    let better = store.import(vec![parts.clone()], NOW).await.unwrap();
    assert_eq!((better.new, better.matched), (2, 2));
    assert!(store.entries(true, 10).await.unwrap().is_empty());
    for known in [whole, parts] {
        assert_eq!(store.import(vec![known], NOW).await.unwrap().new, 0);
    }
    assert_eq!(ledger(&store).await.received_minor, 320);
    // What a person has dealt with whole is not taken again in parts.
    store.import(vec![booking(vec![entry("third", 50, false)])], NOW).await.unwrap();
    let number = store.entries(true, 10).await.unwrap()[0].number;
    assert_eq!(store.send_back(number, None, NOW).await.unwrap(), Decided::Done(None));
    let late = booking(vec![entry("third", 20, true), entry("fourth", 30, true)]);
    assert_eq!(store.import(vec![late], NOW).await.unwrap().new, 0);
    assert_eq!(ledger(&store).await.received_minor, 320);
}

async fn more_than_is_due_goes_back_where_it_came_from(place: Place) {
    let store = with_invoice(&place, false).await;
    let other = NewEntry { iban: "DE89370400440532013000".parse().ok(), ..entry("b", 300, true) };
    let nowhere = NewEntry { iban: None, ..entry("c", 40, true) };
    store.import(vec![booking(vec![entry("a", 100, true)]), booking(vec![other])], NOW).await.unwrap();
    let outgoing = store.outgoing(10).await.unwrap();
    assert_eq!((outgoing.len(), outgoing[0].amount_minor), (1, 80));
    assert_eq!(outgoing[0].iban, "DE89370400440532013000", "the last transfer was too much");
    store.import(vec![booking(vec![nowhere])], NOW).await.unwrap();
    assert_eq!(store.outgoing(10).await.unwrap().iter().map(|one| one.amount_minor).sum::<u64>(), 120);
    // Refunds, once each, to no account more than came from it.
    for _ in 0..2 {
        assert!(store.credit(deal("one"), RefundId([1; 16]), 250, NOW).await.unwrap());
    }
    let outgoing = store.outgoing(10).await.unwrap();
    let to = |iban: &str| outgoing.iter().filter(|one| one.iban == iban).map(|one| one.amount_minor).sum::<u64>();
    assert_eq!((to("DE89370400440532013000"), to("FR1420041010050500013M02606")), (300, 70));
    let ledger = ledger(&store).await;
    assert_eq!((ledger.received_minor, ledger.returned_minor, ledger.surplus_minor()), (440, 370, 0));
    assert!(!store.credit(deal("two"), RefundId([1; 16]), 1, NOW).await.unwrap());
}

async fn what_is_decided_is_decided_once(place: Place) {
    let store = with_invoice(&place, false).await;
    let nowhere = NewEntry { iban: None, ..entry("b", 7, false) };
    let reversal = NewEntry { credit: false, reversal: true, ..entry("c", 9, true) };
    let bookings = [entry("a", 320, false), nowhere, reversal].map(|entry| booking(vec![entry]));
    store.import(bookings.to_vec(), NOW).await.unwrap();
    let waiting = store.entries(true, 10).await.unwrap();
    let number = |minor| waiting.iter().find(|entry| entry.amount_minor == minor).unwrap().number;
    let reference = Reference::of(&deal("one"));
    assert_eq!(store.assign(-1, reference.clone(), NOW).await.unwrap(), Decided::NoEntry);
    assert_eq!(store.assign(number(320), Reference::of(&deal("x")), NOW).await.unwrap(), Decided::NoInvoice);
    for _ in 0..2 {
        assert_eq!(store.assign(number(320), reference.clone(), NOW).await.unwrap(), Decided::Done(Some(deal("one"))));
    }
    assert_eq!(ledger(&store).await.received_minor, 320);
    assert_eq!(store.send_back(number(320), None, NOW).await.unwrap(), Decided::Closed);
    assert_eq!(store.send_back(number(7), None, NOW).await.unwrap(), Decided::NoAccount);
    let to = ("DE89370400440532013000".parse().unwrap(), "Jean".to_owned());
    for _ in 0..2 {
        assert_eq!(store.send_back(number(7), Some(to.clone()), NOW).await.unwrap(), Decided::Done(None));
    }
    assert_eq!(store.outgoing(10).await.unwrap().len(), 1);
    assert_eq!(store.assign(number(7), reference.clone(), NOW).await.unwrap(), Decided::Closed);
    assert_eq!(store.assign(number(9), reference, NOW).await.unwrap(), Decided::Closed, "a booking that takes back");
}

async fn a_file_of_orders_is_made_once(place: Place) {
    let store = with_invoice(&place, false).await;
    store.import(vec![booking(vec![entry("a", 400, true)])], NOW).await.unwrap();
    let first = store.outgoing_file("one".to_owned(), NOW).await.unwrap();
    assert_eq!((first.0.len(), first.1), (1, NOW));
    store.import(vec![booking(vec![entry("b", 5, true)])], NOW).await.unwrap();
    assert_eq!(store.outgoing_file("one".to_owned(), NOW.plus(9)).await.unwrap(), first, "as it was");
    let second = store.outgoing_file("two".to_owned(), NOW).await.unwrap();
    assert_eq!((second.0.len(), second.0[0].amount_minor), (1, 5));
    assert!(store.outgoing_file("three".to_owned(), NOW).await.unwrap().0.is_empty());
    // The bank's word that one was carried out; another amount under its name is none.
    let debit = |key: &str, minor: u64| {
        let id = Some(first.0[0].id.clone());
        booking(vec![NewEntry { credit: false, end_to_end: id, ..entry(key, minor, false) }])
    };
    assert_eq!(store.import(vec![debit("c", 79)], NOW).await.unwrap().confirmed, 0);
    assert_eq!(store.import(vec![debit("d", 80)], NOW).await.unwrap().confirmed, 1);
    assert_eq!(store.import(vec![debit("d", 80)], NOW).await.unwrap().confirmed, 0);
    // It comes back, since the account is closed: a person decides.
    let id = Some(first.0[0].id.clone());
    let back = booking(vec![NewEntry { end_to_end: id, ..entry("e", 80, true) }]);
    assert_eq!(store.import(vec![back], NOW).await.unwrap().waiting, 1);
    assert_eq!(store.outgoing(10).await.unwrap().len(), 2, "it is not sent once more");
}

async fn reminders_and_ends_come_at_their_time(place: Place) {
    let store = with_invoice(&place, true).await;
    let due = UnixSeconds(500_000);
    assert_eq!(store.remind(1, due, NOW).await.unwrap(), 0, "not due before");
    assert_eq!(store.remind(2, due.plus(1), NOW).await.unwrap(), 0, "the first comes first");
    for expected in [1, 0] {
        assert_eq!(store.remind(1, due.plus(1), NOW).await.unwrap(), expected, "once");
    }
    assert_eq!(store.invoices(Some(NOW), 10).await.unwrap()[0].reminders, 1);
    assert!(store.cancel_before(NOW, NOW).await.unwrap().is_empty(), "the goods are out");
    store.import(vec![booking(vec![entry("a", 320, true)])], NOW).await.unwrap();
    assert_eq!(store.remind(2, NOW, NOW).await.unwrap(), 0, "it is paid");
    assert!(store.invoices(Some(NOW), 10).await.unwrap().is_empty());

    let new = NewInvoice {
        deal: deal("two"),
        reference: Reference::of(&deal("two")),
        pay_later: false,
        statement: "a.b.c".to_owned(),
        amount_minor: 100,
        issued_at: UnixSeconds(1),
        due_at: due,
    };
    store.open_invoice(new).await.unwrap();
    let part = NewEntry { references: vec![Reference::of(&deal("two"))], ..entry("p", 40, true) };
    store.import(vec![booking(vec![part])], NOW).await.unwrap();
    assert!(store.cancel_before(due, NOW).await.unwrap().is_empty());
    assert_eq!(store.cancel_before(due.plus(1), NOW).await.unwrap(), [deal("two")]);
    assert!(store.cancel_before(due.plus(1), NOW).await.unwrap().is_empty(), "once");
    assert_eq!(store.outgoing(10).await.unwrap()[0].amount_minor, 40, "the part goes back");
    store.set_cursor("merchant", 7).await.unwrap();
    store.set_cursor("merchant", 3).await.unwrap();
    assert_eq!((store.cursor("merchant").await.unwrap(), store.cursor("other").await.unwrap()), (7, 0));
}

fn reversal(key: &str, minor: u64, end_to_end: Option<&str>) -> NewBooking {
    let end_to_end = end_to_end.map(str::to_owned);
    booking(vec![NewEntry { credit: false, reversal: true, end_to_end, ..entry(key, minor, true) }])
}

async fn a_credit_that_is_taken_back_is_owed_again(place: Place) {
    let store = with_invoice(&place, true).await;
    store.import(vec![booking(vec![entry("a", 320, true)])], NOW).await.unwrap();
    assert_eq!(ledger(&store).await.open_minor(), 0);
    let back = vec![reversal("b", 320, Some("of-the-payer"))];
    let imported = store.import(back.clone(), NOW).await.unwrap();
    assert_eq!((imported.new, imported.matched, imported.waiting), (1, 1, 0));
    assert_eq!(imported.deals, [deal("one")], "whose invoice is looked at again");
    for _ in 0..2 {
        assert_eq!(store.import(back.clone(), NOW).await.unwrap().known, 1, "once");
        assert_eq!((ledger(&store).await.received_minor, ledger(&store).await.open_minor()), (0, 320));
    }
    let states: Vec<_> = store.entries(false, 10).await.unwrap().iter().map(|entry| entry.state).collect();
    assert_eq!(states, [4, 5], "the reversal, and what it took back");
    // It is due again from now on: the first reminder comes after its time, not at once.
    let stored = store.invoice(deal("one")).await.unwrap().unwrap();
    assert_eq!(stored.due_at, NOW);
    assert_eq!(store.remind(1, NOW, NOW).await.unwrap(), 0);
    assert_eq!(store.remind(1, NOW.plus(1), NOW.plus(1)).await.unwrap(), 1);
    // It is paid again, and nothing goes back to whom the bank has given it back.
    store.import(vec![booking(vec![entry("c", 321, true)])], NOW).await.unwrap();
    assert_eq!(ledger(&store).await.open_minor(), 0);
    let outgoing = store.outgoing(10).await.unwrap();
    assert_eq!(outgoing.iter().map(|one| one.amount_minor).collect::<Vec<_>>(), [1]);
}

async fn a_reversal_that_names_no_single_credit_waits_for_a_person(place: Place) {
    let store = with_invoice(&place, false).await;
    let named = |key, minor, name: &str| {
        booking(vec![NewEntry { end_to_end: Some(name.to_owned()), ..entry(key, minor, true) }])
    };
    store.import(vec![named("a", 100, "first"), named("b", 100, "second")], NOW).await.unwrap();
    // Another amount; one of two; one that somebody else made.
    for odd in [reversal("c", 99, None), reversal("d", 100, None), reversal("e", 100, Some("third"))] {
        let imported = store.import(vec![odd], NOW).await.unwrap();
        assert_eq!((imported.matched, imported.waiting), (0, 1));
    }
    assert_eq!(ledger(&store).await.received_minor, 200);
    // That of a debit is money of ours that came back.
    let ours = booking(vec![NewEntry { reversal: true, ..entry("f", 100, true) }]);
    assert_eq!(store.import(vec![ours], NOW).await.unwrap().waiting, 1);
    assert_eq!(ledger(&store).await.received_minor, 200);
    // Named by its payer's own name it is one.
    assert_eq!(store.import(vec![reversal("g", 100, Some("second"))], NOW).await.unwrap().matched, 1);
    assert_eq!(ledger(&store).await.received_minor, 100);
    // A person gives one that waits to the invoice.
    let waiting = store.entries(true, 10).await.unwrap();
    let of = |minor| waiting.iter().find(|entry| !entry.credit && entry.amount_minor == minor).unwrap().number;
    let reference = Reference::of(&deal("one"));
    assert_eq!(store.assign(of(99), reference.clone(), NOW).await.unwrap(), Decided::Closed, "it had no such credit");
    for _ in 0..2 {
        assert_eq!(store.assign(of(100), reference.clone(), NOW).await.unwrap(), Decided::Done(Some(deal("one"))));
        assert_eq!(ledger(&store).await.received_minor, 0);
    }
    // What was sent back already was not ours any more to be taken back: a person sees to that.
    store.import(vec![booking(vec![entry("h", 400, true)])], NOW).await.unwrap();
    assert_eq!(store.import(vec![reversal("i", 400, None)], NOW).await.unwrap().waiting, 1);
    assert_eq!(ledger(&store).await.received_minor, 400);
}
