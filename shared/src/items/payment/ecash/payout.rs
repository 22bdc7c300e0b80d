//! Payouts: the mint pays a merchant many deals in one transfer, and signs the list of them.
//!
//! ```text
//! deposits due, per account ── the sum reaches the minimum, or the longest wait is over ──▶ one transfer at the bank
//!                                                                                              │ its subject names the payout
//! merchant ── signed request ──▶ mint ── signed list of deals ──▶ held against the merchant's own deals
//! ```

use serde::{Deserialize, Serialize};

use super::{EcashError, KeySet};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::{PublicKey, Thumbprint, Verifier};

/// The most deals that one payout covers: its list is one statement.
pub const MAX_PAYOUT_DEALS: usize = 256;

/// How far a merchant's clock may be off when it asks, in seconds.
const SKEW_S: u64 = 300;

/// The longest label of an account.
const MAX_LABEL: usize = 32;

/// Whether this is a label of an account: lower-case letters, digits and hyphens, at most 32.
pub fn is_label(label: &str) -> bool {
    matches!(label.len(), 1..=MAX_LABEL)
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// What the transfer's subject at the bank says.
pub fn payout_subject(payout: &Digest) -> String {
    format!("semper payout {payout}")
}

/// The mint's word what a transfer to a merchant is for. Signed by the mint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payout {
    /// The mint.
    pub mint: Thumbprint,
    /// The merchant.
    pub merchant: Thumbprint,
    /// The payout's name, which the transfer at the bank carries in its subject.
    pub payout: Digest,
    /// The label of the account, where the merchant has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The account at the bank.
    pub account: String,
    /// What was transferred: the sum over the deals, less the fees.
    pub amount: Amount,
    /// What the mint kept for the transfer.
    pub fees: Amount,
    /// The deals, each once.
    pub deals: Vec<PaidDeal>,
    /// When the deals were gathered.
    pub made_at: UnixSeconds,
}

impl Statement for Payout {
    const TYP: &'static str = "semper-payout+jwt";
}

/// A deal in a payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidDeal {
    /// The deal.
    pub deal: Digest,
    /// What its customer paid.
    pub amount: Amount,
    /// What of it was given back before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Amount>,
}

impl Payout {
    /// Whether the deals sum up to the amount and the fees, and none stands twice.
    pub fn adds_up(&self) -> bool {
        let currency = self.amount.currency();
        let nets = self.deals.iter().map(|paid| match paid.refunded {
            Some(refunded) => paid.amount.checked_sub(refunded),
            None => Ok(paid.amount),
        });
        let nets: Result<Vec<Amount>, _> = nets.collect();
        let sum = nets.and_then(|nets| Amount::sum(currency, nets));
        let mut names: Vec<&Digest> = self.deals.iter().map(|paid| &paid.deal).collect();
        names.sort_unstable();
        sum == self.amount.checked_add(self.fees) && names.windows(2).all(|pair| pair[0] != pair[1])
    }
}

/// A merchant's wish to see what it was paid. Signed by the merchant's key, which it carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRequest {
    /// The mint that is asked.
    pub mint: Thumbprint,
    /// When.
    pub requested_at: UnixSeconds,
}

impl Statement for PayoutRequest {
    const TYP: &'static str = "semper-payout-request+jwt";
}

/// Merchant to mint: show me my payouts, or one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutRequestBody {
    /// The signed request.
    pub request: Compact<PayoutRequest>,
}

/// Mint to merchant: its payouts, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutList {
    /// Those after the serial that was named.
    pub payouts: Vec<PayoutLine>,
    /// Whether there are more.
    pub more: bool,
}

/// A payout in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutLine {
    /// Its place in the list.
    pub serial: u64,
    /// Its name.
    pub payout: Digest,
    /// How much.
    pub amount: Amount,
    /// Whether the bank has taken the transfer: only then there is a statement.
    pub sent: bool,
}

/// Mint to merchant: one payout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayoutAnswer {
    /// The statement.
    pub payout: Compact<Payout>,
}

/// Which of its accounts a merchant wants a deal's money in. Signed by the merchant's key, which it carries: whoever else
/// hands the coins in cannot choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositAccount {
    /// The mint that takes the deposit.
    pub mint: Thumbprint,
    /// The deal.
    pub deal: Digest,
    /// The label under which the account is registered.
    pub label: String,
}

impl Statement for DepositAccount {
    const TYP: &'static str = "semper-deposit-account+jwt";
}

