//! A payment at each level, and what each party may try.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use getrandom::SysRng;
use proptest::prelude::*;
use rand_core::UnwrapErr;

use super::slip::Envelope;
use super::*;
use crate::foundation::{Amount, Code, Coded as _, Currency, Digest, UnixSeconds};
use crate::items::payment::{self, Bill, ErasedPayee, PayeeModule, PayerModule, PaymentError, Step};
use crate::items::statement::Signed;
use crate::security::{Portable, PublicKey, Signer as _, SigningKey, Thumbprint};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
const NUMBER: &str = "4242424242424242";

fn key(byte: u8) -> SigningKey {
    SigningKey::from_bytes(&[byte; 32]).unwrap()
}

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap()
}

struct World {
    gateway: Gateway,
    gateway_key: SigningKey,
    merchant: SigningKey,
    payee: CardPayee,
    payer: CardPayer,
    bill: Bill,
}

fn world(level: Level) -> World {
    let (gateway_key, merchant) = (key(1), key(2));
    let gateway = Gateway { url: "http://gateway".to_owned(), key: gateway_key.public_key().clone() };
    let payee = CardPayee::new(gateway.clone(), level, [7; 16], Arc::new(merchant.clone()));
    let card = card(&gateway);
    let bill = Bill {
        deal: Digest::of(b"deal"),
        payee: merchant.public_key().thumbprint(),
        total: euros(1_999),
        refund_by: NOW.plus(86_400),
    };
    World { gateway, gateway_key, merchant, payee, payer: CardPayer { cards: vec![card] }, bill }
}

fn card(gateway: &Gateway) -> Card {
    let (number, expiry) = (NUMBER.parse().unwrap(), "12/30".parse().unwrap());
    Card::new(number, expiry, gateway.clone(), NOW, &mut UnwrapErr(SysRng)).unwrap()
}

impl World {
    fn enrol(&mut self) {
        let body = self.payer.cards[0].enrol(&mut UnwrapErr(SysRng)).unwrap();
        let (holder, number, expiry) = check_enrolment(&body, &self.gateway(), NOW, &Portable).unwrap();
        assert_eq!(number.digits(), NUMBER);
        let certificate = Certificate {
            gateway: self.gateway().name(),
            card: holder.thumbprint(),
            brand: number.brand(),
            issued_at: NOW,
            expires_at: UnixSeconds(expiry.end()),
        };
        let certificate = Signed::sign(certificate, &self.gateway_key).to_compact();
        self.payer.cards[0].enrolled(CertificateBody { certificate }).unwrap();
    }

    fn gateway(&self) -> GatewayKey {
        GatewayKey::new(self.gateway_key.clone())
    }

    fn pay(&mut self) -> CardBody {
        self.payer.pay(&self.bill, &PayeeModule::parameters(&self.payee), NOW, &mut UnwrapErr(SysRng)).unwrap()
    }

    fn ask(&self, body: &CardBody) -> AuthorisationBody {
        match PayeeModule::check(&self.payee, &self.bill, body, NOW).unwrap() {
            Step::Ask(request) => serde_json::from_value(request.body).unwrap(),
            Step::Settled(_) => panic!("nobody was asked"),
        }
    }

    fn merchants(&self) -> impl Fn(&Thumbprint) -> Option<PublicKey> {
        let key = self.merchant.public_key().clone();
        move |name| (*name == key.thumbprint()).then(|| key.clone())
    }

    fn check(&self, body: &AuthorisationBody) -> Result<Checked, PaymentError> {
        check_request(body, &self.gateway(), self.merchants(), NOW, &Portable)
    }

    fn answer(&self, terms: &Terms, outcome: Outcome) -> payment::Answer {
        let answer = Answer {
            common: terms.common(),
            gateway: terms.gateway,
            merchant: terms.merchant,
            deal: terms.deal,
            amount: terms.amount,
            level: terms.level,
            outcome,
            decided_at: NOW,
        };
        let answer = Signed::sign(answer, &self.gateway_key).to_compact();
        payment::Answer { status: 200, body: serde_json::to_vec(&AnswerBody { answer }).unwrap() }
    }

    fn resume(&self, body: &CardBody, answer: &payment::Answer) -> Result<Step, PaymentError> {
        PayeeModule::resume(&self.payee, &self.bill, body, answer, &Portable)
    }
}

const AUTHORISED: Outcome = Outcome::Authorised { capture_by: NOW };

