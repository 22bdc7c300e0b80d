//! The QR code of a credit transfer: EPC069-12, "Quick Response Code: Guidelines to Enable Data Capture for the Initiation of a
//! SEPA Credit Transfer".
//!
//! Up to twelve lines, each ended by a line feed but the last; lines at the end that would be empty are left out:
//!
//! ```text
//! BCD                     service tag
//! 002                     version: the bank's identifier may be left out
//! 1                       UTF-8
//! SCT                     SEPA credit transfer
//! [BIC]
//! name                    at most 70 characters
//! IBAN
//! [EUR3.20]               0.01 to 999999999.99
//! [purpose]               at most 4 characters
//! [structured reference]  at most 35 characters; then there is no text
//! [text]                  at most 140 characters
//! [note to the payer]     at most 70 characters
//! ```

use super::{BankAccount, Bic, Iban, Invoice, Reference};
use crate::foundation::{Amount, Currency};

/// The most bytes of a whole payload.
const MAX_LEN: usize = 331;

/// The largest amount, in cents.
const MAX_MINOR: u64 = 99_999_999_999;

/// What such a QR code says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epc {
    /// The account that is to be paid.
    pub account: BankAccount,
    /// How much, in euros; none leaves it to the payer.
    pub amount: Option<Amount>,
    /// The purpose's code.
    pub purpose: String,
    /// The creditor reference.
    pub reference: Option<Reference>,
    /// What for, in words; only where there is no reference.
    pub text: String,
    /// A note to the payer.
    pub note: String,
}

impl Epc {
    /// The code that pays an invoice; none where it is in another currency than euros, or does not fit.
    pub fn of(invoice: &Invoice, open_minor: u64) -> Option<Self> {
        let code = Self {
            account: invoice.account.clone(),
            amount: Some(Amount::new(invoice.amount.currency(), open_minor).ok()?),
            purpose: String::new(),
            reference: Some(invoice.reference.clone()),
            text: String::new(),
            note: String::new(),
        };
        code.fits().then_some(code)
    }

    fn fits(&self) -> bool {
        let line = |text: &str, max: usize| text.chars().count() <= max && !text.chars().any(char::is_control);
        let amount = self
            .amount
            .is_none_or(|amount| amount.currency() == Currency::EUR && (1..=MAX_MINOR).contains(&amount.minor()));
        amount
            && !self.account.name.is_empty()
            && line(&self.account.name, 70)
            && line(&self.purpose, 4)
            && line(&self.text, 140)
            && line(&self.note, 70)
            && (self.reference.is_none() || self.text.is_empty())
            && self.payload().len() <= MAX_LEN
    }

    /// What stands in the code.
    pub fn payload(&self) -> String {
        let amount = self.amount.map(|amount| format!("EUR{}.{:02}", amount.minor() / 100, amount.minor() % 100));
        let lines = [
            "BCD",
            "002",
            "1",
            "SCT",
            self.account.bic.as_ref().map_or("", Bic::as_str),
            &self.account.name,
            self.account.iban.as_str(),
            amount.as_deref().unwrap_or_default(),
            &self.purpose,
            self.reference.as_ref().map_or("", Reference::as_str),
            &self.text,
            &self.note,
        ];
        lines.join("\n").trim_end_matches('\n').to_owned()
    }

    /// Reads a payload of version 001 or 002 in UTF-8; none where it breaks a rule.
    pub fn read(payload: &str) -> Option<Self> {
        let mut lines = payload.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let mut next = || lines.next().unwrap_or_default();
        let (tag, version, charset, kind, bic) = (next(), next(), next(), next(), next());
        let heads = tag == "BCD" && charset == "1" && kind == "SCT";
        let versions = version == "002" || (version == "001" && !bic.is_empty());
        if !heads || !versions || payload.len() > MAX_LEN || payload.split('\n').count() > 12 {
            return None;
        }
        let bic = (!bic.is_empty()).then(|| Bic::try_from(bic.to_owned())).transpose().ok()?;
        let (name, iban) = (next().to_owned(), next().parse::<Iban>().ok()?);
        let amount = match next() {
            "" => None,
            amount => Some(Amount::parse_decimal(amount.strip_prefix("EUR")?, Currency::EUR).ok()?),
        };
        let purpose = next().to_owned();
        let reference = match next() {
            "" => None,
            reference => Some(reference.parse().ok()?),
        };
        let (text, note) = (next().to_owned(), next().to_owned());
        let code = Self { account: BankAccount { iban, name, bic }, amount, purpose, reference, text, note };
        code.fits().then_some(code)
    }
}
