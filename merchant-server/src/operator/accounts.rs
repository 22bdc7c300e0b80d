//! The operator's side of the bank account.

use semper_shared::foundation::{Amount, Digest};
use semper_shared::items::payment::account::{Iban, Reference};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Operator, OperatorError};

/// What came of a bank's file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Transfers that were new.
    pub new: u32,
    /// Transfers that an earlier file had.
    pub known: u32,
    /// New ones that are an invoice's.
    pub matched: u32,
    /// New ones that wait for a person.
    pub waiting: u32,
    /// Outgoing transfers that the bank has carried out.
    pub confirmed: u32,
    /// Deals that are settled now.
    pub settled: u32,
}

/// An entry of the account.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// Its number.
    pub entry: i64,
    /// Whether money came.
    pub credit: bool,
    /// How much.
    pub amount: Amount,
    /// The day of the booking.
    pub booked_on: String,
    /// The other party.
    pub name: String,
    /// Its account.
    pub iban: Option<String>,
    /// What for.
    pub remittance: String,
    /// `waiting`, `assigned`, `returned` or `debit`.
    pub state: String,
}

/// An invoice.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Invoice {
    /// The deal.
    pub deal: Digest,
    /// What transfers name.
    pub reference: String,
    /// How it stands.
    pub state: String,
    /// `prepaid` or `pay-later`.
    pub terms: String,
    /// What was invoiced.
    pub amount: Amount,
    /// What is still to come.
    pub open: Amount,
    /// What arrived.
    pub received: Amount,
    /// What was sent back.
    pub returned: Amount,
    /// What was credited.
    pub credited: Amount,
    /// Until when it was to be paid.
    pub due_at: u64,
    /// How many reminders have gone out.
    pub reminders: u32,
    /// What is to be written to the customer.
    pub text: Option<String>,
}

/// Money that is sent back.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Outgoing {
    /// Its name.
    pub outgoing: String,
    /// How much.
    pub amount: Amount,
    /// To whom.
    pub name: String,
    /// To which account.
    pub iban: String,
    /// What for.
    pub text: String,
    /// `waiting`, `ordered` or `booked`.
    pub state: String,
    /// The file in which it was ordered.
    pub file: Option<String>,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
struct Invoices {
    invoices: Vec<Invoice>,
}

#[derive(Deserialize)]
struct Outgoings {
    outgoing: Vec<Outgoing>,
}

#[derive(Deserialize)]
struct Decided {
    settled: bool,
}

impl Operator {
    /// Imports a bank's file. The same again changes nothing.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn import(&self, file: Vec<u8>) -> Result<Report, OperatorError> {
        let request = self.client.post(format!("{}/admin/bank-files", self.url));
        self.send(request.header("content-type", "application/xml").body(file)).await
    }

    /// Entries that wait for a person, or all.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn entries(&self, all: bool) -> Result<Vec<Entry>, OperatorError> {
        let url = format!("{}/admin/entries?all={all}", self.url);
        Ok(self.send::<Entries>(self.client.get(url)).await?.entries)
    }

    /// Gives an entry to an invoice; whether a deal is settled by that.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn assign(&self, entry: i64, reference: &Reference) -> Result<bool, OperatorError> {
        let request = self.client.post(format!("{}/admin/entries/{entry}/assign", self.url));
        Ok(self.send::<Decided>(request.json(&json!({ "reference": reference }))).await?.settled)
    }

    /// Sends an entry back, to the account it came from or another.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn send_back(&self, entry: i64, to: Option<(&Iban, &str)>) -> Result<(), OperatorError> {
        let request = self.client.post(format!("{}/admin/entries/{entry}/return", self.url));
        let body = to.map_or_else(|| json!({}), |(iban, name)| json!({ "iban": iban, "name": name }));
        self.send::<Decided>(request.json(&body)).await.map(|_| ())
    }

    /// Invoices, or those that are due.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn invoices(&self, due: bool) -> Result<Vec<Invoice>, OperatorError> {
        let url = format!("{}/admin/invoices?due={due}", self.url);
        Ok(self.send::<Invoices>(self.client.get(url)).await?.invoices)
    }

    /// Money that is sent back.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn outgoing(&self) -> Result<Vec<Outgoing>, OperatorError> {
        Ok(self.send::<Outgoings>(self.client.get(format!("{}/admin/outgoing", self.url))).await?.outgoing)
    }

    /// The file of this name with all outgoing transfers that wait (pain.001); none where nothing does. The same name again is the same
    /// file.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn outgoing_file(&self, name: &str) -> Result<Option<Vec<u8>>, OperatorError> {
        let request = self.client.post(format!("{}/admin/outgoing/files/{name}", self.url));
        let (status, bytes) = self.raw(request).await?;
        Ok((status == 200).then_some(bytes))
    }
}
