//! What the merchant's tests share: a catalogue, a running shop, and a customer.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use semper_shared::commerce::deal::{AwaitReceipt, DealBody, Delivered, Draft};
use semper_shared::commerce::offer::Offer;
use semper_shared::foundation::Digest;
use semper_shared::items::payment::dummy::DummyPayer;
use semper_shared::items::payment::{ErasedPayer, ModuleId, Payment};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Portable, SigningKey};
use serde_json::Value;
use tempfile::TempDir;

use super::catalogue::{Generator, Imported, import};
use super::{Config, start};
use crate::clock;
use crate::crypto::system_rng;
use crate::http::{Running, ServerSettings, Shutdown, ShutdownTrigger};
use crate::store::sqlite::released;

/// A good of two parts for 3.20, one that is free, and one that is generated.
pub(super) fn write_goods(folder: &Path) {
    fs::create_dir_all(folder.join("parts")).unwrap();
    fs::create_dir_all(folder.join("pictures")).unwrap();
    fs::write(folder.join("parts/one.html"), "<p>One</p>").unwrap();
    fs::write(folder.join("parts/two.txt"), "Two".repeat(50_000)).unwrap();
    fs::write(folder.join("pictures/cover.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
    fs::write(folder.join("course.md"), COURSE).unwrap();
    fs::write(folder.join("guide.md"), GUIDE).unwrap();
    fs::write(folder.join("data.md"), DATA).unwrap();
}

pub(super) const COURSE: &str = r#"+++
id = "course"
title = "A course"
summary = "In two lessons."
kind = "course"
language = "en"
price = "3.20"
currency = "EUR"
vat_rate = "7"
picture = "pictures/cover.svg"
picture_alt = "Nothing at all."
byline = "The desk"
minutes = 6
order = 20
[[part]]
file = "parts/one.html"
title = "Lesson one"
media_type = "text/html"
[[part]]
file = "parts/two.txt"
title = "Lesson two"
+++
A *course* with <script>alert(1)</script> [a link](javascript:alert(1)).
"#;

const GUIDE: &str = r#"+++
id = "guide"
title = "A guide"
summary = "It is free."
price = "0.00"
vat_rate = "7"
order = 10
[[part]]
file = "parts/one.html"
name = "guide.html"
+++
Free.
"#;

const DATA: &str = r#"+++
id = "data"
title = "Data"
summary = "Many numbers."
kind = "data"
price = "1.00"
vat_rate = "19"
[[part]]
generate = "numbers"
name = "numbers.csv"
+++
Numbers.
"#;

pub(super) fn import_goods(data: &Path, goods: &Path) -> Imported {
    let numbers = Generator {
        name: "numbers",
        edition: "1",
        write: &|out| (0..100_000).try_for_each(|number| writeln!(out, "{number}")),
    };
    import(data, None, goods, &[numbers], &mut |_| {}).unwrap()
}

/// A shop on a free port, whose folder outlives it.
pub(super) struct Shop {
    pub(super) folder: TempDir,
    pub(super) config: Config,
    pub(super) client: reqwest::Client,
    running: Option<(Running, ShutdownTrigger)>,
}

impl Shop {
    /// A shop that takes promises for money.
    pub(super) async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        write_goods(&folder.path().join("goods"));
        let data = folder.path().join("merchant");
        import_goods(&data, &folder.path().join("goods"));
        let mut shop = Self { config: config(&data), folder, client: reqwest::Client::new(), running: None };
        shop.start().await;
        shop
    }

    pub(super) async fn start(&mut self) {
        let (trigger, shutdown) = Shutdown::new();
        self.running = Some((start(&self.config, &shutdown).await.unwrap(), trigger));
    }

    /// Stops it and waits until it has let go of its store.
    pub(super) async fn stop(&mut self) {
        let (running, trigger) = self.running.take().unwrap();
        trigger.stop();
        // Connections that are kept open would be waited for.
        self.client = reqwest::Client::new();
        running.stopped().await;
        released(&self.config.data.join("merchant.sqlite")).await.unwrap();
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.config.server.public_url)
    }

    pub(super) async fn get(&self, path: &str) -> reqwest::Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(super) async fn offer(&self, good: &str) -> Signed<Offer> {
        let compact = self.get(&format!("/offers/{good}")).await.text().await.unwrap();
        Offer::verify(&compact, &self.config.server.public_url, clock::now(), &Portable).unwrap()
    }

    /// Sends an order; the answer's status and body.
    pub(super) async fn post(&self, body: &impl serde::Serialize) -> (u16, String) {
        let answer = self.client.post(self.url("/deals")).json(body).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }
}

/// The operator's token.
pub(super) const ADMIN: &str = "operator-0123456789";

pub(super) fn config(data: &Path) -> Config {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = ServerSettings {
        listen: ([127, 0, 0, 1], port).into(),
        public_url: format!("http://localhost:{port}"),
        ..ServerSettings::default()
    };
    Config {
        data: data.to_owned(),
        store: None,
        server,
        name: "Meridian".to_owned(),
        currency: semper_shared::foundation::Currency::EUR,
        mints: Vec::new(),
        payout: None,
        refund_days: 14,
        jurisdictions: Vec::new(),
        jurisdiction: None,
        policy: None,
        policy_key: None,
        contact: None,
        gateway: None,
        account: None,
        admin_token_hash: Some(Digest::of(ADMIN.as_bytes())),
        dummy_payments: true,
    }
}

/// An order of `offer`, with the promise that pays it where it costs anything.
pub(super) fn order(offer: &Signed<Offer>) -> (AwaitReceipt, DealBody) {
    let mut rng = system_rng();
    let module = offer.accepts.first().map_or_else(ModuleId::none, |accepted| accepted.module.clone());
    let wallet = Draft::new(offer.clone(), SigningKey::make(&mut rng)).order(module, clock::now(), &mut rng).unwrap();
    let payment = offer.accepts.first().map(|accepted| {
        let payment: Payment = DummyPayer.pay(&wallet.bill(), accepted, clock::now(), &mut rng).unwrap();
        payment
    });
    let body = DealBody { order: wallet.order().to_compact(), payment };
    (wallet, body)
}

/// What the customer makes of an answer.
pub(super) fn accept(wallet: &AwaitReceipt, answer: &str) -> Delivered {
    wallet.accept(&serde_json::from_str(answer).unwrap(), &Portable).unwrap()
}
