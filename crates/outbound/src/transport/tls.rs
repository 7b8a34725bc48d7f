//! Whom an encrypted connection trusts.

use std::path::Path;
use std::sync::Arc;

use mainstay_core::{Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Of HTTP, in either version.
pub(crate) async fn config(extra: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut config = authorities(extra).await?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Encrypted connections, by TLS 1.2 and 1.3 with ring, to whom the certificate authorities of the web vouch for, and those in the
/// file `ca`: for a part that brings a protocol of its own.
///
/// # Errors
///
/// When the file cannot be read, or has no certificate.
pub async fn authorities(ca: Option<&Path>) -> Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        let fault = |what: &str| Error::internal(format!("`ca`: the file {} {what}", path.display()));
        let pem = tokio::fs::read(path).await.map_err(|error| fault("cannot be read").caused_by(error))?;
        let mut found = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| fault("is not valid PEM").caused_by(error))?;
            roots
                .add(certificate)
                .map_err(|error| fault("holds a certificate that cannot be trusted").caused_by(error))?;
            found += 1;
        }
        if found == 0 {
            return Err(fault("holds no certificate (no `BEGIN CERTIFICATE` in it)"));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        // TLS 1.2 and 1.3.
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}
