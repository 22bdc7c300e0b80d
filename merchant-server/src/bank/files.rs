//! The bank's files: statements and notifications out, orders in (ISO 20022).

use semper_shared::foundation::{Code, Coded as _, Digest, UnixSeconds, base64};
use semper_shared::items::payment::account::Reference;

use super::app::App;
use super::error::BankError;
use super::messages::{
    AccountName, Direction, EndToEnd, Executed, HistoryQuery, PaymentOrder, RefusedOrder, Subject, Transfer,
    TransferId, TransferOrder,
};
use super::store::{Booking, Which};
use crate::clock;
use crate::http::{Problem, TokenHash};
use crate::iso20022::{Balances, Batch, Entry, Kind, Statement, Transaction, day};

/// The most bookings of one file.
const MAX_BOOKINGS: u32 = 20_000;
/// The most bookings of one notification.
const PAGE: u32 = 500;

impl App {
    /// Transfers to the account of a number.
    pub(super) async fn pay(&self, token: TokenHash, order: PaymentOrder) -> Result<(bool, Transfer), BankError> {
        self.store.authorise(&order.from, token).await?;
        let to = self.store.numbered(&order.iban).await?.ok_or(BankError::AccountUnknown)?;
        let PaymentOrder { id, from, amount, subject, .. } = order;
        self.transfer(token, TransferOrder { id, from, to, amount, subject, end_to_end: None }).await
    }

    /// A statement of account (camt.053): all bookings from one moment to another.
    pub(super) async fn statement(
        &self,
        token: TokenHash,
        account: &AccountName,
        from: UnixSeconds,
        until: UnixSeconds,
    ) -> Result<String, Problem> {
        self.store.authorise(account, token).await?;
        let which = Which { after: 0, from, until, limit: MAX_BOOKINGS + 1 };
        let read = self.store.bookings(account, which).await?;
        if u32::try_from(read.bookings.len()).is_ok_and(|count| count > MAX_BOOKINGS) {
            return Err(Problem::request_invalid("That is too much for one file: ask for less time."));
        }
        let mut closing_minor = read.opening_minor;
        for booking in &read.bookings {
            let minor = i64::try_from(booking.entry.amount.minor()).unwrap_or(i64::MAX);
            let inward = booking.entry.direction == Direction::In;
            closing_minor = closing_minor.saturating_add(if inward { minor } else { -minor });
        }
        let balances = Balances { opening_minor: read.opening_minor, closing_minor };
        let id = format!("053-{}-{}", from.0, until.0);
        let last = UnixSeconds(until.0.saturating_sub(1).max(from.0));
        self.file(account, Kind::Statement, id, Some(balances), (from, last), &read.bookings).await
    }

    /// A notification (camt.054) of what was booked after a serial; none where nothing was in the time that was waited.
    pub(super) async fn notification(
        &self,
        token: TokenHash,
        account: &AccountName,
        query: HistoryQuery,
    ) -> Result<Option<String>, Problem> {
        if self.history(token, account, query).await?.is_empty() {
            return Ok(None);
        }
        let which = Which { after: query.after, from: UnixSeconds(0), until: UnixSeconds(u64::MAX), limit: PAGE };
        let read = self.store.bookings(account, which).await?;
        let [first, .., last] = read.bookings.as_slice() else {
            let [only] = read.bookings.as_slice() else { return Ok(None) };
            let id = format!("054-{}", only.entry.serial);
            let period = (only.entry.at, only.entry.at);
            return self.file(account, Kind::Notification, id, None, period, &read.bookings).await.map(Some);
        };
        let id = format!("054-{}-{}", first.entry.serial, last.entry.serial);
        let period = (first.entry.at, last.entry.at);
        self.file(account, Kind::Notification, id, None, period, &read.bookings).await.map(Some)
    }

