//! Recoup: what is left of coins whose denomination was revoked goes into a reserve, to be withdrawn as fresh coins.
//!
//! A denomination is revoked because its private key may be in other hands, so the mint's signature on a coin proves
//! nothing any more. What does is the mint's own record: the wallet opens the planchet of its coin, and the mint finds that
//! planchet among those that it signed, for a reserve or for a refresh. The opening is the seed from which salt and blinding
//! factor derive, not these two themselves: whoever has the private key could compute a factor that turns any recorded
//! planchet into a coin of their own, but not a seed that gives this factor.

use serde::{Deserialize, Serialize};

use super::{CoinState, EcashError, EcashPayer, KeySet, PurseCoin, Reserve};
use crate::foundation::{Amount, Digest, UnixSeconds, base64};
use crate::items::statement::{Compact, Signed, Statement};
use crate::security::blinding::{self, BlindingSecrets, MODULUS_LEN};
use crate::security::{PublicKey, Seed, Signer, Thumbprint, Verifier};

/// Where a coin came from: where the mint finds the planchet that it signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecoupOrigin {
    /// It was withdrawn from this reserve.
    Reserve(PublicKey),
    /// It was refreshed from this coin.
    Coin(PublicKey),
}

/// A coin's order to put what is left of it into a reserve. Signed by the coin's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recoup {
    /// The mint that revoked the denomination.
    pub mint: Thumbprint,
    /// The denomination.
    pub denomination: Digest,
    /// The mint's signature on the coin.
    #[serde(with = "base64::array")]
    pub signature: [u8; MODULUS_LEN],
    /// The seed of the coin's blinding secrets.
    #[serde(with = "base64::array")]
    pub opening: [u8; 32],
    /// Where it came from.
    pub origin: RecoupOrigin,
    /// The reserve that what is left goes to.
    pub reserve: PublicKey,
    /// When the wallet asked.
    pub requested_at: UnixSeconds,
}

impl Statement for Recoup {
    const TYP: &'static str = "semper-recoup+jwt";
}

/// Wallet to mint: recoup this coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoupBody {
    /// The signed order.
    pub recoup: Compact<Recoup>,
}

/// What went into the reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoupAnswer {
    /// How much.
    pub recouped: Amount,
}

/// A recoup that is well signed and opens some planchet; whether the mint signed that planchet, and what is left of the
/// coin, the ledger says.
#[derive(Debug, Clone)]
pub struct CheckedRecoup {
    /// The coin.
    pub coin: PublicKey,
    /// What a fresh coin of its denomination is worth.
    pub value: Amount,
    /// The order.
    pub recoup: Signed<Recoup>,
    /// The planchet that was opened.
    pub planchet: [u8; MODULUS_LEN],
    key: blinding::RsaPublicKey,
}

impl CheckedRecoup {
    /// Whether a blind signature that the mint gave under the coin's denomination is on the planchet that was opened.
    pub fn is_signed_by(&self, blind_signature: &[u8; MODULUS_LEN]) -> bool {
        blinding::is_signed(&self.key, &self.planchet, blind_signature)
    }
}

/// Checks a recoup.
///
/// # Errors
/// [`EcashError`]: for another mint, of a denomination that is not known or not revoked, or with a coin not ours.
pub fn check_recoup(
    keys: &KeySet,
    compact: &Compact<Recoup>,
    verifier: &dyn Verifier,
) -> Result<CheckedRecoup, EcashError> {
    let (recoup, coin) = compact.verify_self_keyed(verifier)?;
    if recoup.mint != keys.mint() {
        return Err(EcashError::Mint);
    }
    let denomination = keys.find(&recoup.denomination)?;
    if !denomination.revoked {
        return Err(EcashError::Malformed("the denomination is not revoked"));
    }
    let coin_message = super::coin_message(&denomination.id, &coin);
    if !verifier.rsa_pss(&denomination.key, &coin_message, &recoup.signature) {
        return Err(EcashError::Coin);
    }
    let secrets = BlindingSecrets::derive(&denomination.key, &Seed::new(recoup.opening))?;
    let planchet = blinding::blind(&denomination.key, &coin_message, &secrets)?;
    Ok(CheckedRecoup { coin, value: denomination.value, recoup, planchet, key: denomination.key.clone() })
}

