//! What must be refused.

use super::super::mint::{check_deposit, check_melt, check_reveal, check_withdrawal};
use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, bill, euros, funded, parameters, pay, rng};
use crate::foundation::{Code, Coded, Digest};
use crate::items::payment::{PayeeModule, PayerModule, PaymentError, Unusable};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, PublicKey, Signer, SigningKey};

/// A permission of a good coin, and the coin's key.
fn permission(ledger: &mut Ledger) -> Outcome<(Permission, SigningKey)> {
    let (mut wallet, mint) = funded(ledger, "2.56")?;
    let body = pay(&mut wallet, mint, &bill(b"deal", "2.56")?)?;
    let key = wallet.mint_purse(&mint)?.coins[0].secret().key();
    Ok((body.permissions[0].peek_unverified()?, key))
}

fn deposit_code(ledger: &Ledger, permissions: Vec<Compact<Permission>>) -> Option<Code> {
    check_deposit(&ledger.keys, &DepositBody::new(permissions), NOW, &Portable).err().map(|error| error.code())
}

fn signed(permission: &Permission, key: &SigningKey) -> Compact<Permission> {
    Signed::sign_self_keyed(permission.clone(), key).to_compact()
}

#[test]
fn a_deposit_is_refused_for_its_reason() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (good, key) = permission(&mut ledger)?;
    assert_eq!(deposit_code(&ledger, vec![signed(&good, &key)]), None);

    let other_key = SigningKey::from_bytes(&[5; 32])?;
    let other_denomination = ledger.keys.denominations().find(|d| d.id != good.denomination).ok_or("two")?.id;
    let mut tampered = good.signature;
    tampered[100] ^= 1;
    let cases: Vec<(Code, Permission, &SigningKey)> = vec![
        (Code::COIN_INVALID, good.clone(), &other_key),
        (Code::COIN_INVALID, Permission { signature: tampered, ..good.clone() }, &key),
        (Code::COIN_INVALID, Permission { signature: [0; 256], ..good.clone() }, &key),
        (Code::COIN_INVALID, Permission { signature: [0xff; 256], ..good.clone() }, &key),
        (Code::MINT_MISMATCH, Permission { mint: Digest::of(b"other"), ..good.clone() }, &key),
        (Code::DENOMINATION_UNKNOWN, Permission { denomination: Digest::of(b"other"), ..good.clone() }, &key),
        (Code::AMOUNT_INVALID, Permission { amount: euros("2.57")?, ..good.clone() }, &key),
        (Code::REQUEST_INVALID, Permission { amount: euros("0.00")?, ..good.clone() }, &key),
        (
            Code::CURRENCY_MISMATCH,
            Permission { amount: crate::foundation::Amount::new("USD".parse()?, 1)?, ..good.clone() },
            &key,
        ),
    ];
    for (number, (code, permission, key)) in cases.into_iter().enumerate() {
        assert_eq!(deposit_code(&ledger, vec![signed(&permission, key)]), Some(code), "case {number}");
    }
    // A coin key must not count under a second denomination, whatever its value.
    let moved = Permission { denomination: other_denomination, amount: euros("0.01")?, ..good.clone() };
    assert_eq!(deposit_code(&ledger, vec![signed(&moved, &key)]), Some(Code::COIN_INVALID));
    Ok(())
}

#[test]
fn a_deposit_is_one_deal_of_different_coins() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (good, key) = permission(&mut ledger)?;
    let half = Permission { amount: euros("1.28")?, ..good.clone() };
    let elsewhere = Permission { deal: Digest::of(b"elsewhere"), ..half.clone() };
    assert_eq!(deposit_code(&ledger, vec![]), Some(Code::REQUEST_INVALID));
    assert_eq!(deposit_code(&ledger, vec![signed(&half, &key), signed(&elsewhere, &key)]), Some(Code::REQUEST_INVALID));
    assert_eq!(deposit_code(&ledger, vec![signed(&good, &key); 65]), Some(Code::REQUEST_INVALID));
    Ok(())
}

#[test]
fn expired_denominations_are_neither_issued_nor_taken() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (good, key) = permission(&mut ledger)?;
    let body = DepositBody::new(vec![signed(&good, &key)]);
    let late = check_deposit(&ledger.keys, &body, NOW.plus(10_001), &Portable);
    assert_eq!(late.err().map(|error| error.code()), Some(Code::DENOMINATION_EXPIRED));

    let (mut wallet, mint) = funded(&mut ledger, "1.00")?;
    let reserve = wallet.open_reserve(&mint, euros("1.00")?, NOW)?;
    let request = wallet.withdraw(&mint, reserve, euros("1.00")?, NOW)?.to_compact();
    let late = check_withdrawal(&ledger.keys, &request, NOW.plus(1_001), &Portable);
    assert_eq!(late.err().map(|error| error.code()), Some(Code::DENOMINATION_EXPIRED));
    Ok(())
}

#[test]
fn a_coin_cannot_be_drawn_beyond_its_value() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (good, key) = permission(&mut ledger)?;
    let part = Permission { amount: euros("2.00")?, ..good.clone() };
    let again = Permission { deal: Digest::of(b"again"), ..part.clone() };
    ledger.deposit(&DepositBody::new(vec![signed(&part, &key)]))?;
    assert!(ledger.deposit(&DepositBody::new(vec![signed(&again, &key)])).is_err());
    let rest = Permission { amount: euros("0.56")?, ..again };
    ledger.deposit(&DepositBody::new(vec![signed(&rest, &key)]))?;
    Ok(())
}

