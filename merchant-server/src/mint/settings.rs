//! What the operator of a mint decides.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use semper_shared::foundation::{Currency, UnixSeconds};
use semper_shared::items::payment::ecash::{DenominationKey, Fees, Policy};
use semper_shared::items::statement::MAX_LEN;
use semper_shared::security::blinding::RsaPublicKey;
use serde::Deserialize;

use super::payouts::Terms;
use crate::http::{ServerSettings, StartError};
use crate::store::sql::StoreUrl;

const DAY_S: u64 = 24 * 3_600;

/// What a denomination takes in the key document, in bytes, at most: JSON as base64url.
const DENOMINATION_LEN: usize = 800;

/// For how long payouts below the minimum are carried forward where the settings do not say it.
const LONGEST_PAYOUT_WAIT_S: u64 = 30 * DAY_S;

/// What everything else takes.
const REST_LEN: usize = 8 * 1024;

/// The settings of a mint.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed Config", deny_unknown_fields)]
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
    /// What it allows at most.
    #[serde(default)]
    pub policy: Limits,
    /// What it takes for its work: nothing, where it is not said.
    #[serde(default)]
    pub fees: FeeTable,
}

fn euro() -> Currency {
    Currency::EUR
}

fn hour() -> u64 {
    3_600
}

/// The mint's own account, where reserves are funded and from which merchants are paid.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed BankAccount", deny_unknown_fields)]
pub struct BankAccount {
    /// The bank's origin.
    pub url: String,
    /// The account.
    pub account: String,
    /// What opens it.
    pub token: Token,
}

/// What the mint allows at most, in minor units. It is published with its keys. What is absent is not limited.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename = "closed Limits", deny_unknown_fields, default)]
pub struct Limits {
    /// The most that one withdrawal may take.
    pub max_withdrawal_minor: Option<u64>,
    /// The most that a reserve may hold: what a transfer brings beyond is sent back to its sender.
    pub max_reserve_minor: Option<u64>,
    /// The most that a reserve gives in one day, from midnight to midnight UTC.
    pub max_day_minor: Option<u64>,
    /// The most that one transfer from person to person may have; not more than a reserve may hold.
    pub max_transfer_minor: Option<u64>,
    /// The least that is paid out to a merchant's account at once: less is carried forward.
    pub min_payout_minor: Option<u64>,
    /// For how long at most it is carried forward, in seconds, beyond `wire_delay_s`; thirty days where it is not said.
    pub max_payout_wait_s: Option<u64>,
}

impl Limits {
    pub(super) fn published(&self) -> Policy {
        Policy {
            max_withdrawal_minor: self.max_withdrawal_minor,
            max_reserve_minor: self.max_reserve_minor,
            max_day_minor: self.max_day_minor,
            max_transfer_minor: self.max_transfer_minor,
            min_payout_minor: self.min_payout_minor,
            max_payout_wait_s: self.min_payout_minor.map(|_| self.payout().wait_s),
        }
    }

    /// When what is due to a merchant is paid.
    pub(super) fn payout(&self) -> Terms {
        Terms {
            min: self.min_payout_minor.unwrap_or(0),
            wait_s: self.max_payout_wait_s.unwrap_or(LONGEST_PAYOUT_WAIT_S),
        }
    }

    fn check(&self) -> Result<(), StartError> {
        let most = [self.max_withdrawal_minor, self.max_reserve_minor, self.max_day_minor, self.max_transfer_minor];
        let all = most.into_iter().chain([self.min_payout_minor]);
        if all.flatten().any(|limit| limit == 0) {
            return Err(wrong("a limit of the policy is zero: leave it out where nothing is limited"));
        }
        if self.max_payout_wait_s.is_some() && self.min_payout_minor.is_none() {
            return Err(wrong("max_payout_wait_s says how long payouts below min_payout_minor wait: set that too"));
        }
        if let Some(reserve) = self.max_reserve_minor
            && self.max_transfer_minor.is_none_or(|transfer| transfer > reserve)
        {
            return Err(wrong("max_transfer_minor must be set, and at most max_reserve_minor: nobody could take more"));
        }
        Ok(())
    }
}

