//! A mint whose ledger is a map.

mod transfers;

use std::collections::BTreeMap;

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, U2048};
use semper_shared::foundation::{Amount, Bytes, Code, Coded, Currency, Digest, Table, UnixSeconds, base64};
use semper_shared::items::party::{Party, Role};
use semper_shared::items::payment::ecash::mint::{
    check_deposit, check_melt, check_refund, check_reveal, check_withdrawal,
};
use semper_shared::items::payment::ecash::{
    CoinStatus, Confirmation, DenominationKey, DenominationPage, DepositBody, Fees, Funding, KAPPA, KeySet, MeltBody,
    MeltConfirmation, MeltStatus, MintKeys, PlanchetMessage, Policy, RecoupAnswer, RecoupBody, RecoupOrigin,
    RefundBody, RefundConfirmation, RefundedCoin, ReserveStatus, Reveal, Revealed, Revoked, WithdrawalBody, Withdrawn,
    check_recoup, spread,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::blinding::{MODULUS_LEN, RsaPublicKey};
use semper_shared::security::{Portable, PublicKey, Signer, SigningKey};
use serde_json::{Value, json};

use super::market::{BANK, MINT, Said, cents, problem, said};
use super::world::NOW;

/// The protocol crate's own test keys.
const RSA_KEYS: &str = include_str!("../../../../shared/src/items/payment/ecash/tests/rsa-test-keys.json");
const LARGEST_POWER: u32 = 8;

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

/// How long denominations are issued, how long their coins can be spent, and how long two batches are issued at once.
pub(crate) const ISSUE_S: u64 = 1_000;
pub(crate) const SPEND_S: u64 = 10_000;
const OVERLAP_S: u64 = 200;

fn document(signer: &SigningKey, url: &str, now: UnixSeconds) -> MintKeys {
    MintKeys {
        key: signer.public_key().clone(),
        url: url.to_owned(),
        name: "Test mint".to_owned(),
        currency: Currency::EUR,
        funding: Funding { bank: BANK.to_owned(), account: url.to_owned() },
        wire_delay_s: 60,
        denominations: Vec::new(),
        earlier: None,
        revoked: Vec::new(),
        policy: Policy::default(),
        issued_at: now,
        expires_at: now.plus(ISSUE_S),
    }
}

#[derive(Clone, Default)]
struct CoinLedger {
    value: u64,
    spent: u64,
    /// What the coin signed.
    signed: Vec<String>,
    melts: Vec<MeltStatus>,
}

pub(crate) struct Mint {
    pub(crate) signer: SigningKey,
    /// By deal: what each coin gave, and how much was refunded.
    deposits: BTreeMap<Digest, (Vec<(PublicKey, u64)>, u64)>,
    url: &'static str,
    rsa: Vec<RsaKey>,
    keys: KeySet,
    now: UnixSeconds,
    /// Denominations that were made together, the oldest first.
    batches: Vec<Vec<DenominationKey>>,
    pages: BTreeMap<String, Vec<u8>>,
    revoked: Vec<Revoked>,
    policy: Policy,
    /// Takes no more of a reserve today.
    pub(crate) day_is_over: bool,
    /// The answers to withdrawals and recoups.
    requests: BTreeMap<Digest, Vec<Bytes>>,
    recouped: BTreeMap<Digest, Amount>,
    reserves: BTreeMap<String, (u64, Vec<Withdrawn>)>,
    coins: BTreeMap<String, CoinLedger>,
    confirmations: BTreeMap<String, Value>,
    transfers: BTreeMap<String, transfers::Kept>,
    pub(crate) deposited_minor: u64,
    /// Value of coins that were issued and not spent.
    pub(crate) outstanding_minor: u64,
    gamma: u8,
    largest_power: u32,
    fees: Fees,
}

impl Mint {
    pub(crate) fn new() -> Self {
        Self::at(MINT, [9; 32])
    }

    pub(crate) fn at(url: &'static str, key: [u8; 32]) -> Self {
        let signer = SigningKey::from_bytes(&key).unwrap();
        let rsa = rsa_keys();
        let keys = KeySet::new(Signed::sign(document(&signer, url, NOW), &signer)).unwrap();
        let mut mint = Self {
            signer,
            deposits: BTreeMap::new(),
            url,
            rsa,
            keys,
            now: NOW,
            batches: Vec::new(),
            pages: BTreeMap::new(),
            revoked: Vec::new(),
            policy: Policy::default(),
            day_is_over: false,
            requests: BTreeMap::new(),
            recouped: BTreeMap::new(),
            reserves: BTreeMap::new(),
            coins: BTreeMap::new(),
            confirmations: BTreeMap::new(),
            transfers: BTreeMap::new(),
            deposited_minor: 0,
            outstanding_minor: 0,
            gamma: 0,
            largest_power: LARGEST_POWER,
            fees: Fees::default(),
        };
        mint.advance(NOW);
        mint
    }

    /// The time goes on: denominations are made ahead, and the key document is signed anew.
    pub(crate) fn advance(&mut self, now: UnixSeconds) {
        self.now = now;
        loop {
            let last = self.batches.last().map(|batch| batch[0].issue_until.0 - OVERLAP_S);
            let next = UnixSeconds(last.unwrap_or(now.0).max(now.0.saturating_sub(SPEND_S)));
            if next.0 > now.0 + ISSUE_S {
                break;
            }
            self.make(next);
        }
        self.publish();
    }

    fn make(&mut self, issue_from: UnixSeconds) {
        let batch = (0..=self.largest_power).map(|power| DenominationKey {
            value_minor: 1 << power,
            n: self.rsa[usize::try_from(power).unwrap() % self.rsa.len()].public.clone(),
            issue_from,
            issue_until: issue_from.plus(ISSUE_S + self.revoked.len() as u64),
            spend_until: issue_from.plus(SPEND_S),
            fees: self.fees,
        });
        self.batches.push(batch.collect());
    }

    /// Revokes all denominations that are issued now, or one value's.
    pub(crate) fn revoke(&mut self, which: impl Fn(&DenominationKey) -> bool) {
        for key in self.batches.iter().flatten().filter(|key| which(key)) {
            self.revoked.push(Revoked { denomination: key.id(Currency::EUR), revoked_at: self.now });
        }
        self.make(self.now);
        self.publish();
    }

    /// Begins anew with coins up to this power of two, and these fees.
    pub(crate) fn begin(&mut self, largest_power: u32, fees: Fees) {
        (self.largest_power, self.fees) = (largest_power, fees);
        self.batches.clear();
        self.advance(self.now);
    }

    /// Limits what it gives, and says so.
    pub(crate) fn limit(&mut self, policy: Policy) {
        self.policy = policy;
        self.publish();
    }

    fn publish(&mut self) {
        let now = self.now;
        let (listed, earlier): (Vec<_>, Vec<_>) =
            self.batches.iter().cloned().partition(|batch| now <= batch[0].issue_until);
        let mut document = document(&self.signer, self.url, now);
        for denominations in earlier {
            let page = DenominationPage { denominations, earlier: document.earlier };
            let text = serde_json::to_vec(&page).unwrap();
            document.earlier = Some(Digest::of(&text));
            self.pages.insert(Digest::of(&text).to_string(), text);
        }
        document.denominations = listed.concat();
        document.revoked = self.revoked.clone();
        document.policy = self.policy;
        self.keys = KeySet::new(Signed::sign(document, &self.signer)).unwrap();
        self.keys.add(&self.batches.concat()).unwrap();
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
            ["keys", page] => self.pages.get(*page).cloned().ok_or_else(|| problem(Code::NOT_FOUND)),
            ["recoups"] => self.recoup(&serde_json::from_value(body).unwrap()),
            ["reserves", key] => {
                let (balance, withdrawals) =
                    self.reserves.get(*key).ok_or_else(|| problem(Code::RESERVE_UNKNOWN))?.clone();
                said(&ReserveStatus { balance: cents(balance), withdrawals })
            }
            ["withdrawals"] => self.withdraw(&serde_json::from_value(body).unwrap()),
            ["deposits"] => self.deposit(&serde_json::from_value(body).unwrap()),
            ["refunds"] => self.refund(&serde_json::from_value(body).unwrap()),
            ["melts"] => self.melt(&serde_json::from_value(body).unwrap()),
            ["melts", digest, "reveal"] => self.reveal(digest, &serde_json::from_value(body).unwrap()),
            ["coins", key] => {
                let coin = self.coins.get(*key).ok_or_else(|| problem(Code::COIN_UNKNOWN))?;
                said(&CoinStatus {
                    remaining: cents(coin.value - coin.spent),
                    melts: coin.melts.clone(),
                    refunds: Vec::new(),
                    pending: self.pending_of(key),
                })
            }
            ["transfers", rest @ ..] => self.transfers_said(rest, body),
            _ => Err(problem(Code::NOT_FOUND)),
        }
    }

    fn party(&self) -> Signed<Party> {
        let party = Party {
            name: "Test mint".to_owned(),
            role: Role::Mint,
            url: self.url.to_owned(),
            key: self.signer.public_key().clone(),
            modules: Vec::new(),
            endpoints: Table::new(),
            issued_at: self.now,
            expires_at: self.now.plus(ISSUE_S),
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
        let (request, reserve) = body.request.verify_self_keyed(&Portable).unwrap();
        let (batch, reserve) = (request.batch.clone(), reserve.to_text());
        let (balance, earlier) = self.reserves.get(&reserve).ok_or_else(|| problem(Code::RESERVE_UNKNOWN))?;
        if let Some(done) = self.requests.get(&request.digest()) {
            return said(&json!({ "signatures": done }));
        }
        let signed = |planchet: &PlanchetMessage| earlier.iter().any(|done| done.batch.contains(planchet));
        let count: usize = earlier.iter().map(|done| done.batch.len()).sum();
        let unaware = request.first.is_some_and(|first| usize::try_from(first).unwrap() != count);
        if batch.iter().any(signed) || unaware {
            return Err(problem(Code::REQUEST_CONFLICT));
        }
        let checked =
            check_withdrawal(&self.keys, &body.request, self.now, &Portable).map_err(|error| problem(error.code()))?;
        if self.policy.max_withdrawal_minor.is_some_and(|limit| checked.total.minor() > limit) {
            return Err(problem(Code::WITHDRAWAL_LIMIT));
        }
        if self.day_is_over {
            return Err(problem(Code::DAY_LIMIT));
        }
        let left = balance.checked_sub(checked.total.minor()).ok_or_else(|| problem(Code::FUNDS_INSUFFICIENT))?;
        let signatures = self.sign_all(batch.iter().map(|planchet| (&planchet.denomination, &planchet.blinded)));
        let entry = self.reserves.get_mut(&reserve).unwrap();
        entry.0 = left;
        entry.1.push(Withdrawn { batch, signatures: signatures.clone() });
        self.requests.insert(request.digest(), signatures.clone());
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
        let checked = check_deposit(&self.keys, body, self.now, &Portable).map_err(|error| problem(error.code()))?;
        if let Some(done) = self.confirmations.get(&checked.deal.to_string()) {
            return said(done);
        }
        let before = (self.coins.clone(), self.outstanding_minor);
        for checked in &checked.permissions {
            let (coin, permission) = (&checked.coin, &checked.permission);
            if let Err(refused) = self.draw(coin, checked.value, permission.amount, permission.compact()) {
                // All coins, or none.
                (self.coins, self.outstanding_minor) = before;
                return Err(refused);
            }
        }
        self.deposited_minor += checked.total.minor();
        let given = checked.permissions.iter().map(|checked| (checked.coin.clone(), checked.permission.amount.minor()));
        self.deposits.insert(checked.deal, (given.collect(), 0));
        let confirmation = Confirmation {
            mint: self.keys.mint(),
            merchant: checked.merchant,
            deal: checked.deal,
            amount: checked.total,
            permissions: checked.permissions.iter().map(|checked| checked.permission.digest()).collect(),
            wire_by: self.now.plus(60),
            confirmed_at: self.now,
        };
        let done = json!({ "confirmation": Signed::sign(confirmation, &self.signer).to_compact() });
        self.confirmations.insert(checked.deal.to_string(), done.clone());
        said(&done)
    }

    fn refund(&mut self, body: &RefundBody) -> Said {
        let refund = check_refund(&self.keys, &body.refund, &Portable).unwrap();
        let (given, refunded) = self.deposits.get_mut(&refund.deal).unwrap();
        let minor: Vec<u64> = given.iter().map(|(_, minor)| *minor).collect();
        let shares = spread(&minor, *refunded, refund.amount.minor());
        let shares = shares.ok_or_else(|| problem(Code::REFUND_EXCESSIVE))?;
        *refunded += refund.amount.minor();
        let mut coins = Vec::new();
        for (position, share) in shares {
            let coin = &given[position].0;
            self.coins.get_mut(&coin.to_text()).unwrap().spent -= share;
            coins.push(RefundedCoin { coin: coin.to_compressed(), amount: cents(share) });
        }
        self.deposited_minor -= refund.amount.minor();
        self.outstanding_minor += refund.amount.minor();
        let confirmation = RefundConfirmation {
            mint: self.keys.mint(),
            refund: refund.digest(),
            deal: refund.deal,
            coins,
            confirmed_at: self.now,
        };
        said(&json!({ "confirmation": Signed::sign(confirmation, &self.signer).to_compact() }))
    }

    fn melt(&mut self, body: &MeltBody) -> Said {
        let (melt, coin) = body.melt.verify_self_keyed(&Portable).unwrap();
        let (coin, digest) = (coin.to_text(), melt.digest());
        let melts = self.coins.get(&coin).map(|coin| coin.melts.clone()).unwrap_or_default();
        if let Some(earlier) = melts.iter().find(|earlier| earlier.melt == body.melt) {
            return said(&json!({ "confirmation": earlier.confirmation }));
        }
        let checked = check_melt(&self.keys, &body.melt, self.now, &Portable).map_err(|error| problem(error.code()))?;
        assert_eq!(checked.melt.digest(), digest);
        let last = melts.last().map(|last| last.melt.peek_unverified().unwrap().sequence);
        let spent = self.coins.get(&coin).map_or(0, |coin| coin.spent);
        let there = checked.value.minor() - spent >= checked.melt.amount.minor();
        if there && last.is_some_and(|last| melt.sequence <= last) {
            return Err(problem(Code::REQUEST_CONFLICT));
        }
        self.draw(&checked.coin, checked.value, checked.melt.amount, body.melt.as_str())?;
        self.gamma = (self.gamma + 1) % KAPPA;
        let choice = MeltConfirmation { melt: checked.melt.digest(), gamma: self.gamma };
        let confirmation = Signed::sign(choice, &self.signer).to_compact();
        let status =
            MeltStatus { melt: body.melt.clone(), confirmation: confirmation.clone(), revealed: None, void: false };
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
            let gone = |id: &Digest| {
                let denomination = self.keys.find(id).unwrap();
                denomination.revoked || denomination.issue_until.plus(OVERLAP_S) < self.now
            };
            if melt.outputs.iter().any(gone) {
                let ledger = self.coins.get_mut(&name).unwrap();
                if !ledger.melts[position].void {
                    ledger.melts[position].void = true;
                    ledger.spent -= melt.amount.minor();
                    self.outstanding_minor += melt.amount.minor();
                }
                return Err(problem(Code::DENOMINATION_EXPIRED));
            }
            let signatures = self.sign_all(planchets.iter().map(|p| (&p.denomination, &p.blinded)));
            let revealed = Revealed { transfer_public: reveal.transfer_public.clone(), signatures: signatures.clone() };
            self.coins.get_mut(&name).unwrap().melts[position].revealed = Some(revealed);
            self.outstanding_minor += melt.amount.minor();
            return said(&json!({ "signatures": signatures }));
        }
        Err(problem(Code::MELT_UNKNOWN))
    }

    fn recoup(&mut self, body: &RecoupBody) -> Said {
        let checked = check_recoup(&self.keys, &body.recoup, &Portable).map_err(|error| problem(error.code()))?;
        let digest = checked.recoup.digest();
        if let Some(recouped) = self.recouped.get(&digest) {
            return said(&RecoupAnswer { recouped: *recouped });
        }
        let signatures: Vec<Bytes> = match &checked.recoup.origin {
            RecoupOrigin::Reserve(reserve) => {
                let (_, withdrawals) = &self.reserves[&reserve.to_text()];
                withdrawals.iter().flat_map(|withdrawn| withdrawn.signatures.clone()).collect()
            }
            RecoupOrigin::Coin(coin) => {
                let revealed = self.coins[&coin.to_text()].melts.iter().filter_map(|melt| melt.revealed.clone());
                revealed.flat_map(|revealed| revealed.signatures).collect()
            }
        };
        if !signatures.iter().any(|signature| checked.is_signed_by(signature.0.as_slice().try_into().unwrap())) {
            return Err(problem(Code::COIN_INVALID));
        }
        let spent = self.coins.get(&checked.coin.to_text()).map_or(0, |coin| coin.spent);
        let left = cents((checked.value.minor() - spent).max(1));
        self.draw(&checked.coin, checked.value, left, checked.recoup.compact())?;
        self.fund(&checked.recoup.reserve.to_text(), left.minor());
        self.recouped.insert(digest, left);
        said(&RecoupAnswer { recouped: left })
    }

    fn melt_positions(&self) -> Vec<(String, usize)> {
        let positions = |(name, coin): (&String, &CoinLedger)| {
            let name = name.clone();
            (0..coin.melts.len()).map(move |position| (name.clone(), position)).collect::<Vec<_>>()
        };
        self.coins.iter().flat_map(positions).collect()
    }
}
