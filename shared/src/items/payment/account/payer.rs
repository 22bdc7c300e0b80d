//! The wallet's side: an order on invoice. There is no purse; the money is moved at the customer's own bank.

use rand_core::CryptoRng;

use super::{AccountBody, AccountParameters, ID, InvoiceTerms, VERSION};
use crate::foundation::{Amount, Digest, UnixSeconds};
use crate::items::payment::{Bill, PayerModule, PaymentError, Quote, Unusable};

/// Orders on invoice, on the terms that the customer prefers where the merchant gives them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountPayer {
    /// What the customer prefers; else the merchant's order counts.
    pub preferred: Option<InvoiceTerms>,
}

impl AccountPayer {
    /// The terms on which a total would be ordered.
    pub fn terms(&self, total: Amount, parameters: &AccountParameters) -> Option<InvoiceTerms> {
        let given = |terms: &InvoiceTerms| parameters.gives(*terms, total);
        self.preferred.filter(given).or_else(|| parameters.terms.iter().copied().find(given))
    }
}

impl PayerModule for AccountPayer {
    const ID: &'static str = ID;
    const VERSION: u32 = VERSION;
    type Parameters = AccountParameters;
    type Body = AccountBody;

    fn quote(&self, total: Amount, parameters: &AccountParameters, _: UnixSeconds) -> Result<Quote, Unusable> {
        self.terms(total, parameters).ok_or(Unusable::Parameters)?;
        Ok(Quote { available: total, fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        bill: &Bill,
        parameters: &AccountParameters,
        _: UnixSeconds,
        _: &mut dyn CryptoRng,
    ) -> Result<AccountBody, PaymentError> {
        let terms = self.terms(bill.total, parameters).ok_or(Unusable::Parameters)?;
        Ok(AccountBody { deal: bill.deal, amount: bill.total, terms })
    }

    /// Nothing is used up.
    fn settled(&mut self, _: &Digest) {}

    /// Nothing is to be saved.
    fn refused(&mut self, _: &Digest) {}
}
