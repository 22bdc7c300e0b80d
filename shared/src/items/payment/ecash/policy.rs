//! What a mint allows at most, as its key document says.

use serde::{Deserialize, Serialize};

use super::EcashError;
use crate::foundation::{Amount, Code};

/// A mint's limits, in minor units of its currency. What is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The most that one withdrawal may take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_withdrawal_minor: Option<u64>,
    /// The most that a reserve may hold: what goes beyond is sent back to where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_reserve_minor: Option<u64>,
    /// The most that a reserve gives in one day, from midnight to midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_day_minor: Option<u64>,
    /// The most that one transfer from person to person may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_transfer_minor: Option<u64>,
    /// The least that is paid out to a merchant's account at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_payout_minor: Option<u64>,
    /// How long less than that waits at most, in seconds, from when it was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_payout_wait_s: Option<u64>,
}

impl Policy {
    /// Whether nothing is limited.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// The most that a wallet can bring in at once.
    pub fn at_once(&self) -> Option<u64> {
        [self.max_withdrawal_minor, self.max_reserve_minor, self.max_day_minor].into_iter().flatten().min()
    }

    /// How much of a reserve's balance one withdrawal asks for.
    pub fn part(&self, balance: Amount) -> Amount {
        let most = [self.max_withdrawal_minor, self.max_day_minor].into_iter().flatten().min();
        let minor = most.map_or(balance.minor(), |most| most.min(balance.minor()));
        Amount::new(balance.currency(), minor).unwrap_or(balance)
    }

    /// Checks what a customer wants to bring in, before any money is transferred.
    ///
    /// # Errors
    /// [`EcashError::Limit`].
    pub fn check_top_up(&self, amount: Amount) -> Result<(), EcashError> {
        let over = |limit: Option<u64>| limit.is_some_and(|limit| amount.minor() > limit);
        if over(self.max_reserve_minor) {
            return Err(EcashError::Limit(Code::RESERVE_LIMIT));
        }
        if over(self.at_once()) {
            return Err(EcashError::Limit(Code::WITHDRAWAL_LIMIT));
        }
        Ok(())
    }

    /// Checks what is to be sent to a person.
    ///
    /// # Errors
    /// [`EcashError::Limit`].
    pub fn check_transfer(&self, amount: Amount) -> Result<(), EcashError> {
        match self.max_transfer_minor {
            Some(limit) if amount.minor() > limit => Err(EcashError::Limit(Code::TRANSFER_LIMIT)),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::{Coded, Currency};

    fn cents(minor: u64) -> Amount {
        Amount::new(Currency::EUR, minor).unwrap_or(Amount::zero(Currency::EUR))
    }

    #[test]
    fn each_limit_holds_at_its_edge() {
        let policy = Policy {
            max_withdrawal_minor: Some(100),
            max_reserve_minor: Some(500),
            max_day_minor: Some(200),
            max_transfer_minor: Some(300),
            ..Policy::default()
        };
        let code = |result: Result<(), EcashError>| result.err().map(|error| error.code());
        assert_eq!(code(policy.check_top_up(cents(100))), None);
        assert_eq!(code(policy.check_top_up(cents(101))), Some(Code::WITHDRAWAL_LIMIT));
        assert_eq!(code(policy.check_top_up(cents(501))), Some(Code::RESERVE_LIMIT));
        assert_eq!(code(policy.check_transfer(cents(300))), None);
        assert_eq!(code(policy.check_transfer(cents(301))), Some(Code::TRANSFER_LIMIT));
        assert_eq!((policy.part(cents(99)), policy.part(cents(450))), (cents(99), cents(100)));
        let open = Policy::default();
        assert!(open.is_open() && open.at_once().is_none());
        assert_eq!(code(open.check_top_up(cents(1_000_000))), None);
        assert_eq!(open.part(cents(450)), cents(450));
    }

    #[test]
    fn an_open_policy_is_not_written_and_an_unknown_limit_is_read_over() -> Result<(), serde_json::Error> {
        assert_eq!(serde_json::to_string(&Policy::default())?, "{}");
        let read: Policy = serde_json::from_str(r#"{"max_day_minor":5,"max_year_minor":6}"#)?;
        assert_eq!(read, Policy { max_day_minor: Some(5), ..Policy::default() });
        Ok(())
    }
}