#[test]
fn a_dishonest_refresh_is_caught() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "2.56")?;
    let bill = bill(b"deal", "1.00")?;
    pay(&mut wallet, mint, &bill)?;
    wallet.settled(&bill.deal);
    let name = wallet.refreshes(&mint, NOW)?.remove(0);
    let coin = PublicKey::from_text(&name)?;
    let melt = wallet.melt(&mint, &name, NOW, &mut rng())?;
    check_melt(&ledger.keys, &melt.to_compact(), NOW, &Portable)?;
    for gamma in 0..KAPPA {
        let confirmation = MeltConfirmation { melt: melt.digest(), gamma };
        let honest = wallet.reveal(&mint, &name, &confirmation)?;
        check_reveal(&ledger.keys, &coin, &melt, gamma, &honest)?;

        let stranger = SigningKey::from_bytes(&[5; 32])?;
        let mut swapped = honest.clone();
        swapped.transfer_secrets[0].0 = stranger.to_bytes().to_vec();
        let mut foreign = honest.clone();
        foreign.planchets[0].blinded[7] ^= 1;
        let mut rekeyed = honest.clone();
        rekeyed.transfer_public = stranger.public_key().clone();
        let mut short = honest.clone();
        short.transfer_secrets.pop();
        let mut fewer = honest.clone();
        fewer.planchets.pop();
        for (number, reveal) in [swapped, foreign, rekeyed, short, fewer].iter().enumerate() {
            let refused = check_reveal(&ledger.keys, &coin, &melt, gamma, reveal);
            assert_eq!(refused.err(), Some(EcashError::Reveal), "gamma {gamma}, case {number}");
        }
        let other_gamma = (gamma + 1) % KAPPA;
        assert!(check_reveal(&ledger.keys, &coin, &melt, other_gamma, &honest).is_err());
    }
    Ok(())
}

#[test]
fn a_melt_must_balance() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "2.56")?;
    let bill = bill(b"deal", "1.00")?;
    pay(&mut wallet, mint, &bill)?;
    wallet.settled(&bill.deal);
    let name = wallet.refreshes(&mint, NOW)?.remove(0);
    let key = wallet.mint_purse(&mint)?.coins[0].secret().key();
    let melt = wallet.melt(&mint, &name, NOW, &mut rng())?.payload().clone();
    let mut more = melt.clone();
    more.outputs.push(melt.outputs[0]);
    let none = Melt { outputs: Vec::new(), amount: euros("0.00")?, ..melt.clone() };
    for unbalanced in [more, none, Melt { amount: euros("1.00")?, ..melt }] {
        let compact = Signed::sign_self_keyed(unbalanced, &key).to_compact();
        let refused = check_melt(&ledger.keys, &compact, NOW, &Portable).err();
        assert_eq!(refused.map(|error| error.code()), Some(Code::REQUEST_INVALID));
    }
    Ok(())
}

#[test]
fn a_wallet_refuses_signatures_that_the_mint_did_not_make() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "1.00")?;
    let reserve = wallet.open_reserve(&mint, euros("1.00")?, NOW)?;
    let request = wallet.withdraw(&mint, reserve, euros("1.00")?, NOW)?;
    let mut signatures = ledger.withdraw(&request.to_compact())?;
    signatures[0].0[9] ^= 1;
    let before = wallet.balances();
    assert_eq!(wallet.withdrawn(&mint, reserve, &signatures).map_err(|e| e.code()), Err(Code::PEER_INVALID));
    assert_eq!(wallet.balances(), before);
    Ok(())
}

#[test]
fn the_wallet_says_why_it_cannot_pay() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (wallet, mint) = funded(&mut ledger, "1.00")?;
    let quote = |total: &str, mint| {
        Ok::<_, Box<dyn std::error::Error>>(wallet.quote(euros(total)?, &parameters(mint), NOW).err())
    };
    assert_eq!(quote("1.00", mint)?, None);
    assert_eq!(quote("1.01", mint)?, Some(Unusable::Insufficient { available_minor: 100 }));
    assert_eq!(quote("1.00", Digest::of(b"other"))?, Some(Unusable::NoCommonPurse));
    Ok(())
}

#[test]
fn the_merchant_refuses_what_does_not_fit_the_bill() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "4.00")?;
    let good = bill(b"deal", "2.50")?;
    let body = pay(&mut wallet, mint, &good)?;
    let url = "http://localhost:1".to_owned();
    let payee = EcashPayee::new([TrustedMint { url, key: ledger.signer.public_key().clone() }]);
    let refused =
        |bill: &_, body: &_| PayeeModule::check(&payee, bill, body, NOW).err().map(|error: PaymentError| error.code());

    assert_eq!(refused(&good, &body), None);
    assert_eq!(refused(&bill(b"other", "2.50")?, &body), Some(Code::PAYMENT_INVALID));
    assert_eq!(refused(&bill(b"deal", "2.51")?, &body), Some(Code::PRICE_MISMATCH));
    assert_eq!(refused(&good, &EcashBody { mint: Digest::of(b"other"), ..body.clone() }), Some(Code::MINT_UNTRUSTED));
    assert_eq!(refused(&good, &EcashBody { permissions: Vec::new(), ..body }), Some(Code::PAYMENT_INVALID));
    Ok(())
}
