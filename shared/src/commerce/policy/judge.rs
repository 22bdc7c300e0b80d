//! What a policy makes of a payment.

use super::{Effect, Policy, Rule, Side};
use crate::foundation::{Amount, Code, Coded, UnixSeconds};
use crate::items::payment::{ModuleVersion, Unusable};
use crate::items::statement::{Signed, StatementError};
use crate::security::{Thumbprint, Verifier};

/// The time within which spending is added up, in seconds.
const WINDOW_S: u64 = 86_400;
const MAX_RULES: usize = 256;
/// What statements are signed with.
const ALGORITHM: &str = "ES256";

/// Why a policy was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The statement was refused.
    #[error("the policy's statement was refused: {0}")]
    Statement(#[from] StatementError),
    /// Signed by somebody else than who is expected.
    #[error("the policy is not of the authority that is expected")]
    Issuer,
    /// It contradicts itself.
    #[error("the policy contradicts itself: {0}")]
    Inconsistent(&'static str),
    /// It holds no longer.
    #[error("the policy has expired")]
    Expired,
}

impl Coded for PolicyError {
    fn code(&self) -> Code {
        match self {
            Self::Statement(error) => error.code(),
            Self::Issuer | Self::Inconsistent(_) => Code::POLICY_INVALID,
            Self::Expired => Code::POLICY_EXPIRED,
        }
    }
}

/// What is known of a payment.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Whose side judges.
    pub role: Side,
    /// Where the customer is, if that is known (ISO 3166-1 alpha-2).
    pub customer: Option<&'a str>,
    /// Where the merchant is, if that is known.
    pub merchant: Option<&'a str>,
    /// How much.
    pub amount: Amount,
    /// What kind of good, if that is known.
    pub kind: Option<&'a str>,
    /// When.
    pub now: UnixSeconds,
}

/// With what it would be paid.
#[derive(Debug, Clone, Copy)]
pub struct Means<'a> {
    /// The module.
    pub module: &'a ModuleVersion,
    /// The least security strength of what it relies on, in bits.
    pub strength_bits: u16,
}

/// What was spent within the last 24 hours, in the currency of what is to be paid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spent {
    /// In all, in minor units.
    pub day_minor: u64,
    /// At the merchant, in minor units.
    pub merchant_minor: u64,
}

/// From when on spending counts.
pub const fn window_start(now: UnixSeconds) -> UnixSeconds {
    UnixSeconds(now.0.saturating_sub(WINDOW_S))
}

