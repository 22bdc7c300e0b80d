//! The merchant's store, in SQLite or PostgreSQL.

#[cfg(feature = "account")]
mod accounts;
mod catalogue;
mod deals;
mod offers;
mod payouts;
mod refunds;
#[cfg(test)]
pub(super) mod tests;

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use futures_util::future::BoxFuture;
use semper_shared::commerce::deal::State;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::information::ContentKey;
use semper_shared::items::payment::Phase;
use semper_shared::security::PublicKey;

use super::catalogue::Good;
use super::store::{
    CatalogueChange, Content, Counts, DealCounts, Ended, Ending, NewDeal, NewOffer, Opening, Picture, Store,
    StoredDeal, StoredOffer,
};
use crate::store::StoreError;
use crate::store::sql::{Database, Schema, StoreConfig, StoreUrl};

const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SMer"),
    name: "merchant",
    sqlite: &[
        include_str!("../schema/sqlite/1-base.sql"),
        include_str!("../schema/sqlite/2-gateway.sql"),
        include_str!("../schema/sqlite/3-refund.sql"),
        include_str!("../schema/sqlite/4-payout.sql"),
        include_str!("../schema/sqlite/5-account.sql"),
        include_str!("../schema/sqlite/6-split.sql"),
    ],
    postgres: &[
        include_str!("../schema/postgres/1-base.sql"),
        include_str!("../schema/postgres/2-gateway.sql"),
        include_str!("../schema/postgres/3-refund.sql"),
        include_str!("../schema/postgres/4-payout.sql"),
        include_str!("../schema/postgres/5-account.sql"),
        include_str!("../schema/postgres/6-split.sql"),
    ],
};

/// The merchant's database.
#[derive(Clone)]
pub(super) struct Sql {
    pub(super) database: Database,
}

/// Opens the database that `store` names, or else the one in the merchant's folder.
pub(super) async fn open(
    data: &Path,
    store: Option<&StoreUrl>,
    metrics: Option<&prometheus::Registry>,
) -> Result<Sql, StoreError> {
    let path = data.join("merchant.sqlite");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    let made = made.and_then(|()| match store {
        // It holds content keys, so it is its owner's alone. SQLite gives its side files the mode of the database, which
        // therefore must be there first.
        None => OpenOptions::new().create(true).append(true).mode(0o600).open(&path).map(|_| ()),
        Some(_) => Ok(()),
    });
    made.map_err(|source| StoreError::Open { path: path.clone(), source: source.into() })?;
    Ok(Sql { database: Database::open(&StoreConfig::new(path, store), &SCHEMA, metrics).await? })
}

impl Store for Sql {
    fn contents(&self) -> BoxFuture<'_, Result<Vec<Content>, StoreError>> {
        Box::pin(self.database.read(catalogue::contents))
    }

    fn generated(&self, name: &str, edition: &str) -> BoxFuture<'_, Result<Option<Digest>, StoreError>> {
        let (name, edition) = (name.to_owned(), edition.to_owned());
        Box::pin(self.database.read(move |tx| catalogue::generated(tx, &name, &edition)))
    }

    fn replace_catalogue(&self, change: CatalogueChange) -> BoxFuture<'_, Result<Counts, StoreError>> {
        Box::pin(self.database.write(move |tx| catalogue::replace(tx, &change)))
    }

    fn goods(&self) -> BoxFuture<'_, Result<Vec<Good>, StoreError>> {
        Box::pin(self.database.read(catalogue::goods))
    }

    fn content_key(&self, ciphertext: Digest) -> BoxFuture<'_, Result<Option<ContentKey>, StoreError>> {
        Box::pin(self.database.read(move |tx| catalogue::content_key(tx, &ciphertext)))
    }

    fn picture(&self, name: &str) -> BoxFuture<'_, Result<Option<Picture>, StoreError>> {
        let name = name.to_owned();
        Box::pin(self.database.read(move |tx| catalogue::picture(tx, &name)))
    }

    fn offers(&self, moment: UnixSeconds, after: i64) -> BoxFuture<'_, Result<Vec<StoredOffer>, StoreError>> {
        Box::pin(self.database.read(move |tx| offers::after(tx, moment, after)))
    }

    fn offer(&self, digest: Digest) -> BoxFuture<'_, Result<Option<StoredOffer>, StoreError>> {
        Box::pin(self.database.read(move |tx| offers::find(tx, &digest)))
    }

    fn add_offers(&self, offers: Vec<NewOffer>) -> BoxFuture<'_, Result<Vec<i64>, StoreError>> {
        Box::pin(self.database.write(move |tx| offers::add(tx, &offers)))
    }

    fn mints(&self) -> BoxFuture<'_, Result<Vec<(String, PublicKey)>, StoreError>> {
        Box::pin(self.database.read(offers::mints))
    }

    fn keep_mint(&self, url: String, key: PublicKey) -> BoxFuture<'_, Result<PublicKey, StoreError>> {
        Box::pin(self.database.write(move |tx| offers::keep_mint(tx, &url, &key)))
    }

    #[cfg(feature = "card")]
    fn gateways(&self) -> BoxFuture<'_, Result<Vec<(String, PublicKey)>, StoreError>> {
        Box::pin(self.database.read(offers::gateways))
    }

    #[cfg(feature = "card")]
    fn keep_gateway(&self, url: String, key: PublicKey) -> BoxFuture<'_, Result<PublicKey, StoreError>> {
        Box::pin(self.database.write(move |tx| offers::keep_gateway(tx, &url, &key)))
    }

    fn deal(&self, deal: Digest) -> BoxFuture<'_, Result<Option<StoredDeal>, StoreError>> {
        Box::pin(self.database.read(move |tx| deals::find(tx, &deal)))
    }

    fn open_deal(&self, deal: NewDeal, ending: Option<Ending>) -> BoxFuture<'_, Result<Opening, StoreError>> {
        let deal = deals::Packed::of(deal);
        let ending = ending.map(deals::PackedEnding::from);
        Box::pin(self.database.write(move |tx| deals::open(tx, &deal, ending.as_ref())))
    }

    fn keep_phase(&self, deal: Digest, found: Phase) -> BoxFuture<'_, Result<Option<Phase>, StoreError>> {
        Box::pin(self.database.write(move |tx| deals::keep_phase(tx, &deal, &found)))
    }

    fn end_deal(&self, deal: Digest, ending: Ending, at: UnixSeconds) -> BoxFuture<'_, Result<Ended, StoreError>> {
        let ending = deals::PackedEnding::from(ending);
        Box::pin(self.database.write(move |tx| deals::end(tx, &deal, &ending, at)))
    }

    fn acknowledge(&self, deal: Digest, statement: String) -> BoxFuture<'_, Result<State, StoreError>> {
        let statement = super::pack::pack(&statement);
        Box::pin(self.database.write(move |tx| deals::acknowledge(tx, &deal, &statement)))
    }

    fn open_deals(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Vec<(i64, Digest)>, StoreError>> {
        Box::pin(self.database.read(move |tx| deals::ordered(tx, after, limit)))
    }

    fn count_deals(&self) -> BoxFuture<'_, Result<DealCounts, StoreError>> {
        Box::pin(self.database.read(deals::count))
    }
}

/// A moment as it is stored.
fn seconds(time: UnixSeconds) -> i64 {
    i64::try_from(time.0).unwrap_or(i64::MAX)
}

/// What we stored ourselves must be readable; where it is not, the store is damaged.
fn damaged(what: impl std::fmt::Display) -> StoreError {
    StoreError::Failed(what.to_string().into())
}
