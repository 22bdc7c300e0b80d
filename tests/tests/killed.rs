//! Mint, merchant and database killed (SIGKILL) while many customers withdraw, buy and exchange; then the audit: nothing is
//! off.
#![allow(missing_docs)]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use semper_server::store::test_server::OwnServer;
use semper_shared::foundation::{Amount, Currency};
use semper_tests::parts::{self, Parts, buy};
use semper_tests::{Outcome, binaries};
use semper_wallet::core::Progress;
use serde_json::Value;

const CUSTOMERS: u64 = 8;

/// What a customer has at the end.
struct Left {
    cash: u64,
    paid: u64,
}

/// Who is killed.
#[derive(Debug, Clone, Copy)]
enum Victim {
    Mint,
    Merchant,
    /// Every process of the database server.
    Postgres,
    /// The process of the database server that serves one connection.
    Connection,
}

use Victim::{Connection, Merchant, Mint, Postgres};

impl Victim {
    fn party(self) -> Option<&'static str> {
        match self {
            Self::Mint => Some("mint"),
            Self::Merchant => Some("merchant"),
            Self::Postgres | Self::Connection => None,
        }
    }
}

/// Buys until told to stop, whatever fails on the way; then finishes what was cut off.
fn customer(mint: &str, merchant: &str, stop: &AtomicBool, bought: &AtomicU64) -> Outcome<Left> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut wallet = parts::wallet().await?;
        let five = Amount::new(Currency::EUR, 500)?;
        while !stop.load(Ordering::SeqCst) {
            // A failure is a party that was just killed: the wallet knows where it stands.
            if wallet.balance().await?.get("EUR").copied().unwrap_or(0) < 400 {
                let _cut_off = wallet.add_cash(mint, five, Progress::none()).await;
            }
            if buy(&mut wallet, merchant, "article").await.is_ok() {
                bought.fetch_add(1, Ordering::SeqCst);
            }
            let _cut_off = wallet.refresh().await;
        }
        let mut waiting = String::new();
        for _ in 0..20 {
            let resumed = wallet.resume(Progress::none()).await;
            let refreshed = wallet.refresh().await;
            if resumed.as_ref().is_ok_and(|resumed| resumed.waiting.is_empty()) && refreshed.is_ok() {
                let cash = wallet.balance().await?.get("EUR").copied().unwrap_or(0);
                let deals = wallet.deals().await?;
                return Ok(Left { cash, paid: deals.iter().map(|deal| deal.paid.minor()).sum() });
            }
            waiting = format!("{resumed:?} {refreshed:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("a customer's purchases do not come to their end: {waiting}").into())
    })
}

/// Kills all of these at once, and starts them again.
fn strike(market: &mut Parts, mut postgres: Option<&mut OwnServer>, victims: &[Victim]) -> Outcome {
    for victim in victims {
        match (victim, &mut postgres) {
            (Postgres, Some(server)) => server.kill()?,
            (Connection, Some(server)) => server.kill_one_connection()?,
            _ => market.kill(victim.party().ok_or("there is no PostgreSQL")?)?,
        }
    }
    if let Some(server) = postgres {
        if victims.iter().any(|victim| matches!(victim, Postgres)) {
            server.restart()?;
        }
        server.recovered()?;
    }
    victims.iter().filter_map(|victim| victim.party()).try_for_each(|party| market.restart(party))?;
    // Whoever was not killed has found its database again.
    ["mint", "merchant"].into_iter().try_for_each(|party| market.ready(party))
}

/// Customers buy while the victims of each round are killed; then everybody's books say the same.
fn nothing_is_lost(market: &mut Parts, mut postgres: Option<&mut OwnServer>, rounds: &[&[Victim]]) -> Outcome {
    let (stop, bought) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|_| {
            let (mint, merchant) = (market.url("mint"), market.url("merchant"));
            let (stop, bought) = (Arc::clone(&stop), Arc::clone(&bought));
            thread::spawn(move || customer(&mint, &merchant, &stop, &bought))
        })
        .collect();
    let mut struck = Ok(());
    for (round, victims) in rounds.iter().enumerate() {
        let before = bought.load(Ordering::SeqCst);
        // Under load: at least some purchases between one death and the next.
        for _ in 0..600 {
            if bought.load(Ordering::SeqCst) >= before + 4 {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_millis(37 * u64::try_from(round)?));
        struck = strike(market, postgres.as_deref_mut(), victims).map_err(|error| format!("{victims:?}: {error}"));
        if struck.is_err() {
            break;
        }
    }
    stop.store(true, Ordering::SeqCst);
    struck?;
    let mut left = Left { cash: 0, paid: 0 };
    let logs = || ["mint", "merchant"].map(|party| market.log(party)).join("\n");
    for customer in customers {
        let one = customer.join().map_err(|_| "a customer panicked")?;
        let one = one.map_err(|error| format!("{error}\n{}", logs()))?;
        left = Left { cash: left.cash + one.cash, paid: left.paid + one.paid };
    }
    println!("{} purchases, {} cents left, {} paid", bought.load(Ordering::SeqCst), left.cash, left.paid);
    assert!(left.paid > 0, "nobody bought anything");

    let output =
        Command::new(binaries::semper()?).arg("audit").arg("--data").arg(market.data()).arg("--json").output()?;
    let report: Value = serde_json::from_slice(&output.stdout)?;
    assert!(output.status.success(), "{report}");
    let sum = |name: &str| report["sums"][name].as_u64().ok_or_else(|| format!("no sum of {name}: {report}"));
    // Each side, asked alone, says the same: what customers hold is what the mint owes them, and what they paid is what it
    // owes the merchant or has paid.
    assert_eq!(left.cash, sum("in coins")? + sum("being melted")?);
    assert_eq!(left.paid, sum("owed to merchants")? + sum("paid out")?);
    assert_eq!(sum("in reserves")?, 0);
    Ok(())
}

#[test]
fn nothing_is_lost_when_mint_and_merchant_are_killed_under_load() -> Outcome {
    let mut market = Parts::start(2)?;
    nothing_is_lost(&mut market, None, &[&[Mint], &[Merchant], &[Mint, Merchant], &[Mint], &[Merchant]])
}

#[test]
fn nothing_is_lost_when_their_database_is_killed_under_load() -> Outcome {
    let mut server = OwnServer::start()?;
    let mut market = Parts::start_on(2, Some(&server.url()))?;
    let rounds: [&[Victim]; 4] = [&[Postgres], &[Mint, Postgres], &[Merchant, Connection], &[Mint, Merchant, Postgres]];
    nothing_is_lost(&mut market, Some(&mut server), &rounds)?;
    let recorded = server.number("SELECT count(*) FROM mint.spend")?;
    assert!(recorded > 0, "the books are in another place");
    Ok(())
}
