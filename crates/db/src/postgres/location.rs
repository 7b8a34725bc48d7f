//! What a `postgres:` URL means.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

use crate::engine::{decoded, without_credentials};
use crate::error::DbError;

/// Where a server is, and how to speak with it.
#[derive(Clone, Debug)]
pub struct Location {
    pub(super) config: Config,
    pub(super) trust: Trust,
    pub(super) roots: Option<PathBuf>,
    shown: String,
}

/// What is asked of the server's certificate, as `sslmode` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// `disable`: no TLS at all.
    Plain,
    /// `prefer`, `require` without a root certificate: whoever it is.
    Anybody,
    /// `verify-ca`: somebody whom the roots vouch for.
    Vouched,
    /// `verify-full`: the one with the host's name.
    Named,
}

impl Location {
    /// Reads a URL: `postgres://user:password@host:5432/database?sslmode=verify-full`. What libpq calls `sslmode` and
    /// `sslrootcert` is read here, and every other parameter as tokio-postgres knows it. Several hosts may be named,
    /// separated by commas; the first that answers is used. A relative file starts from `home`.
    pub fn parse(url: &str, home: &Path) -> Result<Self, DbError> {
        let shown = without_credentials(url);
        let refuse =
            |why: String| DbError::Unavailable { detail: format!("`{shown}` is not an address: {why}") };
        if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refuse("it must begin with `postgres://`".to_owned()));
        }
        let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut roots, mut kept) = ("prefer", None, Vec::new());
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=') {
                Some(("sslmode", value)) => mode = value,
                Some(("sslrootcert", "system")) => roots = Some(PathBuf::from("system")),
                Some(("sslrootcert", value)) => roots = Some(home.join(decoded(value))),
                _ => kept.push(parameter),
            }
        }
        let rest = if kept.is_empty() { address.to_owned() } else { format!("{address}?{}", kept.join("&")) };
        let mut config = Config::from_str(&rest).map_err(|fault| refuse(with_cause(&fault)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            config.host("localhost");
        }
        let (ssl, trust) = match mode {
            "disable" => (SslMode::Disable, Trust::Plain),
            "allow" | "prefer" => (SslMode::Prefer, Trust::Anybody),
            // As libpq has it: with a root certificate at hand, it is used.
            "require" if roots.is_some() => (SslMode::Require, Trust::Vouched),
            "require" => (SslMode::Require, Trust::Anybody),
            "verify-ca" => (SslMode::Require, Trust::Vouched),
            "verify-full" => (SslMode::Require, Trust::Named),
            other => {
                return Err(refuse(format!(
                    "`sslmode={other}` is none of `disable`, `prefer`, `require`, `verify-ca` and `verify-full`"
                )));
            }
        };
        config.ssl_mode(ssl);
        Ok(Self { config, trust, roots: roots.filter(|roots| roots.as_os_str() != "system"), shown })
    }
}

impl std::fmt::Display for Location {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

/// An error and what is beneath it, in one line.
pub(super) fn with_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = deeper.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_is_trusted() {
        let read = |url: &str| {
            let location = Location::parse(url, Path::new("/home/app")).unwrap();
            (location.config.get_ssl_mode(), location.trust, location.roots)
        };
        assert_eq!(read("postgres://ann@db/app"), (SslMode::Prefer, Trust::Anybody, None));
        assert_eq!(read("postgres://db/app?sslmode=disable"), (SslMode::Disable, Trust::Plain, None));
        assert_eq!(
            read("postgresql://db/app?sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&connect_timeout=3"),
            (SslMode::Require, Trust::Named, Some("/etc/ca.pem".into()))
        );
        assert_eq!(
            read("postgres://db/app?sslmode=require&sslrootcert=ca.pem"),
            (SslMode::Require, Trust::Vouched, Some("/home/app/ca.pem".into()))
        );
        assert_eq!(
            read("postgres://db/app?sslmode=verify-full&sslrootcert=system"),
            (SslMode::Require, Trust::Named, None)
        );
    }

    #[test]
    fn refuses_what_it_does_not_know_without_showing_the_password() {
        for url in [
            "mysql://ann:secret@db/app",
            "postgres:app",
            "postgres://ann:secret@db/app?sslmode=maybe",
            "postgres://ann:secret@db/app?nonsense=1",
        ] {
            let fault = Location::parse(url, Path::new("/")).unwrap_err().to_string();
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
