//! What a `mysql:` URL means.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mysql_async::{Conn, DriverError, Error, Opts, OptsBuilder, SslOpts};

use crate::engine::decoded;
use crate::error::DbError;

/// Prepared statements kept by a connection.
const PREPARED: usize = 256;

/// Where a database is, and how the way there is protected.
#[derive(Clone)]
pub struct Location {
    opts: Opts,
    tls: Tls,
    certificates: Option<PathBuf>,
    application_name: Option<String>,
    /// The server was found to know no TLS, and is not asked again with every connection.
    plain: Arc<AtomicBool>,
}

/// How the connection is encrypted: `sslmode` of the URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// `disable`: not at all.
    Disable,
    /// `prefer`: when the server can, without asking who it is.
    #[default]
    Prefer,
    /// `require`: always, without asking who the server is unless `sslrootcert` says whom to trust.
    Require,
    /// `verify-ca`: the server's certificate must come from a known authority. The library then looks at the name too.
    VerifyAuthority,
    /// `verify-full`: and it must be for the host's name.
    VerifyFull,
}

impl FromStr for Tls {
    type Err = DbError;

    fn from_str(word: &str) -> Result<Self, DbError> {
        Ok(match word {
            "disable" => Self::Disable,
            "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyAuthority,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(refused(format!(
                    "`sslmode={word}` is none of disable, prefer, require, verify-ca, verify-full"
                )));
            }
        })
    }
}

/// Without the password.
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Location({}, {:?})", self.label(), self.tls)
    }
}

impl Location {
    /// Reads a URL: `mysql://ann:secret@host:3306/app?sslmode=verify-full&sslrootcert=ca.pem`, or the same with
    /// `mariadb:`. A relative path of a certificate starts at `home`; `socket=` names a Unix socket.
    pub fn parse(url: &str, home: &Path) -> Result<Self, DbError> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let address = match address.split_once("://") {
            Some(("mysql" | "mariadb", rest)) => format!("mysql://{rest}"),
            _ => return Err(refused("it must begin with `mysql://` or `mariadb://`".to_owned())),
        };
        let opts = Opts::from_url(&address).map_err(|fault| refused(fault.to_string()))?;
        if opts.db_name().is_none() {
            return Err(refused("it names no database: `mysql://user@host/database`".to_owned()));
        }
        // A local server would otherwise be asked for its socket, and be connected to a second time. And an update that
        // finds its row as it should be has found it, as on the other engines.
        let mut builder = OptsBuilder::from_opts(opts).prefer_socket(false).client_found_rows(true);
        let (mut tls, mut certificates, mut application_name) = (Tls::default(), None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value);
            match key {
                "sslmode" => tls = value.parse()?,
                // As libpq has it: those that the system trusts.
                "sslrootcert" if value == "system" => certificates = None,
                "sslrootcert" => certificates = Some(home.join(value)),
                "application_name" => application_name = Some(value),
                "socket" => builder = builder.socket(Some(value)),
                _ => {
                    return Err(refused(format!(
                        "`{key}` is none of sslmode, sslrootcert, application_name, socket"
                    )));
                }
            }
        }
        let opts = builder.stmt_cache_size(PREPARED).into();
        Ok(Self { opts, tls, certificates, application_name, plain: Arc::default() })
    }

    /// The same, with a name for the connections unless the URL gives one.
    pub(super) fn named(mut self, name: &str) -> Self {
        let name = self.application_name.as_deref().unwrap_or(name).to_owned();
        self.opts = OptsBuilder::from_opts(self.opts).connect_attribute("program_name", name).into();
        self
    }

    /// For messages: the database and the server, without the password.
    pub(super) fn label(&self) -> String {
        let database = self.opts.db_name().unwrap_or_default();
        match self.opts.socket() {
            Some(socket) => format!("`{database}` at {socket}"),
            None => format!("`{database}` at {}:{}", self.opts.ip_or_hostname(), self.opts.tcp_port()),
        }
    }

    /// Connects, without setting anything up.
    pub(super) async fn connect(&self) -> Result<Conn, Error> {
        let encrypted = !self.plain.load(Ordering::Relaxed);
        match Conn::new(self.opts(encrypted)).await {
            Err(Error::Driver(DriverError::NoClientSslFlagFromServer)) if self.tls == Tls::Prefer => {
                self.plain.store(true, Ordering::Relaxed);
                Conn::new(self.opts(false)).await
            }
            outcome => outcome,
        }
    }

    /// What the library wants to know to connect, without TLS or with what `sslmode` asks for.
    pub(super) fn opts(&self, encrypted: bool) -> Opts {
        let opts = self.opts.clone();
        // The library does not encrypt a Unix socket, nor is there a need.
        if !encrypted || self.tls == Tls::Disable || opts.socket().is_some() {
            return opts;
        }
        // As libpq has it: with a root certificate at hand, it is used.
        let anybody = self.tls == Tls::Prefer || (self.tls == Tls::Require && self.certificates.is_none());
        let roots = self.certificates.iter().map(|path| path.clone().into()).collect();
        let tls = SslOpts::default()
            // Whoever names an authority trusts that one, and not also all that browsers trust.
            .with_disable_built_in_roots(self.certificates.is_some())
            .with_root_certs(roots)
            .with_danger_accept_invalid_certs(anybody)
            .with_danger_skip_domain_validation(self.tls != Tls::VerifyFull);
        OptsBuilder::from_opts(opts).ssl_opts(tls).into()
    }
}

fn refused(detail: String) -> DbError {
    DbError::Unavailable { detail: format!("the address of the database is not understood: {detail}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Location, DbError> {
        Location::parse(url, Path::new("/home/app"))
    }

    #[test]
    fn reads_an_address() {
        let location = parse("mariadb://ann:s%40crt@db.example:3307/app").unwrap();
        let opts = location.opts(false);
        assert_eq!((opts.user(), opts.pass()), (Some("ann"), Some("s@crt")));
        assert_eq!((opts.ip_or_hostname(), opts.tcp_port()), ("db.example", 3307));
        assert_eq!(opts.db_name(), Some("app"));
        assert!(opts.client_found_rows());
        assert_eq!(format!("{location:?}"), "Location(`app` at db.example:3307, Prefer)");
    }

    #[test]
    fn reads_how_the_way_is_protected() {
        let location = parse("mysql://h/app?sslmode=verify-full&sslrootcert=certs%2Fca.pem").unwrap();
        let opts = location.opts(true);
        let tls = opts.ssl_opts().unwrap();
        assert!(!tls.accept_invalid_certs() && !tls.skip_domain_validation());
        assert!(tls.disable_built_in_roots());
        assert_eq!(tls.root_certs().len(), 1);
        let required = parse("mysql://h/app?sslmode=require").unwrap().opts(true);
        assert!(required.ssl_opts().unwrap().accept_invalid_certs());
        assert!(parse("mysql://h/app?sslmode=disable").unwrap().opts(true).ssl_opts().is_none());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (url, word) in [
            ("postgres://h/app", "must begin with"),
            ("mysql://h", "names no database"),
            ("mysql://h/app?sslmode=maybe", "verify-full"),
            ("mysql://h/app?colour=blue", "`colour` is none of"),
        ] {
            let fault = parse(url).unwrap_err().to_string();
            assert!(fault.contains(word), "{url}: {fault}");
        }
    }
}
