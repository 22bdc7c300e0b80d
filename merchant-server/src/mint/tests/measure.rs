//! How fast deposits go through HTTP, checks and store: a figure to compare with itself, printed and never asserted.
//!
//! `cargo nextest run -p semper-server --run-ignored only --no-capture mint::tests::measure`

use std::time::Instant;

use futures_util::StreamExt as _;

use super::*;

const CONNECTIONS: usize = 64;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn deposits_a_second() {
    let market = Market::start_with(3_600).await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    let mut deposits = Vec::new();
    for round in 0..6 {
        wallet.withdraw(&market, 64 * 128).await;
        for coin in 0..64 {
            let body = wallet.pay(&market, &shop, deal(round * 64 + coin), 128);
            assert_eq!(body.permissions.len(), 1);
            deposits.push(serde_json::to_string(&body).unwrap());
            wallet.payer.settled(&deal(round * 64 + coin));
        }
    }
    let (count, bytes) = (deposits.len(), deposits[0].len());
    let post = |body: String| {
        let request = market.client.post(market.url("/deposits")).header("content-type", "application/json");
        async move {
            let started = Instant::now();
            let response = request.body(body).send().await.unwrap();
            assert_eq!(response.status(), 200);
            let answer = response.bytes().await.unwrap();
            assert!(!answer.is_empty());
            started.elapsed()
        }
    };
    let started = Instant::now();
    let mut times: Vec<_> =
        futures_util::stream::iter(deposits.into_iter().map(post)).buffer_unordered(CONNECTIONS).collect().await;
    let took = started.elapsed();
    times.sort_unstable();
    println!(
        "{count} deposits of {bytes} bytes in {took:?}: {:.0} a second, median {:?}, p99 {:?}",
        f64::from(u32::try_from(count).unwrap()) / took.as_secs_f64(),
        times[count / 2],
        times[count * 99 / 100]
    );
}
