//! The merchant's store in SQLite.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension as _, Row};
use semper_shared::commerce::deal::{Event, State, transition};
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::information::{ContentKey, KEY_LEN};
use semper_shared::security::PublicKey;

use super::catalogue::Good;
use super::pack::{pack, pack_all, unpack, unpack_all};
use super::store::{
    CatalogueChange, Content, Counts, DealCounts, Ended, Ending, NewDeal, NewOffer, Opening, Paid, Picture, Refusal,
    Store, StoredDeal, StoredOffer,
};
use crate::store::StoreError;
use crate::store::sqlite::{Database, Schema};

const SCHEMA: Schema =
    Schema { application: u32::from_be_bytes(*b"SMer"), migrations: &[include_str!("schema/1.sql")] };

/// The merchant's database.
#[derive(Clone)]
pub(super) struct Sqlite {
    pub(super) database: Database,
}

/// Opens the database in the merchant's folder. It holds content keys, so it is its owner's alone.
pub(super) fn open(data: &Path, metrics: Option<&prometheus::Registry>) -> Result<Sqlite, StoreError> {
    let path = data.join("merchant.sqlite");
    // SQLite gives its side files the mode of the database, which therefore must be there first.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    let made = made.and_then(|()| OpenOptions::new().create(true).append(true).mode(0o600).open(&path));
    made.map_err(|source| StoreError::Open { path: path.clone(), source: source.into() })?;
    Ok(Sqlite { database: Database::open(&path, &SCHEMA, metrics)? })
}

