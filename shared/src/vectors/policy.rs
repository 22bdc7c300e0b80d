//! `policy/`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::commerce::policy::{Facts, Means, Policy, Side, Spent};
use crate::foundation::{Amount, Code, Coded, UnixSeconds};
use crate::items::payment::{ModuleId, ModuleVersion};
use crate::security::Portable;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "judge" => on(input, judge),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Case {
    policy: String,
    facts: KnownFacts,
    means: With,
    spent: Before,
}

#[derive(Deserialize)]
struct KnownFacts {
    role: Side,
    customer: Option<String>,
    merchant: Option<String>,
    amount: Amount,
    kind: Option<String>,
    now: UnixSeconds,
}

#[derive(Deserialize)]
struct With {
    module: ModuleId,
    version: u32,
    strength_bits: u16,
}

#[derive(Deserialize)]
struct Before {
    day_minor: u64,
    merchant_minor: u64,
}

#[derive(Serialize)]
struct Verdict {
    confirm: Option<String>,
}

fn judge(case: Case) -> Result<Verdict, Code> {
    let KnownFacts { role, customer, merchant, amount, kind, now } = case.facts;
    let facts = Facts {
        role,
        customer: customer.as_deref(),
        merchant: merchant.as_deref(),
        amount,
        kind: kind.as_deref(),
        now,
    };
    let policy = Policy::verify(&case.policy, None, now, &Portable).map_err(|error| error.code())?;
    let module = ModuleVersion { id: case.means.module, version: case.means.version };
    let means = Means { module: &module, strength_bits: case.means.strength_bits };
    let confirm = policy.judge(&facts, &means).map_err(|error| error.code())?;
    let spent = Spent { day_minor: case.spent.day_minor, merchant_minor: case.spent.merchant_minor };
    policy.check_spending(amount, spent).map_err(|error| error.code())?;
    Ok(Verdict { confirm })
}
