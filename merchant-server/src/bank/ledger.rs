//! Double entry: the rules of a transfer, without any store.
//!
//! A transfer is two postings of the same size, one out of the payer's account and one into the payee's. So the sum of all
//! balances never changes, and it began at zero.

/// Where an account stands, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    /// The sum of its postings.
    pub(super) balance: i64,
    /// What the balance may not fall below: zero for all but the central account.
    pub(super) floor: i64,
}

/// A transfer that the ledger allows: what is to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Movement {
    /// What is posted to the payer: negative.
    pub(super) out: i64,
    /// What is posted to the payee: the same, positive.
    pub(super) into: i64,
    /// The payer's balance afterwards.
    pub(super) payer_balance: i64,
    /// The payee's balance afterwards.
    pub(super) payee_balance: i64,
}

/// Balances stay within what an amount can say (2^53 - 1).
const BALANCE_LIMIT: i64 = (1 << 53) - 1;

/// Why the ledger refuses a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Nothing, or more than an account can hold.
    #[error("the amount is zero or more than an account can hold")]
    AmountInvalid,
    /// The payer has not got that much.
    #[error("the account does not hold that much")]
    FundsInsufficient,
    /// From an account to itself.
    #[error("payer and payee are the same account")]
    SameAccount,
}

/// Moves `minor` minor units between two different accounts.
pub(super) fn transfer(payer: Position, payee: Position, minor: u64) -> Result<Movement, LedgerError> {
    let into = i64::try_from(minor).map_err(|_| LedgerError::AmountInvalid)?;
    if into == 0 {
        return Err(LedgerError::AmountInvalid);
    }
    let out = into.checked_neg().ok_or(LedgerError::AmountInvalid)?;
    let payer_balance = payer.balance.checked_add(out).ok_or(LedgerError::AmountInvalid)?;
    if payer_balance < payer.floor {
        return Err(LedgerError::FundsInsufficient);
    }
    let payee_balance = payee.balance.checked_add(into).ok_or(LedgerError::AmountInvalid)?;
    if payee_balance > BALANCE_LIMIT {
        return Err(LedgerError::AmountInvalid);
    }
    Ok(Movement { out, into, payer_balance, payee_balance })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const EMPTY: Position = Position { balance: 0, floor: 0 };

    #[test]
    fn nobody_pays_what_they_do_not_have() {
        let ten = Position { balance: 10, floor: 0 };
        assert_eq!(transfer(ten, EMPTY, 11), Err(LedgerError::FundsInsufficient));
        assert_eq!(transfer(ten, EMPTY, 10), Ok(Movement { out: -10, into: 10, payer_balance: 0, payee_balance: 10 }));
        let central = Position { balance: -90, floor: -100 };
        assert!(transfer(central, EMPTY, 10).is_ok());
        assert_eq!(transfer(central, EMPTY, 11), Err(LedgerError::FundsInsufficient));
    }

    #[test]
    fn amounts_are_bounded() {
        let rich = Position { balance: BALANCE_LIMIT, floor: 0 };
        for minor in [0, u64::MAX, 1 << 63] {
            assert_eq!(transfer(rich, EMPTY, minor), Err(LedgerError::AmountInvalid), "{minor}");
        }
        assert_eq!(transfer(Position { balance: 1, floor: 0 }, rich, 1), Err(LedgerError::AmountInvalid));
    }

    proptest! {
        /// Whatever is tried, the sum stays zero and nobody falls below their floor.
        #[test]
        fn the_sum_of_all_balances_is_zero(tries in prop::collection::vec((0_usize..5, 0_usize..5, 0_u64..2_000), 0..200)) {
            let mut accounts = [EMPTY; 5];
            accounts[0].floor = -5_000;
            for (payer, payee, minor) in tries {
                if payer == payee {
                    continue;
                }
                if let Ok(movement) = transfer(accounts[payer], accounts[payee], minor) {
                    prop_assert_eq!(movement.out + movement.into, 0);
                    accounts[payer].balance = movement.payer_balance;
                    accounts[payee].balance = movement.payee_balance;
                }
                prop_assert_eq!(accounts.iter().map(|account| account.balance).sum::<i64>(), 0);
                prop_assert!(accounts.iter().all(|account| account.balance >= account.floor));
            }
        }
    }
}
