//! Two replicas of a merchant on one database, to which the same customer speaks at once.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use semper_shared::commerce::Offer;
use semper_shared::security::Portable;
use serde_json::{Value, json};

use super::catalogue::{Generator, import};
use super::testing::{accept, config, order, write_goods};
use super::*;
use crate::store::testing::{Place, postgres};

struct Replicas {
    place: Place,
    config: Config,
    urls: [String; 2],
    client: reqwest::Client,
    _running: Vec<(Running, http::ShutdownTrigger)>,
}

impl Replicas {
    /// Starts both at once on an empty database and a new folder, but for the goods. The second one grants other terms.
    async fn start() -> Self {
        let place = postgres().await;
        let (data, goods) = (place.folder.path().join("merchant"), place.folder.path().join("goods"));
        write_goods(&goods);
        let numbers = Generator { name: "numbers", edition: "1", write: &|out| out.write_all(b"1") };
        import(&data, place.config.url.as_ref(), &goods, &[numbers], &mut |_| {}).unwrap();
        let one = Config { store: place.config.url.clone(), ..config(&data) };
        let two = config(&data);
        let server = http::ServerSettings { public_url: one.server.public_url.clone(), ..two.server };
        let two = Config { server, refund_days: 30, ..one.clone() };
        let urls = [&one, &two].map(|config| format!("http://{}", config.server.listen));
        let ((stop_one, one_stops), (stop_two, two_stops)) = (Shutdown::new(), Shutdown::new());
        let (first, second) = tokio::join!(start(&one, &one_stops), start(&two, &two_stops));
        let running = vec![(first.unwrap(), stop_one), (second.unwrap(), stop_two)];
        Self { place, config: one, urls, client: reqwest::Client::new(), _running: running }
    }

    async fn offer(&self, at: usize) -> semper_shared::items::statement::Signed<Offer> {
        let compact = self.client.get(format!("{}/offers/course", self.urls[at])).send().await.unwrap();
        let compact = compact.text().await.unwrap();
        Offer::verify(&compact, self.config.server.public_url.trim_end_matches('/'), clock::now(), &Portable).unwrap()
    }

    async fn post(&self, at: usize, body: &impl serde::Serialize) -> (u16, String) {
        let answer = self.client.post(format!("{}/deals", self.urls[at])).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_give_one_receipt_and_honour_each_other_s_offers() {
    let replicas = Replicas::start().await;
    let offers = [replicas.offer(0).await, replicas.offer(1).await];
    assert_eq!(offers[0].merchant.key, offers[1].merchant.key, "they are one merchant");
    assert_ne!(offers[0].digest(), offers[1].digest());
    for round in 0..6 {
        let (wallet, mut body) = order(&offers[round % 2]);
        let ((status_one, one), (status_two, two)) = tokio::join!(replicas.post(0, &body), replicas.post(1, &body));
        assert_eq!((status_one, status_two), (200, 200), "{one} {two}");
        assert_eq!(one, two, "what was stored first is everybody's answer");
        accept(&wallet, &one);
        if let Some(payment) = &mut body.payment {
            payment.body["more"] = json!(1);
        }
        let (status, answer) = replicas.post(round % 2, &body).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!((status, &answer["code"]), (409, &json!("request-conflict")), "another payment for the same deal");
    }
    let count = |sql: &str| replicas.place.database.as_ref().unwrap().number(sql).unwrap();
    assert_eq!((count("SELECT count(*) FROM merchant.deal"), count("SELECT count(*) FROM merchant.outcome")), (6, 6));
}
