//! From person to person: what works, and what a thief, a cheat or a crash could try.

use super::super::transfer::*;
use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, euros, funded, refresh_all};
use crate::foundation::{Code, Coded, Digest};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, PublicKey, Seed, Signer, SigningKey, Thumbprint};

const EXPIRES: crate::foundation::UnixSeconds = NOW.plus(1_000);

fn terms(mint: Thumbprint, amount: &str) -> Outcome<Terms> {
    Ok(Terms { mint, amount: euros(amount)?, purpose: "Lunch".to_owned(), expires_at: EXPIRES })
}

/// A wallet that has sent `amount`, and what the mint is asked to take.
fn sent(ledger: &mut Ledger, amount: &str) -> Outcome<(EcashPayer, Thumbprint, Digest, TransferBody)> {
    let (mut wallet, mint) = funded(ledger, "5.00")?;
    let transfer = wallet.send(terms(mint, amount)?, NOW)?;
    let body = wallet.transfer(&transfer)?.1.body();
    Ok((wallet, mint, transfer, body))
}

fn other_wallet(ledger: &Ledger, seed: u8) -> Outcome<EcashPayer> {
    let mut wallet = EcashPayer::new(Seed::new([seed; 32]));
    wallet.trust(ledger.keys.document().clone())?;
    Ok(wallet)
}

fn code(ledger: &Ledger, body: &TransferBody) -> Option<Code> {
    check_transfer(&ledger.keys, body, NOW, &Portable).err().map(|error| error.code())
}

/// What the payee's wallet makes of the link.
fn received(payee: &mut EcashPayer, sender: &EcashPayer, transfer: &Digest) -> Outcome<AcceptanceBody> {
    let Link::Receive { key, .. } = Link::parse(&sender.link(transfer)?.to_string())? else {
        return Err("a link to receive".into());
    };
    let status =
        TransferStatus { transfer: sender.transfer(transfer)?.1.statement.clone(), state: TransferState::Pending };
    let digest = payee.receive(&key, &status, NOW, &Portable)?;
    assert_eq!(digest, *transfer);
    Ok(payee.accept(&digest)?)
}

#[test]
fn a_link_carries_the_money_to_whoever_has_it() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut sender, mint, transfer, body) = sent(&mut ledger, "1.23")?;
    let checked = check_transfer(&ledger.keys, &body, NOW, &Portable)?;
    assert_eq!((checked.digest, checked.terms.amount, checked.reserve.is_none()), (transfer, euros("1.23")?, true));
    assert_eq!(checked.name, sender.transfer_key(&mint, 0).public_key().thumbprint());

    ledger.deposit(&DepositBody::new(body.permissions.clone()))?;
    sender.paid_in(&transfer)?;
    assert_eq!(sender.balances()["EUR"], 377, "what is left is the sender's at once");
    refresh_all(&mut sender, &mint, &mut ledger)?;
    assert_eq!(sender.mint_purse(&mint)?.spendable(NOW), euros("3.77")?);

    let mut payee = other_wallet(&ledger, 4)?;
    let acceptance = received(&mut payee, &sender, &transfer)?;
    let reserve = check_acceptance(&ledger.keys, &checked.signer, &transfer, &acceptance, &Portable)?;
    assert_eq!(reserve, *payee.reserve_key(&mint, 0).public_key());
    assert_eq!(acceptance, received(&mut payee, &sender, &transfer)?, "the same words however often");
    assert_eq!(payee.mint_purse(&mint)?.reserves[0].transfer, Some(transfer));
    Ok(())
}

