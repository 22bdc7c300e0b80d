//! Orders to transfer money (pain.001).

use semper_shared::foundation::{Amount, UnixSeconds};
use semper_shared::items::payment::account::{BankAccount, Bic, Iban};

use super::camt::{read_remittance, remittance};
use super::xml::{self, Element};
use super::{FileError, dates, decimal, plain, read_amount};

/// The transfers out of one account, ordered together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The file's name, at most 35 characters: a bank refuses the same name twice, or does the same orders once.
    pub id: String,
    /// The account that pays.
    pub from: BankAccount,
    /// The day on which they are to be done.
    pub on: String,
    /// The transfers.
    pub orders: Vec<Order>,
}

/// A transfer that is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The payer's name for it, at most 35 characters; travels with the money.
    pub end_to_end: String,
    /// How much.
    pub amount: Amount,
    /// Who is paid.
    pub name: String,
    /// Into which account.
    pub iban: Iban,
    /// The creditor's reference.
    pub reference: Option<String>,
    /// What for, in words; only where there is no reference.
    pub text: String,
}

const SPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.";

impl Batch {
    /// The file; none where there is nothing to order.
    pub fn write(&self, created: UnixSeconds) -> Option<String> {
        let currency = self.orders.first()?.amount.currency();
        let sum = Amount::sum(currency, self.orders.iter().map(|order| order.amount)).ok()?;
        let (count, sum) = (self.orders.len().to_string(), decimal(sum));
        let header = Element::new(
            "GrpHdr",
            vec![
                Element::leaf("MsgId", &self.id),
                Element::leaf("CreDtTm", dates::moment(created)),
                Element::leaf("NbOfTxs", &count),
                Element::leaf("CtrlSum", &sum),
                Element::chain(&["InitgPty", "Nm"], &plain(&self.from.name, 70)),
            ],
        );
        let agent = match &self.from.bic {
            Some(bic) => Element::chain(&["FinInstnId", "BICFI"], bic.as_str()),
            None => Element::chain(&["FinInstnId", "Othr", "Id"], "NOTPROVIDED"),
        };
        let mut payment = vec![
            Element::leaf("PmtInfId", &self.id),
            Element::leaf("PmtMtd", "TRF"),
            Element::leaf("NbOfTxs", &count),
            Element::leaf("CtrlSum", &sum),
            Element::chain(&["PmtTpInf", "SvcLvl", "Cd"], "SEPA"),
            Element::chain(&["ReqdExctnDt", "Dt"], &self.on),
            Element::chain(&["Dbtr", "Nm"], &plain(&self.from.name, 70)),
            Element::chain(&["DbtrAcct", "Id", "IBAN"], self.from.iban.as_str()),
            Element::new("DbtrAgt", vec![agent]),
            Element::leaf("ChrgBr", "SLEV"),
        ];
        payment.extend(self.orders.iter().map(order));
        let message = Element::new("CstmrCdtTrfInitn", vec![header, Element::new("PmtInf", payment)]);
        Some(Element::new("Document", vec![message]).with("xmlns", &format!("{SPACE}09")).to_file())
    }

    /// Reads the batches of a file.
    ///
    /// # Errors
    /// [`FileError`] where it is none, or its count or sum is not that of its orders.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, FileError> {
        let document = xml::read(bytes)?;
        let space = document.attribute("xmlns").unwrap_or_default();
        if document.name != "Document" || !space.starts_with(SPACE) {
            return Err(FileError::Kind(space.to_owned()));
        }
        let message = document.child("CstmrCdtTrfInitn").ok_or_else(|| missing("message"))?;
        let id = message.text_at("GrpHdr/MsgId").ok_or_else(|| missing("name"))?;
        let batches = message.all("PmtInf").map(|payment| read_batch(id, payment)).collect::<Result<Vec<_>, _>>()?;
        let orders = batches.iter().flat_map(|batch| &batch.orders);
        check(message.child("GrpHdr"), orders)?;
        Ok(batches)
    }
}

