#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use semper_shared::foundation::UnixSeconds;
use semper_shared::items::payment::account::BankAccount;

use super::*;

const ACCOUNT: &str = "DE89370400440532013000";
const OTHER: &str = "FR1420041010050500013M02606";

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap()
}

fn entry(number: u64, minor: u64, credit: bool, structured: &[&str], text: &str) -> Entry {
    let transaction = Transaction {
        reference: Some(format!("tx-{number}")),
        end_to_end: Some(format!("e2e-{number}")),
        amount: Some(euros(minor)),
        name: "Jean Dupont".to_owned(),
        iban: Some(OTHER.parse().unwrap()),
        structured: structured.iter().map(|&reference| reference.to_owned()).collect(),
        text: text.to_owned(),
    };
    Entry {
        number: number.to_string(),
        reference: Some(format!("booking-{number}")),
        amount: euros(minor),
        credit,
        reversal: false,
        booked: true,
        booked_on: "2026-11-23".to_owned(),
        transactions: vec![transaction],
    }
}

fn statement(kind: Kind, entries: Vec<Entry>) -> Statement {
    let moved = |credit: bool| -> i64 {
        entries.iter().filter(|entry| entry.credit == credit).map(|entry| entry.amount.minor().cast_signed()).sum()
    };
    let balances = Balances { opening_minor: 500, closing_minor: 500 + moved(true) - moved(false) };
    Statement {
        kind,
        id: "2026-11".to_owned(),
        account: ACCOUNT.parse().unwrap(),
        holder: "Meridian".to_owned(),
        bank: None,
        currency: Currency::EUR,
        balances: (kind == Kind::Statement).then_some(balances),
        period: (UnixSeconds(0), UnixSeconds(0)),
        entries,
    }
}

const NOW: UnixSeconds = UnixSeconds(1_795_417_200);

#[test]
fn what_is_written_is_read() {
    for kind in [Kind::Statement, Kind::Notification] {
        let entries =
            vec![entry(1, 320, true, &["RF18539007547034"], ""), entry(2, 100, false, &[], "Rechnung <7> & mehr")];
        let mut expected = statement(kind, entries);
        let read = Statement::read(expected.write(NOW).as_bytes()).unwrap();
        // What a bank does not take is replaced.
        expected.entries[1].transactions[0].text = "Rechnung .7. . mehr".to_owned();
        assert_eq!(read, [expected]);
    }
}

#[test]
fn older_versions_and_other_banks_files_are_read() {
    let file = format!(
        r#"<?xml version="1.0"?><ns2:Document xmlns:ns2="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><ns2:BkToCstmrStmt><ns2:Stmt>
        <ns2:Id>1</ns2:Id><ns2:Acct><ns2:Id><ns2:IBAN>{ACCOUNT}</ns2:IBAN></ns2:Id></ns2:Acct>
        <ns2:Ntry><ns2:Amt Ccy="EUR">8.00000</ns2:Amt><ns2:CdtDbtInd>CRDT</ns2:CdtDbtInd><ns2:Sts>BOOK</ns2:Sts>
        <ns2:BookgDt><ns2:DtTm>2026-11-23T10:00:00</ns2:DtTm></ns2:BookgDt><ns2:AcctSvcrRef>B1</ns2:AcctSvcrRef>
        <ns2:NtryDtls><ns2:TxDtls><ns2:AmtDtls><ns2:TxAmt><ns2:Amt Ccy="EUR">3</ns2:Amt></ns2:TxAmt></ns2:AmtDtls>
        <ns2:RltdPties><ns2:Dbtr><ns2:Nm>J&#252;rgen &amp; Co</ns2:Nm></ns2:Dbtr></ns2:RltdPties>
        <ns2:RmtInf><ns2:Ustrd>RF18 5390</ns2:Ustrd><ns2:Ustrd> 0754 7034</ns2:Ustrd></ns2:RmtInf></ns2:TxDtls>
        <ns2:TxDtls><ns2:AmtDtls><ns2:TxAmt><ns2:Amt Ccy="EUR">5</ns2:Amt></ns2:TxAmt></ns2:AmtDtls></ns2:TxDtls></ns2:NtryDtls></ns2:Ntry>
        <ns2:Ntry><ns2:Amt Ccy="EUR">1.00</ns2:Amt><ns2:CdtDbtInd>CRDT</ns2:CdtDbtInd><ns2:Sts>PDNG</ns2:Sts></ns2:Ntry>
        </ns2:Stmt></ns2:BkToCstmrStmt></ns2:Document>"#
    );
    let read = Statement::read(file.as_bytes()).unwrap();
    let [first, second] = read[0].entries.as_slice() else { unreachable!("two entries") };
    assert_eq!((first.amount, first.booked, first.booked_on.as_str()), (euros(800), true, "2026-11-23"));
    assert_eq!(first.transactions[0].name, "Jürgen & Co");
    assert_eq!(first.transactions[0].structured, ["RF18539007547034"], "cut in two by the bank");
    assert_eq!(first.transactions[1].amount, Some(euros(500)));
    assert!(!second.booked);
}

