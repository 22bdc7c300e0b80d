//! The mint: the shipped checks over a ledger in memory whose every change is atomic.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use semper_server::crypto::{BlindSigner, Native};
use semper_shared::foundation::{Bytes, Code, Coded, Currency, Digest, UnixSeconds};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::mint::{check_deposit, check_melt, check_reveal, check_withdrawal};
use semper_shared::items::payment::ecash::{
    CoinStatus, Confirmation, DenominationKey, DepositAnswer, DepositBody, EcashError, Funding, KAPPA, KeySet,
    MeltAnswer, MeltBody, MeltConfirmation, MeltStatus, MintKeys, Planchet, ReserveStatus, Reveal, Revealed,
    Signatures, WithdrawalBody, Withdrawn,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::{PublicKey, Signer, SigningKey};
use serde::de::DeserializeOwned;

use super::bank::{Bank, cents};
use super::network::{BANK, MINT, Reply};
use crate::Outcome;

/// The largest coin is worth 2^POWERS cents.
const POWERS: usize = 10;

static KEYS: OnceLock<Arc<Vec<BlindSigner>>> = OnceLock::new();

/// The signers of all denominations, made once for all seeds.
fn signers() -> Outcome<Arc<Vec<BlindSigner>>> {
    if let Some(keys) = KEYS.get() {
        return Ok(Arc::clone(keys));
    }
    let made = (0..=POWERS).map(|_| BlindSigner::make()).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::clone(KEYS.get_or_init(|| Arc::new(made))))
}

#[derive(Default)]
struct Coin {
    spent: u64,
    value: u64,
    draws: BTreeMap<Digest, String>,
    melts: Vec<MeltStatus>,
}

/// The mint and its ledger.
pub(super) struct Mint {
    signer: SigningKey,
    signers: Arc<Vec<BlindSigner>>,
    pub(super) keys: KeySet,
    verifier: Native,
    gamma: u8,
    withdrawals: BTreeMap<String, Vec<(Digest, Withdrawn)>>,
    coins: BTreeMap<String, Coin>,
    melts: BTreeMap<String, (PublicKey, usize)>,
    pub(super) deposits: BTreeMap<Digest, (u64, DepositAnswer)>,
}

type Refusal = Reply;

