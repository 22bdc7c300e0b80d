//! What the mint takes for its work: shown before, taken exactly, and nothing for whoever takes nothing.

use super::super::mint::{check_melt, check_withdrawal};
use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, bill, euros, parameters, refresh_all, rng};
use crate::foundation::{Amount, Currency, Digest};
use crate::items::payment::{PayerModule as _, Unusable};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, Seed, Thumbprint};

const FEES: Fees = Fees { withdraw: 1, deposit: 2, refresh: 3 };

/// A wallet that has withdrawn what `amount` pays for.
fn funded_about(ledger: &mut Ledger, amount: &str) -> Outcome<(EcashPayer, Thumbprint)> {
    let mut wallet = EcashPayer::new(Seed::new([3; 32]));
    let mint = wallet.trust(ledger.keys.document().clone())?;
    let reserve = wallet.open_reserve(&mint, euros(amount)?, NOW)?;
    let request = wallet.withdraw(&mint, reserve, euros(amount)?, NOW)?;
    let signatures = ledger.withdraw(&request.to_compact())?;
    wallet.withdrawn(&mint, reserve, &signatures)?;
    Ok((wallet, mint))
}

fn held(wallet: &EcashPayer, mint: &Thumbprint) -> Outcome<u64> {
    Ok(wallet.mint_purse(mint)?.balance().minor())
}

#[test]
fn a_document_without_fees_is_what_it_was_and_fees_are_part_of_a_name() -> Outcome {
    let ledger = Ledger::new()?;
    let text = serde_json::to_string(&ledger.keys.document().payload())?;
    assert!(!text.contains("fees"), "{text}");
    let key = ledger.keys.document().denominations[0].clone();
    let named = DenominationKey { fees: FEES, ..key.clone() };
    assert_ne!(key.id(Currency::EUR), named.id(Currency::EUR));
    let other = DenominationKey { fees: Fees { deposit: 3, ..FEES }, ..key };
    assert_ne!(other.id(Currency::EUR), named.id(Currency::EUR));
    let read: DenominationKey = serde_json::from_str(&serde_json::to_string(&named)?)?;
    assert_eq!(read, named);
    Ok(())
}

#[test]
fn what_is_shown_is_what_it_costs() -> Outcome {
    let mut ledger = Ledger::with_fees(FEES)?;
    let mut wallet = EcashPayer::new(Seed::new([3; 32]));
    let mint = wallet.trust(ledger.keys.document().clone())?;
    let reserve = wallet.open_reserve(&mint, euros("20.00")?, NOW)?;
    let request = wallet.withdraw(&mint, reserve, euros("20.00")?, NOW)?;
    let checked = check_withdrawal(&ledger.keys, &request.to_compact(), NOW, &Portable)?;
    let coins = checked.request.batch.len() as u64;
    assert_eq!(checked.fee.minor(), coins);
    assert!(checked.total.minor() <= 2_000);
    let signatures = ledger.withdraw(&request.to_compact())?;
    let gained = wallet.withdrawn(&mint, reserve, &signatures)?;
    assert_eq!(gained.minor() + coins, checked.total.minor());
    // Coins of one and two cents cost more than they give.
    assert!(wallet.mint_purse(&mint)?.coins.iter().all(|coin| coin.remaining.minor() > FEES.deposit));

    for (number, price) in ["3.20", "0.01", "7.77", "0.64"].into_iter().enumerate() {
        let bill = bill(&[u8::try_from(number)?], price)?;
        let before = held(&wallet, &mint)?;
        let quote = wallet.quote(bill.total, &parameters(mint), NOW)?;
        let body = wallet.pay(&bill, &parameters(mint), NOW, &mut rng())?;
        assert_eq!(ledger.deposit(&DepositBody::new(body.permissions))?, bill.total, "the merchant gets the whole");
        wallet.settled(&bill.deal);
        refresh_all(&mut wallet, &mint, &mut ledger)?;
        assert_eq!(before - held(&wallet, &mint)?, bill.total.minor() + quote.fee.minor(), "{price}");
        assert!(quote.fee.minor() >= FEES.deposit);
    }
    // All that there is cannot be spent: it would take the fee besides.
    let all = wallet.mint_purse(&mint)?.balance();
    let Err(Unusable::Insufficient { available_minor }) = wallet.quote(all, &parameters(mint), NOW) else {
        return Err("a payment without its fee".into());
    };
    let most = Amount::new(Currency::EUR, available_minor)?;
    assert!(wallet.quote(most, &parameters(mint), NOW).is_ok());
    // What waits to be exchanged pays too, and costs its exchange.
    let bill = super::ledger::bill(b"more", "1.00")?;
    let body = wallet.pay(&bill, &parameters(mint), NOW, &mut rng())?;
    ledger.deposit(&DepositBody::new(body.permissions))?;
    wallet.settled(&bill.deal);
    let before = held(&wallet, &mint)?;
    let total = euros("4.00")?;
    let at_hand = wallet.cost(&mint, total, false, NOW);
    let cost = wallet.cost(&mint, total, true, NOW).ok_or("there is enough")?;
    assert!(at_hand.is_none_or(|at_hand| at_hand.minor() <= cost.minor()));
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    let bill = super::ledger::bill(b"most", "4.00")?;
    let body = wallet.pay(&bill, &parameters(mint), NOW, &mut rng())?;
    ledger.deposit(&DepositBody::new(body.permissions))?;
    wallet.settled(&bill.deal);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(before - held(&wallet, &mint)?, 400 + cost.minor());
    Ok(())
}

