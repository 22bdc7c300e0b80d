//! What refunds must do: give back what was paid and no more, to the coins that paid, for the wallet to find and exchange.

use proptest::prelude::*;

use super::super::mint::check_refund;
use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, bill, euros, funded, pay, refresh_all};
use crate::foundation::{Amount, Code, Currency, Digest, UnixSeconds};
use crate::items::payment::{Answer, Bill, PayeeModule, PayerModule, RefundId, RefundStep, Repayment, Settlement};
use crate::items::statement::{Compact, Signed};
use crate::security::{Portable, PublicKey, Seed, Signer, SigningKey, Thumbprint};

/// A deal that was paid at the mint in memory, as merchant and mint remember it.
struct Paid {
    shop: SigningKey,
    bill: Bill,
    body: EcashBody,
    refunded: u64,
}

impl Paid {
    fn new(ledger: &mut Ledger, wallet: &mut EcashPayer, mint: Thumbprint, deal: &[u8], price: &str) -> Outcome<Self> {
        let shop = SigningKey::from_bytes(&[6; 32])?;
        let bill = Bill { payee: shop.public_key().thumbprint(), ..bill(deal, price)? };
        let body = pay(wallet, mint, &bill)?;
        ledger.deposit(&DepositBody::new(body.permissions.clone()))?;
        Ok(Self { shop, bill, body, refunded: 0 })
    }

    fn permissions(&self) -> Outcome<Vec<(Permission, PublicKey)>> {
        let read = |compact: &Compact<Permission>| -> Outcome<_> {
            let (permission, key) = compact.verify_self_keyed(&Portable)?;
            Ok((permission.payload().clone(), key))
        };
        self.body.permissions.iter().map(read).collect()
    }

    /// The merchant asks through its module, the mint answers, and the module verifies the answer.
    fn refund(&mut self, ledger: &mut Ledger, number: u8, amount: &str) -> Outcome<Signed<RefundConfirmation>> {
        let key = ledger.signer.public_key().clone();
        let payee = EcashPayee::new([TrustedMint { url: "http://localhost:1".to_owned(), key: key.clone() }]);
        let confirmation = Confirmation {
            mint: self.body.mint,
            merchant: self.bill.payee,
            deal: self.bill.deal,
            amount: self.bill.total,
            permissions: Vec::new(),
            wire_by: NOW,
            confirmed_at: NOW,
        };
        let statements = vec![Signed::sign(confirmation, &ledger.signer).compact().to_owned()];
        let settlement = Settlement { paid: self.bill.total, owed: None, proofs: Vec::new(), statements };
        let repayment =
            Repayment { id: RefundId([number; 16]), amount: euros(amount)?, reason: "late".to_owned(), at: NOW };
        let RefundStep::Ask(request) = payee.refund(&self.bill, &settlement, &repayment, &self.shop)? else {
            return Err("the mint is asked".into());
        };
        assert_eq!(request.url, "http://localhost:1/refunds");
        let body: RefundBody = serde_json::from_value(request.body.clone())?;
        let refund = check_refund(&ledger.keys, &body.refund, &Portable)?;
        let given = self.permissions()?;
        let minor: Vec<u64> = given.iter().map(|(permission, _)| permission.amount.minor()).collect();
        let shares = spread(&minor, self.refunded, refund.amount.minor()).ok_or("more than was paid")?;
        self.refunded += refund.amount.minor();
        let mut coins = Vec::new();
        for (position, share) in shares {
            let coin = &given[position].1;
            *ledger.spent.get_mut(&coin.to_text()).ok_or("the coin was spent")? -= share;
            coins.push(RefundedCoin { coin: coin.to_compressed(), amount: Amount::new(Currency::EUR, share)? });
        }
        let confirmation = RefundConfirmation {
            mint: self.body.mint,
            refund: refund.digest(),
            deal: self.bill.deal,
            coins,
            confirmed_at: NOW,
        };
        let confirmation = Signed::sign(confirmation, &ledger.signer);
        let answer = RefundAnswer { confirmation: confirmation.to_compact() };
        let answer = Answer { status: 200, body: serde_json::to_vec(&answer)? };
        let RefundStep::Done(status) = payee.resume_refund(&request, &answer, &Portable)? else {
            return Err("the refund is made".into());
        };
        assert_eq!((status.refund, status.proofs), (body.refund, vec![confirmation.compact().to_owned()]));
        Ok(confirmation)
    }

