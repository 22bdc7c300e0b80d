//! A mint in memory, with test keys; it checks everything that the real one checks.

use std::collections::BTreeMap;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{ConstOne, Odd, U2048};

use super::super::mint::{check_deposit, check_melt, check_reveal, check_withdrawal};
use super::super::*;
use crate::foundation::{Amount, Bytes, Currency, Digest, UnixSeconds, base64};
use crate::items::payment::{Bill, PayerModule};
use crate::items::statement::{Compact, Signed};
use crate::security::blinding::{MODULUS_LEN, RsaPublicKey};
use crate::security::{Portable, PublicKey, Seed, Signer, SigningKey, Thumbprint};

pub(super) type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

pub(super) const NOW: UnixSeconds = UnixSeconds(1_000_000);

struct RsaKey {
    public: RsaPublicKey,
    exponent: U2048,
}

impl RsaKey {
    fn all() -> Outcome<Vec<Self>> {
        let file: serde_json::Value = serde_json::from_str(include_str!("rsa-test-keys.json"))?;
        let bytes =
            |key: &serde_json::Value, member| key[member].as_str().and_then(base64::decode).ok_or("no test key");
        let keys = file["keys"].as_array().ok_or("no test keys")?;
        keys.iter()
            .map(|key| {
                let public = RsaPublicKey::from_modulus(&bytes(key, "n")?)?;
                Ok(Self { public, exponent: U2048::from_be_slice(&bytes(key, "d")?) })
            })
            .collect()
    }

    fn sign(&self, blinded: &[u8; MODULUS_LEN]) -> Bytes {
        let modulus = Odd::new(U2048::from_be_slice(self.public.modulus())).into_option().unwrap_or(ConstOne::ONE);
        let params = FixedMontyParams::new_vartime(modulus);
        let power = FixedMontyForm::new(&U2048::from_be_slice(blinded), &params).pow(&self.exponent);
        Bytes(power.retrieve().to_be_bytes().as_ref().to_vec())
    }
}

/// The mint: its keys and what it has taken.
pub(super) struct Ledger {
    pub(super) signer: SigningKey,
    rsa: Vec<RsaKey>,
    pub(super) keys: KeySet,
    pub(super) spent: BTreeMap<String, u64>,
    melts: BTreeMap<String, Vec<MeltStatus>>,
    withdrawals: BTreeMap<String, Vec<Withdrawn>>,
    gamma: u8,
}

impl Ledger {
    pub(super) fn new() -> Outcome<Self> {
        Self::with_fees(Fees::default())
    }

    /// A mint that takes something for every coin.
    pub(super) fn with_fees(fees: Fees) -> Outcome<Self> {
        let signer = SigningKey::from_bytes(&[9; 32])?;
        let rsa = RsaKey::all()?;
        let denominations = (0..11_usize).map(|power| DenominationKey {
            value_minor: 1 << power,
            n: rsa[power % rsa.len()].public.clone(),
            issue_from: UnixSeconds(0),
            issue_until: NOW.plus(1_000),
            spend_until: NOW.plus(10_000),
            fees,
        });
        let document = MintKeys {
            key: signer.public_key().clone(),
            url: "http://localhost:1".to_owned(),
            name: "Test mint".to_owned(),
            currency: Currency::EUR,
            funding: Funding { bank: "http://localhost:2".to_owned(), account: "mint".to_owned() },
            wire_delay_s: 60,
            denominations: denominations.collect(),
            earlier: None,
            revoked: Vec::new(),
            policy: Policy::default(),
            issued_at: NOW,
            expires_at: NOW.plus(1_000),
        };
        let keys = KeySet::new(Signed::sign(document, &signer))?;
        Ok(Self {
            signer,
            rsa,
            keys,
            spent: BTreeMap::new(),
            melts: BTreeMap::new(),
            withdrawals: BTreeMap::new(),
            gamma: 0,
        })
    }