#[test]
fn coins_pay_one_transfer_and_nothing_else() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint, transfer, body) = sent(&mut ledger, "1.00")?;
    assert_eq!(code(&ledger, &body), None);
    let key = wallet.transfer_key(&mint, 0);
    let again = |terms: Terms| Signed::sign_self_keyed(Transfer(terms), &key).compact().to_owned();
    let good = terms(mint, "1.00")?;

    // The same coins under other words, each well signed by the transfer's key.
    let replays = [
        Terms { amount: euros("1.01")?, ..good.clone() },
        Terms { purpose: "Dinner".to_owned(), ..good.clone() },
        Terms { expires_at: EXPIRES.plus(1), ..good.clone() },
    ];
    for (number, terms) in replays.into_iter().enumerate() {
        let body = TransferBody { transfer: again(terms), ..body.clone() };
        assert_eq!(code(&ledger, &body), Some(Code::REQUEST_INVALID), "replay {number}");
    }
    let refused = [
        (Code::MINT_MISMATCH, Terms { mint: Digest::of(b"other"), ..good.clone() }),
        (Code::TRANSFER_EXPIRED, Terms { expires_at: crate::foundation::UnixSeconds(NOW.0 - 1), ..good.clone() }),
        (Code::REQUEST_INVALID, Terms { expires_at: NOW.plus(MAX_OPEN_S + 1), ..good.clone() }),
        (Code::REQUEST_INVALID, Terms { amount: euros("0.00")?, ..good.clone() }),
        (Code::REQUEST_INVALID, Terms { purpose: "x".repeat(101), ..good.clone() }),
        (Code::REQUEST_INVALID, Terms { purpose: "two\nlines".to_owned(), ..good.clone() }),
    ];
    for (number, (expected, terms)) in refused.into_iter().enumerate() {
        let body = TransferBody { transfer: again(terms), ..body.clone() };
        assert_eq!(code(&ledger, &body), Some(expected), "case {number}");
    }

    // Coins that were signed over to another transfer, a deal, or twice.
    let other = wallet.send(terms(mint, "0.50")?, NOW)?;
    let others = wallet.transfer(&other)?.1.permissions.clone();
    let mixed = TransferBody { permissions: [body.permissions.clone(), others.clone()].concat(), ..body.clone() };
    assert_eq!(code(&ledger, &mixed), Some(Code::REQUEST_INVALID));
    assert_eq!(code(&ledger, &TransferBody { permissions: others, ..body.clone() }), Some(Code::REQUEST_INVALID));
    let twice =
        TransferBody { permissions: [body.permissions.clone(), body.permissions.clone()].concat(), ..body.clone() };
    assert_eq!(code(&ledger, &twice), Some(Code::REQUEST_INVALID));
    assert_eq!(code(&ledger, &TransferBody { permissions: Vec::new(), ..body.clone() }), Some(Code::REQUEST_INVALID));

    // Words that nobody signed.
    let mut forged = body.clone();
    forged.transfer.truncate(forged.transfer.len() - 4);
    forged.transfer.push_str("AAAA");
    assert_eq!(code(&ledger, &forged), Some(Code::SIGNATURE_INVALID));
    let confirmation = Confirmation {
        mint,
        merchant: mint,
        deal: transfer,
        amount: euros("1.00")?,
        permissions: Vec::new(),
        wire_by: NOW,
        confirmed_at: NOW,
    };
    let confirmation = Signed::sign_self_keyed(confirmation, &key).compact().to_owned();
    let foreign = TransferBody { transfer: confirmation, ..body };
    assert_eq!(code(&ledger, &foreign), Some(Code::STATEMENT_TYPE_MISMATCH));
    Ok(())
}

