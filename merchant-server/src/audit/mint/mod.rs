//! The mint's tables.

mod coins;
mod deposits;
mod life;
mod melts;
pub(super) mod payouts;
mod refunds;
mod reserves;
mod transfers;

use std::collections::{BTreeSet, HashMap};

use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::DenominationKey;
use semper_shared::security::Thumbprint;

use super::desk::{Desk, whole};
use crate::store::StoreError;

/// What is to be compared with the bank.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How far the bank's history was read.
    pub(super) cursor: u64,
    /// Table, serial number and what the mint says of it.
    pub(super) arrivals: Vec<(&'static str, u64, Told)>,
    pub(super) payouts: Vec<Sent>,
    /// The names of all payouts, read after the bank was.
    pub(super) later: BTreeSet<String>,
}

/// A transfer to the mint, as the mint has it.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) transfer: Option<String>,
    pub(super) counterparty: Option<String>,
    pub(super) currency: Option<String>,
    pub(super) subject: String,
    pub(super) minor: u64,
    pub(super) at: u64,
    /// Whether it was sent back.
    pub(super) returned: bool,
}

/// A transfer from the mint, as the mint has it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) amount: u64,
    pub(super) sent: bool,
}

/// The denominations by their numbers, with their names.
pub(super) type Denominations = HashMap<i64, (Digest, DenominationKey)>;

/// The merchants by their numbers.
pub(super) type Merchants = HashMap<i64, Thumbprint>;

/// The merchants' further accounts by their numbers: whose each is, and its label.
pub(super) type Payees = HashMap<i64, (i64, String)>;

pub(super) fn audit(desk: &mut Desk<'_, '_>) -> Result<Seen, StoreError> {
    let mut seen = Seen::default();
    let denominations = denominations(desk)?;
    reserves::audit(desk, &denominations, &mut seen)?;
    let merchants = payouts::accounts(desk)?;
    let payees = payouts::payees(desk, &merchants)?;
    coins::audit(desk, &denominations)?;
    deposits::audit(desk, &denominations, &merchants)?;
    payouts::directions(desk, &merchants, &payees)?;
    melts::audit(desk, &denominations)?;
    if desk.has("refund") {
        refunds::audit(desk, &merchants)?;
    }
    if desk.has("recoup") {
        life::audit(desk, &denominations)?;
    }
    if desk.has("transfer_spend") {
        transfers::audit(desk, &denominations)?;
    }
    payouts::audit(desk, (&merchants, &payees), &mut seen)?;
    books(desk)?;
    Ok(seen)
}

fn denominations(desk: &mut Desk<'_, '_>) -> Result<Denominations, StoreError> {
    let mut found = HashMap::new();
    desk.each(
        "denomination",
        "number",
        "id, value",
        |row| Ok((row.take::<Digest>(1)?, whole(row, 2)?)),
        |desk, number, (id, value)| {
            match desk.keys.denomination(&id).cloned() {
                Some(key) => {
                    desk.same("denomination", number, "value", key.value_minor, value);
                    found.insert(number, (id, key));
                }
                None => desk.off("denomination", number, "id", "one of the mint's denominations", id),
            }
            Ok(())
        },
    )?;
    Ok(found)
}

/// Everything that came in is somewhere, once.
fn books(desk: &mut Desk<'_, '_>) -> Result<(), StoreError> {
    let received = desk.sum("amount", "credit")?;
    let reserves = desk.sum("balance", "reserve")?;
    let kept = |desk: &mut Desk<'_, '_>, rows: &str| if desk.has("payee") { desk.sum("fee", rows) } else { Ok(0) };
    let withdrawing = kept(desk, "withdrawal")?;
    let withdrawn = desk.sum("amount", "withdrawal")?.saturating_sub(withdrawing);
    let refreshing = kept(desk, "melt WHERE signatures IS NOT NULL")?;
    let fees = withdrawing + refreshing + kept(desk, "spend")? + kept(desk, "transfer_spend")?;
    let melted = desk.sum("amount", if desk.has("recoup") { "melt WHERE void = 0" } else { "melt" })?;
    let refreshed = desk.sum("amount", "melt WHERE signatures IS NOT NULL")?;
    let spent = desk.sum("spent", "coin")?;
    let refunded = if desk.has("refund") { desk.sum("amount", "refund")? } else { 0 };
    let pending = if desk.has("transfer_spend") { desk.sum("amount", "transfer WHERE state = 0")? } else { 0 };
    let deposited = desk.sum("amount", "deposit")?;
    let paid_out = desk.sum("amount", "payout WHERE state = 1")?;
    let outstanding = (withdrawn + refreshed).saturating_sub(refreshing).checked_sub(spent);
    let owed = deposited.checked_sub(refunded).and_then(|owed| owed.checked_sub(paid_out));
    let melting = melted.saturating_sub(refreshed);
    for (name, sum) in [
        ("received", Some(received)),
        ("in reserves", Some(reserves)),
        ("in coins", outstanding),
        ("being melted", Some(melting)),
        ("in transfers", Some(pending)),
        ("owed to merchants", owed),
        ("paid out", Some(paid_out)),
        ("fees", Some(fees)),
    ] {
        match sum {
            Some(sum) => desk.note(name, sum),
            None => desk.off("coin", "all", name, "not less than nothing", "less than nothing"),
        }
    }
    let somewhere =
        outstanding.zip(owed).map(|(coins, owed)| reserves + coins + melting + pending + owed + paid_out + fees);
    if somewhere != Some(received) {
        let found = somewhere.map_or_else(|| "less than nothing somewhere".to_owned(), |sum| sum.to_string());
        desk.off("credit", "all", "sum of what came in, and of where it is", received, found);
    }
    Ok(())
}
