//! Adding cash: money from an account becomes coins.
//!
//! ```text
//! reserve opened, stored ──▶ transfer that names it ──▶ reserve filled ──▶ withdrawal, stored ──▶ coins, stored
//! ```
//!
//! The transfer's identifier is the reserve's key, so that the bank makes it once, however often it is asked.

use semper_shared::foundation::{Amount, Code};
use semper_shared::items::payment::ecash::{KeySet, Reserve, ReserveStatus, Signatures, WithdrawalBody};
use semper_shared::security::{Signer, Thumbprint};
use serde::Serialize;

use super::call::Progress;
use super::mints::{TestAccount, address, fetch_keys, test_account};
use super::net::{Reply, ask, ask_json, ask_known, get, host_of, join, post, refused};
use super::ports::{Clock, Ports};
use super::records::Touched;
use super::takeover::asks_anew;
use super::{TransferNeeded, Wallet, WalletError};

/// How long one question for a reserve may stay open at the mint.
const WAIT_MS: u32 = 15_000;
/// How long to wait for a transfer before leaving it to be resumed.
const PATIENCE_S: u64 = 90;

/// A transfer's order, as the bank takes it.
#[derive(Serialize)]
struct TransferOrder<'a> {
    id: String,
    from: &'a str,
    to: &'a str,
    amount: Amount,
    subject: &'a str,
}

/// What bringing an amount in, or sending it, costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// What the mint takes for it.
    pub fee: Amount,
}

/// A top-up that came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TopUp {
    /// What is in the purse now that was not before.
    pub added: Amount,
}

impl<P: Ports> Wallet<P> {
    /// Brings money from the mint's bank into the purse, from the bank's test account where it has one.
    ///
    /// A top-up of the same amount at the same mint that was cut off goes on instead of a second one.
    ///
    /// # Errors
    /// [`WalletError::TransferNeeded`] where the customer has to transfer the money; open errors where [`Wallet::resume`]
    /// goes on later.
    pub async fn add_cash(
        &mut self,
        mint_url: &str,
        amount: Amount,
        progress: Progress<'_>,
    ) -> Result<TopUp, WalletError> {
        self.sync().await?;
        if amount.is_zero() {
            return Err(WalletError::Request("the amount is zero".to_owned()));
        }
        self.rescan_if_due().await?;
        progress.step("reserve");
        let mint = self.trust_mint(mint_url).await?;
        self.state()?.payer.keys(&mint)?.document().policy.check_top_up(amount)?;
        let reserves = &self.state()?.payer.mint_purse(&mint)?.reserves;
        let cut_off =
            reserves.iter().find(|reserve| reserve.transfer.is_none() && !reserve.done && reserve.expected == amount);
        let index = match cut_off.map(|reserve| reserve.index) {
            Some(index) => index,
            None => {
                let now = self.now();
                let index = self.change()?.payer.open_reserve(&mint, amount, now)?;
                self.save(Touched::purse()).await?;
                index
            }
        };
        let added = self.finish_reserve(&mint, index, progress).await?;
        progress.step("done");
        Ok(TopUp { added })
    }

    /// What the mint takes for bringing an amount in: the amount, less what is in coins then.
    ///
    /// # Errors
    /// Where the mint cannot be reached or has no coins for the amount.
    pub async fn top_up_cost(&mut self, mint_url: &str, amount: Amount) -> Result<Cost, WalletError> {
        let document = fetch_keys(&self.ports, mint_url, self.now()).await?;
        let keys = KeySet::new(document)?;
        let coins = keys.withdrawal(amount, self.now())?;
        let worth = Amount::sum(amount.currency(), coins.iter().map(|coin| coin.value))?;
        Ok(Cost { fee: amount.checked_sub(worth)? })
    }

    /// The reserves that are not finished.
    pub(super) fn open_reserves(&self) -> Result<Vec<(Thumbprint, u32)>, WalletError> {
        let mints = &self.state()?.payer.purse().mints;
        let open = mints.iter().flat_map(|(mint, held)| {
            held.reserves.iter().filter(|reserve| !reserve.done).map(|reserve| (*mint, reserve.index))
        });
        Ok(open.collect())
    }

