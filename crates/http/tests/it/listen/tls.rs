//! TLS: what is agreed on, which mistakes are named, and a new certificate without a restart.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use mainstay_core::Profile;
use mainstay_http::listen::{ListenConfig, TlsConfig};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::protocols::{get, http2_client};
use crate::wire::{Server, hear, quick, response};

/// Writes a new self-signed certificate and its key.
fn issue(folder: &Path) -> CertificateDer<'static> {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("cert.pem"), issued.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), issued.signing_key.serialize_pem()).unwrap();
    issued.cert.der().clone()
}

fn over_tls(folder: &Path) -> ListenConfig {
    let tls = TlsConfig {
        cert: folder.join("cert.pem"),
        key: folder.join("key.pem"),
        reload: Duration::from_millis(50),
    };
    ListenConfig { tls: Some(tls), ..quick() }
}

async fn connect(
    server: &Server,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = server.connect().await;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn agrees_on_http2_or_http1_by_alpn() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issue(folder.path());
    let server = Server::start(&over_tls(folder.path())).await;

    let mut client = http2_client(connect(&server, &certificate, &["h2", "http/1.1"]).await.unwrap()).await;
    let answer = client.send_request(get("/protocol")).await.unwrap();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&text);
    assert!(text.starts_with("Http2") && text.contains("localhost") && text.contains("TLSv1.3"), "{text}");

    for offered in [&["http/1.1"][..], &[]] {
        let mut stream = connect(&server, &certificate, offered).await.unwrap();
        stream.write_all(b"GET /protocol HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let answer = response(&mut stream).await.unwrap();
        assert!(answer.contains("Http1 Some"), "{answer}");
    }
}

#[tokio::test]
async fn gives_up_a_handshake_that_does_not_go_on() {
    let folder = tempfile::tempdir().unwrap();
    issue(folder.path());
    let server = Server::start(&over_tls(folder.path())).await;
    let mut silent = server.connect().await;
    let start = Instant::now();
    assert_eq!(hear(&mut silent).await, "");
    assert!(start.elapsed() < Duration::from_millis(1200), "{:?}", start.elapsed());
    assert_eq!(server.metrics.counts().handshake_failures, 1);
}

#[tokio::test]
async fn serves_a_new_certificate_without_a_restart_and_keeps_old_connections() {
    let folder = tempfile::tempdir().unwrap();
    let first = issue(folder.path());
    let server = Server::start(&over_tls(folder.path())).await;
    let mut old = connect(&server, &first, &[]).await.unwrap();

    // A broken file changes nothing.
    std::fs::write(folder.path().join("cert.pem"), "nonsense").unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    connect(&server, &first, &[]).await.unwrap();

    let second = issue(folder.path());
    let start = Instant::now();
    while connect(&server, &second, &[]).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(5), "the new certificate never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(connect(&server, &first, &[]).await.is_err());
    old.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut old).await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn names_what_is_wrong_with_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let config = over_tls(folder.path());
    let report = async || config.bind(&Profile::Test).await.unwrap_err().report();

    let text = report().await;
    assert!(text.contains("cert.pem cannot be read") && text.contains("`cert` under `[http.tls]`"), "{text}");

    issue(folder.path());
    std::fs::write(folder.path().join("key.pem"), "nothing here").unwrap();
    let text = report().await;
    assert!(text.contains("key.pem holds no private key"), "{text}");

    std::fs::write(folder.path().join("cert.pem"), "nothing here").unwrap();
    let text = report().await;
    assert!(text.contains("cert.pem holds no certificate"), "{text}");

    issue(folder.path());
    let kept = std::fs::read(folder.path().join("cert.pem")).unwrap();
    issue(folder.path());
    std::fs::write(folder.path().join("cert.pem"), kept).unwrap();
    let text = report().await;
    assert!(text.contains("is not the key of the certificate"), "{text}");
}
