//! The sandbox: an acquirer and issuer in one, with a card for every outcome. No money moves.
//!
//! | card | outcome |
//! | --- | --- |
//! | 4242 4242 4242 4242, 5555 5555 5555 4444, and any other | approved |
//! | 4000 0000 0000 0002 | declined |
//! | 4000 0000 0000 9987 | declined: the card was lost |
//! | 4000 0000 0000 9995 | declined: insufficient funds |
//! | 4000 0000 0000 0069 | declined: the issuer says that the card has expired |
//! | 4000 0027 6000 3184 | the cardholder must approve; approved afterwards |
//! | 4000 0000 0000 0119 | approved, but the first answer is lost: the outcome is not known |
//! | 4000 0000 0000 0259 | approved; charged back once it is captured |
//!
//! It keeps books of its own, as an acquirer does, so that what it did is known after a crash of the gateway. The one-time code
//! of cardholders without a key is 123456.

use std::path::Path;

use futures_util::future::BoxFuture;
use semper_shared::foundation::{Code, Digest};

use super::{Acquirer, AcquirerError, Decision, Hold, Movement};
use crate::clock;
use crate::store::StoreError;
use crate::store::sql::{Database, Schema, StoreConfig, Tx, values};

const SCHEMA: Schema = Schema {
    application: u32::from_be_bytes(*b"SSbx"),
    name: "sandbox",
    sqlite: &[include_str!("sandbox.sql")],
    postgres: &[],
};

const CODE: &str = "123456";

const DECLINED: &str = "4000000000000002";
const LOST: &str = "4000000000009987";
const INSUFFICIENT: &str = "4000000000009995";
const ISSUER_EXPIRED: &str = "4000000000000069";
const STEP_UP: &str = "4000002760003184";
const ANSWER_LOST: &str = "4000000000000119";
const CHARGED_BACK: &str = "4000000000000259";

pub(super) struct Sandbox(Database);

impl Sandbox {
    pub(super) async fn open(data: &Path) -> Result<Self, StoreError> {
        Ok(Self(Database::open(&StoreConfig::file(&data.join("sandbox.sqlite")), &SCHEMA, None).await?))
    }
}

/// What the books say of a hold; declined ones are kept too, so that the same call is answered alike.
fn known(tx: &mut Tx<'_>, key: &Digest) -> Result<Option<Decision>, StoreError> {
    let outcome: Option<String> = tx.find("SELECT outcome FROM hold WHERE key = ?1", values![key.as_bytes()])?;
    Ok(outcome.map(|outcome| match Code::find(&outcome) {
        Some(code) => Decision::Declined(code),
        None => Decision::Held { reference: key.to_string() },
    }))
}

impl Acquirer for Sandbox {
    fn hold<'a>(&'a self, hold: &'a Hold) -> BoxFuture<'a, Result<Decision, AcquirerError>> {
        let declined = match hold.card.digits() {
            DECLINED | LOST => Some(Code::CARD_DECLINED),
            INSUFFICIENT => Some(Code::FUNDS_INSUFFICIENT),
            ISSUER_EXPIRED => Some(Code::CARD_EXPIRED),
            _ => hold.expiry.check(clock::now()).err().map(|_| Code::CARD_EXPIRED),
        };
        let step_up = hold.card.digits() == STEP_UP && !hold.approved;
        let answer_lost = hold.card.digits() == ANSWER_LOST;
        let will_charge_back = hold.card.digits() == CHARGED_BACK;
        let (key, amount) = (hold.key, hold.amount.minor());
        Box::pin(async move {
            if step_up {
                return Ok(Decision::StepUp);
            }
            let (decision, first) = self
                .0
                .write(move |tx| {
                    if let Some(before) = known(tx, &key)? {
                        return Ok((before, false));
                    }
                    let outcome = declined.map_or("held", |code| code.as_str());
                    tx.execute(
                        "INSERT INTO hold (key, outcome, amount, moved, charge_back) VALUES (?1, ?2, ?3, 0, ?4)",
                        values![key.as_bytes(), outcome, amount, i64::from(will_charge_back)],
                    )?;
                    let decision = declined.map_or(Decision::Held { reference: key.to_string() }, Decision::Declined);
                    Ok::<_, StoreError>((decision, true))
                })
                .await?;
            if first && answer_lost { Err(AcquirerError::Unknown) } else { Ok(decision) }
        })
    }

    fn inquire(&self, key: Digest) -> BoxFuture<'_, Result<Option<Decision>, AcquirerError>> {
        Box::pin(async move { Ok(self.0.read(move |tx| known(tx, &key)).await?) })
    }

    fn carry_out<'a>(
        &'a self,
        key: Digest,
        reference: &'a str,
        movement: Movement,
    ) -> BoxFuture<'a, Result<(), AcquirerError>> {
        let hold: Result<Digest, _> = reference.parse();
        let (kind, amount) = match movement {
            Movement::Capture(amount) => ("capture", amount.minor()),
            Movement::Void => ("void", 0),
            Movement::Refund(amount) => ("refund", amount.minor()),
        };
        Box::pin(async move {
            let hold = hold.map_err(|_| AcquirerError::Refused(Code::AUTHORISATION_UNKNOWN))?;
            self.0
                .write(move |tx| {
                    let there: Option<i64> = tx.find("SELECT 1 FROM hold WHERE key = ?1", values![hold.as_bytes()])?;
                    if there.is_none() {
                        return Err(AcquirerError::Refused(Code::AUTHORISATION_UNKNOWN));
                    }
                    let new = tx.execute(
                        "INSERT INTO movement (key, hold, kind, amount) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                        values![key.as_bytes(), hold.as_bytes(), kind, amount],
                    )?;
                    if new == 1 && kind == "capture" {
                        tx.execute("UPDATE hold SET moved = 1 WHERE key = ?1", values![hold.as_bytes()])?;
                    }
                    Ok(())
                })
                .await
        })
    }

    fn charged_back(&self) -> BoxFuture<'_, Result<Vec<String>, AcquirerError>> {
        Box::pin(async move {
            let keys = self.0.read(|tx| {
                tx.all("SELECT key FROM hold WHERE charge_back = 1 AND moved = 1", values![], |row| {
                    row.take::<Digest>(0)
                })
            });
            Ok(keys.await.map_err(|error: StoreError| error)?.iter().map(ToString::to_string).collect())
        })
    }

    fn approves(&self, code: &str) -> bool {
        code == CODE
    }
}
