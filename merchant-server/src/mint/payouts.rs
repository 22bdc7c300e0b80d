//! `POST /payouts`: what a merchant was paid, and what for.

use actix_web::web;
use futures_util::future::BoxFuture;
use semper_shared::foundation::{Digest, UnixSeconds};
use semper_shared::items::payment::ecash::{
    PaidDeal, Payout as Statement, PayoutAnswer, PayoutLine, PayoutList, PayoutRequestBody, check_payout_request,
};
use semper_shared::items::statement::Signed;
use semper_shared::security::keys::SignatureBytes;
use semper_shared::security::{Signer as _, Thumbprint};

use super::error::{MintError, broken};
use super::evidence::{self, signature_of};
use super::store::{AccountNumber, LedgerError, PayeeNumber};
use super::{Mint, schema};
use crate::http::{Endpoint, Json, Problem, ProblemBody};
use crate::store::StoreError;

/// How many payouts one page lists.
const PAGE: usize = 256;

/// The ledger's part in settlement.
pub(super) trait PayoutStore {
    /// Every merchant's account.
    fn accounts(&self) -> BoxFuture<'_, Result<Vec<(Thumbprint, AccountNumber)>, StoreError>>;

    /// The number of a merchant's account.
    fn account(&self, merchant: Thumbprint) -> BoxFuture<'_, Result<Option<AccountNumber>, StoreError>>;

    /// The number of a merchant's account of this label.
    fn payee(&self, merchant: AccountNumber, label: String) -> BoxFuture<'_, Result<Option<PayeeNumber>, StoreError>>;

    /// Registers an account, unless a later registration is known.
    fn register(&self, account: NewAccount) -> BoxFuture<'_, Result<AccountNumber, LedgerError>>;

    /// Directs a deposit to another account than it was taken for, unless it was directed or gathered before.
    fn redirect(&self, deposit: Redirection) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The accounts with deposits due by `due`.
    fn due(&self, due: UnixSeconds) -> BoxFuture<'_, Result<Vec<(AccountNumber, PayeeNumber)>, StoreError>>;

    /// Gathers an account's deposits due into one payout, where they are enough or have waited long enough. Whether there
    /// were any; there may be more then.
    fn gather(
        &self,
        account: (AccountNumber, PayeeNumber),
        due: Due,
        terms: Terms,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// The payouts to be sent now.
    fn open_payouts(&self, now: UnixSeconds) -> BoxFuture<'_, Result<Vec<Payout>, StoreError>>;

    /// Records what became of a payout, as it was sent.
    fn finish(&self, payout: Payout, outcome: PayoutOutcome) -> BoxFuture<'_, Result<(), StoreError>>;

    /// A merchant's payouts after a number, the oldest first.
    fn payouts(
        &self,
        merchant: AccountNumber,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<PayoutRow>, StoreError>>;

    /// One payout of a merchant, with its deals.
    fn payout(
        &self,
        merchant: AccountNumber,
        payout: Digest,
    ) -> BoxFuture<'_, Result<Option<PayoutRecord>, StoreError>>;

    /// Keeps the signature of a payout's statement: the first counts, and is returned.
    fn sign_payout(&self, number: i64, signature: SignatureBytes) -> BoxFuture<'_, Result<SignatureBytes, StoreError>>;
}

pub(super) struct NewAccount {
    pub(super) merchant: Thumbprint,
    /// None for the account that deposits go to which name none.
    pub(super) label: Option<String>,
    pub(super) account: String,
    pub(super) registered_at: UnixSeconds,
    /// The signed text.
    pub(super) registration: String,
}

/// A deposit that was taken without the merchant's word where it goes.
pub(super) struct Redirection {
    pub(super) merchant: AccountNumber,
    pub(super) deal: Digest,
    pub(super) payee: super::store::Payee,
}

/// What is to be paid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// What must be paid by then.
    pub(super) by: UnixSeconds,
    /// The present time.
    pub(super) now: UnixSeconds,
}

/// When what is due is paid.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms {
    /// The least that is paid at once.
    pub(super) min: u64,
    /// How long after its day the oldest deposit waits at most for others.
    pub(super) wait_s: u64,
}

/// A transfer to a merchant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Payout {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) amount: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum PayoutOutcome {
    Sent,
    /// It was refused for certain: to be tried again then, to the account that is registered then.
    Refused {
        again_at: UnixSeconds,
    },
}

/// A payout in a merchant's list.
pub(super) struct PayoutRow {
    pub(super) number: u64,
    pub(super) id: String,
    pub(super) amount: u64,
    pub(super) sent: bool,
}

/// A payout with what it is for.
pub(super) struct PayoutRecord {
    pub(super) number: i64,
    pub(super) label: Option<String>,
    pub(super) account: String,
    pub(super) amount: u64,
    pub(super) sent: bool,
    pub(super) made_at: UnixSeconds,
    pub(super) signature: Option<SignatureBytes>,
    /// Deal, amount and what was refunded of it.
    pub(super) deals: Vec<(Digest, u64, u64)>,
}

