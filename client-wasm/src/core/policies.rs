//! The customer's policy: taken from a file, kept in the vault, and obeyed whatever an offer says.
//!
//! What was spent is read from the deals and transfers themselves, which are stored in the same commit as the payment: so
//! limits survive a restart, and of two windows that pay at once the second finds the first one's payment.

use semper_shared::commerce::negotiation::{Situation, Way, negotiate};
use semper_shared::commerce::policy::{Facts, Means, Policy, Side, Spent, window_start};
use semper_shared::commerce::{Offer, deal::State};
use semper_shared::foundation::table::in_order;
use semper_shared::foundation::{Amount, UnixSeconds};
use semper_shared::items::payment::ecash::EcashPayer;
use semper_shared::items::payment::ecash::transfer::{Direction, Passed};
use semper_shared::items::payment::{ErasedPayer, ModuleId, ModuleVersion, PaymentError, Unusable};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::{Portable, Thumbprint};
use serde::{Deserialize, Serialize};

use super::ports::Ports;
use super::records::Touched;
use super::review::Reviewed;
use super::{Wallet, WalletError};

/// What the customer lives under.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rules {
    /// The policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) policy: Option<Compact<Policy>>,
    /// The authority whose policies the customer has confirmed to live under; it stays when a policy goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) authority: Option<Thumbprint>,
    /// Where the customer is (ISO 3166-1 alpha-2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) customer: Option<String>,
    /// The ways to pay that the customer prefers, the first first; the others follow in the wallet's own order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) prefer: Vec<ModuleId>,
}

/// The policy in force, and what it leaves to spend.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyView {
    /// The policy; none where there is none.
    pub policy: Option<Policy>,
    /// The thumbprint of its authority's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<Thumbprint>,
    /// The authority that the customer has confirmed, whether or not a policy of it is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trusted: Option<Thumbprint>,
    /// Where the customer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// What was spent within the last 24 hours, for each currency that is limited.
    pub spent: Vec<Amount>,
    /// The ways to pay that the customer prefers.
    pub prefer: Vec<ModuleId>,
}

/// Whose policies are obeyed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trust {
    /// The authority that the customer confirms; none where only one that was confirmed before is obeyed.
    pub authority: Option<Thumbprint>,
    /// Whether it may take another's place.
    pub replacing: bool,
}

impl Rules {
    /// The authority that was confirmed: that of a policy that was set before it was asked for, too.
    fn trusted(&self) -> Option<Thumbprint> {
        let before = || self.policy.as_ref()?.peek_unverified().ok().map(|policy| policy.key.thumbprint());
        self.authority.or_else(before)
    }
}

impl<P: Ports> Wallet<P> {
    /// Looks at a policy without putting the wallet under it: what it says, and who signed it.
    ///
    /// # Errors
    /// As [`Wallet::set_policy`], but for its authority.
    pub async fn read_policy(&mut self, text: &str) -> Result<PolicyView, WalletError> {
        let view = self.policy().await?;
        let read = Policy::verify(text.trim(), None, self.now(), &Portable)?;
        let authority = Some(read.key.thumbprint());
        Ok(PolicyView { policy: Some(read.payload().clone()), authority, spent: Vec::new(), ..view })
    }

    /// Puts the wallet under a policy, or, where `text` is empty, under none.
    ///
    /// # Errors
    /// [`semper_shared::commerce::PolicyError`], or [`WalletError::Authority`] where the customer has confirmed another
    /// authority than signed it, or none; the policy before stays in force then.
    pub async fn set_policy(
        &mut self,
        text: &str,
        customer: Option<&str>,
        trust: Trust,
    ) -> Result<PolicyView, WalletError> {
        self.sync().await?;
        let text = text.trim();
        let trusted = self.state()?.settings.rules.trusted();
        let (policy, authority) = match text {
            "" => (None, trusted),
            text => {
                let policy = Policy::verify(text, None, self.now(), &Portable)?;
                let signer = policy.key.thumbprint();
                let known = trusted == Some(signer);
                let confirmed = trust.authority == Some(signer) && (trusted.is_none() || trust.replacing);
                if !known && !confirmed {
                    return Err(WalletError::Authority(Box::new((signer, trusted))));
                }
                (Some(policy.to_compact()), Some(signer))
            }
        };
        if customer.is_some_and(|code| code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err(WalletError::Request("a country is two capital letters, such as FR".to_owned()));
        }
        let rules = &mut self.change()?.settings.rules;
        (rules.policy, rules.authority) = (policy, authority);
        if let Some(customer) = customer {
            rules.customer = Some(customer.to_owned());
        }
        self.save(Touched::settings()).await?;
        self.policy().await
    }

