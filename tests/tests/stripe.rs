//! Payment by card where the acquirer is Stripe's API, as localstripe imitates it: the same wallet, merchant and gateway.
#![allow(missing_docs)]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use semper_tests::localstripe::KEY;
use semper_tests::proxy::{Moment, Proxy, Trap};
use semper_tests::wallet::path;
use semper_tests::{Demo, LocalStripe, Outcome, Wallet, binaries, goods};
use serde_json::Value;

const APPROVED: &str = "4242424242424242";
/// Declined when it is charged.
const DECLINED: &str = "4000000000000341";
const STEP_UP: &str = "4000002760003184";
/// The cardholder approves, and the issuer declines all the same.
const DECLINED_AFTERWARDS: &str = "4000008260003178";

struct Market {
    demo: Demo,
    stripe: LocalStripe,
    line: Proxy,
}

/// A demo whose gateway has an account at localstripe, over a line that can be cut.
fn market() -> Outcome<Market> {
    let (stripe, mut demo) = (LocalStripe::start()?, Demo::start()?);
    let line = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, stripe.port())))?;
    let url = format!("http://127.0.0.1:{}", line.port());
    let key_file = stripe.key_file();
    let key_file = path(&key_file)?;
    demo.serve_with(|config| {
        let acquirer = format!("kind = \"stripe\"\nurl = \"{url}\"\nkey_file = \"{key_file}\"\ncvc = \"123\"\n");
        format!("{config}\n[gateway.acquirer]\n{acquirer}")
    })?;
    Ok(Market { demo, stripe, line })
}

impl Market {
    fn wallet_with(&self, number: &str) -> Outcome<Wallet> {
        let wallet = Wallet::init()?;
        let gateway = &self.demo.urls.gateway;
        wallet.run(&["card", "add", "--number", number, "--expiry", "12/40", "--gateway", gateway])?;
        // The offers name the gateway as soon as merchant and gateway have met.
        let deadline = Instant::now() + Duration::from_secs(20);
        while !reqwest::blocking::get(self.demo.offer("article"))?.text()?.split('.').nth(1).is_some_and(takes_cards) {
            assert!(Instant::now() < deadline, "the shop takes no cards");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(wallet)
    }

    fn intents(&self) -> Outcome<Vec<Value>> {
        let list = self.stripe.get("/v1/payment_intents?limit=100")?;
        Ok(list["data"].as_array().ok_or("no list")?.clone())
    }

    fn refunds(&self, intent: &Value) -> Outcome<Vec<u64>> {
        let id = intent["id"].as_str().ok_or("no id")?;
        let list = self.stripe.get(&format!("/v1/refunds?payment_intent={id}"))?;
        let mut amounts: Vec<_> =
            list["data"].as_array().ok_or("no list")?.iter().filter_map(|one| one["amount"].as_u64()).collect();
        amounts.sort_unstable();
        Ok(amounts)
    }

    fn refund(&self, deal: &str, amount: &str) -> Outcome<bool> {
        let mut command = Command::new(binaries::semper()?);
        command.args(["refund", "--deal", deal, "--amount", amount, "--json", "--data"]).arg(self.demo.data());
        Ok(command.output()?.status.success())
    }
}

fn takes_cards(payload: &str) -> bool {
    let payload = semper_shared::foundation::base64::decode(payload);
    let offer: Option<Value> = payload.and_then(|payload| serde_json::from_slice(&payload).ok());
    offer.is_some_and(|offer| {
        offer["accepts"].as_array().is_some_and(|list| list.iter().any(|one| one["module"] == "card"))
    })
}

fn buy<'a>(goods: &'a str, offer: &'a str) -> [&'a str; 7] {
    ["buy", offer, "--out", goods, "--method", "card", "--json"]
}

#[test]
fn a_card_buys_a_file_and_gets_its_money_back_in_parts() -> Outcome {
    let market = market()?;
    let wallet = market.wallet_with(APPROVED)?;
    let bought = wallet.json(&buy(path(&wallet.goods())?, &market.demo.offer("article")))?;
    assert_eq!(bought["state"], "delivered");
    let file = bought["files"][0].as_str().ok_or("no file")?;
    assert_eq!(fs::read_to_string(file)?, goods::text("article"));

    let intents = market.intents()?;
    let [intent] = intents.as_slice() else { return Err(format!("not one intent: {intents:?}").into()) };
    assert_eq!(
        (&intent["status"], &intent["amount"], &intent["currency"]),
        (&"succeeded".into(), &320.into(), &"eur".into())
    );
    // Of the deal, Stripe learns one digest: not the goods, not the deal's name, not the shop's.
    let metadata = intent["metadata"].as_object().ok_or("no metadata")?;
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["semper"]);
    let deal = bought["deal"].as_str().ok_or("no deal")?;
    let told = intent.to_string();
    assert!(!told.contains(deal) && !told.contains("article") && !told.contains("Meridian"), "{told}");

    assert!(market.refund(deal, "1.20")? && market.refund(deal, "2.00")?);
    assert!(!market.refund(deal, "0.01")?, "no more than was paid");
    assert_eq!(market.refunds(intent)?, [120, 200]);
    let log = market.demo.log()?;
    assert!(log.contains("gateway") && !log.contains(KEY) && !log.contains(APPROVED));
    Ok(())
}

