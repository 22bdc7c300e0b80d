//! What the mint writes into its logs names no coin, no reserve and no deal.

use std::io::Write;
use std::sync::Mutex;

use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_and_metrics_name_nobody() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("semper_server=trace,info")
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let market = Market::start().await;
    let shop = merchant(1);
    market.register(&shop, "merchant").await;
    let mut wallet = Wallet::new(&market, 1).await;
    wallet.withdraw(&market, 64).await;
    let mut cheat = wallet.copy();
    let deposit = wallet.pay(&market, &shop, deal(1), 21);
    let again = cheat.pay(&market, &shop, deal(2), 64);
    assert_eq!(market.post("/deposits", &deposit).await.0, 200);
    assert_eq!(market.post("/deposits", &again).await.0, 409);
    wallet.payer.settled(&deal(1));
    let coin = wallet.payer.refreshes(&wallet.mint, market.mint.now()).unwrap().pop().unwrap();
    wallet.refresh(&market).await;
    market.get(&format!("/coins/{coin}")).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;

    let reserve = wallet.payer.reserve_key(&wallet.mint, 0).public_key().to_text();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let (_, metrics) = market.get("/metrics").await;
    assert!(text.contains("/deposits") && text.contains("/coins/{coin}"), "the log is looked at: {text}");
    for secret in [&coin, &reserve, &deal(1).to_string(), &deal(2).to_string(), &TOKEN.to_owned()] {
        assert!(!text.contains(secret.as_str()), "{secret} in the log");
        assert!(!metrics.contains(secret.as_str()), "{secret} in the metrics");
    }
}
