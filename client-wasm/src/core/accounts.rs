//! Invoices: what is to be transferred, what has become of it, and, where the shop's bank has a test account, the transfer.

use semper_shared::commerce::deal::{DealStatus, State};
use semper_shared::foundation::{Amount, Code, Digest, UnixSeconds, json};
use semper_shared::items::payment::Bill;
use semper_shared::items::payment::account::{
    AccountParameters, Epc, Invoice, InvoiceStanding, InvoiceState, InvoiceTerms, Ledger, check_invoice, check_standing,
};
use semper_shared::items::statement::{Compact, Signed};
use semper_shared::security::Portable;
use serde::Serialize;

use super::buy::Bought;
use super::call::Progress;
use super::mints::{TestAccount, test_account};
use super::net::{Problem, Reply, ask, ask_text, join, peer, post, refused};
use super::ports::{Clock, Ports};
use super::records::{DealRecord, Touched};
use super::{OpenInvoice, Wallet, WalletError};

/// How long to wait until the shop has seen a transfer, in seconds; then it is left to be resumed.
const PATIENCE_S: u64 = 30;

/// An invoice, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvoiceView {
    /// How it stands, by what the merchant said last.
    pub state: InvoiceState,
    /// When the goods come.
    pub terms: InvoiceTerms,
    /// What was invoiced.
    pub amount: Amount,
    /// What is still to be paid.
    pub open: Amount,
    /// Who is paid.
    pub name: String,
    /// Into which account, in groups of four.
    pub iban: String,
    /// What the transfer must name, in groups of four.
    pub reference: String,
    /// Until when.
    pub due_at: UnixSeconds,
    /// How many reminders have come.
    pub reminders: u32,
    /// What stands in the QR code (EPC069-12), where something is open and the code can say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The origin of the account's bank, where that takes orders over the net.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
}

impl DealRecord {
    fn invoice_statement(&self) -> Option<Invoice> {
        Compact::<Invoice>::new(self.notices.first()?.clone()).peek_unverified().ok()
    }

    /// Whether the goods came when the money was there.
    fn waited_for(&self, invoice: &Invoice) -> bool {
        invoice.terms == InvoiceTerms::Prepaid && self.is_bought()
    }

    /// What the merchant said last of the invoice. What it said before the receipt counts no more; what it says after it does: the
    /// bank may have taken the money back.
    fn standing(&self, invoice: &Invoice) -> Option<InvoiceStanding> {
        let standing = standing(&self.notices)?;
        let receipt = self.receipt.as_ref().filter(|_| self.waited_for(invoice));
        let paid_at = receipt.and_then(|receipt| receipt.peek_unverified().ok()).map(|receipt| receipt.issued_at);
        (paid_at.is_none_or(|paid_at| standing.at > paid_at)).then_some(standing)
    }

    /// The deal's invoice, which was verified when it came.
    pub(super) fn invoice(&self, now: UnixSeconds) -> Option<InvoiceView> {
        let invoice = self.invoice_statement()?;
        let (ledger, reminders) = match self.standing(&invoice) {
            Some(standing) => (standing.ledger, standing.reminders),
            None => {
                let mut ledger = Ledger::new(invoice.amount.minor());
                // Goods that wait for the money have come: the receipt says that it is there.
                if self.waited_for(&invoice) {
                    ledger.received_minor = ledger.amount_minor;
                }
                (ledger, 0)
            }
        };
        let closed = self.state == State::Refused;
        let open_minor = if closed { 0 } else { ledger.open_minor() };
        Some(InvoiceView {
            state: if closed { InvoiceState::Cancelled } else { ledger.state_at(invoice.due_at, now) },
            terms: invoice.terms,
            amount: invoice.amount,
            open: Amount::new(invoice.amount.currency(), open_minor).unwrap_or(invoice.amount),
            reference: invoice.reference.printed(),
            iban: invoice.account.iban.printed(),
            due_at: invoice.due_at,
            reminders,
            code: Epc::of(&invoice, open_minor).map(|code| code.payload()),
            bank: self.account_parameters().and_then(|parameters| parameters.bank),
            name: invoice.account.name,
        })
    }

