//! Revoked denominations: what is refused, what is recouped, and what nobody can steal.

use super::super::mint::{check_deposit, check_melt, check_withdrawal};
use super::super::*;
use super::ledger::{Ledger, NOW, Outcome, bill, euros, funded, pay, refresh_all, rng};
use crate::foundation::{Code, Coded, Digest};
use crate::items::payment::PayerModule;
use crate::items::statement::{Compact, Signed};
use crate::security::blinding::{self, BlindingSecrets, MODULUS_LEN};
use crate::security::{Portable, PublicKey, Seed, Signer, SigningKey, Thumbprint};

/// The mint's and the wallet's keys after a denomination was revoked.
fn revoke(ledger: &mut Ledger, wallet: &mut EcashPayer, denomination: Digest) -> Outcome {
    let mut document = ledger.keys.document().payload().clone();
    document.revoked.push(Revoked { denomination, revoked_at: NOW });
    let document = Signed::sign(document, &ledger.signer);
    ledger.keys = KeySet::new(document.clone())?;
    wallet.trust(document)?;
    Ok(())
}

fn signed(recoup: &Recoup, key: &SigningKey) -> Compact<Recoup> {
    Signed::sign_self_keyed(recoup.clone(), key).to_compact()
}

/// A coin of a revoked denomination, with its key, its order, and the blind signature that the mint gave.
fn revoked_coin(ledger: &mut Ledger) -> Outcome<(EcashPayer, Thumbprint, SigningKey, Recoup, [u8; MODULUS_LEN])> {
    let (mut wallet, mint) = funded(ledger, "2.56")?;
    let coin = wallet.mint_purse(&mint)?.coins[0].clone();
    revoke(ledger, &mut wallet, coin.denomination)?;
    let name = wallet.recoups(&mint)?.remove(0);
    assert_eq!(name, coin.name());
    let recoup = wallet.recoup(&mint, &name, NOW)?;
    let status = ledger.reserve_status(wallet.reserve_key(&mint, 0).public_key()).ok_or("known")?;
    let blind: [u8; MODULUS_LEN] = status.withdrawals[0].signatures[0].0.as_slice().try_into()?;
    Ok((wallet, mint, coin.secret().key(), recoup.payload().clone(), blind))
}

#[test]
fn a_withdrawn_coin_goes_back_into_its_reserve() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint, key, recoup, blind) = revoked_coin(&mut ledger)?;
    let checked = check_recoup(&ledger.keys, &signed(&recoup, &key), &Portable)?;
    assert_eq!(checked.value, euros("2.56")?);
    assert!(checked.is_signed_by(&blind));
    let reserve = wallet.reserve_key(&mint, 0).public_key().clone();
    assert_eq!(recoup.origin, RecoupOrigin::Reserve(reserve.clone()));
    assert_eq!(recoup.reserve, reserve);
    // A crash in between: the same order again, also from storage.
    let stored = serde_json::to_string(wallet.purse())?;
    let mut again = EcashPayer::load(Seed::new([3; 32]), serde_json::from_str(&stored)?, &Portable)?;
    let name = key.public_key().to_text();
    assert_eq!(again.recoup(&mint, &name, NOW.plus(99))?.compact(), wallet.recoup(&mint, &name, NOW)?.compact());
    assert_eq!(again.balances()["EUR"], 256, "it still counts");
    assert_eq!(wallet.recouped(&mint, &name)?, 0);
    assert!(!wallet.mint_purse(&mint)?.reserves[0].done, "the reserve is to be withdrawn");
    assert!(wallet.recouped(&mint, &name).is_err());
    Ok(())
}

#[test]
fn a_refreshed_coin_goes_into_a_reserve_of_its_own() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "2.56")?;
    let parent = wallet.mint_purse(&mint)?.coins[0].name().to_owned();
    let bill = bill(b"deal", "1.28")?;
    ledger.deposit(&DepositBody::new(pay(&mut wallet, mint, &bill)?.permissions))?;
    wallet.settled(&bill.deal);
    refresh_all(&mut wallet, &mint, &mut ledger)?;
    let coin = wallet.mint_purse(&mint)?.coins[0].clone();
    revoke(&mut ledger, &mut wallet, coin.denomination)?;
    let recoup = wallet.recoup(&mint, coin.name(), NOW)?;
    assert_eq!(recoup.origin, RecoupOrigin::Coin(PublicKey::from_text(&parent)?));
    assert_eq!(recoup.reserve, *wallet.reserve_key(&mint, 1).public_key());
    let checked = check_recoup(&ledger.keys, &recoup.to_compact(), &Portable)?;
    let status = ledger.coin_status(&parent, euros("2.56")?)?.ok_or("seen")?;
    let revealed = status.melts[0].revealed.as_ref().ok_or("revealed")?;
    let blind: [u8; MODULUS_LEN] = revealed.signatures[0].0.as_slice().try_into()?;
    assert!(checked.is_signed_by(&blind));
    Ok(())
}