#[test]
fn what_the_issuer_declines_takes_nothing() -> Outcome {
    let market = market()?;
    let wallet = market.wallet_with(DECLINED)?;
    assert_eq!(wallet.refused(&buy("unused", &market.demo.offer("article")))?, "card-declined");
    assert_eq!(wallet.json(&["deals", "--json"])?[0]["state"], "refused");
    let intents = market.intents()?;
    assert!(intents.iter().all(|intent| intent["status"] == "requires_payment_method"), "{intents:?}");
    Ok(())
}

#[test]
fn the_cardholder_approves_in_the_wallet() -> Outcome {
    let market = market()?;
    for (number, outcome) in [(STEP_UP, None), (DECLINED_AFTERWARDS, Some("card-declined"))] {
        let wallet = market.wallet_with(number)?;
        let (goods, offer) = (wallet.goods(), market.demo.offer("article"));
        let buy = buy(path(&goods)?, &offer);
        assert_eq!(wallet.refused(&buy)?, "step-up-required");
        let deals = wallet.json(&["deals", "--json"])?;
        wallet.run(&["card", "approve", deals[0]["deal"].as_str().ok_or("no deal")?])?;
        match outcome {
            None => assert_eq!(wallet.json(&buy)?["deal"], deals[0]["deal"]),
            Some(code) => assert_eq!(wallet.refused(&buy)?, code),
        }
    }
    assert_eq!(market.intents()?.len(), 2, "one for each wallet");
    Ok(())
}

/// localstripe knows no idempotency keys: what is done once here is done once because it was looked for.
#[test]
fn an_answer_that_is_lost_is_found_out_and_nothing_is_done_twice() -> Outcome {
    let market = market()?;
    let wallet = market.wallet_with(APPROVED)?;
    let lose = |path| market.line.set(Trap::new("POST", path, 1, Moment::Answered, Box::new(|| {})));

    for (nth, lost) in ["/v1/payment_intents", "/v1/payment_intents/*/capture"].into_iter().enumerate() {
        lose(lost);
        let offer = market.demo.offer(["article", "letter"][nth]);
        let goods = wallet.goods();
        let deadline = Instant::now() + Duration::from_secs(60);
        let bought = loop {
            let attempt = wallet.attempt(&buy(path(&goods)?, &offer))?;
            if attempt.status.success() {
                break serde_json::from_slice::<Value>(&attempt.stdout)?;
            }
            assert!(Instant::now() < deadline, "{}", String::from_utf8_lossy(&attempt.stderr));
        };
        assert!(!market.line.unset(), "the trap for {lost} closed");
        assert_eq!(bought["state"], "delivered");
        let intents = market.intents()?;
        assert_eq!(intents.len(), nth + 1, "{lost}: {intents:?}");
        assert!(intents.iter().all(|intent| intent["status"] == "succeeded"), "{lost}: {intents:?}");
    }

    lose("/v1/refunds");
    let deals = wallet.json(&["deals", "--json"])?;
    let deal = deals.as_array().and_then(|deals| deals.iter().find(|deal| deal["paid"]["minor"] == 320));
    let deal = deal.and_then(|deal| deal["deal"].as_str()).ok_or("no deal")?;
    // The command may be told that the outcome is unknown; the merchant sees to it that it is done.
    market.refund(deal, "1.00")?;
    assert!(!market.line.unset(), "the trap for the refund closed");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let listed =
            Command::new(binaries::semper()?).args(["deals", "--json", "--data"]).arg(market.demo.data()).output()?;
        let listed: Value = serde_json::from_slice(&listed.stdout)?;
        let standing = listed.as_array().and_then(|all| all.iter().find(|one| one["deal"] == deal)).cloned();
        if standing.as_ref().is_some_and(|standing| standing["refunded"]["minor"] == 100) {
            break;
        }
        assert!(Instant::now() < deadline, "{standing:?}");
        thread::sleep(Duration::from_millis(200));
    }
    let refunded: Vec<u64> =
        market.intents()?.iter().map(|intent| market.refunds(intent)).collect::<Outcome<Vec<_>>>()?.concat();
    assert_eq!(refunded, [100]);
    Ok(())
}