#[test]
fn only_the_link_opens_a_transfer() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (sender, mint, transfer, _) = sent(&mut ledger, "1.00")?;
    let signer = sender.transfer_key(&mint, 0).public_key().thumbprint();
    let mut payee = other_wallet(&ledger, 4)?;
    let good = received(&mut payee, &sender, &transfer)?;
    let check = |body: &AcceptanceBody| {
        check_acceptance(&ledger.keys, &signer, &transfer, body, &Portable).err().map(|error| error.code())
    };
    assert_eq!(check(&good), None);

    let said = good.by_transfer.peek_unverified()?;
    let (key, thief) = (sender.transfer_key(&mint, 0), SigningKey::from_bytes(&[66; 32])?);
    let reserve = payee.reserve_key(&mint, 0);
    let sign =
        |acceptance: &Acceptance, key: &SigningKey| Signed::sign_self_keyed(acceptance.clone(), key).to_compact();
    let to_thief = Acceptance { reserve: thief.public_key().thumbprint(), ..said.clone() };
    let other = Acceptance { transfer: Digest::of(b"other"), ..said.clone() };
    let elsewhere = Acceptance { mint: Digest::of(b"other"), ..said.clone() };
    let both = |acceptance: &Acceptance, one: &SigningKey, two: &SigningKey| AcceptanceBody {
        by_transfer: sign(acceptance, one),
        by_reserve: sign(acceptance, two),
    };
    let attempts = [
        // No link: another key signs for the transfer.
        both(&to_thief, &thief, &thief),
        // The payee's word, turned to the thief's reserve.
        AcceptanceBody { by_reserve: sign(&to_thief, &thief), ..good.clone() },
        AcceptanceBody { by_reserve: sign(&said, &thief), ..good.clone() },
        // A reserve whose owner did not agree.
        both(&said, &key, &key),
        both(&to_thief, &key, &reserve),
        // The payee's word for another transfer.
        both(&other, &key, &reserve),
    ];
    for (number, body) in attempts.iter().enumerate() {
        assert_eq!(check(body), Some(Code::SIGNATURE_INVALID), "attempt {number}");
    }
    assert_eq!(check(&both(&elsewhere, &key, &reserve)), Some(Code::MINT_MISMATCH));

    let cancel = |key: &SigningKey, transfer: Digest, mint: Digest| {
        let cancellation =
            Signed::sign_self_keyed(Cancellation { mint, transfer, cancelled_at: NOW }, key).to_compact();
        let of = sender.transfer(&sender.transfers().next().map(|(_, record)| record.digest).unwrap_or(transfer));
        let digest = of.map_or(transfer, |(_, record)| record.digest);
        check_cancellation(&ledger.keys, &signer, &digest, &cancellation, &Portable).err().map(|error| error.code())
    };
    assert_eq!(cancel(&key, transfer, mint), None);
    assert_eq!(cancel(&thief, transfer, mint), Some(Code::SIGNATURE_INVALID));
    assert_eq!(cancel(&key, Digest::of(b"other"), mint), Some(Code::SIGNATURE_INVALID));
    assert_eq!(cancel(&key, transfer, Digest::of(b"other")), Some(Code::MINT_MISMATCH));

    // A mint that answers with another transfer than that of the link.
    let status =
        TransferStatus { transfer: sender.transfer(&transfer)?.1.statement.clone(), state: TransferState::Pending };
    assert_eq!(payee.receive(&thief, &status, NOW, &Portable).map_err(|e| e.code()), Err(Code::PEER_INVALID));
    Ok(())
}

#[test]
fn what_nobody_takes_comes_back_to_its_coins() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint, transfer, body) = sent(&mut ledger, "1.23")?;
    ledger.deposit(&DepositBody::new(body.permissions))?;
    wallet.paid_in(&transfer)?;
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.balances()["EUR"], 377);

    // The mint gives back.
    let record = wallet.transfer(&transfer)?.1;
    for compact in record.permissions.clone() {
        let (permission, coin) = compact.verify_self_keyed(&Portable)?;
        ledger.give_back(&coin, permission.amount);
    }
    let coins = wallet.coins_to_return(&transfer)?;
    assert!(!coins.is_empty());
    for name in &coins {
        let value = ledger.value_of(&wallet.transfer(&transfer)?.1.permissions, name)?;
        let status = ledger.coin_status(name, value)?.ok_or("seen")?;
        wallet.returned(&transfer, name, &status, &Portable)?;
        assert!(wallet.returned(&transfer, name, &status, &Portable).is_err(), "once");
    }
    assert_eq!(wallet.balances()["EUR"], 500);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("5.00")?);
    Ok(())
}

