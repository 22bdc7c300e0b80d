//! Mint and merchant killed (SIGKILL) while many customers withdraw, buy and exchange; then the audit: nothing is off.
#![allow(missing_docs)]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

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
        for _ in 0..20 {
            let resumed = wallet.resume(Progress::none()).await;
            if resumed.is_ok_and(|resumed| resumed.waiting.is_empty()) && wallet.refresh().await.is_ok() {
                let cash = wallet.balance().await?.get("EUR").copied().unwrap_or(0);
                let deals = wallet.deals().await?;
                return Ok(Left { cash, paid: deals.iter().map(|deal| deal.paid.minor()).sum() });
            }
        }
        Err("a customer's purchases do not come to their end".into())
    })
}

#[test]
fn nothing_is_lost_when_mint_and_merchant_are_killed_under_load() -> Outcome {
    let mut market = Parts::start(2)?;
    let (stop, bought) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let customers: Vec<_> = (0..CUSTOMERS)
        .map(|_| {
            let (mint, merchant) = (market.url("mint"), market.url("merchant"));
            let (stop, bought) = (Arc::clone(&stop), Arc::clone(&bought));
            thread::spawn(move || customer(&mint, &merchant, &stop, &bought))
        })
        .collect();
    for (round, victims) in
        [&["mint"][..], &["merchant"], &["mint", "merchant"], &["mint"], &["merchant"]].iter().enumerate()
    {
        let before = bought.load(Ordering::SeqCst);
        // Under load: at least some purchases between one death and the next.
        for _ in 0..600 {
            if bought.load(Ordering::SeqCst) >= before + 4 {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        thread::sleep(Duration::from_millis(37 * u64::try_from(round)?));
        for party in *victims {
            market.kill(party)?;
        }
        for party in *victims {
            market.restart(party)?;
        }
    }
    stop.store(true, Ordering::SeqCst);
    let mut left = Left { cash: 0, paid: 0 };
    for customer in customers {
        let one = customer.join().map_err(|_| "a customer panicked")??;
        left = Left { cash: left.cash + one.cash, paid: left.paid + one.paid };
    }
    println!("{} purchases, {} cents left, {} paid", bought.load(Ordering::SeqCst), left.cash, left.paid);

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
