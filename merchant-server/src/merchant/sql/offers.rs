//! Offers, and the mints that they name.

use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::security::PublicKey;

use super::{damaged, seconds};
use crate::merchant::store::{NewOffer, StoredOffer};
use crate::store::StoreError;
use crate::store::sql::{Row, Tx, values};

fn stored(row: &Row<'_>) -> Result<StoredOffer, StoreError> {
    Ok(StoredOffer { serial: row.take(0)?, compact: row.take(1)? })
}

pub(super) fn after(tx: &mut Tx<'_>, moment: UnixSeconds, serial: i64) -> Result<Vec<StoredOffer>, StoreError> {
    tx.all(
        "SELECT serial, compact FROM offer WHERE expires_at > ?1 AND serial > ?2 ORDER BY serial",
        values![seconds(moment), serial],
        stored,
    )
}

pub(super) fn find(tx: &mut Tx<'_>, digest: &Digest) -> Result<Option<StoredOffer>, StoreError> {
    tx.one("SELECT serial, compact FROM offer WHERE digest = ?1", values![digest], stored)
}

pub(super) fn add(tx: &mut Tx<'_>, offers: &[NewOffer]) -> Result<Vec<i64>, StoreError> {
    let add = |offer: &NewOffer| {
        let added = tx.find(
            "INSERT INTO offer (digest, good, compact, expires_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (digest) DO NOTHING RETURNING serial",
            values![offer.digest, offer.good, offer.compact, seconds(offer.expires_at)],
        )?;
        match added {
            Some(serial) => Ok(serial),
            // Another replica made the same one in the same second.
            None => tx.value("SELECT serial FROM offer WHERE digest = ?1", values![offer.digest]),
        }
    };
    offers.iter().map(add).collect()
}

pub(super) fn mints(tx: &mut Tx<'_>) -> Result<Vec<(String, PublicKey)>, StoreError> {
    tx.all("SELECT url, key FROM mint", values![], |row| {
        let key: Vec<u8> = row.take(1)?;
        Ok((row.take(0)?, PublicKey::from_sec1(&key).map_err(damaged)?))
    })
}

pub(super) fn keep_mint(tx: &mut Tx<'_>, url: &str, key: &PublicKey) -> Result<PublicKey, StoreError> {
    tx.execute(
        "INSERT INTO mint (url, key) VALUES (?1, ?2) ON CONFLICT (url) DO NOTHING",
        values![url, key.to_compressed()],
    )?;
    let kept: Vec<u8> = tx.value("SELECT key FROM mint WHERE url = ?1", values![url])?;
    PublicKey::from_sec1(&kept).map_err(damaged)
}

#[cfg(feature = "card")]
pub(super) fn gateways(tx: &mut Tx<'_>) -> Result<Vec<(String, PublicKey)>, StoreError> {
    tx.all("SELECT url, key FROM gateway", values![], |row| {
        let key: Vec<u8> = row.take(1)?;
        Ok((row.take(0)?, PublicKey::from_sec1(&key).map_err(damaged)?))
    })
}

#[cfg(feature = "card")]
pub(super) fn keep_gateway(tx: &mut Tx<'_>, url: &str, key: &PublicKey) -> Result<PublicKey, StoreError> {
    tx.execute(
        "INSERT INTO gateway (url, key) VALUES (?1, ?2) ON CONFLICT (url) DO NOTHING",
        values![url, key.to_compressed()],
    )?;
    let kept: Vec<u8> = tx.value("SELECT key FROM gateway WHERE url = ?1", values![url])?;
    PublicKey::from_sec1(&kept).map_err(damaged)
}