    fn sign_all<'a>(
        &self,
        planchets: impl Iterator<Item = (&'a Digest, &'a [u8; MODULUS_LEN])>,
    ) -> Outcome<Vec<Bytes>> {
        planchets
            .map(|(denomination, blinded)| {
                let public = &self.keys.find(denomination)?.key;
                let key = self.rsa.iter().find(|key| key.public == *public).ok_or("no such key")?;
                Ok(key.sign(blinded))
            })
            .collect()
    }

    /// What whoever stole a denomination's key signs with it.
    pub(super) fn leaked(&self, denomination: &Denomination, blinded: &[u8; MODULUS_LEN]) -> Outcome<Bytes> {
        Ok(self.rsa.iter().find(|key| key.public == denomination.key).ok_or("no such key")?.sign(blinded))
    }

    pub(super) fn withdraw(&mut self, request: &Compact<Withdrawal>) -> Outcome<Vec<Bytes>> {
        let checked = check_withdrawal(&self.keys, request, NOW, &Portable)?;
        let batch = checked.request.batch.clone();
        let signatures = self.sign_all(batch.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)))?;
        let done = Withdrawn { batch, signatures: signatures.clone() };
        self.withdrawals.entry(checked.reserve.to_text()).or_default().push(done);
        Ok(signatures)
    }

    fn draw(&mut self, coin: &PublicKey, value: Amount, amount: Amount) -> Outcome {
        let spent = self.spent.entry(coin.to_text()).or_default();
        if *spent + amount.minor() > value.minor() {
            return Err("already spent".into());
        }
        *spent += amount.minor();
        Ok(())
    }

    pub(super) fn give_back(&mut self, coin: &PublicKey, amount: Amount) {
        *self.spent.entry(coin.to_text()).or_default() -= amount.minor();
    }

    pub(super) fn deposit(&mut self, body: &DepositBody) -> Outcome<Amount> {
        let checked = check_deposit(&self.keys, body, NOW, &Portable)?;
        for permission in &checked.permissions {
            let taken = permission.permission.amount.checked_add(permission.fee)?;
            self.draw(&permission.coin, permission.value, taken)?;
        }
        Ok(checked.total)
    }

    pub(super) fn melt(&mut self, melt: &Compact<Melt>) -> Outcome<Signed<MeltConfirmation>> {
        let checked = check_melt(&self.keys, melt, NOW, &Portable)?;
        let repeated = self.melts.get(&checked.coin.to_text()).and_then(|melts| melts.iter().find(|m| m.melt == *melt));
        if let Some(status) = repeated {
            return Ok(status.confirmation.verify(self.signer.public_key(), &Portable)?);
        }
        self.draw(&checked.coin, checked.value, checked.melt.amount)?;
        self.gamma = (self.gamma + 1) % KAPPA;
        let confirmation = MeltConfirmation { melt: checked.melt.digest(), gamma: self.gamma };
        let confirmation = Signed::sign(confirmation, &self.signer);
        let status =
            MeltStatus { melt: melt.clone(), confirmation: confirmation.to_compact(), revealed: None, void: false };
        self.melts.entry(checked.coin.to_text()).or_default().push(status);
        Ok(confirmation)
    }

    pub(super) fn reveal(&mut self, coin: &PublicKey, gamma: u8, reveal: &Reveal) -> Outcome<Vec<Bytes>> {
        let status = self.melts.get(&coin.to_text()).and_then(|melts| melts.last()).ok_or("no melt")?;
        let melt = status.melt.peek_unverified()?;
        let planchets = check_reveal(&self.keys, coin, &melt, gamma, reveal)?;
        let signatures = self.sign_all(planchets.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)))?;
        let revealed = Revealed { transfer_public: reveal.transfer_public.clone(), signatures: signatures.clone() };
        if let Some(status) = self.melts.get_mut(&coin.to_text()).and_then(|melts| melts.last_mut()) {
            status.revealed = Some(revealed);
        }
        Ok(signatures)
    }

    pub(super) fn reserve_status(&self, reserve: &PublicKey) -> Option<ReserveStatus> {
        let withdrawals = self.withdrawals.get(&reserve.to_text())?.clone();
        Some(ReserveStatus { balance: Amount::zero(Currency::EUR), withdrawals })
    }

    pub(super) fn coin_status(&self, coin: &str, value: Amount) -> Outcome<Option<CoinStatus>> {
        let Some(spent) = self.spent.get(coin) else { return Ok(None) };
        let remaining = Amount::new(Currency::EUR, value.minor() - spent)?;
        Ok(Some(CoinStatus {
            remaining,
            melts: self.melts.get(coin).cloned().unwrap_or_default(),
            refunds: Vec::new(),
            pending: Vec::new(),
        }))
    }
}

pub(super) fn rng() -> impl rand_core::CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}

pub(super) fn euros(text: &str) -> Outcome<Amount> {
    Ok(Amount::parse_decimal(text, Currency::EUR)?)
}

/// A wallet that has withdrawn `amount`.
pub(super) fn funded(ledger: &mut Ledger, amount: &str) -> Outcome<(EcashPayer, Thumbprint)> {
    let mut wallet = EcashPayer::new(Seed::new([3; 32]));
    let mint = wallet.trust(ledger.keys.document().clone())?;
    let reserve = wallet.open_reserve(&mint, euros(amount)?, NOW)?;
    let request = wallet.withdraw(&mint, reserve, euros(amount)?, NOW)?;
    let signatures = ledger.withdraw(&request.to_compact())?;
    assert_eq!(wallet.withdrawn(&mint, reserve, &signatures)?, euros(amount)?);
    Ok((wallet, mint))
}

/// Refreshes whatever waits for it.
pub(super) fn refresh_all(wallet: &mut EcashPayer, mint: &Thumbprint, ledger: &mut Ledger) -> Outcome {
    for name in wallet.refreshes(mint, NOW)? {
        let melt = wallet.melt(mint, &name, NOW, &mut rng())?;
        let confirmation = ledger.melt(&melt.to_compact())?;
        let reveal = wallet.reveal(mint, &name, &confirmation)?;
        let signatures = ledger.reveal(&PublicKey::from_text(&name)?, confirmation.gamma, &reveal)?;
        wallet.refreshed(mint, &name, confirmation.gamma, &signatures)?;
    }
    Ok(())
}

pub(super) fn bill(deal: &[u8], total: &str) -> Outcome<Bill> {
    Ok(Bill { deal: Digest::of(deal), payee: Digest::of(b"shop"), total: euros(total)?, refund_by: NOW.plus(100) })
}

pub(super) fn parameters(mint: Thumbprint) -> EcashParameters {
    EcashParameters { mints: vec![AcceptedMint { url: "http://localhost:1".to_owned(), mint }], account: None }
}

pub(super) fn pay(wallet: &mut EcashPayer, mint: Thumbprint, bill: &Bill) -> Outcome<EcashBody> {
    Ok(PayerModule::pay(wallet, bill, &parameters(mint), NOW, &mut rng())?)
}
