//! The mint's checks: all that can be said of a request without looking into the ledger.

use super::refresh::{Candidate, KAPPA, candidate_digest, commitment};
use super::{
    Denomination, DepositBody, EcashError, KeySet, MAX_COINS, Melt, PayoutAccount, Permission, Planchet, Reveal,
    Withdrawal, coin_message,
};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::Refund;
use crate::items::statement::{Compact, Signed};
use crate::security::blinding::RsaPublicKey;
use crate::security::{PublicKey, SigningKey, Thumbprint, Verifier};

/// A permission whose coin and signatures are good; whether the coin still has the amount, the ledger says.
#[derive(Debug, Clone)]
pub struct CheckedPermission {
    /// The coin.
    pub coin: PublicKey,
    /// What a fresh coin of its denomination is worth.
    pub value: Amount,
    /// What the mint takes of the coin beside what it gives.
    pub fee: Amount,
    /// The permission.
    pub permission: Signed<Permission>,
}

/// A deposit whose permissions are all good and belong together.
#[derive(Debug, Clone)]
pub struct CheckedDeposit {
    /// The merchant.
    pub merchant: Thumbprint,
    /// The deal.
    pub deal: Digest,
    /// The sum.
    pub total: Amount,
    /// The permissions, of different coins.
    pub permissions: Vec<CheckedPermission>,
}

