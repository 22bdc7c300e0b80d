//! Merchants' accounts, and the transfers that paid them.

use std::collections::{BTreeSet, HashMap};

use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::{DepositAccount, PaidDeal, Payout, PayoutAccount};
use semper_shared::items::statement::Signed;

use super::{Merchants, Payees, Seen, Sent};
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
            desk.merchant_keys.insert(merchant, signed.merchant.clone());
            desk.same("account", number, "merchant", signed.signer(), merchant);
            desk.same("account", number, "account", signed.account.clone(), account);
            desk.same("account", number, "registered_at", signed.registered_at.0, registered_at);
            desk.holds("account", number, "registration's mint", signed.mint == desk.keys.mint());
            Ok(())
        },
    )?;
    Ok(merchants)
}

/// Reads merchants' further accounts: to whom each belongs, and its label.
pub(super) fn payees(desk: &mut Desk<'_, '_>, merchants: &Merchants) -> Result<Payees, StoreError> {
    let mut payees = Payees::default();
    if !desk.has("payee") {
        return Ok(payees);
    }
    desk.each(
        "payee",
        "number",
        "merchant, label, account, registered_at, registration",
        |row| {
            let told = (row.take::<String>(3)?, whole(row, 4)?, row.take::<String>(5)?);
            Ok((row.take::<i64>(1)?, row.take::<String>(2)?, told))
        },
        |desk, number, (merchant, label, (account, registered_at, text))| {
            let signed = Signed::verify_introduction(&text, |said: &PayoutAccount| &said.merchant, &desk.verifier);
            payees.insert(number, (merchant, label.clone()));
            let Ok(signed) = signed else {
                desk.holds("payee", number, "registration", false);
                return Ok(());
            };
            let ours = merchants.get(&merchant).is_some_and(|known| *known == signed.signer());
            desk.holds("payee", number, "merchant", ours);
            desk.same("payee", number, "label", signed.label.clone().unwrap_or_default(), label);
            desk.same("payee", number, "account", signed.account.clone(), account);
            desk.same("payee", number, "registered_at", signed.registered_at.0, registered_at);
            desk.holds("payee", number, "registration's mint", signed.mint == desk.keys.mint());
            Ok(())
        },
    )?;
    Ok(payees)
}

/// What the merchants said themselves of where deposits go.
pub(super) fn directions(desk: &mut Desk<'_, '_>, merchants: &Merchants, payees: &Payees) -> Result<(), StoreError> {
    if !desk.has("payee") {
        return Ok(());
    }
    let directed = desk.tx.all(
        "SELECT number, deal, merchant, payee, direction FROM deposit WHERE payee <> 0 OR direction IS NOT NULL",
        values![],
        |row| {
            let said = (row.take::<i64>(3)?, row.take::<Option<Vec<u8>>>(4)?);
            Ok((row.take::<i64>(0)?, row.take::<Digest>(1)?, row.take::<i64>(2)?, said))
        },
    )?;
    for (number, deal, merchant, (payee, direction)) in directed {
        let label = payees.get(&payee).filter(|(owner, _)| *owner == merchant).map(|(_, label)| label.clone());
        let said = label.zip(direction).and_then(|(label, proof)| {
            let account = DepositAccount { mint: desk.keys.mint(), deal, label };
            let merchant = merchants.get(&merchant)?;
            desk.self_keyed(&proof, desk.merchant_keys.get(merchant)?, account)
        });
        desk.holds("deposit", number, "the merchant's word for its account", said.is_some());
    }
    Ok(())
}

/// The names of all payouts.
pub(in crate::audit) fn names(tx: &mut Tx<'_>) -> Result<BTreeSet<String>, StoreError> {
    Ok(tx.all("SELECT id FROM payout", values![], |row| row.take(0))?.into_iter().collect())
}

pub(super) fn audit(
    desk: &mut Desk<'_, '_>,
    (merchants, payees): (&Merchants, &Payees),
    seen: &mut Seen,
) -> Result<(), StoreError> {
    let several = desk.has("payee");
    let other = if several { " OR deposit.payee <> payout.payee" } else { "" };
    let refunded = if desk.has("refund") { " - deposit.refunded" } else { "" };
    let covers = |what: &str, rows: &str| {
        format!("(SELECT CAST(coalesce({what}, 0) AS BIGINT) FROM deposit WHERE deposit.payout = payout.number{rows})")
    };
    let columns = format!(
        "id, account, amount, state, {}, {}",
        covers(&format!("sum(deposit.amount{refunded})"), ""),
        covers("count(*)", &format!(" AND (deposit.merchant <> payout.merchant{other})"))
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
            desk.same("payout", number, "deposits of other accounts", 0, strangers);
            desk.holds("payout", number, "state", (0..=2).contains(&state));
            seen.payouts.push(sent);
            Ok(())
        },
    )?;
    if several {
        statements(desk, merchants, payees)?;
    }
    let lost: i64 = desk.tx.value(
        "SELECT count(*) FROM deposit WHERE payout IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM payout WHERE payout.number = deposit.payout)",
        values![],
    )?;
    desk.same("deposit", "of no payout", "payout", 0, lost);
    Ok(())
}

/// What the mint signed of its payouts.
fn statements(desk: &mut Desk<'_, '_>, merchants: &Merchants, payees: &Payees) -> Result<(), StoreError> {
    let signed = desk.tx.all(
        "SELECT number, id, merchant, payee, account, amount, made_at, signature FROM payout WHERE signature IS NOT NULL",
        values![],
        |row| {
            let whose = (row.take::<i64>(2)?, row.take::<i64>(3)?, row.take::<String>(4)?);
            let what = (whole(row, 5)?, whole(row, 6)?, row.take::<Vec<u8>>(7)?);
            Ok((row.take::<i64>(0)?, row.take::<String>(1)?, whose, what))
        },
    )?;
    for (number, id, (merchant, payee, account), (amount, made_at, signature)) in signed {
        let deals = desk.tx.all(
            "SELECT deal, amount, refunded FROM deposit WHERE payout = ?1 ORDER BY number",
            values![number],
            |row| Ok((row.take::<Digest>(0)?, whole(row, 1)?, whole(row, 2)?)),
        )?;
        let paid = |(deal, amount, refunded): (Digest, u64, u64)| PaidDeal {
            deal,
            amount: desk.amount(amount),
            refunded: (refunded > 0).then(|| desk.amount(refunded)),
        };
        let deals = deals.into_iter().map(paid).collect();
        let holds = merchants.get(&merchant).copied().zip(id.parse().ok()).is_some_and(|(merchant, payout)| {
            let statement = Payout {
                mint: desk.keys.mint(),
                merchant,
                payout,
                label: payees.get(&payee).map(|(_, label)| label.clone()),
                account,
                amount: desk.amount(amount),
                fees: desk.amount(0),
                deals,
                made_at: UnixSeconds(made_at),
            };
            desk.own(statement, &signature)
        });
        desk.holds("payout", number, "the mint's statement", holds);
    }
    Ok(())
}
