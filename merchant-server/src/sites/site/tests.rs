#![allow(clippy::unwrap_used)]

use actix_web::body::MessageBody as _;
use actix_web::http::header::HeaderName;

use super::*;
use crate::sites::{Assets, ShopConfig, WalletConfig, shop, wallet};

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("www/wallet/index.html", &"<p>wallet</p>".repeat(50));
    write("www/wallet/confirm.html", "<p>confirm</p>");
    write("www/wallet/payment-manifest.json", "{}");
    write("www/wallet/pkg/a.wasm", "\0asm");
    write("www/wallet/.secret", "x");
    write("www/common/base.css", "p{}");
    write("www/shop/index.html", "<p>shop</p>");
    write("www/shop/good.html", "<p>good</p>");
    write("client-wasm/js/index.js", "export {}");
    write("client-wasm/js/node_modules/x/index.js", "x");
    write("client-wasm/js/README.md", "x");
    folder
}

fn wallet_site(folder: &tempfile::TempDir) -> Site {
    let config: WalletConfig = serde_json::from_str(r#"{"default_mint":"http://localhost:1"}"#).unwrap();
    wallet::pages(&Assets::find(Some(folder.path())).unwrap(), &config).unwrap()
}

type Headers = HashMap<String, String>;

fn ask(site: &Site, path: &str, headers: &[(HeaderName, &'static str)]) -> (u16, Headers, Bytes) {
    let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
    let response = site.answer(path, &headers);
    let status = response.status().as_u16();
    let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
    let headers = response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    (status, headers, response.into_body().try_into_bytes().unwrap())
}

#[test]
fn pages_have_their_addresses_types_and_policy() {
    let folder = folder();
    let site = wallet_site(&folder);
    let (status, headers, body) = ask(&site, "/", &[]);
    assert_eq!((status, headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    assert!(body.starts_with(b"<p>wallet</p>"));
    assert!(headers["content-security-policy"].contains("require-trusted-types-for 'script'"));
    assert_eq!(ask(&site, "/confirm", &[]).2, "<p>confirm</p>");
    assert_eq!(ask(&site, "/pkg/a.wasm", &[]).1["content-type"], "application/wasm");
    assert_eq!(ask(&site, "/common/base.css", &[]).2, "p{}");
    assert_eq!(ask(&site, "/config.json", &[]).2, r#"{"default_mint":"http://localhost:1","shops":[]}"#);
    let (_, headers, _) = ask(&site, "/pay", &[]);
    assert_eq!(headers["link"], "</payment-manifest.json>; rel=\"payment-method-manifest\"");
    assert_eq!(headers["cross-origin-resource-policy"], "cross-origin", "browsers read it for the shop's page");
    assert_eq!(ask(&site, "/", &[]).1["cross-origin-resource-policy"], "same-origin");
    for path in ["/nothing", "/.secret", "/../www/wallet/index.html", "/pkg", "/pkg/"] {
        assert_eq!(ask(&site, path, &[]).0, 404, "{path}");
    }
}

#[test]
fn what_a_browser_has_is_not_sent_again_and_what_it_takes_is_compressed() {
    let folder = folder();
    let site = wallet_site(&folder);
    let (_, headers, plain) = ask(&site, "/", &[]);
    let etag: &'static str = String::leak(headers["etag"].clone());
    let (status, headers, body) = ask(&site, "/", &[(header::IF_NONE_MATCH, etag)]);
    assert_eq!((status, body.len(), headers["etag"].as_str()), (304, 0, etag));
    let (_, headers, packed) = ask(&site, "/", &[(header::ACCEPT_ENCODING, "gzip, br;q=0.9")]);
    assert_eq!(headers["content-encoding"], "br");
    let mut unpacked = Vec::new();
    brotli::BrotliDecompress(&mut &packed[..], &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    assert_eq!(ask(&site, "/", &[(header::ACCEPT_ENCODING, "gzip, br;q=0")]).2, plain);
}

#[test]
fn the_shop_has_goods_and_the_package() {
    let folder = folder();
    let config = ShopConfig { wallet: "http://localhost:2/".to_owned(), assets: Some(folder.path().to_owned()) };
    let site = shop(&config, "Meridian").unwrap();
    assert_eq!(ask(&site, "/g/an-essay", &[]).2, "<p>good</p>");
    assert_eq!(ask(&site, "/semper-pay/index.js", &[]).0, 200);
    for path in ["/semper-pay/README.md", "/semper-pay/node_modules/x/index.js"] {
        assert_eq!(ask(&site, path, &[]).0, 404, "{path}");
    }
    let (_, headers, config) = ask(&site, "/config.json", &[]);
    assert_eq!(config, r#"{"wallet":"http://localhost:2","name":"Meridian"}"#);
    assert!(headers["content-security-policy"].contains("connect-src 'self' http://localhost:2;"));
    assert!(headers["content-security-policy"].contains("img-src 'self' http://localhost:2 data:;"));
}

#[test]
fn a_place_without_pages_is_named() {
    let empty = tempfile::tempdir().unwrap();
    let error = Assets::find(Some(empty.path())).unwrap_err();
    assert!(error.to_string().contains("www"), "{error}");
}
