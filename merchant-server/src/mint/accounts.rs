//! `POST /accounts`: where a merchant wants its money.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use semper_shared::foundation::Code;
use semper_shared::items::payment::ecash::mint::check_registration;
use semper_shared::items::payment::ecash::{DepositAccount, RegistrationBody, is_label};
use semper_shared::items::statement::Signed;
use semper_shared::security::{PublicKey, Thumbprint};

use super::Mint;
use super::error::MintError;
use super::evidence::Proof;
use super::payouts::NewAccount;
use super::store::{AccountNumber, LedgerError, MintStore, Payee, PayeeNumber};
use crate::http::Problem;
use crate::store::StoreError;

/// How far a merchant's clock may be ahead, in seconds.
const AHEAD_S: u64 = 300;

/// The longest name of an account.
const NAME: usize = 64;

/// The merchants that have an account, and their further accounts that were asked for, in memory, since every deposit asks.
pub(super) struct Accounts {
    merchants: RwLock<HashMap<Thumbprint, AccountNumber>>,
    payees: RwLock<HashMap<(AccountNumber, String), PayeeNumber>>,
}

impl Accounts {
    pub(super) async fn load(store: &dyn MintStore) -> Result<Self, StoreError> {
        Ok(Self { merchants: RwLock::new(store.accounts().await?.into_iter().collect()), payees: RwLock::default() })
    }

    fn find(&self, merchant: &Thumbprint) -> Option<AccountNumber> {
        self.merchants.read().unwrap_or_else(PoisonError::into_inner).get(merchant).copied()
    }

    fn insert(&self, merchant: Thumbprint, number: AccountNumber) {
        self.merchants.write().unwrap_or_else(PoisonError::into_inner).insert(merchant, number);
    }
}

impl Mint {
    /// The number of a merchant's account, which another replica may have registered.
    pub(super) async fn account(&self, merchant: Thumbprint) -> Result<AccountNumber, LedgerError> {
        if let Some(number) = self.accounts.find(&merchant) {
            return Ok(number);
        }
        let number = self.store.account(merchant).await?.ok_or(LedgerError::AccountMissing)?;
        self.accounts.insert(merchant, number);
        Ok(number)
    }

    /// Which of a merchant's accounts a deposit goes to, as the merchant says itself.
    pub(super) async fn payee(
        &self,
        merchant: AccountNumber,
        named: Option<(Signed<DepositAccount>, PublicKey)>,
    ) -> Result<Payee, LedgerError> {
        let Some((account, key)) = named else {
            return Ok(Payee::default());
        };
        let name = (merchant, account.label.clone());
        let known = self.accounts.payees.read().unwrap_or_else(PoisonError::into_inner).get(&name).copied();
        let number = match known {
            Some(number) => number,
            None => {
                let found = self.store.payee(merchant, account.label.clone()).await?;
                let number = found.ok_or(LedgerError::AccountMissing)?;
                self.accounts.payees.write().unwrap_or_else(PoisonError::into_inner).insert(name, number);
                number
            }
        };
        Ok(Payee { number, direction: Some(Proof::of(&account, &key)) })
    }

    /// Registers a merchant's account; the latest registration holds.
    pub(super) async fn register(&self, body: RegistrationBody) -> Result<(), Problem> {
        let refused = |error| Problem::from(MintError::Refused(error));
        let registration =
            check_registration(&self.ring().keys, &body.registration, &self.verifier).map_err(refused)?;
        if registration.bank.trim_end_matches('/') != self.config.bank.url.trim_end_matches('/') {
            return Err(Problem::request_invalid("This mint pays out through its own bank only.")
                .extra("bank", &self.config.bank.url));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if !(1..=NAME).contains(&registration.account.len()) || !registration.account.chars().all(plain) {
            return Err(Problem::new(Code::ACCOUNT_UNKNOWN));
        }
        if registration.registered_at > self.now().plus(AHEAD_S) {
            return Err(Problem::request_invalid("The registration is dated in the future."));
        }
        if registration.label.as_ref().is_some_and(|label| !is_label(label)) {
            return Err(Problem::request_invalid("A label is 1 to 32 lower-case letters, digits and hyphens."));
        }
        let merchant = registration.signer();
        let new = NewAccount {
            merchant,
            label: registration.label.clone(),
            account: registration.account.clone(),
            registered_at: registration.registered_at,
            registration: registration.compact().to_owned(),
        };
        let number = self.store.register(new).await.map_err(MintError::from)?;
        self.accounts.insert(merchant, number);
        Ok(())
    }
}
