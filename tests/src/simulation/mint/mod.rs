//! The mint: the shipped checks on either of two replicas, over one ledger whose every change is atomic.
//!
//! A request is prepared on a replica (checked, its answer signed) and then committed to the ledger, which alone decides.
//! Between the two anything may happen: the other replica commits, the replica dies, the disk refuses.

mod books;
mod life;
mod refunds;
mod transfers;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use semper_server::crypto::{BlindSigner, Native};
use semper_shared::foundation::{Bytes, Code, Coded, Digest, UnixSeconds};
use semper_shared::items::payment::ecash::mint::{
    CheckedDeposit, CheckedMelt, CheckedPermission, CheckedWithdrawal, check_deposit, check_melt, check_reveal,
    check_withdrawal,
};
use semper_shared::items::payment::ecash::transfer::{
    AcceptanceBody, CancellationBody, CheckedTransfer, TransferAnswer,
};
use semper_shared::items::payment::ecash::{
    CheckedRecoup, CoinStatus, Confirmation, DepositAnswer, DepositBody, EcashError, KAPPA, KeySet, MeltAnswer,
    MeltBody, MeltConfirmation, MeltStatus, Planchet, PlanchetMessage, ReserveStatus, Reveal, Revealed, Signatures,
    WithdrawalBody, Withdrawn,
};
use semper_shared::items::statement::{Compact, Signed, Statement};
use semper_shared::security::{PublicKey, SigningKey};
use serde::de::DeserializeOwned;

use super::bank::{Bank, cents};
use super::keys;
use super::network::Reply;
use super::scenario::BEGIN;
use crate::Outcome;

/// What a mint may be made to do wrong, so that one sees that the simulation notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// It takes what a coin no longer has.
    TakesSpentCoins,
    /// A deposit that comes again is owed again.
    OwesTwice,
    /// A withdrawal that comes again is taken from the reserve again.
    DebitsTwice,
    /// Where one coin of a deposit is refused, the others stay drawn.
    KeepsRefusedCoins,
    /// It answers before the ledger has taken the change.
    AnswersTooEarly,
    /// It forgets what was melted and not yet revealed when a replica dies.
    ForgetsMelts,
    /// A refund that is ordered again is made again.
    RefundsTwice,
    /// A transfer that was accepted goes back to its coins all the same when its time is over.
    ReturnsAccepted,
    /// It puts a coin's whole value into the reserve of a recoup, whatever was spent of it.
    RecoupsWhole,
}

#[derive(Clone)]
struct Coin {
    denomination: Digest,
    spent: u64,
    value: u64,
    draws: BTreeMap<Digest, String>,
    melts: Vec<MeltStatus>,
}

/// What all replicas share, and what outlives them.
#[derive(Default)]
pub(super) struct Ledger {
    withdrawals: BTreeMap<String, Vec<(Digest, u64, Withdrawn)>>,
    coins: BTreeMap<String, Coin>,
    melts: BTreeMap<String, (PublicKey, usize)>,
    pub(super) deposits: BTreeMap<Digest, refunds::Deposit>,
    transfers: BTreeMap<String, transfers::Kept>,
    /// What went into which reserve by a recoup.
    recoups: BTreeMap<Digest, (String, u64)>,
}

/// The mint: what every replica knows, and the ledger.
pub(super) struct Mint {
    signer: SigningKey,
    signers: &'static [BlindSigner],
    keys: KeySet,
    life: life::Life,
    verifier: &'static Native,
    gamma: u8,
    pub(super) ledger: Ledger,
    pub(super) defect: Option<Defect>,
    /// Who asked for what is to be paid to a request, as the scenario tells.
    pub(super) asked_by: BTreeMap<Digest, usize>,
}

/// A change that a replica is about to make, with the answer that it gives once it is made.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
pub(super) enum Prepared {
    /// There is nothing to change.
    Known(Reply),
    Withdrawal(CheckedWithdrawal, Vec<Bytes>),
    Deposit(CheckedDeposit, DepositAnswer),
    Melt(CheckedMelt, MeltStatus),
    Reveal(String, Revealed),
    /// A reveal that comes too late: honest, of outputs that nobody signs any more.
    Void(String),
    Recoup(CheckedRecoup),
    Refund(refunds::Order),
    /// A transfer with its coins: its text, the hash of the coins, the answer, and who brought it.
    Transfer(CheckedTransfer, String, Digest, TransferAnswer, usize),
    /// A decision about a transfer, and who brought it.
    Decision(String, transfers::Decision, usize),
}

type Refusal = Reply;

