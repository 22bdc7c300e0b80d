//! Refunds and the operator's list of deals.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::RefundId;
use serde::{Deserialize, Serialize};

use super::deals::state_of;
use super::{Sql, damaged, seconds};
use crate::merchant::pack::unpack;
use crate::merchant::refunds::{DealLine, NewRefund, Opened, Progress, RefundStore, Standing, StoredRefund};
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, values};

const ASKED: i64 = 0;
const DONE: i64 = 1;
const REFUSED: i64 = 2;
/// Done in part: `amount` is what went back, since that is what counts, and the answer says what was decided.
const PARTLY: i64 = 3;

/// The answer of a refund that was done in part.
#[derive(Serialize, Deserialize)]
struct Part {
    decided: u64,
    progress: Progress,
}

impl RefundStore for Sql {
    fn open_refund(&self, refund: NewRefund) -> BoxFuture<'_, Result<Opened, StoreError>> {
        Box::pin(self.database.write(move |tx| open(tx, &refund)))
    }

    fn keep_refund(
        &self,
        deal: Digest,
        id: RefundId,
        before: Progress,
        now: Progress,
    ) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let changed = tx.execute(
                "UPDATE refund SET answer = ?4
                 WHERE serial = (SELECT serial FROM deal WHERE deal = ?1) AND id = ?2 AND state = ?5
                 AND coalesce(answer, '') = ?3",
                values![deal, id.0, text_of(&before)?, text_of(&now)?, ASKED],
            )?;
            Ok(changed > 0)
        }))
    }

    fn end_refund(
        &self,
        deal: Digest,
        id: RefundId,
        ending: Standing,
    ) -> BoxFuture<'_, Result<StoredRefund, StoreError>> {
        Box::pin(self.database.write(move |tx| end(tx, &deal, &id, &ending)))
    }

    fn refunds(&self, deal: Digest) -> BoxFuture<'_, Result<Vec<StoredRefund>, StoreError>> {
        Box::pin(self.database.read(move |tx| of_deal(tx, &deal)))
    }

    fn open_refunds(&self, limit: u32) -> BoxFuture<'_, Result<Vec<(Digest, RefundId)>, StoreError>> {
        Box::pin(self.database.read(move |tx| {
            tx.all(
                "SELECT d.deal, r.id FROM refund AS r JOIN deal AS d ON d.serial = r.serial
                 WHERE r.state = 0 ORDER BY r.number LIMIT ?1",
                values![limit],
                |row| Ok((row.take(0)?, RefundId(row.take(1)?))),
            )
        }))
    }

    fn deal_lines(&self, before: i64, limit: u32) -> BoxFuture<'_, Result<Vec<DealLine>, StoreError>> {
        Box::pin(self.database.read(move |tx| lines(tx, before, limit)))
    }
}

/// The deal is held first: what is refunded of it changes only here.
fn open(tx: &mut Tx<'_>, new: &NewRefund) -> Result<Opened, StoreError> {
    let serial: Option<i64> = tx.find("SELECT serial FROM deal WHERE deal = ?1 /*FOR UPDATE*/", values![new.deal])?;
    let serial = serial.ok_or_else(|| damaged("a deal is gone"))?;
    if let Some(before) = find(tx, serial, &new.id)? {
        return Ok(Opened::Before(before));
    }
    let refunded: u64 = tx.value(
        "SELECT CAST(coalesce(sum(amount), 0) AS BIGINT) FROM refund WHERE serial = ?1 AND state <> ?2",
        values![serial, REFUSED],
    )?;
    let left = new.paid_minor.saturating_sub(refunded);
    if new.amount_minor > left {
        return Ok(Opened::Excessive(left));
    }
    tx.execute(
        "INSERT INTO refund (serial, id, amount, reason, decided_at, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        values![serial, new.id.0, new.amount_minor, new.reason, seconds(new.at), ASKED],
    )?;
    Ok(Opened::New)
}

