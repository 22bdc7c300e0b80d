#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use semper_shared::items::party::Party;
use semper_shared::security::Portable;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::clock;
use crate::http::{ServerSettings, ShutdownTrigger};
use crate::store::sqlite::released;

fn config(folder: &TempDir) -> Config {
    let account = |name: &str, opening: u64| json!({"account": name, "name": name, "token": format!("{name}-token-0123456789abcdef"), "opening_minor": opening});
    let config = json!({
        "data": folder.path().join("bank"),
        "accounts": [account("customer", 50_000), account("mint", 0), account("merchant", 0)],
        "test_account": "customer",
    });
    Config {
        server: ServerSettings { public_url: "http://localhost:1".to_owned(), ..ServerSettings::default() },
        ..serde_json::from_value(config).unwrap()
    }
}

struct Bank {
    url: String,
    database: PathBuf,
    running: Running,
    trigger: ShutdownTrigger,
    client: reqwest::Client,
}

impl Bank {
    async fn start(folder: &TempDir) -> Self {
        let (trigger, shutdown) = Shutdown::new();
        let running = start(&config(folder), &shutdown).await.unwrap();
        let url = format!("http://{}", running.address());
        let database = folder.path().join("bank/bank.sqlite");
        Self { url, database, running, trigger, client: reqwest::Client::new() }
    }

    async fn stop(self) {
        self.trigger.stop();
        self.running.stopped().await;
        released(&self.database).await.unwrap();
    }

    async fn transfer_as(&self, who: &str, order: &Value) -> (u16, Value) {
        let request =
            self.client.post(format!("{}/transfers", self.url)).bearer_auth(format!("{who}-token-0123456789abcdef"));
        let response = request.json(order).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn read_as(&self, who: &str, path: &str) -> (u16, Value) {
        let request =
            self.client.get(format!("{}{path}", self.url)).bearer_auth(format!("{who}-token-0123456789abcdef"));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn balance(&self, who: &str) -> u64 {
        self.read_as(who, &format!("/accounts/{who}")).await.1["balance"]["minor"].as_u64().unwrap()
    }
}

fn order(id: &str, minor: u64) -> Value {
    json!({"id": id, "from": "customer", "to": "mint", "amount": {"currency": "EUR", "minor": minor}, "subject": "A reserve"})
}

#[tokio::test]
async fn a_transfer_is_made_once() {
    let folder = TempDir::new().unwrap();
    let bank = Bank::start(&folder).await;
    let (status, first) = bank.transfer_as("customer", &order("one", 2_000)).await;
    assert_eq!((status, &first["id"], &first["subject"]), (201, &json!("one"), &json!("A reserve")));
    assert_eq!(bank.transfer_as("customer", &order("one", 2_000)).await, (200, first.clone()));
    let (status, problem) = bank.transfer_as("customer", &order("one", 2_001)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("request-conflict")));
    assert_eq!((bank.balance("customer").await, bank.balance("mint").await), (48_000, 2_000));

    bank.stop().await;
    let bank = Bank::start(&folder).await;
    assert_eq!(bank.transfer_as("customer", &order("one", 2_000)).await, (200, first));
    assert_eq!(bank.balance("customer").await, 48_000, "the opening balance is given once");
}

#[tokio::test]
async fn refusals_have_stable_codes() {
    let folder = TempDir::new().unwrap();
    let bank = Bank::start(&folder).await;
    let with = |member: &str, value: Value| {
        let mut order = order("bad", 1);
        order[member] = value;
        order
    };
    let cases = [
        ("customer", order("bad", 50_001), 402, "funds-insufficient"),
        ("customer", order("bad", 0), 400, "amount-invalid"),
        ("customer", with("to", json!("nobody")), 404, "account-unknown"),
        ("customer", with("to", json!("customer")), 400, "request-invalid"),
        ("customer", with("to", json!("NoName")), 400, "json-malformed"),
        ("customer", with("subject", json!("")), 400, "json-malformed"),
        ("customer", with("more", json!(1)), 400, "json-malformed"),
        ("customer", with("amount", json!({"currency": "USD", "minor": 1})), 400, "currency-mismatch"),
        ("customer", with("amount", json!({"currency": "EUR", "minor": -1})), 400, "json-malformed"),
        ("customer", with("amount", json!({"currency": "EUR", "minor": 1.5})), 400, "json-malformed"),
        ("mint", order("bad", 1), 401, "token-invalid"),
        ("customer", with("from", json!("central")), 401, "token-invalid"),
        ("customer", with("from", json!("nobody")), 404, "account-unknown"),
    ];
    for (who, order, status, code) in cases {
        let (found, problem) = bank.transfer_as(who, &order).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{order}");
    }
    let anonymous = bank.client.get(format!("{}/accounts/customer", bank.url)).send().await.unwrap();
    assert_eq!(anonymous.status(), 401);
    assert_eq!(anonymous.headers()["www-authenticate"], "Bearer");
    assert_eq!(bank.read_as("mint", "/accounts/customer").await.0, 401);
    assert_eq!(bank.read_as("mint", "/accounts/central").await.0, 401);
    assert_eq!(bank.read_as("customer", "/accounts/customer/history?after=x").await.0, 400);
    assert_eq!(bank.balance("customer").await, 50_000);
}

#[tokio::test]
async fn history_tells_both_sides_and_wakes_who_waits() {
    let folder = TempDir::new().unwrap();
    let bank = Bank::start(&folder).await;
    let (_, opening) = bank.read_as("customer", "/accounts/customer/history").await;
    assert_eq!(opening["entries"][0]["counterparty"], "central");
    let started = Instant::now();
    let (news, made) = tokio::join!(bank.read_as("mint", "/accounts/mint/history?after=0&wait_ms=20000"), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bank.transfer_as("customer", &order("one", 2_000)).await
    });
    assert!(started.elapsed() < Duration::from_secs(5), "it was woken");
    assert_eq!(made.0, 201);
    let entry = &news.1["entries"][0];
    assert_eq!(
        (&entry["direction"], &entry["counterparty"], &entry["transfer"]),
        (&json!("in"), &json!("customer"), &json!("one"))
    );
    let serial = entry["serial"].as_u64().unwrap();
    let (_, later) = bank.read_as("mint", &format!("/accounts/mint/history?after={serial}&wait_ms=50")).await;
    assert_eq!(later, json!({"entries": []}));
    let after = opening["entries"][0]["serial"].as_u64().unwrap();
    let (_, out) = bank.read_as("customer", &format!("/accounts/customer/history?after={after}")).await;
    assert_eq!((&out["entries"][0]["direction"], &out["entries"][0]["counterparty"]), (&json!("out"), &json!("mint")));
}

