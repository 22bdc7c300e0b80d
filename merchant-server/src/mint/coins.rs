//! `GET /coins/{coin}`: what is left of a coin, and how its records become statements again.

use semper_shared::foundation::Code;
use semper_shared::items::payment::ecash::transfer::PendingSpend;
use semper_shared::items::payment::ecash::{CoinStatus, Melt, MeltConfirmation, MeltStatus, Permission, Revealed};
use semper_shared::items::statement::Compact;
use semper_shared::security::{PublicKey, Signer as _};

use super::Mint;
use super::error::{MintError, broken};
use super::evidence;
use super::ring::{Ring, split_signatures};
use super::store::{Key, MeltRecord, SpendRecord};
use crate::http::Problem;

impl Mint {
    /// What the mint says of a coin that it has seen.
    pub(super) async fn coin(&self, coin: &PublicKey) -> Result<CoinStatus, Problem> {
        let record = self.store.coin(coin.to_compressed()).await?;
        let record = record.ok_or_else(|| Problem::new(Code::COIN_UNKNOWN))?;
        Ok(self.coin_status(&record)?)
    }

    fn coin_status(&self, record: &super::store::CoinRecord) -> Result<CoinStatus, MintError> {
        let ring = self.ring();
        let (_, value) = ring.denomination(record.denomination)?;
        let remaining = value.checked_sub(record.spent).ok_or_else(|| broken("a coin was overspent"))?;
        Ok(CoinStatus {
            remaining: ring.amount(remaining)?,
            melts: record.melts.iter().map(|melt| self.melt_status(&ring, melt)).collect::<Result<_, _>>()?,
            pending: record
                .transfers
                .iter()
                .filter(|(_, open)| *open)
                .map(|(spend, _)| Ok(PendingSpend { transfer: spend.deal, amount: ring.amount(spend.amount)? }))
                .collect::<Result<_, MintError>>()?,
            refunds: record.refunds.iter().cloned().map(Compact::new).collect(),
        })
    }

    fn melt_status(&self, ring: &Ring, melt: &MeltRecord) -> Result<MeltStatus, MintError> {
        let revealed = match &melt.revealed {
            Some((transfer_public, signatures)) => {
                Some(Revealed { transfer_public: key(transfer_public)?, signatures: split_signatures(signatures) })
            }
            None => None,
        };
        Ok(MeltStatus {
            melt: Compact::new(melt.text(ring)?),
            confirmation: self.melt_confirmation(melt),
            revealed,
            void: melt.void,
        })
    }

    /// The confirmation of a melt, as it was made.
    pub(super) fn melt_confirmation(&self, melt: &MeltRecord) -> Compact<MeltConfirmation> {
        let payload = MeltConfirmation { melt: melt.digest, gamma: melt.gamma };
        evidence::own(payload, self.signer.public_key(), melt.confirmation).to_compact()
    }
}

impl SpendRecord {
    /// The permission's text.
    pub(super) fn text(&self, ring: &Ring) -> Result<String, MintError> {
        let (denomination, _) = ring.denomination(self.denomination)?;
        let amount = ring.amount(self.amount)?;
        let payload = || Permission {
            mint: ring.keys.mint(),
            merchant: self.merchant,
            deal: self.deal,
            amount,
            denomination,
            signature: self.signature,
            refund_by: self.refund_by,
        };
        Ok(self.proof.text(payload, &key(&self.coin)?))
    }
}

impl MeltRecord {
    /// The melt as a statement's payload.
    pub(super) fn payload(&self, ring: &Ring) -> Result<Melt, MintError> {
        let outputs = self.outputs.iter().map(|number| Ok(ring.denomination(*number)?.0));
        Ok(Melt {
            mint: ring.keys.mint(),
            denomination: ring.denomination(self.denomination)?.0,
            signature: self.signature,
            amount: ring.amount(self.amount)?,
            outputs: outputs.collect::<Result<_, MintError>>()?,
            sequence: self.sequence,
            commitment: self.commitment,
        })
    }

    /// The melt's text.
    pub(super) fn text(&self, ring: &Ring) -> Result<String, MintError> {
        let payload = self.payload(ring)?;
        Ok(self.proof.text(|| payload, &key(&self.coin)?))
    }
}

/// A stored key.
pub(super) fn key(bytes: &Key) -> Result<PublicKey, MintError> {
    PublicKey::from_sec1(bytes).map_err(|_| broken("a stored key is broken"))
}
