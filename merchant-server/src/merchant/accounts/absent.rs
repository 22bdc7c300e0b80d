//! In the place of payment by invoice, where the merchant was built without it.

use actix_web::web;
use semper_shared::foundation::Digest;
use semper_shared::items::payment::{Answer, Request};

use super::app::App;
use super::sql::Sql;
use crate::http::Problem;

/// The store has no part in invoices.
pub(super) trait AccountStore {}

impl AccountStore for Sql {}

/// Nobody is at the desk.
pub(super) async fn answer(_: &App, _: &Request) -> Option<Answer> {
    None
}

/// No deal has an invoice.
pub(super) async fn notices(_: &App, _: Digest) -> Result<Vec<String>, Problem> {
    Ok(Vec::new())
}

/// The description as it is.
pub(super) fn documented(merchant: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    merchant
}

/// No routes.
pub(super) fn routes(_: &mut web::ServiceConfig) {}
