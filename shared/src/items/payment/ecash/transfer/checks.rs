//! The mint's checks: all that can be said of a transfer without looking into the ledger.

use super::super::mint::{CheckedPermission, check_deposit};
use super::super::{DepositBody, EcashError, KeySet};
use super::{
    Acceptance, AcceptanceBody, Cancellation, MAX_OPEN_S, MAX_PURPOSE, RETURN_S, Terms, Transfer, TransferBody,
    TransferRequest,
};
use crate::foundation::{Digest, UnixSeconds};
use crate::items::statement::{Compact, Signed, StatementError};
use crate::security::{PublicKey, Thumbprint, Verifier};

/// A transfer whose statement and coins are good and belong together.
#[derive(Debug, Clone)]
pub struct CheckedTransfer {
    /// What it is asked about by: the thumbprint of a transfer's key; the digest of a request.
    pub name: Digest,
    /// The digest of the statement.
    pub digest: Digest,
    /// The thumbprint of the key that signed it.
    pub signer: Thumbprint,
    /// The reserve to be credited at once, where it was asked for.
    pub reserve: Option<PublicKey>,
    /// What it says.
    pub terms: Terms,
    /// The coins.
    pub permissions: Vec<CheckedPermission>,
}

/// Reads a transfer or a request, without the coins that pay it: its terms, its name, its digest and its signer.
///
/// # Errors
/// [`EcashError`] where it is neither, or breaks the bounds.
pub fn read_transfer(text: &str, verifier: &dyn Verifier) -> Result<CheckedTransfer, EcashError> {
    let (digest, terms, key, asked_for) = match Signed::<Transfer>::verify_self_keyed(text, verifier) {
        Ok((transfer, key)) => (transfer.digest(), transfer.payload().0.clone(), key, false),
        Err(StatementError::Type { .. }) => {
            let (request, key) = Signed::<TransferRequest>::verify_self_keyed(text, verifier)?;
            (request.digest(), request.payload().0.clone(), key, true)
        }
        Err(error) => return Err(error.into()),
    };
    if terms.purpose.chars().count() > MAX_PURPOSE || terms.purpose.chars().any(char::is_control) {
        return Err(EcashError::Malformed("a purpose is at most 100 characters on one line"));
    }
    if terms.amount.is_zero() {
        return Err(EcashError::Malformed("an amount is zero"));
    }
    let signer = key.thumbprint();
    let name = if asked_for { digest } else { signer };
    Ok(CheckedTransfer { name, digest, signer, reserve: asked_for.then_some(key), terms, permissions: Vec::new() })
}

/// Checks a transfer and the coins that pay it.
///
/// # Errors
/// [`EcashError`]: malformed, for another mint, expired, or with coins that are not ours, not for it, or not its amount.
pub fn check_transfer(
    keys: &KeySet,
    body: &TransferBody,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<CheckedTransfer, EcashError> {
    let transfer = read_transfer(&body.transfer, verifier)?;
    let Terms { mint, amount, expires_at, .. } = transfer.terms;
    if mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if expires_at < now {
        return Err(EcashError::TransferExpired);
    }
    if expires_at > now.plus(MAX_OPEN_S) {
        return Err(EcashError::Malformed("a transfer is open for 31 days at most"));
    }
    let deposit = check_deposit(keys, &DepositBody::new(body.permissions.clone()), now, verifier)?;
    let fits = (deposit.merchant, deposit.deal, deposit.total) == (transfer.signer, transfer.digest, amount)
        && deposit.permissions.iter().all(|checked| checked.permission.refund_by == expires_at);
    if !fits {
        return Err(EcashError::Malformed("the coins do not pay this transfer, and nothing else"));
    }
    if transfer.reserve.is_none() {
        // What comes back must still be good for something.
        for checked in &deposit.permissions {
            if !keys.find(&checked.permission.denomination)?.spends(expires_at.plus(RETURN_S)) {
                return Err(EcashError::DenominationExpired);
            }
        }
    }
    Ok(CheckedTransfer { permissions: deposit.permissions, ..transfer })
}

/// Checks the acceptance of the transfer that `key` signed and whose digest is `transfer`. Returns the reserve.
///
/// # Errors
/// [`EcashError`]: for another mint or transfer, or not signed by both keys alike.
pub fn check_acceptance(
    keys: &KeySet,
    key: &Thumbprint,
    transfer: &Digest,
    body: &AcceptanceBody,
    verifier: &dyn Verifier,
) -> Result<PublicKey, EcashError> {
    let (by_transfer, _) = body.by_transfer.verify_self_keyed(verifier)?;
    let (by_reserve, reserve) = body.by_reserve.verify_self_keyed(verifier)?;
    let Acceptance { mint, transfer: accepted, reserve: named, .. } = *by_transfer.payload();
    if mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    let both = by_transfer.payload() == by_reserve.payload() && named == by_reserve.signer();
    if by_transfer.signer() != *key || accepted != *transfer || !both {
        return Err(EcashError::Statement(StatementError::Signature));
    }
    Ok(reserve)
}

/// Checks the cancellation of the transfer that `key` signed and whose digest is `transfer`.
///
/// # Errors
/// [`EcashError`]: for another mint or transfer, or not signed by its key.
pub fn check_cancellation(
    keys: &KeySet,
    key: &Thumbprint,
    transfer: &Digest,
    cancellation: &Compact<Cancellation>,
    verifier: &dyn Verifier,
) -> Result<(), EcashError> {
    let (cancellation, _) = cancellation.verify_self_keyed(verifier)?;
    if cancellation.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if cancellation.signer() != *key || cancellation.transfer != *transfer {
        return Err(EcashError::Statement(StatementError::Signature));
    }
    Ok(())
}
