//! Cash from person to person: sent or asked for by a link.
//!
//! ```text
//! send      transfer and coins, stored ──▶ mint ──▶ link ──▶ accepted by the other person | back in the coins
//! request   reserve, request, stored ──▶ link ──▶ paid by the other person ──▶ coins
//! receive   transfer of the link, reserve, stored ──▶ acceptance ──▶ coins
//! pay       request of the link, coins, stored ──▶ mint
//! ```
//!
//! Each is a record in the purse that says how far it has come, and is asked again in the same words after a crash.

use semper_shared::foundation::table::in_order;
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds};
use semper_shared::items::payment::ErasedPayer;
use semper_shared::items::payment::ecash::CoinStatus;
use semper_shared::items::payment::ecash::transfer::{
    Direction, Link, Passed, RETURN_S, Terms, TransferAnswer, TransferRecord, TransferState, TransferStatus,
    read_transfer,
};
use semper_shared::security::{Portable, Signer, SigningKey, Thumbprint};
use serde::Serialize;

use super::buy::is_for_good;
use super::call::Progress;
use super::mints::{MintName, address, fetch_keys};
use super::net::{Problem, Reply, ask, ask_json, ask_known, get, host_of, join, peer, post, read_json, refused};
use super::ports::Ports;
use super::records::Touched;
use super::topup::Cost;
use super::{Wallet, WalletError};

/// What a mint means by [`Code::TRANSFER_ACCEPTED`].
const ACCEPTED: &str = "the money was taken already";

/// A transfer in the list. Whoever has its link has the money, so that it shows itself nowhere.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TransferView {
    /// Its name in this wallet.
    pub transfer: Digest,
    /// Who pays whom.
    pub direction: Direction,
    /// How far it has come.
    pub state: Passed,
    /// How much.
    pub amount: Amount,
    /// What for.
    pub purpose: String,
    /// When this wallet made or took it.
    pub at: UnixSeconds,
    /// Until when it can be accepted, or paid.
    pub expires_at: UnixSeconds,
    /// Whether that is over.
    pub expired: bool,
    /// The mint.
    pub mint: MintName,
    /// The part of the link after `#`, for as long as it waits for the other person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

impl core::fmt::Debug for TransferView {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TransferView({}, {:?}, {:?})", self.transfer, self.direction, self.state)
    }
}

/// What a link from somebody says, verified. Nothing is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LinkView {
    /// `receive` or `pay`.
    pub kind: &'static str,
    /// How much.
    pub amount: Amount,
    /// What for, in the words of the other person.
    pub purpose: String,
    /// Until when.
    pub expires_at: UnixSeconds,
    /// Whether that is over.
    pub expired: bool,
    /// Where it stands at the mint; a request's is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<TransferState>,
    /// The mint.
    pub mint: MintName,
    /// Whether this wallet has cash there, or had.
    pub known: bool,
    /// What this wallet could pay at once.
    pub available: Amount,
    /// What the mint takes for paying it beside the amount, where it takes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Amount>,
    /// The same in this wallet, where it was begun or made here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub here: Option<Digest>,
}

impl<P: Ports> Wallet<P> {
    /// Sends cash to whoever gets the link of the answer, until `expires_s` seconds from now.
    ///
    /// # Errors
    /// Where there is not enough, or the mint refuses; open errors where [`Wallet::resume`] goes on later.
    pub async fn send_person(
        &mut self,
        amount: Amount,
        purpose: &str,
        expires_s: u64,
    ) -> Result<TransferView, WalletError> {
        let mint = self.mint_for(amount).await?;
        self.make_ready(&mint, amount).await?;
        self.may_send(amount)?;
        let now = self.now();
        let terms = Terms { mint, amount, purpose: purpose.to_owned(), expires_at: now.plus(expires_s) };
        let transfer = self.change()?.payer.send(terms, now)?;
        self.save(Touched::purse()).await?;
        self.finish_transfer(&transfer).await?;
        self.transfer_view(&transfer)
    }

    /// What sending an amount costs beside it.
    ///
    /// # Errors
    /// Where there is not enough, or it is in too many coins.
    pub async fn send_cost(&mut self, amount: Amount) -> Result<Cost, WalletError> {
        let mint = self.mint_for(amount).await?;
        let (payer, now) = (&self.state()?.payer, self.now());
        let fee = payer.cost(&mint, amount, true, now).ok_or_else(|| payer.shortfall(&mint, amount, now))?;
        Ok(Cost { fee })
    }

