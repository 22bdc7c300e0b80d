//! The merchant's policy: what it leaves out of its offers, and which orders it does not take.

use std::path::Path;
use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use semper_shared::commerce::policy::{Facts, Means, Policy, Side};
use semper_shared::commerce::{Offer, Order};
use semper_shared::foundation::{Amount, Code, UnixSeconds};
use semper_shared::items::payment::{Acceptance, ModuleVersion, PaymentError, Registry, Share};
use semper_shared::items::statement::Signed;
use semper_shared::security::{Thumbprint, Verifier};

use super::app::App;
use super::config::Config;
use crate::http::{Problem, StartError, jose};

/// The policy that the configuration names, verified.
pub(super) fn read(
    config: &Config,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<Option<Signed<Policy>>, StartError> {
    let Some(file) = &config.policy else { return Ok(None) };
    load(file, config.policy_key.as_ref(), now, verifier)
        .map(Some)
        .map_err(|why| StartError::Config(format!("merchant: the policy {}: {why}", file.display())))
}

fn load(
    file: &Path,
    key: Option<&Thumbprint>,
    now: UnixSeconds,
    verifier: &dyn Verifier,
) -> Result<Signed<Policy>, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    Policy::verify(text.trim(), key, now, verifier).map_err(|error| error.to_string())
}

/// A sale, as a policy sees it.
pub(super) struct Sale<'a> {
    pub(super) amount: Amount,
    pub(super) kind: Option<&'a str>,
    pub(super) customer: Option<&'a str>,
}

/// The ways to pay that the policy leaves. Where the customer counts and is not known yet, the order is judged again.
pub(super) fn allowed(
    config: &Config,
    policy: Option<&Policy>,
    registry: &Registry,
    sale: &Sale<'_>,
    now: UnixSeconds,
) -> Vec<Acceptance> {
    let mut accepts = registry.acceptances();
    accepts.retain(|way| {
        let module = ModuleVersion { id: way.module.clone(), version: way.version };
        let judge =
            |customer: Option<&str>| judge(config, policy, registry, &module, &Sale { customer, ..*sale }, now).is_ok();
        match config.jurisdictions.as_slice() {
            [] => judge(None),
            places => places.iter().any(|place| judge(Some(place))),
        }
    });
    accepts
}

fn judge(
    config: &Config,
    policy: Option<&Policy>,
    registry: &Registry,
    module: &ModuleVersion,
    sale: &Sale<'_>,
    now: UnixSeconds,
) -> Result<(), PaymentError> {
    let Some(policy) = policy else { return Ok(()) };
    let unsupported = || PaymentError::Unsupported(module.id.clone());
    let strength_bits = registry.strength_bits(module).ok_or_else(unsupported)?;
    let facts = Facts {
        role: Side::Payee,
        customer: sale.customer,
        merchant: config.jurisdiction.as_deref(),
        amount: sale.amount,
        kind: sale.kind,
        now,
    };
    policy.judge(&facts, &Means { module, strength_bits })?;
    Ok(())
}

/// Refuses an order that the policy does not allow, whatever the offer said.
pub(super) fn check(app: &App, offer: &Offer, order: &Order, now: UnixSeconds) -> Result<(), Problem> {
    if offer.total.is_zero() {
        return Ok(());
    }
    let one = ModuleVersion { id: order.module.clone(), version: order.version };
    // Each of two that share the price is judged by all of it: no limit is evaded by halves.
    let modules = match order.split.as_slice() {
        [] => vec![one],
        shares => shares.iter().map(Share::module).collect(),
    };
    let sale = Sale { amount: offer.total, kind: offer.kind.as_deref(), customer: order.customer.as_deref() };
    for module in &modules {
        judge(&app.config, app.policy.as_deref(), &app.registry(), module, &sale, now).map_err(|error| {
            let detail = error.to_string();
            Problem::from(error).detail(detail)
        })?;
    }
    Ok(())
}

/// The policy that the merchant keeps, as its authority signed it.
#[utoipa::path(
    get, path = "/policy",
    responses(
        (status = 200, description = "A statement of type `semper-policy+jwt`.", body = String, content_type = "application/jose"),
        (status = 404, body = crate::http::ProblemBody, content_type = "application/problem+json")
    )
)]
pub(super) async fn published(app: web::Data<Arc<App>>) -> Result<HttpResponse, Problem> {
    let policy = app.policy.as_ref().ok_or_else(|| Problem::new(Code::NOT_FOUND))?;
    let mut response = jose(policy.compact().to_owned());
    let cache = header::HeaderValue::from_static("public, max-age=300");
    response.headers_mut().insert(header::CACHE_CONTROL, cache);
    Ok(response)
}

#[cfg(test)]
mod tests;