impl Mint {
    pub(super) fn new(now: UnixSeconds) -> Outcome<Self> {
        let signer = SigningKey::from_bytes(&[11; 32])?;
        let signers = signers()?;
        let denominations = signers.iter().enumerate().map(|(power, key)| DenominationKey {
            value_minor: 1 << power,
            n: key.public_key().clone(),
            issue_from: UnixSeconds(0),
            issue_until: now.plus(10_000_000),
            spend_until: now.plus(20_000_000),
        });
        let document = MintKeys {
            key: signer.public_key().clone(),
            url: MINT.to_owned(),
            name: "The mint".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: BANK.to_owned(), account: "mint".to_owned() },
            wire_delay_s: 60,
            denominations: denominations.collect(),
            issued_at: now,
            expires_at: now.plus(10_000_000),
        };
        let keys = KeySet::new(Signed::sign(document, &signer))?;
        Ok(Self {
            signer,
            signers,
            keys,
            verifier: Native::new()?,
            gamma: 0,
            withdrawals: BTreeMap::new(),
            coins: BTreeMap::new(),
            melts: BTreeMap::new(),
            deposits: BTreeMap::new(),
        })
    }

    pub(super) fn key(&self) -> &PublicKey {
        self.signer.public_key()
    }

    /// Answers one request, all or nothing.
    pub(super) fn answer(&mut self, path: &str, body: &[u8], bank: &Bank, now: UnixSeconds) -> Reply {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let answered = match parts.as_slice() {
            [".well-known", "semper"] => Ok(Reply::text(&self.introduction(now))),
            ["keys"] => Ok(Reply::text(self.keys.document().compact())),
            ["reserves", reserve] => Ok(self.reserve(reserve, bank)),
            ["withdrawals"] => self.withdraw(body, bank, now),
            ["deposits"] => self.deposit(body, now),
            ["melts"] => self.melt(body, now),
            ["melts", melt, "reveal"] => self.reveal(melt, body),
            ["coins", coin] => Ok(self.coin(coin)),
            _ => Err(Reply::problem(Code::NOT_FOUND)),
        };
        answered.unwrap_or_else(|refusal| refusal)
    }

    fn introduction(&self, now: UnixSeconds) -> String {
        let party = Party {
            name: "The mint".to_owned(),
            role: Role::Mint,
            url: MINT.to_owned(),
            key: self.key().clone(),
            modules: Vec::new(),
            endpoints: BTreeMap::new(),
            issued_at: now,
            expires_at: now.plus(86_400),
        };
        Signed::sign(party, &self.signer).compact().to_owned()
    }

    fn withdrawn(&self, reserve: &str) -> u64 {
        let batches = self.withdrawals.get(reserve).into_iter().flatten();
        batches.flat_map(|(_, done)| &done.batch).map(|planchet| self.value(&planchet.denomination)).sum()
    }

    fn value(&self, denomination: &Digest) -> u64 {
        self.keys.find(denomination).map_or(0, |found| found.value.minor())
    }

    fn reserve(&self, reserve: &str, bank: &Bank) -> Reply {
        let paid = bank.paid_to(reserve);
        if paid == 0 {
            return Reply::problem(Code::RESERVE_UNKNOWN);
        }
        let withdrawals = self.withdrawals.get(reserve).into_iter().flatten().map(|(_, done)| done.clone()).collect();
        Reply::json(&ReserveStatus { balance: cents(paid - self.withdrawn(reserve)), withdrawals })
    }

    fn withdraw(&mut self, body: &[u8], bank: &Bank, now: UnixSeconds) -> Result<Reply, Refusal> {
        let body: WithdrawalBody = read(body)?;
        let checked =
            check_withdrawal(&self.keys, &body.request, now, &self.verifier).map_err(|error| refuse(&error))?;
        let reserve = checked.reserve.to_text();
        let digest = checked.request.digest();
        let done = self.withdrawals.get(&reserve).into_iter().flatten().find(|(known, _)| *known == digest);
        if let Some((_, done)) = done {
            return Ok(Reply::json(&Signatures { signatures: done.signatures.clone() }));
        }
        if bank.paid_to(&reserve) - self.withdrawn(&reserve) < checked.total.minor() {
            return Err(Reply::problem(Code::FUNDS_INSUFFICIENT));
        }
        let batch = checked.request.batch.clone();
        let planchets: Vec<Planchet> =
            batch.iter().map(|p| Planchet { denomination: p.denomination, blinded: p.blinded }).collect();
        let signatures = self.sign(&planchets)?;
        let answer = Reply::json(&Signatures { signatures: signatures.clone() });
        self.withdrawals.entry(reserve).or_default().push((digest, Withdrawn { batch, signatures }));
        Ok(answer)
    }

    fn sign(&self, planchets: &[Planchet]) -> Result<Vec<Bytes>, Refusal> {
        planchets
            .iter()
            .map(|planchet| {
                let key = &self.keys.find(&planchet.denomination).map_err(|error| refuse(&error))?.key;
                let signer = self.signers.iter().find(|signer| signer.public_key() == key);
                let signer = signer.ok_or_else(|| Reply::problem(Code::DENOMINATION_UNKNOWN))?;
                let signature = signer.sign(&planchet.blinded).map_err(|_| Reply::problem(Code::INTERNAL))?;
                Ok(Bytes(signature.to_vec()))
            })
            .collect()
    }

    /// Draws on a coin, unless this very statement drew on it before.
    fn draw(
        &mut self,
        coin: &PublicKey,
        value: u64,
        amount: u64,
        digest: Digest,
        compact: &str,
    ) -> Result<(), Refusal> {
        let known = self.coins.entry(coin.to_text()).or_default();
        known.value = value;
        if known.draws.contains_key(&digest) {
            return Ok(());
        }
        if known.spent + amount > known.value {
            let spent: Vec<&String> = known.draws.values().collect();
            let proof = serde_json::json!({"coin": coin, "spent": spent});
            return Err(Reply::problem_with(Code::COIN_ALREADY_SPENT, proof));
        }
        known.spent += amount;
        known.draws.insert(digest, compact.to_owned());
        Ok(())
    }

    pub(super) fn deposit(&mut self, body: &[u8], now: UnixSeconds) -> Result<Reply, Refusal> {
        let body: DepositBody = read(body)?;
        let checked = check_deposit(&self.keys, &body, now, &self.verifier).map_err(|error| refuse(&error))?;
        if let Some((_, answer)) = self.deposits.get(&checked.deal) {
            return Ok(Reply::json(answer));
        }
        let before: Vec<_> = checked.permissions.iter().map(|p| (p.coin.to_text(), self.snapshot(&p.coin))).collect();
        for taken in &checked.permissions {
            let permission = &taken.permission;
            let (value, amount) = (taken.value.minor(), permission.amount.minor());
            if let Err(refusal) = self.draw(&taken.coin, value, amount, permission.digest(), permission.compact()) {
                for (name, (spent, draws)) in before {
                    let coin = self.coins.entry(name).or_default();
                    (coin.spent, coin.draws) = (spent, draws);
                }
                return Err(refusal);
            }
        }
        let confirmation = Confirmation {
            mint: self.keys.mint(),
            merchant: checked.merchant,
            deal: checked.deal,
            amount: checked.total,
            permissions: checked.permissions.iter().map(|p| p.permission.digest()).collect(),
            wire_by: now.plus(60),
            confirmed_at: now,
        };
        let answer = DepositAnswer { confirmation: Signed::sign(confirmation, &self.signer).to_compact() };
        let reply = Reply::json(&answer);
        self.deposits.insert(checked.deal, (checked.total.minor(), answer));
        Ok(reply)
    }

    fn snapshot(&self, coin: &PublicKey) -> (u64, BTreeMap<Digest, String>) {
        self.coins.get(&coin.to_text()).map(|coin| (coin.spent, coin.draws.clone())).unwrap_or_default()
    }

    fn melt(&mut self, body: &[u8], now: UnixSeconds) -> Result<Reply, Refusal> {
        let body: MeltBody = read(body)?;
        let checked = check_melt(&self.keys, &body.melt, now, &self.verifier).map_err(|error| refuse(&error))?;
        let (name, digest) = (checked.coin.to_text(), checked.melt.digest());
        if let Some((_, index)) = self.melts.get(&digest.to_string()) {
            let status = self.coins.get(&name).and_then(|coin| coin.melts.get(*index));
            let confirmation = status.map(|status| status.confirmation.clone());
            return confirmation
                .map(|confirmation| Reply::json(&MeltAnswer { confirmation }))
                .ok_or(Reply::problem(Code::INTERNAL));
        }
        let (value, amount) = (checked.value.minor(), checked.melt.amount.minor());
        self.draw(&checked.coin, value, amount, digest, checked.melt.compact())?;
        self.gamma = (self.gamma + 1) % KAPPA;
        let confirmation = MeltConfirmation { melt: digest, gamma: self.gamma };
        let confirmation = Signed::sign(confirmation, &self.signer).to_compact();
        let coin = self.coins.entry(name).or_default();
        self.melts.insert(digest.to_string(), (checked.coin.clone(), coin.melts.len()));
        coin.melts.push(MeltStatus {
            melt: checked.melt.to_compact(),
            confirmation: confirmation.clone(),
            revealed: None,
        });
        Ok(Reply::json(&MeltAnswer { confirmation }))
    }

    fn reveal(&mut self, melt: &str, body: &[u8]) -> Result<Reply, Refusal> {
        let reveal: Reveal = read(body)?;
        let unknown = || Reply::problem(Code::MELT_UNKNOWN);
        let (coin, index) = self.melts.get(melt).cloned().ok_or_else(unknown)?;
        let status = self.coins.get(&coin.to_text()).and_then(|coin| coin.melts.get(index)).ok_or_else(unknown)?;
        let payload = status.melt.peek_unverified().map_err(|_| unknown())?;
        let gamma = status.confirmation.peek_unverified().map_err(|_| unknown())?.gamma;
        let planchets = check_reveal(&self.keys, &coin, &payload, gamma, &reveal).map_err(|error| refuse(&error))?;
        let signatures = self.sign(&planchets)?;
        let revealed = Revealed { transfer_public: reveal.transfer_public, signatures: signatures.clone() };
        if let Some(status) = self.coins.get_mut(&coin.to_text()).and_then(|coin| coin.melts.get_mut(index)) {
            status.revealed = Some(revealed);
        }
        Ok(Reply::json(&Signatures { signatures }))
    }

    fn coin(&self, name: &str) -> Reply {
        match self.coins.get(name).filter(|coin| coin.spent > 0) {
            None => Reply::problem(Code::COIN_UNKNOWN),
            Some(coin) => {
                Reply::json(&CoinStatus { remaining: cents(coin.value - coin.spent), melts: coin.melts.clone() })
            }
        }
    }

    /// The books: what was issued in coins, and what was drawn from them.
    pub(super) fn outstanding(&self) -> u64 {
        let withdrawn: u64 = self.withdrawals.keys().map(|reserve| self.withdrawn(reserve)).sum();
        let revealed: u64 = self.coins.values().flat_map(|coin| &coin.melts).filter_map(melted).sum();
        let drawn: u64 = self.coins.values().map(|coin| coin.spent).sum();
        withdrawn + revealed - drawn
    }

    /// What was melted and is still to be revealed.
    pub(super) fn half_melted(&self) -> u64 {
        let melts = self.coins.values().flat_map(|coin| &coin.melts);
        melts
            .filter(|status| status.revealed.is_none())
            .filter_map(|status| Some(status.melt.peek_unverified().ok()?.amount.minor()))
            .sum()
    }

    /// What is left in reserves.
    pub(super) fn in_reserves(&self, bank: &Bank) -> u64 {
        bank.paid_in() - self.withdrawals.keys().map(|reserve| self.withdrawn(reserve)).sum::<u64>()
    }

    /// What is owed to merchants.
    pub(super) fn owed(&self) -> u64 {
        self.deposits.values().map(|(amount, _)| amount).sum()
    }
}

fn melted(status: &MeltStatus) -> Option<u64> {
    status.revealed.as_ref()?;
    Some(status.melt.peek_unverified().ok()?.amount.minor())
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    semper_shared::foundation::json::from_slice(body).map_err(|_| Reply::problem(Code::JSON_MALFORMED))
}

fn refuse(error: &EcashError) -> Reply {
    Reply::problem(error.code())
}
