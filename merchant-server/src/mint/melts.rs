//! `POST /melts` and `POST /melts/{melt}/reveal`: what is left of a coin becomes new ones.

use std::sync::Arc;

use actix_web::web;
use rand_core::Rng as _;
use semper_shared::foundation::Digest;
use semper_shared::items::payment::ecash::mint::{check_melt, check_reveal};
use semper_shared::items::payment::ecash::{
    EcashError, KAPPA, MeltAnswer, MeltBody, MeltConfirmation, Reveal, Signatures,
};
use semper_shared::items::statement::Signed;

use super::coins::key;
use super::error::{MintError, broken, stopped};
use super::evidence::{Proof, digest_of, signature_of};
use super::ring::split_signatures;
use super::store::{LedgerError, NewMelt, UsedCoin};
use super::{Mint, metrics};
use crate::crypto::system_rng;
use crate::http::Problem;

impl Mint {
    /// Takes what a melt names out of its coin, and draws the candidate that stays hidden: once, since the first draw is stored.
    pub(super) async fn melt(&self, body: MeltBody) -> Result<MeltAnswer, Problem> {
        match self.take_melt(body).await {
            Err(MintError::Ledger(LedgerError::CoinSpent(coin))) => Err(self.already_spent(&coin).await?),
            other => Ok(other?),
        }
    }

    async fn take_melt(&self, body: MeltBody) -> Result<MeltAnswer, MintError> {
        let ring = self.ring();
        let checked = match check_melt(&ring.keys, &body.melt, self.now(), &self.verifier) {
            // It may have been good when it came first.
            Err(error @ (EcashError::DenominationExpired | EcashError::DenominationRevoked)) => {
                let melt = self.store.melted(digest_of(body.melt.as_str())).await?;
                let melt = melt.ok_or(error)?;
                return Ok(MeltAnswer { confirmation: self.melt_confirmation(&melt) });
            }
            other => other?,
        };
        let melt = &checked.melt;
        let gamma = draw_gamma();
        let confirmation = Signed::sign(MeltConfirmation { melt: melt.digest(), gamma }, &*self.signer);
        let outputs = melt.outputs.iter().map(|id| ring.number(id)).collect::<Result<_, _>>()?;
        let new = NewMelt {
            digest: melt.digest(),
            coin: UsedCoin {
                key: checked.coin.to_compressed(),
                denomination: ring.number(&melt.denomination)?,
                value: checked.value.minor(),
                signature: melt.signature,
                amount: melt.amount.minor(),
            },
            fee: checked.fee.minor(),
            sequence: melt.sequence,
            outputs,
            commitment: melt.commitment,
            proof: Proof::of(melt, &checked.coin),
            gamma,
            confirmation: signature_of(confirmation.compact()).ok_or_else(|| broken("no signature"))?,
        };
        let recorded = self.store.melt(new).await?;
        self.metrics.melts.inc();
        Ok(MeltAnswer { confirmation: self.melt_confirmation(&recorded) })
    }

    /// Signs the new coins of a melt, once the candidates that were not chosen are seen to be honest.
    pub(super) async fn reveal(self: &Arc<Self>, melt: Digest, reveal: Reveal) -> Result<Signatures, MintError> {
        let record = self.store.melted(melt).await?.ok_or(LedgerError::MeltUnknown)?;
        if let Some((_, signatures)) = &record.revealed {
            return Ok(Signatures { signatures: split_signatures(signatures) });
        }
        if record.void {
            return Err(LedgerError::MeltVoid.into());
        }
        let ring = self.ring();
        let payload = record.payload(&ring)?;
        if payload.outputs.iter().any(|output| !ring.signs(output)) {
            // Honest candidates get the coin back; others would have a second try.
            check_reveal(&ring.keys, &key(&record.coin)?, &payload, record.gamma, &reveal)?;
            self.store.void(melt).await?;
            return Err(LedgerError::MeltVoid.into());
        }
        let transfer_public = reveal.transfer_public.to_compressed();
        let coins = record.outputs.len();
        let signatures = web::block(move || {
            let planchets = check_reveal(&ring.keys, &key(&record.coin)?, &payload, record.gamma, &reveal)?;
            ring.sign(planchets.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)))
        })
        .await
        .map_err(stopped)??;
        let signatures = self.store.reveal(melt, transfer_public, signatures).await?;
        self.metrics.reveals.inc();
        self.metrics.coins_issued.inc_by(metrics::count(coins));
        Ok(Signatures { signatures: split_signatures(&signatures) })
    }
}

/// One of the candidates, each as likely as the others.
fn draw_gamma() -> u8 {
    let mut rng = system_rng();
    let mut byte = [0];
    loop {
        rng.fill_bytes(&mut byte);
        // 255 is a multiple of three; what lies above would favour the first candidate.
        if byte[0] < u8::MAX - u8::MAX % KAPPA {
            return byte[0] % KAPPA;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_candidate_is_drawn() {
        let mut seen = [0_u32; 3];
        for _ in 0..3_000 {
            seen[usize::from(draw_gamma())] += 1;
        }
        // Six standard deviations around a thousand.
        assert!(seen.iter().all(|times| (845..=1_155).contains(times)), "{seen:?}");
    }
}