/// What a mint takes for each coin, in minor units. Denominations that are made from now on have these fees; those that were
/// made before keep theirs, since their coins are out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename = "closed FeeTable", deny_unknown_fields, default)]
pub struct FeeTable {
    /// For issuing a coin, beside its value.
    pub withdraw_minor: u64,
    /// For taking one in a deposit or a transfer, beside what it gives.
    pub deposit_minor: u64,
    /// For exchanging what is left of one, out of that.
    pub refresh_minor: u64,
    /// For coins of a certain value, in minor units, in place of that.
    pub by_value: BTreeMap<String, Fee>,
}

/// What a mint takes for a coin, in minor units.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename = "closed Fee", deny_unknown_fields, default)]
pub struct Fee {
    /// For issuing it, beside its value.
    pub withdraw_minor: u64,
    /// For taking it in a deposit or a transfer, beside what it gives.
    pub deposit_minor: u64,
    /// For exchanging what is left of it, out of that.
    pub refresh_minor: u64,
}

impl FeeTable {
    /// The fees of a coin of this value.
    pub(super) fn of(&self, value: u64) -> Fees {
        match self.by_value.get(&value.to_string()) {
            Some(fee) => Fees { withdraw: fee.withdraw_minor, deposit: fee.deposit_minor, refresh: fee.refresh_minor },
            None => Fees { withdraw: self.withdraw_minor, deposit: self.deposit_minor, refresh: self.refresh_minor },
        }
    }

    fn check(&self, windows: &Windows) -> Result<(), StartError> {
        let known: Vec<u64> = windows.values().collect();
        if self.by_value.keys().any(|value| value.parse().map_or(true, |value| !known.contains(&value))) {
            return Err(wrong("`fees.by_value` names the value of a coin: a power of two, at most largest_minor"));
        }
        let all = known.iter().map(|value| self.of(*value));
        if all.clone().any(|fee| fee.withdraw.max(fee.deposit).max(fee.refresh) > windows.largest_minor) {
            return Err(wrong("a fee is at most the value of the largest coin"));
        }
        if !known.iter().zip(all).any(|(value, fee)| *value > fee.deposit) {
            return Err(wrong("every coin would cost more to spend than it is worth"));
        }
        Ok(())
    }
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
#[serde(rename = "closed Windows", deny_unknown_fields, default)]
pub struct Windows {
    /// The largest coin, in minor units: a power of two. There is one denomination for each power of two from 1.
    pub largest_minor: u64,
    /// For how long a denomination is issued, in days.
    pub issue_days: u64,
    /// For how long its coins can be spent, from when it is first issued, in days.
    pub spend_days: u64,
    /// How long before the end of its issue the issue of the next one begins, in days.
    pub overlap_days: u64,
    /// How long before its issue begins a denomination is made and published, in days: for so long making new ones may
    /// fail, and no wallet is left without.
    pub ahead_days: u64,
    /// How long a day is, in seconds, where a demonstration cannot wait.
    pub day_s: u64,
}

impl Default for Windows {
    fn default() -> Self {
        Self { largest_minor: 16_384, issue_days: 60, spend_days: 365, overlap_days: 7, ahead_days: 60, day_s: DAY_S }
    }
}

impl Windows {
    pub(super) fn days(&self, days: u64) -> u64 {
        days.saturating_mul(self.day_s)
    }

    /// How far a wallet's clock may be behind and still find the mint's first denominations issued, in seconds.
    fn skew_s(&self) -> u64 {
        self.day_s / 24
    }

    fn values(&self) -> impl Iterator<Item = u64> {
        (0..u64::BITS).map(|bit| 1_u64 << bit).take_while(|value| *value <= self.largest_minor)
    }

