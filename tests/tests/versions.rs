//! Wallets and servers of different versions: they pay, or say why not, over HTTP and with the real parties.
#![allow(missing_docs)]

#[path = "versions/ways.rs"]
mod ways;
#[path = "versions/world.rs"]
mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use semper_shared::foundation::{Code, Coded as _};
use semper_shared::items::payment::card::CardPayer;
use semper_shared::items::payment::{ErasedPayee, PayerModule};
use semper_tests::Outcome;
use semper_wallet::core::{MakePayer, WalletError};
use serde_json::{Value, json};

use ways::{Asking, BARTER, CARD, ECASH, Way, payee};
use world::{Shop, World, in_time, version_of};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a shop is handed, what it offers then, and what a wallet is handed.
type Side<'a> = (Vec<Arc<dyn ErasedPayee>>, &'a [(&'a str, u32)], &'a [MakePayer]);

/// What becomes of a purchase: the version that paid, or the code and the cause of the refusal.
async fn cell(world: &World, shop: &Shop, module: &str, newer: &[MakePayer]) -> Outcome<String> {
    let mut wallet = world.wallet(newer).await?;
    let review = wallet.review(&shop.offer()).await?;
    let way = review.methods.iter().find(|way| way.module.as_str() == module).ok_or("each module is explained")?;
    let told = (way.cause.unwrap_or_default(), way.reason.clone().unwrap_or_default());
    let chosen = way.module.clone();
    match world::pay(&mut wallet, &review.offer_digest, &chosen).await {
        Ok(deal) => Ok(format!("paid/{}", version_of(&wallet.evidence(&deal).await?, "semper-order+jwt")?)),
        Err(error) => {
            assert!(wallet.deals().await?.is_empty(), "nothing was ordered");
            Ok(format!("{} {} {}", error.code(), told.0, told.1))
        }
    }
}

/// What is refused is refused for its version, which is named.
fn versions(ours: u32, theirs: u32) -> String {
    format!("module-unsupported version it is spoken here in version {ours}, there in version {theirs}")
}

#[test]
fn cash_of_old_and_new_wallets_and_servers() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        let new: Vec<Arc<dyn ErasedPayee>> = vec![payee::<ECASH, 2>()];
        let shops = [
            world.shop(&["mint"], Vec::new(), &[("ecash", 1)]).await?,
            world.shop(&[], new.clone(), &[("ecash", 2)]).await?,
            world.shop(&["mint"], new, &[("ecash", 1), ("ecash", 2)]).await?,
        ];
        let newer: &[MakePayer] = &[|| Box::new(Way::<ECASH, 2>)];
        let mut table = Vec::new();
        for wallet in [&[][..], newer] {
            for shop in &shops {
                table.push(cell(&world, shop, "ecash", wallet).await?);
            }
        }
        let expected = ["paid/1", &versions(1, 2), "paid/1", "paid/1", "paid/2", "paid/2"];
        assert_eq!(table, expected, "wallets [1], [1, 2] by shops [1], [2], [1, 2]");
        Ok(())
    })
}

#[test]
fn cards_of_a_shop_of_another_version() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        let shop = world.shop(&[], vec![payee::<CARD, 2>()], &[("card", 2)]).await?;
        let newer: &[MakePayer] = &[|| Box::new(Way::<CARD, 2>)];
        assert_eq!(
            cell(&world, &shop, "card", &[]).await?,
            versions(1, 2),
            "a wallet with a card, and version 1 alone"
        );
        assert_eq!(cell(&world, &shop, "card", newer).await?, "paid/2");
        Ok(())
    })
}

/// What becomes of a purchase by card: the version that paid, in version 1 through the gateway, which is asked for its own word.
async fn card_cell(world: &World, shop: &Shop, newer: &[MakePayer]) -> Outcome<String> {
    let mut wallet = world.wallet(newer).await?;
    let review = wallet.review(&shop.offer()).await?;
    let card = review.methods.iter().find(|way| way.usable && way.module.as_str() == "card");
    let card = card.ok_or("the card pays")?.module.clone();
    let since = Instant::now();
    let deal = loop {
        match world::pay(&mut wallet, &review.offer_digest, &card).await {
            // The gateway has only just met the shop, or is about to.
            Err(error) if error.code() == Code::OUTCOME_UNKNOWN && since.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            paid => break paid?,
        }
    };
    let evidence = wallet.evidence(&deal).await?;
    assert_eq!(wallet.deals().await?.len(), 1, "asked again, it is one deal");
    let version = version_of(&evidence, "semper-order+jwt")?;
    if version == 1 {
        let done = world::payload_of(&evidence, "semper-card-done+jwt")?;
        let url = format!("{}/authorisations/{}", world.gateway, done["common"].as_str().ok_or("an authorisation")?);
        let standing: Value = serde_json::from_str(&reqwest::get(url).await?.text().await?)?;
        assert_eq!((&standing["state"], &standing["captured_minor"]), (&json!("captured"), &json!(320)), "{standing}");
    }
    // The offer stays as it was signed, with what this wallet has never heard of.
    let offer = world::payload_of(&evidence, "semper-offer+jwt")?;
    let ways = offer["accepts"].as_array().ok_or("ways to pay")?;
    let first = ways.iter().find(|way| way["module"] == "card" && way["version"].as_u64().unwrap_or(1) == 1);
    assert_eq!(first.ok_or("version 1")?["parameters"]["instalments_of_the_future"], instalments());
    Ok(format!("paid/{version}"))
}