    /// The wallet takes back what a confirmation says.
    fn take(
        &self,
        wallet: &mut EcashPayer,
        ledger: &Ledger,
        kept: &[KeptCoin],
        confirmation: &RefundConfirmation,
    ) -> Outcome {
        for returned in &confirmation.coins {
            let kept = kept.iter().find(|kept| kept.key() == returned.coin).ok_or("the coin was kept")?;
            let (permission, key) =
                self.permissions()?.into_iter().find(|(_, key)| key.to_compressed() == returned.coin).ok_or("coin")?;
            let value = ledger.keys.find(&permission.denomination)?.value;
            let status = ledger.coin_status(&key.to_text(), value)?.ok_or("the coin is known")?;
            wallet.take_refund(kept, &permission, returned.amount, &status, &Portable)?;
        }
        Ok(())
    }
}

#[test]
fn a_refund_comes_back_and_is_spent_again() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "20.00")?;
    let seen: Vec<String> = wallet.mint_purse(&mint)?.coins.iter().map(|coin| coin.name().to_owned()).collect();
    let mut paid = Paid::new(&mut ledger, &mut wallet, mint, b"deal", "17.00")?;
    let kept = wallet.keep(&paid.bill.deal);
    assert_eq!(kept.len(), paid.body.permissions.len());
    wallet.settled(&paid.bill.deal);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.balances()["EUR"], 300);

    let first = paid.refund(&mut ledger, 1, "2.50")?;
    paid.take(&mut wallet, &ledger, &kept, &first)?;
    assert_eq!(wallet.balances()["EUR"], 550);
    assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("3.00")?, "its key was seen: it is exchanged first");
    paid.take(&mut wallet, &ledger, &kept, &first)?;
    assert_eq!(wallet.balances()["EUR"], 550, "twice is once");
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("5.50")?);

    // The same coin gets more, in part, after it was exchanged; then all of it.
    for (number, amount, balance) in [(2, "0.01", 551), (3, "14.49", 2000)] {
        let again = paid.refund(&mut ledger, number, amount)?;
        paid.take(&mut wallet, &ledger, &kept, &again)?;
        refresh_all(&mut wallet, &mint, &mut ledger)?;
        assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW).minor(), balance);
    }
    assert!(paid.refund(&mut ledger, 4, "0.01").is_err(), "all is back");
    let fresh = wallet.mint_purse(&mint)?.coins.iter().filter(|coin| coin.is_spendable(NOW));
    let known = fresh.filter(|coin| ledger.spent.contains_key(coin.name())).count();
    assert_eq!(known, 0, "of what can be spent the mint has seen nothing");
    assert!(seen.len() > 1);
    let everything = bill(b"everything", "20.00")?;
    let body = pay(&mut wallet, mint, &everything)?;
    assert_eq!(ledger.deposit(&DepositBody::new(body.permissions))?, everything.total);
    Ok(())
}

