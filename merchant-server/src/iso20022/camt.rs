//! Statements of account (camt.053) and notifications of debits and credits (camt.054).

use semper_shared::foundation::{Amount, Currency, UnixSeconds};
use semper_shared::items::payment::account::{Bic, Iban, Reference};

use super::xml::{self, Element};
use super::{FileError, dates, decimal, read_amount};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// camt.053: all bookings of a time, between two balances.
    Statement,
    /// camt.054: single bookings.
    Notification,
}

impl Kind {
    const fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Statement => ("camt.053.001.", "BkToCstmrStmt", "Stmt"),
            Self::Notification => ("camt.054.001.", "BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        }
    }
}

/// What an account held before and after, in minor units; below zero where it was overdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balances {
    /// Before the first entry.
    pub opening_minor: i64,
    /// After the last.
    pub closing_minor: i64,
}

/// A statement or notification of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Which of the two.
    pub kind: Kind,
    /// Its name, at most 35 characters.
    pub id: String,
    /// The account.
    pub account: Iban,
    /// Its holder, where it is named.
    pub holder: String,
    /// Its bank, where it is named.
    pub bank: Option<Bic>,
    /// Its currency.
    pub currency: Currency,
    /// The balances, where they are stated.
    pub balances: Option<Balances>,
    /// From when to when; for writing.
    pub period: (UnixSeconds, UnixSeconds),
    /// The bookings.
    pub entries: Vec<Entry>,
}

/// A booking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the statement.
    pub number: String,
    /// The bank's own name for it, the same in every file.
    pub reference: Option<String>,
    /// How much.
    pub amount: Amount,
    /// Whether money came.
    pub credit: bool,
    /// Whether it takes an earlier booking back.
    pub reversal: bool,
    /// Whether it is booked, and not only announced.
    pub booked: bool,
    /// The day of the booking, as the bank writes it.
    pub booked_on: String,
    /// The transfers that were booked together, at least one.
    pub transactions: Vec<Transaction>,
}

/// A transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transaction {
    /// The bank's own name for it.
    pub reference: Option<String>,
    /// The payer's name for it.
    pub end_to_end: Option<String>,
    /// How much; none where only the entry says it.
    pub amount: Option<Amount>,
    /// The other party.
    pub name: String,
    /// Its account.
    pub iban: Option<Iban>,
    /// The structured references.
    pub structured: Vec<String>,
    /// What for, in words.
    pub text: String,
}

impl Statement {
    /// Reads the statements of a file, which may be of several accounts.
    ///
    /// # Errors
    /// [`FileError`] where it is none, or does not add up.
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, FileError> {
        let document = xml::read(bytes)?;
        let space = document.attributes.iter().find(|(name, _)| name == "xmlns" || name.starts_with("xmlns:"));
        let space = document.attribute("xmlns").or(space.map(|(_, value)| value.as_str())).unwrap_or_default();
        let version = space.strip_prefix("urn:iso:std:iso:20022:tech:xsd:").unwrap_or_default();
        let kind = [Kind::Statement, Kind::Notification].into_iter().find(|kind| version.starts_with(kind.names().0));
        let kind = kind.filter(|_| document.name == "Document").ok_or_else(|| FileError::Kind(space.to_owned()))?;
        let (_, message, list) = kind.names();
        let message = document.child(message).ok_or_else(|| FileError::Content("it has no message".to_owned()))?;
        message.all(list).map(|element| read_statement(kind, element)).collect()
    }

