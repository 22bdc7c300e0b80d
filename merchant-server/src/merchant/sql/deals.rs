//! Deals. What two replicas could do at once is decided by one statement: whose deal is stored, and how it ends.

use semper_shared::commerce::deal::{Event, State, transition};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::Phase;

use super::{damaged, seconds};
use crate::merchant::pack::{pack, pack_all, unpack, unpack_all};
use crate::merchant::store::{DealCounts, Ended, Ending, NewDeal, Opening, Paid, Refusal, StoredDeal};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

/// A deal as it is written down.
pub(super) struct Packed {
    deal: NewDeal,
    order: Vec<u8>,
}

impl Packed {
    pub(super) fn of(deal: NewDeal) -> Self {
        Self { order: pack(&deal.order), deal }
    }
}

/// An ending as it is written down.
pub(super) enum PackedEnding {
    Paid { receipt: Vec<u8>, delivery: Vec<u8>, proofs: Vec<u8> },
    Refused(Refusal),
}

impl From<Ending> for PackedEnding {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Paid(paid) => Self::Paid {
                receipt: pack(&paid.receipt),
                delivery: pack(&paid.delivery),
                proofs: pack_all(&paid.proofs),
            },
            Ending::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

impl PackedEnding {
    fn state(&self) -> State {
        match self {
            Self::Paid { .. } => State::Delivered,
            Self::Refused(_) => State::Refused,
        }
    }

