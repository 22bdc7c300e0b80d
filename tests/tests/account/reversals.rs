//! Money that the bank takes back, after the goods that it paid for were delivered.

use std::process::Child;

use super::*;

const SETTINGS: &str = "due_days = 0\nreminder_days = [0, 30]\ncancel_days = 30";

impl Market {
    /// The bank's statement of the merchant's account until now.
    fn statement_of_today(&self, name: &str) -> Outcome<String> {
        self.statement("merchant", &day(clock::now()), name)
    }

    /// A command of the wallet that transfers money and waits until the shop has seen it: brought to the shop by a file.
    fn paid_by_file(&self, mut paying: Child, balance: u64, name: &str) -> Outcome<Value> {
        until("a transfer", || Ok(self.balance("merchant")? == balance))?;
        let report = self.json(&["payments", "import", &self.statement_of_today(name)?])?;
        assert!(paying.wait()?.success(), "the shop has seen it: {report}");
        Ok(report)
    }

    /// The same statement, with which the bank takes its only credit back.
    fn taken_back(&self, statement: &str, name: &str) -> Outcome<String> {
        let mut read = Statement::read(&fs::read(statement)?)?;
        let statement = read.first_mut().ok_or("a statement")?;
        let [credit] = statement.entries.as_slice() else { return Err("one credit".into()) };
        let (number, reference) = ("2".to_owned(), Some("TAKEN-BACK".to_owned()));
        let reversal = Entry { number, reference, credit: false, reversal: true, ..credit.clone() };
        let minor = i64::try_from(credit.amount.minor())?;
        statement.balances = statement.balances.map(|of| Balances { closing_minor: of.closing_minor - minor, ..of });
        statement.entries.push(reversal);
        statement.period = (UnixSeconds(0), clock::now());
        let file = self.file(name);
        fs::write(&file, statement.write(clock::now()))?;
        Ok(file.to_str().ok_or("path")?.to_owned())
    }
}

fn spawn(wallet: &Wallet, arguments: &[&str]) -> Outcome<Child> {
    Ok(wallet.command(arguments)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

#[test]
fn what_the_bank_takes_back_is_owed_again_and_can_be_paid_again() -> Outcome {
    let mut market = Market::of_files(SETTINGS)?;
    let wallet = Wallet::init()?;
    let (offer, goods) = (market.demo.offer("article"), wallet.goods());
    let buying = ["buy", &offer, "--out", goods.to_str().ok_or("path")?, "--method", "account"];
    let report = market.paid_by_file(spawn(&wallet, &buying)?, 320, "paid.xml")?;
    assert_eq!(report["matched"], 1, "prepaid, and delivered");
    let deals = wallet.json(&["deals", "--json"])?;
    let deal = deals[0]["deal"].as_str().ok_or("no deal")?.to_owned();
    let paid = invoice(&wallet, &deal)?;
    assert_eq!((&paid["state"], &paid["terms"]), (&json!("paid"), &json!("prepaid")));
    let listed = market.json(&["deals"])?;
    assert_eq!((&listed[0]["paid"], &listed[0]["owed"]), (&json!(euros(320)), &Value::Null));

    // The receipt and its standing are of other seconds.
    thread::sleep(Duration::from_secs(2));
    let taken_back = market.taken_back(&market.statement_of_today("again.xml")?, "taken-back.xml")?;
    let report = market.json(&["payments", "import", &taken_back])?;
    assert_eq!((&report["new"], &report["known"], &report["matched"]), (&json!(1), &json!(1), &json!(1)), "{report}");
    let report = market.json(&["payments", "import", &taken_back])?;
    assert_eq!((&report["new"], &report["known"]), (&json!(0), &json!(2)), "the same file changes nothing");

    // The wallet finds it by itself, and says what is to be transferred: the same amount with the same reference.
    wallet.run(&["refunds"])?;
    let owed = wallet.json(&["deals", "--json"])?;
    assert_eq!((&owed[0]["invoice"]["state"], &owed[0]["invoice"]["open"]), (&json!("overdue"), &json!(euros(320))));
    let shown = invoice(&wallet, &deal)?;
    assert_eq!((&shown["reference"], &shown["iban"]), (&paid["reference"], &paid["iban"]));
    let code = Epc::read(shown["code"].as_str().ok_or("no code")?).ok_or("no EPC code")?;
    assert_eq!(code.amount, Some(euros(320)));
    assert_ne!(owed[0]["state"], "refused", "the goods are out and stay there");
    // So do the shop's page, and the merchant's lists.
    let page: Value = reqwest::blocking::get(format!("{}/deals/{deal}/invoice", market.demo.urls.merchant))?.json()?;
    assert_eq!((&page["open"], &page["delivered"]), (&json!(euros(320)), &json!(true)));
    let listed = market.json(&["deals"])?;
    assert_eq!((&listed[0]["paid"], &listed[0]["owed"]), (&json!(euros(320)), &json!(euros(320))));

    // Dunning goes on as for what is paid later; the order is not given up.
    thread::sleep(Duration::from_secs(2));
    market.serve("due_days = 0\nreminder_days = [0, 30]\ncancel_days = 0")?;
    until("a reminder", || Ok(market.json(&["invoices", "--due"])?[0]["reminders"] == 1))?;
    let due = market.json(&["invoices", "--due"])?;
    assert_eq!((&due[0]["deal"], &due[0]["state"]), (&json!(deal), &json!("overdue")));
    let shown = invoice(&wallet, &deal)?;
    assert_eq!((&shown["state"], &shown["reminders"]), (&json!("overdue"), &json!(1)));

    // The wallet transfers it once more, which is another transfer than the first.
    let report = market.paid_by_file(spawn(&wallet, &["pay-invoice", &deal])?, 640, "once-more.xml")?;
    assert_eq!((&report["new"], &report["matched"], &report["settled"]), (&json!(1), &json!(1), &json!(0)), "{report}");
    assert_eq!((&invoice(&wallet, &deal)?["state"], market.balance("merchant")?), (&json!("paid"), 640));
    assert_eq!(market.json(&["deals"])?[0]["owed"], Value::Null);
    assert_eq!(market.json(&["payments", "outgoing"])?, json!([]), "nothing is too much");
    let report: Value = serde_json::from_str(&run(&["audit", "--data", &market.data, "--json"])?)?;
    assert_eq!(report["findings"], json!([]), "{report}");
    Ok(())
}