    /// The file.
    pub fn write(&self, created: UnixSeconds) -> String {
        let (version, message, list) = self.kind.names();
        let moment = dates::moment(created);
        let mut account = vec![
            Element::chain(&["Id", "IBAN"], self.account.as_str()),
            Element::leaf("Ccy", self.currency.as_str()),
            Element::leaf("Nm", super::plain(&self.holder, 70)),
        ];
        account.extend(
            self.bank
                .as_ref()
                .map(|bic| Element::new("Svcr", vec![Element::chain(&["FinInstnId", "BICFI"], bic.as_str())])),
        );
        let mut children = vec![Element::leaf("Id", &self.id), Element::leaf("CreDtTm", &moment)];
        children.push(Element::new(
            "FrToDt",
            vec![
                Element::leaf("FrDtTm", dates::moment(self.period.0)),
                Element::leaf("ToDtTm", dates::moment(self.period.1)),
            ],
        ));
        children.push(Element::new("Acct", account));
        if let Some(balances) = self.balances {
            for (code, minor, at) in
                [("OPBD", balances.opening_minor, self.period.0), ("CLBD", balances.closing_minor, self.period.1)]
            {
                children.push(self.balance(code, minor, at));
            }
        }
        children.extend(self.entries.iter().map(|entry| self.entry(entry)));
        let header = Element::new("GrpHdr", vec![Element::leaf("MsgId", &self.id), Element::leaf("CreDtTm", &moment)]);
        let message = Element::new(message, vec![header, Element::new(list, children)]);
        let space = format!("urn:iso:std:iso:20022:tech:xsd:{version}08");
        Element::new("Document", vec![message]).with("xmlns", &space).to_file()
    }

    fn balance(&self, code: &str, minor: i64, at: UnixSeconds) -> Element {
        let amount = Amount::new(self.currency, minor.unsigned_abs()).unwrap_or(Amount::zero(self.currency));
        Element::new(
            "Bal",
            vec![
                Element::chain(&["Tp", "CdOrPrtry", "Cd"], code),
                money(amount),
                Element::leaf("CdtDbtInd", indicator(minor >= 0)),
                Element::chain(&["Dt", "Dt"], &dates::day(at)),
            ],
        )
    }

    fn entry(&self, entry: &Entry) -> Element {
        let mut children = vec![Element::leaf("NtryRef", &entry.number), money(entry.amount)];
        children.push(Element::leaf("CdtDbtInd", indicator(entry.credit)));
        if entry.reversal {
            children.push(Element::leaf("RvslInd", "true"));
        }
        children.push(Element::chain(&["Sts", "Cd"], if entry.booked { "BOOK" } else { "PDNG" }));
        children.push(Element::chain(&["BookgDt", "Dt"], &entry.booked_on));
        children.push(Element::chain(&["ValDt", "Dt"], &entry.booked_on));
        children.extend(entry.reference.as_ref().map(|reference| Element::leaf("AcctSvcrRef", reference)));
        let family = if entry.credit { "RCDT" } else { "ICDT" };
        let family = vec![Element::leaf("Cd", family), Element::leaf("SubFmlyCd", "ESCT")];
        let domain = Element::new("Domn", vec![Element::leaf("Cd", "PMNT"), Element::new("Fmly", family)]);
        children.push(Element::new("BkTxCd", vec![domain]));
        let details = entry.transactions.iter().map(|transaction| self.details(entry, transaction)).collect();
        children.push(Element::new("NtryDtls", details));
        Element::new("Ntry", children)
    }

    fn details(&self, entry: &Entry, transaction: &Transaction) -> Element {
        let mut references = Vec::new();
        references.extend(transaction.reference.as_ref().map(|reference| Element::leaf("AcctSvcrRef", reference)));
        let end_to_end = transaction.end_to_end.as_deref().unwrap_or("NOTPROVIDED");
        references.push(Element::leaf("EndToEndId", end_to_end));
        let mut children = vec![
            Element::new("Refs", references),
            money(transaction.amount.unwrap_or(entry.amount)),
            Element::leaf("CdtDbtInd", indicator(entry.credit)),
        ];
        let (party, account) = if entry.credit { ("Dbtr", "DbtrAcct") } else { ("Cdtr", "CdtrAcct") };
        let name = Some(super::plain(&transaction.name, 70)).filter(|name| !name.is_empty());
        let mut related: Vec<_> = name.map(|name| Element::chain(&[party, "Pty", "Nm"], &name)).into_iter().collect();
        related.extend(transaction.iban.as_ref().map(|iban| Element::chain(&[account, "Id", "IBAN"], iban.as_str())));
        if !related.is_empty() {
            children.push(Element::new("RltdPties", related));
        }
        let remittance = remittance(&transaction.structured, &transaction.text);
        children.extend((!remittance.is_empty()).then(|| Element::new("RmtInf", remittance)));
        Element::new("TxDtls", children)
    }
}

