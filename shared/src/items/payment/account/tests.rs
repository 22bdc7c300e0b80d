//! References, codes, sums, and an order on each of the terms.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use getrandom::SysRng;
use proptest::prelude::*;
use rand_core::UnwrapErr;
use serde_json::Value;

use super::*;
use crate::foundation::{Amount, Code, Coded as _, Currency, Digest, UnixSeconds};
use crate::items::payment::{
    Answer, Bill, PayeeModule, PayerModule, PaymentError, RefundId, RefundStep, Repayment, Request, Settlement, Step,
};
use crate::items::statement::Signed;
use crate::security::{Portable, Signer as _, SigningKey};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);

fn euros(minor: u64) -> Amount {
    Amount::new(Currency::EUR, minor).unwrap()
}

fn parameters() -> AccountParameters {
    let iban = "DE71110220330123456789".parse().unwrap();
    AccountParameters {
        account: BankAccount { iban, name: "Meridian".to_owned(), bic: None },
        terms: vec![InvoiceTerms::Prepaid, InvoiceTerms::PayLater],
        due_days: 14,
        pay_later_limit_minor: Some(5_000),
        bank: None,
    }
}

struct World {
    merchant: SigningKey,
    payee: AccountPayee,
    bill: Bill,
}

fn world() -> World {
    let merchant = SigningKey::from_bytes(&[2; 32]).unwrap();
    let payee = AccountPayee::new(parameters(), Arc::new(merchant.clone()));
    let payee_name = merchant.public_key().thumbprint();
    let bill = Bill { deal: Digest::of(b"deal"), payee: payee_name, total: euros(320), refund_by: NOW.plus(86_400) };
    World { merchant, payee, bill }
}

impl World {
    fn pay(&self, preferred: Option<InvoiceTerms>) -> AccountBody {
        AccountPayer { preferred }.pay(&self.bill, &parameters(), NOW, &mut UnwrapErr(SysRng)).unwrap()
    }

    fn ask(&self, body: &AccountBody) -> InvoiceRequest {
        match PayeeModule::check(&self.payee, &self.bill, body, NOW).unwrap() {
            Step::Ask(Request { url, body }) => {
                assert_eq!(url, DESK_INVOICES);
                serde_json::from_value(body).unwrap()
            }
            Step::Settled(_) => panic!("nobody was asked"),
        }
    }

    /// What the module makes of the desk's answer.
    fn resume(&self, body: &AccountBody, ledger: Ledger) -> Result<Step, PaymentError> {
        let answer = InvoiceAnswer { invoice: self.ask(body).invoice, ledger };
        let answer = Answer { status: 200, body: serde_json::to_vec(&answer).unwrap() };
        PayeeModule::resume(&self.payee, &self.bill, body, &answer, &Portable)
    }
}

#[test]
fn prepaid_goods_wait_for_all_of_the_money() {
    let world = world();
    let body = world.pay(None);
    assert_eq!(body.terms, InvoiceTerms::Prepaid, "the merchant's order");
    for received_minor in [0, 319] {
        let ledger = Ledger { received_minor, ..Ledger::new(320) };
        match world.resume(&body, ledger) {
            Err(PaymentError::Refused { code: Code::PAYMENT_AWAITED, extra }) => {
                let invoice = crate::items::statement::Compact::new(extra["invoice"].as_str().unwrap().to_owned());
                let invoice = check_invoice(&invoice, &world.bill, &parameters(), body.terms, &Portable).unwrap();
                assert_eq!(invoice.due_at, NOW.plus(14 * 86_400));
            }
            other => panic!("{other:?}"),
        }
    }
    for received_minor in [320, 400] {
        let settled = world.resume(&body, Ledger { received_minor, ..Ledger::new(320) }).unwrap();
        let Step::Settled(Settlement { paid, owed: None, proofs, statements }) = settled else { panic!("{settled:?}") };
        assert_eq!((paid, proofs.len(), statements.len()), (euros(320), 1, 1));
    }
    let cancelled = Ledger { cancelled: true, ..Ledger::new(320) };
    assert_eq!(world.resume(&body, cancelled).unwrap_err().code(), Code::INVOICE_CANCELLED);
}

#[test]
fn goods_that_are_paid_later_are_owed() {
    let world = world();
    let body = world.pay(Some(InvoiceTerms::PayLater));
    assert_eq!(body.terms, InvoiceTerms::PayLater);
    for (received_minor, owed) in [(0, Some(euros(320))), (20, Some(euros(300))), (320, None)] {
        let settled = world.resume(&body, Ledger { received_minor, ..Ledger::new(320) }).unwrap();
        let Step::Settled(settlement) = settled else { panic!("{settled:?}") };
        assert_eq!((settlement.paid, settlement.owed), (euros(320), owed));
    }
}

