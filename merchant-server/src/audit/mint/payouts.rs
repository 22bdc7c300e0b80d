//! Merchants' accounts, and the transfers that paid them.

use std::collections::{BTreeSet, HashMap};

use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::PayoutAccount;
use semper_shared::items::statement::Signed;

use super::{Merchants, Seen, Sent};
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

pub(super) fn accounts(desk: &mut Desk<'_, '_>) -> Result<Merchants, StoreError> {
    let mut merchants = HashMap::new();
    desk.each(
        "account",
        "number",
        "merchant, account, registered_at, registration",
        |row| Ok((row.take::<Digest>(1)?, row.take::<String>(2)?, whole(row, 3)?, row.take::<String>(4)?)),
        |desk, number, (merchant, account, registered_at, text)| {
            merchants.insert(number, merchant);
            let signed = Signed::verify_introduction(&text, |said: &PayoutAccount| &said.merchant, &desk.verifier);
            let Ok(signed) = signed else {
                desk.holds("account", number, "registration", false);
                return Ok(());
            };
            desk.same("account", number, "merchant", signed.signer(), merchant);
            desk.same("account", number, "account", signed.account.clone(), account);
            desk.same("account", number, "registered_at", signed.registered_at.0, registered_at);
            desk.holds("account", number, "registration's mint", signed.mint == desk.keys.mint());
            Ok(())
        },
    )?;
    Ok(merchants)
}

/// The names of all payouts.
pub(in crate::audit) fn names(tx: &mut Tx<'_>) -> Result<BTreeSet<String>, StoreError> {
    Ok(tx.all("SELECT id FROM payout", values![], |row| row.take(0))?.into_iter().collect())
}

pub(super) fn audit(desk: &mut Desk<'_, '_>, seen: &mut Seen) -> Result<(), StoreError> {
    let refunded = if desk.has("refund") { " - deposit.refunded" } else { "" };
    let covers = |what: &str, rows: &str| {
        format!("(SELECT CAST(coalesce({what}, 0) AS BIGINT) FROM deposit WHERE deposit.payout = payout.number{rows})")
    };
    let columns = format!(
        "id, account, amount, state, {}, {}",
        covers(&format!("sum(deposit.amount{refunded})"), ""),
        covers("count(*)", " AND deposit.merchant <> payout.merchant")
    );
    desk.each(
        "payout",
        "number",
        &columns,
        |row| {
            let sent = Sent {
                number: row.take(0)?,
                id: row.take(1)?,
                account: row.take(2)?,
                amount: whole(row, 3)?,
                sent: row.take::<i64>(4)? == 1,
            };
            Ok((sent, row.take::<i64>(4)?, whole(row, 5)?, row.take::<i64>(6)?))
        },
        |desk, number, (sent, state, covered, strangers)| {
            desk.same("payout", number, "amount", covered, sent.amount);
            desk.same("payout", number, "deposits of other merchants", 0, strangers);
            desk.holds("payout", number, "state", (0..=2).contains(&state));
            seen.payouts.push(sent);
            Ok(())
        },
    )?;
    let lost: i64 = desk.tx.value(
        "SELECT count(*) FROM deposit WHERE payout IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM payout WHERE payout.number = deposit.payout)",
        values![],
    )?;
    desk.same("deposit", "of no payout", "payout", 0, lost);
    Ok(())
}