/// What a transfer is for: the same in statements and orders.
pub(super) fn remittance(structured: &[String], text: &str) -> Vec<Element> {
    let text = super::plain(text, 140);
    let mut remittance: Vec<_> = (!text.is_empty()).then(|| Element::leaf("Ustrd", text)).into_iter().collect();
    remittance.extend(structured.iter().map(|reference| {
        let kind = Element::chain(&["Tp", "CdOrPrtry", "Cd"], "SCOR");
        let reference = Element::new("CdtrRefInf", vec![kind, Element::leaf("Ref", reference)]);
        Element::new("Strd", vec![reference])
    }));
    remittance
}

/// Structured references and words of a remittance; a reference alone in the words counts as structured.
pub(super) fn read_remittance(element: Option<&Element>) -> (Vec<String>, String) {
    let Some(element) = element else { return Default::default() };
    let structured = element.all("Strd").flat_map(|strd| strd.all("CdtrRefInf")).filter_map(|info| info.text_at("Ref"));
    let mut structured: Vec<String> = structured.map(str::to_owned).collect();
    let words: Vec<&str> = element.all("Ustrd").map(|words| words.text.trim()).collect();
    // Long texts are cut into several; where they are cut says nothing.
    let text = words.concat();
    if structured.is_empty()
        && let Ok(reference) = text.parse::<Reference>()
    {
        structured.push(reference.as_str().to_owned());
    }
    (structured, text)
}

pub(super) fn money(amount: Amount) -> Element {
    Element::leaf("Amt", decimal(amount)).with("Ccy", amount.currency().as_str())
}

fn indicator(credit: bool) -> &'static str {
    if credit { "CRDT" } else { "DBIT" }
}

fn missing(what: &str) -> FileError {
    FileError::Content(format!("an entry or its statement has no {what}"))
}

fn read_statement(kind: Kind, element: &Element) -> Result<Statement, FileError> {
    let account = element.text_at("Acct/Id/IBAN").ok_or_else(|| missing("account with an IBAN"))?;
    let account: Iban = account.parse().map_err(|_| FileError::Content("the account's IBAN is wrong".to_owned()))?;
    let entries = element.all("Ntry").map(read_entry).collect::<Result<Vec<_>, _>>()?;
    let currency = element.text_at("Acct/Ccy").map(str::to_owned);
    let currency = currency.or_else(|| Some(entries.first()?.amount.currency().as_str().to_owned()));
    let currency = currency.unwrap_or_else(|| "EUR".to_owned());
    let currency: Currency = currency.parse().map_err(|_| FileError::Content("the currency is none".to_owned()))?;
    let balances = match (read_balance(element, "OPBD")?, read_balance(element, "CLBD")?) {
        (Some(opening_minor), Some(closing_minor)) => Some(Balances { opening_minor, closing_minor }),
        _ => None,
    };
    if let Some(balances) = balances {
        check_balances(balances, &entries)?;
    }
    let bank = element.text_at("Acct/Svcr/FinInstnId/BICFI").or(element.text_at("Acct/Svcr/FinInstnId/BIC"));
    Ok(Statement {
        kind,
        id: element.text_at("Id").unwrap_or_default().to_owned(),
        account,
        holder: element.text_at("Acct/Nm").unwrap_or_default().to_owned(),
        bank: bank.and_then(|bic| Bic::try_from(bic.to_owned()).ok()),
        currency,
        balances,
        period: (UnixSeconds(0), UnixSeconds(0)),
        entries,
    })
}

/// A file that was cut off, or to which somebody added an entry, does not add up.
fn check_balances(balances: Balances, entries: &[Entry]) -> Result<(), FileError> {
    let mut sum = balances.opening_minor;
    for entry in entries.iter().filter(|entry| entry.booked) {
        let minor = i64::try_from(entry.amount.minor()).unwrap_or(i64::MAX);
        sum = sum.saturating_add(if entry.credit { minor } else { -minor });
    }
    if sum == balances.closing_minor {
        return Ok(());
    }
    Err(FileError::Content("the entries do not lead from the first balance to the last".to_owned()))
}

