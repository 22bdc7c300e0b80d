//! Reserves: what came in, what was withdrawn, and what is left.

use std::collections::BTreeMap;

use semper_shared::foundation::{Digest, UnixSeconds, base64};
use semper_shared::items::payment::ecash::{PlanchetMessage, Withdrawal};
use semper_shared::items::statement::Compact;
use semper_shared::security::PublicKey;
use semper_shared::security::blinding::MODULUS_LEN;

use super::{Denominations, Seen, Told};
use crate::audit::desk::{Desk, whole};
use crate::audit::keys::opened;
use crate::store::StoreError;
use crate::store::sql::values;

/// A planchet as it is stored: its denomination's number, and the blinded message.
const PACKED: usize = 2 + MODULUS_LEN;

pub(super) fn audit(desk: &mut Desk<'_, '_>, denominations: &Denominations, seen: &mut Seen) -> Result<(), StoreError> {
    let mut balances: BTreeMap<Vec<u8>, i128> = BTreeMap::new();
    arrivals(desk, seen, &mut balances)?;
    withdrawals(desk, denominations, &mut balances)?;
    if desk.has("transfer_spend") {
        let merged = "SELECT reserve, amount FROM transfer WHERE state = 1 AND reserve IS NOT NULL";
        for (reserve, amount) in desk.tx.all(merged, values![], |row| Ok((row.take(0)?, whole(row, 1)?)))? {
            *balances.entry(reserve).or_default() += i128::from(amount);
        }
    }
    if desk.has("recoup") {
        let recouped = "SELECT reserve, amount FROM recoup";
        for (reserve, amount) in desk.tx.all(recouped, values![], |row| Ok((row.take(0)?, whole(row, 1)?)))? {
            *balances.entry(reserve).or_default() += i128::from(amount);
        }
    }
    let reserves = desk
        .tx
        .all("SELECT key, balance FROM reserve", values![], |row| Ok((row.take::<Vec<u8>>(0)?, whole(row, 1)?)))?;
    desk.counted("reserve", u64::try_from(reserves.len()).unwrap_or(0));
    for (key, balance) in reserves {
        match balances.remove(&key) {
            Some(expected) => desk.same("reserve", base64::encode(&key), "balance", expected, i128::from(balance)),
            None => desk.off("reserve", base64::encode(&key), "key", "a reserve that money came into", balance),
        }
    }
    if desk.has("reserve_day") {
        days(desk)?;
    }
    for (key, balance) in balances {
        desk.off("reserve", base64::encode(&key), "balance", balance, "no such row");
    }
    Ok(())
}

/// What a reserve gave on its days is no more than what it gave.
fn days(desk: &mut Desk<'_, '_>) -> Result<(), StoreError> {
    let given = desk.tx.all(
        "SELECT reserve_day.reserve, CAST(sum(reserve_day.amount) AS BIGINT),
                (SELECT CAST(coalesce(sum(withdrawal.amount), 0) AS BIGINT) FROM withdrawal
                 WHERE withdrawal.reserve = reserve_day.reserve)
         FROM reserve_day GROUP BY reserve_day.reserve",
        values![],
        |row| Ok((row.take::<Vec<u8>>(0)?, whole(row, 1)?, whole(row, 2)?)),
    )?;
    desk.counted("reserve_day", u64::try_from(given.len()).unwrap_or(0));
    for (reserve, days, all) in given {
        if days > all {
            desk.off("reserve_day", base64::encode(&reserve), "sum of amounts", format!("{all} at most"), days);
        }
    }
    Ok(())
}