/// Where a coin of the purse came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CoinOrigin {
    /// From the reserve of this number.
    Reserve(u32),
    /// From the coin of this name, by a refresh.
    Coin(String),
}

impl EcashPayer {
    /// The names of the coins at a mint that are to be recouped.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn recoups(&self, mint: &Thumbprint) -> Result<Vec<String>, EcashError> {
        let keys = self.keys(mint)?;
        let revoked = |coin: &&PurseCoin| {
            let settled = !matches!(coin.state, CoinState::Pledged { .. } | CoinState::Melting { .. });
            settled && keys.find(&coin.denomination).is_ok_and(|denomination| denomination.revoked)
        };
        Ok(self.mint_purse(mint)?.coins.iter().filter(revoked).map(|coin| coin.name().to_owned()).collect())
    }

    /// Begins to recoup a coin, or begins again with the same order after a crash. A coin that was withdrawn and never shown
    /// goes back into its own reserve, any other into a new one: the mint learns no more than the proof itself tells it, and
    /// where a refund comes to a coin that was recouped, the next order is another one also within the same second. The mint
    /// would answer the same order with what it did the first time.
    ///
    /// # Errors
    /// [`EcashError`] where coin or origin are not known.
    pub fn recoup(&mut self, mint: &Thumbprint, name: &str, now: UnixSeconds) -> Result<Signed<Recoup>, EcashError> {
        let held = self.mint_purse_mut(mint)?;
        let next = held.next_reserve();
        let nothing = Amount::zero(held.currency);
        let coin = held.coin_mut(name)?;
        let origin = coin.origin.clone().ok_or(EcashError::Unknown("origin of a coin"))?;
        let (reserve, requested_at) = match (&coin.state, &origin) {
            (CoinState::Recouping { reserve, requested_at }, _) => (*reserve, *requested_at),
            (CoinState::Fresh, CoinOrigin::Reserve(index)) => (*index, now),
            _ => (next, now),
        };
        coin.state = CoinState::Recouping { reserve, requested_at };
        let coin = coin.clone();
        if held.reserve_mut(reserve).is_err() {
            // Nothing is expected from a bank.
            held.reserves.push(Reserve {
                index: reserve,
                expected: nothing,
                next_coin: 0,
                pending: None,
                done: true,
                transfer: None,
            });
        }
        let secret = coin.secret();
        let recoup = Recoup {
            mint: *mint,
            denomination: coin.denomination,
            signature: *coin.signature(),
            opening: *secret.opening(&coin.denomination).as_bytes(),
            origin: match origin {
                CoinOrigin::Reserve(index) => RecoupOrigin::Reserve(self.reserve_key(mint, index).public_key().clone()),
                CoinOrigin::Coin(parent) => RecoupOrigin::Coin(PublicKey::from_text(&parent)?),
            },
            reserve: self.reserve_key(mint, reserve).public_key().clone(),
            requested_at,
        };
        Ok(Signed::sign_self_keyed(recoup, &secret.key()))
    }

    /// The mint has put what was left into the reserve: the coin leaves the purse, and the reserve is to be withdrawn.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn recouped(&mut self, mint: &Thumbprint, name: &str) -> Result<u32, EcashError> {
        let held = self.mint_purse_mut(mint)?;
        let CoinState::Recouping { reserve, .. } = held.coin_mut(name)?.state else {
            return Err(EcashError::Unknown("recoup"));
        };
        held.coins.retain(|coin| coin.name() != name);
        held.reserve_mut(reserve)?.done = false;
        Ok(reserve)
    }
}