#[test]
fn the_mint_takes_no_less() -> Outcome {
    let mut ledger = Ledger::with_fees(FEES)?;
    let (mut wallet, mint) = funded_about(&mut ledger, "7.80")?;
    let coin =
        wallet.mint_purse(&mint)?.coins.iter().max_by_key(|coin| coin.remaining.minor()).ok_or("a coin")?.clone();
    // A permission for all that a coin is worth leaves nothing for the fee.
    let permission = |minor: u64| -> Outcome<Compact<Permission>> {
        let permission = Permission {
            mint,
            merchant: Digest::of(b"shop"),
            deal: Digest::of(b"deal"),
            amount: Amount::new(Currency::EUR, minor)?,
            denomination: coin.denomination,
            signature: *coin.signature(),
            refund_by: NOW,
        };
        Ok(Signed::sign_self_keyed(permission, &coin.secret().key()).to_compact())
    };
    let value = coin.remaining.minor();
    assert!(ledger.deposit(&DepositBody::new(vec![permission(value)?])).is_err());
    assert!(ledger.deposit(&DepositBody::new(vec![permission(value - 1)?])).is_err());
    assert!(ledger.deposit(&DepositBody::new(vec![permission(value - FEES.deposit)?])).is_ok());
    // A melt whose outputs take the fee as well is refused.
    let other = wallet.mint_purse(&mint)?.coins.iter().find(|other| other.name() != coin.name()).ok_or("a coin")?;
    let name = other.name().to_owned();
    let melt = wallet.melt(&mint, &name, NOW, &mut rng())?;
    let secret = wallet.mint_purse(&mint)?.coins.iter().find(|coin| coin.name() == name).ok_or("a coin")?.secret();
    let less =
        Melt { amount: melt.amount.checked_sub(Amount::new(Currency::EUR, FEES.refresh)?)?, ..melt.payload().clone() };
    let less = Signed::sign_self_keyed(less, &secret.key()).to_compact();
    assert!(check_melt(&ledger.keys, &less, NOW, &Portable).is_err());
    assert_eq!(check_melt(&ledger.keys, &melt.to_compact(), NOW, &Portable)?.fee.minor(), FEES.refresh);
    Ok(())
}