fn arrivals(
    desk: &mut Desk<'_, '_>,
    seen: &mut Seen,
    balances: &mut BTreeMap<Vec<u8>, i128>,
) -> Result<(), StoreError> {
    seen.cursor = desk.tx.all("SELECT cursor FROM funding", values![], |row| whole(row, 0))?.pop().unwrap_or(0);
    desk.counted("funding", 1);
    let mut last = 0;
    desk.each(
        "credit",
        "serial",
        "reserve, amount, at",
        |row| Ok((row.take::<Vec<u8>>(1)?, whole(row, 2)?, whole(row, 3)?)),
        |_, serial, (reserve, minor, at)| {
            *balances.entry(reserve.clone()).or_default() += i128::from(minor);
            let serial = u64::try_from(serial).unwrap_or(0);
            last = last.max(serial);
            let subject = base64::encode(&reserve);
            let told = Told { transfer: None, counterparty: None, currency: None, subject, minor, at, returned: false };
            seen.arrivals.push(("mint.credit", serial, told));
            Ok(())
        },
    )?;
    let state = if desk.has("reserve_day") { "state" } else { "0" };
    desk.each(
        "stray_transfers",
        "serial",
        &format!("transfer, counterparty, currency, amount, subject, at, {state}"),
        |row| {
            Ok(Told {
                transfer: Some(row.take(1)?),
                counterparty: Some(row.take(2)?),
                currency: Some(row.take(3)?),
                minor: whole(row, 4)?,
                subject: row.take(5)?,
                at: whole(row, 6)?,
                returned: row.take::<i64>(7)? == 1,
            })
        },
        |_, serial, told| {
            let serial = u64::try_from(serial).unwrap_or(0);
            last = last.max(serial);
            seen.arrivals.push(("mint.stray_transfers", serial, told));
            Ok(())
        },
    )?;
    if seen.cursor < last {
        desk.off("funding", "the only one", "cursor", format!("{last} or more"), seen.cursor);
    }
    Ok(())
}

struct Row {
    digest: Digest,
    reserve: Vec<u8>,
    amount: u64,
    requested_at: u64,
    batch: Vec<u8>,
    signatures: Vec<u8>,
    proof: Vec<u8>,
    fee: u64,
}

fn withdrawals(
    desk: &mut Desk<'_, '_>,
    denominations: &Denominations,
    balances: &mut BTreeMap<Vec<u8>, i128>,
) -> Result<(), StoreError> {
    let fee = if desk.has("payee") { "fee" } else { "CAST(0 AS BIGINT)" };
    desk.each(
        "withdrawal",
        "number",
        &format!("digest, reserve, amount, requested_at, batch, signatures, proof, {fee}"),
        |row| {
            Ok(Row {
                digest: row.take(1)?,
                reserve: row.take(2)?,
                amount: whole(row, 3)?,
                requested_at: whole(row, 4)?,
                batch: row.take(5)?,
                signatures: row.take(6)?,
                proof: row.take(7)?,
                fee: whole(row, 8)?,
            })
        },
        |desk, number, row| {
            *balances.entry(row.reserve.clone()).or_default() -= i128::from(row.amount);
            let table = "withdrawal";
            let mut batch = Vec::new();
            let (mut value, mut fee, mut good) = (0_u64, 0_u64, row.batch.len() % PACKED == 0);
            let mut signatures = row.signatures.chunks(MODULUS_LEN);
            for packed in row.batch.chunks_exact(PACKED) {
                let (kind, blinded) = packed.split_at(2);
                let kind = i64::from(u16::from_be_bytes([kind[0], kind[1]]));
                let (Some((id, key)), Ok(blinded)) = (denominations.get(&kind), blinded.try_into()) else {
                    good = false;
                    continue;
                };
                value = value.saturating_add(key.value_minor);
                fee = fee.saturating_add(key.fees.withdraw);
                let signs = signatures.next().and_then(|signature| opened(&key.n, signature));
                good &= signs == Some(blinded);
                batch.push(PlanchetMessage { denomination: *id, blinded });
            }
            desk.holds(table, number, "signatures", good && signatures.next().is_none());
            desk.same(table, number, "amount", value.saturating_add(fee), row.amount);
            desk.same(table, number, "fee", fee, row.fee);
            let (mint, requested_at) = (desk.keys.mint(), UnixSeconds(row.requested_at));
            let reserve = PublicKey::from_sec1(&row.reserve).ok();
            // A reserve's first withdrawal says so; an earlier version's says nothing, and a later one is kept as its text.
            let digest = [Some(known_before(&row.proof).unwrap_or(0)), None].into_iter().find_map(|first| {
                let request = Withdrawal { mint, batch: batch.clone(), first, requested_at };
                desk.self_keyed(&row.proof, reserve.as_ref()?, request)
            });
            desk.holds(table, number, "the reserve's signature", digest.is_some());
            if let Some(digest) = digest {
                desk.same(table, number, "digest", digest, row.digest);
            }
            Ok(())
        },
    )
}

/// How many coins a withdrawal that is kept as its text says that its reserve had paid for before.
fn known_before(proof: &[u8]) -> Option<u32> {
    let text = Compact::<Withdrawal>::new(std::str::from_utf8(proof).ok()?.to_owned());
    text.peek_unverified().ok()?.first
}