/// Checks a deposit.
///
/// # Errors
/// [`EcashError`]: malformed, for another mint, with an unknown or expired denomination, or with a coin that is not ours.
pub fn check_deposit(
    keys: &KeySet,
    body: &DepositBody,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<CheckedDeposit, EcashError> {
    if body.permissions.is_empty() || body.permissions.len() > MAX_COINS {
        return Err(EcashError::Malformed("a deposit is 1 to 64 permissions"));
    }
    let mut permissions: Vec<CheckedPermission> = Vec::with_capacity(body.permissions.len());
    let mut total = Amount::zero(keys.currency());
    for compact in &body.permissions {
        let checked = check_permission(keys, compact, now, verifier)?;
        if permissions.iter().any(|other| other.coin == checked.coin) {
            return Err(EcashError::Malformed("a coin stands twice in the deposit"));
        }
        total = total.checked_add(checked.permission.amount)?;
        permissions.push(checked);
    }
    let (merchant, deal) = (permissions[0].permission.merchant, permissions[0].permission.deal);
    if permissions.iter().any(|p| (p.permission.merchant, p.permission.deal) != (merchant, deal)) {
        return Err(EcashError::Malformed("the permissions are for different deals"));
    }
    Ok(CheckedDeposit { merchant, deal, total, permissions })
}

fn check_permission(
    keys: &KeySet,
    compact: &Compact<Permission>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<CheckedPermission, EcashError> {
    let (permission, coin) = compact.verify_self_keyed(verifier)?;
    if permission.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    let denomination = keys.find(&permission.denomination)?;
    let fee = Amount::new(keys.currency(), denomination.fees.deposit)?;
    let taken = permission.amount.checked_add(fee)?;
    if permission.amount.is_zero() {
        return Err(EcashError::Malformed("an amount is zero"));
    }
    check_coin(denomination, &coin, &permission.signature, taken, now, verifier)?;
    Ok(CheckedPermission { coin, value: denomination.value, fee, permission })
}

fn check_coin(
    denomination: &Denomination,
    coin: &PublicKey,
    signature: &[u8],
    amount: Amount,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<(), EcashError> {
    if denomination.revoked {
        return Err(EcashError::DenominationRevoked);
    }
    if !denomination.spends(now) {
        return Err(EcashError::DenominationExpired);
    }
    denomination.value.checked_sub(amount)?;
    if amount.is_zero() {
        return Err(EcashError::Malformed("an amount is zero"));
    }
    let message = coin_message(&denomination.id, coin);
    let key: &RsaPublicKey = &denomination.key;
    if verifier.rsa_pss(key, &message, signature) { Ok(()) } else { Err(EcashError::Coin) }
}

/// A withdrawal that the reserve has signed; whether the reserve has the money, the ledger says.
#[derive(Debug, Clone)]
pub struct CheckedWithdrawal {
    /// The reserve.
    pub reserve: PublicKey,
    /// What it costs, the fee included.
    pub total: Amount,
    /// What of it the mint keeps.
    pub fee: Amount,
    /// The request.
    pub request: Signed<Withdrawal>,
}

/// Checks a withdrawal.
///
/// # Errors
/// [`EcashError`]: malformed, for another mint, or of a denomination that is not issued now.
pub fn check_withdrawal(
    keys: &KeySet,
    compact: &Compact<Withdrawal>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<CheckedWithdrawal, EcashError> {
    let (request, reserve) = compact.verify_self_keyed(verifier)?;
    if request.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if request.batch.is_empty() || request.batch.len() > MAX_COINS {
        return Err(EcashError::Malformed("a batch is 1 to 64 planchets"));
    }
    let issued = request.batch.iter().map(|planchet| planchet.denomination);
    let fees =
        issued.clone().map(|id| Amount::new(keys.currency(), keys.find(&id)?.fees.withdraw).map_err(EcashError::from));
    let fee = Amount::sum(keys.currency(), fees.collect::<Result<Vec<_>, _>>()?)?;
    let total = issued_total(keys, issued, now)?.checked_add(fee)?;
    Ok(CheckedWithdrawal { reserve, total, fee, request })
}

fn issued_total(
    keys: &KeySet,
    denominations: impl Iterator<Item = Digest>,
    now: UnixSeconds,
) -> Result<Amount, EcashError> {
    let mut total = Amount::zero(keys.currency());
    for id in denominations {
        let denomination = keys.find(&id)?;
        if denomination.revoked {
            return Err(EcashError::DenominationRevoked);
        }
        if !denomination.issues(now) {
            return Err(EcashError::DenominationExpired);
        }
        total = total.checked_add(denomination.value)?;
    }
    Ok(total)
}

/// A melt whose coin and signatures are good; whether the coin still has the amount, the ledger says.
#[derive(Debug, Clone)]
pub struct CheckedMelt {
    /// The coin.
    pub coin: PublicKey,
    /// What a fresh coin of its denomination is worth.
    pub value: Amount,
    /// What of the melted amount the mint keeps.
    pub fee: Amount,
    /// The melt.
    pub melt: Signed<Melt>,
}

/// Checks a melt.
///
/// # Errors
/// [`EcashError`]: malformed, for another mint, outputs that do not sum up or are not issued now, or a coin not ours.
pub fn check_melt(
    keys: &KeySet,
    compact: &Compact<Melt>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<CheckedMelt, EcashError> {
    let (melt, coin) = compact.verify_self_keyed(verifier)?;
    if melt.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if melt.outputs.is_empty() || melt.outputs.len() > MAX_COINS {
        return Err(EcashError::Malformed("a melt has 1 to 64 outputs"));
    }
    let denomination = keys.find(&melt.denomination)?;
    let fee = Amount::new(keys.currency(), denomination.fees.refresh)?;
    if issued_total(keys, melt.outputs.iter().copied(), now)?.checked_add(fee)? != melt.amount {
        return Err(EcashError::Malformed("outputs and fee do not sum up to the amount"));
    }
    check_coin(denomination, &coin, &melt.signature, melt.amount, now, verifier)?;
    Ok(CheckedMelt { coin, value: denomination.value, fee, melt })
}

/// Checks a reveal against its melt and the mint's choice, and returns the planchets to be signed.
///
/// # Errors
/// [`EcashError::Reveal`] where it is not what the melt committed to: the coin is lost to whoever tried.
pub fn check_reveal(
    keys: &KeySet,
    coin: &PublicKey,
    melt: &Melt,
    gamma: u8,
    reveal: &Reveal,
) -> Result<Vec<Planchet>, EcashError> {
    let outputs = melt.outputs.iter().map(|id| keys.find(id)).collect::<Result<Vec<_>, _>>()?;
    let same_outputs = reveal.planchets.iter().map(|planchet| planchet.denomination).eq(melt.outputs.iter().copied());
    if !same_outputs || reveal.transfer_secrets.len() != usize::from(KAPPA - 1) {
        return Err(EcashError::Reveal);
    }
    let hidden = candidate_digest(&reveal.transfer_public, reveal.planchets.iter().map(|planchet| &planchet.blinded));
    let mut secrets = reveal.transfer_secrets.iter();
    let mut digests = Vec::with_capacity(usize::from(KAPPA));
    for candidate in 0..KAPPA {
        if candidate == gamma {
            digests.push(hidden);
            continue;
        }
        let secret = secrets.next().and_then(|s| s.0.as_slice().try_into().ok()).ok_or(EcashError::Reveal)?;
        let transfer = SigningKey::from_bytes(secret).map_err(|_| EcashError::Reveal)?;
        digests.push(Candidate::derive(&transfer, coin, &outputs)?.digest());
    }
    if commitment(&digests) != melt.commitment {
        return Err(EcashError::Reveal);
    }
    Ok(reveal.planchets.iter().map(|p| Planchet { denomination: p.denomination, blinded: p.blinded }).collect())
}

/// Checks a merchant's order to refund. Whether there is so much to give back, the ledger says.
///
/// # Errors
/// [`EcashError`]: not signed by the merchant that it names, for another mint or in another currency, or malformed.
pub fn check_refund(
    keys: &KeySet,
    compact: &Compact<Refund>,
    verifier: &dyn Verifier,
) -> Result<Signed<Refund>, EcashError> {
    let (refund, key) = compact.verify_self_keyed(verifier)?;
    if let Some(fault) = refund.fault(&key.thumbprint()) {
        return Err(EcashError::Malformed(fault));
    }
    if refund.via != keys.mint() {
        return Err(EcashError::Mint);
    }
    refund.amount.checked_sub(Amount::zero(keys.currency()))?;
    Ok(refund)
}

/// Checks a merchant's registration of its account.
///
/// # Errors
/// [`EcashError`]: not signed by the merchant that it names, or for another mint.
pub fn check_registration(
    keys: &KeySet,
    compact: &Compact<PayoutAccount>,
    verifier: &dyn Verifier,
) -> Result<Signed<PayoutAccount>, EcashError> {
    let registration =
        Signed::verify_introduction(compact.as_str(), |account: &PayoutAccount| &account.merchant, verifier)?;
    if registration.mint == keys.mint() { Ok(registration) } else { Err(EcashError::Mint) }
}
