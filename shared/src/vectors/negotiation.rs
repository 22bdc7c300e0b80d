//! `negotiation/`: which ways to pay an offer leaves, and why it leaves no other.

use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::commerce::negotiation::{Situation, Way, negotiate};
use crate::commerce::offer::Offer;
use crate::commerce::policy::Policy;
use crate::foundation::{Amount, Code, Coded, Digest, UnixSeconds};
use crate::items::payment::{
    Acceptance, Bill, ErasedPayer, ModuleId, ModuleVersion, Payment, PaymentError, Purse, Quote, Unusable,
};
use crate::security::Portable;

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "negotiate" => on(input, all),
        "choose" => on(input, choose),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct Case {
    offer: String,
    origin: String,
    now: UnixSeconds,
    /// The wallet's modules, the preferred first.
    wallet: Vec<Holds>,
    introduced: Vec<ModuleVersion>,
    /// The customer's policy.
    policy: Option<String>,
}

/// A module of the wallet, and what it could spend.
#[derive(Deserialize)]
struct Holds {
    id: ModuleId,
    version: u32,
    strength_bits: u16,
    available_minor: u64,
}

impl ErasedPayer for Holds {
    fn id(&self) -> ModuleId {
        self.id.clone()
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn strength_bits(&self) -> u16 {
        self.strength_bits
    }

    fn quote(&self, total: Amount, _: &Acceptance, _: UnixSeconds) -> Result<Quote, Unusable> {
        let available_minor = self.available_minor;
        let available = Amount::new(total.currency(), available_minor).map_err(|_| Unusable::Parameters)?;
        if available_minor < total.minor() {
            return Err(Unusable::Insufficient { available_minor });
        }
        Ok(Quote { available, fee: Amount::zero(total.currency()) })
    }

    fn pay(
        &mut self,
        _: &Bill,
        _: &Acceptance,
        _: UnixSeconds,
        _: &mut dyn CryptoRng,
    ) -> Result<Payment, PaymentError> {
        Err(PaymentError::Unknown)
    }

    fn settled(&mut self, _: &Digest) {}

    fn refused(&mut self, _: &Digest) {}

    fn purses(&self) -> Vec<Purse> {
        Vec::new()
    }

    fn stored(&self) -> Value {
        Value::Null
    }

    fn restore(&mut self, _: Value) -> Result<(), PaymentError> {
        Ok(())
    }
}

impl Case {
    fn ways(&self) -> Result<Vec<Way>, Code> {
        let offer = Offer::verify(&self.offer, &self.origin, self.now, &Portable).map_err(|error| error.code())?;
        let policy = self.policy.as_ref().map(|policy| Policy::verify(policy, None, self.now, &Portable));
        let policy = policy.transpose().map_err(|error| error.code())?;
        let payers: Vec<&dyn ErasedPayer> = self.wallet.iter().map(|holds| holds as _).collect();
        let mut situation = Situation::new(&offer, self.now);
        situation.introduced = &self.introduced;
        situation.ours = policy.as_deref();
        Ok(negotiate(&payers, &situation))
    }
}

#[derive(Serialize)]
struct Told {
    module: ModuleId,
    version: u32,
    /// `usable`, or the reason why not.
    told: &'static str,
}

fn all(case: Case) -> Result<Vec<Told>, Code> {
    let told = |way: Way| Told {
        told: way.quote.as_ref().err().map_or("usable", Unusable::reason),
        module: way.module.id,
        version: way.module.version,
    };
    Ok(case.ways()?.into_iter().map(told).collect())
}

#[derive(Deserialize)]
struct Choice {
    #[serde(flatten)]
    case: Case,
    choose: ModuleId,
}

#[derive(Serialize)]
struct Chosen {
    version: u32,
    available: Amount,
    confirm: Option<String>,
}

fn choose(choice: Choice) -> Result<Chosen, Code> {
    let mut ways = choice.case.ways()?.into_iter();
    let way = ways.find(|way| way.module.id == choice.choose).ok_or(Code::MODULE_UNSUPPORTED)?;
    let quote = way.quote.map_err(|why| why.code())?;
    Ok(Chosen { version: way.module.version, available: quote.available, confirm: way.confirm })
}