#[test]
fn a_refund_that_meets_an_exchange_on_its_way_is_exchanged_after_it() -> Outcome {
    for melted_at_the_mint in [false, true] {
        let mut ledger = Ledger::new()?;
        let (mut wallet, mint) = funded(&mut ledger, "8.00")?;
        let mut paid = Paid::new(&mut ledger, &mut wallet, mint, b"deal", "3.20")?;
        let kept = wallet.keep(&paid.bill.deal);
        wallet.settled(&paid.bill.deal);
        let name = wallet.refreshes(&mint, NOW)?.pop().ok_or("change")?;
        let melt = wallet.melt(&mint, &name, NOW, &mut super::ledger::rng())?;
        if melted_at_the_mint {
            ledger.melt(&melt.to_compact())?;
        }
        let confirmation = paid.refund(&mut ledger, 1, "3.20")?;
        paid.take(&mut wallet, &ledger, &kept, &confirmation)?;
        assert_eq!(wallet.balances()["EUR"], 800, "melted at the mint: {melted_at_the_mint}");
        let stored = serde_json::to_string(wallet.purse())?;
        let mut wallet = EcashPayer::load(Seed::new([3; 32]), serde_json::from_str(&stored)?, &Portable)?;
        refresh_all(&mut wallet, &mint, &mut ledger)?;
        assert_eq!(wallet.balances()["EUR"], 800);
        refresh_all(&mut wallet, &mint, &mut ledger)?;
        assert_eq!(wallet.mint_purse(&mint)?.spendable(NOW), euros("8.00")?);
    }
    Ok(())
}

#[test]
fn words_find_what_was_refunded() -> Outcome {
    for melting in [false, true] {
        let mut ledger = Ledger::new()?;
        let (mut wallet, mint) = funded(&mut ledger, "8.00")?;
        let mut paid = Paid::new(&mut ledger, &mut wallet, mint, b"deal", "3.20")?;
        wallet.settled(&paid.bill.deal);
        if melting {
            // The exchange is cut off between melt and reveal, and the refund comes on top.
            let name = wallet.refreshes(&mint, NOW)?.pop().ok_or("change")?;
            let melt = wallet.melt(&mint, &name, NOW, &mut super::ledger::rng())?;
            ledger.melt(&melt.to_compact())?;
        } else {
            refresh_all(&mut wallet, &mint, &mut ledger)?;
        }
        paid.refund(&mut ledger, 1, "1.20")?;

        let mut restored = EcashPayer::new(Seed::new([3; 32]));
        restored.trust(ledger.keys.document().clone())?;
        let status =
            ledger.reserve_status(restored.reserve_key(&mint, 0).public_key()).ok_or("the reserve is known")?;
        let mut names = restored.restore_reserve(&mint, 0, &status)?;
        while let Some(name) = names.pop() {
            let coin = restored.mint_purse(&mint)?.coins.iter().find(|coin| coin.name() == name).ok_or("coin")?;
            if let Some(status) = ledger.coin_status(&name, coin.remaining)? {
                names.extend(restored.restore_coin(&mint, &name, &status, &Portable)?);
            }
        }
        assert_eq!(restored.balances()["EUR"], 600, "melting: {melting}");
        refresh_all(&mut restored, &mint, &mut ledger)?;
        refresh_all(&mut restored, &mint, &mut ledger)?;
        assert_eq!(restored.mint_purse(&mint)?.spendable(NOW), euros("6.00")?);
    }
    Ok(())
}

#[test]
fn a_mint_that_keeps_back_what_it_confirmed_is_found_out() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "20.00")?;
    let mut paid = Paid::new(&mut ledger, &mut wallet, mint, b"deal", "17.00")?;
    let kept = wallet.keep(&paid.bill.deal);
    wallet.settled(&paid.bill.deal);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    let confirmation = paid.refund(&mut ledger, 1, "1.00")?;
    let coin = PublicKey::from_sec1(&confirmation.coins[0].coin)?;
    *ledger.spent.get_mut(&coin.to_text()).ok_or("spent")? += 1;
    assert!(paid.take(&mut wallet, &ledger, &kept, &confirmation).is_err());
    assert_eq!(wallet.balances()["EUR"], 300);
    Ok(())
}