#[test]
fn parts_that_do_not_add_up_are_one_for_a_person() {
    let mut odd = entry(1, 320, true, &["RF18539007547034"], "");
    odd.transactions.push(odd.transactions[0].clone());
    let read = Statement::read(statement(Kind::Notification, vec![odd]).write(NOW).as_bytes()).unwrap();
    let transactions = &read[0].entries[0].transactions;
    assert_eq!((transactions.len(), transactions[0].amount), (1, Some(euros(320))));
    assert!(transactions[0].structured.is_empty());
}

#[test]
fn what_is_not_such_a_file_is_refused() {
    let good = statement(Kind::Statement, vec![entry(1, 320, true, &[], "x")]).write(NOW);
    assert!(Statement::read(good.as_bytes()).is_ok());
    let bomb = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>";
    let outside = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
    let after = |what: &str| good.replacen("?>\n", &format!("?>\n{what}"), 1);
    let cases = [
        ("nothing", String::new()),
        ("text", "camt".to_owned()),
        ("a bomb", after(bomb)),
        ("a file of another computer", after(outside)),
        ("an entity", good.replace("Jean", "&who;")),
        ("cut off", good[..good.len() / 2].to_owned()),
        ("two roots", format!("{good}<x></x>")),
        ("another message", good.replace("camt.053", "camt.052")),
        ("no name space", good.replace(" xmlns=", " x=")),
        ("an entry less than the balances say", good.replace("Ntry>", "Other>")),
        ("a negative amount", good.replace(">3.20<", ">-3.20<")),
        ("too many places", good.replace(">3.20<", ">3.201<")),
        ("no currency", good.replace(" Ccy=\"EUR\"", "")),
        ("a wrong account", good.replace(ACCOUNT, "DE88370400440532013000")),
        ("deep", format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000))),
        ("large", format!("{good}{}", " ".repeat(MAX_FILE))),
    ];
    for (what, file) in cases {
        assert!(Statement::read(file.as_bytes()).is_err(), "{what}");
    }
}

fn batch(orders: Vec<Order>) -> Batch {
    let from = BankAccount { iban: ACCOUNT.parse().unwrap(), name: "Meridian".to_owned(), bic: None };
    Batch { id: "file-1".to_owned(), from, on: "2026-11-23".to_owned(), orders }
}

fn order(number: u8, minor: u64) -> Order {
    Order {
        end_to_end: format!("return-{number}"),
        amount: euros(minor),
        name: "Jean Dupont".to_owned(),
        iban: OTHER.parse().unwrap(),
        reference: number.is_multiple_of(2).then(|| "RF18539007547034".to_owned()),
        text: if number.is_multiple_of(2) { "RF18539007547034".to_owned() } else { String::new() },
    }
}

#[test]
fn orders_are_read_as_they_were_written_and_add_up() {
    let mut expected = batch(vec![order(1, 100), order(2, 250)]);
    let file = expected.write(NOW).unwrap();
    expected.orders[1].text = String::new();
    assert_eq!(Batch::read(file.as_bytes()).unwrap(), [expected]);
    assert_eq!(batch(Vec::new()).write(NOW), None);
    for (what, wrong) in [
        ("sum", file.replace(">3.50<", ">3.51<")),
        ("count", file.replace("<NbOfTxs>2<", "<NbOfTxs>3<")),
        ("amount", file.replace(">2.50<", ">2.51<")),
        ("account", file.replace(OTHER, "FR1520041010050500013M02606")),
        ("kind", file.replace("pain.001", "pain.008")),
    ] {
        assert_ne!(wrong, file, "{what}");
        assert!(Batch::read(wrong.as_bytes()).is_err(), "{what}");
    }
}

#[test]
fn days_are_those_of_the_calendar() {
    for (at, text) in [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_709_251_199, "2024-02-29T23:59:59Z"),
        (1_795_417_200, "2026-11-23T07:00:00Z"),
        (4_107_542_400, "2100-03-01T00:00:00Z"),
    ] {
        assert_eq!(moment(UnixSeconds(at)), text);
    }
    for text in ["2026-02-30", "2026-13-01", "26-01-01", "2026-1-01", "2026-01-00", "x", "1969-12-31"] {
        assert_eq!(read_day(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_day_is_read_as_it_was_written(at in 0_u64..253_402_300_800) {
        let text = day(UnixSeconds(at));
        prop_assert_eq!(read_day(&text), Some(UnixSeconds(at / 86_400 * 86_400)));
    }

    #[test]
    fn no_text_breaks_a_file(text in ".{0,300}", name in ".{0,100}") {
        let mut entry = entry(1, 320, true, &[], &text);
        entry.transactions[0].name = name;
        let read = Statement::read(statement(Kind::Notification, vec![entry]).write(NOW).as_bytes()).unwrap();
        prop_assert_eq!(read[0].entries.len(), 1);
        prop_assert!(read[0].entries[0].transactions[0].text.chars().count() <= 140);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
        prop_assert!(Statement::read(&bytes).is_err() && Batch::read(&bytes).is_err());
    }
}
