//! The library: what was bought, and the keys that open it.

use semper_shared::commerce::offer::{Offer, Part};
use semper_shared::foundation::{Bytes, Digest, UnixSeconds};
use semper_shared::items::information::{Commitment, ContentKey, RECORD_SIZE};
use serde::Serialize;

use super::deals::line;
use super::mints::MintName;
use super::ports::Ports;
use super::records::DealRecord;
use super::{Wallet, WalletError};

/// A good that was bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LibraryDeal {
    /// The deal.
    pub deal: Digest,
    /// What it is.
    pub title: String,
    /// The merchant's name and origin.
    pub merchant: MintName,
    /// When it was ordered.
    pub at: UnixSeconds,
    /// Its files.
    pub parts: Vec<LibraryPart>,
}

/// A file of a good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LibraryPart {
    /// Its file name.
    pub name: String,
    /// What it is.
    pub title: String,
    /// Its media type.
    pub media_type: String,
    /// Its size, in bytes.
    pub size: u64,
    /// Where its ciphertext lies.
    pub url: String,
    /// Whether it is on this device; the core does not know, whoever keeps files does.
    pub downloaded: bool,
}

/// All that is needed to fetch a file and open it. Secret.
#[derive(Clone, Serialize)]
pub struct PartAccess {
    /// Its file name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Where its ciphertext lies.
    pub url: String,
    /// Its size, in bytes.
    pub size: u64,
    /// The hash of the ciphertext.
    pub ciphertext: Digest,
    /// The root of the Merkle tree over the plaintext's records.
    pub plaintext_root: Digest,
    /// The content key.
    pub content_key: Bytes,
    /// The length of a record of the ciphertext.
    pub record_size: usize,
    /// The promise that the content is held to.
    #[serde(skip)]
    pub commitment: Commitment,
    /// The content key.
    #[serde(skip)]
    pub key: ContentKey,
}

impl<P: Ports> Wallet<P> {
    /// Everything that was bought, the newest first.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn library(&mut self) -> Result<Vec<LibraryDeal>, WalletError> {
        self.sync().await?;
        self.state()?.deals.iter().rev().filter(|deal| deal.is_bought()).map(library_deal).collect()
    }

    /// The access to one file of a deal.
    ///
    /// # Errors
    /// [`WalletError::DealUnknown`], or [`WalletError::NotFound`] where it has no such part or is not delivered.
    pub async fn part_access(&mut self, deal: &Digest, part: &str) -> Result<PartAccess, WalletError> {
        self.sync().await?;
        let record = self.deal_record(deal)?;
        let key = record.keys.iter().find(|key| key.part == part);
        let key = key.ok_or(WalletError::NotFound("the deal has no such part, or it is not delivered"))?.key.clone();
        let part = parts(record)?.into_iter().find(|offered| offered.name == part);
        let Part { name, url, commitment, .. } = part.ok_or(WalletError::NotFound("the offer has no such part"))?;
        Ok(PartAccess {
            name,
            media_type: commitment.media_type.clone(),
            url,
            size: commitment.size,
            ciphertext: commitment.ciphertext,
            plaintext_root: commitment.plaintext_root,
            content_key: Bytes(key.as_bytes().to_vec()),
            record_size: RECORD_SIZE,
            commitment,
            key,
        })
    }
}

fn library_deal(record: &DealRecord) -> Result<LibraryDeal, WalletError> {
    let line = line(record, record.ordered_at());
    let part = |part: Part| LibraryPart {
        name: part.name,
        title: part.title,
        media_type: part.commitment.media_type,
        size: part.commitment.size,
        url: part.url,
        downloaded: false,
    };
    let parts = parts(record)?.into_iter().map(part).collect();
    Ok(LibraryDeal { deal: line.deal, title: line.title, merchant: line.merchant, at: line.at, parts })
}

/// The parts of the offer, which was verified when the deal was made.
fn parts(record: &DealRecord) -> Result<Vec<Part>, WalletError> {
    let offer: Offer = record.offer.peek_unverified()?;
    Ok(offer.delivery.parts)
}
