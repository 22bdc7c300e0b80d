//! The desk's routes, and their description.

use actix_web::web;
use utoipa::OpenApi;

use super::{desk, page};
use crate::http::Endpoint;
use crate::iso20022::MAX_FILE;

#[derive(OpenApi)]
#[openapi(paths(
    page::invoice,
    desk::import,
    desk::entries,
    desk::assign,
    desk::send_back,
    desk::invoices,
    desk::outgoing,
    desk::outgoing_file
))]
struct DeskDoc;

/// The description with the desk's addresses.
pub(in crate::merchant) fn documented(mut merchant: utoipa::openapi::OpenApi) -> utoipa::openapi::OpenApi {
    merchant.merge(DeskDoc::openapi());
    merchant
}

/// The routes, on an application that has `App` as data.
pub(in crate::merchant) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(Endpoint::at("/deals/{deal}/invoice").get(page::invoice))
        .service(Endpoint::at("/admin/bank-files").post(desk::import).limit(MAX_FILE))
        .service(Endpoint::at("/admin/entries").get(desk::entries))
        .service(Endpoint::at("/admin/entries/{entry}/assign").post(desk::assign).limit(4 * 1024))
        .service(Endpoint::at("/admin/entries/{entry}/return").post(desk::send_back).limit(4 * 1024))
        .service(Endpoint::at("/admin/invoices").get(desk::invoices))
        .service(Endpoint::at("/admin/outgoing").get(desk::outgoing))
        .service(Endpoint::at("/admin/outgoing/files/{id}").post(desk::outgoing_file).limit(4 * 1024));
}
