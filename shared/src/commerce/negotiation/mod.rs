//! Negotiation: which ways to pay an offer leaves, and of every other why it cannot be used.
//!
//! A way is usable where the offer takes the module in a version that the wallet has too, the policy allows it, and the
//! purse holds enough. The ways come in the customer's order of preference, then those that only the shop has, by name: so
//! that the same facts always give the same answer, in whatever order the offer lists them. A merchant that says in its
//! introduction that it takes a module, or a newer version, and leaves it out of the offer is trying to get something
//! worse: what the customer would take instead is then not usable.
//!
//! Specification: `spec/negotiation.md`.

use super::offer::Offer;
use super::policy::{Facts, Means, Policy, Side, Spent};
use crate::foundation::table::in_order;
use crate::foundation::{Amount, UnixSeconds};
use crate::items::payment::{Acceptance, ErasedPayer, ModuleId, ModuleVersion, Quote, Unusable};

/// What is known when a way to pay is chosen.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// The offer.
    pub offer: &'a Offer,
    /// The modules that the merchant says it takes, in its introduction.
    pub introduced: &'a [ModuleVersion],
    /// The policy that the merchant publishes: what it leaves out by that, it hides from nobody.
    pub theirs: Option<&'a Policy>,
    /// The customer's policy.
    pub ours: Option<&'a Policy>,
    /// Where the customer is, if the customer has said so.
    pub customer: Option<&'a str>,
    /// What of the price is asked for, where two modules share it. Policies judge the price.
    pub share: Option<Amount>,
    /// What was spent before.
    pub spent: Spent,
    /// When.
    pub now: UnixSeconds,
}

impl<'a> Situation<'a> {
    /// An offer alone, at this moment.
    pub const fn new(offer: &'a Offer, now: UnixSeconds) -> Self {
        let spent = Spent { day_minor: 0, merchant_minor: 0 };
        Self { offer, introduced: &[], theirs: None, ours: None, customer: None, share: None, spent, now }
    }

    fn facts(&self, role: Side) -> Facts<'a> {
        Facts {
            role,
            customer: self.customer,
            merchant: self.offer.merchant.jurisdiction.as_deref(),
            amount: self.offer.total,
            kind: self.offer.kind.as_deref(),
            now: self.now,
        }
    }
}

/// One way to pay: usable, or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// The module, in the version that both sides have, or else the wallet's or the offer's newest.
    pub module: ModuleVersion,
    /// What it would cost, or why it fell out.
    pub quote: Result<Quote, Unusable>,
    /// What the policy has the person confirm before, where it does.
    pub confirm: Option<String>,
}

/// Goes through all modules of wallet and offer, the preferred first.
pub fn negotiate(payers: &[&dyn ErasedPayer], situation: &Situation<'_>) -> Vec<Way> {
    let accepts = &situation.offer.accepts;
    let mut ways: Vec<Way> = Vec::new();
    for payer in payers {
        let id = payer.id();
        if ways.iter().all(|way| way.module.id != id) {
            let versions: Vec<_> = payers.iter().filter(|other| other.id() == id).collect();
            ways.push(ours(&id, &versions, situation));
        }
    }
    let theirs = accepts.iter().filter(|way| payers.iter().all(|payer| payer.id() != way.module));
    let mut theirs = in_order(theirs, |way| (&way.module, core::cmp::Reverse(way.version)));
    theirs.dedup_by_key(|way| &way.module);
    ways.extend(theirs.into_iter().map(|way| fallen(way.module.clone(), way.version, Unusable::NotInWallet)));
    refuse_downgrade(&mut ways);
    ways
}

fn fallen(id: ModuleId, version: u32, why: Unusable) -> Way {
    Way { module: ModuleVersion { id, version }, quote: Err(why), confirm: None }
}

/// A module that the wallet has, in one version or several.
fn ours(id: &ModuleId, versions: &[&&dyn ErasedPayer], situation: &Situation<'_>) -> Way {
    let ours = versions.iter().map(|payer| payer.version()).max().unwrap_or_default();
    let speaks = |version: u32| versions.iter().find(|payer| payer.version() == version);
    let introduced = situation.introduced.iter().filter(|said| said.id == *id).map(|said| said.version);
    let best_introduced = introduced.filter(|&version| speaks(version).is_some()).max();
    let offered = || situation.offer.accepts.iter().filter(|way| way.module == *id);
    let common = offered().filter(|way| speaks(way.version).is_some()).max_by_key(|way| way.version);
    let Some(way) = common else {
        let why = match (offered().map(|way| way.version).max(), best_introduced) {
            (Some(theirs), None) => Unusable::Version { ours, theirs },
            (_, Some(version)) => return left_out(id, version, versions, situation),
            (None, None) => Unusable::NotOffered,
        };
        return fallen(id.clone(), ours, why);
    };
    if let Some(better) = best_introduced.filter(|&version| version > way.version) {
        return fallen(id.clone(), way.version, Unusable::Older { offered: way.version, better });
    }
    let Some(payer) = speaks(way.version) else { return fallen(id.clone(), ours, Unusable::NotInWallet) };
    let module = ModuleVersion { id: id.clone(), version: way.version };
    match judged(**payer, &module, way, situation) {
        Ok((quote, confirm)) => Way { module, quote: Ok(quote), confirm },
        Err(why) => fallen(module.id, module.version, why),
    }
}

/// A module that the merchant runs and does not offer here: by its own published policy, or without saying why.
fn left_out(id: &ModuleId, version: u32, versions: &[&&dyn ErasedPayer], situation: &Situation<'_>) -> Way {
    let module = ModuleVersion { id: id.clone(), version };
    let strength_bits = versions.iter().find(|payer| payer.version() == version).map_or(0, |p| p.strength_bits());
    let means = Means { module: &module, strength_bits };
    let verdict = situation.theirs.map(|policy| policy.judge(&situation.facts(Side::Payee), &means));
    let why = if matches!(verdict, Some(Err(_))) { Unusable::NotOffered } else { Unusable::Hidden };
    Way { module, quote: Err(why), confirm: None }
}

fn judged(
    payer: &dyn ErasedPayer,
    module: &ModuleVersion,
    way: &Acceptance,
    situation: &Situation<'_>,
) -> Result<(Quote, Option<String>), Unusable> {
    let means = Means { module, strength_bits: payer.strength_bits() };
    let mut confirm = None;
    if let Some(policy) = situation.ours {
        confirm = policy.judge(&situation.facts(Side::Payer), &means)?;
        policy.check_spending(situation.offer.total, situation.spent)?;
    }
    Ok((payer.quote(situation.share.unwrap_or(situation.offer.total), way, situation.now)?, confirm))
}

/// What would be taken in place of something preferred that the merchant hides falls out.
fn refuse_downgrade(ways: &mut [Way]) {
    let hidden = ways.iter().position(|way| matches!(way.quote, Err(Unusable::Hidden | Unusable::Older { .. })));
    let Some(hidden) = hidden else { return };
    let (before, after) = ways.split_at_mut(hidden + 1);
    let Some(better) = before.last().map(|way| way.module.id.clone()) else { return };
    for way in after {
        if matches!(way.quote, Ok(_) | Err(Unusable::Insufficient { .. } | Unusable::TooManyCoins { .. })) {
            way.quote = Err(Unusable::Downgrade { better: better.clone() });
        }
    }
}

#[cfg(test)]
mod tests;
