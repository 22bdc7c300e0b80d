//! Deposits: each coin permitted its part, and the mint confirmed the whole.

use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::{Confirmation, Permission};
use semper_shared::security::PublicKey;
use semper_shared::security::blinding::MODULUS_LEN;

use super::{Denominations, Merchants};
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;
use crate::store::sql::values;

struct Row {
    deal: Digest,
    merchant: i64,
    amount: u64,
    confirmed_at: u64,
    wire_by: u64,
    signature: Vec<u8>,
}

/// A coin's part in a deposit or a transfer.
pub(super) struct Part {
    pub(super) position: i64,
    pub(super) coin: Vec<u8>,
    pub(super) denomination: i64,
    pub(super) signature: Vec<u8>,
    pub(super) amount: u64,
    pub(super) refund_by: u64,
    pub(super) proof: Vec<u8>,
    pub(super) fee: u64,
}

impl Part {
    /// What the mint takes of the coin beside what it gives.
    pub(super) fn due(&self, denominations: &Denominations) -> u64 {
        denominations.get(&self.denomination).map_or(0, |(_, key)| key.fees.deposit)
    }

    /// The digest of the permission, where the coin signed it.
    pub(super) fn permission(
        &self,
        desk: &Desk<'_, '_>,
        denominations: &Denominations,
        merchant: Digest,
        deal: Digest,
    ) -> Option<Digest> {
        let permission = Permission {
            mint: desk.keys.mint(),
            merchant,
            deal,
            amount: desk.amount(self.amount),
            denomination: denominations.get(&self.denomination)?.0,
            signature: <[u8; MODULUS_LEN]>::try_from(self.signature.as_slice()).ok()?,
            refund_by: UnixSeconds(self.refund_by),
        };
        desk.self_keyed(&self.proof, &PublicKey::from_sec1(&self.coin).ok()?, permission)
    }
}

pub(super) fn audit(
    desk: &mut Desk<'_, '_>,
    denominations: &Denominations,
    merchants: &Merchants,
) -> Result<(), StoreError> {
    desk.each(
        "deposit",
        "number",
        "deal, merchant, amount, confirmed_at, wire_by, signature",
        |row| {
            Ok(Row {
                deal: row.take(1)?,
                merchant: row.take(2)?,
                amount: whole(row, 3)?,
                confirmed_at: whole(row, 4)?,
                wire_by: whole(row, 5)?,
                signature: row.take(6)?,
            })
        },
        |desk, number, row| deposit(desk, denominations, merchants, number, &row),
    )?;
    let orphans: i64 = desk.tx.value(
        "SELECT count(*) FROM spend WHERE NOT EXISTS (SELECT 1 FROM deposit WHERE deposit.number = spend.deposit)",
        values![],
    )?;
    desk.same("spend", "of no deposit", "count", 0, orphans);
    Ok(())
}

fn deposit(
    desk: &mut Desk<'_, '_>,
    denominations: &Denominations,
    merchants: &Merchants,
    number: i64,
    row: &Row,
) -> Result<(), StoreError> {
    let Some(merchant) = merchants.get(&row.merchant).copied() else {
        desk.off("deposit", number, "merchant", "one of the accounts", row.merchant);
        return Ok(());
    };
    let fee = if desk.has("payee") { "spend.fee" } else { "CAST(0 AS BIGINT)" };
    let parts = desk.tx.all(
        &format!(
            "SELECT spend.position, coin.key, coin.denomination, coin.signature, spend.amount, spend.refund_by,
                    spend.proof, {fee}
             FROM spend JOIN coin ON coin.number = spend.coin WHERE spend.deposit = ?1 ORDER BY spend.position"
        ),
        values![number],
        |row| {
            Ok(Part {
                position: row.take(0)?,
                coin: row.take(1)?,
                denomination: row.take(2)?,
                signature: row.take(3)?,
                amount: whole(row, 4)?,
                refund_by: whole(row, 5)?,
                proof: row.take(6)?,
                fee: whole(row, 7)?,
            })
        },
    )?;
    desk.counted("spend", u64::try_from(parts.len()).unwrap_or(0));
    let mut permissions = Vec::new();
    for (place, part) in (0_i64..).zip(&parts) {
        let name = format!("{number}/{}", part.position);
        desk.same("spend", &name, "position", place, part.position);
        let digest = part.permission(desk, denominations, merchant, row.deal);
        desk.holds("spend", &name, "the coin's permission", digest.is_some());
        desk.same("spend", &name, "fee", part.due(denominations), part.fee);
        permissions.extend(digest);
    }
    desk.same("deposit", number, "amount", parts.iter().map(|part| part.amount).sum(), row.amount);
    let confirmation = Confirmation {
        mint: desk.keys.mint(),
        merchant,
        deal: row.deal,
        amount: desk.amount(row.amount),
        permissions,
        wire_by: UnixSeconds(row.wire_by),
        confirmed_at: UnixSeconds(row.confirmed_at),
    };
    let confirmed = desk.own(confirmation, &row.signature);
    desk.holds("deposit", number, "the mint's confirmation", confirmed);
    Ok(())
}
