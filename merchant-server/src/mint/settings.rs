//! What the operator of a mint decides.

use std::fmt;
use std::path::PathBuf;

use semper_shared::foundation::{Currency, UnixSeconds};
use semper_shared::items::payment::ecash::DenominationKey;
use serde::Deserialize;

use crate::http::{ServerSettings, StartError};
use crate::store::sql::StoreUrl;

const DAY_S: u64 = 24 * 3_600;

/// The settings of a mint.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The folder of its keys and ledger.
    pub data: PathBuf,
    /// Where it listens. The public URL must be set, or the port: its statements name the URL.
    #[serde(default)]
    pub server: ServerSettings,
    /// The PostgreSQL database of its ledger; without it, a SQLite file in the folder.
    #[serde(default)]
    pub store: Option<StoreUrl>,
    /// The name that people know it by.
    pub name: String,
    /// The mint's own account at its bank.
    pub bank: BankAccount,
    /// The currency of all its coins.
    #[serde(default = "euro")]
    pub currency: Currency,
    /// How long after a deposit the merchant is paid at the latest, in seconds.
    #[serde(default = "hour")]
    pub wire_delay_s: u64,
    /// Its denominations.
    #[serde(default)]
    pub denominations: Windows,
}

fn euro() -> Currency {
    Currency::EUR
}

fn hour() -> u64 {
    3_600
}

/// The mint's own account, where reserves are funded and from which merchants are paid.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BankAccount {
    /// The bank's origin.
    pub url: String,
    /// The account.
    pub account: String,
    /// What opens it.
    pub token: Token,
}

/// A bearer token. It is not written into logs.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// Takes a token.
    pub fn new(token: impl Into<String>) -> Self {
        Self(token.into())
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(secret)")
    }
}

/// Which denominations there are, and how long each is good.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Windows {
    /// The largest coin, in minor units: a power of two. There is one denomination for each power of two from 1.
    pub largest_minor: u64,
    /// For how long a denomination is issued, in days.
    pub issue_days: u64,
    /// For how long its coins can be spent, from when it is first issued, in days.
    pub spend_days: u64,
    /// How long before the end of its issue the next one is made, in days.
    pub overlap_days: u64,
}

impl Default for Windows {
    fn default() -> Self {
        Self { largest_minor: 16_384, issue_days: 60, spend_days: 365, overlap_days: 7 }
    }
}

impl Windows {
    pub(super) fn issue_s(&self) -> u64 {
        self.issue_days.saturating_mul(DAY_S)
    }

    pub(super) fn spend_s(&self) -> u64 {
        self.spend_days.saturating_mul(DAY_S)
    }

    /// The values for which a new key must be made at `now`.
    pub(super) fn missing<'a>(
        &self,
        present: impl Iterator<Item = &'a DenominationKey> + Clone,
        now: UnixSeconds,
    ) -> Vec<u64> {
        let soon = now.plus(self.overlap_days.saturating_mul(DAY_S));
        let issued = |value: u64| {
            present.clone().any(|key| key.value_minor == value && key.issue_from <= now && soon < key.issue_until)
        };
        (0..u64::BITS)
            .map(|bit| 1_u64 << bit)
            .take_while(|value| *value <= self.largest_minor)
            .filter(|value| !issued(*value))
            .collect()
    }
}

impl Config {
    /// The mint's public URL, without a slash at its end.
    pub(super) fn url(&self) -> Result<String, StartError> {
        if self.server.public_url.is_empty() && self.server.listen.port() == 0 {
            return Err(wrong("the mint's public_url must be set, since its statements name it"));
        }
        Ok(self.server.url(self.server.listen))
    }

    pub(super) fn check(&self) -> Result<(), StartError> {
        let windows = &self.denominations;
        if !windows.largest_minor.is_power_of_two() || windows.largest_minor > 1 << 40 {
            return Err(wrong("largest_minor must be a power of two, 2^40 at most"));
        }
        if windows.issue_days <= windows.overlap_days || windows.spend_days < windows.issue_days {
            return Err(wrong("issue_days must be more than overlap_days and at most spend_days"));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.bank.account.is_empty() || !self.bank.account.chars().all(plain) {
            return Err(wrong("the account at the bank is letters, digits, '-', '_' and '.'"));
        }
        if self.name.trim().is_empty() {
            return Err(wrong("the mint has no name"));
        }
        Ok(())
    }
}

fn wrong(why: &str) -> StartError {
    StartError::Config(why.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use semper_shared::items::payment::ecash::{Funding, MintKeys};
    use semper_shared::items::statement::{MAX_LEN, Signed};
    use semper_shared::security::blinding::RsaPublicKey;
    use semper_shared::security::{Signer as _, SigningKey};

    #[test]
    fn each_power_of_two_has_a_key_that_does_not_run_out_soon() {
        let windows = Windows { largest_minor: 8, ..Windows::default() };
        assert_eq!(windows.missing([].iter(), UnixSeconds(0)), [1, 2, 4, 8]);
        assert_eq!(Windows::default().missing([].iter(), UnixSeconds(0)).len(), 15);
    }

    /// Three years of rotation: a statement has 64 KiB at most, and the wallet always finds every value.
    #[test]
    fn the_key_document_never_outgrows_a_statement() {
        let windows = Windows::default();
        let n = RsaPublicKey::from_modulus(&[0xff; 256]).unwrap();
        let signer = SigningKey::from_bytes(&[1; 32]).unwrap();
        let mut document = MintKeys {
            key: signer.public_key().clone(),
            url: "https://mint.a-rather-long-name.example".to_owned(),
            name: "A mint with a rather long name, too".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: "https://bank.example".to_owned(), account: "mint".to_owned() },
            wire_delay_s: 3_600,
            denominations: Vec::new(),
            issued_at: UnixSeconds(0),
            expires_at: UnixSeconds(0),
        };
        let (mut most, mut largest) = (0, 0);
        for day in 0..3 * 365 {
            let now = UnixSeconds(1_800_000_000 + day * DAY_S);
            document.denominations.retain(|key| now <= key.spend_until);
            for value_minor in windows.missing(document.denominations.iter(), now) {
                document.denominations.push(DenominationKey {
                    value_minor,
                    n: n.clone(),
                    issue_from: now,
                    issue_until: now.plus(windows.issue_s()),
                    spend_until: now.plus(windows.spend_s()),
                });
            }
            assert!((0..15).all(|bit| document.denominations.iter().any(|key| key.value_minor == 1 << bit
                && key.issue_from <= now
                && now.plus(6 * DAY_S) < key.issue_until)));
            if document.denominations.len() > most {
                most = document.denominations.len();
                largest = largest.max(Signed::sign(document.clone(), &signer).compact().len());
            }
        }
        assert!(largest <= MAX_LEN, "{largest}");
        println!("the largest document has {largest} bytes");
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", Token::new("hunter2")).contains("hunter2"));
    }
}
