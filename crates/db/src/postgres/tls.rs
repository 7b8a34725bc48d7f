//! TLS to the server, by rustls with ring.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

use super::location::{Location, Trust};
use crate::error::DbError;

/// Where systems keep the certificates that they trust, in one file.
const SYSTEM_ROOTS: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Makes the TLS of a location's connections.
#[derive(Clone)]
pub(super) struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Reads the certificates that the location asks for. Reads files: call it once.
    pub(super) fn new(location: &Location) -> Result<Self, DbError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|fault| unavailable(location, &fault))?;
        let vouched = match location.trust {
            Trust::Plain | Trust::Anybody => None,
            Trust::Vouched | Trust::Named => {
                let roots = Arc::new(roots(location)?);
                let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                Some(verifier.build().map_err(|fault| unavailable(location, &fault))?)
            }
        };
        let verifier: Arc<dyn ServerCertVerifier> = match (location.trust, vouched) {
            (Trust::Named, Some(verifier)) => verifier,
            (_, vouched) => Arc::new(Lenient { provider, vouched }),
        };
        let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(Self(Arc::new(config)))
    }

    pub(super) fn handshake(&self, host: &str) -> Handshake {
        Handshake { connector: TlsConnector::from(Arc::clone(&self.0)), host: host.to_owned() }
    }
}

fn unavailable(location: &Location, fault: &dyn fmt::Display) -> DbError {
    DbError::Unavailable { detail: format!("TLS to `{location}` cannot be set up: {fault}") }
}

fn roots(location: &Location) -> Result<RootCertStore, DbError> {
    let path = match &location.roots {
        Some(path) => path.clone(),
        None => system_roots().ok_or_else(|| {
            let fix = "name the file of the root certificate: `sslrootcert=/path/to/ca.pem`";
            unavailable(
                location,
                &format!("this system keeps no root certificates where they are looked for; {fix}"),
            )
        })?,
    };
    read_roots(&path).map_err(|why| unavailable(location, &format!("`{}` {why}", path.display())))
}

fn system_roots() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    named.into_iter().chain(SYSTEM_ROOTS.iter().map(PathBuf::from)).find(|path| path.is_file())
}

fn read_roots(path: &Path) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|fault| format!("cannot be read: {fault}"))?;
    let certificates: Vec<_> =
        certificates.collect::<Result<_, _>>().map_err(|fault| format!("is not PEM: {fault}"))?;
    roots.add_parsable_certificates(certificates);
    if roots.is_empty() { Err("holds no certificate".to_owned()) } else { Ok(roots) }
}

/// Asks less of a certificate than that it is the host's own.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// Whether the roots must vouch for it, whatever host it names: what `verify-ca` means. Without them, whoever answers is
    /// taken: what `prefer` and `require` mean.
    vouched: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(vouched) = &self.vouched else { return Ok(ServerCertVerified::assertion()) };
        match vouched.verify_server_cert(certificate, intermediates, name, ocsp, now) {
            // The name is looked at last: everything else is as it should be.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted<Socket>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, io::Error> {
        Ok(self.handshake(host))
    }
}

/// TLS to one host.
pub(super) struct Handshake {
    connector: TlsConnector,
    host: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Encrypted<S>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Encrypted<S>>>;

    fn connect(self, socket: S) -> Self::Future {
        async move {
            let name = ServerName::try_from(self.host)
                .map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
            Ok(Encrypted(Box::new(self.connector.connect(name, socket).await?)))
        }
        .boxed()
    }
}

/// An encrypted socket.
pub(super) struct Encrypted<S>(Box<tokio_rustls::client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Encrypted<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Encrypted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Encrypted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
