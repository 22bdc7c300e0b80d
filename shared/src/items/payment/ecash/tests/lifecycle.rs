//! What must work: paying, change, crashes, restoring.

use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, bill, euros, funded, pay, refresh_all, rng};
use crate::foundation::UnixSeconds;
use crate::items::payment::{Answer, PayeeModule, PayerModule, Step};
use crate::items::statement::Signed;
use crate::security::{Portable, PublicKey, Seed, Signer};

fn deposit(ledger: &mut Ledger, body: &EcashBody) -> Outcome<crate::foundation::Amount> {
    ledger.deposit(&DepositBody::new(body.permissions.clone()))
}

#[test]
fn pays_exactly_and_gets_change() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "20.00")?;
    assert_eq!(wallet.balances().get("EUR"), Some(&2000));

    let bill = bill(b"deal", "3.20")?;
    let body = pay(&mut wallet, mint, &bill)?;
    assert_eq!(body.permissions.len(), 1, "one coin is enough");
    assert_eq!(deposit(&mut ledger, &body)?, bill.total);
    wallet.settled(&bill.deal);
    assert_eq!(wallet.balances().get("EUR"), Some(&1680));

    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("16.80")?);
    Ok(())
}

#[test]
fn a_purse_survives_storage() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (wallet, mint) = funded(&mut ledger, "5.00")?;
    let stored = serde_json::to_string(wallet.purse())?;
    let mut again = EcashPayer::load(Seed::new([3; 32]), serde_json::from_str(&stored)?, &Portable)?;
    let body = pay(&mut again, mint, &bill(b"deal", "5.00")?)?;
    assert_eq!(deposit(&mut ledger, &body)?, euros("5.00")?);
    Ok(())
}

#[test]
fn a_withdrawal_that_was_not_answered_is_asked_for_again() -> Outcome {
    let mut ledger = Ledger::new()?;
    let mut wallet = EcashPayer::new(Seed::new([3; 32]));
    let mint = wallet.trust(ledger.keys.document().clone())?;
    let reserve = wallet.open_reserve(&mint, euros("1.00")?, NOW)?;
    let first = wallet.withdraw(&mint, reserve, euros("1.00")?, NOW)?;
    let again = wallet.withdraw(&mint, reserve, euros("1.00")?, NOW.plus(50))?;
    assert_eq!(first.compact(), again.compact());
    let signatures = ledger.withdraw(&again.to_compact())?;
    assert!(wallet.withdrawn(&mint, reserve, &signatures[1..]).is_err(), "a signature is missing");
    assert_eq!(wallet.withdrawn(&mint, reserve, &signatures)?, euros("1.00")?);
    assert!(wallet.withdrawn(&mint, reserve, &signatures).is_err(), "coins do not come twice");
    Ok(())
}

#[test]
fn coins_of_a_deal_that_fell_through_come_back() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "4.00")?;
    let bill = bill(b"deal", "4.00")?;
    pay(&mut wallet, mint, &bill)?;
    assert!(pay(&mut wallet, mint, &bill).is_err(), "pledged coins are not spent again");
    wallet.refused(&bill.deal);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("4.00")?);
    Ok(())
}

#[test]
fn the_seed_alone_restores_everything() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "20.00")?;
    for (deal, price) in [("one", "0.70"), ("two", "3.33"), ("three", "9.99")] {
        let bill = bill(deal.as_bytes(), price)?;
        let body = pay(&mut wallet, mint, &bill)?;
        deposit(&mut ledger, &body)?;
        wallet.settled(&bill.deal);
        refresh_all(&mut wallet, &mint, &mut ledger)?;
    }
    // One more refresh is cut off between melt and reveal.
    let last = bill(b"last", "0.01")?;
    let body = pay(&mut wallet, mint, &last)?;
    deposit(&mut ledger, &body)?;
    wallet.settled(&last.deal);
    for name in wallet.refreshes(&mint, NOW)? {
        let melt = wallet.melt(&mint, &name, NOW, &mut rng())?;
        ledger.melt(&melt.to_compact())?;
    }
    let before = wallet.balances();

    let mut restored = EcashPayer::new(Seed::new([3; 32]));
    restored.trust(ledger.keys.document().clone())?;
    let status = ledger.reserve_status(restored.reserve_key(&mint, 0).public_key()).ok_or("the reserve is known")?;
    let mut names = restored.restore_reserve(&mint, 0, &status)?;
    while let Some(name) = names.pop() {
        let value = restored.mint_purse(&mint)?.coins.iter().find(|coin| coin.name() == name).ok_or("coin")?.remaining;
        if let Some(status) = ledger.coin_status(&name, value)? {
            names.extend(restored.restore_coin(&mint, &name, &status, &Portable)?);
        }
    }
    assert_eq!(restored.balances(), before);
    refresh_all(&mut restored, &mint, &mut ledger)?;
    assert_eq!(restored.mint_purse(&mint)?.spendable(NOW).minor(), before["EUR"]);
    let everything = bill(b"everything", "5.97")?;
    let body = pay(&mut restored, mint, &everything)?;
    assert_eq!(deposit(&mut ledger, &body)?, everything.total);
    Ok(())
}

