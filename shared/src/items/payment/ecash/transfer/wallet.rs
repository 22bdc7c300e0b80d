//! The wallet's side: what it has sent, paid, received and asked for.

use serde::{Deserialize, Serialize};

use super::checks::read_transfer;
use super::{
    Acceptance, AcceptanceBody, Cancellation, CancellationBody, Link, MAX_PURPOSE, RETURN_S, Terms, Transfer,
    TransferBody, TransferRequest, TransferStatus,
};
use crate::foundation::{Amount, Digest, UnixSeconds, base64};
use crate::items::payment::ecash::{CoinStatus, EcashError, EcashPayer, KeptCoin, Permission, PurseCoin};
use crate::items::payment::{Bill, PayerModule};
use crate::items::statement::{Compact, Signed};
use crate::security::{PublicKey, Signer, SigningKey, Thumbprint, Verifier};

/// Who pays whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Sent by this wallet, by a link.
    Sent,
    /// Paid by this wallet, which was asked to.
    Paid,
    /// Sent to this wallet, by a link.
    Received,
    /// Asked for by this wallet.
    Requested,
    /// From this wallet to itself: many coins become one.
    Gathered,
}

/// How far a transfer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Passed {
    /// Made and stored; the mint has not answered yet.
    Begun,
    /// Waits for the other person.
    Open,
    /// The money has changed hands.
    Done,
    /// It has not, and will not.
    Returned,
}

/// A transfer in the purse.
#[derive(Clone, Serialize, Deserialize)]
pub struct TransferRecord {
    /// The digest of its statement, which names it here.
    pub digest: Digest,
    /// Who pays whom.
    pub direction: Direction,
    /// How far it has come.
    pub passed: Passed,
    /// The number of its key, where it was sent; else of the reserve that it is to fill.
    pub index: u32,
    /// How much.
    pub amount: Amount,
    /// What for.
    pub purpose: String,
    /// Until when it can be accepted, or paid.
    pub expires_at: UnixSeconds,
    /// When this wallet made or took it.
    pub at: UnixSeconds,
    /// Its statement, compact.
    pub statement: String,
    /// The key that came in the link, where it was received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    /// What its coins signed, where they were this wallet's.
    pub permissions: Vec<Compact<Permission>>,
    /// What is kept of its coins, to which it may come back.
    pub coins: Vec<KeptCoin>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
struct Key(#[serde(with = "base64::array")] [u8; 32]);

impl TransferRecord {
    fn new(digest: Digest, direction: Direction, index: u32, terms: Terms, statement: &str, now: UnixSeconds) -> Self {
        Self {
            digest,
            direction,
            passed: Passed::Begun,
            index,
            amount: terms.amount,
            purpose: terms.purpose,
            expires_at: terms.expires_at,
            at: now,
            statement: statement.to_owned(),
            key: None,
            permissions: Vec::new(),
            coins: Vec::new(),
        }
    }

    /// What the mint is asked to take.
    pub fn body(&self) -> TransferBody {
        TransferBody { transfer: self.statement.clone(), permissions: self.permissions.clone() }
    }
}

impl EcashPayer {
    /// The key of a transfer that this wallet sends.
    pub fn transfer_key(&self, mint: &Thumbprint, index: u32) -> SigningKey {
        self.seed.derive_key("ecash/transfer", &[mint.as_bytes(), &index.to_be_bytes()])
    }

    /// Every transfer, with its mint.
    pub fn transfers(&self) -> impl Iterator<Item = (Thumbprint, &TransferRecord)> {
        self.purse.mints.iter().flat_map(|(mint, held)| held.transfers.iter().map(|record| (*mint, record)))
    }

    /// The transfer of this digest.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn transfer(&self, transfer: &Digest) -> Result<(Thumbprint, &TransferRecord), EcashError> {
        self.transfers().find(|(_, record)| record.digest == *transfer).ok_or(EcashError::Unknown("transfer"))
    }

    /// Records how far a transfer has come.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn pass(&mut self, transfer: &Digest, passed: Passed) -> Result<&mut TransferRecord, EcashError> {
        let mut records = self.purse.mints.values_mut().flat_map(|held| &mut held.transfers);
        let record = records.find(|record| record.digest == *transfer).ok_or(EcashError::Unknown("transfer"))?;
        record.passed = passed;
        Ok(record)
    }

    /// Sends: signs a transfer with its own key, and coins over to it.
    ///
    /// # Errors
    /// [`EcashError::Insufficient`] where the mint's coins at hand are not enough.
    pub fn send(&mut self, terms: Terms, now: UnixSeconds) -> Result<Digest, EcashError> {
        check_purpose(&terms)?;
        let mint = terms.mint;
        self.keys(&mint)?.document().policy.check_transfer(terms.amount)?;
        let known = &self.mint_purse(&mint)?.transfers;
        let sent = known.iter().filter(|record| record.direction == Direction::Sent);
        let index = sent.map(|record| record.index + 1).max().unwrap_or(0);
        let transfer = Signed::sign_self_keyed(Transfer(terms.clone()), &self.transfer_key(&mint, index));
        // What comes back at the latest moment must still be good then.
        let good_until = terms.expires_at.plus(RETURN_S);
        let record = TransferRecord::new(transfer.digest(), Direction::Sent, index, terms, transfer.compact(), now);
        self.pay_into(mint, transfer.signer(), record, good_until)
    }

