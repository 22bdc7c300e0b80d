//! What should happen.

use std::time::Duration;

use semper_shared::items::payment::ecash::{CoinStatus, Confirmation, DepositAnswer, Permission};

use super::*;

/// Waits for the settlement to bring an account to what is expected.
async fn paid(market: &Market, account: &str, minor: u64) {
    for _ in 0..100 {
        if market.at_bank(account).await == minor {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{account} has {} and not {minor}", market.at_bank(account).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_transfer_to_coins_to_a_deal_to_change_to_payout() {
    let market = Market::start().await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 200).await;
    assert_eq!(market.assert_balanced().await.outstanding(), Some(200));

    let deposit = wallet.pay(&market, &shop, deal(1), 77);
    let answer: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    let confirmation: Signed<Confirmation> =
        answer.confirmation.verify(market.mint.signer.public_key(), &Portable).unwrap();
    assert_eq!((confirmation.amount, confirmation.deal), (euros(77), deal(1)));
    assert_eq!(confirmation.permissions.len(), deposit.permissions.len());
    assert_eq!(confirmation.wire_by, confirmation.confirmed_at.plus(1));
    wallet.payer.settled(&deal(1));
    assert_eq!(wallet.balance(), 123);

    wallet.refresh(&market).await;
    assert_eq!(wallet.balance(), 123);
    let (_, coin) = deposit.permissions[0].verify_self_keyed(&Portable).unwrap();
    let status: CoinStatus = serde_json::from_str(&market.get(&format!("/coins/{}", coin.to_text())).await.1).unwrap();
    assert_eq!(status.remaining, euros(0));
    assert!(status.melts.iter().all(|melt| melt.revealed.is_some()));

    // The change is as good as new coins, and pays another merchant.
    let kiosk = merchant(2);
    market.register(&kiosk, "kiosk").await;
    let deposit = wallet.pay(&market, &kiosk, deal(2), 123);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    paid(&market, "merchant", 77).await;
    paid(&market, "kiosk", 123).await;
    assert_eq!(market.at_bank("mint").await, 0);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let books = market.assert_balanced().await;
    assert_eq!((books.received, books.paid_out, books.owed), (200, 200, 0));
    let (_, metrics) = market.get("/metrics").await;
    assert!(metrics.contains("semper_mint_deposits_total{party=\"mint\"} 2"), "{metrics}");
    assert!(metrics.contains("semper_mint_books_balance"), "{metrics}");
    let openapi: Value = serde_json::from_str(&market.get("/openapi.json").await.1).unwrap();
    assert!(openapi["paths"]["/deposits"]["post"].is_object());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_deposits_are_paid_in_one_transfer_and_survive_a_crash() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 127).await;
    for number in 0..5 {
        let deposit = wallet.pay(&market, &shop, deal(number), 1 << number);
        let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
        wallet.payer.settled(&deal(number));
    }
    assert_eq!(market.assert_balanced().await.owed, 31);
    // The payout is recorded, and the mint stops before it is sent.
    let now = market.mint.now();
    let due = crate::mint::payouts::Due { by: now.plus(3_601), now };
    let merchants = market.mint.store.due(due.by).await.unwrap();
    assert_eq!(merchants.len(), 1);
    assert!(market.mint.store.gather(merchants[0], due, crate::mint::payouts::Terms::default()).await.unwrap());
    assert!(!market.mint.store.gather(merchants[0], due, crate::mint::payouts::Terms::default()).await.unwrap());
    assert_eq!(market.assert_balanced().await.owed, 31);
    assert_eq!(market.at_bank("merchant").await, 0);
    let market = market.restart().await;
    paid(&market, "merchant", 31).await;
    // Sent twice, as after a crash between sending and recording, it is done once.
    let market = market.restart().await;
    assert_eq!(market.at_bank("merchant").await, 31);
    assert_eq!(market.assert_balanced().await.paid_out, 31);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payout_that_the_bank_refuses_waits_for_another_account() {
    let market = Market::start_with(1).await;
    let shop = merchant(1);
    market.register(&shop, "nobody").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 8).await;
    let deposit = wallet.pay(&market, &shop, deal(1), 8);
    let _: DepositAnswer = market.post_ok("/deposits", &deposit).await;
    for _ in 0..100 {
        if market.mint.metrics.payouts_refused.get() > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(market.mint.metrics.payouts_refused.get() > 0);
    assert_eq!(market.assert_balanced().await.owed, 8);
    market.ahead_s.store(61, Ordering::SeqCst);
    market.register(&shop, "merchant").await;
    // The first attempt after the wait may still name the old account.
    for _ in 0..30 {
        if market.at_bank("merchant").await == 8 {
            break;
        }
        market.ahead_s.fetch_add(61, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert_eq!(market.at_bank("merchant").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_coin_shown_to_several_merchants_at_once_is_taken_once() {
    let market = Market::start().await;
    let shops: Vec<_> = (1..=4).map(merchant).collect();
    for shop in &shops {
        market.register(shop, "merchant").await;
    }
    let mut wallet = Wallet::new(&market, 1).await;
    for round in 0..8 {
        wallet.withdraw(&market, 96).await;
        let deposits: Vec<_> = (0_u32..)
            .zip(&shops)
            .map(|(number, shop)| wallet.copy().pay(&market, shop, deal(round * 10 + number), 70))
            .collect();
        let answers = futures_util::future::join_all(deposits.iter().map(|body| market.post("/deposits", body))).await;
        let winners: Vec<_> = (0..4).filter(|index| answers[*index].0 == 200).collect();
        assert_eq!(winners.len(), 1, "{answers:?}");
        for (index, (status, text)) in answers.iter().enumerate() {
            if index == winners[0] {
                continue;
            }
            let proof: Value = serde_json::from_str(text).unwrap();
            assert_eq!((*status, proof["code"].as_str()), (409, Some("coin-already-spent")), "{text}");
            let coin: semper_shared::security::PublicKey = serde_json::from_value(proof["coin"].clone()).unwrap();
            let spent: Vec<Compact<Permission>> = serde_json::from_value(proof["spent"].clone()).unwrap();
            let (earlier, signer) = spent[0].verify_self_keyed(&Portable).unwrap();
            assert_eq!(signer, coin);
            assert_ne!(earlier.merchant, shops[index].public_key().thumbprint());
            // Byte for byte what the winner had sent.
            assert!(deposits[winners[0]].permissions.contains(&spent[0]));
        }
        let winner = deal(round * 10 + u32::try_from(winners[0]).unwrap());
        let _same = wallet.pay(&market, &shops[winners[0]], winner, 70);
        wallet.payer.settled(&winner);
        wallet.refresh(&market).await;
        let rest = wallet.balance();
        let all = wallet.pay(&market, &shops[0], deal(round * 10 + 9), rest);
        let _: DepositAnswer = market.post_ok("/deposits", &all).await;
        wallet.payer.settled(&deal(round * 10 + 9));
        market.assert_balanced().await;
    }
    assert_eq!(market.assert_balanced().await.outstanding(), Some(0));
}