    /// Asks for cash, by the link of the answer, until `expires_s` seconds from now.
    ///
    /// # Errors
    /// Where the mint cannot be reached or has no coins for the amount.
    pub async fn request_person(
        &mut self,
        mint_url: &str,
        amount: Amount,
        purpose: &str,
        expires_s: u64,
    ) -> Result<TransferView, WalletError> {
        self.sync().await?;
        self.rescan_if_due().await?;
        let mint = self.trust_mint(mint_url).await?;
        let now = self.now();
        let terms = Terms { mint, amount, purpose: purpose.to_owned(), expires_at: now.plus(expires_s) };
        let transfer = self.change()?.payer.request(terms, now)?;
        self.save(Touched::purse()).await?;
        self.transfer_view(&transfer)
    }

    /// What a link says.
    ///
    /// # Errors
    /// Where it is none, or what it leads to is not what it says.
    pub async fn peek_link(&mut self, link: &str) -> Result<LinkView, WalletError> {
        self.sync().await?;
        let now = self.now();
        let link = Link::parse(link)?;
        let keys = fetch_keys(&self.ports, link.mint_url(), now).await?;
        let (kind, state, text) = match link {
            Link::Receive { key, .. } => {
                let status = self.transfer_status(&keys.url, &key.public_key().thumbprint()).await?;
                ("receive", Some(status.state), status.transfer)
            }
            Link::Pay { request, .. } => ("pay", None, request),
        };
        let read = read_transfer(&text, &Portable)?;
        let mint = keys.key.thumbprint();
        if read.terms.mint != mint || read.reserve.is_some() != (kind == "pay") {
            return Err(peer(&keys.url, "the link is for another mint"));
        }
        let payer = &self.state()?.payer;
        let held = payer.mint_purse(&mint).ok();
        let fee = (kind == "pay").then(|| payer.cost(&mint, read.terms.amount, true, now)).flatten();
        Ok(LinkView {
            kind,
            amount: read.terms.amount,
            purpose: read.terms.purpose,
            expires_at: read.terms.expires_at,
            expired: read.terms.expires_at < now,
            state,
            mint: MintName { url: keys.url.clone(), name: keys.name.clone() },
            known: held.is_some(),
            available: held.map_or(Amount::zero(keys.currency), |held| held.balance()),
            fee: fee.filter(|fee| !fee.is_zero()),
            here: payer.transfer(&read.digest).is_ok().then_some(read.digest),
        })
    }

    /// Takes the cash of a link.
    ///
    /// # Errors
    /// Where it was taken, expired or called off; open errors where [`Wallet::resume`] goes on later.
    pub async fn receive_link(&mut self, link: &str) -> Result<TransferView, WalletError> {
        self.sync().await?;
        let Link::Receive { key, mint_url } = Link::parse(link)? else {
            return Err(WalletError::Request("this link asks for money".to_owned()));
        };
        self.rescan_if_due().await?;
        let mint = self.trust_mint(&mint_url).await?;
        let url = self.mint_url(&mint)?;
        let status = self.transfer_status(&url, &key.public_key().thumbprint()).await?;
        let now = self.now();
        let read = read_transfer(&status.transfer, &Portable)?;
        if read.terms.mint != mint {
            return Err(peer(&url, "the link is for another mint"));
        }
        let known = self.state()?.payer.transfer(&read.digest).map(|(_, record)| record.direction).ok();
        match (known, status.state) {
            (Some(Direction::Received), _) => {}
            (Some(_), _) => return Err(WalletError::Request("this wallet sent it: call it off instead".to_owned())),
            (None, TransferState::Pending) => {
                self.change()?.payer.receive(&key, &status, now, &Portable)?;
                self.save(Touched::purse()).await?;
            }
            (None, over) => {
                let (code, what) = match over {
                    TransferState::Accepted => (Code::TRANSFER_ACCEPTED, ACCEPTED),
                    _ => (Code::TRANSFER_RETURNED, "the money is back with its sender"),
                };
                return Err(WalletError::refused(code, host_of(&url), what.to_owned()));
            }
        }
        self.finish_transfer(&read.digest).await?;
        self.transfer_view(&read.digest)
    }