#[test]
fn coins_that_would_be_too_old_when_they_come_back_are_not_sent() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "5.00")?;
    let late = Terms { expires_at: NOW.plus(10_000 - RETURN_S + 1), ..terms(mint, "1.00")? };
    assert_eq!(wallet.send(late.clone(), NOW).map_err(|error| error.code()), Err(Code::FUNDS_INSUFFICIENT));
    let just = Terms { expires_at: NOW.plus(10_000 - RETURN_S), ..late.clone() };
    let transfer = wallet.send(just, NOW)?;
    let good = wallet.transfer(&transfer)?.1.body();
    assert_eq!(code(&ledger, &good), None);
    // Nor does the mint take such coins.
    let key = wallet.transfer_key(&mint, 7);
    let statement = Signed::sign_self_keyed(Transfer(late.clone()), &key);
    let coin = wallet.mint_purse(&mint)?.coins[0].clone();
    let permission = Permission {
        mint,
        merchant: statement.signer(),
        deal: statement.digest(),
        amount: euros("1.00")?,
        denomination: coin.denomination,
        signature: *coin.signature(),
        refund_by: late.expires_at,
    };
    let permission = Signed::sign_self_keyed(permission, &coin.secret().key()).to_compact();
    let body = TransferBody { transfer: statement.compact().to_owned(), permissions: vec![permission] };
    assert_eq!(code(&ledger, &body), Some(Code::DENOMINATION_EXPIRED));
    Ok(())
}

#[test]
fn a_request_is_paid_by_whoever_has_cash() -> Outcome {
    let mut ledger = Ledger::new()?;
    let mut payee = other_wallet(&ledger, 4)?;
    let (mut payer, mint) = funded(&mut ledger, "5.00")?;
    let asked = payee.request(terms(mint, "2.00")?, NOW)?;
    let Link::Pay { request, mint_url } = Link::parse(&format!("https://w.example/#{}", payee.link(&asked)?))? else {
        return Err("a link to pay".into());
    };
    assert_eq!(mint_url, "http://localhost:1");
    let late = EXPIRES.plus(1);
    assert_eq!(payer.pay_request(&request, late, &Portable).map_err(|e| e.code()), Err(Code::TRANSFER_EXPIRED));

    let paid = payer.pay_request(&request, NOW, &Portable)?;
    assert!(payer.pay_request(&request, NOW, &Portable).is_err(), "once");
    let body = payer.transfer(&paid)?.1.body();
    let checked = check_transfer(&ledger.keys, &body, NOW, &Portable)?;
    assert_eq!(checked.reserve.as_ref(), Some(payee.reserve_key(&mint, 0).public_key()));
    assert_eq!((checked.name, checked.digest), (asked, asked));
    assert_eq!(payee.mint_purse(&mint)?.reserves[0].transfer, Some(asked));

    // Somebody between the two puts another amount, or a reserve of their own.
    let thief = SigningKey::from_bytes(&[66; 32])?;
    let mine = Signed::sign_self_keyed(TransferRequest(terms(mint, "2.00")?), &thief);
    let turned = TransferBody { transfer: mine.compact().to_owned(), ..body.clone() };
    assert_eq!(code(&ledger, &turned), Some(Code::REQUEST_INVALID), "the coins name the payee");
    let parts: Vec<&str> = request.split('.').collect();
    let more = serde_json::to_vec(&terms(mint, "4.00")?)?;
    let changed = format!("{}.{}.{}", parts[0], crate::foundation::base64::encode(&more), parts[2]);
    assert_eq!(payer.pay_request(&changed, NOW, &Portable).map_err(|e| e.code()), Err(Code::SIGNATURE_INVALID));

    ledger.deposit(&DepositBody::new(body.permissions))?;
    payer.paid_in(&paid)?;
    assert_eq!(payer.transfer(&paid)?.1.passed, Passed::Done);
    assert_eq!(payer.balances()["EUR"], 300);
    Ok(())
}