    /// Goes on with a reserve, wherever it stands: in parts where the mint limits what it gives at a time.
    pub(super) async fn finish_reserve(
        &mut self,
        mint: &Thumbprint,
        index: u32,
        progress: Progress<'_>,
    ) -> Result<Amount, WalletError> {
        let mut added = self.finish_part(mint, index, progress).await?;
        while !self.state()?.payer.keys(mint)?.document().policy.is_open() && self.has_rest(mint, index).await? {
            added = added.checked_add(self.finish_part(mint, index, progress).await?)?;
        }
        Ok(added)
    }

    /// Whether something is left in a reserve, which is open again then.
    async fn has_rest(&mut self, mint: &Thumbprint, index: u32) -> Result<bool, WalletError> {
        let key = self.state()?.payer.reserve_key(mint, index).public_key().to_text();
        let url = address(&self.mint_url(mint)?, "reserves", &key);
        let rest = reserve_status(&self.ports, &url, 0).await?.is_some_and(|status| self.buys(mint, status.balance));
        if rest {
            self.change()?.payer.reopen(mint, index)?;
            self.save(Touched::purse()).await?;
        }
        Ok(rest)
    }

    /// Goes on with a reserve, wherever it stands.
    async fn finish_part(
        &mut self,
        mint: &Thumbprint,
        index: u32,
        progress: Progress<'_>,
    ) -> Result<Amount, WalletError> {
        self.freshen_mint(mint).await?;
        let key = self.state()?.payer.reserve_key(mint, index).public_key().to_text();
        let reserve_url = address(&self.mint_url(mint)?, "reserves", &key);
        let reserve = self.reserve(mint, index)?;
        if reserve.pending.is_none() {
            let mut status = reserve_status(&self.ports, &reserve_url, 0).await?;
            if status.is_none() && reserve.transfer.is_some() {
                // Another person fills it, or does not.
                return Ok(Amount::zero(reserve.expected.currency()));
            }
            if status.is_none() {
                progress.step("transfer");
                self.transfer(mint, &reserve, &key).await?;
                status = self.await_reserve(&reserve_url).await?;
            }
            progress.step("arrived");
            let host = host_of(&reserve_url);
            let status = status.ok_or(WalletError::Unfinished { host, code: Code::RESERVE_UNKNOWN })?;
            let withdrawn: usize = status.withdrawals.iter().map(|withdrawn| withdrawn.batch.len()).sum();
            if !u32::try_from(withdrawn).is_ok_and(|withdrawn| withdrawn <= reserve.next_coin) {
                // Another life of this wallet withdrew here. What this one would withdraw next has the numbers of those coins.
                return Err(self.taken_over().await?);
            }
            if !self.buys(mint, status.balance) {
                // Whatever came was withdrawn by this wallet.
                self.change()?.payer.close_reserve(mint, index)?;
                self.save(Touched::purse()).await?;
                return Ok(Amount::zero(reserve.expected.currency()));
            }
            self.plan_withdrawal(mint, index, status.balance).await?;
        }
        progress.step("coins");
        match self.withdraw(mint, index).await {
            // Another device had coins of this reserve signed since this wallet looked.
            Err(WalletError::Refused { code: Code::REQUEST_CONFLICT | Code::FUNDS_INSUFFICIENT, .. }) => {
                Err(self.taken_over().await?)
            }
            // What was planned is issued no longer: the mint, which knows what it has answered, never signed it.
            Err(WalletError::Refused { code, .. }) if asks_anew(code) => {
                self.renew_mint(mint).await?;
                let status = reserve_status(&self.ports, &reserve_url, 0).await?;
                let host = host_of(&reserve_url);
                let status = status.ok_or(WalletError::Unfinished { host, code: Code::RESERVE_UNKNOWN })?;
                self.change()?.payer.withdrawal_refused(mint, index)?;
                self.plan_withdrawal(mint, index, status.balance).await?;
                self.withdraw(mint, index).await
            }
            other => other,
        }
    }

    /// Whether what is in a reserve is enough for a coin: the mint's fees may leave a little.
    fn buys(&self, mint: &Thumbprint, balance: Amount) -> bool {
        let keys = self.state().ok().and_then(|state| state.payer.keys(mint).ok());
        !balance.is_zero() && keys.is_none_or(|keys| !keys.covers_no_coin(balance, self.now()))
    }