    /// Pays what a link asks for.
    ///
    /// # Errors
    /// Where it was paid or expired, or there is not enough; open errors where [`Wallet::resume`] goes on later.
    pub async fn pay_link(&mut self, link: &str) -> Result<TransferView, WalletError> {
        self.sync().await?;
        let Link::Pay { request, mint_url } = Link::parse(link)? else {
            return Err(WalletError::Request("this link brings money".to_owned()));
        };
        let read = read_transfer(&request, &Portable)?;
        if self.state()?.payer.transfer(&read.digest).is_err() {
            self.rescan_if_due().await?;
            let mint = self.trust_mint(&mint_url).await?;
            if mint != read.terms.mint {
                return Err(peer(&mint_url, "the link is for another mint"));
            }
            self.make_ready(&mint, read.terms.amount).await?;
            self.may_send(read.terms.amount)?;
            let now = self.now();
            self.change()?.payer.pay_request(&request, now, &Portable)?;
            self.save(Touched::purse()).await?;
        }
        self.finish_transfer(&read.digest).await?;
        self.transfer_view(&read.digest)
    }

    /// Calls a transfer off that was sent and not yet accepted: the cash is back.
    ///
    /// # Errors
    /// [`Code::TRANSFER_ACCEPTED`] where the other person was first.
    pub async fn cancel_transfer(&mut self, transfer: &Digest) -> Result<TransferView, WalletError> {
        self.sync().await?;
        self.finish_transfer(transfer).await?;
        let (mint, record) = self.state()?.payer.transfer(transfer)?;
        if (record.direction, record.passed) == (Direction::Sent, Passed::Open) {
            let name = self.state()?.payer.transfer_key(&mint, record.index).public_key().thumbprint();
            let body = self.state()?.payer.cancel(transfer, self.now())?;
            let url = address(&self.mint_url(&mint)?, "transfers", &format!("{name}/cancellation"));
            match ask(&self.ports, &post(url.clone(), &body)?).await? {
                Reply::Problem(_, problem) if problem.code != Some(Code::TRANSFER_ACCEPTED) => {
                    return Err(refused(&url, problem));
                }
                // Whatever was decided, the mint is asked what it is.
                _ => self.finish_transfer(transfer).await?,
            }
        }
        let view = self.transfer_view(transfer)?;
        match view.state {
            Passed::Done => {
                let (host, code) = (host_of(&view.mint.url), Code::TRANSFER_ACCEPTED);
                Err(WalletError::refused(code, host, ACCEPTED.to_owned()))
            }
            _ => Ok(view),
        }
    }

    /// All transfers, the newest first.
    ///
    /// # Errors
    /// [`WalletError::Locked`].
    pub async fn transfers(&mut self) -> Result<Vec<TransferView>, WalletError> {
        self.sync().await?;
        let people = self.state()?.payer.transfers().filter(|(_, record)| record.direction != Direction::Gathered);
        let digests: Vec<_> = people.map(|(_, record)| (record.at, record.digest)).collect();
        let newest_first = in_order(digests, |(at, _)| core::cmp::Reverse(*at));
        newest_first.iter().map(|(_, digest)| self.transfer_view(digest)).collect()
    }

    /// The transfers that are not at their end.
    pub(super) fn open_transfers(&self) -> Result<Vec<Digest>, WalletError> {
        let open = |record: &TransferRecord| matches!(record.passed, Passed::Begun | Passed::Open);
        let transfers = self.state()?.payer.transfers().filter(|(_, record)| open(record));
        Ok(transfers.map(|(_, record)| record.digest).collect())
    }

    /// Goes on with a transfer, wherever it stands. One that waits for the other person is left waiting.
    pub(super) async fn finish_transfer(&mut self, transfer: &Digest) -> Result<(), WalletError> {
        let (mint, record) = self.state()?.payer.transfer(transfer)?;
        let (direction, passed, index) = (record.direction, record.passed, record.index);
        match (direction, passed) {
            (Direction::Sent | Direction::Paid, Passed::Begun) => self.pay_in(&mint, transfer).await,
            (Direction::Gathered, Passed::Begun) => {
                self.pay_in(&mint, transfer).await?;
                self.fetch_gathered(&mint, transfer, index).await
            }
            (Direction::Gathered, Passed::Open) => self.fetch_gathered(&mint, transfer, index).await,
            (Direction::Sent, Passed::Open) => self.look_after(&mint, transfer, index).await,
            (Direction::Received, Passed::Begun) => self.accept_transfer(&mint, transfer, index).await,
            (Direction::Requested, Passed::Open) => self.await_payment(&mint, transfer, index).await,
            _ => Ok(()),
        }
    }

