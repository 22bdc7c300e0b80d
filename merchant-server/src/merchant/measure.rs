//! Figures, not tests: `cargo nextest run -p semper-server merchant::measure --run-ignored all --no-capture`.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::cast_precision_loss)]

use std::fs;
use std::time::Instant;

use semper_shared::commerce::deal::Opened;
use semper_shared::foundation::Digest;
use semper_shared::items::payment::Settlement;
use semper_shared::items::payment::ecash::{Confirmation, EcashBody, Permission};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Signer as _, SigningKey};

use super::store::{Ending, NewDeal, NewOffer, Paid, Store};
use super::testing::{Shop, order};
use super::*;
use crate::crypto::{NativeSigner, system_rng};

const DEALS: u64 = 2_000;

/// What a purchase with two coins costs the merchant: processor time of each step, and bytes in the store.
#[tokio::test]
#[ignore = "prints figures"]
async fn a_purchase() {
    let shop = Shop::open().await;
    for good in ["data", "course"] {
        let offer = shop.offer(good).await;
        let (key, mint) = (NativeSigner::make().unwrap(), NativeSigner::make().unwrap());
        let verifier = Native::new().unwrap();
        // The offer as one of this key's own.
        let mut payload = offer.payload().clone();
        payload.merchant.key = key.public_key().clone();
        let offer = Signed::sign(payload, &key);
        let folder = tempfile::tempdir().unwrap();
        let store = sql::open(folder.path(), None, None).await.unwrap();
        let new = NewOffer {
            digest: offer.digest(),
            good: good.to_owned(),
            compact: offer.compact().to_owned(),
            expires_at: offer.expires_at,
        };
        let serial = store.add_offers(vec![new]).await.unwrap()[0];
        let keys: Vec<_> = offer
            .delivery
            .parts
            .iter()
            .map(|part| (part.name.clone(), semper_shared::items::information::ContentKey::make(&mut system_rng())))
            .collect();
        let mut spent = [0.0; 4];
        let (mut texts, mut deals) = (0, Vec::new());
        for _ in 0..DEALS {
            let (wallet, body) = order(&offer);
            let now = clock::now();
            let started = Instant::now();
            let opened = Opened::open(&body.order, &offer, now, &verifier).unwrap();
            spent[0] += started.elapsed().as_secs_f64();
            let (confirmation, payment) = paid(&wallet.bill(), &mint);
            let settlement = Settlement {
                paid: offer.total,
                owed: None,
                proofs: vec![confirmation.digest()],
                statements: vec![confirmation.compact().to_owned()],
            };
            let started = Instant::now();
            let closed = opened.close(Some(&settlement), &keys, &key, now, &mut system_rng()).unwrap();
            spent[1] += started.elapsed().as_secs_f64();
            let paid = Paid {
                receipt: closed.receipt.compact().to_owned(),
                delivery: closed.delivery.compact().to_owned(),
                proofs: settlement.statements,
            };
            texts += body.order.as_str().len() + paid.receipt.len() + paid.delivery.len() + paid.proofs[0].len();
            let deal = NewDeal {
                deal: wallet.deal(),
                offer: serial,
                request: Digest::of(b"request"),
                order: body.order.as_str().to_owned(),
                payment: Some(payment),
                opened_at: now,
            };
            deals.push((deal, Ending::Paid(paid)));
        }
        // Forty at a time, as under load.
        for chunk in deals.chunks(40) {
            let started = Instant::now();
            let opening = chunk.iter().map(|(deal, _)| store.open_deal(deal.clone(), None));
            futures_util::future::try_join_all(opening).await.unwrap();
            spent[2] += started.elapsed().as_secs_f64();
            let started = Instant::now();
            let ending = chunk.iter().map(|(deal, ending)| store.end_deal(deal.deal, ending.clone(), clock::now()));
            futures_util::future::try_join_all(ending).await.unwrap();
            spent[3] += started.elapsed().as_secs_f64();
        }
        drop(store);
        let bytes = fs::metadata(folder.path().join("merchant.sqlite")).unwrap().len();
        let us = |seconds: f64| seconds * 1e6 / DEALS as f64;
        println!(
            "{good} ({} parts): open {:.0} us, close {:.0} us, store ordered {:.0} us, store delivered {:.0} us; \
             statements {} bytes, store {} bytes a purchase",
            keys.len(),
            us(spent[0]),
            us(spent[1]),
            us(spent[2]),
            us(spent[3]),
            texts as u64 / DEALS,
            bytes / DEALS
        );
    }
    let mut fsync = crate::store::sqlite::probe::fdatasync_times(shop.folder.path(), 50).unwrap();
    fsync.sort();
    println!("fdatasync: median {} us", fsync[25].as_micros());
}

fn paid(bill: &semper_shared::items::payment::Bill, mint: &NativeSigner) -> (Signed<Confirmation>, String) {
    let permission = Permission {
        mint: mint.public_key().thumbprint(),
        merchant: bill.payee,
        deal: bill.deal,
        amount: bill.total,
        denomination: bill.deal,
        signature: [1; 256],
        refund_by: bill.refund_by,
    };
    let coin = SigningKey::from_bytes(&[3; 32]).unwrap();
    let permission = Signed::sign_self_keyed(permission, &coin);
    let confirmation = Confirmation {
        mint: mint.public_key().thumbprint(),
        merchant: bill.payee,
        deal: bill.deal,
        amount: bill.total,
        permissions: vec![permission.digest(); 2],
        wire_by: bill.refund_by,
        confirmed_at: bill.refund_by,
    };
    let body = EcashBody { mint: mint.public_key().thumbprint(), permissions: vec![permission.to_compact(); 2] };
    (Signed::sign(confirmation, mint), serde_json::to_string(&body).unwrap())
}