#[tokio::test]
async fn who_waits_does_not_hold_up_the_end() {
    let folder = TempDir::new().unwrap();
    let bank = Bank::start(&folder).await;
    let url = format!("{}/accounts/mint/history?wait_ms=30000", bank.url);
    let waiting = tokio::spawn(bank.client.get(url).bearer_auth("mint-token-0123456789abcdef").send());
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(Duration::from_secs(4), bank.stop()).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn introduces_and_describes_itself() {
    let folder = TempDir::new().unwrap();
    let bank = Bank::start(&folder).await;
    let text = bank.client.get(format!("{}/.well-known/semper", bank.url)).send().await.unwrap().text().await.unwrap();
    let party = Party::verify(&text, "http://localhost:1", clock::now(), &Portable).unwrap();
    assert_eq!(party.role, Role::Bank);
    let (_, account) = bank.read_as("nobody", "/test-account").await;
    assert_eq!(account["account"], "customer");
    let (_, openapi) = bank.read_as("nobody", "/openapi.json").await;
    for path in ["/transfers", "/accounts/{account}", "/accounts/{account}/history", "/test-account"] {
        assert!(openapi["paths"][path].is_object(), "{path}");
    }
    assert!(openapi["components"]["schemas"]["Amount"].is_object(), "{openapi}");
}

#[tokio::test]
async fn books_that_do_not_balance_stay_closed() {
    let folder = TempDir::new().unwrap();
    Bank::start(&folder).await.stop().await;
    let path = folder.path().join("bank/bank.sqlite");
    let (_trigger, shutdown) = Shutdown::new();
    rusqlite::Connection::open(path)
        .unwrap()
        .execute("UPDATE account SET balance = balance + 1 WHERE account = 'mint'", ())
        .unwrap();
    let error = start(&config(&folder), &shutdown).await.unwrap_err();
    assert!(error.to_string().contains("do not balance"), "{error}");
}

#[tokio::test]
async fn a_wrong_configuration_is_refused() {
    let folder = TempDir::new().unwrap();
    let (_trigger, shutdown) = Shutdown::new();
    let refused = |change: fn(&mut Config)| {
        let mut config = config(&folder);
        change(&mut config);
        let shutdown = shutdown.clone();
        async move { start(&config, &shutdown).await.err().map(|error| error.to_string()).unwrap_or_default() }
    };
    assert!(refused(|config| config.accounts[0].token = Token("short".to_owned())).await.contains("shorter"));
    assert!(refused(|config| config.accounts[1] = config.accounts[0].clone()).await.contains("twice"));
    assert!(refused(|config| config.accounts.clear()).await.contains("test account"));
    assert!(refused(|config| config.accounts[0].opening_minor = 100_000_001).await.contains("does not hold that much"));
}
