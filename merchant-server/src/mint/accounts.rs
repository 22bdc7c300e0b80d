//! `POST /accounts`: where a merchant wants its money.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use semper_shared::foundation::Code;
use semper_shared::items::payment::ecash::RegistrationBody;
use semper_shared::items::payment::ecash::mint::check_registration;
use semper_shared::security::Thumbprint;

use super::Mint;
use super::error::MintError;
use super::store::{AccountNumber, LedgerError, MintStore, NewAccount};
use crate::http::Problem;
use crate::store::StoreError;

/// How far a merchant's clock may be ahead, in seconds.
const AHEAD_S: u64 = 300;

/// The longest name of an account.
const NAME: usize = 64;

/// The merchants that have an account, in memory, since every deposit asks.
pub(super) struct Accounts(RwLock<HashMap<Thumbprint, AccountNumber>>);

impl Accounts {
    pub(super) async fn load(store: &dyn MintStore) -> Result<Self, StoreError> {
        Ok(Self(RwLock::new(store.accounts().await?.into_iter().collect())))
    }

    fn find(&self, merchant: &Thumbprint) -> Option<AccountNumber> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(merchant).copied()
    }

    fn insert(&self, merchant: Thumbprint, number: AccountNumber) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(merchant, number);
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
        let merchant = registration.signer();
        let new = NewAccount {
            merchant,
            account: registration.account.clone(),
            registered_at: registration.registered_at,
            registration: registration.compact().to_owned(),
        };
        let number = self.store.register(new).await.map_err(MintError::from)?;
        self.accounts.insert(merchant, number);
        Ok(())
    }
}