impl Mint {
    async fn payouts(&self, body: &PayoutRequestBody, after: u64) -> Result<PayoutList, MintError> {
        let Some(merchant) = self.asking(body).await? else {
            return Ok(PayoutList { payouts: Vec::new(), more: false });
        };
        let ring = self.ring();
        let mut rows = self.store.payouts(merchant, after, PAGE + 1).await?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        let line = |row: PayoutRow| {
            let payout = row.id.parse().map_err(|_| broken("a payout's name is broken"))?;
            Ok(PayoutLine { serial: row.number, payout, amount: ring.amount(row.amount)?, sent: row.sent })
        };
        Ok(PayoutList { payouts: rows.into_iter().map(line).collect::<Result<_, MintError>>()?, more })
    }

    /// The statement of a payout that the bank has taken: the same text each time.
    async fn payout(&self, body: &PayoutRequestBody, payout: Digest) -> Result<PayoutAnswer, MintError> {
        let ring = self.ring();
        let merchant = check_payout_request(&ring.keys, &body.request, self.now(), &self.verifier)?;
        let record = match self.account(merchant).await {
            Ok(number) => self.store.payout(number, payout).await?,
            Err(LedgerError::AccountMissing) => None,
            Err(error) => return Err(error.into()),
        };
        let record = record.filter(|record| record.sent).ok_or(LedgerError::PayoutUnknown)?;
        let deal = |(deal, amount, refunded): &(Digest, u64, u64)| {
            let refunded = if *refunded == 0 { None } else { Some(ring.amount(*refunded)?) };
            Ok(PaidDeal { deal: *deal, amount: ring.amount(*amount)?, refunded })
        };
        let statement = Statement {
            mint: ring.keys.mint(),
            merchant,
            payout,
            label: record.label,
            account: record.account,
            amount: ring.amount(record.amount)?,
            fees: ring.amount(0)?,
            deals: record.deals.iter().map(deal).collect::<Result<_, MintError>>()?,
            made_at: record.made_at,
        };
        let signature = match record.signature {
            Some(signature) => signature,
            None => {
                let signed = Signed::sign(statement.clone(), &*self.signer);
                let signature = signature_of(signed.compact()).ok_or_else(|| broken("a payout has no signature"))?;
                self.store.sign_payout(record.number, signature).await?
            }
        };
        Ok(PayoutAnswer { payout: evidence::own(statement, self.signer.public_key(), signature).to_compact() })
    }

    /// The number of the merchant who asks; none where nothing was ever registered.
    async fn asking(&self, body: &PayoutRequestBody) -> Result<Option<AccountNumber>, MintError> {
        let merchant = check_payout_request(&self.ring().keys, &body.request, self.now(), &self.verifier)?;
        match self.account(merchant).await {
            Ok(number) => Ok(Some(number)),
            Err(LedgerError::AccountMissing) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(super) fn routes(routes: &mut web::ServiceConfig) {
    routes.service(Endpoint::at("/payouts").post(list).limit(8 * 1024));
    routes.service(Endpoint::at("/payouts/{payout}").post(one).limit(8 * 1024));
}

/// Which payouts.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, utoipa::IntoParams)]
#[serde(rename = "closed After", deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct After {
    /// Those after this serial.
    after: u64,
}

/// A merchant's payouts, the oldest first.
#[utoipa::path(
    post, path = "/payouts", request_body = schema::PayoutRequestSchema, params(After),
    responses(
        (status = 200, description = "A page of them.", body = schema::PayoutListSchema),
        (status = 400, description = "`mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list(
    mint: web::Data<Mint>,
    after: web::Query<After>,
    body: Json<PayoutRequestBody>,
) -> Result<actix_web::HttpResponse, Problem> {
    Ok(actix_web::HttpResponse::Ok().json(mint.payouts(&body.0, after.after).await?))
}

/// The deals of a payout that the bank has taken, signed.
#[utoipa::path(
    post, path = "/payouts/{payout}", request_body = schema::PayoutRequestSchema,
    params(("payout" = String, Path, description = "The payout's name, base64url.")),
    responses(
        (status = 200, description = "The statement.", body = schema::PayoutSchema),
        (status = 400, description = "`mint-mismatch`, `request-invalid`, `signature-invalid`, `statement-malformed` …",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "`payout-unknown`: the merchant was not paid that, or the bank has not taken it yet.", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub(super) async fn one(
    mint: web::Data<Mint>,
    payout: web::Path<String>,
    body: Json<PayoutRequestBody>,
) -> Result<actix_web::HttpResponse, Problem> {
    let payout = payout.parse().map_err(|_| MintError::from(LedgerError::PayoutUnknown))?;
    Ok(actix_web::HttpResponse::Ok().json(mint.payout(&body.0, payout).await?))
}
