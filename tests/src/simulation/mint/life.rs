//! The life of denominations: published ahead of their time, listed while they are issued, on a page afterwards; revoked, and
//! their coins recouped.

use std::collections::BTreeMap;

use semper_shared::foundation::{Bytes, Code, Currency, Digest, UnixSeconds};
use semper_shared::items::payment::ecash::{
    CheckedRecoup, DenominationKey, DenominationPage, Fees, Funding, KeySet, MintKeys, Policy, RecoupAnswer,
    RecoupBody, RecoupOrigin, Revoked, check_recoup,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Signer as _, SigningKey};

use super::super::bank::cents;
use super::super::keys::MintSecrets;
use super::super::network::{BANK, MINT, Reply};
use super::super::scenario::BEGIN;
use super::{Defect, Mint, Prepared, Refusal, digest_of, read, refuse};
use crate::Outcome;

/// How long a denomination is issued, how long its coins are good, and how long it is issued beside the next.
const ISSUE_S: u64 = 200_000;
const SPEND_S: u64 = 900_000;
const OVERLAP_S: u64 = 20_000;
/// How long a private key is kept after its denomination was issued last, for what is under way.
const GRACE_S: u64 = 3_600;
/// For wallets whose clocks are behind, as the shipped mint has it.
const SKEW_S: u64 = 600;
/// How often the document is signed anew.
const RENEWAL_S: u64 = 1_800;

/// What is published of the denominations, and what stands on the pages.
#[derive(Default)]
pub(super) struct Life {
    /// Denominations that were made together, the oldest first.
    batches: Vec<Vec<DenominationKey>>,
    pages: BTreeMap<String, Vec<u8>>,
    revoked: Vec<Revoked>,
    published_at: UnixSeconds,
}

impl Life {
    /// Makes what is missing at `now`, and signs the document.
    pub(super) fn publish(&mut self, signer: &SigningKey, keys: &MintSecrets, now: UnixSeconds) -> Outcome<KeySet> {
        loop {
            let last = self.batches.last().and_then(|batch| batch.first());
            let next = match last.map(|key| key.issue_until.0.saturating_sub(OVERLAP_S)) {
                Some(next) if now.0 <= next => next,
                Some(_) | None => now.0.saturating_sub(SKEW_S),
            };
            if next > now.0 + ISSUE_S {
                break;
            }
            self.make(keys, UnixSeconds(next));
        }
        let gone = |batch: &&Vec<DenominationKey>| batch.iter().all(|key| key.issue_until < now);
        let listed = self.batches.iter().take_while(gone).count();
        let mut earlier = None;
        for batch in &self.batches[..listed] {
            let text = serde_json::to_vec(&DenominationPage { denominations: batch.clone(), earlier })?;
            earlier = Some(Digest::of(&text));
            self.pages.insert(Digest::of(&text).to_string(), text);
        }
        self.published_at = now;
        let document = MintKeys {
            key: signer.public_key().clone(),
            url: MINT.to_owned(),
            name: "The mint".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: BANK.to_owned(), account: "mint".to_owned() },
            wire_delay_s: 60,
            denominations: self.batches[listed..].concat(),
            earlier,
            revoked: self.revoked.clone(),
            policy: Policy::default(),
            issued_at: now,
            expires_at: now.plus(86_400),
        };
        let mut known = KeySet::new(Signed::sign(document, signer))?;
        known.add(&self.batches.concat())?;
        Ok(known)
    }

    /// Denominations of every value. The same private keys serve again, which makes them no less other denominations, and the
    /// test much quicker; a revocation makes their windows others.
    fn make(&mut self, keys: &MintSecrets, issue_from: UnixSeconds) {
        let batch = keys.signers.iter().enumerate().map(|(power, key)| DenominationKey {
            value_minor: 1 << power,
            n: key.public_key().clone(),
            issue_from,
            issue_until: issue_from.plus(ISSUE_S + self.revoked.len() as u64),
            spend_until: issue_from.plus(SPEND_S),
            fees: Fees::default(),
        });
        self.batches.push(batch.collect());
    }

    pub(super) fn page(&self, page: &str) -> Result<Reply, Refusal> {
        let text = self.pages.get(page).ok_or_else(|| Reply::problem(Code::NOT_FOUND))?;
        Ok(Reply { status: 200, body: text.clone() })
    }
}