impl Policy {
    /// Verifies a policy, by whoever it says made it or by the one that is expected.
    ///
    /// # Errors
    /// [`PolicyError`].
    pub fn verify(
        compact: &str,
        expected: Option<&Thumbprint>,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Signed<Self>, PolicyError> {
        let policy = Signed::<Self>::verify_introduction(compact, |policy| &policy.key, verifier)?;
        if expected.is_some_and(|key| *key != policy.key.thumbprint()) {
            return Err(PolicyError::Issuer);
        }
        policy.check()?;
        if now > policy.expires_at { Err(PolicyError::Expired) } else { Ok(policy) }
    }

    fn check(&self) -> Result<(), PolicyError> {
        let require = |holds: bool, what| if holds { Ok(()) } else { Err(PolicyError::Inconsistent(what)) };
        require(!self.name.is_empty(), "it has no name")?;
        require(self.issued_at < self.expires_at, "it expires before it begins")?;
        require(self.rules.len() <= MAX_RULES, "it has too many rules")?;
        require(matches!(self.otherwise, Effect::Allow | Effect::Forbid), "otherwise is allow or forbid")?;
        let countries = self.rules.iter().flat_map(|rule| rule.when.customer.iter().chain(&rule.when.merchant));
        let is_country = |code: &String| code.len() == 2 && code.bytes().all(|b| b.is_ascii_uppercase());
        require(countries.into_iter().all(is_country), "a country is two capital letters")?;
        let once = |amounts: &[Amount]| {
            amounts.iter().all(|one| amounts.iter().filter(|other| other.currency() == one.currency()).count() == 1)
        };
        require(once(&self.limits.day) && once(&self.limits.merchant_day), "two limits are of one currency")
    }

    /// Whether these means may be used: and where they may, what the person has to confirm before.
    ///
    /// # Errors
    /// [`Unusable`], to be told to whoever chose them.
    pub fn judge(&self, facts: &Facts<'_>, means: &Means<'_>) -> Result<Option<String>, Unusable> {
        if facts.now > self.expires_at {
            return Err(Unusable::PolicyExpired);
        }
        self.check_minima(means)?;
        let of = |effect: Effect| self.rules.iter().filter(move |rule| rule.then == effect && rule.applies(facts));
        let names = |rule: &&Rule| rule.modules.is_empty() || rule.modules.contains(&means.module.id);
        if let Some(rule) = of(Effect::Forbid).find(names) {
            return Err(Unusable::Forbidden { why: rule.why.clone() });
        }
        if let Some(rule) = of(Effect::Require).find(|rule| !names(rule)) {
            return Err(Unusable::OtherRequired { why: rule.why.clone() });
        }
        let spoken_of =
            of(Effect::Allow).chain(of(Effect::Require)).chain(of(Effect::Confirm)).any(|rule| names(&rule));
        if self.otherwise == Effect::Forbid && !spoken_of {
            return Err(Unusable::Forbidden { why: String::new() });
        }
        Ok(of(Effect::Confirm).find(names).map(|rule| rule.why.clone()))
    }

    fn check_minima(&self, means: &Means<'_>) -> Result<(), Unusable> {
        let minima = &self.minima;
        let signs = minima.algorithms.is_empty() || minima.algorithms.iter().any(|name| name == ALGORITHM);
        if !signs || means.strength_bits < minima.strength_bits {
            return Err(Unusable::TooWeak { bits: means.strength_bits });
        }
        match minima.versions.get(&means.module.id) {
            Some(&least) if means.module.version < least => Err(Unusable::TooOld { least }),
            _ => Ok(()),
        }
    }

    /// Whether `total` may be spent beside what was.
    ///
    /// # Errors
    /// [`Unusable::DayLimit`] or [`Unusable::MerchantLimit`].
    pub fn check_spending(&self, total: Amount, spent: Spent) -> Result<(), Unusable> {
        let left = |limits: &[Amount], spent: u64| {
            let limit = limits.iter().find(|limit| limit.currency() == total.currency())?;
            let left = limit.minor().saturating_sub(spent);
            (total.minor() > left).then_some(left)
        };
        if let Some(left_minor) = left(&self.limits.day, spent.day_minor) {
            return Err(Unusable::DayLimit { left_minor });
        }
        match left(&self.limits.merchant_day, spent.merchant_minor) {
            Some(left_minor) => Err(Unusable::MerchantLimit { left_minor }),
            None => Ok(()),
        }
    }
}

impl Rule {
    /// Whether its conditions hold. What is not known speaks against the payment: it lets a rule apply that holds something
    /// back, and none that allows.
    fn applies(&self, facts: &Facts<'_>) -> bool {
        let unknown = self.then != Effect::Allow;
        let when = &self.when;
        let among = |list: &[String], known: Option<&str>| {
            list.is_empty() || known.map_or(unknown, |known| list.iter().any(|one| one == known))
        };
        let amount = |bound: Option<Amount>, holds: fn(u64, u64) -> bool| match bound {
            None => true,
            Some(bound) if bound.currency() == facts.amount.currency() => holds(facts.amount.minor(), bound.minor()),
            Some(_) => unknown,
        };
        when.role.is_none_or(|role| role == facts.role)
            && among(&when.customer, facts.customer)
            && among(&when.merchant, facts.merchant)
            && among(&when.kinds, facts.kind)
            && amount(when.over, |amount, bound| amount > bound)
            && amount(when.up_to, |amount, bound| amount <= bound)
    }
}
