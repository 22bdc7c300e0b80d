//! Transfers from person to person: the coins paid into each what it says, and whoever could decide on it decided.

use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::transfer::{
    Acceptance, Cancellation, Terms, Transfer, TransferConfirmation, TransferRequest,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::PublicKey;

use super::Denominations;
use super::deposits::Part;
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::values;

struct Row {
    name: Digest,
    digest: Digest,
    signer: Digest,
    statement: String,
    amount: u64,
    expires_at: u64,
    state: i64,
    reserve: Option<Vec<u8>>,
    decision: Option<String>,
    confirmed_at: u64,
    signature: Vec<u8>,
    coins: Vec<u8>,
}

pub(super) fn audit(desk: &mut Desk<'_, '_>, denominations: &Denominations) -> Result<(), StoreError> {
    desk.each(
        "transfer",
        "number",
        "name, digest, signer, statement, amount, expires_at, state, reserve, decision, confirmed_at, signature, coins",
        |row| {
            Ok(Row {
                name: row.take(1)?,
                digest: row.take(2)?,
                signer: row.take(3)?,
                statement: row.take(4)?,
                amount: whole(row, 5)?,
                expires_at: whole(row, 6)?,
                state: row.take(7)?,
                reserve: row.take(8)?,
                decision: row.take(9)?,
                confirmed_at: whole(row, 10)?,
                signature: row.take(11)?,
                coins: row.take(12)?,
            })
        },
        |desk, number, row| transfer(desk, denominations, number, &row),
    )?;
    let orphans: i64 = desk.tx.value(
        "SELECT count(*) FROM transfer_spend
         WHERE NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.number = transfer_spend.transfer)",
        values![],
    )?;
    desk.same("transfer_spend", "of no transfer", "count", 0, orphans);
    Ok(())
}

/// The statement: sent, or asked for. Its terms, its digest, its signer's key, and the name by which it is known.
fn said(desk: &Desk<'_, '_>, text: &str) -> Option<(Terms, Digest, PublicKey, Digest)> {
    if let Ok((signed, key)) = Signed::<Transfer>::verify_self_keyed(text, &desk.verifier) {
        return Some((signed.payload().0.clone(), signed.digest(), key.clone(), key.thumbprint()));
    }
    let (signed, key) = Signed::<TransferRequest>::verify_self_keyed(text, &desk.verifier).ok()?;
    Some((signed.payload().0.clone(), signed.digest(), key, signed.digest()))
}

fn transfer(desk: &mut Desk<'_, '_>, denominations: &Denominations, number: i64, row: &Row) -> Result<(), StoreError> {
    let table = "transfer";
    let Some((terms, digest, key, name)) = said(desk, &row.statement) else {
        desk.holds(table, number, "statement", false);
        return Ok(());
    };
    desk.holds(table, number, "mint", terms.mint == desk.keys.mint());
    desk.same(table, number, "amount", terms.amount.minor(), row.amount);
    desk.same(table, number, "expires_at", terms.expires_at.0, row.expires_at);
    desk.same(table, number, "digest", digest, row.digest);
    desk.same(table, number, "signer", key.thumbprint(), row.signer);
    desk.same(table, number, "name", name, row.name);
    let parts = parts(desk, number, row)?;
    desk.counted("transfer_spend", u64::try_from(parts.len()).unwrap_or(0));
    let mut permissions = Vec::new();
    for (place, part) in (0_i64..).zip(&parts) {
        let name = format!("{number}/{}", part.position);
        desk.same("transfer_spend", &name, "position", place, part.position);
        let digest = part.permission(desk, denominations, key.thumbprint(), row.digest);
        desk.holds("transfer_spend", &name, "the coin's permission", digest.is_some());
        desk.same("transfer_spend", &name, "fee", part.due(denominations), part.fee);
        permissions.extend(digest);
    }
    desk.same(table, number, "sum of its coins", row.amount, parts.iter().map(|part| part.amount).sum());
    permissions.sort_unstable();
    let hashed: Vec<&[u8]> = permissions.iter().map(|digest| digest.as_bytes().as_slice()).collect();
    desk.same(table, number, "coins", Digest::of_parts(&hashed).to_string(), text_of(&row.coins));
    let confirmation = TransferConfirmation {
        mint: desk.keys.mint(),
        transfer: row.digest,
        amount: desk.amount(row.amount),
        confirmed_at: UnixSeconds(row.confirmed_at),
    };
    let confirmed = desk.own(confirmation, &row.signature);
    desk.holds(table, number, "the mint's confirmation", confirmed);
    decided(desk, number, row, &key);
    Ok(())
}

fn text_of(bytes: &[u8]) -> String {
    <[u8; 32]>::try_from(bytes).map_or_else(|_| "something else".to_owned(), |bytes| Digest(bytes).to_string())
}

fn parts(desk: &mut Desk<'_, '_>, number: i64, transfer: &Row) -> Result<Vec<Part>, StoreError> {
    let fee = if desk.has("payee") { "transfer_spend.fee" } else { "CAST(0 AS BIGINT)" };
    desk.tx.all(
        &format!(
            "SELECT transfer_spend.position, coin.key, coin.denomination, coin.signature, transfer_spend.amount,
                    transfer_spend.proof, {fee}
             FROM transfer_spend JOIN coin ON coin.number = transfer_spend.coin
             WHERE transfer_spend.transfer = ?1 ORDER BY transfer_spend.position"
        ),
        values![number],
        |row| {
            Ok(Part {
                position: row.take(0)?,
                coin: row.take(1)?,
                denomination: row.take(2)?,
                signature: row.take(3)?,
                amount: whole(row, 4)?,
                refund_by: transfer.expires_at,
                proof: row.take(5)?,
                fee: whole(row, 6)?,
            })
        },
    )
}

/// Who decided, and what: an acceptance names the reserve, a request is paid into the one that signed it.
fn decided(desk: &mut Desk<'_, '_>, number: i64, row: &Row, key: &PublicKey) {
    let table = "transfer";
    let fits = match (row.state, &row.reserve, &row.decision) {
        (0, None, None) | (2, None, None) => true,
        (1, Some(reserve), None) => *reserve == key.to_compressed(),
        (1, Some(reserve), Some(text)) => {
            let reserve = PublicKey::from_sec1(reserve).ok().map(|reserve| reserve.thumbprint());
            let signed = Signed::<Acceptance>::verify_self_keyed(text, &desk.verifier);
            signed.is_ok_and(|(said, signer)| {
                said.transfer == row.digest && Some(said.reserve) == reserve && signer == *key
            })
        }
        (2, None, Some(text)) => {
            let signed = Signed::<Cancellation>::verify_self_keyed(text, &desk.verifier);
            signed.is_ok_and(|(said, signer)| said.transfer == row.digest && signer == *key)
        }
        _ => false,
    };
    desk.holds(table, number, "state, reserve and decision", fits);
}