    async fn file(
        &self,
        account: &AccountName,
        kind: Kind,
        id: String,
        balances: Option<Balances>,
        period: (UnixSeconds, UnixSeconds),
        bookings: &[Booking],
    ) -> Result<String, Problem> {
        let own = self.store.profile(account).await?;
        let iban = own.iban.ok_or_else(|| Problem::new(Code::IBAN_INVALID).detail("This account has no number."))?;
        let statement = Statement {
            kind,
            id,
            account: iban,
            holder: own.name,
            bank: self.bic.clone(),
            currency: self.currency,
            balances,
            period,
            entries: bookings.iter().map(entry).collect(),
        };
        Ok(statement.write(clock::now()))
    }

    /// Carries out the orders of a file (pain.001), at once and each once, however often the file is sent.
    pub(super) async fn execute(
        &self,
        token: TokenHash,
        account: &AccountName,
        file: &[u8],
    ) -> Result<Executed, Problem> {
        self.store.authorise(account, token).await?;
        let batches = Batch::read(file).map_err(|error| Problem::new(error.code()).detail(error.to_string()))?;
        let own = self.store.profile(account).await?.iban;
        if batches.iter().any(|batch| Some(&batch.from.iban) != own.as_ref()) {
            return Err(Problem::new(Code::BANK_FILE_INVALID).detail("It orders transfers from another account."));
        }
        let mut executed = Executed::default();
        for batch in &batches {
            for (place, order) in batch.orders.iter().enumerate() {
                match self.execute_one(token, account, &batch.id, place, order).await {
                    Ok(true) => executed.done += 1,
                    Ok(false) => executed.repeated += 1,
                    Err(error) => {
                        let code = Problem::from(error).code().to_string();
                        executed.refused.push(RefusedOrder { end_to_end: order.end_to_end.clone(), code });
                    }
                }
            }
        }
        Ok(executed)
    }

    async fn execute_one(
        &self,
        token: TokenHash,
        account: &AccountName,
        batch: &str,
        place: usize,
        order: &crate::iso20022::Order,
    ) -> Result<bool, BankError> {
        let to = self.store.numbered(&order.iban).await?.ok_or(BankError::AccountUnknown)?;
        let place = place.to_string();
        let parts =
            [b"semper/1/order\0", batch.as_bytes(), b"\0", place.as_bytes(), b"\0", order.end_to_end.as_bytes()];
        let name = base64::encode(Digest::of_parts(&parts).as_bytes());
        let subject = order.reference.clone().unwrap_or_else(|| order.text.clone());
        let subject = if subject.is_empty() { "Transfer".to_owned() } else { subject };
        let malformed = |_| BankError::RequestConflict;
        let order = TransferOrder {
            id: TransferId::try_from(name).map_err(malformed)?,
            from: account.clone(),
            to,
            amount: order.amount,
            subject: Subject::try_from(subject.chars().take(140).collect::<String>()).map_err(malformed)?,
            end_to_end: Some(EndToEnd::try_from(order.end_to_end.clone()).map_err(malformed)?),
        };
        self.transfer(token, order).await.map(|(made, _)| made)
    }
}

fn entry(booking: &Booking) -> Entry {
    let (entry, name) = (&booking.entry, format!("S{}", booking.entry.serial));
    let subject = entry.subject.as_str();
    let structured: Vec<String> =
        subject.parse::<Reference>().map(|reference| reference.as_str().to_owned()).into_iter().collect();
    let id = booking.end_to_end.clone().or_else(|| Some(String::from(entry.transfer.clone())));
    let transaction = Transaction {
        reference: Some(name.clone()),
        end_to_end: id.filter(|id| id.chars().count() <= 35),
        amount: Some(entry.amount),
        name: booking.other.name.clone(),
        iban: booking.other.iban.clone(),
        text: if structured.is_empty() { subject.to_owned() } else { String::new() },
        structured,
    };
    Entry {
        number: entry.serial.to_string(),
        reference: Some(name),
        amount: entry.amount,
        credit: entry.direction == Direction::In,
        reversal: false,
        booked: true,
        booked_on: day(entry.at),
        transactions: vec![transaction],
    }
}
