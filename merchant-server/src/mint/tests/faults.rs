//! What a client of the mint sees of a store that fails, and that asking again is always safe.

use semper_shared::items::payment::ecash::DepositAnswer;

use super::*;
use crate::store::faults::{Fault, Faults};

/// Faults for the next write only.
#[derive(Clone, Default)]
struct Next(Arc<std::sync::Mutex<Option<Fault>>>);

impl Next {
    async fn start() -> (Self, Market) {
        let (next, folder) = (Self::default(), TempDir::new().unwrap());
        let taken = next.clone();
        let faults = Faults::new(move |_| taken.0.lock().unwrap().take());
        faults.inject(&folder.path().join("mint").join("mint.sqlite"));
        // Nothing falls due meanwhile, so that the next write is the request's.
        (next, Market::open_in(folder, Arc::default(), 3_600).await)
    }

    /// Asks with a failing store, and again with one that works.
    async fn ask(&self, market: &Market, fault: Fault, path: &str, body: &impl Serialize) -> String {
        *self.0.lock().unwrap() = Some(fault);
        let response = market.client.post(market.url(path)).json(body).send().await.unwrap();
        let (status, after) = (response.status().as_u16(), response.headers().get("retry-after").cloned());
        let problem: Value = response.json().await.unwrap();
        let code = if fault == Fault::Busy { "busy" } else { "outcome-unknown" };
        assert_eq!((status, problem["code"].as_str()), (503, Some(code)), "{path}: {problem}");
        assert!(after.is_some(), "the client is told when to come again");
        assert!(self.0.lock().unwrap().is_none(), "{path} did not write");
        let (status, answer) = market.post(path, body).await;
        assert_eq!(status, 200, "{path} after {fault:?}: {answer}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_again_after_a_failed_write_gives_the_right_answer() {
    let (next, market) = Next::start().await;
    let shop = merchant(1);
    let mut wallet = Wallet::new(&market, 1).await;
    let mut deals = 0;
    for fault in [Fault::Busy, Fault::Lost, Fault::Unanswered] {
        let registration = market.registration(&shop, "merchant", market.mint.now().0 + u64::from(deals));
        next.ask(&market, fault, "/accounts", &registration).await;

        let reserve = wallet.fund(&market, 100).await;
        let withdrawal = wallet.withdrawal(&market, reserve, 100);
        let signed = next.ask(&market, fault, "/withdrawals", &withdrawal).await;
        let signed: Signatures = serde_json::from_str(&signed).unwrap();
        assert_eq!(wallet.payer.withdrawn(&wallet.mint, reserve, &signed.signatures).unwrap().minor(), 100);

        deals += 1;
        let deposit = wallet.pay(&market, &shop, deal(deals), 63);
        let answer = next.ask(&market, fault, "/deposits", &deposit).await;
        let _: DepositAnswer = serde_json::from_str(&answer).unwrap();
        assert_eq!(market.post("/deposits", &deposit).await, (200, answer), "the same bytes");
        wallet.payer.settled(&deal(deals));

        let books = market.assert_balanced().await;
        assert_eq!((books.received, books.issued), (u64::from(deals) * 100, u64::from(deals) * 100));
        assert_eq!((books.spent, books.owed), (u64::from(deals) * 63, u64::from(deals) * 63));
    }
    wallet.refresh(&market).await;
    market.assert_balanced().await;
}