    /// Pays what somebody asks for: signs coins over to the request.
    ///
    /// # Errors
    /// [`EcashError`] where the request is not valid or expired, or the mint's coins at hand are not enough.
    pub fn pay_request(
        &mut self,
        request: &str,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Digest, EcashError> {
        let read = read_transfer(request, verifier)?;
        if read.terms.expires_at < now {
            return Err(EcashError::TransferExpired);
        }
        let (mint, signer) = (read.terms.mint, read.signer);
        let record = TransferRecord::new(read.digest, Direction::Paid, 0, read.terms, request, now);
        self.pay_into(mint, signer, record, now)
    }

    fn pay_into(
        &mut self,
        mint: Thumbprint,
        payee: Thumbprint,
        mut record: TransferRecord,
        good_until: UnixSeconds,
    ) -> Result<Digest, EcashError> {
        if self.transfers().any(|(_, known)| known.digest == record.digest) {
            return Err(EcashError::Unknown("second payment of the same request"));
        }
        let (deal, total) = (record.digest, record.amount);
        let bill = Bill { deal, payee, total, refund_by: record.expires_at };
        let pledged = self.pledge(&mint, &bill, good_until);
        record.permissions = pledged.ok_or_else(|| self.shortfall(&mint, total, good_until))?;
        if record.direction == Direction::Sent {
            record.coins = self.keep(&deal);
        }
        self.mint_purse_mut(&mint)?.transfers.push(record);
        Ok(deal)
    }

    /// The mint has the coins of a transfer: what is left of them is change now.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn paid_in(&mut self, transfer: &Digest) -> Result<(), EcashError> {
        let (_, record) = self.transfer(transfer)?;
        let paid = record.direction == Direction::Paid;
        PayerModule::settled(self, transfer);
        self.pass(transfer, if paid { Passed::Done } else { Passed::Open })?;
        Ok(())
    }