#[test]
fn a_request_that_lapses_frees_its_number() -> Outcome {
    let ledger = Ledger::new()?;
    let mut payee = other_wallet(&ledger, 4)?;
    let mint = ledger.keys.mint();
    let first = payee.request(terms(mint, "2.00")?, NOW)?;
    let second = payee.request(terms(mint, "2.00")?, NOW)?;
    assert_ne!(first, second, "equal words of two reserves are two requests");
    payee.give_up(&first)?;
    let third = payee.request(terms(mint, "3.00")?, NOW)?;
    assert_eq!(payee.transfer(&third)?.1.index, 0);
    assert_eq!(payee.transfer(&second)?.1.index, 1);
    Ok(())
}

#[test]
fn seed_and_mint_bring_an_open_transfer_back() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (sender, mint, transfer, body) = sent(&mut ledger, "1.23")?;
    ledger.deposit(&DepositBody::new(body.permissions.clone()))?;
    let status = TransferStatus { transfer: body.transfer, state: TransferState::Pending };

    let mut restored = EcashPayer::new(Seed::new([3; 32]));
    restored.trust(ledger.keys.document().clone())?;
    let coins: Vec<_> = sender
        .mint_purse(&mint)?
        .coins
        .iter()
        .filter_map(|coin| match coin.state {
            CoinState::Pledged { deal, amount } if deal == transfer => Some((transfer, amount, coin.clone())),
            _ => None,
        })
        .collect();
    let wrong = restored.restore_transfer(&mint, 1, &status, &coins, (NOW, &Portable));
    assert_eq!(wrong.map_err(|error| error.code()), Err(Code::PEER_INVALID));
    restored.restore_transfer(&mint, 0, &status, &coins, (NOW, &Portable))?;
    let record = restored.transfer(&transfer)?.1;
    assert_eq!((record.direction, record.passed), (Direction::Sent, Passed::Open));
    assert_eq!(record.body().permissions.len(), coins.len());
    assert_eq!(restored.coins_to_return(&transfer)?, sender.coins_to_return(&transfer)?);
    assert_eq!(restored.link(&transfer)?.to_string(), sender.link(&transfer)?.to_string());
    Ok(())
}

#[test]
fn links_are_read_with_care() -> Outcome {
    let key = SigningKey::from_bytes(&[7; 32])?;
    let link = Link::Receive { key: key.clone(), mint_url: "http://localhost:8482".to_owned() }.to_string();
    for text in [
        link.clone(),
        format!("https://wallet.example/#{link}"),
        format!("  https://wallet.example/?x#{link}\n"),
        link.replace("http://", "http%3A%2F%2F"),
    ] {
        let Link::Receive { key: read, mint_url } = Link::parse(&text)? else { return Err("receive".into()) };
        assert_eq!((read.public_key(), mint_url.as_str()), (key.public_key(), "http://localhost:8482"), "{text}");
    }
    let zero = crate::foundation::base64::encode(&[0; 32]);
    for text in
        ["", "#", "receive=&mint=x", "receive=AAAA&mint=x", "mint=x", "pay=x", &format!("receive={zero}&mint=x")]
    {
        assert!(Link::parse(text).is_err(), "{text}");
    }
    Ok(())
}

/// What a ledger of tests lacks for transfers.
impl Ledger {
    fn value_of(&self, permissions: &[Compact<Permission>], name: &str) -> Outcome<crate::foundation::Amount> {
        for compact in permissions {
            let (permission, coin) = compact.verify_self_keyed(&Portable)?;
            if coin == PublicKey::from_text(name)? {
                return Ok(self.keys.find(&permission.denomination)?.value);
            }
        }
        Err("no such coin".into())
    }
}
