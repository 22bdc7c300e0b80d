//! Every kind of statement and every body of a request, by name: two lists that a test holds against the sources.

use semper_server::bank::{PaymentOrder, TransferOrder};
use semper_server::merchant::OPERATORS_BODIES;
use semper_shared::commerce::deal::{Acknowledgement, DealBody, DealStatus, Delivery, Order, Receipt};
use semper_shared::commerce::offer::Offer;
use semper_shared::commerce::policy::Policy;
use semper_shared::items::party::Party;
use semper_shared::items::payment::account::{
    AccountBody, AccountParameters, Invoice, InvoiceAnswer, InvoiceRequest, InvoiceStanding, RefundRequest,
};
use semper_shared::items::payment::card::{self, CardBody, CardParameters, Certificate, Consent, Enrolment};
use semper_shared::items::payment::ecash::transfer::{
    Acceptance, AcceptanceBody, Cancellation, CancellationBody, Transfer, TransferAnswer, TransferBody,
    TransferConfirmation, TransferRequest, TransferStatus,
};
use semper_shared::items::payment::ecash::{
    AlreadySpent, CoinStatus, Confirmation, DenominationPage, DepositAccount, DepositAnswer, DepositBody, EcashBody,
    EcashParameters, Melt, MeltAnswer, MeltBody, MeltConfirmation, MintKeys, Payout, PayoutAccount, PayoutAnswer,
    PayoutList, PayoutRequest, PayoutRequestBody, Permission, Recoup, RecoupAnswer, RecoupBody, RefundAnswer,
    RefundBody, RefundConfirmation, RegistrationBody, ReserveStatus, Reveal, Signatures, Solvency, Withdrawal,
    WithdrawalBody,
};
use semper_shared::items::payment::{Payment, Refund, RefundStatus};
use semper_shared::items::statement::Statement;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::protocol::{again, no_list};

/// A kind: its name, and what reads an input as one and holds that it is written and read again as the same. Whether it is one.
pub type Kind = (&'static str, fn(&[u8]) -> bool);

fn body<T: Serialize + DeserializeOwned>(input: &[u8]) -> bool {
    no_list::<T>(input);
    again::<T>(input).is_some()
}

const fn statement<T: Statement + Serialize + DeserializeOwned>() -> Kind {
    (T::TYP, body::<T>)
}

/// Every statement's payload, by its `typ`.
pub const STATEMENTS: &[Kind] = &[
    statement::<Offer>(),
    statement::<Order>(),
    statement::<Receipt>(),
    statement::<Delivery>(),
    statement::<Acknowledgement>(),
    statement::<Policy>(),
    statement::<Party>(),
    statement::<Refund>(),
    statement::<MintKeys>(),
    statement::<Permission>(),
    statement::<Confirmation>(),
    statement::<Withdrawal>(),
    statement::<Melt>(),
    statement::<MeltConfirmation>(),
    statement::<PayoutAccount>(),
    statement::<DepositAccount>(),
    statement::<Payout>(),
    statement::<PayoutRequest>(),
    statement::<Recoup>(),
    statement::<RefundConfirmation>(),
    statement::<Solvency>(),
    statement::<Transfer>(),
    statement::<TransferRequest>(),
    statement::<TransferConfirmation>(),
    statement::<Acceptance>(),
    statement::<Cancellation>(),
    statement::<Invoice>(),
    statement::<InvoiceStanding>(),
    statement::<card::Request>(),
    statement::<card::Answer>(),
    statement::<card::StepUp>(),
    statement::<card::Order>(),
    statement::<card::Done>(),
    statement::<Enrolment>(),
    statement::<Certificate>(),
    statement::<Consent>(),
];

/// What requests bring, by the name of the type that a handler takes.
pub const REQUESTS: &[Kind] = &[
    ("AcceptanceBody", body::<AcceptanceBody>),
    ("AcknowledgementBody", body::<semper_server::merchant::AcknowledgementBody>),
    ("AuthorisationBody", body::<card::AuthorisationBody>),
    ("CancellationBody", body::<CancellationBody>),
    ("DealBody", body::<DealBody>),
    ("DepositBody", body::<DepositBody>),
    ("EnrolmentBody", body::<card::EnrolmentBody>),
    ("MeltBody", body::<MeltBody>),
    ("OrderBody", body::<card::OrderBody>),
    ("PaymentOrder", body::<PaymentOrder>),
    ("PayoutRequestBody", body::<PayoutRequestBody>),
    ("RecoupBody", body::<RecoupBody>),
    ("RefundBody", body::<RefundBody>),
    ("RegistrationBody", body::<RegistrationBody>),
    ("Reveal", body::<Reveal>),
    ("StepUpBody", body::<card::StepUpBody>),
    ("TransferBody", body::<TransferBody>),
    ("TransferOrder", body::<TransferOrder>),
    ("WithdrawalBody", body::<WithdrawalBody>),
];

/// What answers bring, and what stands within other messages.
pub const ANSWERS: &[Kind] = &[
    ("AccountBody", body::<AccountBody>),
    ("AccountParameters", body::<AccountParameters>),
    ("AlreadySpent", body::<AlreadySpent>),
    ("CardBody", body::<CardBody>),
    ("CardParameters", body::<CardParameters>),
    ("CertificateBody", body::<card::CertificateBody>),
    ("CoinStatus", body::<CoinStatus>),
    ("DealStatus", body::<DealStatus>),
    ("DenominationPage", body::<DenominationPage>),
    ("DepositAnswer", body::<DepositAnswer>),
    ("DoneBody", body::<card::DoneBody>),
    ("AnswerBody", body::<card::AnswerBody>),
    ("EcashBody", body::<EcashBody>),
    ("EcashParameters", body::<EcashParameters>),
    ("InvoiceAnswer", body::<InvoiceAnswer>),
    ("InvoiceRequest", body::<InvoiceRequest>),
    ("MeltAnswer", body::<MeltAnswer>),
    ("Payment", body::<Payment>),
    ("PayoutAnswer", body::<PayoutAnswer>),
    ("PayoutList", body::<PayoutList>),
    ("RecoupAnswer", body::<RecoupAnswer>),
    ("RefundAnswer", body::<RefundAnswer>),
    ("RefundRequest", body::<RefundRequest>),
    ("RefundStatus", body::<RefundStatus>),
    ("ReserveStatus", body::<ReserveStatus>),
    ("Signatures", body::<Signatures>),
    ("TransferAnswer", body::<TransferAnswer>),
    ("TransferStatus", body::<TransferStatus>),
];

/// What goes over the wire beside statements.
pub fn bodies() -> impl Iterator<Item = &'static Kind> {
    REQUESTS.iter().chain(OPERATORS_BODIES).chain(ANSWERS)
}