fn read_balance(statement: &Element, code: &str) -> Result<Option<i64>, FileError> {
    let balance = statement.all("Bal").find(|balance| balance.text_at("Tp/CdOrPrtry/Cd") == Some(code));
    let Some(balance) = balance else { return Ok(None) };
    let minor = i64::try_from(amount_in(balance, "Amt")?.minor()).unwrap_or(i64::MAX);
    Ok(Some(if is_credit(balance)? { minor } else { -minor }))
}

fn amount_in(element: &Element, path: &str) -> Result<Amount, FileError> {
    let amount = element.at(path).ok_or_else(|| missing("amount"))?;
    read_amount(amount.text.trim(), amount.attribute("Ccy").unwrap_or_default())
}

fn is_credit(element: &Element) -> Result<bool, FileError> {
    match element.text_at("CdtDbtInd") {
        Some("CRDT") => Ok(true),
        Some("DBIT") => Ok(false),
        _ => Err(missing("direction")),
    }
}

fn read_entry(element: &Element) -> Result<Entry, FileError> {
    let amount = amount_in(element, "Amt")?;
    let credit = is_credit(element)?;
    // Until version 4 the status is a code, from then on it holds one.
    let status = element.text_at("Sts/Cd").or(element.text_at("Sts")).ok_or_else(|| missing("status"))?;
    let date = |name: &str| element.text_at(&format!("{name}/Dt")).or(element.text_at(&format!("{name}/DtTm")));
    let booked_on: String = date("BookgDt").or(date("ValDt")).unwrap_or_default().chars().take(10).collect();
    let details: Vec<&Element> = element.all("NtryDtls").flat_map(|details| details.all("TxDtls")).collect();
    let mut transactions =
        details.iter().map(|details| read_transaction(details, credit)).collect::<Result<Vec<_>, _>>()?;
    let alone = transactions.len() == 1;
    let sum =
        transactions.iter().try_fold(0_u64, |sum, one| sum.checked_add(one.amount.map_or(0, |amount| amount.minor())));
    let adds_up = transactions.iter().all(|one| one.amount.is_some_and(|of| of.currency() == amount.currency()))
        && sum == Some(amount.minor());
    if alone {
        if let Some(only) = transactions.first_mut() {
            // What was booked counts, not what the payer had ordered in another currency or before charges.
            only.amount = Some(amount);
        }
    } else if !adds_up || transactions.is_empty() {
        let text = transactions.iter().map(|one| one.text.as_str()).collect::<Vec<_>>().join(" ");
        let words =
            if text.trim().is_empty() { element.text_at("AddtlNtryInf").unwrap_or_default() } else { text.trim() };
        let all = Transaction { amount: Some(amount), text: words.to_owned(), ..Transaction::default() };
        transactions = vec![all];
    }
    Ok(Entry {
        number: element.text_at("NtryRef").unwrap_or_default().to_owned(),
        reference: element.text_at("AcctSvcrRef").map(str::to_owned),
        amount,
        credit,
        reversal: element.text_at("RvslInd").is_some_and(|is| is == "true" || is == "1"),
        booked: status == "BOOK",
        booked_on,
        transactions,
    })
}

fn read_transaction(details: &Element, credit: bool) -> Result<Transaction, FileError> {
    let amount = ["Amt", "AmtDtls/TxAmt/Amt"].into_iter().find(|path| details.at(path).is_some());
    let amount = amount.map(|path| amount_in(details, path)).transpose()?;
    let (party, account) = if credit { ("Dbtr", "DbtrAcct") } else { ("Cdtr", "CdtrAcct") };
    let parties = details.child("RltdPties");
    let within = |path: &str| parties.and_then(|parties| parties.text_at(path));
    let name = within(&format!("{party}/Pty/Nm")).or(within(&format!("{party}/Nm")));
    let (structured, text) = read_remittance(details.child("RmtInf"));
    Ok(Transaction {
        reference: details.text_at("Refs/AcctSvcrRef").or(details.text_at("Refs/TxId")).map(str::to_owned),
        end_to_end: details.text_at("Refs/EndToEndId").filter(|id| *id != "NOTPROVIDED").map(str::to_owned),
        amount,
        name: name.unwrap_or_default().to_owned(),
        iban: within(&format!("{account}/Id/IBAN")).and_then(|iban| iban.parse().ok()),
        structured,
        text,
    })
}
