//! `account/`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Performed, on, unknown};
use crate::foundation::{Amount, Code, Digest, UnixSeconds};
use crate::items::payment::Bill;
use crate::items::payment::PaymentError;
use crate::items::payment::account::{
    AccountParameters, BankAccount, Epc, Iban, Invoice, InvoiceState, InvoiceTerms, Ledger, Reference, check_invoice,
};
use crate::items::statement::Compact;
use crate::security::{Portable, Thumbprint};

pub(super) fn perform(operation: &str, input: Value) -> Performed {
    match operation {
        "reference" => on(input, reference),
        "read-reference" => on(input, read_reference),
        "find-references" => on(input, find_references),
        "read-iban" => on(input, read_iban),
        "read-code" => on(input, read_code),
        "code" => on(input, code),
        "state" => on(input, state),
        "check-invoice" => on(input, invoice),
        _ => unknown(operation),
    }
}

#[derive(Deserialize)]
struct ForDeal {
    deal: Digest,
}

#[derive(Serialize)]
struct Written {
    compact: String,
    printed: String,
}

fn written(reference: &Reference) -> Written {
    Written { compact: reference.as_str().to_owned(), printed: reference.printed() }
}

fn reference(ForDeal { deal }: ForDeal) -> Result<Written, Code> {
    Ok(written(&Reference::of(&deal)))
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

fn read_reference(Text { text }: Text) -> Result<Written, PaymentError> {
    Ok(written(&text.parse()?))
}

fn find_references(Text { text }: Text) -> Result<Vec<Reference>, Code> {
    Ok(Reference::find_in(&text))
}

fn read_iban(Text { text }: Text) -> Result<Written, PaymentError> {
    let iban: Iban = text.parse()?;
    Ok(Written { compact: iban.as_str().to_owned(), printed: iban.printed() })
}

#[derive(Serialize)]
struct Code69 {
    account: BankAccount,
    amount: Option<Amount>,
    purpose: String,
    reference: Option<Reference>,
    text: String,
    note: String,
}

fn read_code(Text { text }: Text) -> Result<Code69, Code> {
    let Epc { account, amount, purpose, reference, text, note } = Epc::read(&text).ok_or(Code::REQUEST_INVALID)?;
    Ok(Code69 { account, amount, purpose, reference, text, note })
}

#[derive(Deserialize)]
struct Open {
    invoice: Invoice,
    open_minor: u64,
}

fn code(Open { invoice, open_minor }: Open) -> Result<String, Code> {
    Epc::of(&invoice, open_minor).map(|code| code.payload()).ok_or(Code::REQUEST_INVALID)
}

#[derive(Deserialize)]
struct At {
    ledger: Ledger,
    due_at: UnixSeconds,
    now: UnixSeconds,
}

#[derive(Serialize)]
struct Stands {
    state: InvoiceState,
    open_minor: u64,
    surplus_minor: u64,
}

fn state(At { ledger, due_at, now }: At) -> Result<Stands, Code> {
    let (open_minor, surplus_minor) = (ledger.open_minor(), ledger.surplus_minor());
    Ok(Stands { state: ledger.state_at(due_at, now), open_minor, surplus_minor })
}

#[derive(Deserialize)]
struct Invoiced {
    invoice: Compact<Invoice>,
    deal: Digest,
    payee: Thumbprint,
    total: Amount,
    parameters: AccountParameters,
    terms: InvoiceTerms,
}

fn invoice(input: Invoiced) -> Result<Reference, PaymentError> {
    let Invoiced { invoice, deal, payee, total, parameters, terms } = input;
    let bill = Bill { deal, payee, total, refund_by: UnixSeconds(0) };
    Ok(check_invoice(&invoice, &bill, &parameters, terms, &Portable)?.reference.clone())
}
