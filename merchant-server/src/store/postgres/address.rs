//! A database's URL, read.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use native_tls::{Certificate, TlsConnector};
use postgres_native_tls::MakeTlsConnector;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

use crate::store::StoreError;
use crate::store::sql::StoreUrl;

/// Connections that write, and that read, of one party in one process.
const WRITERS: usize = 4;
const READERS: usize = 4;
const MOST_CONNECTIONS: usize = 64;

/// Jobs that may wait before further ones are refused as busy.
const QUEUE: usize = 4_096;

/// Where the database is and how it is used.
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeTlsConnector,
    pub(super) writers: usize,
    pub(super) readers: usize,
    pub(super) queue: usize,
    /// Without secrets.
    pub(super) shown: Arc<str>,
}

impl Address {
    /// Reads a URL. Besides the driver's own options it knows `writers`, `readers`, `queue` and `sslrootcert`; `sslmode` is
    /// `disable`, `prefer` (encrypted where the server can, whoever it is) or `require` (its certificate must be valid).
    pub(super) fn read(url: &StoreUrl) -> Result<Self, StoreError> {
        let wrong = |what: String| StoreError::Settings(format!("{}: {what}", url.shown()).into());
        let (place, options) = url.expose().split_once('?').unwrap_or((url.expose(), ""));
        let (mut writers, mut readers, mut queue, mut root) = (WRITERS, READERS, QUEUE, None);
        let mut others = Vec::new();
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let number = |most: usize, text: &str| match text.parse() {
                Ok(number) if (1..=most).contains(&number) => Ok(number),
                _ => Err(wrong(format!("`{option}` is not a number from 1 to {most}"))),
            };
            match option.split_once('=') {
                Some(("writers", text)) => writers = number(MOST_CONNECTIONS, text)?,
                Some(("readers", text)) => readers = number(MOST_CONNECTIONS, text)?,
                Some(("queue", text)) => queue = number(1 << 20, text)?,
                Some(("sslrootcert", file)) => root = Some(file.replace("%2F", "/")),
                Some(("sslmode", "verify-full")) => others.push("sslmode=require"),
                _ => others.push(option),
            }
        }
        let text = if others.is_empty() { place.to_owned() } else { format!("{place}?{}", others.join("&")) };
        let mut config: Config = text.parse().map_err(|error: tokio_postgres::Error| wrong(error.to_string()))?;
        if config.get_application_name().is_none() {
            config.application_name("semper");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_secs(5));
        }
        // A server that vanishes without a word is noticed within seconds, and one that only reads is no use.
        config.tcp_user_timeout(Duration::from_secs(15)).keepalives_idle(Duration::from_secs(15));
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let mut tls = TlsConnector::builder();
        if config.get_ssl_mode() == SslMode::Prefer {
            // As the protocol's own library does: it hides the traffic from listeners and says nothing of who answers.
            tls.danger_accept_invalid_certs(true).danger_accept_invalid_hostnames(true);
        }
        if let Some(file) = root {
            let pem = fs::read(&file).map_err(|error| wrong(format!("{file}: {error}")))?;
            let root = Certificate::from_pem(&pem).map_err(|error| wrong(format!("{file}: {error}")))?;
            tls.add_root_certificate(root);
        }
        let tls = MakeTlsConnector::new(tls.build().map_err(|error| wrong(error.to_string()))?);
        Ok(Self { config, tls, writers, readers, queue, shown: url.shown().into() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn our_own_options_are_taken_out() {
        let url = "postgres://me:secret@db:5433/semper?writers=2&sslmode=verify-full&queue=7&application_name=x";
        let address = Address::read(&StoreUrl::new(url)).unwrap();
        assert_eq!((address.writers, address.readers, address.queue), (2, READERS, 7));
        assert_eq!((address.config.get_ports(), address.config.get_dbname()), (&[5433][..], Some("semper")));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.config.get_application_name(), Some("x"));
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for options in ["writers=0", "writers=x", "queue=", "nonsense=1", "sslrootcert=/nowhere", "sslmode=maybe"] {
            let url = StoreUrl::new(format!("postgres://me:hunter2@db/semper?{options}"));
            let Err(error) = Address::read(&url) else { panic!("{options} was taken") };
            assert!(matches!(error, StoreError::Settings(_)), "{options}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
