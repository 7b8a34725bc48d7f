//! Encrypted connections.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use mainstay_core::config::Sources;
use mainstay_core::{App, Profile};
use mainstay_outbound::{Failure, OutboundExt, Upstream};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::server::{answer, serve};
use crate::{Caller, Payments, failure};

/// A server with a certificate of its own, for `localhost`, in `ca.pem`. Its base URL.
async fn encrypted(folder: &Path, protocol: &'static str) -> String {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("ca.pem"), issued.cert.pem()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.signing_key.serialize_pem().as_bytes()).unwrap();
    let chain = vec![CertificateDer::from(issued.cert.der().to_vec())];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                if protocol == "h2" {
                    let service = hyper::service::service_fn(|request: http::Request<_>| async move {
                        let said = format!("{:?} {}", request.version(), request.uri().path());
                        Ok::<_, std::convert::Infallible>(http::Response::new(Full::<Bytes>::from(said)))
                    });
                    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                } else {
                    serve(stream, &|_, _| answer(200, "", "encrypted"), &Default::default()).await;
                }
            });
        }
    });
    base
}

fn app(base: &str) -> App {
    App::new().outbound(Upstream::new("payments", Payments).base(base).retries(0))
}

#[tokio::test]
async fn trusts_a_certificate_of_ones_own_where_it_is_told_to_and_only_there() {
    let folder = tempfile::tempdir().unwrap();
    let base = encrypted(folder.path(), "http/1.1").await;
    let ca = folder.path().join("ca.pem");
    let caller = Caller::in_app(app(&base), &[("ca", ca.to_str().unwrap())]).await;
    assert_eq!(caller.get("/").send().await.unwrap().text().unwrap(), "encrypted");

    let caller = Caller::in_app(app(&base), &[]).await;
    let error = caller.get("/").send().await.unwrap_err();
    assert!(matches!(failure(&error), Failure::Connect(_)), "{error:?}");
    assert!(error.report().contains("no encrypted connection to `localhost`: "), "{}", error.report());
    assert!(error.report().contains("invalid peer certificate"), "{}", error.report());
    // The name in the certificate counts, not the address.
    let by_address = base.replace("localhost", "127.0.0.1");
    let caller = Caller::in_app(app(&by_address), &[("ca", ca.to_str().unwrap())]).await;
    assert!(caller.get("/").send().await.unwrap_err().report().contains("not valid for name"));
}

#[tokio::test]
async fn speaks_http2_where_the_upstream_does() {
    let folder = tempfile::tempdir().unwrap();
    let base = encrypted(folder.path(), "h2").await;
    let ca = folder.path().join("ca.pem");
    let caller = Caller::in_app(app(&base), &[("ca", ca.to_str().unwrap())]).await;
    for path in ["/one", "/two"] {
        assert_eq!(caller.get(path).send().await.unwrap().text().unwrap(), format!("HTTP/2.0 {path}"));
    }
}

#[tokio::test]
async fn a_file_that_is_no_certificate_is_named_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, "hello").unwrap();
    for (file, what) in [(&path, "holds no certificate"), (&folder.path().join("none.pem"), "cannot be read")]
    {
        let app = app("https://payments.example").set("outbound.payments.ca", file.to_str().unwrap());
        let assembly = app.profile(Profile::Test).assemble(Sources::isolated());
        let error = assembly.resolver().get::<Payments>().await.err().unwrap().report();
        assert!(error.contains("upstream `payments`") && error.contains(what), "{error}");
    }
}