#[test]
fn pays_at_every_level() {
    for level in [Level::One, Level::Two, Level::Three] {
        let mut world = world(level);
        if level == Level::Three {
            world.enrol();
        }
        let body = world.pay();
        let checked = world.check(&world.ask(&body)).unwrap();
        assert_eq!((checked.card.digits(), checked.holder.is_some()), (NUMBER, level == Level::Three));
        let Step::Ask(capture) = world.resume(&body, &world.answer(&body.terms, AUTHORISED)).unwrap() else {
            panic!("captured before it was asked")
        };
        let order: OrderBody = serde_json::from_value(capture.body).unwrap();
        let order: Signed<Order> = order.order.verify(world.merchant.public_key(), &Portable).unwrap();
        let done = Done {
            common: order.common,
            gateway: order.gateway,
            merchant: world.bill.payee,
            deal: world.bill.deal,
            id: order.id,
            operation: order.operation.clone(),
            captured_minor: 1_999,
            refunded_minor: 0,
            done_at: NOW,
        };
        let done = DoneBody { done: Signed::sign(done, &world.gateway_key).to_compact() };
        let answer = payment::Answer { status: 200, body: serde_json::to_vec(&done).unwrap() };
        let Step::Settled(settlement) = world.resume(&body, &answer).unwrap() else { panic!("not settled") };
        assert_eq!((settlement.paid, settlement.proofs.len()), (world.bill.total, 1));
    }
}

#[test]
fn an_enrolled_card_signs_even_where_less_would_do() {
    let mut world = world(Level::One);
    world.enrol();
    assert_eq!(world.pay().terms.level, Level::Three);
}

#[test]
fn the_merchant_sees_no_card() {
    let mut world = world(Level::Three);
    world.enrol();
    let (one, two) = (world.pay(), world.pay());
    let text = serde_json::to_string(&one).unwrap();
    let enrolled_key = world.payer.cards[0].step_up(Digest::of(b""), euros(1), true).unwrap().step_up.unwrap();
    let (_, holder) = enrolled_key.verify_self_keyed(&Portable).unwrap();
    for secret in [NUMBER, "4242", "12/30", &holder.thumbprint().to_string(), &holder.to_text()] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_ne!(one.terms.commitment, two.terms.commitment, "two payments do not show that they are of one card");
}

#[test]
fn the_merchant_can_use_a_slip_for_nothing_else() {
    let mut world = world(Level::Two);
    let body = world.pay();
    // Whatever the merchant changes in the terms, and signs anew itself:
    let changes: [fn(&mut Terms); 6] = [
        |terms| terms.deal = Digest::of(b"another deal"),
        |terms| terms.amount = euros(199_900),
        |terms| terms.expires_at = terms.expires_at.plus(1),
        |terms| terms.nonce = [8; 16],
        |terms| terms.commitment = Digest::of(b"another card"),
        |terms| terms.merchant = key(3).public_key().thumbprint(),
    ];
    for change in changes {
        for signer in [&world.merchant, &key(3)] {
            let mut terms = body.terms.clone();
            change(&mut terms);
            let request = Request { terms, sealed: Digest::of(&body.sealed.0) };
            let request = Requested::Signed(Signed::sign(request, signer).to_compact());
            let asked = AuthorisationBody { request, sealed: body.sealed.clone() };
            let everybody = |name: &Thumbprint| {
                [key(2), key(3)].iter().map(|key| key.public_key().clone()).find(|key| key.thumbprint() == *name)
            };
            assert!(check_request(&asked, &world.gateway(), everybody, NOW, &Portable).is_err());
        }
    }
}

#[test]
fn the_level_cannot_be_lowered() {
    let mut world = world(Level::Three);
    world.enrol();
    let body = world.pay();
    let mut terms = body.terms.clone();
    terms.level = Level::One;
    let request = Requested::Plain(Request { terms, sealed: Digest::of(&body.sealed.0) });
    let refused = world.check(&AuthorisationBody { request, sealed: body.sealed.clone() });
    assert_eq!(refused.unwrap_err().code(), Code::SEALED_INVALID, "the level is in the slip's context");
    let lower = CardBody { terms: Terms { level: Level::Two, ..body.terms }, sealed: body.sealed };
    let refused = PayeeModule::check(&world.payee, &world.bill, &lower, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::CARD_LEVEL_INSUFFICIENT);
}

#[test]
fn without_the_customers_key_there_is_no_consent() {
    let mut world = world(Level::Three);
    world.enrol();
    let honest = world.pay();
    // Somebody who knows the card's number, but has not its key, seals a slip of their own.
    let secret = [9; 32];
    let (number, expiry): (CardNumber, Expiry) = (NUMBER.parse().unwrap(), "12/30".parse().unwrap());
    let terms = Terms { commitment: Slip::commit(&number, expiry, &secret), ..honest.terms };
    for thief in [None, Some(key(5))] {
        let card = (&number, expiry, secret);
        let sealed = slip::seal(&terms, card, thief.as_ref(), &world.gateway.key, &mut UnwrapErr(SysRng)).unwrap();
        let body = CardBody { terms: terms.clone(), sealed: sealed.into() };
        match (world.check(&world.ask(&body)), thief) {
            (Err(error), None) => assert_eq!(error.code(), Code::CARD_NOT_ENROLLED),
            // The gateway then looks for the card under that key, and finds none.
            (Ok(checked), Some(thief)) => assert_eq!(checked.holder.as_ref(), Some(thief.public_key())),
            (outcome, _) => panic!("{outcome:?}"),
        }
    }
}

