//! The gateway's books in SQL.

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::card::{Authorisation, CardState, Level, Operation};
use semper_shared::security::{PublicKey, Thumbprint};

use super::store::{
    Batch, Begun, Case, Cleared, Merchant, NewAuthorisation, NewOrder, Open, OpenOrder, OrderBegun, OrderError, Stage,
    Store,
};
use crate::store::StoreError;
use crate::store::sql::{Database, Row, Schema, Tx, values};

pub(super) const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SGtw"),
    name: "gateway",
    sqlite: &[include_str!("schema/sqlite/1-base.sql")],
    postgres: &[include_str!("schema/postgres/1-base.sql")],
};

const ASKED: i64 = 0;
const AWAIT_APPROVAL: i64 = 1;
const DECLINED: i64 = 7;

const BEGUN: i64 = 0;
const DONE: i64 = 1;
const REFUSED: i64 = 2;

pub(super) struct Books(pub(super) Database);

impl Store for Books {
    fn keep_merchant(&self, merchant: Merchant) -> BoxFuture<'_, Result<PublicKey, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            tx.execute(
                "INSERT INTO merchant (url, name, thumbprint, key) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                values![merchant.url, merchant.name, merchant.key.thumbprint(), merchant.key.to_compressed()],
            )?;
            let key: [u8; 33] = tx.value("SELECT key FROM merchant WHERE url = ?1", values![merchant.url])?;
            PublicKey::from_sec1(&key).map_err(damaged)
        }))
    }

    fn merchants(&self) -> BoxFuture<'_, Result<Vec<Merchant>, StoreError>> {
        Box::pin(self.0.read(|tx| {
            tx.all("SELECT url, name, key FROM merchant", values![], |row| {
                let key = PublicKey::from_sec1(&row.take::<[u8; 33]>(2)?).map_err(damaged)?;
                Ok(Merchant { url: row.take(0)?, name: row.take(1)?, key })
            })
        }))
    }

    fn enrol(
        &self,
        holder: Thumbprint,
        tag: [u8; 32],
        certificate: String,
    ) -> BoxFuture<'_, Result<String, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            tx.execute(
                "INSERT INTO card (holder, tag, certificate) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                values![holder, tag, certificate],
            )?;
            tx.value("SELECT certificate FROM card WHERE holder = ?1", values![holder])
        }))
    }

    fn enrolled(&self, holder: Thumbprint) -> BoxFuture<'_, Result<Option<[u8; 32]>, StoreError>> {
        Box::pin(self.0.read(move |tx| tx.find("SELECT tag FROM card WHERE holder = ?1", values![holder])))
    }

    fn begin(&self, new: NewAuthorisation) -> BoxFuture<'_, Result<Begun, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            let terms = &new.terms;
            let inserted = tx.execute(
                "INSERT INTO authorisation
                    (common, merchant, deal, currency, amount, level, holder, state, capture_by, captured, refunded, asked_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, ?9) ON CONFLICT DO NOTHING",
                values![
                    new.common,
                    terms.merchant,
                    terms.deal,
                    terms.amount.currency().as_str(),
                    terms.amount.minor(),
                    u8::from(terms.level),
                    new.holder,
                    new.capture_by.0,
                    new.asked_at.0
                ],
            )?;
            if inserted == 1 {
                return Ok(Begun::New);
            }
            Ok(case(tx, &new.common)?.map_or(Begun::Conflict, |case| Begun::Before(Box::new(case))))
        }))
    }

    fn find(&self, common: Digest) -> BoxFuture<'_, Result<Option<Case>, StoreError>> {
        Box::pin(self.0.read(move |tx| case(tx, &common)))
    }

    fn await_approval(&self, common: Digest) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.0.write(move |tx| {
            let sql = "UPDATE authorisation SET state = ?2 WHERE common = ?1 AND state = ?3";
            tx.execute(sql, values![common, AWAIT_APPROVAL, ASKED]).map(drop)
        }))
    }

    fn approve(&self, common: Digest, approved: bool) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            tx.execute(
                "UPDATE authorisation SET approval = ?2 WHERE common = ?1 AND state = ?3 AND approval IS NULL",
                values![common, i64::from(approved), AWAIT_APPROVAL],
            )?;
            let sql = "SELECT approval FROM authorisation WHERE common = ?1";
            let counts: Option<i64> = tx.find::<Option<i64>>(sql, values![common])?.flatten();
            counts.map(|word| word == 1).ok_or_else(|| damaged("a challenge that nobody was set"))
        }))
    }

    fn decide(
        &self,
        common: Digest,
        reference: Option<String>,
        answer: String,
    ) -> BoxFuture<'_, Result<String, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            let state = if reference.is_some() { code_of(CardState::Authorised) } else { DECLINED };
            tx.execute(
                "UPDATE authorisation SET state = ?2, reference = ?3, answer = ?4 WHERE common = ?1 AND answer IS NULL",
                values![common, state, reference, answer],
            )?;
            tx.value("SELECT answer FROM authorisation WHERE common = ?1", values![common])
        }))
    }

    fn begin_order(&self, order: NewOrder) -> BoxFuture<'_, Result<OrderBegun, OrderError>> {
        Box::pin(self.0.write(move |tx| begin_order(tx, &order)))
    }

    fn end_order(
        &self,
        common: Digest,
        id: [u8; 16],
        done: Option<String>,
    ) -> BoxFuture<'_, Result<Option<String>, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            lock(tx, &common)?;
            let state = if done.is_some() { DONE } else { REFUSED };
            let ended = tx.one(
                "UPDATE card_order SET state = ?3, done = ?4 WHERE common = ?1 AND id = ?2 AND state = 0
                 RETURNING kind, amount",
                values![common, id, state, done],
                |row| Ok((row.take::<String>(0)?, row.take::<u64>(1)?)),
            )?;
            if let (Some((kind, amount)), None) = (&ended, &done) {
                put_back(tx, &common, kind, *amount)?;
            }
            Ok(tx
                .find::<Option<String>>(
                    "SELECT done FROM card_order WHERE common = ?1 AND id = ?2",
                    values![common, id],
                )?
                .flatten())
        }))
    }

    fn open(&self, before: UnixSeconds) -> BoxFuture<'_, Result<Open, StoreError>> {
        Box::pin(self.0.read(move |tx| {
            let asked = tx.all(
                "SELECT common FROM authorisation WHERE state = 0 AND asked_at <= ?1 ORDER BY asked_at LIMIT 100",
                values![before.0],
                |row| row.take(0),
            )?;
            let orders = tx.all(
                "SELECT o.common, o.id, o.operation, a.reference FROM card_order AS o
                 JOIN authorisation AS a ON a.common = o.common
                 WHERE o.state = 0 AND o.made_at <= ?1 ORDER BY o.made_at LIMIT 100",
                values![before.0],
                |row| {
                    let operation = serde_json::from_str(&row.take::<String>(2)?).map_err(damaged)?;
                    Ok(OpenOrder { common: row.take(0)?, id: row.take(1)?, operation, reference: row.take(3)? })
                },
            )?;
            Ok((asked, orders))
        }))
    }

    fn charge_back(&self, references: Vec<String>) -> BoxFuture<'_, Result<u64, StoreError>> {
        Box::pin(self.0.write(move |tx| {
            let mut new = 0;
            for reference in &references {
                new += tx.execute(
                    "UPDATE authorisation SET state = ?2 WHERE reference = ?1 AND state IN (3, 5) AND captured > refunded",
                    values![reference, code_of(CardState::ChargedBack)],
                )?;
            }
            Ok(new)
        }))
    }

    fn clear(&self, now: UnixSeconds) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(self.0.write(move |tx| clear(tx, now)))
    }

    fn last_batch(&self) -> BoxFuture<'_, Result<Option<Batch>, StoreError>> {
        Box::pin(self.0.snapshot(last_batch))
    }
}