fn end(tx: &mut Tx<'_>, deal: &Digest, id: &RefundId, ending: &Standing) -> Result<StoredRefund, StoreError> {
    let serial: Option<i64> = tx.find("SELECT serial FROM deal WHERE deal = ?1", values![deal])?;
    let serial = serial.ok_or_else(|| damaged("a deal is gone"))?;
    let open = "SELECT amount FROM refund WHERE serial = ?1 AND id = ?2 AND state = ?3 /*FOR UPDATE*/";
    let decided: Option<u64> = tx.find(open, values![serial, id.0, ASKED])?;
    if let Some(decided) = decided {
        let (state, amount, answer) = match ending {
            Standing::Asked(progress) => (ASKED, decided, Some(text_of(progress)?)),
            Standing::Done(given) => (DONE, decided, Some(serde_json::to_string(given).map_err(damaged)?)),
            Standing::Partly(progress) => {
                let part = Part { decided, progress: progress.clone() };
                (PARTLY, progress.minor(), Some(serde_json::to_string(&part).map_err(damaged)?))
            }
            Standing::Refused(code) => (REFUSED, decided, Some(code.clone())),
        };
        tx.execute(
            "UPDATE refund SET state = ?3, answer = ?4, amount = ?5 WHERE serial = ?1 AND id = ?2",
            values![serial, id.0, state, answer, amount],
        )?;
    }
    find(tx, serial, id)?.ok_or_else(|| damaged("a refund is gone"))
}

/// Nothing where nothing was answered yet.
fn text_of(progress: &Progress) -> Result<String, StoreError> {
    if *progress == Progress::default() {
        return Ok(String::new());
    }
    serde_json::to_string(progress).map_err(damaged)
}

const COLUMNS: &str = "r.id, r.amount, r.reason, r.decided_at, r.state, r.answer";

fn find(tx: &mut Tx<'_>, serial: i64, id: &RefundId) -> Result<Option<StoredRefund>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM refund AS r WHERE r.serial = ?1 AND r.id = ?2");
    tx.one(&sql, values![serial, id.0], read)
}

fn of_deal(tx: &mut Tx<'_>, deal: &Digest) -> Result<Vec<StoredRefund>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM refund AS r JOIN deal AS d ON d.serial = r.serial WHERE d.deal = ?1 ORDER BY r.number"
    );
    tx.all(&sql, values![deal], read)
}

fn read(row: &Row<'_>) -> Result<StoredRefund, StoreError> {
    let answer: Option<String> = row.take(5)?;
    let answer = answer.unwrap_or_default();
    let mut amount_minor = row.take(1)?;
    let standing = match row.take::<i64>(4)? {
        ASKED if answer.is_empty() => Standing::Asked(Progress::default()),
        ASKED => Standing::Asked(serde_json::from_str(&answer).map_err(damaged)?),
        // Before two modules could share a price there was one, and it stood alone.
        DONE if answer.starts_with('{') => Standing::Done(vec![serde_json::from_str(&answer).map_err(damaged)?]),
        DONE => Standing::Done(serde_json::from_str(&answer).map_err(damaged)?),
        REFUSED => Standing::Refused(answer),
        PARTLY => {
            let part: Part = serde_json::from_str(&answer).map_err(damaged)?;
            amount_minor = part.decided;
            Standing::Partly(part.progress)
        }
        _ => return Err(damaged("a stored state is none")),
    };
    let (id, reason, at) = (RefundId(row.take(0)?), row.take(2)?, row.take(3)?);
    Ok(StoredRefund { id, amount_minor, reason, at: UnixSeconds(at), standing })
}

fn lines(tx: &mut Tx<'_>, before: i64, limit: u32) -> Result<Vec<DealLine>, StoreError> {
    tx.all(
        "SELECT d.serial, d.deal, d.state, offer.digest, d.opened_at, o.receipt,
                CAST(coalesce((SELECT sum(r.amount) FROM refund AS r WHERE r.serial = d.serial AND r.state <> 2), 0) AS BIGINT),
                CAST(coalesce((SELECT i.amount - i.credited - i.received + i.returned FROM invoice AS i
                    WHERE i.deal = d.deal AND i.cancelled = 0 AND (d.state = 1 OR d.state = 2)), 0) AS BIGINT)
         FROM deal AS d JOIN offer ON offer.serial = d.offer LEFT JOIN outcome AS o ON o.serial = d.serial
         WHERE d.serial < ?1 ORDER BY d.serial DESC LIMIT ?2",
        values![before, limit],
        |row| {
            let receipt: Option<Vec<u8>> = row.take(5)?;
            let text = |bytes: Vec<u8>| unpack(&bytes).ok_or_else(|| damaged("a stored statement is damaged"));
            Ok(DealLine {
                serial: row.take(0)?,
                deal: row.take(1)?,
                state: state_of(row.take(2)?)?,
                offer: row.take(3)?,
                opened_at: UnixSeconds(row.take(4)?),
                receipt: receipt.map(text).transpose()?,
                refunded_minor: row.take(6)?,
                owed_minor: u64::try_from(row.take::<i64>(7)?).unwrap_or(0),
            })
        },
    )
}
