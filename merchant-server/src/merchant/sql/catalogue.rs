//! Goods, their contents and covers.

use semper_shared::foundation::Digest;
use semper_shared::items::information::{ContentKey, KEY_LEN};

use super::damaged;
use crate::merchant::catalogue::Good;
use crate::merchant::store::{CatalogueChange, Content, Counts, Picture};
use crate::store::StoreError;
use crate::store::sql::{Tx, values};

pub(super) fn contents(tx: &mut Tx<'_>) -> Result<Vec<Content>, StoreError> {
    tx.all("SELECT plaintext, ciphertext, size, root, key_hash FROM content", values![], |row| {
        Ok(Content {
            plaintext: row.take(0)?,
            ciphertext: row.take(1)?,
            size: row.take(2)?,
            root: row.take(3)?,
            key_hash: row.take(4)?,
        })
    })
}

pub(super) fn generated(tx: &mut Tx<'_>, name: &str, edition: &str) -> Result<Option<Digest>, StoreError> {
    tx.find("SELECT plaintext FROM generated WHERE name = ?1 AND edition = ?2", values![name, edition])
}

pub(super) fn goods(tx: &mut Tx<'_>) -> Result<Vec<Good>, StoreError> {
    let records: Vec<String> = tx.all("SELECT record FROM good WHERE listed = 1", values![], |row| row.take(0))?;
    let goods = records.iter().map(|record| serde_json::from_str(record).map_err(damaged));
    let mut goods = goods.collect::<Result<Vec<Good>, _>>()?;
    goods.sort_by(|a, b| (a.order, &a.id).cmp(&(b.order, &b.id)));
    Ok(goods)
}

pub(super) fn content_key(tx: &mut Tx<'_>, ciphertext: &Digest) -> Result<Option<ContentKey>, StoreError> {
    let key: Option<[u8; KEY_LEN]> =
        tx.find("SELECT key FROM content_key WHERE ciphertext = ?1", values![ciphertext])?;
    Ok(key.map(ContentKey::from_bytes))
}

pub(super) fn picture(tx: &mut Tx<'_>, name: &str) -> Result<Option<Picture>, StoreError> {
    tx.one("SELECT name, media_type, digest, bytes FROM picture WHERE name = ?1", values![name], |row| {
        Ok(Picture { name: row.take(0)?, media_type: row.take(1)?, digest: row.take(2)?, bytes: row.take(3)? })
    })
}

pub(super) fn replace(tx: &mut Tx<'_>, change: &CatalogueChange) -> Result<Counts, StoreError> {
    for (content, key) in &change.contents {
        // A stream that was lost is encrypted anew under another key, and the new one counts from then on.
        tx.execute(
            "INSERT INTO content (plaintext, ciphertext, size, root, key_hash) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (plaintext) DO UPDATE SET ciphertext = excluded.ciphertext, size = excluded.size,
                root = excluded.root, key_hash = excluded.key_hash",
            values![content.plaintext, content.ciphertext, content.size, content.root, content.key_hash],
        )?;
        tx.execute(
            "INSERT INTO content_key (ciphertext, key) VALUES (?1, ?2)",
            values![content.ciphertext, key.as_bytes()],
        )?;
    }
    for (name, edition, plaintext) in &change.generated {
        tx.execute(
            "INSERT INTO generated (name, edition, plaintext) VALUES (?1, ?2, ?3)
             ON CONFLICT (name, edition) DO UPDATE SET plaintext = excluded.plaintext",
            values![name, edition, plaintext],
        )?;
    }
    for picture in &change.pictures {
        tx.execute(
            "INSERT INTO picture (name, media_type, digest, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE
             SET media_type = excluded.media_type, digest = excluded.digest, bytes = excluded.bytes",
            values![picture.name, picture.media_type, picture.digest, picture.bytes],
        )?;
    }
    replace_goods(tx, &change.goods)
}

fn replace_goods(tx: &mut Tx<'_>, goods: &[Good]) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    for good in goods {
        let record = serde_json::to_string(good).map_err(damaged)?;
        let before: Option<(String, bool)> =
            tx.one("SELECT record, listed FROM good WHERE id = ?1 /*FOR UPDATE*/", values![good.id], |row| {
                Ok((row.take(0)?, row.take(1)?))
            })?;
        match before {
            Some((before, true)) if before == record => continue,
            Some((_, true)) => counts.changed += 1,
            _ => counts.added += 1,
        }
        tx.execute(
            "INSERT INTO good (id, record, listed) VALUES (?1, ?2, 1)
             ON CONFLICT (id) DO UPDATE SET record = excluded.record, listed = 1",
            values![good.id, record],
        )?;
    }
    let listed: Vec<String> =
        tx.all("SELECT id FROM good WHERE listed = 1 ORDER BY id /*FOR UPDATE*/", values![], |row| row.take(0))?;
    for id in listed.iter().filter(|id| !goods.iter().any(|good| good.id == **id)) {
        tx.execute("UPDATE good SET listed = 0 WHERE id = ?1", values![id])?;
        counts.removed += 1;
    }
    Ok(counts)
}