    /// Hands the coins in.
    async fn pay_in(&mut self, mint: &Thumbprint, transfer: &Digest) -> Result<(), WalletError> {
        let record = self.state()?.payer.transfer(transfer)?.1;
        let (amount, url) = (record.amount, join(&self.mint_url(mint)?, "transfers"));
        let request = post(url.clone(), &record.body())?;
        let body = match ask(&self.ports, &request).await? {
            Reply::Good(body) => body,
            Reply::Problem(status, problem) => return self.not_paid_in((mint, transfer), &url, status, problem).await,
        };
        let answer: TransferAnswer = read_json(&url, &body)?;
        let mint_key = self.state()?.payer.keys(mint)?.document().key.clone();
        let confirmed = answer.confirmation.verify(&mint_key, &Portable)?;
        if (confirmed.transfer, confirmed.amount) != (*transfer, amount) {
            return Err(peer(&url, "it confirmed another transfer"));
        }
        self.change()?.payer.paid_in(transfer)?;
        self.save(Touched::purse()).await
    }

    /// A refusal for good frees the coins, any other leaves the transfer as it is. This wallet signs no coin over twice: where
    /// one was spent before, another device has the money.
    async fn not_paid_in(
        &mut self,
        (mint, transfer): (&Thumbprint, &Digest),
        url: &str,
        status: u16,
        problem: Problem,
    ) -> Result<(), WalletError> {
        if (400..500).contains(&status) && problem.code.is_some_and(is_for_good) {
            let payer = &mut self.change()?.payer;
            // What a wallet asks itself for, nobody pays but another device that made the same request.
            let own = payer.gathering(mint) == Some(*transfer);
            ErasedPayer::refused(payer, transfer);
            payer.pass(transfer, Passed::Returned)?.coins.clear();
            payer.end_gathering(transfer)?;
            if problem.code == Some(Code::COIN_ALREADY_SPENT) || own && problem.code == Some(Code::TRANSFER_ACCEPTED) {
                return Err(self.taken_over().await?);
            }
            self.save(Touched::purse()).await?;
            // The coins were shown: exchange them. What fails now is tried again later.
            if !self.state()?.settings.rescan {
                let _ = self.refresh_mint(mint).await;
            }
        }
        Err(refused(url, problem))
    }

    /// Asks what became of a transfer that was sent.
    async fn look_after(&mut self, mint: &Thumbprint, transfer: &Digest, index: u32) -> Result<(), WalletError> {
        let url = self.mint_url(mint)?;
        let name = self.state()?.payer.transfer_key(mint, index).public_key().thumbprint();
        match self.transfer_status(&url, &name).await?.state {
            TransferState::Pending => return Ok(()),
            TransferState::Accepted => {
                self.change()?.payer.pass(transfer, Passed::Done)?.coins.clear();
            }
            TransferState::Returned => {
                for coin in self.state()?.payer.coins_to_return(transfer)? {
                    let status: CoinStatus = ask_json(&self.ports, &get(address(&url, "coins", &coin))).await?;
                    self.change()?.payer.returned(transfer, &coin, &status, &Portable)?;
                }
                self.change()?.payer.pass(transfer, Passed::Returned)?;
            }
        }
        self.save(Touched::purse()).await?;
        // What came back is known to the mint: it is exchanged. What fails now is tried again later.
        let _ = self.refresh_mint(mint).await;
        Ok(())
    }

