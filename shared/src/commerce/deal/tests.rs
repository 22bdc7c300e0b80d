//! A deal from offer to acknowledgement, and what must be refused on the way.

use getrandom::SysRng;
use rand_core::UnwrapErr;

use super::*;
use crate::commerce::offer::{DeliveryTerms, Exchange, Item, Merchant, Offer, Part, Terms, vat_included};
use crate::foundation::{Amount, Code, Coded, Currency, Digest, UnixSeconds};
use crate::items::information::{ContentKey, Sealer};
use crate::items::payment::dummy::{DummyPayee, DummyPayer};
use crate::items::payment::{ErasedPayer, ModuleId, Registry, Settlement, Step};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, Signer, SigningKey};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const NOW: UnixSeconds = UnixSeconds(1_000_000);
const SHOP: &str = "http://localhost:8480";

fn merchant_key() -> Outcome<SigningKey> {
    Ok(SigningKey::from_bytes(&[7; 32])?)
}

fn content_key() -> ContentKey {
    ContentKey::from_bytes([4; 16])
}

fn offer(price: &str) -> Outcome<Offer> {
    let total = Amount::parse_decimal(price, Currency::EUR)?;
    let items = vec![Item { title: "An article".into(), quantity: 1, price: total, vat_rate_bp: 700 }];
    let mut sealer = Sealer::new(&content_key(), [1; 16], "text/html".into());
    sealer.push(b"<p>Good.</p>")?;
    let (_, commitment) = sealer.finish()?;
    let accepts = if total.is_zero() { Vec::new() } else { Registry::new().with(DummyPayee).acceptances() };
    Ok(Offer {
        merchant: Merchant {
            name: "Shop".into(),
            url: SHOP.into(),
            jurisdiction: None,
            key: merchant_key()?.public_key().clone(),
        },
        good: "article".into(),
        title: "An article".into(),
        summary: "It is good.".into(),
        kind: None,
        language: "en".into(),
        vat: vat_included(&items, total)?,
        items,
        total,
        terms: Terms::new("No terms."),
        refund_days: 14,
        delivery: DeliveryTerms {
            parts: vec![Part {
                name: "a.html".into(),
                title: "Article".into(),
                url: format!("{SHOP}/content/x"),
                commitment,
            }],
        },
        accepts,
        split: Vec::new(),
        exchange: Exchange::Plain,
        jurisdictions: Vec::new(),
        issued_at: NOW,
        expires_at: NOW.plus(1_000),
    })
}

fn signed(offer: Offer) -> Outcome<Signed<Offer>> {
    let signed = Signed::sign(offer, &merchant_key()?);
    Ok(Offer::verify(signed.compact(), SHOP, NOW, &Portable)?)
}

fn ordered(offer: &Signed<Offer>, module: &str) -> Outcome<AwaitReceipt> {
    let mut rng = UnwrapErr(SysRng);
    let module = ModuleId::new(module).ok_or("a module's name")?;
    Ok(Draft::new(offer.clone(), SigningKey::make(&mut rng)).order(module, NOW, &mut rng)?)
}

fn settled(buyer: &AwaitReceipt) -> Outcome<Settlement> {
    let mut rng = UnwrapErr(SysRng);
    let payment = ErasedPayer::pay(&mut DummyPayer, &buyer.bill(), &buyer.offer().accepts[0], NOW, &mut rng)?;
    match Registry::new().with(DummyPayee).check(&buyer.bill(), &payment, NOW)? {
        Step::Settled(settlement) => Ok(settlement),
        Step::Ask(_) => Err("the dummy module asks nobody".into()),
    }
}

fn status(closed: &Closed, deal: Digest) -> DealStatus {
    DealStatus {
        refunds: Vec::new(),
        deal,
        state: State::Delivered,
        receipt: Some(closed.receipt.to_compact()),
        delivery: Some(closed.delivery.to_compact()),
        proofs: Vec::new(),
    }
}

#[test]
fn a_deal_runs_from_offer_to_acknowledgement() -> Outcome {
    let offer = signed(offer("3.20")?)?;
    let buyer = ordered(&offer, "dummy")?;
    let seller = Opened::open(&buyer.order().to_compact(), &offer, NOW, &Portable)?;
    assert_eq!(seller.deal(), buyer.deal());
    assert_eq!(*seller.bill(), buyer.bill());

    let keys = [("a.html".to_owned(), content_key())];
    let settlement = settled(&buyer)?;
    let closed = seller.close(Some(&settlement), &keys, &merchant_key()?, NOW, &mut UnwrapErr(SysRng))?;
    let delivered = buyer.accept(&status(&closed, buyer.deal()), &Portable)?;
    assert_eq!(delivered.keys[0].1.as_bytes(), content_key().as_bytes());

    let acknowledgement = delivered.acknowledge(NOW);
    seller.acknowledged(&acknowledgement.to_compact(), &closed.receipt.digest(), &Portable)?;
    Ok(())
}