fn begin_order(tx: &mut Tx<'_>, new: &NewOrder) -> Result<OrderBegun, OrderError> {
    lock(tx, &new.common)?;
    let case = case(tx, &new.common)?.ok_or(OrderError::Refused(Code::AUTHORISATION_UNKNOWN))?;
    let reference = match (case.stage, case.reference) {
        (Stage::Decided, Some(reference)) => reference,
        _ => return Err(OrderError::Refused(Code::AUTHORISATION_UNKNOWN)),
    };
    let text = serde_json::to_string(&new.operation).map_err(damaged)?;
    let before = tx.one(
        "SELECT operation, state, done FROM card_order WHERE common = ?1 AND id = ?2",
        values![new.common, new.id],
        |row| Ok((row.take::<String>(0)?, row.take::<i64>(1)?, row.take::<Option<String>>(2)?)),
    )?;
    if let Some((operation, state, done)) = before {
        return match done {
            _ if operation != text => Err(OrderError::Refused(Code::REQUEST_CONFLICT)),
            Some(done) => Ok(OrderBegun::Done(done)),
            None if state == REFUSED => Err(OrderError::Refused(Code::CARD_DECLINED)),
            None => Ok(OrderBegun::Now { reference }),
        };
    }
    let sums = case.sums.apply(&new.operation, new.now)?;
    let (kind, amount) = match &new.operation {
        Operation::Capture { amount } => ("capture", amount.minor()),
        Operation::Void => ("void", 0),
        Operation::Refund { amount, .. } => ("refund", amount.minor()),
    };
    tx.execute(
        "UPDATE authorisation SET state = ?2, captured = ?3, refunded = ?4 WHERE common = ?1",
        values![new.common, code_of(sums.state), sums.captured_minor, sums.refunded_minor],
    )?;
    tx.execute(
        "INSERT INTO card_order (common, id, operation, kind, amount, state, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        values![new.common, new.id, text, kind, amount, BEGUN, new.now.0],
    )?;
    Ok(OrderBegun::Now { reference })
}

