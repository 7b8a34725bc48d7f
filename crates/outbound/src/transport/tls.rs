//! Whom an encrypted connection trusts.

use std::path::Path;
use std::sync::Arc;

use mainstay_core::{Error, Result};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// The certificate authorities of the web, and those in `extra`, a file of the upstream's own.
pub(crate) async fn config(extra: Option<&Path>) -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra {
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
    let mut config = ClientConfig::builder_with_provider(provider)
        // TLS 1.2 and 1.3.
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