    /// The coins that a transfer, which the mint says was returned, is to be taken back from.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn coins_to_return(&self, transfer: &Digest) -> Result<Vec<String>, EcashError> {
        let coins = &self.transfer(transfer)?.1.coins;
        coins.iter().map(|kept| Ok(PublicKey::from_sec1(&kept.key())?.to_text())).collect()
    }

    /// Takes back what the mint says is left of a coin of a transfer that was returned.
    ///
    /// # Errors
    /// [`EcashError::Unknown`], or [`EcashError::Peer`] where the mint keeps it.
    pub fn returned(
        &mut self,
        transfer: &Digest,
        name: &str,
        status: &CoinStatus,
        verifier: &dyn Verifier,
    ) -> Result<(), EcashError> {
        let (_, record) = self.transfer(transfer)?;
        let coin = PublicKey::from_text(name)?;
        let mut signed = record.permissions.iter().filter_map(|permission| permission.verify_self_keyed(verifier).ok());
        let (permission, _) = signed.find(|(_, key)| *key == coin).ok_or(EcashError::Unknown("permission"))?;
        let key = coin.to_compressed();
        let kept = record.coins.iter().find(|kept| kept.key() == key).cloned().ok_or(EcashError::Unknown("coin"))?;
        self.take_refund(&kept, &permission, permission.amount, status, verifier)?;
        self.pass(transfer, Passed::Open)?.coins.retain(|kept| kept.key() != key);
        Ok(())
    }

    /// The order that a transfer which this wallet sent shall go back.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn cancel(&self, transfer: &Digest, now: UnixSeconds) -> Result<CancellationBody, EcashError> {
        let (mint, record) = self.transfer(transfer)?;
        let cancellation = Cancellation { mint, transfer: *transfer, cancelled_at: now };
        let key = self.transfer_key(&mint, record.index);
        Ok(CancellationBody { cancellation: Signed::sign_self_keyed(cancellation, &key).to_compact() })
    }

    /// Takes a transfer that came in a link, for a reserve of its own.
    ///
    /// # Errors
    /// [`EcashError`] where the mint's answer is not the transfer of this key.
    pub fn receive(
        &mut self,
        key: &SigningKey,
        status: &TransferStatus,
        now: UnixSeconds,
        verifier: &dyn Verifier,
    ) -> Result<Digest, EcashError> {
        let read = read_transfer(&status.transfer, verifier)?;
        if read.signer != key.public_key().thumbprint() || read.reserve.is_some() {
            return Err(EcashError::Peer("it answered with another transfer"));
        }
        if self.transfers().any(|(_, known)| known.digest == read.digest) {
            return Ok(read.digest);
        }
        let mint = read.terms.mint;
        let index = self.open_reserve(&mint, read.terms.amount, now)?;
        self.mint_purse_mut(&mint)?.reserve_mut(index)?.transfer = Some(read.digest);
        let mut record =
            TransferRecord::new(read.digest, Direction::Received, index, read.terms, &status.transfer, now);
        record.key = Some(Key(*key.to_bytes()));
        self.mint_purse_mut(&mint)?.transfers.push(record);
        Ok(read.digest)
    }

    /// The acceptance of a received transfer: the same each time, since it is dated by the record.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn accept(&self, transfer: &Digest) -> Result<AcceptanceBody, EcashError> {
        let (mint, record) = self.transfer(transfer)?;
        let key = record.key.as_ref().ok_or(EcashError::Unknown("transfer's key"))?;
        let reserve = self.reserve_key(&mint, record.index);
        let named = reserve.public_key().thumbprint();
        let acceptance = Acceptance { mint, transfer: *transfer, reserve: named, accepted_at: record.at };
        Ok(AcceptanceBody {
            by_transfer: Signed::sign_self_keyed(acceptance.clone(), &SigningKey::from_bytes(&key.0)?).to_compact(),
            by_reserve: Signed::sign_self_keyed(acceptance, &reserve).to_compact(),
        })
    }

    /// Asks for money: a request signed by a reserve of its own.
    ///
    /// # Errors
    /// [`EcashError`] where the mint is not known or has no coins for the amount.
    pub fn request(&mut self, terms: Terms, now: UnixSeconds) -> Result<Digest, EcashError> {
        check_purpose(&terms)?;
        let mint = terms.mint;
        self.keys(&mint)?.document().policy.check_transfer(terms.amount)?;
        let index = self.open_reserve(&mint, terms.amount, now)?;
        let request = Signed::sign_self_keyed(TransferRequest(terms.clone()), &self.reserve_key(&mint, index));
        self.mint_purse_mut(&mint)?.reserve_mut(index)?.transfer = Some(request.digest());
        let mut record =
            TransferRecord::new(request.digest(), Direction::Requested, index, terms, request.compact(), now);
        record.passed = Passed::Open;
        self.mint_purse_mut(&mint)?.transfers.push(record);
        Ok(request.digest())
    }

    /// The link of a transfer that waits for the other person.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn link(&self, transfer: &Digest) -> Result<Link, EcashError> {
        let (mint, record) = self.transfer(transfer)?;
        let mint_url = self.mint_purse(&mint)?.url.clone();
        match record.direction {
            Direction::Sent => Ok(Link::Receive { key: self.transfer_key(&mint, record.index), mint_url }),
            Direction::Requested => Ok(Link::Pay { request: record.statement.clone(), mint_url }),
            Direction::Paid | Direction::Received | Direction::Gathered => Err(EcashError::Unknown("link")),
        }
    }

    /// Gives the reserve of a transfer up that will not fill it: its number is free again, so that a search by number never
    /// meets a long gap.
    ///
    /// # Errors
    /// [`EcashError::Unknown`].
    pub fn give_up(&mut self, transfer: &Digest) -> Result<(), EcashError> {
        let (mint, _) = self.transfer(transfer)?;
        self.pass(transfer, Passed::Returned)?;
        self.mint_purse_mut(&mint)?.reserves.retain(|reserve| reserve.transfer != Some(*transfer));
        Ok(())
    }

    /// Takes back a transfer that this wallet sent in another life, with the coins that it may still get back.
    ///
    /// # Errors
    /// [`EcashError::Peer`] where the mint's answer is not the transfer of that number.
    pub fn restore_transfer(
        &mut self,
        mint: &Thumbprint,
        index: u32,
        status: &TransferStatus,
        coins: &[(Digest, Amount, PurseCoin)],
        (now, verifier): (UnixSeconds, &dyn Verifier),
    ) -> Result<(), EcashError> {
        let read = read_transfer(&status.transfer, verifier)?;
        if read.signer != self.transfer_key(mint, index).public_key().thumbprint() || read.terms.mint != *mint {
            return Err(EcashError::Peer("it answered with another transfer"));
        }
        let held = self.mint_purse_mut(mint)?;
        if held.transfers.iter().any(|known| known.digest == read.digest) {
            return Ok(());
        }
        let mut record = TransferRecord::new(read.digest, Direction::Sent, index, read.terms, &status.transfer, now);
        for (_, amount, coin) in coins.iter().filter(|(transfer, ..)| *transfer == read.digest) {
            let permission = Permission {
                mint: *mint,
                merchant: read.signer,
                deal: read.digest,
                amount: *amount,
                denomination: coin.denomination,
                signature: *coin.signature(),
                refund_by: record.expires_at,
            };
            record.permissions.push(Signed::sign_self_keyed(permission, &coin.secret().key()).to_compact());
            record.coins.push(KeptCoin::of(coin));
        }
        record.passed = Passed::Open;
        held.transfers.push(record);
        Ok(())
    }
}

fn check_purpose(terms: &Terms) -> Result<(), EcashError> {
    let fits = terms.purpose.chars().count() <= MAX_PURPOSE && !terms.purpose.chars().any(char::is_control);
    if fits && !terms.amount.is_zero() {
        Ok(())
    } else {
        Err(EcashError::Malformed("an amount above zero, and a purpose of at most 100 characters on one line"))
    }
}