    fn account_parameters(&self) -> Option<AccountParameters> {
        let offer = self.offer.peek_unverified().ok()?;
        let accepted = offer.accepts.into_iter().find(|accepted| accepted.module == self.module)?;
        json::from_value(accepted.parameters).ok()
    }

    /// Checks an invoice and, where it is there, how it stands.
    fn check_notices(&self, notices: &[String]) -> Result<Signed<Invoice>, WalletError> {
        let odd = |what| peer(&self.merchant_url, what);
        let parameters = self.account_parameters().ok_or(WalletError::Damaged("an offer cannot be read"))?;
        let terms = self.payment.as_ref().and_then(|payment| json::from_value(payment.body.get("terms")?.clone()).ok());
        let terms = terms.ok_or(WalletError::Damaged("a payment cannot be read"))?;
        let invoice = notices.first().cloned().map(Compact::new).ok_or_else(|| odd("it sent no invoice"))?;
        let bill = Bill { deal: self.deal, payee: self.merchant, total: self.total, refund_by: self.refund_by };
        let invoice = check_invoice(&invoice, &bill, &parameters, terms, &Portable)?;
        if let Some(standing) = notices.get(1) {
            check_standing(&Compact::new(standing.clone()), &invoice, &Portable)?;
        }
        Ok(invoice)
    }

    /// Whether the goods came before the money, as it was agreed.
    pub(super) fn came_first(&self, status: &DealStatus) -> Result<bool, WalletError> {
        Ok(self.module.as_str() == "account" && self.check_notices(&status.proofs)?.terms == InvoiceTerms::PayLater)
    }
}

impl<P: Ports> Wallet<P> {
    /// Orders by invoice from now on: on these terms where the shop gives them, else on those that it prefers.
    pub fn prefer_terms(&mut self, terms: Option<InvoiceTerms>) {
        self.terms = terms;
    }

    /// A deal's invoice, with what the shop says of it now.
    ///
    /// # Errors
    /// [`WalletError::NotFound`] where it has none.
    pub async fn invoice(&mut self, deal: &Digest) -> Result<InvoiceView, WalletError> {
        self.sync().await?;
        // What cannot be asked now was said before.
        let _ = self.look_at_invoice(deal).await;
        self.sync().await?;
        let now = self.now();
        self.deal_record(deal)?.invoice(now).ok_or(WalletError::NotFound("the deal has no invoice"))
    }