#[test]
fn a_free_good_needs_no_payment() -> Outcome {
    let offer = signed(offer("0.00")?)?;
    let buyer = ordered(&offer, "none")?;
    let seller = Opened::open(&buyer.order().to_compact(), &offer, NOW, &Portable)?;
    let keys = [("a.html".to_owned(), content_key())];
    let closed = seller.close(None, &keys, &merchant_key()?, NOW, &mut UnwrapErr(SysRng))?;
    buyer.accept(&status(&closed, buyer.deal()), &Portable)?;
    Ok(())
}

#[test]
fn goods_are_not_given_for_less() -> Outcome {
    let offer = signed(offer("3.20")?)?;
    let buyer = ordered(&offer, "dummy")?;
    let seller = Opened::open(&buyer.order().to_compact(), &offer, NOW, &Portable)?;
    let less = Settlement { paid: Amount::parse_decimal("3.19", Currency::EUR)?, ..settled(&buyer)? };
    for settlement in [None, Some(&less)] {
        assert!(seller.close(settlement, &[], &merchant_key()?, NOW, &mut UnwrapErr(SysRng)).is_err());
    }
    Ok(())
}

#[test]
fn an_offer_that_contradicts_itself_is_refused() -> Outcome {
    type Change = fn(&mut Offer);
    let cents = |minor| Amount::new(Currency::EUR, minor);
    let changes: [(&str, Change); 10] = [
        ("total", |offer| offer.total = offer.vat),
        ("vat", |offer| offer.vat = offer.total),
        ("terms", |offer| offer.terms.text.push('!')),
        ("title", |offer| offer.title.clear()),
        ("items", |offer| offer.items.clear()),
        ("expiry", |offer| offer.expires_at = offer.issued_at),
        ("accepts", |offer| offer.accepts.clear()),
        ("twice", |offer| offer.accepts.push(offer.accepts[0].clone())),
        ("path", |offer| offer.delivery.parts[0].name = "../a.html".into()),
        ("parts", |offer| offer.delivery.parts.push(offer.delivery.parts[0].clone())),
    ];
    assert_eq!(cents(21)?, offer("3.20")?.vat, "7 % included in 3.20");
    for (name, change) in changes {
        let mut changed = offer("3.20")?;
        change(&mut changed);
        let refused = Offer::verify(Signed::sign(changed, &merchant_key()?).compact(), SHOP, NOW, &Portable);
        assert_eq!(refused.err().map(|error| error.code()), Some(Code::OFFER_INVALID), "{name}");
    }
    Ok(())
}

#[test]
fn an_offer_is_good_for_its_shop_and_time() -> Outcome {
    let signed = Signed::sign(offer("3.20")?, &merchant_key()?);
    let verify = |origin, now| Offer::verify(signed.compact(), origin, now, &Portable).err().map(|error| error.code());
    assert_eq!(verify(SHOP, NOW.plus(1_000)), None);
    assert_eq!(verify(SHOP, NOW.plus(1_001)), Some(Code::OFFER_EXPIRED));
    assert_eq!(verify(SHOP, UnixSeconds(signed.issued_at.0 - 300)), None, "clocks may differ by so much");
    assert_eq!(verify(SHOP, UnixSeconds(signed.issued_at.0 - 301)), Some(Code::OFFER_EARLY));
    assert_eq!(verify("http://evil.example", NOW), Some(Code::MERCHANT_MISMATCH));
    let forged = Signed::sign(offer("3.20")?, &SigningKey::from_bytes(&[8; 32])?);
    let refused = Offer::verify(forged.compact(), SHOP, NOW, &Portable).err().map(|error| error.code());
    assert_eq!(refused, Some(Code::SIGNATURE_INVALID));
    Ok(())
}

