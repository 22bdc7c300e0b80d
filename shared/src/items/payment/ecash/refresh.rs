//! Refresh: what is left of a coin becomes new coins that nobody can link to it.
//!
//! The new coins' secrets come from a Diffie-Hellman exchange between the old coin's key and a transfer key, so whoever
//! owned the old coin can always find the new ones: change cannot be a hidden payment to somebody else. The wallet
//! commits to [`KAPPA`] candidates and must open all but the one that the mint chooses; cheating succeeds once in three
//! times, and costs the coin otherwise.

use super::{CoinSecret, Denomination, EcashError, Planchet};
use crate::foundation::Digest;
use crate::security::blinding::MODULUS_LEN;
use crate::security::{PublicKey, Seed, Signer, SigningKey};

/// How many candidates a melt commits to (κ).
pub const KAPPA: u8 = 3;

/// One candidate of a refresh.
#[derive(Debug)]
pub struct Candidate {
    /// The public transfer key.
    pub transfer_public: PublicKey,
    /// The new coins' secrets, in the order of the outputs.
    pub secrets: Vec<CoinSecret>,
    /// Their planchets.
    pub planchets: Vec<Planchet>,
}

impl Candidate {
    /// Builds a candidate from its transfer key: by the wallet before the melt, by the mint after the reveal.
    ///
    /// # Errors
    /// [`EcashError::Security`] where a denomination's key is malicious.
    pub fn derive(transfer: &SigningKey, coin: &PublicKey, outputs: &[&Denomination]) -> Result<Self, EcashError> {
        let secrets = secrets_of(&Seed::new(*transfer.diffie_hellman(coin)), outputs.len());
        let planchets = secrets.iter().zip(outputs).map(|(s, d)| s.planchet(d)).collect::<Result<_, _>>()?;
        Ok(Self { transfer_public: transfer.public_key().clone(), secrets, planchets })
    }

    /// The new coins' secrets, found again by the old coin's owner (link).
    pub fn link(coin: &SigningKey, transfer_public: &PublicKey, outputs: usize) -> Vec<CoinSecret> {
        secrets_of(&Seed::new(*coin.diffie_hellman(transfer_public)), outputs)
    }

    /// The candidate's share of the commitment.
    pub fn digest(&self) -> Digest {
        candidate_digest(&self.transfer_public, self.planchets.iter().map(|planchet| &planchet.blinded))
    }
}

fn secrets_of(shared: &Seed, outputs: usize) -> Vec<CoinSecret> {
    (0_u32..).take(outputs).map(|index| CoinSecret::derive_refreshed(shared, index)).collect()
}

/// SHA-256 of the transfer key and the blinded messages of one candidate.
pub(super) fn candidate_digest<'a>(
    transfer_public: &PublicKey,
    blinded: impl Iterator<Item = &'a [u8; MODULUS_LEN]>,
) -> Digest {
    let transfer = transfer_public.to_compressed();
    let mut parts: Vec<&[u8]> = vec![b"semper/1/refresh-candidate", &transfer];
    parts.extend(blinded.map(|message| message.as_slice()));
    Digest::of_parts(&parts)
}

/// What a melt commits to: SHA-256 of the candidates' digests, in their order.
pub fn commitment(candidates: &[Digest]) -> Digest {
    let mut parts: Vec<&[u8]> = vec![b"semper/1/refresh"];
    parts.extend(candidates.iter().map(|digest| digest.as_bytes().as_slice()));
    Digest::of_parts(&parts)
}
