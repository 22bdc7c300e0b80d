//! Two mints and two merchants on one PostgreSQL, as processes of their own behind a balancer that knows nothing.
#![allow(missing_docs)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use semper_server::store::test_server::TestDatabase;
use semper_tests::{Outcome, Wallet, binaries, goods};
use tempfile::TempDir;

const TOKENS: [(&str, &str, u64); 3] = [
    ("customer", "customer-token-of-the-tests", 5_000_000),
    ("mint", "mint-token-of-the-tests-01", 0),
    ("merchant", "merchant-token-of-the-tests", 0),
];

/// One process of a party.
struct Replica {
    config: PathBuf,
    log: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Replica {
    /// Starts it, and does not wait for it.
    fn launch(&mut self) -> Outcome {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let child = Command::new(binaries::semper()?)
            .args(["serve".as_ref(), "--config".as_ref(), self.config.as_os_str()])
            .env("RUST_LOG", "warn")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it says that it listens.
    fn listening(&mut self) -> Outcome {
        let stdout = self.child.as_mut().and_then(|child| child.stdout.take()).ok_or("it was not started")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        if line.starts_with(r#"{"ready":true"#) { Ok(()) } else { Err(fs::read_to_string(&self.log)?.into()) }
    }

    /// Waits until it can do its work.
    fn ready(&self) -> Outcome {
        for _ in 0..400 {
            if reqwest::blocking::get(self.at("/ready")).is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Err(format!("{} is not ready: {}", self.config.display(), fs::read_to_string(&self.log)?).into())
    }

    fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn kill(&mut self) -> Outcome {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("a replica could not be ended: {error}");
        }
    }
}

/// Hands each connection to the next replica that takes it.
fn balance(front: TcpListener, replicas: Vec<u16>) {
    let turn = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for client in front.incoming().flatten() {
            let (replicas, turn) = (replicas.clone(), Arc::clone(&turn));
            thread::spawn(move || {
                let first = turn.fetch_add(1, Ordering::Relaxed);
                let next = replicas.iter().cycle().skip(first % replicas.len()).take(replicas.len());
                let mut reached = next.filter_map(|port| TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).ok());
                if let Some(server) = reached.next() {
                    join(&client, &server);
                }
            });
        }
    });
}

fn join(client: &TcpStream, server: &TcpStream) {
    let pour = |mut from: &TcpStream, mut to: &TcpStream| {
        // Whatever ends it ends both.
        let _ = std::io::copy(&mut from, &mut to);
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    };
    thread::scope(|scope| {
        scope.spawn(|| pour(client, server));
        pour(server, client);
    });
}

/// A market on one database.
struct Market {
    mints: [Replica; 2],
    merchants: [Replica; 2],
    bank: Replica,
    mint: String,
    merchant: String,
    // Dropped last.
    database: TestDatabase,
    folder: TempDir,
}

fn listener() -> Outcome<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

fn write_config(folder: &Path, name: &str, port: u16, text: &str) -> Outcome<Replica> {
    let config = folder.join(format!("{name}.toml"));
    fs::write(&config, text)?;
    Ok(Replica { config, log: folder.join(format!("{name}.log")), port, child: None })
}