#[test]
fn revoked_coins_are_neither_issued_nor_taken() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (mut wallet, mint) = funded(&mut ledger, "5.12")?;
    let reserve = wallet.open_reserve(&mint, euros("2.56")?, NOW)?;
    let withdrawal = wallet.withdraw(&mint, reserve, euros("2.56")?, NOW)?.to_compact();
    let deposit = DepositBody::new(pay(&mut wallet, mint, &bill(b"deal", "2.56")?)?.permissions);
    wallet.settled(&Digest::of(b"deal"));
    let name = wallet.refreshes(&mint, NOW)?.remove(0);
    let melt = wallet.melt(&mint, &name, NOW, &mut rng())?.to_compact();
    check_melt(&ledger.keys, &melt, NOW, &Portable)?;
    for value in ["2.56", "5.12"] {
        let value = euros(value)?;
        let denomination = ledger.keys.denominations().find(|d| d.value == value).ok_or("there")?.id;
        revoke(&mut ledger, &mut wallet, denomination)?;
    }
    let code = |error: EcashError| error.code();
    let expected = Some(Code::DENOMINATION_REVOKED);
    assert_eq!(check_withdrawal(&ledger.keys, &withdrawal, NOW, &Portable).err().map(code), expected);
    assert_eq!(check_deposit(&ledger.keys, &deposit, NOW, &Portable).err().map(code), expected);
    assert_eq!(check_melt(&ledger.keys, &melt, NOW, &Portable).err().map(code), expected);
    // The wallet withdraws with the others from now on, and does not recoup what is being melted before that is settled.
    assert!(wallet.keys(&mint)?.withdrawal(euros("2.56")?, NOW)?.iter().all(|d| d.value.minor() < 256));
    assert!(wallet.recoups(&mint)?.is_empty());
    Ok(())
}

#[test]
fn a_recoup_is_refused_for_its_reason() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (_, mint, key, good, blind) = revoked_coin(&mut ledger)?;
    let keys = ledger.keys.clone();
    let code = |recoup: &Recoup, key: &SigningKey| {
        check_recoup(&keys, &signed(recoup, key), &Portable).err().map(|error| error.code())
    };
    assert_eq!(code(&good, &key), None);
    let stranger = SigningKey::from_bytes(&[5; 32])?;
    assert_eq!(code(&good, &stranger), Some(Code::COIN_INVALID));
    assert_eq!(code(&Recoup { signature: [1; 256], ..good.clone() }, &key), Some(Code::COIN_INVALID));
    assert_eq!(code(&Recoup { mint: Digest::of(b"other"), ..good.clone() }, &key), Some(Code::MINT_MISMATCH));
    let unknown = Recoup { denomination: Digest::of(b"other"), ..good.clone() };
    assert_eq!(code(&unknown, &key), Some(Code::DENOMINATION_UNKNOWN));
    let current = keys.denominations().find(|d| !d.revoked).ok_or("there")?.id;
    let current = Recoup { denomination: current, ..good.clone() };
    assert_eq!(code(&current, &key), Some(Code::REQUEST_INVALID), "only what is revoked is recouped");
    // A wrong opening opens another planchet, which the mint never signed.
    let wrong = Recoup { opening: [7; 32], ..good };
    assert!(!check_recoup(&keys, &signed(&wrong, &key), &Portable)?.is_signed_by(&blind));
    let _ = mint;
    Ok(())
}

/// Whoever has the private key can sign coins of their own, and even compute the blinding factor under which a planchet
/// that the mint signed for somebody else would be theirs: but no seed gives that factor.
#[test]
fn a_thief_of_the_denomination_key_gets_nothing() -> Outcome {
    let mut ledger = Ledger::new()?;
    let (wallet, mint, _, good, blind) = revoked_coin(&mut ledger)?;
    let denomination = ledger.keys.find(&good.denomination)?.clone();
    let thief = SigningKey::from_bytes(&[5; 32])?;
    let message = coin_message(&denomination.id, thief.public_key());

    // A coin forged with the leaked key: blinded, signed and unblinded like any other.
    let opening = Seed::new([8; 32]);
    let secrets = BlindingSecrets::derive(&denomination.key, &opening)?;
    let blinded = blinding::blind(&denomination.key, &message, &secrets)?;
    let leaked: [u8; MODULUS_LEN] = ledger.leaked(&denomination, &blinded)?.0.as_slice().try_into()?;
    let signature = blinding::unblind(&denomination.key, &message, &leaked, &secrets)?;
    let forged = Recoup { signature, opening: *opening.as_bytes(), ..good };
    let checked = check_recoup(&ledger.keys, &signed(&forged, &thief), &Portable)?;
    assert!(checked.is_signed_by(&leaked), "the forgery is perfect");
    assert!(!checked.is_signed_by(&blind), "and is none of the planchets that the mint signed");
    // It names a coin as its origin instead: the mint has no such refresh; the victim's reserve: other planchets.
    let status = ledger.reserve_status(wallet.reserve_key(&mint, 0).public_key()).ok_or("known")?;
    for withdrawn in &status.withdrawals {
        for signature in &withdrawn.signatures {
            assert!(!checked.is_signed_by(signature.0.as_slice().try_into()?));
        }
    }
    Ok(())
}
