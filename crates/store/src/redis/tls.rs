//! TLS to a server, and why there is none.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_outbound::authorities;
use redis::RedisError;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, Error as TlsError};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::fault::Fault;

/// Why the way to a server cannot be encrypted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", self.what(), self.fix())]
pub(super) enum TlsFault {
    /// The file of the authority is of no use.
    Authority(String),
    /// Nobody who is trusted vouches for its certificate.
    Untrusted(String),
    /// Its certificate is another host's.
    OtherHost(String, TlsError),
    /// Its certificate has expired, or is none.
    Certificate(String, TlsError),
    /// What it says is something else than TLS.
    NoTls(String),
    /// It says nothing, as a Redis server does that waits for the end of what it takes for a command.
    Silent(String),
    /// It wants a certificate of this application.
    AsksForOurs(String),
    /// It does not agree.
    Handshake(String, TlsError),
}

impl TlsFault {
    /// What is wrong.
    pub(super) fn what(&self) -> String {
        match self {
            Self::Authority(why) => format!("no authority of certificates can be read: {why}"),
            Self::Untrusted(host) => format!("nobody who is trusted vouches for the certificate of {host}"),
            Self::OtherHost(host, why) => format!("the certificate is not that of {host}: {why}"),
            Self::Certificate(host, why) => format!("the certificate of {host} does not hold: {why}"),
            Self::NoTls(host) => format!("{host} does not speak TLS at this port"),
            Self::Silent(host) => format!("{host} does not answer by TLS at this port"),
            Self::AsksForOurs(host) => {
                format!("{host} lets in only who shows a certificate, which nobody has here")
            }
            Self::Handshake(host, why) => format!("{host} does not agree on TLS: {why}"),
        }
    }

    /// What there is to do.
    pub(super) fn fix(&self) -> &'static str {
        match self {
            Self::Authority(_) | Self::Untrusted(_) => {
                "set `store.ca` to the file (PEM) of the authority that has signed its certificate"
            }
            Self::OtherHost(..) => "write the name into the address that its certificate has",
            Self::Certificate(..) => "give the server another certificate",
            Self::NoTls(_) | Self::Silent(_) => {
                "write the port into the address at which it does, or redis:// for a server that does not"
            }
            Self::AsksForOurs(_) => "tell the server `tls-auth-clients no`, and let it ask for a password",
            Self::Handshake(..) => {
                "let the server speak TLS 1.2 or 1.3, and ask for no certificate of clients"
            }
        }
    }

    /// Whether that may be otherwise in a moment: who is silent may be about to start.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Silent(_))
    }

    fn of(host: String, why: TlsError) -> Self {
        match why {
            TlsError::InvalidCertificate(CertificateError::UnknownIssuer) => Self::Untrusted(host),
            TlsError::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Self::OtherHost(host, why),
            TlsError::InvalidCertificate(_) => Self::Certificate(host, why),
            TlsError::InvalidMessage(_) => Self::NoTls(host),
            why => Self::Handshake(host, why),
        }
    }
}

/// TLS over a socket, to a host whose certificate has its name, and is vouched for by an authority of the web or of `ca`.
///
/// Who does not answer has three quarters of the time that there is for the whole connection, so that it is known what it was that
/// took so long.
pub(super) async fn encrypt(
    socket: TcpStream,
    host: &str,
    ca: Option<&Path>,
    timeout: Duration,
) -> Result<TlsStream<TcpStream>, Fault> {
    let trusted = authorities(ca).await.map_err(|why| TlsFault::Authority(why.report()))?;
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| TlsFault::Handshake(host.to_owned(), TlsError::UnsupportedNameType))?;
    let handshake = TlsConnector::from(Arc::new(trusted)).connect(name, socket);
    match tokio::time::timeout(timeout.mul_f32(0.75), handshake).await {
        Ok(Ok(encrypted)) => Ok(encrypted),
        Ok(Err(error)) => Err(fault(host, error)),
        Err(_) => Err(TlsFault::Silent(host.to_owned()).into()),
    }
}

/// What a server says behind the handshake, of which it is no part in TLS 1.3 whether it lets a client in without a certificate. The
/// crate `redis` has wrapped it, and hands on its words.
pub(super) fn after_handshake(host: &str, fault: Fault) -> Fault {
    let wanted = TlsError::AlertReceived(AlertDescription::CertificateRequired).to_string();
    if fault.to_string() == wanted { TlsFault::AsksForOurs(host.to_owned()).into() } else { fault }
}

fn fault(host: &str, error: io::Error) -> Fault {
    match error.get_ref().and_then(|why| why.downcast_ref::<TlsError>()) {
        Some(why) => TlsFault::of(host.to_owned(), why.clone()).into(),
        // The connection broke.
        None => RedisError::from(error).into(),
    }
}