    /// The denominations to be made at `now`, so that until `ahead` every value is issued without a gap: when the issue of
    /// each batch begins, and its values. The soonest first.
    pub(super) fn missing<'a>(
        &self,
        present: impl Iterator<Item = &'a DenominationKey> + Clone,
        now: UnixSeconds,
        ahead: UnixSeconds,
    ) -> BTreeMap<UnixSeconds, Vec<u64>> {
        let mut missing: BTreeMap<UnixSeconds, Vec<u64>> = BTreeMap::new();
        for value in self.values() {
            let of_value = || present.clone().filter(|key| key.value_minor == value);
            let mut issued_until = of_value().map(|key| key.issue_until).max();
            if !of_value().any(|key| key.issue_from <= now && now <= key.issue_until) && issued_until >= Some(now) {
                // What was issued now was revoked, and its successor's time has not come.
                missing.entry(UnixSeconds(now.0.saturating_sub(self.skew_s()))).or_default().push(value);
            }
            loop {
                let overlap = self.days(self.overlap_days);
                let next = issued_until.map(|until| UnixSeconds(until.0.saturating_sub(overlap)));
                let begins = match next {
                    // Where its time has come already, it is issued at once; a gap is not filled afterwards.
                    Some(next) if now <= next => next,
                    Some(_) if issued_until >= Some(now) => now,
                    _ => UnixSeconds(now.0.saturating_sub(self.skew_s())),
                };
                if begins > ahead {
                    break;
                }
                missing.entry(begins).or_default().push(value);
                issued_until = Some(begins.plus(self.days(self.issue_days)));
            }
        }
        missing
    }

    /// A key of these windows.
    pub(super) fn key(
        &self,
        value_minor: u64,
        fees: Fees,
        n: RsaPublicKey,
        issue_from: UnixSeconds,
    ) -> DenominationKey {
        DenominationKey {
            value_minor,
            n,
            issue_from,
            issue_until: issue_from.plus(self.days(self.issue_days)),
            spend_until: issue_from.plus(self.days(self.spend_days)),
            fees,
        }
    }

    /// How long after the last coin was issued a private key is kept, for refreshes that were cut off: in seconds.
    pub(super) fn grace_s(&self) -> u64 {
        self.days(self.overlap_days)
    }

    /// How long a key document may be used, in seconds.
    pub(super) fn document_s(&self) -> u64 {
        self.day_s
    }

    /// How long the key document becomes at most, in bytes.
    pub(super) fn document_len(&self) -> usize {
        let cycle = self.issue_days.saturating_sub(self.overlap_days).max(1);
        let batches = self.issue_days.saturating_add(self.ahead_days) / cycle + 1;
        let listed = usize::try_from(batches).unwrap_or(usize::MAX).saturating_mul(self.values().count());
        listed.saturating_mul(DENOMINATION_LEN).saturating_add(REST_LEN)
    }

    /// How often the denominations are looked at and the key document is signed anew.
    pub(super) fn renewal(&self) -> Duration {
        Duration::from_secs((self.day_s / 24).max(1))
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
        self.policy.check()?;
        self.fees.check(&self.denominations)?;
        let windows = &self.denominations;
        if !windows.largest_minor.is_power_of_two() || windows.largest_minor > 1 << 40 {
            return Err(wrong("largest_minor must be a power of two, 2^40 at most"));
        }
        if windows.issue_days <= windows.overlap_days.saturating_mul(2) || windows.spend_days < windows.issue_days {
            return Err(wrong("issue_days must be more than twice overlap_days and at most spend_days"));
        }
        if windows.document_len() > MAX_LEN {
            return Err(wrong("the key document would be too large: fewer values, or less ahead_days"));
        }
        if windows.day_s == 0 {
            return Err(wrong("a day has seconds"));
        }
        if windows.ahead_days > windows.issue_days.saturating_mul(2) {
            return Err(wrong("ahead_days must be at most twice issue_days: the key document lists them all"));
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

    const DAY: UnixSeconds = UnixSeconds(1_800_000_000);

    #[test]
    fn each_power_of_two_is_issued_at_once_and_the_next_ahead() {
        let windows = Windows { largest_minor: 8, ..Windows::default() };
        let first = UnixSeconds(DAY.0 - 3_600);
        let now = windows.missing([].iter(), DAY, DAY);
        assert_eq!(now, BTreeMap::from([(first, vec![1, 2, 4, 8])]));
        let ahead = windows.missing([].iter(), DAY, DAY.plus(60 * DAY_S));
        let second = first.plus(53 * DAY_S);
        assert_eq!(ahead, BTreeMap::from([(first, vec![1, 2, 4, 8]), (second, vec![1, 2, 4, 8])]));
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", Token::new("hunter2")).contains("hunter2"));
    }
}