impl Mint {
    /// Publishes anew where it is time.
    pub(super) fn keep_up(&mut self, now: UnixSeconds) -> Result<(), Refusal> {
        let newest = self.life.batches.last().and_then(|batch| batch.first());
        let due = newest.is_none_or(|key| key.issue_from.0 <= now.0 + OVERLAP_S);
        if due || now >= self.life.published_at.plus(RENEWAL_S) {
            self.publish(now)?;
        }
        Ok(())
    }

    fn publish(&mut self, now: UnixSeconds) -> Result<(), Refusal> {
        let broken = |_| Reply::problem(Code::INTERNAL);
        let secrets = super::keys::mint().map_err(broken)?;
        self.keys = self.life.publish(&self.signer, secrets, now.max(BEGIN)).map_err(broken)?;
        Ok(())
    }

    /// Revokes what is issued now, and issues others at once.
    pub(in crate::simulation) fn revoke(&mut self, now: UnixSeconds) -> Result<(), Refusal> {
        let issued = self.keys.denominations().filter(|known| known.issues(now));
        let revoked: Vec<Revoked> = issued.map(|known| Revoked { denomination: known.id, revoked_at: now }).collect();
        self.life.revoked.extend(revoked);
        self.life.make(super::keys::mint().map_err(|_| Reply::problem(Code::INTERNAL))?, UnixSeconds(now.0 - SKEW_S));
        self.publish(now)
    }

    /// Whether coins of this denomination are signed: its private key is there.
    pub(super) fn signs(&self, id: &Digest, now: UnixSeconds) -> bool {
        self.keys.find(id).is_ok_and(|known| !known.revoked && now <= known.issue_until.plus(GRACE_S))
    }

    pub(super) fn prepare_recoup(&self, body: &[u8]) -> Result<Prepared, Refusal> {
        let body: RecoupBody = read(body)?;
        if let Some((_, minor)) = self.ledger.recoups.get(&digest_of(&body.recoup)) {
            return Ok(Prepared::Known(Reply::json(&RecoupAnswer { recouped: cents(*minor) })));
        }
        let checked = check_recoup(&self.keys, &body.recoup, self.verifier).map_err(|error| refuse(&error))?;
        if self.was_signed(&checked) { Ok(Prepared::Recoup(checked)) } else { Err(Reply::problem(Code::COIN_INVALID)) }
    }

    fn was_signed(&self, checked: &CheckedRecoup) -> bool {
        let signatures: Vec<&Bytes> = match &checked.recoup.origin {
            RecoupOrigin::Reserve(reserve) => {
                let withdrawals = self.ledger.withdrawals.get(&reserve.to_text());
                withdrawals.into_iter().flatten().flat_map(|(.., done)| &done.signatures).collect()
            }
            RecoupOrigin::Coin(coin) => {
                let melts = self.ledger.coins.get(&coin.to_text()).map(|coin| &coin.melts);
                let revealed = melts.into_iter().flatten().filter_map(|melt| melt.revealed.as_ref());
                revealed.flat_map(|revealed| &revealed.signatures).collect()
            }
        };
        let signed = |signature: &&Bytes| {
            signature.0.as_slice().try_into().is_ok_and(|signature| checked.is_signed_by(signature))
        };
        signatures.iter().any(signed)
    }

    pub(super) fn recoup(&mut self, checked: &CheckedRecoup) -> Result<Reply, Refusal> {
        let digest = checked.recoup.digest();
        if let Some((_, minor)) = self.ledger.recoups.get(&digest) {
            return Ok(Reply::json(&RecoupAnswer { recouped: cents(*minor) }));
        }
        let spent = self.ledger.coins.get(&checked.coin.to_text()).map_or(0, |coin| coin.spent);
        // A coin that has nothing left is refused with what it signed.
        let left = checked.value.minor().saturating_sub(spent).max(1);
        self.draw(&checked.coin, &checked.recoup.denomination, left, digest, checked.recoup.compact())?;
        let recouped = if self.defect == Some(Defect::RecoupsWhole) { checked.value.minor() } else { left };
        self.ledger.recoups.insert(digest, (checked.recoup.reserve.to_text(), recouped));
        Ok(Reply::json(&RecoupAnswer { recouped: cents(recouped) }))
    }
}