fn instalments() -> Value {
    json!({"months": [3, 6], "from": {"currency": "EUR", "minor": 300}})
}

/// Cards, a slip and a gateway as they are: what one side alone knows is left out, and the rest is paid.
#[test]
fn cards_are_paid_through_a_gateway_whatever_one_side_knows_beside() -> Outcome {
    in_time(async {
        let mut world = World::start().await?;
        let (mut shop, cards) = world.card_shop(("instalments_of_the_future", instalments())).await?;
        let newer: &[MakePayer] = &[|| Box::new(Way::<CARD, 2>)];
        let mut table = Vec::new();
        for wallet in [&[][..], newer] {
            table.push(card_cell(&world, &shop, wallet).await?);
        }
        shop.renew(vec![cards, payee::<CARD, 2>()], &[("card", 1), ("card", 2)]).await?;
        for wallet in [&[][..], newer] {
            table.push(card_cell(&world, &shop, wallet).await?);
        }
        let expected = ["paid/1", "paid/1", "paid/1", "paid/2"];
        assert_eq!(table, expected, "wallets [1], [1, 2] by shops [1 and a field], [1 and a field, 2]");
        Ok(())
    })
}

/// A module that neither side has from the beginning: every wallet meets every shop, also one that gave the old version up.
#[test]
fn a_further_module_in_every_combination() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        let sides: [Side<'_>; 3] = [
            (vec![payee::<BARTER, 1>()], &[("barter", 1)], &[|| Box::new(Way::<BARTER, 1>)]),
            (vec![payee::<BARTER, 2>()], &[("barter", 2)], &[|| Box::new(Way::<BARTER, 2>)]),
            (
                vec![payee::<BARTER, 1>(), payee::<BARTER, 2>()],
                &[("barter", 1), ("barter", 2)],
                &[|| Box::new(Way::<BARTER, 1>), || Box::new(Way::<BARTER, 2>)],
            ),
        ];
        let mut shops = Vec::new();
        for (payees, offered, _) in &sides {
            shops.push(world.shop(&[], payees.clone(), offered).await?);
        }
        let mut table = Vec::new();
        for (_, _, wallet) in &sides {
            for shop in &shops {
                table.push(cell(&world, shop, "barter", wallet).await?);
            }
        }
        let (older, newer) = (versions(1, 2), versions(2, 1));
        let expected = ["paid/1", &older, "paid/1", &newer, "paid/2", "paid/2", "paid/1", "paid/2", "paid/2"];
        assert_eq!(table, expected, "wallets [1], [2], [1, 2] by shops [1], [2], [1, 2]");
        Ok(())
    })
}

/// The shop gave the old version up after it had made the offer: the order is refused for good, and says so.
#[test]
fn an_order_that_comes_after_the_shop_was_renewed_is_refused() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        let mut shop = world.shop(&[], vec![payee::<BARTER, 1>()], &[("barter", 1)]).await?;
        let newer: &[MakePayer] = &[|| Box::new(Way::<BARTER, 1>)];
        let mut wallet = world.wallet(newer).await?;
        let review = wallet.review(&shop.offer()).await?;
        shop.renew(vec![payee::<BARTER, 2>()], &[("barter", 2)]).await?;
        let module = review.methods.iter().find(|way| way.module.as_str() == "barter").ok_or("barter")?.module.clone();
        let refused = world::pay(&mut wallet, &review.offer_digest, &module).await;
        assert_eq!(refused.map_err(|error| error.code().as_str()), Err("module-unsupported"));
        let deals = serde_json::to_value(wallet.deals().await?)?;
        assert_eq!(deals[0]["state"], "refused");
        Ok(())
    })
}

