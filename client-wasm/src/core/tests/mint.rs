//! A mint whose ledger is a map.

use std::collections::BTreeMap;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use semper_shared::foundation::{Amount, Bytes, Code, Currency, Digest, base64};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::mint::{check_deposit, check_melt, check_reveal, check_withdrawal};
use semper_shared::items::payment::ecash::{
    CoinStatus, Confirmation, DenominationKey, DepositBody, Funding, KAPPA, KeySet, MeltBody, MeltConfirmation,
    MeltStatus, MintKeys, ReserveStatus, Reveal, Revealed, WithdrawalBody, Withdrawn,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::blinding::{MODULUS_LEN, RsaPublicKey};
use semper_shared::security::{Portable, PublicKey, Signer, SigningKey};
use serde_json::{Value, json};

use super::market::{BANK, MINT, Said, cents, problem, said};
use super::world::NOW;

/// The protocol crate's own test keys.
const RSA_KEYS: &str = include_str!("../../../../shared/src/items/payment/ecash/tests/rsa-test-keys.json");
const LARGEST_POWER: usize = 8;

struct RsaKey {
    public: RsaPublicKey,
    exponent: U2048,
}

impl RsaKey {
    fn sign(&self, blinded: &[u8; MODULUS_LEN]) -> Bytes {
        let modulus = Odd::new(U2048::from_be_slice(self.public.modulus())).into_option().unwrap();
        let params = FixedMontyParams::new_vartime(modulus);
        let power = FixedMontyForm::new(&U2048::from_be_slice(blinded), &params).pow(&self.exponent);
        Bytes(power.retrieve().to_be_bytes().as_ref().to_vec())
    }
}

fn rsa_keys() -> Vec<RsaKey> {
    let file: Value = serde_json::from_str(RSA_KEYS).unwrap();
    let bytes = |key: &Value, member: &str| base64::decode(key[member].as_str().unwrap()).unwrap();
    let key = |key: &Value| RsaKey {
        public: RsaPublicKey::from_modulus(&bytes(key, "n")).unwrap(),
        exponent: U2048::from_be_slice(&bytes(key, "d")),
    };
    file["keys"].as_array().unwrap().iter().map(key).collect()
}

#[derive(Default)]
struct CoinLedger {
    value: u64,
    spent: u64,
    /// What the coin signed.
    signed: Vec<String>,
    melts: Vec<MeltStatus>,
}

pub(crate) struct Mint {
    pub(crate) signer: SigningKey,
    rsa: Vec<RsaKey>,
    keys: KeySet,
    reserves: BTreeMap<String, (u64, Vec<Withdrawn>)>,
    coins: BTreeMap<String, CoinLedger>,
    confirmations: BTreeMap<String, Value>,
    pub(crate) deposited_minor: u64,
    /// Value of coins that were issued and not spent.
    pub(crate) outstanding_minor: u64,
    gamma: u8,
}

impl Mint {
    pub(crate) fn new() -> Self {
        let signer = SigningKey::from_bytes(&[9; 32]).unwrap();
        let rsa = rsa_keys();
        let denominations = (0..=LARGEST_POWER).map(|power| DenominationKey {
            value_minor: 1 << power,
            n: rsa[power % rsa.len()].public.clone(),
            issue_from: NOW,
            issue_until: NOW.plus(1_000),
            spend_until: NOW.plus(10_000),
        });
        let document = MintKeys {
            key: signer.public_key().clone(),
            url: MINT.to_owned(),
            name: "Test mint".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: BANK.to_owned(), account: "mint".to_owned() },
            wire_delay_s: 60,
            denominations: denominations.collect(),
            issued_at: NOW,
            expires_at: NOW.plus(1_000),
        };
        let keys = KeySet::new(Signed::sign(document, &signer)).unwrap();
        Self {
            signer,
            rsa,
            keys,
            reserves: BTreeMap::new(),
            coins: BTreeMap::new(),
            confirmations: BTreeMap::new(),
            deposited_minor: 0,
            outstanding_minor: 0,
            gamma: 0,
        }
    }

    pub(crate) fn fund(&mut self, reserve: &str, minor: u64) {
        self.reserves.entry(reserve.to_owned()).or_default().0 += minor;
    }

    pub(crate) fn reserves_minor(&self) -> u64 {
        self.reserves.values().map(|(balance, _)| balance).sum()
    }

    pub(crate) fn said(&mut self, path: &str, body: Value) -> Said {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match parts.as_slice() {
            [".well-known", "semper"] => Ok(self.party().compact().into()),
            ["keys"] => Ok(self.keys.document().compact().into()),
            ["reserves", key] => {
                let (balance, withdrawals) =
                    self.reserves.get(*key).ok_or_else(|| problem(Code::RESERVE_UNKNOWN))?.clone();
                said(&ReserveStatus { balance: cents(balance), withdrawals })
            }
            ["withdrawals"] => self.withdraw(&serde_json::from_value(body).unwrap()),
            ["deposits"] => self.deposit(&serde_json::from_value(body).unwrap()),
            ["melts"] => self.melt(&serde_json::from_value(body).unwrap()),
            ["melts", digest, "reveal"] => self.reveal(digest, &serde_json::from_value(body).unwrap()),
            ["coins", key] => {
                let coin = self.coins.get(*key).ok_or_else(|| problem(Code::COIN_UNKNOWN))?;
                said(&CoinStatus { remaining: cents(coin.value - coin.spent), melts: coin.melts.clone() })
            }
            _ => Err(problem(Code::NOT_FOUND)),
        }
    }

    fn party(&self) -> Signed<Party> {
        let party = Party {
            name: "Test mint".to_owned(),
            role: Role::Mint,
            url: MINT.to_owned(),
            key: self.signer.public_key().clone(),
            modules: Vec::new(),
            endpoints: BTreeMap::new(),
            issued_at: NOW,
            expires_at: NOW.plus(1_000),
        };
        Signed::sign(party, &self.signer)
    }

    fn sign_all<'a>(&self, batch: impl Iterator<Item = (&'a Digest, &'a [u8; MODULUS_LEN])>) -> Vec<Bytes> {
        let sign = |(denomination, blinded)| {
            let public = &self.keys.find(denomination).unwrap().key;
            self.rsa.iter().find(|key| key.public == *public).unwrap().sign(blinded)
        };
        batch.map(sign).collect()
    }

    fn withdraw(&mut self, body: &WithdrawalBody) -> Said {
        let checked = check_withdrawal(&self.keys, &body.request, NOW, &Portable).unwrap();
        let batch = checked.request.batch.clone();
        let reserve = checked.reserve.to_text();
        let (balance, earlier) = self.reserves.get(&reserve).ok_or_else(|| problem(Code::RESERVE_UNKNOWN))?;
        if let Some(done) = earlier.iter().find(|done| done.batch == batch) {
            return said(&json!({ "signatures": done.signatures }));
        }
        let left = balance.checked_sub(checked.total.minor()).ok_or_else(|| problem(Code::FUNDS_INSUFFICIENT))?;
        let signatures = self.sign_all(batch.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)));
        let entry = self.reserves.get_mut(&reserve).unwrap();
        entry.0 = left;
        entry.1.push(Withdrawn { batch, signatures: signatures.clone() });
        self.outstanding_minor += checked.total.minor();
        said(&json!({ "signatures": signatures }))
    }

    fn draw(&mut self, coin: &PublicKey, value: Amount, amount: Amount, statement: &str) -> Said {
        let ledger = self.coins.entry(coin.to_text()).or_default();
        ledger.value = value.minor();
        if ledger.spent + amount.minor() > ledger.value {
            let proof = json!({ "coin": coin, "spent": ledger.signed });
            return Err((409, Code::COIN_ALREADY_SPENT, proof));
        }
        ledger.spent += amount.minor();
        ledger.signed.push(statement.to_owned());
        self.outstanding_minor -= amount.minor();
        Ok(Vec::new())
    }

    fn deposit(&mut self, body: &DepositBody) -> Said {
        let checked = check_deposit(&self.keys, body, NOW, &Portable).unwrap();
        if let Some(done) = self.confirmations.get(&checked.deal.to_string()) {
            return said(done);
        }
        for checked in &checked.permissions {
            let (coin, permission) = (&checked.coin, &checked.permission);
            self.draw(coin, checked.value, permission.amount, permission.compact())?;
        }
        self.deposited_minor += checked.total.minor();
        let confirmation = Confirmation {
            mint: self.keys.mint(),
            merchant: checked.merchant,
            deal: checked.deal,
            amount: checked.total,
            permissions: checked.permissions.iter().map(|checked| checked.permission.digest()).collect(),
            wire_by: NOW.plus(60),
            confirmed_at: NOW,
        };
        let done = json!({ "confirmation": Signed::sign(confirmation, &self.signer).to_compact() });
        self.confirmations.insert(checked.deal.to_string(), done.clone());
        said(&done)
    }

    fn melt(&mut self, body: &MeltBody) -> Said {
        let checked = check_melt(&self.keys, &body.melt, NOW, &Portable).unwrap();
        let coin = checked.coin.to_text();
        let earlier = self.coins.get(&coin).and_then(|coin| coin.melts.iter().find(|melt| melt.melt == body.melt));
        if let Some(earlier) = earlier {
            return said(&json!({ "confirmation": earlier.confirmation }));
        }
        self.draw(&checked.coin, checked.value, checked.melt.amount, body.melt.as_str())?;
        self.gamma = (self.gamma + 1) % KAPPA;
        let choice = MeltConfirmation { melt: checked.melt.digest(), gamma: self.gamma };
        let confirmation = Signed::sign(choice, &self.signer).to_compact();
        let status = MeltStatus { melt: body.melt.clone(), confirmation: confirmation.clone(), revealed: None };
        self.coins.get_mut(&coin).unwrap().melts.push(status);
        said(&json!({ "confirmation": confirmation }))
    }

    fn reveal(&mut self, digest: &str, reveal: &Reveal) -> Said {
        for (name, position) in self.melt_positions() {
            let status = self.coins[&name].melts[position].clone();
            let (melt, coin) = status.melt.verify_self_keyed(&Portable).unwrap();
            if melt.digest().to_string() != digest {
                continue;
            }
            if let Some(revealed) = status.revealed {
                return said(&json!({ "signatures": revealed.signatures }));
            }
            let gamma = status.confirmation.verify(self.signer.public_key(), &Portable).unwrap().gamma;
            let planchets = check_reveal(&self.keys, &coin, &melt, gamma, reveal).unwrap();
            let signatures = self.sign_all(planchets.iter().map(|p| (&p.denomination, &p.blinded)));
            let revealed = Revealed { transfer_public: reveal.transfer_public.clone(), signatures: signatures.clone() };
            self.coins.get_mut(&name).unwrap().melts[position].revealed = Some(revealed);
            self.outstanding_minor += melt.amount.minor();
            return said(&json!({ "signatures": signatures }));
        }
        Err(problem(Code::MELT_UNKNOWN))
    }

    fn melt_positions(&self) -> Vec<(String, usize)> {
        let positions = |(name, coin): (&String, &CoinLedger)| {
            let name = name.clone();
            (0..coin.melts.len()).map(move |position| (name.clone(), position)).collect::<Vec<_>>()
        };
        self.coins.iter().flat_map(positions).collect()
    }
}