/// Checks a merchant's request for its payouts, and says whose it is.
///
/// # Errors
/// [`EcashError`]: for another mint, or not of now.
pub fn check_payout_request(
    keys: &KeySet,
    request: &Compact<PayoutRequest>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<Thumbprint, EcashError> {
    let (request, key) = request.verify_self_keyed(verifier)?;
    if request.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if request.requested_at.plus(SKEW_S) < now || now.plus(SKEW_S) < request.requested_at {
        return Err(EcashError::Malformed("the request is not of now: compare the clocks"));
    }
    Ok(key.thumbprint())
}

/// Checks a merchant's choice of account for a deal.
///
/// # Errors
/// [`EcashError`]: not signed by the merchant, or for another mint or deal.
pub fn check_deposit_account(
    keys: &KeySet,
    account: &Compact<DepositAccount>,
    merchant: &Thumbprint,
    deal: &Digest,
    verifier: &dyn Verifier,
) -> Result<(Signed<DepositAccount>, PublicKey), EcashError> {
    let (account, key) = account.verify_self_keyed(verifier)?;
    if account.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    if key.thumbprint() != *merchant || account.deal != *deal || !is_label(&account.label) {
        return Err(EcashError::Malformed("the account is not the merchant's choice for this deal"));
    }
    Ok((account, key))
}

/// Verifies what a mint says of a payout, as far as can be said without the merchant's books.
///
/// # Errors
/// [`EcashError::Peer`] where it is not the mint's word for this merchant, or does not add up.
pub fn check_payout(
    statement: &Compact<Payout>,
    mint: &PublicKey,
    merchant: &Thumbprint,
    verifier: &dyn Verifier,
) -> Result<Signed<Payout>, EcashError> {
    let signed = statement.verify(mint, verifier)?;
    if signed.mint != mint.thumbprint() || signed.merchant != *merchant {
        return Err(EcashError::Peer("the payout is another's"));
    }
    if !signed.adds_up() {
        return Err(EcashError::Peer("the payout's deals do not sum up to what was paid"));
    }
    Ok(signed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::{AmountError, Currency};

    fn cents(minor: u64) -> Result<Amount, AmountError> {
        Amount::new(Currency::EUR, minor)
    }

    fn good() -> Result<Payout, AmountError> {
        Ok(Payout {
            mint: Digest([1; 32]),
            merchant: Digest([2; 32]),
            payout: Digest([3; 32]),
            label: None,
            account: "merchant".to_owned(),
            amount: cents(500)?,
            fees: cents(20)?,
            deals: vec![
                PaidDeal { deal: Digest([4; 32]), amount: cents(320)?, refunded: None },
                PaidDeal { deal: Digest([5; 32]), amount: cents(300)?, refunded: Some(cents(100)?) },
            ],
            made_at: UnixSeconds(1_000),
        })
    }

    #[test]
    fn every_deal_counts_once_and_net() -> Result<(), AmountError> {
        let good = good()?;
        assert!(good.adds_up());
        assert!(!Payout { amount: cents(501)?, ..good.clone() }.adds_up());
        assert!(!Payout { fees: cents(0)?, ..good.clone() }.adds_up());
        let mut twice = good.clone();
        twice.deals.push(PaidDeal { deal: Digest([4; 32]), amount: cents(0)?, refunded: None });
        assert!(!twice.adds_up());
        let mut more_back = good;
        more_back.deals[0].refunded = Some(cents(321)?);
        assert!(!more_back.adds_up());
        Ok(())
    }

    #[test]
    fn the_longest_list_is_a_statement() -> Result<(), AmountError> {
        use crate::security::SigningKey;
        let mut payout = good()?;
        let deal = |number: usize| -> Result<PaidDeal, AmountError> {
            let most = cents(9_007_199_254_740_991)?;
            Ok(PaidDeal { deal: Digest::of(&number.to_be_bytes()), amount: most, refunded: Some(most) })
        };
        payout.deals = (0..MAX_PAYOUT_DEALS).map(deal).collect::<Result<_, _>>()?;
        let key = SigningKey::from_bytes(&[7; 32]).expect("a key");
        let length = Signed::sign(payout, &key).compact().len();
        assert!(length < crate::items::statement::MAX_LEN, "{length}");
        Ok(())
    }

    #[test]
    fn labels_are_plain() {
        assert!(is_label("books") && is_label("vat-7"));
        assert!(!is_label("") && !is_label("Books") && !is_label(&"b".repeat(33)));
    }
}