#[test]
fn an_order_must_fit_its_offer() -> Outcome {
    let this = signed(offer("3.20")?)?;
    let other = signed(offer("1.00")?)?;
    let key = SigningKey::from_bytes(&[3; 32])?;
    let good = ordered(&this, "dummy")?.order().payload().clone();
    let cheaper = other.total;
    let cases: Vec<(Code, Order, UnixSeconds)> = vec![
        (Code::ORDER_INVALID, Order { offer: other.digest(), ..good.clone() }, NOW),
        (Code::PRICE_MISMATCH, Order { total: cheaper, ..good.clone() }, NOW),
        (Code::MODULE_UNSUPPORTED, Order { module: ModuleId::none(), ..good.clone() }, NOW),
        (Code::OFFER_EXPIRED, Order { ordered_at: NOW.plus(1_001), ..good.clone() }, NOW.plus(1_001)),
        (Code::ORDER_INVALID, Order { ordered_at: NOW.plus(900), ..good.clone() }, NOW),
        (Code::ORDER_INVALID, Order { ordered_at: UnixSeconds(0), ..good.clone() }, NOW),
    ];
    let open = |order: &Compact<Order>, now| Opened::open(order, &this, now, &Portable).err().map(|error| error.code());
    for (number, (code, order, now)) in cases.into_iter().enumerate() {
        assert_eq!(open(&Signed::sign_self_keyed(order, &key).to_compact(), now), Some(code), "case {number}");
    }
    let in_time = Signed::sign_self_keyed(good.clone(), &key).to_compact();
    assert_eq!(open(&in_time, NOW.plus(100_000)), None, "an order that was made in time may arrive again much later");
    let first = Opened::open(&in_time, &this, NOW, &Portable)?;
    let ordered_at = first.order().ordered_at;
    assert_eq!(first.check_age(ordered_at.plus(1_200)), Ok(()));
    assert_eq!(first.check_age(ordered_at.plus(1_201)), Err(DealError::Stale), "and not for the first time");
    let without_key = Signed::sign(good, &key).to_compact();
    assert_eq!(open(&without_key, NOW), Some(Code::STATEMENT_MALFORMED));
    Ok(())
}

#[test]
fn a_customer_takes_only_what_was_ordered() -> Outcome {
    let offer = signed(offer("3.20")?)?;
    let (buyer, stranger) = (ordered(&offer, "dummy")?, ordered(&offer, "dummy")?);
    assert_ne!(buyer.deal(), stranger.deal(), "two orders of one offer are two deals");
    let keys = [("a.html".to_owned(), content_key())];
    let wrong = [("a.html".to_owned(), ContentKey::from_bytes([5; 16]))];
    let close = |buyer: &AwaitReceipt, keys: &[(String, ContentKey)], signer: &SigningKey| -> Outcome<Closed> {
        let seller = Opened::open(&buyer.order().to_compact(), &offer, NOW, &Portable)?;
        Ok(seller.close(Some(&settled(buyer)?), keys, signer, NOW, &mut UnwrapErr(SysRng))?)
    };
    let refused =
        |closed: &Closed| buyer.accept(&status(closed, buyer.deal()), &Portable).err().map(|error| error.code());
    let (shop, forger) = (merchant_key()?, SigningKey::from_bytes(&[8; 32])?);

    assert_eq!(refused(&close(&buyer, &keys, &shop)?), None);
    assert_eq!(refused(&close(&stranger, &keys, &shop)?), Some(Code::RECEIPT_INVALID), "another deal's receipt");
    assert_eq!(refused(&close(&buyer, &[], &shop)?), Some(Code::DELIVERY_INVALID), "no key");
    assert_eq!(refused(&close(&buyer, &wrong, &shop)?), Some(Code::DELIVERY_INVALID), "not the key that was offered");
    assert_eq!(refused(&close(&buyer, &keys, &forger)?), Some(Code::SIGNATURE_INVALID), "not the merchant's word");
    let mixed =
        Closed { receipt: close(&buyer, &keys, &shop)?.receipt, delivery: close(&stranger, &keys, &shop)?.delivery };
    assert_eq!(refused(&mixed), Some(Code::DELIVERY_INVALID), "another deal's keys");
    Ok(())
}

#[test]
fn states_change_as_the_table_says() {
    use {Event as E, State as S};
    let table = [
        (S::Ordered, E::Refuse, Some(S::Refused)),
        (S::Ordered, E::Settle, Some(S::Delivered)),
        (S::Ordered, E::Acknowledge, None),
        (S::Delivered, E::Refuse, None),
        (S::Delivered, E::Settle, Some(S::Delivered)),
        (S::Delivered, E::Acknowledge, Some(S::Acknowledged)),
        (S::Acknowledged, E::Refuse, None),
        (S::Acknowledged, E::Settle, Some(S::Acknowledged)),
        (S::Acknowledged, E::Acknowledge, Some(S::Acknowledged)),
        (S::Refused, E::Refuse, Some(S::Refused)),
        (S::Refused, E::Settle, None),
        (S::Refused, E::Acknowledge, None),
        (S::Ordered, E::Refund, None),
        (S::Delivered, E::Refund, Some(S::Delivered)),
        (S::Acknowledged, E::Refund, Some(S::Acknowledged)),
        (S::Refused, E::Refund, None),
    ];
    for (state, event, after) in table {
        assert_eq!(transition(state, event), after, "{state:?} {event:?}");
    }
}
