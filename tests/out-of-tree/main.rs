//! A market with a payment module that the project does not know: the template, copied and renamed.
//!
//! The merchant and the wallet are the real ones. Prints what became of the purchase as one line of JSON.

mod barter;

use std::path::Path;
use std::sync::Arc;

use barter::{BarterPayee, BarterPayer};
use semper_server::http::{ServerSettings, Shutdown};
use semper_server::merchant::{Config, catalogue, start_with_modules};
use semper_shared::items::payment::ModuleId;
use semper_tests::goods;
use semper_wallet::core::{Kdf, Progress, Wallet};
use semper_wallet::native::{Computer, MemoryStore};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = std::env::args().nth(1).ok_or("say where the shop may keep its books")?;
    tokio::runtime::Runtime::new()?.block_on(run(Path::new(&folder)))
}

async fn run(folder: &Path) -> Outcome {
    let config = shop(folder)?;
    let url = config.server.public_url.clone();
    let (_trigger, shutdown) = Shutdown::new();
    let _running = start_with_modules(&config, vec![Arc::new(BarterPayee)], |_| {}, &shutdown).await?;

    let ports = Computer::with_store(MemoryStore::default()).map_err(|error| format!("{error:?}"))?;
    let mut wallet = Wallet::new(ports).with_kdf(Kdf::KEY_FILE).with_module(|| Box::new(BarterPayer));
    let words = wallet.make_words()?;
    wallet.create(&words, "of no importance here").await?;
    let review = wallet.review(&format!("{url}/offers/article")).await?;
    let module = ModuleId::new("barter").ok_or("a name")?;
    let bought = wallet.pay(&review.offer_digest, &module, Progress::none()).await?;
    let deals = wallet.deals().await?;
    let evidence = wallet.evidence(&bought.deal).await?;
    let text = json!({ "methods": review.methods, "bought": bought, "deals": deals, "evidence": evidence });
    println!("{text}");
    Ok(())
}

fn shop(folder: &Path) -> Outcome<Config> {
    let goods = folder.join("goods");
    goods::write(&goods).map_err(|error| error.to_string())?;
    let data = folder.join("merchant");
    catalogue::import(&data, None, &goods, &[], &mut |_| {})?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let mut config: Config = serde_json::from_value(json!({ "data": data, "name": "The shop" }))?;
    config.server = ServerSettings {
        listen: ([127, 0, 0, 1], port).into(),
        public_url: format!("http://localhost:{port}"),
        ..ServerSettings::default()
    };
    Ok(config)
}