/// The compensation of an order that the acquirer refused.
fn put_back(tx: &mut Tx<'_>, common: &Digest, kind: &str, amount: u64) -> Result<(), StoreError> {
    let sql = match kind {
        "capture" => {
            "UPDATE authorisation SET captured = captured - ?2,
                state = CASE WHEN captured = ?2 THEN 2 ELSE state END WHERE common = ?1"
        }
        "refund" => {
            "UPDATE authorisation SET refunded = refunded - ?2,
                state = CASE WHEN refunded = ?2 THEN 3 ELSE state END WHERE common = ?1"
        }
        _ => "UPDATE authorisation SET state = 2 + ?2 WHERE common = ?1",
    };
    tx.execute(sql, values![common, amount]).map(drop)
}

fn clear(tx: &mut Tx<'_>, now: UnixSeconds) -> Result<bool, StoreError> {
    let rows = tx.all(
        "SELECT common, id, kind, amount FROM card_order
         WHERE state = 1 AND batch IS NULL AND kind <> 'void' AND made_at <= ?1 ORDER BY made_at, id LIMIT 10000 /*FOR UPDATE*/",
        values![now.0],
        |row| Ok((row.take::<Digest>(0)?, row.take::<[u8; 16]>(1)?, row.take::<String>(2)?, row.take::<u64>(3)?)),
    )?;
    if rows.is_empty() {
        return Ok(false);
    }
    let sum = |kind: &str| -> u64 { rows.iter().filter(|row| row.2 == kind).map(|row| row.3).sum() };
    let number: i64 = tx.value(
        "INSERT INTO batch (made_at, orders, captured, refunded) VALUES (?1, ?2, ?3, ?4) RETURNING number",
        values![now.0, rows.len(), sum("capture"), sum("refund")],
    )?;
    for (common, id, ..) in &rows {
        tx.execute("UPDATE card_order SET batch = ?3 WHERE common = ?1 AND id = ?2", values![common, id, number])?;
    }
    Ok(true)
}