impl Market {
    /// Writes the configurations and fills the shop; nothing runs yet. `options` end the store's URL.
    fn prepare(options: &str) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let database = TestDatabase::make()?;
        let store = format!("{}{options}", database.url().expose());
        let (mint_front, mint_port) = listener()?;
        let (shop_front, shop_port) = listener()?;
        // Held until all are chosen, so that they differ.
        let held = (0..5).map(|_| listener()).collect::<Outcome<Vec<_>>>()?;
        let ports: Vec<u16> = held.iter().map(|(_, port)| *port).collect();
        let [bank, mint_1, mint_2, shop_1, shop_2] = ports[..] else { return Err("five ports".into()) };
        let url = |port: u16| format!("http://localhost:{port}");
        let server = |port: u16, public: u16| {
            let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            format!("store = \"{store}\"\nserver = {{ listen = \"{listen}\", public_url = \"{}\" }}\n", url(public))
        };
        let accounts: String = TOKENS
            .iter()
            .map(|(account, token, opening)| {
                format!("[[bank.accounts]]\naccount = \"{account}\"\nname = \"{account}\"\ntoken = \"{token}\"\nopening_minor = {opening}\n")
            })
            .collect();
        let text = format!("[bank]\ndata = \"bank\"\ntest_account = \"customer\"\n{}{accounts}", server(bank, bank));
        let bank_replica = write_config(folder.path(), "bank", bank, &text)?;
        let mint = |name: &str, port| {
            let bank =
                format!("bank = {{ url = \"{}\", account = \"mint\", token = \"{}\" }}\n", url(bank), TOKENS[1].1);
            let own = "[mint]\ndata = \"mint\"\nname = \"The mint\"\nwire_delay_s = 86400\n";
            write_config(folder.path(), name, port, &format!("{own}{}{bank}", server(port, mint_port)))
        };
        let merchant = |name: &str, port| {
            let payout = format!("payout = {{ bank = \"{}\", account = \"merchant\" }}\n", url(bank));
            let mints = format!("mints = [{{ url = \"{}\" }}]\n", url(mint_port));
            let own = "[merchant]\ndata = \"merchant\"\nname = \"The shop\"\n";
            write_config(folder.path(), name, port, &format!("{own}{}{mints}{payout}", server(port, shop_port)))
        };
        let mints = [mint("mint-1", mint_1)?, mint("mint-2", mint_2)?];
        let merchants = [merchant("merchant-1", shop_1)?, merchant("merchant-2", shop_2)?];
        let catalogue = folder.path().join("goods");
        goods::write(&catalogue)?;
        let imported = Command::new(binaries::semper()?)
            .args(["catalogue".as_ref(), "import".as_ref(), catalogue.as_os_str()])
            .args(["--config".as_ref(), merchants[0].config.as_os_str()])
            .output()?;
        if !imported.status.success() {
            return Err(format!("the shop is empty: {}", String::from_utf8_lossy(&imported.stderr)).into());
        }
        drop(held);
        balance(mint_front, vec![mint_1, mint_2]);
        balance(shop_front, vec![shop_1, shop_2]);
        let (mint, merchant) = (url(mint_port), url(shop_port));
        Ok(Self { mints, merchants, bank: bank_replica, mint, merchant, database, folder })
    }

    /// Starts all; the replicas of a party at once.
    fn start(options: &str) -> Outcome<Self> {
        let mut market = Self::prepare(options)?;
        market.bank.launch()?;
        market.bank.listening()?;
        for party in [&mut market.mints, &mut market.merchants] {
            party.iter_mut().try_for_each(Replica::launch)?;
            party.iter_mut().try_for_each(Replica::listening)?;
            party.iter().try_for_each(Replica::ready)?;
        }
        Ok(market)
    }

    fn offer(&self, id: &str) -> String {
        format!("{}/offers/{id}", self.merchant)
    }

    fn sum(&self, what: &str) -> Outcome<i64> {
        Ok(self
            .database
            .number(&format!("SELECT CAST(coalesce(sum(x), 0) AS BIGINT) FROM ({what}) AS all_of_it (x)"))?)
    }

    /// Whether the mint's books account for `received` cents, each once; and what its merchants are owed.
    fn owed(&self, received: i64) -> Outcome<i64> {
        assert_eq!(self.sum("SELECT amount FROM mint.credit")?, received, "the customers' transfers arrived once");
        let owed = self.sum("SELECT amount FROM mint.deposit")?;
        let issued = self.sum("SELECT amount FROM mint.withdrawal")?
            + self.sum("SELECT amount FROM mint.melt WHERE signatures IS NOT NULL")?;
        let elsewhere = self.sum("SELECT balance FROM mint.reserve")?
            + self.sum("SELECT amount FROM mint.melt WHERE signatures IS NULL")?;
        assert_eq!(received, elsewhere + issued - self.sum("SELECT spent FROM mint.coin")? + owed);
        Ok(owed)
    }
}

/// Runs a command until it succeeds, as a customer would who is told to try again.
fn insist(wallet: &Wallet, arguments: &[&str]) -> Outcome {
    let mut said = String::new();
    for _ in 0..60 {
        let output = wallet.attempt(arguments)?;
        if output.status.success() {
            return Ok(());
        }
        said = String::from_utf8_lossy(&output.stderr).into_owned();
        thread::sleep(Duration::from_millis(200));
    }
    Err(format!("{arguments:?}: {said}").into())
}