    /// Pays an invoice from the test account of the shop's bank, and waits until the shop has seen it.
    ///
    /// # Errors
    /// [`WalletError::InvoiceOpen`] where that bank has none: the customer transfers the money at their own bank.
    pub async fn pay_invoice(&mut self, deal: &Digest, progress: Progress<'_>) -> Result<Bought, WalletError> {
        let view = self.invoice(deal).await?;
        if !view.open.is_zero() {
            let account = match &view.bank {
                Some(bank) => test_account(&self.ports, bank).await?.map(|account| (bank, account)),
                None => None,
            };
            let Some((bank, account)) = account else {
                return Err(self.open_invoice(deal, &view));
            };
            progress.step("transfer");
            self.transfer_invoice(bank, &account, deal, view.open).await?;
        }
        let deadline = self.now().plus(PATIENCE_S);
        loop {
            let settled = self.finish_deal(deal, progress).await;
            match settled {
                Err(WalletError::InvoiceOpen(_)) if self.now() < deadline => {}
                Ok(bought) if self.invoice(deal).await?.open.is_zero() || self.now() >= deadline => return Ok(bought),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
            self.ports.clock().sleep(250).await;
        }
    }

    async fn transfer_invoice(
        &self,
        bank: &str,
        account: &TestAccount,
        deal: &Digest,
        open: Amount,
    ) -> Result<(), WalletError> {
        let invoice = self.deal_record(deal)?.invoice_statement();
        let invoice = invoice.ok_or(WalletError::NotFound("the deal has no invoice"))?;
        let (reference, paid) = (invoice.reference.as_str(), invoice.amount.minor().saturating_sub(open.minor()));
        // The same rest of the same invoice is transferred once, however often it is asked for, until it is owed again.
        let again = match self.deal_record(deal)?.reopened {
            0 => String::new(),
            times => format!("-{times}"),
        };
        let order = object!(
            "id": format!("{reference}-{paid}{again}"),
            "from": account.account,
            "iban": invoice.account.iban.as_str(),
            "amount": open,
            "subject": reference,
        );
        let mut request = post(join(bank, "payments"), &order)?;
        request.headers.push(("authorization", format!("Bearer {}", account.token)));
        match ask(&self.ports, &request).await? {
            Reply::Good(_) => Ok(()),
            Reply::Problem(_, problem) => Err(refused(&request.url, problem)),
        }
    }

    fn open_invoice(&self, deal: &Digest, view: &InvoiceView) -> WalletError {
        WalletError::InvoiceOpen(Box::new(OpenInvoice {
            deal: *deal,
            amount: view.open,
            name: view.name.clone(),
            iban: view.iban.clone(),
            reference: view.reference.clone(),
        }))
    }

    /// Takes the invoice that an order was answered with: the goods come when it is paid.
    pub(super) async fn awaits_payment(
        &mut self,
        deal: &Digest,
        problem: &Problem,
    ) -> Result<Option<WalletError>, WalletError> {
        if problem.code != Some(Code::PAYMENT_AWAITED) {
            return Ok(None);
        }
        let record = self.deal_record(deal)?;
        let invoice = problem.members.get("invoice").and_then(serde_json::Value::as_str);
        let notices: Vec<String> = invoice.map(str::to_owned).into_iter().collect();
        record.check_notices(&notices)?;
        if record.notices.is_empty() {
            self.change_deal(deal)?.notices = notices;
            self.save(Touched::deal(*deal)).await?;
        }
        let now = self.now();
        let view = self.deal_record(deal)?.invoice(now).ok_or(WalletError::NotFound("the deal has no invoice"))?;
        Ok(Some(self.open_invoice(deal, &view)))
    }

    pub(super) async fn look_at_invoice(&mut self, deal: &Digest) -> Result<(), WalletError> {
        let record = self.deal_record(deal)?;
        if record.module.as_str() != "account" || record.state == State::Refused {
            return Ok(());
        }
        let told = ask_text(&self.ports, &join(&record.merchant_url, &format!("deals/{deal}"))).await?;
        let told: serde_json::Value = json::from_slice(told.as_bytes()).unwrap_or_default();
        let notices = told.get("notices").and_then(serde_json::Value::as_array).into_iter().flatten();
        let notices: Vec<String> = notices.filter_map(|one| one.as_str().map(str::to_owned)).collect();
        let now = self.now();
        let record = self.deal_record(deal)?;
        let Some(new) = standing(&notices) else { return Ok(()) };
        let invoice = record.check_notices(&notices)?;
        // Only the time at which it was said differs, mostly.
        let old = record.standing(&invoice).map(|old| InvoiceStanding { at: new.at, ..old });
        if old.as_ref() != Some(&new) {
            let open = |record: &DealRecord| record.invoice(now).map_or(0, |view| view.open.minor());
            let record = self.change_deal(deal)?;
            let before = open(&*record);
            record.notices = notices;
            record.reopened = record.reopened.saturating_add(u32::from(open(&*record) > before));
            self.save(Touched::deal(*deal)).await?;
        }
        Ok(())
    }

    /// Looks what has become of the invoices of goods that are here, and on which money is owed.
    pub(super) async fn resume_invoices(&mut self) -> Result<(), WalletError> {
        let now = self.now();
        let owed = |record: &&DealRecord| {
            record.is_bought() && record.invoice(now).is_some_and(|invoice| !invoice.open.is_zero())
        };
        let deals: Vec<Digest> = self.state()?.deals.iter().filter(owed).map(|record| record.deal).collect();
        for deal in deals {
            let looked = self.look_at_invoice(&deal).await;
            if let Err(error @ (WalletError::Store(_) | WalletError::StoreConflict)) = looked {
                return Err(error);
            }
            self.sync().await?;
        }
        Ok(())
    }
}

/// What was said last of how an invoice stands.
fn standing(notices: &[String]) -> Option<InvoiceStanding> {
    Compact::<InvoiceStanding>::new(notices.get(1)?.clone()).peek_unverified().ok()
}
