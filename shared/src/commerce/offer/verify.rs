//! What must hold of an offer before anybody orders.

use super::{Item, Offer, OfferError};
use crate::commerce::CLOCK_LEEWAY_S;
use crate::foundation::table::are_distinct;
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::ModuleId;
use crate::items::statement::Signed;
use crate::security::Verifier;

const MAX_LINES: usize = 256;

impl Offer {
    /// Verifies an offer that was fetched from `origin`: signature, consistency, origin and time.
    ///
    /// # Errors
    /// [`OfferError`]. Nothing of an offer that was refused may be shown as the merchant's word.
    pub fn verify(
        compact: &str,
        origin: &str,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Signed<Self>, OfferError> {
        let offer = Signed::<Self>::verify_introduction(compact, |offer| &offer.merchant.key, verifier)?;
        offer.check()?;
        if offer.merchant.url.trim_end_matches('/') != origin.trim_end_matches('/') {
            return Err(OfferError::Origin);
        }
        offer.check_time(now)?;
        // Whoever ordered now would order before there was an offer, and be refused.
        if now.plus(CLOCK_LEEWAY_S) < offer.issued_at {
            return Err(OfferError::Early);
        }
        Ok(offer)
    }

    /// Whether it can be ordered at `now`.
    ///
    /// # Errors
    /// [`OfferError::Expired`].
    pub fn check_time(&self, now: UnixSeconds) -> Result<(), OfferError> {
        if now > self.expires_at { Err(OfferError::Expired) } else { Ok(()) }
    }

    /// Until when the merchant may refund a deal that was ordered at `ordered_at`.
    pub fn refund_by(&self, ordered_at: UnixSeconds) -> UnixSeconds {
        ordered_at.plus(u64::from(self.refund_days) * 86_400)
    }

    /// Whether it is free of contradictions.
    ///
    /// # Errors
    /// [`OfferError::Inconsistent`] or [`OfferError::Amount`].
    pub fn check(&self) -> Result<(), OfferError> {
        let require = |holds: bool, what| if holds { Ok(()) } else { Err(OfferError::Inconsistent(what)) };
        require(!self.title.is_empty() && !self.good.is_empty(), "it has no title")?;
        require((1..=MAX_LINES).contains(&self.items.len()), "it has no items, or too many")?;
        require(self.delivery.parts.len() <= MAX_LINES, "it has too many parts")?;
        require(self.terms.digest == Digest::of(self.terms.text.as_bytes()), "the terms do not have their hash")?;
        require(self.issued_at < self.expires_at, "it expires before it begins")?;
        require(self.total.is_zero() == self.accepts.is_empty(), "its ways to pay do not fit its price")?;
        let currency = self.total.currency();
        let prices = self.items.iter().map(|item| item.price.checked_mul(u64::from(item.quantity)));
        let total = Amount::sum(currency, prices.collect::<Result<Vec<_>, _>>()?)?;
        require(total == self.total, "the total is not the sum of the items")?;
        require(vat_included(&self.items, self.total)? == self.vat, "the VAT is not that of the items")?;
        let names: Vec<_> = self.delivery.parts.iter().map(|part| part.name.as_str()).collect();
        require(are_distinct(&names), "two parts have one name")?;
        require(names.iter().all(|name| is_file_name(name)), "a part's name is not a file name")?;
        // One module in two versions is two ways to pay.
        let modules: Vec<_> = self.accepts.iter().map(|way| (&way.module, way.version)).collect();
        require(are_distinct(&modules), "a way to pay stands twice")?;
        let taken = |id: &ModuleId| self.accepts.iter().any(|way| way.module == *id);
        let shared: Vec<_> = self.split.iter().collect();
        require(are_distinct(&shared) && self.split.iter().all(taken), "what may share its price is not what it takes")
    }
}

/// Names that a wallet may use as a file's: no path, no hidden file, no control characters.
fn is_file_name(name: &str) -> bool {
    let harmless = |c: char| !c.is_control() && !matches!(c, '/' | '\\' | ':' | '\0');
    (1..=128).contains(&name.len()) && !name.starts_with('.') && name.chars().all(harmless)
}

/// The VAT in prices that include it, rounded half up on every line.
///
/// # Errors
/// [`OfferError::Amount`] on overflow or mixed currencies.
pub fn vat_included(items: &[Item], total: Amount) -> Result<Amount, OfferError> {
    let mut vat = Amount::zero(total.currency());
    for item in items {
        let gross = u128::from(item.price.checked_mul(u64::from(item.quantity))?.minor());
        let rate = u128::from(item.vat_rate_bp);
        let divisor = 10_000 + rate;
        let minor = (2 * gross * rate + divisor) / (2 * divisor);
        let minor = u64::try_from(minor).map_err(|_| crate::foundation::AmountError::Overflow)?;
        vat = vat.checked_add(Amount::new(item.price.currency(), minor)?)?;
    }
    Ok(vat)
}
