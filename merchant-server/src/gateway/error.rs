//! What the gateway refuses.

use semper_shared::foundation::{Code, Coded as _};
use semper_shared::items::payment::PaymentError;
use semper_shared::items::payment::card::{Challenge, MoneyError};

use super::acquirer::AcquirerError;
use crate::http::Problem;
use crate::store::StoreError;

/// Why the gateway did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum GatewayError {
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the acquirer: {0}")]
    Acquirer(#[from] AcquirerError),
    #[error("the cardholder is to approve")]
    StepUp(Box<Challenge>),
    #[error("refused: {0}")]
    Refused(Code),
}

impl From<GatewayError> for Problem {
    fn from(error: GatewayError) -> Self {
        match error {
            GatewayError::Payment(PaymentError::Invalid(why)) => {
                Self::new(Code::PAYMENT_INVALID).detail(format!("The payment was refused: {why}."))
            }
            GatewayError::Payment(error) => Self::new(error.code()),
            GatewayError::Money(error) => Self::new(error.code()).detail(error.to_string()),
            GatewayError::Store(error) => error.into(),
            GatewayError::Acquirer(AcquirerError::Unknown) => Self::outcome_unknown(),
            GatewayError::Acquirer(AcquirerError::Refused(code)) | GatewayError::Refused(code) => Self::new(code),
            GatewayError::Acquirer(AcquirerError::Store(error)) => error.into(),
            GatewayError::StepUp(challenge) => Self::new(Code::STEP_UP_REQUIRED).extra("challenge", challenge),
        }
    }
}