#[test]
fn consent_is_for_one_slip() {
    let mut world = world(Level::Three);
    world.enrol();
    let body = world.pay();
    let mut envelope: Envelope = slip::open(&body.terms, &body.sealed.0, &world.gateway_key).unwrap();
    let mut other = body.terms.clone();
    other.deal = Digest::of(b"another deal");
    let slip = Slip { common: other.common(), ..envelope.open().unwrap() };
    envelope.slip = serde_json::to_vec(&slip).unwrap().into();
    let sealed = crate::security::sealing::seal(
        crate::security::sealing::Purpose::CardSlip,
        &other.common(),
        &world.gateway.key,
        &serde_json::to_vec(&envelope).unwrap(),
        &mut UnwrapErr(SysRng),
    );
    let sealed = sealed.unwrap();
    let request = Request { terms: other, sealed: Digest::of(&sealed) };
    let request = Requested::Signed(Signed::sign(request, &world.merchant).to_compact());
    let refused = world.check(&AuthorisationBody { request, sealed: sealed.into() }).unwrap_err();
    assert!(matches!(refused, PaymentError::Invalid("the customer agreed to something else")), "{refused}");
}

#[test]
fn answers_are_the_gateways_and_for_this_deal() {
    let mut world = world(Level::One);
    let body = world.pay();
    let mut other = body.terms.clone();
    other.deal = Digest::of(b"another deal");
    assert!(matches!(world.resume(&body, &world.answer(&other, AUTHORISED)), Err(PaymentError::Peer(_))));
    let honest = world.gateway_key.clone();
    world.gateway_key = key(9);
    assert!(matches!(world.resume(&body, &world.answer(&body.terms, AUTHORISED)), Err(PaymentError::Peer(_))));
    world.gateway_key = honest;
    let declined = Outcome::Declined { reason: "funds-insufficient".to_owned() };
    let refused = world.resume(&body, &world.answer(&body.terms, declined)).unwrap_err();
    assert_eq!(refused.code(), Code::FUNDS_INSUFFICIENT);
}

#[test]
fn an_expired_card_is_not_sent_anywhere() {
    let mut world = world(Level::One);
    let late = UnixSeconds("12/30".parse::<Expiry>().unwrap().end());
    let parameters = PayeeModule::parameters(&world.payee);
    assert!(world.payer.pay(&world.bill, &parameters, late, &mut UnwrapErr(SysRng)).is_err());
    let gateway = world.gateway.clone();
    let new = Card::new(NUMBER.parse().unwrap(), "01/20".parse().unwrap(), gateway, NOW, &mut UnwrapErr(SysRng));
    assert_eq!(new.unwrap_err().code(), Code::CARD_EXPIRED);
}

#[test]
fn secrets_are_not_printed() {
    let mut world = world(Level::One);
    let body = world.pay();
    let checked = world.check(&world.ask(&body)).unwrap();
    let printed = format!("{:?} {body:?} {checked:?}", world.payer);
    assert!(!printed.contains(NUMBER), "{printed}");
}

#[test]
fn the_registry_takes_it_like_any_other() {
    let world = world(Level::Two);
    assert_eq!(ErasedPayee::acceptance(&world.payee).module.as_str(), "card");
}

fn operations() -> impl Strategy<Value = Vec<(u8, u64, u64)>> {
    prop::collection::vec((0_u8..5, 0_u64..1_500, 0_u64..40), 0..30)
}

proptest! {
    /// Whatever is ordered, and whenever: never more captured than authorised, nor given back than captured.
    #[test]
    fn money_is_bounded(steps in operations()) {
        let mut authorisation = Authorisation::new(euros(1_000), UnixSeconds(500));
        let mut now = 0;
        for (kind, minor, passes) in steps {
            now += passes;
            let at = UnixSeconds(now);
            let before = authorisation.clone();
            let amount = euros(minor);
            let next = match kind {
                0 | 1 => authorisation.apply(&Operation::Capture { amount }, at),
                2 => authorisation.apply(&Operation::Void, at),
                3 => authorisation.apply(&Operation::Refund { amount, reason: String::new() }, at),
                _ => authorisation.charge_back(),
            };
            let Ok(next) = next else { continue };
            prop_assert!(next.captured_minor <= 1_000);
            prop_assert!(next.refunded_minor <= next.captured_minor);
            prop_assert!(!matches!(before.state, CardState::Voided | CardState::ChargedBack));
            prop_assert!(next.captured_minor == before.captured_minor || at.0 <= 500);
            authorisation = next;
        }
    }
}
