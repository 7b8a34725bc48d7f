//! Whom the driver trusts.

use std::path::Path;
use std::sync::Arc;

use mainstay_db::DbError;
use mainstay_db::driver::Driver;
use mainstay_db::postgres::{Location, Postgres, PostgresOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::proxy::{Proxy, split};
use super::{ask, on};

/// A root certificate in a file, and a server with one that it vouches for.
fn certificates(folder: &Path, host: &str) -> (std::path::PathBuf, TlsAcceptor) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let root = folder.join(format!("{host}.pem"));
    std::fs::write(&root, authority.pem()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (root, TlsAcceptor::from(Arc::new(config)))
}

async fn attempt(url: &str) -> Result<i32, DbError> {
    let driver = Postgres::open(Location::parse(url, Path::new("."))?, PostgresOptions::default()).await?;
    let answer = ask::<i32>(&driver, "SELECT 42").await;
    driver.close().await;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trusts_whom_the_address_says() {
    on(async |url: String| {
        let folder = tempfile::tempdir().unwrap();
        let (_, server, _) = split(&url);
        let (root, named) = certificates(folder.path(), "127.0.0.1");
        let (_, stranger) = certificates(folder.path(), "stranger.example");
        let named = Proxy::encrypted(&server, named).await;
        let stranger = Proxy::encrypted(&server, stranger).await;
        let root = root.display();
        let url_of = |proxy: &Proxy, parameters: &str| format!("{}?{parameters}", proxy.url(&url));

        for mode in ["prefer", "require"] {
            assert_eq!(attempt(&url_of(&stranger, &format!("sslmode={mode}"))).await, Ok(42), "{mode}");
        }
        for mode in ["require", "verify-ca", "verify-full"] {
            let parameters = format!("sslmode={mode}&sslrootcert={root}");
            assert_eq!(attempt(&url_of(&named, &parameters)).await, Ok(42), "{mode}");
            let fault = attempt(&url_of(&stranger, &parameters)).await.unwrap_err().to_string();
            assert!(fault.contains("certificate"), "{mode}: {fault}");
        }
        // Nobody on this machine has heard of the authority.
        let fault = attempt(&url_of(&named, "sslmode=verify-full")).await.unwrap_err().to_string();
        assert!(fault.contains("certificate"), "{fault}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn minds_the_name_only_when_told_to() {
    on(async |url: String| {
        let folder = tempfile::tempdir().unwrap();
        let (_, server, _) = split(&url);
        let (root, acceptor) = certificates(folder.path(), "other.example");
        let proxy = Proxy::encrypted(&server, acceptor).await;
        let url_of =
            |mode: &str| format!("{}?sslmode={mode}&sslrootcert={}", proxy.url(&url), root.display());
        assert_eq!(attempt(&url_of("verify-ca")).await, Ok(42));
        let fault = attempt(&url_of("verify-full")).await.unwrap_err().to_string();
        assert!(fault.contains("not valid for name"), "{fault}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_speak_plainly_when_told_not_to() {
    on(async |url: String| {
        // The server of the tests speaks no TLS, or a certificate that nobody knows.
        let missing = format!("{url}?sslmode=verify-full&sslrootcert=/nowhere/ca.pem");
        let fault = attempt(&missing).await.unwrap_err().to_string();
        assert!(fault.contains("/nowhere/ca.pem"), "{fault}");
        assert!(attempt(&format!("{url}?sslmode=verify-full")).await.is_err());
        assert_eq!(attempt(&format!("{url}?sslmode=disable")).await, Ok(42));
        assert_eq!(attempt(&format!("{url}?sslmode=prefer")).await, Ok(42));
    })
    .await;
}