#[test]
fn credit_has_a_limit() {
    let mut world = world();
    world.bill.total = euros(5_001);
    let body = world.pay(Some(InvoiceTerms::PayLater));
    assert_eq!(body.terms, InvoiceTerms::Prepaid, "the wallet does not ask for what is not given");
    let body = AccountBody { terms: InvoiceTerms::PayLater, ..body };
    let refused = PayeeModule::check(&world.payee, &world.bill, &body, NOW).unwrap_err();
    assert_eq!(refused.code(), Code::CREDIT_REFUSED);
}

#[test]
fn a_body_for_another_bill_is_refused() {
    let world = world();
    let body = world.pay(None);
    let other = AccountBody { deal: Digest::of(b"other"), ..body.clone() };
    assert_eq!(PayeeModule::check(&world.payee, &world.bill, &other, NOW).unwrap_err().code(), Code::PAYMENT_INVALID);
    let less = AccountBody { amount: euros(319), ..body };
    assert_eq!(PayeeModule::check(&world.payee, &world.bill, &less, NOW).unwrap_err().code(), Code::PRICE_MISMATCH);
}

#[test]
fn an_invoice_is_checked_against_the_offer() {
    let world = world();
    let good = world.ask(&world.pay(None)).invoice;
    let payload = good.peek_unverified().unwrap();
    let check = |change: &dyn Fn(&mut Invoice), key: &SigningKey| {
        let mut invoice = payload.clone();
        change(&mut invoice);
        let invoice = Signed::sign_self_keyed(invoice, key).to_compact();
        check_invoice(&invoice, &world.bill, &parameters(), InvoiceTerms::Prepaid, &Portable).is_ok()
    };
    let stranger = SigningKey::from_bytes(&[9; 32]).unwrap();
    assert!(check(&|_| {}, &world.merchant));
    assert!(!check(&|_| {}, &stranger), "not the merchant's");
    assert!(!check(&|invoice| invoice.account.iban = "FR1420041010050500013M02606".parse().unwrap(), &world.merchant));
    assert!(!check(&|invoice| invoice.account.name = "Other".to_owned(), &world.merchant));
    assert!(!check(&|invoice| invoice.amount = euros(321), &world.merchant));
    assert!(!check(&|invoice| invoice.deal = Digest::of(b"x"), &world.merchant));
    assert!(!check(&|invoice| invoice.reference = Reference::of(&Digest::of(b"x")), &world.merchant));
    assert!(!check(&|invoice| invoice.terms = InvoiceTerms::PayLater, &world.merchant));
    assert!(!check(&|invoice| invoice.due_at = UnixSeconds(1), &world.merchant));
}

#[test]
fn a_standing_is_of_its_invoice_and_says_what_its_sums_say() {
    let world = world();
    let invoice = world.ask(&world.pay(None)).invoice;
    let invoice = check_invoice(&invoice, &world.bill, &parameters(), InvoiceTerms::Prepaid, &Portable).unwrap();
    let ledger = Ledger { received_minor: 100, ..Ledger::new(320) };
    let standing = AccountPayee::standing(&invoice, ledger, 1, NOW, &world.merchant);
    assert_eq!(check_standing(&standing.to_compact(), &invoice, &Portable).unwrap().state, InvoiceState::PartPaid);
    let check = |change: &dyn Fn(&mut InvoiceStanding)| {
        let mut other = standing.payload().clone();
        change(&mut other);
        check_standing(&Signed::sign_self_keyed(other, &world.merchant).to_compact(), &invoice, &Portable).is_ok()
    };
    assert!(check(&|_| {}));
    assert!(!check(&|standing| standing.state = InvoiceState::Paid));
    assert!(!check(&|standing| standing.ledger.amount_minor = 1));
    assert!(!check(&|standing| standing.invoice = Digest::of(b"x")));
    assert!(!check(&|standing| standing.deal = Digest::of(b"x")));
}

#[test]
fn a_refund_is_asked_of_the_desk_in_the_same_words() {
    let world = world();
    let settlement = Settlement { paid: euros(320), owed: None, proofs: Vec::new(), statements: Vec::new() };
    let repayment = Repayment { id: RefundId([3; 16]), amount: euros(100), reason: "Late.".to_owned(), at: NOW };
    let begun = PayeeModule::refund(&world.payee, &world.bill, &settlement, &repayment, &world.merchant).unwrap();
    let RefundStep::Ask(request) = begun else { panic!("{begun:?}") };
    assert_eq!(request.url, DESK_REFUNDS);
    let done = Answer { status: 200, body: b"{}".to_vec() };
    let done = PayeeModule::resume_refund(&world.payee, &request, &done, &Portable).unwrap();
    let RefundStep::Done(status) = done else { panic!("{done:?}") };
    let (refund, _) = status.refund.verify_self_keyed(&Portable).unwrap();
    assert_eq!((refund.amount, refund.deal), (euros(100), world.bill.deal));
    let refused = serde_json::to_vec(&serde_json::json!({"code": "invoice-unknown"})).unwrap();
    let refused = Answer { status: 404, body: refused };
    let refused = PayeeModule::resume_refund(&world.payee, &request, &refused, &Portable).unwrap_err();
    assert_eq!(refused, PaymentError::Refused { code: Code::INVOICE_UNKNOWN, extra: Value::Null });
}