    /// Has a transfer merged into its reserve, and fetches the coins.
    async fn accept_transfer(&mut self, mint: &Thumbprint, transfer: &Digest, index: u32) -> Result<(), WalletError> {
        let payer = &self.state()?.payer;
        let name = read_transfer(&payer.transfer(transfer)?.1.statement, &Portable)?.name;
        let url = address(&self.mint_url(mint)?, "transfers", &format!("{name}/acceptance"));
        match ask(&self.ports, &post(url.clone(), &payer.accept(transfer)?)?).await? {
            Reply::Good(_) => {
                self.change()?.payer.pass(transfer, Passed::Done)?;
                self.save(Touched::purse()).await?;
                self.finish_reserve(mint, index, Progress::none()).await.map(|_| ())
            }
            Reply::Problem(status, problem) => {
                if (400..500).contains(&status) && problem.code.is_some_and(is_for_good) {
                    self.change()?.payer.give_up(transfer)?;
                    self.save(Touched::purse()).await?;
                }
                Err(refused(&url, problem))
            }
        }
    }

    /// Looks whether a request was paid, and fetches the coins.
    async fn await_payment(&mut self, mint: &Thumbprint, transfer: &Digest, index: u32) -> Result<(), WalletError> {
        let waits = |reserve: &&semper_shared::items::payment::ecash::Reserve| reserve.index == index && !reserve.done;
        if self.state()?.payer.mint_purse(mint)?.reserves.iter().any(|reserve| waits(&reserve)) {
            self.finish_reserve(mint, index, Progress::none()).await?;
        }
        let payer = &self.state()?.payer;
        if !payer.mint_purse(mint)?.reserves.iter().any(|reserve| waits(&reserve)) {
            self.change()?.payer.pass(transfer, Passed::Done)?;
        } else if payer.transfer(transfer)?.1.expires_at.plus(RETURN_S) < self.now() {
            self.change()?.payer.give_up(transfer)?;
        } else {
            return Ok(());
        }
        self.save(Touched::purse()).await
    }

    async fn transfer_status(&self, mint_url: &str, name: &Thumbprint) -> Result<TransferStatus, WalletError> {
        ask_json(&self.ports, &get(address(mint_url, "transfers", &name.to_string()))).await
    }

    /// The mint with the most cash in the currency of an amount.
    async fn mint_for(&mut self, amount: Amount) -> Result<Thumbprint, WalletError> {
        self.sync().await?;
        self.own()?;
        self.rescan_if_due().await?;
        let mints = self.state()?.payer.purse().mints.iter();
        let fits = mints.filter(|(_, held)| held.currency == amount.currency());
        let best = fits.max_by_key(|(_, held)| held.balance().minor()).map(|(mint, _)| *mint);
        let mint = best.ok_or(semper_shared::items::payment::ecash::EcashError::Insufficient)?;
        self.freshen_mint(&mint).await?;
        Ok(mint)
    }

    fn transfer_view(&self, transfer: &Digest) -> Result<TransferView, WalletError> {
        let payer = &self.state()?.payer;
        let (mint, record) = payer.transfer(transfer)?;
        let held = payer.mint_purse(&mint)?;
        let open = record.passed == Passed::Open;
        Ok(TransferView {
            transfer: record.digest,
            direction: record.direction,
            state: record.passed,
            amount: record.amount,
            purpose: record.purpose.clone(),
            at: record.at,
            expires_at: record.expires_at,
            expired: record.expires_at < self.now(),
            mint: MintName { url: held.url.clone(), name: held.name.clone() },
            link: open.then(|| payer.link(transfer).ok()).flatten().map(|link| link.to_string()),
        })
    }
}

/// Finds the transfers again that a wallet sent, by their numbers; `coins` are those that have something in them.
pub(super) async fn scan_transfers<P: Ports>(
    ports: &P,
    payer: &mut semper_shared::items::payment::ecash::EcashPayer,
    mint: &Thumbprint,
    coins: &[(Digest, Amount, semper_shared::items::payment::ecash::PurseCoin)],
    (gap, now): (u32, UnixSeconds),
) -> Result<(), WalletError> {
    let base = payer.mint_purse(mint)?.url.clone();
    let mut unknown = 0;
    for index in 0.. {
        let key: SigningKey = payer.transfer_key(mint, index);
        let url = address(&base, "transfers", &key.public_key().thumbprint().to_string());
        match ask_known::<_, TransferStatus>(ports, &get(url), Code::TRANSFER_UNKNOWN).await? {
            Some(status) => {
                unknown = 0;
                payer.restore_transfer(mint, index, &status, coins, (now, &Portable))?;
            }
            None => unknown += 1,
        }
        if unknown == gap {
            break;
        }
    }
    Ok(())
}
