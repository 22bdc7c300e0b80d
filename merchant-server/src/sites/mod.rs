//! The pages: the wallet's site, which is an origin of its own, and the shop's, which the merchant serves.
//!
//! Pages are files below `www/`, read once at the start, with their compressed form and their ETag. They hold no protocol
//! logic, and what they are told about this installation is one small `/config.json`.

mod assets;
mod site;
mod wallet;

pub use assets::{ASSETS_VARIABLE, Assets, AssetsError};
pub use site::Site;
pub use wallet::{WalletConfig, start};

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What the shop's pages need.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename = "closed ShopConfig", deny_unknown_fields)]
pub struct ShopConfig {
    /// The origin of the wallet that the shop proposes to its customers.
    pub wallet: String,
    /// The folder that contains `www/`; found by itself where it is not given.
    #[serde(default)]
    pub assets: Option<PathBuf>,
}

/// What the shop's pages are told.
#[derive(Debug, Clone, Serialize)]
struct ShopPages<'a> {
    wallet: &'a str,
    name: &'a str,
}

/// The shop's pages, for the merchant to serve beside its API: call [`Site::routes`] after all other routes.
///
/// `/g/{id}` is the page of a good, `/orders` what a wallet has bought, `/semper-pay/` the package that others install.
///
/// # Errors
/// [`AssetsError`] where the pages are not there.
pub fn shop(config: &ShopConfig, name: &str) -> Result<Site, AssetsError> {
    let assets = Assets::find(config.assets.as_deref())?;
    let wallet = config.wallet.trim_end_matches('/');
    let mut site = Site::new(&shop_policy(wallet));
    site.folder("/", &assets.www("shop"))?;
    site.folder("/common/", &assets.www("common"))?;
    site.package("/semper-pay/", &assets.package())?;
    site.page_below("/g/", "/good.html");
    site.json("/config.json", &ShopPages { wallet, name });
    Ok(site)
}

/// A shop shows its own things and may ask the wallet's origin, where the browser looks for its payment handler, and for the
/// picture that it shows for it.
fn shop_policy(wallet: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' {wallet} data:; media-src 'self'; font-src 'self'; \
         connect-src 'self' {wallet}; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    )
}
