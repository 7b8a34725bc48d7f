//! Certificates from files, reloaded without a restart.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use mainstay_core::{Error, Result};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use super::config::TlsConfig;

/// The certificate and key that new connections get. Connections that are open keep the one they began with.
#[derive(Clone)]
pub struct Certificates {
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

struct Current {
    config: TlsConfig,
    provider: Arc<CryptoProvider>,
    key: RwLock<Arc<CertifiedKey>>,
    /// When each file was last written, as of the last reload.
    written: Mutex<[Option<SystemTime>; 2]>,
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("config", &self.config).finish_non_exhaustive()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.current.config).finish()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.key.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Certificates {
    /// Reads certificate and key, and makes sure that they belong together.
    ///
    /// # Errors
    /// When a file cannot be read, holds nothing of what it should, or when the key is not that of the certificate.
    pub async fn load(config: &TlsConfig) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let written = written(config).await;
        let key = read(config, &provider).await?;
        let current = Arc::new(Current {
            config: config.clone(),
            provider: Arc::clone(&provider),
            key: RwLock::new(Arc::new(key)),
            written: Mutex::new(written),
        });
        let mut server = rustls::ServerConfig::builder_with_provider(provider)
            // TLS 1.2 and 1.3.
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // Resumption without state on our side: the keys live in memory and change every few hours.
        server.ticketer = rustls::crypto::ring::Ticketer::new()?;
        Ok(Self { current, acceptor: TlsAcceptor::from(Arc::new(server)) })
    }

    /// Reads the files again, for connections to come.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificate in use stays.
    pub async fn reload(&self) -> Result<()> {
        let key = read(&self.current.config, &self.current.provider).await?;
        *self.current.key.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// Reloads whenever a file changes, for ever.
    pub(super) async fn follow_files(&self) {
        let every = self.current.config.reload;
        if every.is_zero() {
            return;
        }
        loop {
            tokio::time::sleep(every).await;
            let written = written(&self.current.config).await;
            {
                let mut known = self.current.written.lock().unwrap_or_else(PoisonError::into_inner);
                if *known == written {
                    continue;
                }
                // Remembered also if they turn out not to serve, so that each change is reported once.
                *known = written;
            }
            match self.reload().await {
                Ok(()) => tracing::info!("the TLS certificate was reloaded"),
                Err(error) => {
                    tracing::error!(
                        error = error.report(),
                        "the new TLS certificate does not serve; the old one stays"
                    );
                }
            }
        }
    }
}

async fn written(config: &TlsConfig) -> [Option<SystemTime>; 2] {
    let of = async |path: &Path| tokio::fs::metadata(path).await.and_then(|file| file.modified()).ok();
    [of(&config.cert).await, of(&config.key).await]
}

async fn read(config: &TlsConfig, provider: &CryptoProvider) -> Result<CertifiedKey> {
    let chain = CertificateDer::pem_slice_iter(&contents(&config.cert, "cert").await?)
        .collect::<Result<Vec<_>, pem::Error>>()
        .map_err(|error| fault(&config.cert, "cert", "is not valid PEM").caused_by(error))?;
    if chain.is_empty() {
        return Err(fault(&config.cert, "cert", "holds no certificate (no `BEGIN CERTIFICATE` in it)"));
    }
    let key = PrivateKeyDer::from_pem_slice(&contents(&config.key, "key").await?).map_err(|error| {
        match error {
            pem::Error::NoItemsFound => {
                fault(&config.key, "key", "holds no private key (no `BEGIN PRIVATE KEY` in it)")
            }
            _ => fault(&config.key, "key", "is not valid PEM"),
        }
        .caused_by(error)
    })?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        match &error {
            rustls::Error::InconsistentKeys(_) => fault(
                &config.key,
                "key",
                &format!("is not the key of the certificate in {}", config.cert.display()),
            ),
            _ => fault(&config.key, "key", "cannot be used with this certificate"),
        }
        .caused_by(error)
    })
}

async fn contents(path: &Path, setting: &str) -> Result<Vec<u8>> {
    tokio::fs::read(path).await.map_err(|error| fault(path, setting, "cannot be read").caused_by(error))
}

fn fault(path: &Path, setting: &str, what: &str) -> Error {
    Error::internal(format!("`{setting}` under `[http.tls]`: the file {} {what}", path.display()))
}
