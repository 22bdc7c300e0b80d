//! Refunds of a deal: each is an entity with a name and a reason, and together they are at most what was paid.

use super::DealError;
use crate::foundation::{Amount, Digest};
use crate::items::payment::{Refund, RefundStatus};
use crate::items::statement::Signed;
use crate::security::{Thumbprint, Verifier};

/// Checks what a merchant says it has given back: signed by it, of this deal, each name once, at most what was paid.
///
/// Where two modules shared the price, each gives its part of one refund back, under one name.
///
/// What proves that the money is back is the payment module's to check.
///
/// # Errors
/// [`DealError::Refund`] or [`DealError::Statement`]; what does not fit is kept as evidence.
pub fn check_refunds(
    deal: &Digest,
    merchant: &Thumbprint,
    paid: Amount,
    refunds: &[RefundStatus],
    verifier: &dyn Verifier,
) -> Result<Vec<Signed<Refund>>, DealError> {
    let mut checked: Vec<Signed<Refund>> = Vec::with_capacity(refunds.len());
    let mut left = paid;
    for status in refunds {
        let (refund, _) = status.refund.verify_self_keyed(verifier)?;
        if let Some(fault) = refund.fault(&refund.signer()) {
            return Err(DealError::Refund(fault));
        }
        if refund.merchant != *merchant || refund.deal != *deal {
            return Err(DealError::Refund("it is of another deal"));
        }
        if checked.iter().any(|other| other.refund == refund.refund && other.via == refund.via) {
            return Err(DealError::Refund("it stands there twice"));
        }
        left = left.checked_sub(refund.amount).map_err(|_| DealError::Refund("it is more than was paid"))?;
        checked.push(refund);
    }
    Ok(checked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::{Code, Coded, Currency, UnixSeconds};
    use crate::items::payment::RefundId;
    use crate::security::{Portable, SecurityError, Signer, SigningKey};

    /// What is made of one refund after another.
    fn refunds(changes: &[fn(&mut Refund)], key: &SigningKey) -> Vec<RefundStatus> {
        (0_u8..)
            .zip(changes)
            .map(|(number, change)| {
                let mut refund = Refund {
                    refund: RefundId([number; 16]),
                    merchant: key.public_key().thumbprint(),
                    via: Digest::of(b"mint"),
                    deal: Digest::of(b"deal"),
                    amount: Amount::new(Currency::EUR, 150).unwrap_or(Amount::zero(Currency::EUR)),
                    reason: "damaged".to_owned(),
                    issued_at: UnixSeconds(7),
                };
                change(&mut refund);
                RefundStatus { refund: Signed::sign_self_keyed(refund, key).to_compact(), proofs: Vec::new() }
            })
            .collect()
    }

    #[test]
    fn refunds_are_of_the_deal_each_once_and_at_most_what_was_paid() -> Result<(), SecurityError> {
        let key = SigningKey::from_bytes(&[7; 32])?;
        let merchant = key.public_key().thumbprint();
        let paid = Amount::new(Currency::EUR, 320).unwrap_or(Amount::zero(Currency::EUR));
        let check = |refunds: &[RefundStatus]| {
            let checked = check_refunds(&Digest::of(b"deal"), &merchant, paid, refunds, &Portable);
            checked.map(|refunds| refunds.len()).map_err(|error| error.code())
        };
        let invalid = Err(Code::REFUND_INVALID);
        assert_eq!(check(&refunds(&[|_| {}, |_| {}], &key)), Ok(2));
        assert_eq!(check(&refunds(&[|_| {}, |_| {}, |_| {}], &key)), invalid, "4.50 of 3.20");
        assert_eq!(check(&refunds(&[|_| {}, |other| other.refund = RefundId([0; 16])], &key)), invalid, "twice");
        assert_eq!(check(&refunds(&[|other| other.deal = Digest::of(b"x")], &key)), invalid, "another deal");
        assert_eq!(check(&refunds(&[|other| other.merchant = Digest::of(b"x")], &key)), invalid, "not by who it names");
        assert_eq!(check(&refunds(&[|other| other.amount = Amount::zero(Currency::EUR)], &key)), invalid, "nothing");
        assert_eq!(check(&refunds(&[|_| {}], &SigningKey::from_bytes(&[8; 32])?)), invalid, "another merchant");
        Ok(())
    }
}