impl Mint {
    pub(super) fn new(defect: Option<Defect>) -> Outcome<Self> {
        let signers = keys::mint()?;
        let signer = keys::signer(keys::MINT_KEY)?;
        let mut life = life::Life::default();
        let keys = life.publish(&signer, signers, BEGIN)?;
        Ok(Self {
            signer,
            signers: &signers.signers,
            keys,
            life,
            verifier: verifier()?,
            gamma: 0,
            ledger: Ledger::default(),
            defect,
            asked_by: BTreeMap::new(),
        })
    }

    /// Checks a request, and signs what it is to be answered with. Nothing is changed.
    pub(super) fn prepare(
        &mut self,
        from: usize,
        path: &str,
        body: &[u8],
        bank: &Bank,
        now: UnixSeconds,
    ) -> Result<Prepared, Refusal> {
        self.keep_up(now)?;
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            [".well-known", "semper"] => Ok(Prepared::Known(keys::mint_party(now)?)),
            ["keys"] => Ok(Prepared::Known(Reply::text(self.keys.document().compact()))),
            ["keys", page] => self.life.page(page).map(Prepared::Known),
            ["reserves", reserve] => Ok(Prepared::Known(self.reserve(reserve, bank))),
            ["coins", coin] => Ok(Prepared::Known(self.coin(coin))),
            ["withdrawals"] => self.prepare_withdrawal(body, now),
            ["deposits"] => self.prepare_deposit(body, now),
            ["melts"] => self.prepare_melt(body, now),
            ["melts", melt, "reveal"] => self.prepare_reveal(melt, body, now),
            ["recoups"] => self.prepare_recoup(body),
            ["refunds"] => self.prepare_refund(body, now),
            ["transfers"] => self.prepare_transfer(body, now, from),
            ["transfers", name] => Ok(Prepared::Known(self.transfer(name, now)?)),
            ["transfers", name, "acceptance"] => {
                self.prepare_acceptance(name, &read::<AcceptanceBody>(body)?, now, from)
            }
            ["transfers", name, "cancellation"] => {
                self.prepare_cancellation(name, &read::<CancellationBody>(body)?, from)
            }
            _ => Err(Reply::problem_with(
                Code::NOT_FOUND,
                serde_json::json!({ "detail": format!("nothing is at {path}") }),
            )),
        }
    }

    /// Makes the change, all or nothing, as the ledger stands now.
    pub(super) fn commit(&mut self, prepared: Prepared, bank: &Bank) -> Reply {
        let done = match prepared {
            Prepared::Known(reply) => Ok(reply),
            Prepared::Withdrawal(checked, signatures) => self.withdraw(checked, signatures, bank),
            Prepared::Deposit(checked, answer) => self.deposit(&checked, answer),
            Prepared::Melt(checked, status) => self.melt(&checked, status),
            Prepared::Reveal(melt, revealed) => self.reveal(&melt, revealed),
            Prepared::Void(melt) => self.void(&melt),
            Prepared::Recoup(checked) => self.recoup(&checked),
            Prepared::Refund(order) => self.refund(&order),
            Prepared::Transfer(checked, text, coins, answer, from) => self.pay_in(checked, text, coins, answer, from),
            Prepared::Decision(name, decision, from) => self.decide(&name, decision, from),
        };
        done.unwrap_or_else(|refusal| refusal)
    }

    /// What a defective mint says before it knows; `None` from a good one.
    pub(super) fn hasty_answer(&self, prepared: &Prepared) -> Option<Reply> {
        match prepared {
            Prepared::Deposit(_, answer) if self.defect == Some(Defect::AnswersTooEarly) => Some(Reply::json(answer)),
            _ => None,
        }
    }

    /// A replica has died: what it had not committed is gone, and nothing else.
    pub(super) fn replica_died(&mut self) {
        if self.defect == Some(Defect::ForgetsMelts) {
            self.ledger.melts.clear();
        }
    }

    fn value(&self, denomination: &Digest) -> u64 {
        self.keys.find(denomination).map_or(0, |found| found.value.minor())
    }

    fn debited(&self, reserve: &str) -> u64 {
        self.ledger.withdrawals.get(reserve).into_iter().flatten().map(|(_, debited, _)| debited).sum()
    }

    fn reserve(&self, reserve: &str, bank: &Bank) -> Reply {
        let paid = self.credited(reserve, bank);
        if paid == 0 {
            return Reply::problem(Code::RESERVE_UNKNOWN);
        }
        let withdrawals = self.ledger.withdrawals.get(reserve).into_iter().flatten();
        let withdrawals = withdrawals.map(|(_, _, done)| done.clone()).collect();
        Reply::json(&ReserveStatus { balance: cents(paid.saturating_sub(self.debited(reserve))), withdrawals })
    }

    fn prepare_withdrawal(&self, body: &[u8], now: UnixSeconds) -> Result<Prepared, Refusal> {
        let body: WithdrawalBody = read(body)?;
        let (asked, mut known) = (digest_of(&body.request), self.ledger.withdrawals.values().flatten());
        if let Some((.., done)) = known.find(|(digest, ..)| *digest == asked)
            && self.defect != Some(Defect::DebitsTwice)
        {
            return Ok(Prepared::Known(Reply::json(&Signatures { signatures: done.signatures.clone() })));
        }
        let checked =
            check_withdrawal(&self.keys, &body.request, now, self.verifier).map_err(|error| refuse(&error))?;
        let batch = checked.request.batch.iter();
        let batch: Vec<_> = batch.map(|p| Planchet { denomination: p.denomination, blinded: p.blinded }).collect();
        let signatures = self.sign(&batch)?;
        Ok(Prepared::Withdrawal(checked, signatures))
    }

    fn withdraw(&mut self, checked: CheckedWithdrawal, signatures: Vec<Bytes>, bank: &Bank) -> Result<Reply, Refusal> {
        let (reserve, digest) = (checked.reserve.to_text(), checked.request.digest());
        let twice = self.defect == Some(Defect::DebitsTwice);
        let total = checked.total.minor();
        let left = self.credited(&reserve, bank).saturating_sub(self.debited(&reserve));
        let known = self.ledger.withdrawals.entry(reserve).or_default();
        if let Some((_, debited, done)) = known.iter_mut().find(|(other, ..)| *other == digest) {
            if twice {
                *debited += total;
            }
            return Ok(Reply::json(&Signatures { signatures: done.signatures.clone() }));
        }
        if left < total {
            return Err(Reply::problem(Code::FUNDS_INSUFFICIENT));
        }
        // A planchet is signed once, and coins are numbered on from all that were.
        let signed = |planchet: &PlanchetMessage| known.iter().any(|(.., done)| done.batch.contains(planchet));
        let count: usize = known.iter().map(|(.., done)| done.batch.len()).sum();
        let unaware = checked.request.first.is_some_and(|first| usize::try_from(first) != Ok(count));
        if checked.request.batch.iter().any(signed) || unaware {
            return Err(Reply::problem(Code::REQUEST_CONFLICT));
        }
        let answer = Reply::json(&Signatures { signatures: signatures.clone() });
        let batch = checked.request.batch.clone();
        known.push((digest, total, Withdrawn { batch, signatures }));
        Ok(answer)
    }

    fn sign(&self, planchets: &[Planchet]) -> Result<Vec<Bytes>, Refusal> {
        let sign = |planchet: &Planchet| {
            let key = &self.keys.find(&planchet.denomination).map_err(|error| refuse(&error))?.key;
            let signer = self.signers.iter().find(|signer| signer.public_key() == key);
            let signer = signer.ok_or_else(|| Reply::problem(Code::DENOMINATION_UNKNOWN))?;
            let signature = signer.sign(&planchet.blinded).map_err(|_| Reply::problem(Code::INTERNAL))?;
            Ok(Bytes(signature.to_vec()))
        };
        planchets.iter().map(sign).collect()
    }

    /// Draws on a coin, unless this very statement drew on it before.
    fn draw(
        &mut self,
        coin: &PublicKey,
        denomination: &Digest,
        amount: u64,
        digest: Digest,
        compact: &str,
    ) -> Result<(), Refusal> {
        let takes_anything = self.defect == Some(Defect::TakesSpentCoins);
        let value = self.value(denomination);
        let fresh = || Coin { denomination: *denomination, spent: 0, value, draws: BTreeMap::new(), melts: Vec::new() };
        let known = self.ledger.coins.entry(coin.to_text()).or_insert_with(fresh);
        if known.draws.contains_key(&digest) {
            return Ok(());
        }
        if known.spent + amount > known.value && !takes_anything {
            let spent: Vec<&String> = known.draws.values().collect();
            let proof = serde_json::json!({"coin": coin, "spent": spent});
            return Err(Reply::problem_with(Code::COIN_ALREADY_SPENT, proof));
        }
        known.spent += amount;
        known.draws.insert(digest, compact.to_owned());
        Ok(())
    }

    fn prepare_deposit(&self, body: &[u8], now: UnixSeconds) -> Result<Prepared, Refusal> {
        let body: DepositBody = read(body)?;
        let checked = match check_deposit(&self.keys, &body, now, self.verifier) {
            Ok(checked) => checked,
            // It may have been good when it came first.
            Err(error) => return self.deposited_before(&body).ok_or_else(|| refuse(&error)),
        };
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
        Ok(Prepared::Deposit(checked, answer))
    }

    fn deposit(&mut self, checked: &CheckedDeposit, answer: DepositAnswer) -> Result<Reply, Refusal> {
        let twice = self.defect == Some(Defect::OwesTwice);
        if let Some(known) = self.ledger.deposits.get_mut(&checked.deal) {
            if twice {
                known.total += checked.total.minor();
            }
            return Ok(Reply::json(&known.answer));
        }
        self.draw_all(&checked.permissions)?;
        let reply = Reply::json(&answer);
        self.ledger.deposits.insert(checked.deal, refunds::Deposit::new(checked, answer));
        Ok(reply)
    }

    /// Draws on all the coins, or on none.
    fn draw_all(&mut self, permissions: &[CheckedPermission]) -> Result<(), Refusal> {
        let names: Vec<String> = permissions.iter().map(|permission| permission.coin.to_text()).collect();
        let before: Vec<Option<Coin>> = names.iter().map(|name| self.ledger.coins.get(name).cloned()).collect();
        for taken in permissions {
            let permission = &taken.permission;
            let (denomination, amount) = (&permission.denomination, permission.amount.minor());
            let drawn = self.draw(&taken.coin, denomination, amount, permission.digest(), permission.compact());
            if let Err(refusal) = drawn {
                if self.defect != Some(Defect::KeepsRefusedCoins) {
                    self.roll_back(names, before);
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn roll_back(&mut self, names: Vec<String>, before: Vec<Option<Coin>>) {
        for (name, coin) in names.into_iter().zip(before) {
            match coin {
                Some(coin) => drop(self.ledger.coins.insert(name, coin)),
                None => drop(self.ledger.coins.remove(&name)),
            }
        }
    }

    fn prepare_melt(&mut self, body: &[u8], now: UnixSeconds) -> Result<Prepared, Refusal> {
        let body: MeltBody = read(body)?;
        let checked = match check_melt(&self.keys, &body.melt, now, self.verifier) {
            Ok(checked) => checked,
            // It may have been good when it came first.
            Err(error) => {
                let known = self.find_melt(&digest_of(&body.melt).to_string());
                let (_, known) = known.map_err(|_| refuse(&error))?;
                return Ok(Prepared::Known(Reply::json(&MeltAnswer { confirmation: known.confirmation.clone() })));
            }
        };
        self.gamma = (self.gamma + 1) % KAPPA;
        let confirmation = MeltConfirmation { melt: checked.melt.digest(), gamma: self.gamma };
        let confirmation = Signed::sign(confirmation, &self.signer).to_compact();
        let status = MeltStatus { melt: body.melt, confirmation, revealed: None, void: false };
        Ok(Prepared::Melt(checked, status))
    }

    fn melt(&mut self, checked: &CheckedMelt, status: MeltStatus) -> Result<Reply, Refusal> {
        let (name, digest) = (checked.coin.to_text(), checked.melt.digest());
        if let Some((_, index)) = self.ledger.melts.get(&digest.to_string()) {
            let known = self.ledger.coins.get(&name).and_then(|coin| coin.melts.get(*index));
            let known = known.ok_or_else(|| Reply::problem(Code::INTERNAL))?;
            return Ok(Reply::json(&MeltAnswer { confirmation: known.confirmation.clone() }));
        }
        let last = self.ledger.coins.get(&name).and_then(|coin| coin.melts.last());
        let last = last.and_then(|last| last.melt.peek_unverified().ok()).map(|last| last.sequence);
        if last.is_some_and(|last| checked.melt.sequence <= last) {
            return Err(Reply::problem(Code::REQUEST_CONFLICT));
        }
        let (denomination, amount) = (checked.melt.denomination, checked.melt.amount.minor());
        self.draw(&checked.coin, &denomination, amount, digest, checked.melt.compact())?;
        let reply = Reply::json(&MeltAnswer { confirmation: status.confirmation.clone() });
        let coin = self.ledger.coins.get_mut(&name).ok_or_else(|| Reply::problem(Code::INTERNAL))?;
        self.ledger.melts.insert(digest.to_string(), (checked.coin.clone(), coin.melts.len()));
        coin.melts.push(status);
        Ok(reply)
    }

    fn find_melt(&self, melt: &str) -> Result<(&PublicKey, &MeltStatus), Refusal> {
        let unknown = || Reply::problem(Code::MELT_UNKNOWN);
        let (coin, index) = self.ledger.melts.get(melt).ok_or_else(unknown)?;
        let known = self.ledger.coins.get(&coin.to_text()).and_then(|coin| coin.melts.get(*index));
        Ok((coin, known.ok_or_else(unknown)?))
    }

    fn prepare_reveal(&self, melt: &str, body: &[u8], now: UnixSeconds) -> Result<Prepared, Refusal> {
        let reveal: Reveal = read(body)?;
        let (coin, status) = self.find_melt(melt)?;
        if let Some(revealed) = &status.revealed {
            return Ok(Prepared::Known(Reply::json(&Signatures { signatures: revealed.signatures.clone() })));
        }
        if status.void {
            return Err(Reply::problem(Code::DENOMINATION_EXPIRED));
        }
        let broken = |_| Reply::problem(Code::INTERNAL);
        let payload = status.melt.peek_unverified().map_err(broken)?;
        let gamma = status.confirmation.peek_unverified().map_err(broken)?.gamma;
        let planchets = check_reveal(&self.keys, coin, &payload, gamma, &reveal).map_err(|error| refuse(&error))?;
        if !payload.outputs.iter().all(|output| self.signs(output, now)) {
            return Ok(Prepared::Void(melt.to_owned()));
        }
        let signatures = self.sign(&planchets)?;
        Ok(Prepared::Reveal(melt.to_owned(), Revealed { transfer_public: reveal.transfer_public, signatures }))
    }

    fn reveal(&mut self, melt: &str, revealed: Revealed) -> Result<Reply, Refusal> {
        let unknown = || Reply::problem(Code::MELT_UNKNOWN);
        let (coin, index) = self.ledger.melts.get(melt).cloned().ok_or_else(unknown)?;
        let coin = self.ledger.coins.get_mut(&coin.to_text());
        let status = coin.and_then(|coin| coin.melts.get_mut(index)).ok_or_else(unknown)?;
        if status.void {
            return Err(Reply::problem(Code::DENOMINATION_EXPIRED));
        }
        let first = status.revealed.get_or_insert(revealed);
        Ok(Reply::json(&Signatures { signatures: first.signatures.clone() }))
    }

    /// Gives the amount of a melt back to its coin, once, unless it was revealed meanwhile.
    fn void(&mut self, melt: &str) -> Result<Reply, Refusal> {
        let unknown = || Reply::problem(Code::MELT_UNKNOWN);
        let (coin, index) = self.ledger.melts.get(melt).cloned().ok_or_else(unknown)?;
        let coin = self.ledger.coins.get_mut(&coin.to_text()).ok_or_else(unknown)?;
        let status = coin.melts.get_mut(index).ok_or_else(unknown)?;
        if !status.void && status.revealed.is_none() {
            status.void = true;
            coin.spent -= amount(status);
        }
        Err(Reply::problem(Code::DENOMINATION_EXPIRED))
    }

    fn coin(&self, name: &str) -> Reply {
        match self.ledger.coins.get(name) {
            None => Reply::problem(Code::COIN_UNKNOWN),
            Some(coin) => Reply::json(&CoinStatus {
                remaining: cents(coin.value.saturating_sub(coin.spent)),
                melts: coin.melts.clone(),
                pending: self.pending_of(name),
                refunds: Vec::new(),
            }),
        }
    }
}

/// The checks of signatures, made once.
pub(super) fn verifier() -> Outcome<&'static Native> {
    static VERIFIER: OnceLock<Native> = OnceLock::new();
    match VERIFIER.get() {
        Some(verifier) => Ok(verifier),
        None => {
            let made = Native::new()?;
            Ok(VERIFIER.get_or_init(|| made))
        }
    }
}

fn amount(status: &MeltStatus) -> u64 {
    status.melt.peek_unverified().map_or(0, |melt| melt.amount.minor())
}

/// The digest of a statement whose signature is not looked at.
fn digest_of<T: Statement>(compact: &Compact<T>) -> Digest {
    compact.as_str().rsplit_once('.').map_or_else(|| Digest::of(b""), |(input, _)| Digest::of(input.as_bytes()))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    semper_shared::foundation::json::from_slice(body).map_err(|_| Reply::problem(Code::JSON_MALFORMED))
}

fn refuse(error: &EcashError) -> Reply {
    Reply::problem(error.code())
}