impl Store for Sqlite {
    fn contents(&self) -> Result<Vec<Content>, StoreError> {
        self.database.read(|connection| {
            let mut query = connection.prepare("SELECT plaintext, ciphertext, size, root, key_hash FROM content")?;
            let rows = query.query_map((), |row| {
                Ok(Content {
                    plaintext: digest(row, 0)?,
                    ciphertext: digest(row, 1)?,
                    size: row.get::<_, i64>(2)?.unsigned_abs(),
                    root: digest(row, 3)?,
                    key_hash: digest(row, 4)?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn generated(&self, name: &str, edition: &str) -> Result<Option<Digest>, StoreError> {
        self.database.read(|connection| {
            let mut query =
                connection.prepare_cached("SELECT plaintext FROM generated WHERE name = ?1 AND edition = ?2")?;
            Ok(query.query_row((name, edition), |row| digest(row, 0)).optional()?)
        })
    }

    fn replace_catalogue(&self, change: CatalogueChange) -> BoxFuture<'_, Result<Counts, StoreError>> {
        Box::pin(self.database.write(move |tx| replace_catalogue(tx, &change)))
    }

    fn goods(&self) -> Result<Vec<Good>, StoreError> {
        let mut goods: Vec<Good> = self.database.read(|connection| {
            let mut query = connection.prepare("SELECT record FROM good WHERE listed = 1")?;
            let records = query.query_map((), |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
            records.iter().map(|record| serde_json::from_str(record).map_err(damaged)).collect::<Result<_, _>>()
        })?;
        goods.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
        Ok(goods)
    }

    fn content_key(&self, ciphertext: &Digest) -> Result<Option<ContentKey>, StoreError> {
        self.database.read(|connection| {
            let mut query = connection.prepare_cached("SELECT key FROM content_key WHERE ciphertext = ?1")?;
            let key: Option<[u8; KEY_LEN]> = query.query_row([ciphertext.as_bytes()], |row| row.get(0)).optional()?;
            Ok(key.map(ContentKey::from_bytes))
        })
    }

    fn picture(&self, name: &str) -> Result<Option<Picture>, StoreError> {
        self.database.read(|connection| {
            let mut query =
                connection.prepare_cached("SELECT name, media_type, digest, bytes FROM picture WHERE name = ?1")?;
            let picture = query.query_row([name], |row| {
                Ok(Picture { name: row.get(0)?, media_type: row.get(1)?, digest: digest(row, 2)?, bytes: row.get(3)? })
            });
            Ok(picture.optional()?)
        })
    }

    fn offers(&self, moment: UnixSeconds) -> Result<Vec<StoredOffer>, StoreError> {
        self.database.read(|connection| {
            let mut query =
                connection.prepare("SELECT serial, compact FROM offer WHERE expires_at > ?1 ORDER BY serial")?;
            let rows = query
                .query_map([seconds(moment)], |row| Ok(StoredOffer { serial: row.get(0)?, compact: row.get(1)? }))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn add_offers(&self, offers: Vec<NewOffer>) -> BoxFuture<'_, Result<Vec<i64>, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO offer (digest, good, compact, expires_at) VALUES (?1, ?2, ?3, ?4) RETURNING serial",
            )?;
            let serials = offers.iter().map(|offer| {
                let row = (offer.digest.as_bytes(), &offer.good, &offer.compact, seconds(offer.expires_at));
                Ok(insert.query_row(row, |row| row.get(0))?)
            });
            serials.collect()
        }))
    }

    fn mints(&self) -> Result<Vec<(String, PublicKey)>, StoreError> {
        self.database.read(|connection| {
            let mut query = connection.prepare("SELECT url, key FROM mint")?;
            let rows = query.query_map((), |row| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?)))?;
            let rows = rows.collect::<Result<Vec<(String, Vec<u8>)>, _>>()?;
            rows.into_iter().map(|(url, key)| Ok((url, PublicKey::from_sec1(&key).map_err(damaged)?))).collect()
        })
    }

    fn keep_mint(&self, url: String, key: PublicKey) -> BoxFuture<'_, Result<PublicKey, StoreError>> {
        Box::pin(self.database.write(move |tx| {
            tx.execute("INSERT INTO mint VALUES (?1, ?2) ON CONFLICT DO NOTHING", (&url, key.to_compressed()))?;
            let kept: Vec<u8> = tx.query_row("SELECT key FROM mint WHERE url = ?1", [&url], |row| row.get(0))?;
            PublicKey::from_sec1(&kept).map_err(damaged)
        }))
    }

    fn deal(&self, deal: &Digest) -> Result<Option<StoredDeal>, StoreError> {
        self.database.read(|connection| find(connection, deal))
    }

    fn open_deal(&self, deal: NewDeal, ending: Option<Ending>) -> BoxFuture<'_, Result<Opening, StoreError>> {
        let order = pack(&deal.order);
        let ending = ending.map(Packed::from);
        Box::pin(self.database.write(move |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT INTO deal (deal, state, offer, request, opened_at, statement) VALUES (?1, 0, ?2, ?3, ?4, ?5)
                 ON CONFLICT (deal) DO NOTHING RETURNING serial",
            )?;
            let row = (deal.deal.as_bytes(), deal.offer, deal.request.as_bytes(), seconds(deal.opened_at), order);
            let serial: Option<i64> = insert.query_row(row, |row| row.get(0)).optional()?;
            let Some(serial) = serial else {
                let before = find(tx, &deal.deal)?.ok_or_else(|| damaged("a deal is there and is not"))?;
                return Ok(Opening::Before(Box::new(before)));
            };
            if let Some(ending) = &ending {
                ending.write(tx, serial, deal.opened_at)?;
            } else if let Some(payment) = &deal.payment {
                tx.prepare_cached("INSERT INTO payment VALUES (?1, ?2)")?.execute((serial, payment))?;
            }
            Ok(Opening::New(serial))
        }))
    }

    fn end_deal(&self, deal: Digest, ending: Ending, at: UnixSeconds) -> BoxFuture<'_, Result<Ended, StoreError>> {
        let packed = Packed::from(ending);
        Box::pin(self.database.write(move |tx| {
            let mut query = tx.prepare_cached("SELECT serial, state FROM deal WHERE deal = ?1")?;
            let (serial, state): (i64, i64) =
                query.query_row([deal.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if state == code_of(State::Ordered) {
                packed.write(tx, serial, at)?;
                return Ok(Ended::Now);
            }
            let before = find(tx, &deal)?.ok_or_else(|| damaged("a deal is there and is not"))?;
            Ok(Ended::Before(Box::new(before)))
        }))
    }

    fn acknowledge(&self, deal: Digest, statement: String) -> BoxFuture<'_, Result<State, StoreError>> {
        let statement = pack(&statement);
        Box::pin(self.database.write(move |tx| {
            let mut query = tx.prepare_cached("SELECT serial, state FROM deal WHERE deal = ?1")?;
            let (serial, code): (i64, i64) =
                query.query_row([deal.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let state = state_of(code)?;
            let Some(next) = transition(state, Event::Acknowledge) else { return Ok(state) };
            if next != state {
                set_state(tx, serial, next)?;
                tx.prepare_cached("INSERT INTO acknowledgement VALUES (?1, ?2)")?.execute((serial, statement))?;
            }
            Ok(next)
        }))
    }

    fn open_deals(&self, after: i64, limit: u32) -> Result<Vec<(i64, Digest)>, StoreError> {
        self.database.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT serial, deal FROM deal WHERE state = 0 AND serial > ?1 ORDER BY serial LIMIT ?2",
            )?;
            let rows = query.query_map((after, limit), |row| Ok((row.get(0)?, digest(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    fn count_deals(&self) -> Result<DealCounts, StoreError> {
        self.database.read(|connection| {
            let mut counts = DealCounts::default();
            let mut query = connection.prepare("SELECT state, count(*) FROM deal GROUP BY state")?;
            let rows = query.query_map((), |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?;
            for row in rows {
                let (code, count) = row?;
                match state_of(code)? {
                    State::Ordered => counts.ordered = count,
                    State::Delivered => counts.delivered = count,
                    State::Acknowledged => counts.acknowledged = count,
                    _ => counts.refused = count,
                }
            }
            Ok(counts)
        })
    }
}

fn replace_catalogue(tx: &Connection, change: &CatalogueChange) -> Result<Counts, StoreError> {
    for (content, key) in &change.contents {
        // A stream that was lost is encrypted anew under another key, and the new one counts from then on.
        tx.prepare_cached("DELETE FROM generated WHERE plaintext = ?1")?.execute([content.plaintext.as_bytes()])?;
        tx.prepare_cached("INSERT OR REPLACE INTO content VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
            content.plaintext.as_bytes(),
            content.ciphertext.as_bytes(),
            i64::try_from(content.size).unwrap_or(i64::MAX),
            content.root.as_bytes(),
            content.key_hash.as_bytes(),
        ))?;
        tx.prepare_cached("INSERT INTO content_key VALUES (?1, ?2)")?
            .execute((content.ciphertext.as_bytes(), key.as_bytes()))?;
    }
    for (name, edition, plaintext) in &change.generated {
        tx.prepare_cached("INSERT OR REPLACE INTO generated VALUES (?1, ?2, ?3)")?.execute((
            name,
            edition,
            plaintext.as_bytes(),
        ))?;
    }
    for picture in &change.pictures {
        tx.prepare_cached("INSERT OR REPLACE INTO picture VALUES (?1, ?2, ?3, ?4)")?.execute((
            &picture.name,
            &picture.media_type,
            picture.digest.as_bytes(),
            &picture.bytes,
        ))?;
    }
    let mut counts = Counts::default();
    for good in &change.goods {
        let record = serde_json::to_string(good).map_err(damaged)?;
        let mut query = tx.prepare_cached("SELECT record, listed FROM good WHERE id = ?1")?;
        let before: Option<(String, bool)> =
            query.query_row([&good.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match before {
            Some((before, true)) if before == record => continue,
            Some((_, true)) => counts.changed += 1,
            _ => counts.added += 1,
        }
        tx.prepare_cached("INSERT OR REPLACE INTO good VALUES (?1, ?2, 1)")?.execute((&good.id, record))?;
    }
    let listed: Vec<String> = {
        let mut query = tx.prepare("SELECT id FROM good WHERE listed = 1")?;
        query.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    for id in listed.iter().filter(|id| !change.goods.iter().any(|good| good.id == **id)) {
        tx.execute("UPDATE good SET listed = 0 WHERE id = ?1", [id])?;
        counts.removed += 1;
    }
    Ok(counts)
}

/// An ending as it is written down.
enum Packed {
    Paid { receipt: Vec<u8>, delivery: Vec<u8>, proofs: Vec<u8> },
    Refused(Refusal),
}

impl From<Ending> for Packed {
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

impl Packed {
    fn write(&self, tx: &Connection, serial: i64, at: UnixSeconds) -> Result<(), StoreError> {
        let state = match self {
            Self::Paid { receipt, delivery, proofs } => {
                tx.prepare_cached("INSERT INTO outcome VALUES (?1, ?2, ?3, ?4, ?5)")?.execute((
                    serial,
                    seconds(at),
                    receipt,
                    delivery,
                    proofs,
                ))?;
                State::Delivered
            }
            Self::Refused(refusal) => {
                tx.prepare_cached("INSERT INTO refusal VALUES (?1, ?2, ?3, ?4)")?.execute((
                    serial,
                    seconds(at),
                    &refusal.code,
                    &refusal.extra,
                ))?;
                State::Refused
            }
        };
        tx.prepare_cached("DELETE FROM payment WHERE serial = ?1")?.execute([serial])?;
        set_state(tx, serial, state)
    }
}

fn set_state(tx: &Connection, serial: i64, state: State) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE deal SET state = ?2 WHERE serial = ?1")?.execute((serial, code_of(state)))?;
    Ok(())
}

fn find(connection: &Connection, deal: &Digest) -> Result<Option<StoredDeal>, StoreError> {
    let mut query = connection.prepare_cached(
        "SELECT d.serial, d.state, d.offer, d.request, d.statement, p.body,
                o.receipt, o.delivery, o.proofs, r.code, r.extra
         FROM deal AS d
         LEFT JOIN payment AS p USING (serial) LEFT JOIN outcome AS o USING (serial) LEFT JOIN refusal AS r USING (serial)
         WHERE d.deal = ?1",
    )?;
    let mut rows = query.query([deal.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let text = |bytes: &[u8]| unpack(bytes).ok_or_else(|| damaged("a stored statement is damaged"));
    let paid = match row.get::<_, Option<Vec<u8>>>(6)? {
        None => None,
        Some(receipt) => Some(Paid {
            receipt: text(&receipt)?,
            delivery: text(&row.get::<_, Vec<u8>>(7)?)?,
            proofs: unpack_all(&row.get::<_, Vec<u8>>(8)?).ok_or_else(|| damaged("stored proofs are damaged"))?,
        }),
    };
    let refusal = match row.get::<_, Option<String>>(9)? {
        None => None,
        Some(code) => Some(Refusal { code, extra: row.get(10)? }),
    };
    Ok(Some(StoredDeal {
        serial: row.get(0)?,
        deal: *deal,
        state: state_of(row.get(1)?)?,
        offer: row.get(2)?,
        request: digest(row, 3)?,
        order: text(&row.get::<_, Vec<u8>>(4)?)?,
        payment: row.get(5)?,
        paid,
        refusal,
    }))
}

fn code_of(state: State) -> i64 {
    match state {
        State::Ordered => 0,
        State::Delivered => 1,
        State::Acknowledged => 2,
        _ => 3,
    }
}

fn state_of(code: i64) -> Result<State, StoreError> {
    match code {
        0 => Ok(State::Ordered),
        1 => Ok(State::Delivered),
        2 => Ok(State::Acknowledged),
        3 => Ok(State::Refused),
        _ => Err(damaged("a stored state is none")),
    }
}

fn digest(row: &Row<'_>, column: usize) -> rusqlite::Result<Digest> {
    row.get::<_, [u8; 32]>(column).map(Digest)
}

fn seconds(time: UnixSeconds) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(what.to_string().into())
}
