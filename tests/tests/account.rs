//! Payment by invoice from end to end: through wallet, merchant and bank, and from the bank's files alone.
#![allow(missing_docs)]

#[path = "account/reversals.rs"]
mod reversals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use semper_server::clock;
use semper_server::iso20022::{Balances, Batch, Entry, Kind, Order, Statement, Transaction, day};
use semper_shared::foundation::{Amount, Currency, UnixSeconds, base64};
use semper_shared::items::payment::account::{BankAccount, Epc, Iban};
use semper_tests::{Demo, Outcome, Wallet, binaries, goods};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(30);

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap_or(Amount::zero(Currency::EUR))
}

fn semper(arguments: &[&str]) -> Outcome<std::process::Output> {
    Ok(Command::new(binaries::semper()?).args(arguments).output()?)
}

/// Runs a command of the operator that must succeed; what it printed.
fn run(arguments: &[&str]) -> Outcome<String> {
    let output = semper(arguments)?;
    if !output.status.success() {
        return Err(format!("semper {arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Runs a command of the operator that must be refused; its code.
fn refused(arguments: &[&str]) -> Outcome<String> {
    let output = semper(arguments)?;
    assert!(!output.status.success(), "semper {arguments:?} should have failed");
    let said = String::from_utf8(output.stderr)?;
    Ok(said.trim_start_matches("semper: ").split(':').next().unwrap_or_default().to_owned())
}

struct Market {
    demo: Demo,
    /// What the operator's commands are given.
    data: String,
}

impl Market {
    /// The bank's statement of an account from the year's beginning, as a file.
    fn statement(&self, account: &str, to: &str, name: &str) -> Outcome<String> {
        let file = self.file(name).to_str().ok_or("path")?.to_owned();
        let span = ["--from", "2026-01-01", "--to", to, "--out", &file];
        run(&[&["bank", "statement", "--data", &self.data, "--account", account], &span[..]].concat())?;
        Ok(file)
    }

    fn start() -> Outcome<Self> {
        let demo = Demo::start()?;
        let data = demo.data().to_str().ok_or("path")?.to_owned();
        Ok(Self { demo, data })
    }

    /// A market whose merchant is told of its account by files alone, with changed settings of the account.
    fn of_files(settings: &str) -> Outcome<Self> {
        let mut market = Self::start()?;
        market.serve(settings)?;
        Ok(market)
    }

    fn serve(&mut self, settings: &str) -> Outcome {
        self.demo.serve_with(|text| {
            let mut out = String::new();
            let mut within = false;
            for line in text.lines() {
                if line.starts_with('[') {
                    within = line == "[merchant.account.notifications]";
                }
                if within {
                    continue;
                }
                let name = line.split('=').next().unwrap_or_default().trim();
                let replaced =
                    !name.is_empty() && settings.lines().any(|setting| setting.starts_with(&format!("{name} =")));
                if !replaced {
                    out.push_str(&format!("{line}\n"));
                }
                if line == "[merchant.account]" {
                    out.push_str(&format!("{settings}\n"));
                }
            }
            out
        })
    }

    fn json(&self, arguments: &[&str]) -> Outcome<Value> {
        let all: Vec<&str> = arguments.iter().copied().chain(["--data", &self.data, "--json"]).collect();
        Ok(serde_json::from_str(&run(&all)?)?)
    }

    fn refused(&self, arguments: &[&str]) -> Outcome<String> {
        let all: Vec<&str> = arguments.iter().copied().chain(["--data", &self.data]).collect();
        refused(&all)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.demo.data().join(name)
    }

    /// Orders at the customer's bank, as a person does who types it in.
    fn transfer(&self, id: &str, minor: u64, subject: &str) -> Outcome {
        let bank = &self.demo.urls.bank;
        let test: Value = reqwest::blocking::get(format!("{bank}/test-account"))?.json()?;
        let order = json!({"id": id, "from": test["account"], "iban": self.iban("merchant")?, "amount": euros(minor), "subject": subject});
        let client = reqwest::blocking::Client::new();
        let token = test["token"].as_str().ok_or("token")?;
        let answer = client.post(format!("{bank}/payments")).bearer_auth(token).json(&order).send()?;
        if !answer.status().is_success() {
            return Err(answer.text()?.into());
        }
        Ok(())
    }

    /// The number of an account at the demo's bank.
    fn iban(&self, account: &str) -> Outcome<Iban> {
        let number = match account {
            "customer" => 1,
            "merchant" => 2,
            _ => 3,
        };
        Iban::make("DE", &format!("99999999{number:010}")).map_err(|error| error.to_string().into())
    }

    fn balance(&self, account: &str) -> Outcome<u64> {
        let text = fs::read_to_string(self.demo.data().join("tokens.json"))?;
        let tokens: Value = serde_json::from_str(&text)?;
        let token = tokens[account].as_str().ok_or("token")?;
        let url = format!("{}/accounts/{account}", self.demo.urls.bank);
        let standing: Value = reqwest::blocking::Client::new().get(url).bearer_auth(token).send()?.json()?;
        standing["balance"]["minor"].as_u64().ok_or_else(|| format!("no balance: {standing}").into())
    }

    /// Orders an article by invoice and transfers nothing; the deal.
    fn order(&self, wallet: &Wallet) -> Outcome<String> {
        let (deal, invoice) = self.order_whenever_due(wallet)?;
        assert_eq!(invoice, "invoiced");
        Ok(deal)
    }

    /// The same, and the state of the invoice: one that is due at once is overdue a second later.
    fn order_whenever_due(&self, wallet: &Wallet) -> Outcome<(String, Value)> {
        let arguments =
            ["buy", &self.demo.offer("article"), "--out", "unused", "--method", "account", "--no-transfer", "--json"];
        assert_eq!(wallet.refused(&arguments)?, "payment-awaited");
        let deals = wallet.json(&["deals", "--json"])?;
        assert_eq!(deals[0]["state"], "ordered");
        Ok((deals[0]["deal"].as_str().ok_or("no deal")?.to_owned(), deals[0]["invoice"]["state"].clone()))
    }

    fn buy(&self, wallet: &Wallet, good: &str, more: &[&str]) -> Outcome<Value> {
        let (offer, out) = (self.demo.offer(good), wallet.goods());
        let arguments = ["buy", &offer, "--out", out.to_str().ok_or("path")?, "--method", "account", "--json"];
        wallet.json(&arguments.into_iter().chain(more.iter().copied()).collect::<Vec<_>>())
    }
}

fn invoice(wallet: &Wallet, deal: &str) -> Outcome<Value> {
    wallet.json(&["invoice", deal, "--json"])
}

/// Waits until the merchant has seen what it is to see.
fn until(what: &str, mut holds: impl FnMut() -> Outcome<bool>) -> Outcome {
    let since = Instant::now();
    while !holds()? {
        if since.elapsed() > PATIENCE {
            return Err(format!("it did not happen: {what}").into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

#[test]
fn prepaid_is_paid_from_the_test_account_and_delivered() -> Outcome {
    let market = Market::start()?;
    let wallet = Wallet::init()?;
    let bought = market.buy(&wallet, "article", &[])?;
    assert_eq!((&bought["state"], &bought["paid"]), (&json!("delivered"), &json!(euros(320))));
    let file = bought["files"][0].as_str().ok_or("no file")?;
    assert_eq!(fs::read_to_string(file)?, goods::text("article"));
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let shown = invoice(&wallet, deal)?;
    assert_eq!((&shown["state"], &shown["open"]["minor"]), (&json!("paid"), &json!(0)));
    assert_eq!(market.balance("merchant")?, 320);
    let listed = market.json(&["invoices"])?;
    assert_eq!((&listed[0]["state"], &listed[0]["deal"]), (&json!("paid"), &json!(deal)));
    assert_eq!(market.json(&["payments", "queue"])?, json!([]));

    let evidence = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", deal, "--out", evidence.to_str().ok_or("path")?])?;
    let evidence: Value = serde_json::from_str(&fs::read_to_string(evidence)?)?;
    let types: Vec<String> = evidence["statements"].as_array().ok_or("no statements")?.iter().filter_map(typ).collect();
    for typ in ["semper-invoice+jwt", "semper-invoice-standing+jwt", "semper-receipt+jwt"] {
        assert_eq!(types.iter().filter(|known| *known == typ).count(), 1, "{typ} in {types:?}");
    }
    // Another purchase is another invoice.
    assert_eq!(market.buy(&wallet, "letter", &[])?["state"], "delivered");
    assert_eq!(market.balance("merchant")?, 321);
    Ok(())
}

fn typ(statement: &Value) -> Option<String> {
    let header = base64::decode(statement.as_str()?.split('.').next()?)?;
    serde_json::from_slice::<Value>(&header).ok()?["typ"].as_str().map(str::to_owned)
}

#[test]
fn paid_later_the_goods_come_first_and_reminders_follow() -> Outcome {
    let mut market = Market::of_files("due_days = 0\nreminder_days = [0, 30]")?;
    let wallet = Wallet::init()?;
    let bought = market.buy(&wallet, "article", &["--later"])?;
    assert_eq!(bought["state"], "delivered");
    assert_eq!(fs::read_to_string(bought["files"][0].as_str().ok_or("no file")?)?, goods::text("article"));
    let deal = bought["deal"].as_str().ok_or("no deal")?.to_owned();
    let shown = invoice(&wallet, &deal)?;
    assert_eq!((&shown["terms"], &shown["open"]), (&json!("pay-later"), &json!(euros(320))));
    let code = Epc::read(shown["code"].as_str().ok_or("no code")?).ok_or("no EPC code")?;
    assert_eq!(code.account.iban, market.iban("merchant")?);
    assert_eq!(code.amount, Some(euros(320)));
    let reference = code.reference.ok_or("no reference")?;
    assert_eq!(shown["reference"], reference.printed());
    // The receipt does not say that it is paid.
    let evidence = wallet.home().join("../evidence.json");
    wallet.run(&["evidence", &deal, "--out", evidence.to_str().ok_or("path")?])?;
    assert!(fs::read_to_string(&evidence)?.contains("statements"));

    // The due date passes; the reminder goes out once, and not before its day.
    thread::sleep(Duration::from_secs(2));
    market.serve("due_days = 0\nreminder_days = [0, 30]")?;
    until("a reminder", || Ok(market.json(&["invoices", "--due"])?[0]["reminders"] == 1))?;
    let due = market.json(&["invoices", "--due"])?;
    assert_eq!((&due[0]["state"], &due[0]["deal"]), (&json!("overdue"), &json!(deal)));
    let text = due[0]["text"].as_str().ok_or("no text")?;
    assert!(text.starts_with("Reminder 1") && text.contains(&reference.printed()), "{text}");
    let shown = invoice(&wallet, &deal)?;
    assert_eq!((&shown["state"], &shown["reminders"]), (&json!("overdue"), &json!(1)));

    // It is paid, and the merchant's next statement says so.
    market.transfer("late", 320, reference.as_str())?;
    let today = day(clock::now());
    let file = market.file("late.xml");
    let path = file.to_str().ok_or("path")?;
    run(&[
        "bank",
        "statement",
        "--data",
        &market.data,
        "--account",
        "merchant",
        "--from",
        &today,
        "--to",
        &today,
        "--out",
        path,
    ])?;
    let report = market.json(&["payments", "import", path])?;
    assert_eq!((&report["matched"], &report["settled"]), (&json!(1), &json!(0)), "it was delivered before");
    assert_eq!(invoice(&wallet, &deal)?["state"], "paid");
    assert_eq!(market.json(&["invoices", "--due"])?, json!([]));
    Ok(())
}

#[test]
fn credit_ends_where_the_merchant_says() -> Outcome {
    let market = Market::of_files("pay_later_limit_minor = 100")?;
    let wallet = Wallet::init()?;
    // The wallet asks for what is given: the article is prepaid, the letter may be paid later.
    let offer = market.demo.offer("article");
    let arguments = ["buy", &offer, "--out", "unused", "--method", "account", "--later", "--no-transfer", "--json"];
    assert_eq!(wallet.refused(&arguments)?, "payment-awaited");
    assert_eq!(market.buy(&wallet, "letter", &["--later"])?["state"], "delivered");
    Ok(())
}

#[test]
fn parts_add_up_and_the_surplus_goes_back() -> Outcome {
    let market = Market::start()?;
    let wallet = Wallet::init()?;
    let deal = market.order(&wallet)?;
    let reference = invoice(&wallet, &deal)?["reference"].as_str().ok_or("no reference")?.to_owned();
    market.transfer("part", 100, &reference)?;
    until("a part", || Ok(invoice(&wallet, &deal)?["state"] == "part-paid"))?;
    assert_eq!(invoice(&wallet, &deal)?["open"], json!(euros(220)));
    assert_eq!(wallet.json(&["deals", "--json"])?[0]["state"], "ordered", "no goods for a part");
    // The customer writes the reference into the text, and pays too much.
    market.transfer("rest", 300, &format!("Invoice {reference}, thank you"))?;
    until("a surplus", || Ok(market.json(&["payments", "outgoing"])?[0]["amount"] == json!(euros(80))))?;
    assert_eq!(market.buy(&wallet, "article", &["--no-transfer"])?["deal"], json!(deal));
    assert_eq!(invoice(&wallet, &deal)?["state"], "paid");

    let file = market.file("back.xml");
    let path = file.to_str().ok_or("path")?;
    market.json(&["payments", "export", "--out", path, "--name", "BACK-1"])?;
    let again = market.file("again.xml");
    market.json(&["payments", "export", "--out", again.to_str().ok_or("path")?, "--name", "BACK-1"])?;
    assert_eq!(fs::read(&file)?, fs::read(&again)?, "the same name is the same file");
    let none = market.json(&["payments", "export", "--out", market.file("none.xml").to_str().ok_or("path")?])?;
    assert_eq!(none["written"], false, "nothing goes back twice");
    let before = market.balance("customer")?;
    for (done, repeated) in [(1, 0), (0, 1)] {
        let said = run(&["bank", "execute", "--data", &market.data, "--account", "merchant", path])?;
        let said: Value = serde_json::from_str(&said)?;
        assert_eq!((&said["done"], &said["repeated"]), (&json!(done), &json!(repeated)));
    }
    assert_eq!(market.balance("customer")?, before + 80);
    assert_eq!(market.balance("merchant")?, 320);
    until("the bank's word", || Ok(market.json(&["payments", "outgoing"])?[0]["state"] == "booked"))?;
    Ok(())
}

#[test]
fn a_wrong_reference_waits_for_a_person() -> Outcome {
    let market = Market::start()?;
    let wallet = Wallet::init()?;
    let deal = market.order(&wallet)?;
    let reference = invoice(&wallet, &deal)?["reference"].as_str().ok_or("no reference")?.to_owned();
    // One character is wrong.
    let last = if reference.ends_with('2') { "3" } else { "2" };
    let wrong = format!("{}{last}", &reference[..reference.len() - 1]);
    market.transfer("wrong", 320, &wrong)?;
    market.transfer("nobody", 77, "Greetings")?;
    until("two that wait", || Ok(market.json(&["payments", "queue"])?.as_array().is_some_and(|list| list.len() == 2)))?;
    let queue = market.json(&["payments", "queue"])?;
    let number = |minor: u64| {
        let found = queue.as_array()?.iter().find(|entry| entry["amount"] == json!(euros(minor)))?;
        Some(found["entry"].as_i64()?.to_string())
    };
    let (paid, nobody) = (number(320).ok_or("no entry")?, number(77).ok_or("no entry")?);
    assert_eq!(invoice(&wallet, &deal)?["state"], "invoiced");

    let assign = ["payments", "assign", &paid, "--reference", &reference];
    assert_eq!(market.refused(&["payments", "assign", "999", "--reference", &reference])?, "entry-unknown");
    assert_eq!(market.refused(&["payments", "assign", &paid, "--reference", "RF18539007547034"])?, "invoice-unknown");
    assert_eq!(market.refused(&["payments", "assign", &paid, "--reference", &wrong])?, "reference-invalid");
    assert_eq!(market.json(&assign)?["settled"], true);
    assert_eq!(market.json(&assign)?["settled"], false, "the same again changes nothing");
    assert_eq!(market.refused(&["payments", "return", &paid])?, "entry-closed");
    market.json(&["payments", "return", &nobody])?;
    market.json(&["payments", "return", &nobody])?;
    let outgoing = market.json(&["payments", "outgoing"])?;
    assert_eq!(outgoing.as_array().map(Vec::len), Some(1), "{outgoing}");
    assert_eq!(outgoing[0]["iban"], json!(market.iban("customer")?));
    assert_eq!(market.buy(&wallet, "article", &["--no-transfer"])?["deal"], json!(deal));
    Ok(())
}

#[test]
fn refunds_go_back_to_the_account_or_lessen_the_debt() -> Outcome {
    let market = Market::start()?;
    let wallet = Wallet::init()?;
    let deal = market.buy(&wallet, "article", &[])?["deal"].as_str().ok_or("no deal")?.to_owned();
    let name = "AAAAAAAAAAAAAAAAAAAAAA";
    for _ in 0..2 {
        run(&[
            "refund",
            "--data",
            &market.data,
            "--deal",
            &deal,
            "--amount",
            "1.00",
            "--reason",
            "A page is missing.",
            "--name",
            name,
        ])?;
    }
    let found = wallet.json(&["refunds", &deal, "--json"])?;
    assert_eq!((&found[0]["amount"], found.as_array().map(Vec::len)), (&json!(euros(100)), Some(1)));
    let outgoing = market.json(&["payments", "outgoing"])?;
    assert_eq!((&outgoing[0]["amount"], outgoing.as_array().map(Vec::len)), (&json!(euros(100)), Some(1)));
    assert_eq!(outgoing[0]["iban"], json!(market.iban("customer")?));
    let too_much = ["refund", "--data", &market.data, "--deal", &deal, "--amount", "2.21"];
    assert_eq!(refused(&too_much)?, "refund-excessive");

    let later = market.buy(&wallet, "course", &["--later"])?["deal"].as_str().ok_or("no deal")?.to_owned();
    run(&["refund", "--data", &market.data, "--deal", &later, "--amount", "2.00", "--reason", "A discount."])?;
    assert_eq!(market.json(&["payments", "outgoing"])?.as_array().map(Vec::len), Some(1), "nothing was paid yet");
    let shown = invoice(&wallet, &later)?;
    assert_eq!((&shown["open"], &shown["state"]), (&json!(euros(1_000)), &json!("invoiced")));
    let paid = wallet.json(&["pay-invoice", &later, "--json"])?;
    assert_eq!((&paid["state"], &paid["open"]["minor"]), (&json!("paid"), &json!(0)));
    assert_eq!(market.balance("merchant")?, 320 + 1_000);
    Ok(())
}

#[test]
fn an_order_that_nobody_pays_ends_and_what_comes_then_goes_back() -> Outcome {
    // The merchant ends orders once a minute: it is to do so only after this one was seen as open.
    let mut market = Market::of_files("due_days = 0")?;
    let wallet = Wallet::init()?;
    let (deal, state) = market.order_whenever_due(&wallet)?;
    assert!(state == "invoiced" || state == "overdue", "{state}");
    let reference = invoice(&wallet, &deal)?["reference"].as_str().ok_or("no reference")?.to_owned();
    thread::sleep(Duration::from_secs(2));
    market.serve("due_days = 0\ncancel_days = 0")?;
    until("an end", || Ok(market.json(&["invoices"])?[0]["state"] == "cancelled"))?;
    market.transfer("too-late", 320, &reference)?;
    let file = market.file("054.xml");
    let path = file.to_str().ok_or("path")?;
    run(&["bank", "notify", "--data", &market.data, "--account", "merchant", "--out", path])?;
    assert_eq!(market.json(&["payments", "import", path])?["matched"], 1);
    assert_eq!(market.json(&["payments", "outgoing"])?[0]["amount"], json!(euros(320)));
    wallet.attempt(&["resume"])?;
    assert_eq!(wallet.json(&["deals", "--json"])?[0]["state"], "refused");
    Ok(())
}

/// A month of purchases in which merchant, bank and customers exchange nothing but files.
#[test]
fn a_month_from_files_alone() -> Outcome {
    let market = Market::of_files("due_days = 14")?;
    let wallets = [Wallet::init()?, Wallet::init()?, Wallet::init()?];
    let prepaid = market.order(&wallets[0])?;
    let short = market.order(&wallets[1])?;
    let later = market.buy(&wallets[2], "course", &["--later"])?["deal"].as_str().ok_or("no deal")?.to_owned();
    let reference = |wallet: &Wallet, deal: &str| -> Outcome<String> {
        Ok(invoice(wallet, deal)?["reference"].as_str().ok_or("no reference")?.replace(' ', ""))
    };
    let orders = [
        (reference(&wallets[0], &prepaid)?, 320),
        (reference(&wallets[1], &short)?, 100),
        (reference(&wallets[1], &short)?, 250),
        (reference(&wallets[2], &later)?, 1_200),
    ];
    let order = |(number, (reference, minor)): (usize, (String, u64))| -> Outcome<Order> {
        Ok(Order {
            end_to_end: format!("customer-{number}"),
            amount: euros(minor),
            name: "Meridian".to_owned(),
            iban: market.iban("merchant")?,
            reference: Some(reference),
            text: String::new(),
        })
    };
    let from = BankAccount { iban: market.iban("customer")?, name: "A customer".to_owned(), bic: None };
    let orders = orders.into_iter().enumerate().map(order).collect::<Outcome<Vec<_>>>()?;
    let batch = Batch { id: "CUSTOMER-1".to_owned(), from, on: day(clock::now()), orders };
    let ordered = market.file("orders.xml");
    fs::write(&ordered, batch.write(clock::now()).ok_or("no file")?)?;
    run(&["bank", "execute", "--data", &market.data, "--account", "customer", ordered.to_str().ok_or("path")?])?;

    let today = day(clock::now());
    let statement = |name: &str| market.statement("merchant", &today, name);
    let notified = market.file("054.xml").to_str().ok_or("path")?.to_owned();
    run(&["bank", "notify", "--data", &market.data, "--account", "merchant", "--after", "0", "--out", &notified])?;
    let first = market.json(&["payments", "import", &notified])?;
    assert_eq!((&first["new"], &first["matched"], &first["settled"]), (&json!(4), &json!(4), &json!(2)), "{first}");
    // The same in a statement, which also has what follows; and everything once more.
    let report = market.json(&["payments", "import", &statement("053.xml")?])?;
    assert_eq!((&report["new"], &report["known"]), (&json!(0), &json!(4)), "{report}");
    for (wallet, deal) in [(&wallets[0], &prepaid), (&wallets[1], &short)] {
        assert_eq!(market.buy(wallet, "article", &["--no-transfer"])?["deal"], json!(deal));
    }
    assert_eq!(invoice(&wallets[2], &later)?["state"], "paid");
    assert_eq!(market.json(&["payments", "outgoing"])?[0]["amount"], json!(euros(30)), "the surplus");

    let back = market.file("back.xml").to_str().ok_or("path")?.to_owned();
    market.json(&["payments", "export", "--out", &back])?;
    run(&["bank", "execute", "--data", &market.data, "--account", "merchant", &back])?;
    let report = market.json(&["payments", "import", &statement("053-later.xml")?])?;
    assert_eq!((&report["new"], &report["known"], &report["confirmed"]), (&json!(1), &json!(4), &json!(1)), "{report}");
    assert_eq!(market.balance("merchant")?, 320 + 320 + 1_200);
    let received: u64 = ["received", "returned"]
        .iter()
        .zip([1_i64, -1])
        .map(|(member, sign)| {
            let listed = market.json(&["invoices"])?;
            let sum: i64 =
                listed.as_array().into_iter().flatten().filter_map(|one| one[*member]["minor"].as_i64()).sum();
            Ok(sum * sign)
        })
        .sum::<Outcome<i64>>()?
        .unsigned_abs();
    assert_eq!(received, market.balance("merchant")?, "the invoices are what the account holds");

    // Another account's file, and one that does not add up, are refused whole.
    let foreign = market.statement("customer", &today, "foreign.xml")?;
    assert_eq!(market.refused(&["payments", "import", &foreign])?, "bank-file-invalid");
    let cut = fs::read_to_string(market.file("053.xml"))?
        .replace("<Amt Ccy=\"EUR\">12.00</Amt>", "<Amt Ccy=\"EUR\">12.01</Amt>");
    fs::write(market.file("cut.xml"), cut)?;
    assert_eq!(
        market.refused(&["payments", "import", market.file("cut.xml").to_str().ok_or("path")?])?,
        "bank-file-invalid"
    );
    Ok(())
}

/// A statement of many entries, of which the last two are the invoice's.
fn large(iban: Iban, references: &[String], count: u64) -> Statement {
    let from: Option<Iban> = "FR1420041010050500013M02606".parse().ok();
    let entry = |number: u64| {
        let reference = references.get(usize::try_from(count - number - 1).unwrap_or(usize::MAX));
        let transaction = Transaction {
            amount: Some(euros(160)),
            name: "Jean Dupont".to_owned(),
            iban: from.clone(),
            structured: reference.iter().map(|reference| (*reference).clone()).collect(),
            text: if reference.is_none() { format!("Greetings {number}") } else { String::new() },
            ..Transaction::default()
        };
        Entry {
            number: number.to_string(),
            reference: Some(format!("B{number}")),
            amount: euros(160),
            credit: true,
            reversal: false,
            booked: true,
            booked_on: "2026-11-23".to_owned(),
            transactions: vec![transaction],
        }
    };
    let closing_minor = i64::try_from(count * 160).unwrap_or(0);
    Statement {
        kind: Kind::Statement,
        id: "LARGE".to_owned(),
        account: iban,
        holder: "Meridian".to_owned(),
        bank: None,
        currency: Currency::EUR,
        balances: Some(Balances { opening_minor: 0, closing_minor }),
        period: (UnixSeconds(0), clock::now()),
        entries: (0..count).map(entry).collect(),
    }
}

#[test]
fn a_merchant_that_is_killed_in_an_import_counts_everything_once() -> Outcome {
    const COUNT: u64 = 900;
    let mut market = Market::of_files("due_days = 14")?;
    let wallet = Wallet::init()?;
    let deal = market.order(&wallet)?;
    let reference = invoice(&wallet, &deal)?["reference"].as_str().ok_or("no reference")?.replace(' ', "");
    let file = market.file("large.xml");
    let statement = large(market.iban("merchant")?, &[reference.clone(), reference], COUNT);
    fs::write(&file, statement.write(clock::now()))?;
    let path = file.to_str().ok_or("path")?.to_owned();
    for pause_ms in [20, 60, 120, 200] {
        let mut import = Command::new(binaries::semper()?)
            .args(["payments", "import", &path, "--data", &market.data])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        thread::sleep(Duration::from_millis(pause_ms));
        market.demo.kill()?;
        import.wait()?;
        market.serve("due_days = 14")?;
    }
    let report = market.json(&["payments", "import", &path])?;
    let sum = report["new"].as_u64().zip(report["known"].as_u64()).map(|(new, known)| new + known);
    assert_eq!(sum, Some(COUNT), "{report}");
    let entries = market.json(&["payments", "queue", "--all"])?;
    assert_eq!(entries.as_array().map(|list| u64::try_from(list.len()).unwrap_or(0)), Some(COUNT));
    let shown = invoice(&wallet, &deal)?;
    assert_eq!((&shown["state"], &shown["open"]["minor"]), (&json!("paid"), &json!(0)));
    assert_eq!(market.json(&["payments", "outgoing"])?, json!([]), "nothing came twice");
    assert_eq!(market.json(&["invoices"])?[0]["received"], json!(euros(320)));
    assert_eq!(market.buy(&wallet, "article", &["--no-transfer"])?["deal"], json!(deal));
    assert!(Path::new(&path).exists());
    Ok(())
}