/// What must be understood and is not, is refused by its name; what need not be is kept as it was signed.
#[test]
fn unknown_critical_members_are_refused_and_optional_ones_are_preserved() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        // The offer asks for an extension that the wallet does not know.
        let asks = Asking { critical: &["haggling"], ..Asking::of(world.cash().await?) };
        let shop = world.shop(&["mint"], vec![Arc::new(asks)], &[("ecash", 1)]).await?;
        let told = cell(&world, &shop, "ecash", &[]).await?;
        let named =
            "module-unsupported critical the shop asks for an extension of it that this wallet does not know: haggling";
        assert_eq!(told, named);
        // The payment carries one that the shop does not know.
        let shop = world.shop(&[], vec![payee::<BARTER, 1>()], &[("barter", 1)]).await?;
        let haggler: &[MakePayer] = &[|| Box::new(ways::Haggler)];
        let mut wallet = world.wallet(haggler).await?;
        let review = wallet.review(&shop.offer()).await?;
        let module = review.methods.iter().find(|way| way.module.as_str() == "barter").ok_or("barter")?.module.clone();
        let refused = world::pay(&mut wallet, &review.offer_digest, &module).await;
        assert_eq!(refused.map_err(|error| error.code().as_str()), Err("module-unsupported"));
        // The offer says something of cash that this wallet has never heard of: it pays, and keeps the offer as it was signed.
        let says = Asking {
            further: Some(("discount_of_the_future", json!({"percent": 3}))),
            ..Asking::of(world.cash().await?)
        };
        let shop = world.shop(&["mint"], vec![Arc::new(says)], &[("ecash", 1)]).await?;
        let mut wallet = world.wallet(&[]).await?;
        let review = wallet.review(&shop.offer()).await?;
        let module = review.methods.iter().find(|way| way.usable).ok_or("cash pays")?.module.clone();
        let deal = world::pay(&mut wallet, &review.offer_digest, &module).await?;
        let offer = world::payload_of(&wallet.evidence(&deal).await?, "semper-offer+jwt")?;
        let cash = offer["accepts"].as_array().and_then(|ways| ways.iter().find(|way| way["module"] == "ecash"));
        assert_eq!(cash.ok_or("cash")?["parameters"]["discount_of_the_future"]["percent"], 3);
        Ok(())
    })
}

/// Mints and gateways that have gone on to another version: the wallet says so before it sends anything, and the shop's
/// log says why it offers nothing of them. One that has both is worked with.
#[test]
fn mints_and_gateways_of_another_version() -> Outcome {
    in_time(async {
        let world = World::start().await?;
        let mut wallet = world.wallet(&[]).await?;
        let (next_mint, next_gateway) = (world.mint_of(&[2]).await?, world.gateway_of(&[2]).await?);
        let refused = wallet.mint_info(&next_mint).await.map(|_| ());
        let said = |error: WalletError| (error.code().as_str(), error.to_string());
        let (code, text) = refused.map_err(said).err().ok_or("the mint is refused")?;
        assert_eq!(code, "module-unsupported");
        assert!(text.contains("in version 1, there in version 2"), "{text}");
        let refused = wallet.add_card("4242424242424242", "12/38", &next_gateway).await.map(|_| ());
        let (code, text) = refused.map_err(said).err().ok_or("the gateway is refused")?;
        assert_eq!(code, "module-unsupported");
        assert!(text.contains("in version 1, there in version 2"), "{text}");
        let cards = wallet.cards().await?;
        assert_eq!(cards.len(), 1, "the number stays with the one gateway that has it: {cards:?}");

        // Where both are spoken, nothing is refused for its version: this one has no keys, and no cards are enrolled there.
        let (both, both_cards) = (world.mint_of(&[1, 2]).await?, world.gateway_of(&[1, 2]).await?);
        for error in [
            wallet.mint_info(&both).await.map(|_| ()).err().ok_or("no keys")?,
            wallet.add_card("4242424242424242", "12/38", &both_cards).await.map(|_| ()).err().ok_or("no address")?,
        ] {
            assert_ne!(error.code().as_str(), "module-unsupported", "{error}");
        }

        // A shop that was told to work with them opens, and takes what it has else.
        let shop = world.shop_with(&next_mint, &next_gateway).await?;
        let review = wallet.review(&shop.offer()).await?;
        let offered: Vec<_> = review.offer.accepts.iter().map(|way| way.module.as_str()).collect();
        assert_eq!(offered, ["barter"]);
        assert_eq!(CardPayer::VERSION, 1, "the versions above are other ones");
        Ok(())
    })
}
