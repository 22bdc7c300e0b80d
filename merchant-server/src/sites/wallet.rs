//! The wallet's site: static pages on an origin of its own. Keys, coins and secrets never come here.

use std::path::PathBuf;
use std::sync::Arc;

use actix_web::web;
use serde::{Deserialize, Serialize};

use super::assets::{Assets, AssetsError};
use super::site::Site;
use crate::http::{self, Running, ServerSettings, Service, Shutdown, StartError};

/// What wallet pages may do: run their own scripts and WebAssembly, talk to shops and mints, be framed by nobody. Whoever writes
/// text into a page as HTML must have made it a trusted type.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; \
    media-src 'self' blob:; frame-src 'self' blob:; connect-src 'self' https: http://localhost:*; worker-src 'self'; \
    manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

/// What the wallet's site must know.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed WalletConfig", deny_unknown_fields)]
pub struct WalletConfig {
    /// Where it listens.
    #[serde(default)]
    pub server: ServerSettings,
    /// The folder that contains `www/`; found by itself where it is not given.
    #[serde(default)]
    pub assets: Option<PathBuf>,
    /// The mint that "Add cash" proposes.
    #[serde(default)]
    pub default_mint: String,
    /// Shops to visit, shown in an empty library.
    #[serde(default)]
    pub shops: Vec<String>,
}

#[derive(Serialize)]
struct WalletPages<'a> {
    default_mint: &'a str,
    shops: &'a [String],
}

/// Starts the wallet's site.
///
/// # Errors
/// [`StartError`] where the pages are not there or the address is taken.
pub async fn start(config: &WalletConfig, shutdown: &Shutdown) -> Result<Running, StartError> {
    let assets = Assets::find(config.assets.as_deref()).map_err(|error| StartError::Config(error.to_string()))?;
    let site = Arc::new(pages(&assets, config).map_err(|error| StartError::Config(error.to_string()))?);
    let service = Service::new("wallet")?.same_origin();
    http::server::start(&config.server, service, move |routes: &mut web::ServiceConfig| site.routes(routes), shutdown)
        .await
}

pub(super) fn pages(assets: &Assets, config: &WalletConfig) -> Result<Site, AssetsError> {
    let mut site = Site::new(POLICY);
    site.folder("/", &assets.www("wallet"))?;
    site.folder("/common/", &assets.www("common"))?;
    site.json("/config.json", &WalletPages { default_mint: &config.default_mint, shops: &config.shops });
    // The address that shops name as payment method. Browsers follow the link to the manifest, and that to the service worker.
    site.linked("/pay", "/payment-manifest.json", "</payment-manifest.json>; rel=\"payment-method-manifest\"");
    // They do so in the name of the shop's page.
    for prefix in ["/pay", "/payment-manifest.json", "/manifest.webmanifest", "/icons/"] {
        site.shared(prefix);
    }
    Ok(site)
}