    /// Plans the coins of a withdrawal, and stores the plan.
    async fn plan_withdrawal(&mut self, mint: &Thumbprint, index: u32, amount: Amount) -> Result<(), WalletError> {
        let now = self.now();
        let part = self.state()?.payer.keys(mint)?.document().policy.part(amount);
        self.change()?.payer.withdraw(mint, index, part, now)?;
        self.save(Touched::purse()).await
    }

    fn reserve(&self, mint: &Thumbprint, index: u32) -> Result<Reserve, WalletError> {
        let reserves = &self.state()?.payer.mint_purse(mint)?.reserves;
        reserves.iter().find(|reserve| reserve.index == index).cloned().ok_or(WalletError::NotFound("no such reserve"))
    }

    /// Transfers the money, or says how to.
    async fn transfer(&mut self, mint: &Thumbprint, reserve: &Reserve, key: &str) -> Result<(), WalletError> {
        let funding = self.state()?.payer.keys(mint)?.document().funding.clone();
        let Some(TestAccount { account, token }) = test_account(&self.ports, &funding.bank).await? else {
            return Err(WalletError::TransferNeeded(Box::new(TransferNeeded {
                amount: reserve.expected,
                bank: funding.bank,
                account: funding.account,
                subject: key.to_owned(),
            })));
        };
        let order = TransferOrder {
            id: format!("topup-{key}"),
            from: &account,
            to: &funding.account,
            amount: reserve.expected,
            subject: key,
        };
        let mut request = post(join(&funding.bank, "transfers"), &order)?;
        request.headers.push(("authorization", format!("Bearer {token}")));
        match ask(&self.ports, &request).await? {
            Reply::Good(_) => Ok(()),
            Reply::Problem(_, problem) => {
                if matches!(
                    problem.code,
                    Some(Code::FUNDS_INSUFFICIENT | Code::AMOUNT_INVALID | Code::CURRENCY_MISMATCH)
                ) {
                    self.give_up_reserve(mint, reserve.index).await?;
                }
                Err(refused(&request.url, problem))
            }
        }
    }

    /// The bank refused for good: nothing will come.
    async fn give_up_reserve(&mut self, mint: &Thumbprint, index: u32) -> Result<(), WalletError> {
        let currency = self.state()?.payer.mint_purse(mint)?.currency;
        let nothing = ReserveStatus { balance: Amount::zero(currency), withdrawals: Vec::new() };
        self.change()?.payer.restore_reserve(mint, index, &nothing)?;
        self.save(Touched::purse()).await
    }

    /// Waits until the mint has seen the transfer; none where it takes too long.
    async fn await_reserve(&self, url: &str) -> Result<Option<ReserveStatus>, WalletError> {
        let deadline = self.now().plus(PATIENCE_S);
        loop {
            let status = reserve_status(&self.ports, url, WAIT_MS).await?;
            if status.is_some() || self.now() >= deadline {
                return Ok(status);
            }
            self.ports.clock().sleep(250).await;
        }
    }

    /// Asks for the coins of the stored withdrawal, and stores them.
    async fn withdraw(&mut self, mint: &Thumbprint, index: u32) -> Result<Amount, WalletError> {
        let now = self.now();
        let url = join(&self.mint_url(mint)?, "withdrawals");
        let zero = Amount::zero(self.state()?.payer.mint_purse(mint)?.currency);
        // Asking again changes nothing: the batch is stored.
        let request = self.change()?.payer.withdraw(mint, index, zero, now)?;
        let body = WithdrawalBody { request: request.to_compact() };
        let answer: Signatures = ask_json(&self.ports, &post(url, &body)?).await?;
        let added = self.change()?.payer.withdrawn(mint, index, &answer.signatures)?;
        self.save(Touched::purse()).await?;
        Ok(added)
    }
}

async fn reserve_status<P: Ports>(ports: &P, url: &str, wait_ms: u32) -> Result<Option<ReserveStatus>, WalletError> {
    let url = if wait_ms == 0 { url.to_owned() } else { format!("{url}?wait_ms={wait_ms}") };
    ask_known(ports, &get(url), Code::RESERVE_UNKNOWN).await
}