#[test]
fn a_replica_dies_among_purchases_and_every_cent_is_where_it_belongs() -> Outcome {
    let mut market = Market::start("?writers=2&readers=2")?;
    // Both replicas are one party: the same key, the same denominations.
    for party in [&market.mints, &market.merchants] {
        let [one, two] =
            [&party[0], &party[1]].map(|replica| reqwest::blocking::get(replica.at("/.well-known/semper")));
        let key = |answer: reqwest::blocking::Response| -> Outcome<String> {
            let text = answer.text()?;
            Ok(text.split('.').next().unwrap_or_default().to_owned())
        };
        assert_eq!(key(one?)?, key(two?)?, "one key for both");
    }
    let wallets = (0..4).map(|_| Wallet::init()).collect::<Outcome<Vec<_>>>()?;
    let purchases = ["article", "letter", "article", "leaflet", "article"];
    thread::scope(|scope| -> Outcome {
        let (mint, market_ref) = (market.mint.clone(), &market);
        let offers: Vec<String> = purchases.iter().map(|id| market_ref.offer(id)).collect();
        let customers: Vec<_> = wallets
            .iter()
            .map(|wallet| {
                let (mint, offers) = (mint.clone(), offers.clone());
                scope.spawn(move || -> Outcome {
                    insist(wallet, &["withdraw", "20.00", "--mint", &mint])?;
                    let goods = wallet.goods();
                    let out = goods.to_str().ok_or("a path")?;
                    offers.iter().try_for_each(|offer| insist(wallet, &["buy", offer, "--out", out, "--json"]))
                })
            })
            .collect();
        // As soon as the first deals are through, one replica of each party is gone for good.
        for _ in 0..600 {
            if market_ref.database.number("SELECT count(*) FROM merchant.deal")? >= 3 {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        for replica in [&market_ref.mints[0], &market_ref.merchants[0]] {
            let id = replica.child.as_ref().ok_or("it runs")?.id().to_string();
            assert!(Command::new("sh").args(["-c", &format!("kill -9 {id}")]).status()?.success());
        }
        customers.into_iter().try_for_each(|customer| customer.join().map_err(|_| "a customer panicked")?)
    })?;
    let costs: i64 = 3 * 320 + 1;
    let spent = 4 * costs;
    assert_eq!(market.database.number("SELECT count(*) FROM merchant.deal WHERE state IN (1, 2)")?, 4 * 5);
    assert_eq!(market.database.number("SELECT count(*) FROM merchant.deal WHERE state NOT IN (1, 2)")?, 0);
    assert_eq!(market.owed(4 * 2_000)?, spent, "each deal was deposited once");
    for wallet in &wallets {
        assert_eq!(i64::try_from(wallet.balance()?)?, 2_000 - costs);
    }
    // It comes back among the others.
    for replica in [&mut market.mints[0], &mut market.merchants[0]] {
        replica.kill()?;
        replica.launch()?;
        replica.listening()?;
        replica.ready()?;
    }
    let out = wallets[0].goods();
    insist(&wallets[0], &["buy", &market.offer("article"), "--out", out.to_str().ok_or("a path")?, "--json"])?;
    assert_eq!(market.owed(4 * 2_000)?, spent + 320);
    assert!(market.folder.path().is_dir());
    Ok(())
}

/// A store that cannot keep up refuses with a time to come again, and never with what its database says.
#[test]
fn a_full_queue_says_when_to_come_again() -> Outcome {
    let mut market = Market::prepare("?writers=1&queue=1")?;
    market.bank.launch()?;
    market.bank.listening()?;
    market.bank.ready()?;
    let client = reqwest::blocking::Client::new();
    let transfer = |id: usize| -> Outcome<reqwest::blocking::Response> {
        let amount = serde_json::json!({"currency": "EUR", "minor": 5});
        let order = serde_json::json!({"id": format!("t{id}"), "from": "customer", "to": "mint", "amount": amount, "subject": "x"});
        Ok(client.post(market.bank.at("/transfers")).bearer_auth(TOKENS[0].1).json(&order).send()?)
    };
    let answers = thread::scope(|scope| -> Outcome<Vec<_>> {
        // Somebody else has the table for a while.
        let hold = "BEGIN; LOCK TABLE bank.transfer IN EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT";
        let holder = scope.spawn(|| market.database.number(hold));
        thread::sleep(Duration::from_millis(300));
        let transfer = &transfer;
        let askers: Vec<_> = (0..8).map(|id| scope.spawn(move || transfer(id))).collect();
        let answers = askers.into_iter().map(|asker| asker.join().map_err(|_| "an asker panicked")?).collect();
        drop(holder.join());
        answers
    })?;
    let mut refused = 0;
    for answer in answers {
        if answer.status().is_success() {
            continue;
        }
        refused += 1;
        assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (503, true));
        let problem: serde_json::Value = answer.json()?;
        assert_eq!(problem["code"], "busy");
    }
    assert!((1..=7).contains(&refused), "{refused} of 8 were refused");
    for id in 0..8 {
        assert!(transfer(id)?.status().is_success(), "the same request again is done, once");
    }
    assert_eq!(market.database.number("SELECT balance FROM bank.account WHERE account = 'mint'")?, 40);
    Ok(())
}