#[test]
fn references_are_found_in_what_people_write() {
    let reference = Reference::of(&Digest::of(b"deal"));
    let printed = reference.printed();
    for text in [
        reference.as_str().to_owned(),
        printed.clone(),
        printed.to_lowercase(),
        format!("Invoice {printed}, thanks"),
        format!("/RFB/{reference}/"),
        format!("RF{reference}RF"),
    ] {
        assert_eq!(Reference::find_in(&text), std::slice::from_ref(&reference), "{text}");
    }
    assert!(Reference::find_in("RF18 5390 0754 7034 0000").is_empty());
    assert!(Reference::find_in("RF18 €uro").is_empty());
}

#[test]
fn account_numbers_are_made_and_shown_in_part() {
    let iban = Iban::make("DE", "999999990000000001").unwrap();
    assert_eq!(iban.as_str().len(), 22);
    assert!(iban.is_sepa());
    assert!(!format!("{iban:?}").contains("99999999"));
    assert!(Iban::make("DE", "1").is_err());
    assert!(Iban::make("de", "999999990000000001").is_err());
    assert!(Iban::make("DE", "99999999 0000000001").is_err());
}

proptest! {
    #[test]
    fn every_deal_has_a_reference_that_one_wrong_character_breaks(deal in any::<[u8; 32]>(), place in 4_usize..20, other in "[0-9A-Z]") {
        let reference = Reference::of(&Digest(deal));
        let text = reference.as_str();
        prop_assert_eq!(text.len(), 20);
        prop_assert_eq!(text.parse::<Reference>().unwrap(), reference.clone());
        prop_assert_eq!(reference.printed().parse::<Reference>().unwrap(), reference.clone());
        let wrong = format!("{}{other}{}", &text[..place], &text[place + 1..]);
        if wrong.as_bytes()[place].is_ascii_digit() == text.as_bytes()[place].is_ascii_digit() {
            prop_assert_eq!(wrong.parse::<Reference>().is_ok(), wrong == text);
        }
        // Two neighbours changed places, where they are two digits or two letters.
        if place < 19 {
            let (a, b) = (text.as_bytes()[place], text.as_bytes()[place + 1]);
            if a != b && a.is_ascii_digit() == b.is_ascii_digit() {
                let swapped = format!("{}{}{}{}", &text[..place], char::from(b), char::from(a), &text[place + 2..]);
                prop_assert!(swapped.parse::<Reference>().is_err());
            }
        }
    }

    #[test]
    fn a_code_is_read_as_it_was_written(minor in 1_u64..100_000_000_000, name in "[A-Za-zäöü .]{1,60}", deal in any::<[u8; 32]>()) {
        prop_assume!(!name.trim().is_empty());
        let account = BankAccount { iban: "DE71110220330123456789".parse().unwrap(), name, bic: None };
        let deal = Digest(deal);
        let invoice = Invoice {
            merchant: deal, deal, amount: euros(minor), reference: Reference::of(&deal), account,
            terms: InvoiceTerms::Prepaid, issued_at: NOW, due_at: NOW,
        };
        let code = Epc::of(&invoice, minor);
        prop_assert_eq!(code.is_some(), minor <= 99_999_999_999);
        if let Some(code) = code {
            let payload = code.payload();
            prop_assert!(payload.len() <= 331 && !payload.ends_with('\n'));
            prop_assert_eq!(Epc::read(&payload), Some(code.clone()));
            prop_assert_eq!(Epc::read(&payload.replace('\n', "\r\n")), Some(code));
        }
    }

    /// Whatever arrives, is credited and sent back: money is either kept for what is due or a surplus, and sending the surplus back
    /// leaves none.
    #[test]
    fn money_is_due_or_surplus(amount in 0_u64..10_000, events in prop::collection::vec((0_u8..4, 0_u64..5_000), 0..40)) {
        let mut ledger = Ledger::new(amount);
        for (kind, minor) in events {
            match kind {
                0 => ledger.received_minor += minor,
                1 => ledger.credited_minor = (ledger.credited_minor + minor).min(amount),
                2 => ledger.returned_minor += ledger.surplus_minor(),
                _ => ledger.cancelled |= minor == 0,
            }
            prop_assert!(ledger.open_minor() == 0 || ledger.surplus_minor() == 0);
            let kept = ledger.received_minor - ledger.returned_minor;
            prop_assert_eq!(kept + ledger.open_minor(), ledger.due_minor() + ledger.surplus_minor());
            if kind == 2 {
                prop_assert_eq!(ledger.surplus_minor(), 0);
            }
            let state = ledger.state_at(NOW, NOW);
            prop_assert_eq!(state == InvoiceState::Overpaid, ledger.surplus_minor() > 0);
            let missing = matches!(state, InvoiceState::Invoiced | InvoiceState::PartPaid);
            prop_assert_eq!(missing, ledger.open_minor() > 0);
            prop_assert_eq!(ledger.state_at(NOW, NOW.plus(1)) == InvoiceState::Overdue, ledger.open_minor() > 0);
        }
    }
}