fn order(order: &Order) -> Element {
    let structured: Vec<String> = order.reference.iter().cloned().collect();
    let text = if structured.is_empty() { order.text.as_str() } else { "" };
    let amount = Element::leaf("InstdAmt", decimal(order.amount)).with("Ccy", order.amount.currency().as_str());
    let mut children = vec![
        Element::chain(&["PmtId", "EndToEndId"], &order.end_to_end),
        Element::new("Amt", vec![amount]),
        Element::chain(&["Cdtr", "Nm"], &plain(&order.name, 70)),
        Element::chain(&["CdtrAcct", "Id", "IBAN"], order.iban.as_str()),
    ];
    let remittance = remittance(&structured, text);
    children.extend((!remittance.is_empty()).then(|| Element::new("RmtInf", remittance)));
    Element::new("CdtTrfTxInf", children)
}

fn missing(what: &str) -> FileError {
    FileError::Content(format!("an order has no {what}"))
}

fn read_batch(message: &str, payment: &Element) -> Result<Batch, FileError> {
    let account = payment.text_at("DbtrAcct/Id/IBAN").ok_or_else(|| missing("account to pay from"))?;
    let iban = account.parse().map_err(|_| FileError::Content("the payer's IBAN is wrong".to_owned()))?;
    let orders = payment.all("CdtTrfTxInf").map(read_order).collect::<Result<Vec<_>, _>>()?;
    check(Some(payment), orders.iter())?;
    let bic = payment.text_at("DbtrAgt/FinInstnId/BICFI").or(payment.text_at("DbtrAgt/FinInstnId/BIC"));
    let name = payment.text_at("Dbtr/Nm").unwrap_or_default().to_owned();
    let on = payment.text_at("ReqdExctnDt/Dt").or(payment.text_at("ReqdExctnDt")).unwrap_or_default().to_owned();
    let part = payment.text_at("PmtInfId").unwrap_or_default();
    let id = if part == message { message.to_owned() } else { format!("{message}/{part}") };
    let bic = bic.and_then(|bic| Bic::try_from(bic.to_owned()).ok());
    Ok(Batch { id, from: BankAccount { iban, name, bic }, on, orders })
}

fn read_order(element: &Element) -> Result<Order, FileError> {
    let amount = element.at("Amt/InstdAmt").ok_or_else(|| missing("amount"))?;
    let amount = read_amount(amount.text.trim(), amount.attribute("Ccy").unwrap_or_default())?;
    let iban = element.text_at("CdtrAcct/Id/IBAN").ok_or_else(|| missing("account to pay into"))?;
    let iban = iban.parse().map_err(|_| FileError::Content("a payee's IBAN is wrong".to_owned()))?;
    let (structured, text) = read_remittance(element.child("RmtInf"));
    Ok(Order {
        end_to_end: element.text_at("PmtId/EndToEndId").ok_or_else(|| missing("name"))?.chars().take(35).collect(),
        amount,
        name: element.text_at("Cdtr/Nm").unwrap_or_default().to_owned(),
        iban,
        reference: structured.into_iter().next(),
        text,
    })
}

/// Count and sum, where they are stated, are those of the orders.
fn check<'a>(stated: Option<&Element>, orders: impl Iterator<Item = &'a Order> + Clone) -> Result<(), FileError> {
    let Some(stated) = stated else { return Ok(()) };
    let wrong = || FileError::Content("count or sum are not those of the orders".to_owned());
    if stated.text_at("NbOfTxs").is_some_and(|count| count != orders.clone().count().to_string()) {
        return Err(wrong());
    }
    let Some(first) = orders.clone().next() else { return Ok(()) };
    let currency = first.amount.currency();
    let sum = Amount::sum(currency, orders.map(|order| order.amount)).map_err(|_| wrong())?;
    match stated.text_at("CtrlSum") {
        Some(stated) if read_amount(stated, currency.as_str())? != sum => Err(wrong()),
        _ => Ok(()),
    }
}