/// Copies of an earlier version's wallet withdrew from one reserve, unaware of each other, and numbered their coins alike: the
/// words find every coin that can be spent. Of two with the same key that is one, which is why a mint now refuses the second.
#[test]
fn coins_that_copies_numbered_alike_are_found() -> Outcome {
    let mut ledger = Ledger::new()?;
    let mut wallet = EcashPayer::new(Seed::new([3; 32]));
    let mint = wallet.trust(ledger.keys.document().clone())?;
    let reserve = wallet.open_reserve(&mint, euros("1.00")?, NOW)?;
    let mut copy = EcashPayer::load(Seed::new([3; 32]), wallet.purse().clone(), &Portable)?;
    // 4 and 1 with the numbers 0 and 1; 16 with the number 0 again; 8 with the number 2, where three were before.
    for (device, cents) in [(&mut wallet, "0.05"), (&mut copy, "0.16")] {
        let request = device.withdraw(&mint, reserve, euros(cents)?, NOW)?;
        device.withdrawn(&mint, reserve, &ledger.withdraw(&request.to_compact())?)?;
    }
    let request = wallet.withdraw(&mint, reserve, euros("0.08")?, NOW)?;
    assert_eq!(request.first, Some(2), "it says how many it knows of");
    ledger.withdraw(&request.to_compact())?;

    let mut restored = EcashPayer::new(Seed::new([3; 32]));
    restored.trust(ledger.keys.document().clone())?;
    let mut status = ledger.reserve_status(restored.reserve_key(&mint, reserve).public_key()).ok_or("it is known")?;
    let names = restored.restore_reserve(&mint, reserve, &status)?;
    assert_eq!(names.len(), 4);
    assert_eq!(names[0], names[2], "one key");
    let mut values: Vec<u64> = restored.mint_purse(&mint)?.coins.iter().map(|coin| coin.remaining.minor()).collect();
    values.sort_unstable();
    assert_eq!(values, [1, 8, 16]);
    // It goes on where nobody has numbered, and what is not its own is refused.
    assert_eq!(restored.withdraw(&mint, reserve, euros("0.01")?, NOW)?.first, Some(4));
    status.withdrawals[1].signatures = status.withdrawals[0].signatures[..1].to_vec();
    assert!(matches!(restored.restore_reserve(&mint, reserve, &status), Err(EcashError::Peer(_))));
    Ok(())
}

#[test]
fn the_merchant_asks_the_mint_and_believes_its_confirmation_alone() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "4.00")?;
    let bill = bill(b"deal", "2.50")?;
    let body = pay(&mut wallet, mint, &bill)?;
    let url = "http://localhost:1".to_owned();
    let payee = EcashPayee::new([TrustedMint { url, key: ledger.signer.public_key().clone() }]);

    let Step::Ask(request) = PayeeModule::check(&payee, &bill, &body, NOW)? else {
        return Err("a deposit first".into());
    };
    assert_eq!(request.url, "http://localhost:1/deposits");

    let confirm = |amount, signer: &crate::security::SigningKey| -> Outcome<Answer> {
        let confirmation = Confirmation {
            mint,
            merchant: bill.payee,
            deal: bill.deal,
            amount,
            permissions: Vec::new(),
            wire_by: UnixSeconds(0),
            confirmed_at: NOW,
        };
        let confirmation = Signed::sign(confirmation, signer).to_compact();
        Ok(Answer { status: 200, body: serde_json::to_vec(&DepositAnswer { confirmation })? })
    };
    let good = confirm(bill.total, &ledger.signer)?;
    assert!(matches!(PayeeModule::resume(&payee, &bill, &body, &good, &Portable)?, Step::Settled(_)));
    let less = confirm(euros("2.49")?, &ledger.signer)?;
    assert!(PayeeModule::resume(&payee, &bill, &body, &less, &Portable).is_err(), "another amount");
    let forged = confirm(bill.total, &crate::security::SigningKey::from_bytes(&[8; 32])?)?;
    assert!(PayeeModule::resume(&payee, &bill, &body, &forged, &Portable).is_err(), "another mint's word");
    Ok(())
}

/// The mean number of coins a purchase over a realistic price mix: the design asks for less than two.
#[test]
fn few_coins_pay_a_purchase() -> Outcome {
    let prices = ["0.40", "1.90", "1.40", "12.00", "0.90", "6.50", "4.80", "1.10", "2.40", "0.20", "9.00", "0.70"];
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "48.00")?;
    let mut coins = 0;
    for (number, price) in prices.iter().enumerate() {
        let bill = bill(&number.to_be_bytes(), price)?;
        let body = pay(&mut wallet, mint, &bill)?;
        coins += body.permissions.len();
        deposit(&mut ledger, &body)?;
        wallet.settled(&bill.deal);
        refresh_all(&mut wallet, &mint, &mut ledger)?;
    }
    assert!(coins < 2 * prices.len(), "{coins} coins for {} purchases", prices.len());
    Ok(())
}

#[test]
fn names_of_coins_are_their_keys() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (wallet, mint) = funded(&mut ledger, "0.03")?;
    for coin in &wallet.mint_purse(&mint)?.coins {
        assert_eq!(PublicKey::from_text(coin.name())?, *coin.secret().key().public_key());
    }
    Ok(())
}
