//! Coins: the mint signed each, and what is spent of it is what it signed over.

use semper_shared::items::payment::ecash::coin_message;
use semper_shared::security::{PublicKey, Verifier as _};

use super::Denominations;
use crate::audit::desk::{Desk, whole};
use crate::store::StoreError;

pub(super) fn audit(desk: &mut Desk<'_, '_>, denominations: &Denominations) -> Result<(), StoreError> {
    let part = |sign: &str, column: &str, rows: &str| {
        format!("{sign} (SELECT CAST(coalesce(sum({column}), 0) AS BIGINT) FROM {rows})")
    };
    let fees = desk.has("payee");
    let with_fee = |table: &str| if fees { format!("{table}.amount + {table}.fee") } else { format!("{table}.amount") };
    let mut uses = part("", &with_fee("spend"), "spend WHERE spend.coin = coin.number");
    let void = if desk.has("recoup") { " AND melt.void = 0" } else { "" };
    uses += &part(" +", "melt.amount", &format!("melt WHERE melt.coin = coin.number{void}"));
    if desk.has("recoup") {
        uses += &part(" +", "recoup.amount", "recoup WHERE recoup.coin = coin.number");
    }
    if desk.has("refund_share") {
        uses += &part(" -", "refund_share.amount", "refund_share WHERE refund_share.coin = coin.number");
    }
    if desk.has("transfer_spend") {
        let rows = "transfer_spend JOIN transfer ON transfer.number = transfer_spend.transfer
                    WHERE transfer_spend.coin = coin.number AND transfer.state <> 2";
        uses += &part(" +", "transfer_spend.amount", rows);
        if fees {
            // What came back, came back without it.
            uses += &part(" +", "transfer_spend.fee", "transfer_spend WHERE transfer_spend.coin = coin.number");
        }
    }
    desk.each(
        "coin",
        "number",
        &format!("key, denomination, signature, spent, {uses}"),
        |row| {
            Ok((row.take::<Vec<u8>>(1)?, row.take::<i64>(2)?, row.take::<Vec<u8>>(3)?, whole(row, 4)?, whole(row, 5)?))
        },
        |desk, number, (key, denomination, signature, spent, used)| {
            desk.same("coin", number, "spent", used, spent);
            let Some((id, denomination)) = denominations.get(&denomination) else {
                desk.off("coin", number, "denomination", "one of the mint's", denomination);
                return Ok(());
            };
            let signed = PublicKey::from_sec1(&key)
                .is_ok_and(|key| desk.verifier.rsa_pss(&denomination.n, &coin_message(id, &key), &signature));
            desk.holds("coin", number, "the mint's signature", signed);
            if spent > denomination.value_minor {
                desk.off("coin", number, "spent", format!("{} at most", denomination.value_minor), spent);
            }
            Ok(())
        },
    )
}