    fn write(&self, tx: &mut Tx<'_>, serial: i64, at: UnixSeconds) -> Result<(), StoreError> {
        match self {
            Self::Paid { receipt, delivery, proofs } => tx.execute_later(
                "INSERT INTO outcome (serial, closed_at, receipt, delivery, proofs) VALUES (?1, ?2, ?3, ?4, ?5)",
                values![serial, seconds(at), receipt, delivery, proofs],
            )?,
            Self::Refused(refusal) => tx.execute_later(
                "INSERT INTO refusal (serial, closed_at, code, extra) VALUES (?1, ?2, ?3, ?4)",
                values![serial, seconds(at), refusal.code, refusal.extra],
            )?,
        };
        Ok(())
    }
}

pub(super) fn open(tx: &mut Tx<'_>, packed: &Packed, ending: Option<&PackedEnding>) -> Result<Opening, StoreError> {
    let deal = &packed.deal;
    let state = ending.map_or(State::Ordered, PackedEnding::state);
    let serial = tx.find(
        "INSERT INTO deal (deal, state, offer, request, opened_at, statement) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (deal) DO NOTHING RETURNING serial",
        values![deal.deal, code_of(state), deal.offer, deal.request, seconds(deal.opened_at), packed.order],
    )?;
    let Some(serial) = serial else {
        return Ok(Opening::Before(Box::new(present(tx, &deal.deal)?)));
    };
    match (ending, &deal.payment) {
        (Some(ending), _) => ending.write(tx, serial, deal.opened_at)?,
        (None, Some(payment)) => {
            tx.execute_later("INSERT INTO payment (serial, body) VALUES (?1, ?2)", values![serial, payment])?;
        }
        (None, None) => {}
    }
    Ok(Opening::New(serial))
}

pub(super) fn end(tx: &mut Tx<'_>, deal: &Digest, ending: &PackedEnding, at: UnixSeconds) -> Result<Ended, StoreError> {
    let serial = tx.find(
        "UPDATE deal SET state = ?2 WHERE deal = ?1 AND state = ?3 RETURNING serial",
        values![deal, code_of(ending.state()), code_of(State::Ordered)],
    )?;
    let Some(serial) = serial else {
        return Ok(Ended::Before(Box::new(present(tx, deal)?)));
    };
    ending.write(tx, serial, at)?;
    tx.execute_later("DELETE FROM payment WHERE serial = ?1", values![serial])?;
    Ok(Ended::Now)
}

/// The deal is held first: of two that work on it, the second sees what the first found.
pub(super) fn keep_phase(tx: &mut Tx<'_>, deal: &Digest, found: &Phase) -> Result<Option<Phase>, StoreError> {
    let serial: Option<i64> =
        tx.find("SELECT serial FROM deal WHERE deal = ?1 AND state = 0 /*FOR UPDATE*/", values![deal])?;
    let Some(serial) = serial else { return Ok(None) };
    let before: Option<String> = tx.find("SELECT phase FROM split WHERE serial = ?1", values![serial])?;
    let phase = phase_of(before.as_deref())?.then(found.clone());
    let text = serde_json::to_string(&phase).map_err(damaged)?;
    tx.execute(
        "INSERT INTO split (serial, phase) VALUES (?1, ?2) ON CONFLICT (serial) DO UPDATE SET phase = excluded.phase",
        values![serial, text],
    )?;
    Ok(Some(phase))
}

fn phase_of(text: Option<&str>) -> Result<Phase, StoreError> {
    text.map_or(Ok(Phase::default()), |text| serde_json::from_str(text).map_err(damaged))
}

pub(super) fn acknowledge(tx: &mut Tx<'_>, deal: &Digest, statement: &[u8]) -> Result<State, StoreError> {
    let found = tx.one("SELECT serial, state FROM deal WHERE deal = ?1 /*FOR UPDATE*/", values![deal], |row| {
        Ok((row.take::<i64>(0)?, row.take::<i64>(1)?))
    })?;
    let (serial, code) = found.ok_or_else(|| damaged("a deal is gone"))?;
    let state = state_of(code)?;
    let Some(next) = transition(state, Event::Acknowledge) else { return Ok(state) };
    if next != state {
        tx.execute("UPDATE deal SET state = ?2 WHERE serial = ?1", values![serial, code_of(next)])?;
        tx.execute("INSERT INTO acknowledgement (serial, statement) VALUES (?1, ?2)", values![serial, statement])?;
    }
    Ok(next)
}

pub(super) fn ordered(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<(i64, Digest)>, StoreError> {
    tx.all(
        "SELECT serial, deal FROM deal WHERE state = 0 AND serial > ?1
         AND NOT EXISTS (SELECT 1 FROM invoice AS i WHERE i.deal = deal.deal
             AND i.cancelled = 0 AND i.received - i.returned < i.amount - i.credited)
         ORDER BY serial LIMIT ?2",
        values![after, limit],
        |row| Ok((row.take(0)?, row.take(1)?)),
    )
}

pub(super) fn count(tx: &mut Tx<'_>) -> Result<DealCounts, StoreError> {
    let rows: Vec<(i64, i64)> =
        tx.all("SELECT state, count(*) FROM deal GROUP BY state", values![], |row| Ok((row.take(0)?, row.take(1)?)))?;
    let mut counts = DealCounts::default();
    for (code, count) in rows {
        match state_of(code)? {
            State::Ordered => counts.ordered = count,
            State::Delivered => counts.delivered = count,
            State::Acknowledged => counts.acknowledged = count,
            _ => counts.refused = count,
        }
    }
    Ok(counts)
}

fn present(tx: &mut Tx<'_>, deal: &Digest) -> Result<StoredDeal, StoreError> {
    find(tx, deal)?.ok_or_else(|| damaged("a deal is there and is not"))
}

pub(super) fn find(tx: &mut Tx<'_>, deal: &Digest) -> Result<Option<StoredDeal>, StoreError> {
    let text = |bytes: Vec<u8>| unpack(&bytes).ok_or_else(|| damaged("a stored statement is damaged"));
    tx.one(
        "SELECT d.serial, d.state, d.offer, d.request, d.statement, p.body,
                o.receipt, o.delivery, o.proofs, r.code, r.extra, s.phase
         FROM deal AS d
         LEFT JOIN payment AS p ON p.serial = d.serial
         LEFT JOIN outcome AS o ON o.serial = d.serial
         LEFT JOIN refusal AS r ON r.serial = d.serial
         LEFT JOIN split AS s ON s.serial = d.serial
         WHERE d.deal = ?1",
        values![deal],
        |row| {
            let paid = match row.take::<Option<Vec<u8>>>(6)? {
                None => None,
                Some(receipt) => Some(Paid {
                    receipt: text(receipt)?,
                    delivery: text(row.take(7)?)?,
                    proofs: unpack_all(&row.take::<Vec<u8>>(8)?).ok_or_else(|| damaged("stored proofs are damaged"))?,
                }),
            };
            let refusal = match row.take::<Option<String>>(9)? {
                None => None,
                Some(code) => Some(Refusal { code, extra: row.take(10)? }),
            };
            Ok(StoredDeal {
                serial: row.take(0)?,
                deal: *deal,
                state: state_of(row.take(1)?)?,
                offer: row.take(2)?,
                request: row.take(3)?,
                order: text(row.take(4)?)?,
                payment: row.take(5)?,
                phase: phase_of(row.take::<Option<String>>(11)?.as_deref())?,
                paid,
                refusal,
            })
        },
    )
}

fn code_of(state: State) -> i64 {
    match state {
        State::Ordered => 0,
        State::Delivered => 1,
        State::Acknowledged => 2,
        _ => 3,
    }
}

pub(super) fn state_of(code: i64) -> Result<State, StoreError> {
    match code {
        0 => Ok(State::Ordered),
        1 => Ok(State::Delivered),
        2 => Ok(State::Acknowledged),
        3 => Ok(State::Refused),
        _ => Err(damaged("a stored state is none")),
    }
}