fn last_batch(tx: &mut Tx<'_>) -> Result<Option<Batch>, StoreError> {
    let Some(number) = tx.find::<Option<u64>>("SELECT max(number) FROM batch", values![])?.flatten() else {
        return Ok(None);
    };
    let rows = tx.all(
        "SELECT m.url, o.common, a.deal, o.kind, a.currency, o.amount, o.made_at FROM card_order AS o
         JOIN authorisation AS a ON a.common = o.common JOIN merchant AS m ON m.thumbprint = a.merchant
         WHERE o.batch = ?1 ORDER BY m.url, o.made_at, o.common, o.id",
        values![number],
        |row| {
            Ok(Cleared {
                merchant: row.take(0)?,
                common: row.take(1)?,
                deal: row.take(2)?,
                kind: row.take(3)?,
                currency: row.take(4)?,
                amount_minor: row.take(5)?,
                made_at: UnixSeconds(row.take(6)?),
            })
        },
    )?;
    Ok(Some(Batch { number, rows }))
}

/// Orders of one authorisation are decided one after the other.
fn lock(tx: &mut Tx<'_>, common: &Digest) -> Result<(), StoreError> {
    tx.find::<i64>("SELECT 1 FROM authorisation WHERE common = ?1 /*FOR UPDATE*/", values![common]).map(drop)
}

fn case(tx: &mut Tx<'_>, common: &Digest) -> Result<Option<Case>, StoreError> {
    tx.one(
        "SELECT merchant, deal, currency, amount, level, holder, state, capture_by, captured, refunded, approval,
                reference, answer
         FROM authorisation WHERE common = ?1",
        values![common],
        read,
    )
}

fn read(row: &Row<'_>) -> Result<Case, StoreError> {
    let currency = row.take::<String>(2)?.parse().map_err(damaged)?;
    let amount = Amount::new(currency, row.take(3)?).map_err(damaged)?;
    let code: i64 = row.take(6)?;
    let (stage, state) = match code {
        ASKED => (Stage::Asked, CardState::Authorised),
        AWAIT_APPROVAL => (Stage::AwaitApproval, CardState::Authorised),
        DECLINED => (Stage::Declined, CardState::Voided),
        _ => (Stage::Decided, state_of(code)?),
    };
    Ok(Case {
        merchant: row.take(0)?,
        deal: row.take(1)?,
        level: Level::try_from(row.take::<u8>(4)?).map_err(damaged)?,
        holder: row.take(5)?,
        stage,
        sums: Authorisation {
            amount,
            capture_by: UnixSeconds(row.take(7)?),
            state,
            captured_minor: row.take(8)?,
            refunded_minor: row.take(9)?,
        },
        approval: row.take::<Option<i64>>(10)?.map(|word| word == 1),
        reference: row.take(11)?,
        answer: row.take(12)?,
    })
}

const fn code_of(state: CardState) -> i64 {
    match state {
        CardState::Authorised | CardState::Expired => 2,
        CardState::Captured => 3,
        CardState::Voided => 4,
        CardState::Refunded => 5,
        CardState::ChargedBack => 6,
    }
}

fn state_of(code: i64) -> Result<CardState, StoreError> {
    match code {
        2 => Ok(CardState::Authorised),
        3 => Ok(CardState::Captured),
        4 => Ok(CardState::Voided),
        5 => Ok(CardState::Refunded),
        6 => Ok(CardState::ChargedBack),
        _ => Err(damaged("a state that there is not")),
    }
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(format!("the gateway's books are damaged: {what}").into())
}