#[test]
fn only_the_mint_s_word_on_this_refund_counts() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "4.00")?;
    let mut paid = Paid::new(&mut ledger, &mut wallet, mint, b"deal", "3.00")?;
    let good = paid.refund(&mut ledger, 1, "1.00")?;
    let refund = crate::items::payment::Refund {
        refund: RefundId([1; 16]),
        merchant: paid.bill.payee,
        via: mint,
        deal: paid.bill.deal,
        amount: euros("1.00")?,
        reason: "late".to_owned(),
        issued_at: NOW,
    };
    let refund = Signed::sign_self_keyed(refund, &paid.shop);
    let check = |payload: RefundConfirmation, key: &SigningKey| {
        let compact = Signed::sign(payload, key).to_compact();
        check_confirmation(&refund, &compact, ledger.signer.public_key(), &Portable).is_ok()
    };
    let good = good.payload().clone();
    assert!(check(good.clone(), &ledger.signer));
    assert!(!check(good.clone(), &paid.shop), "another's word");
    let other = Digest::of(b"other");
    assert!(!check(RefundConfirmation { refund: other, ..good.clone() }, &ledger.signer));
    assert!(!check(RefundConfirmation { deal: other, ..good.clone() }, &ledger.signer));
    assert!(!check(RefundConfirmation { mint: other, ..good.clone() }, &ledger.signer));
    assert!(!check(RefundConfirmation { coins: Vec::new(), ..good }, &ledger.signer), "less than was refunded");
    Ok(())
}

#[test]
fn the_mint_refuses_orders_that_are_not_the_merchant_s() -> Outcome {
    let ledger = Ledger::new()?;
    let shop = SigningKey::from_bytes(&[6; 32])?;
    let good = crate::items::payment::Refund {
        refund: RefundId([1; 16]),
        merchant: shop.public_key().thumbprint(),
        via: ledger.keys.mint(),
        deal: Digest::of(b"deal"),
        amount: euros("1.00")?,
        reason: "late".to_owned(),
        issued_at: UnixSeconds(0),
    };
    let check = |refund: crate::items::payment::Refund, key: &SigningKey| {
        let compact = Signed::sign_self_keyed(refund, key).to_compact();
        let code = |error: EcashError| crate::foundation::Coded::code(&error);
        check_refund(&ledger.keys, &compact, &Portable).map(|_| ()).map_err(code)
    };
    assert_eq!(check(good.clone(), &shop), Ok(()));
    assert_eq!(check(good.clone(), &SigningKey::from_bytes(&[7; 32])?), Err(Code::REQUEST_INVALID));
    let elsewhere = crate::items::payment::Refund { via: Digest::of(b"another"), ..good.clone() };
    assert_eq!(check(elsewhere, &shop), Err(Code::MINT_MISMATCH));
    let dollars = Amount::new("USD".parse()?, 100)?;
    let dollars = crate::items::payment::Refund { amount: dollars, ..good };
    assert_eq!(check(dollars, &shop), Err(Code::CURRENCY_MISMATCH));
    Ok(())
}

proptest! {
    /// Whatever refunds are asked for in whatever order: none gives more than is left, none takes from another, and each
    /// coin gets at most what it gave, in the deposit's order.
    #[test]
    fn refunds_never_give_more_than_was_paid(
        given in prop::collection::vec(1_u64..5_000, 1..12),
        asked in prop::collection::vec(1_u64..9_000, 1..24),
    ) {
        let paid: u64 = given.iter().sum();
        let mut back = vec![0; given.len()];
        let mut refunded = 0;
        for amount in asked {
            let shares = spread(&given, refunded, amount);
            prop_assert_eq!(shares.is_some(), refunded + amount <= paid);
            prop_assert_eq!(&shares, &spread(&given, refunded, amount), "the same question, the same answer");
            let Some(shares) = shares else { continue };
            prop_assert_eq!(shares.iter().map(|(_, share)| share).sum::<u64>(), amount);
            for (position, share) in shares {
                prop_assert!(share > 0);
                back[position] += share;
            }
            refunded += amount;
            let first_open = back.iter().zip(&given).position(|(back, given)| back < given).unwrap_or(given.len());
            prop_assert!(back[..first_open].iter().eq(&given[..first_open]));
            prop_assert!(back.iter().skip(first_open + 1).all(|back| *back == 0), "one after the other");
        }
        prop_assert!(spread(&given, u64::MAX, 1).is_none());
    }
}