    /// Says which ways to pay the customer prefers.
    ///
    /// # Errors
    /// Where it cannot be stored.
    pub async fn prefer(&mut self, modules: Vec<ModuleId>) -> Result<PolicyView, WalletError> {
        self.sync().await?;
        self.change()?.settings.rules.prefer = modules;
        self.save(Touched::settings()).await?;
        self.policy().await
    }

    /// The policy in force.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn policy(&mut self) -> Result<PolicyView, WalletError> {
        self.sync().await?;
        let trusted = self.state()?.settings.rules.trusted();
        let Rules { customer, prefer, .. } = self.state()?.settings.rules.clone();
        let policy = self.rules()?;
        let limits = policy.iter().flat_map(|policy| &policy.limits.day);
        let spent = limits.map(|limit| {
            let spent = self.spent(Amount::zero(limit.currency()), None, self.now())?;
            Ok(Amount::new(limit.currency(), spent.day_minor)?)
        });
        let spent = spent.collect::<Result<_, WalletError>>()?;
        let authority = policy.as_ref().map(|policy| policy.key.thumbprint());
        Ok(PolicyView { policy, authority, trusted, customer, spent, prefer })
    }

    /// The policy, which was verified when it was set and lies in the vault since.
    fn rules(&self) -> Result<Option<Policy>, WalletError> {
        let policy = self.state()?.settings.rules.policy.as_ref();
        Ok(policy.map(Compact::peek_unverified).transpose()?)
    }

    /// Every way to pay an offer, or a share of it, that it or the wallet has, and whether it can be used.
    pub(super) fn ways(&self, reviewed: &Reviewed, share: Option<Amount>) -> Result<Vec<Way>, WalletError> {
        let (ours, now) = (self.rules()?, self.now());
        let offer: &Offer = &reviewed.offer;
        let rules = &self.state()?.settings.rules;
        let spent = match &ours {
            Some(_) => self.spent(offer.total, Some(&offer.merchant.key.thumbprint()), now)?,
            None => Spent::default(),
        };
        let situation = Situation {
            introduced: &reviewed.party.modules,
            theirs: reviewed.their_policy.as_deref(),
            ours: ours.as_ref(),
            customer: rules.customer.as_deref(),
            share,
            spent,
            ..Situation::new(offer, now)
        };
        let place = |payer: &&dyn ErasedPayer| {
            rules.prefer.iter().position(|id| *id == payer.id()).unwrap_or(rules.prefer.len())
        };
        Ok(negotiate(&in_order(self.state()?.payers(), place), &situation))
    }

    /// Whether cash may go to a person.
    pub(super) fn may_send(&self, amount: Amount) -> Result<(), WalletError> {
        let Some(policy) = self.rules()? else { return Ok(()) };
        let payer: &EcashPayer = &self.state()?.payer;
        let module = ModuleVersion { id: payer.id(), version: payer.version() };
        let customer = self.state()?.settings.rules.customer.clone();
        let now = self.now();
        let facts = Facts { role: Side::Payer, customer: customer.as_deref(), merchant: None, amount, kind: None, now };
        let means = Means { module: &module, strength_bits: payer.strength_bits() };
        let judged = policy.judge(&facts, &means);
        judged.map_err(PaymentError::from)?;
        Ok(policy.check_spending(amount, self.spent(amount, None, now)?).map_err(PaymentError::from)?)
    }

    /// What was spent in the currency of `amount` within the last 24 hours: what was refused does not count.
    fn spent(&self, amount: Amount, merchant: Option<&Thumbprint>, now: UnixSeconds) -> Result<Spent, WalletError> {
        let since = window_start(now);
        let currency = amount.currency();
        let mut spent = Spent::default();
        let state = self.state()?;
        let deals = state.deals.iter().filter(|deal| deal.ordered_at() > since && deal.state != State::Refused);
        for deal in deals.filter(|deal| deal.total.currency() == currency) {
            spent.day_minor = spent.day_minor.saturating_add(deal.total.minor());
            if merchant == Some(&deal.merchant) {
                spent.merchant_minor = spent.merchant_minor.saturating_add(deal.total.minor());
            }
        }
        for (_, sent) in state.payer.transfers() {
            let ours = matches!(sent.direction, Direction::Sent | Direction::Paid) && sent.passed != Passed::Returned;
            if ours && sent.at > since && sent.amount.currency() == currency {
                spent.day_minor = spent.day_minor.saturating_add(sent.amount.minor());
            }
        }
        Ok(spent)
    }
}

/// Whether the merchant leaves something out that it says it takes.
pub(super) fn hides(ways: &[Way]) -> bool {
    ways.iter().any(|way| matches!(way.quote, Err(Unusable::Hidden | Unusable::Older { .. })))
}

/// A merchant's published policy.
pub(super) fn published(text: &str, now: UnixSeconds) -> Option<Signed<Policy>> {
    Policy::verify(text, None, now, &Portable).ok()
}
