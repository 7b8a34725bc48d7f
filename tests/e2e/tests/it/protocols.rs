//! Unix sockets, HTTP/2 by prior knowledge, TLS.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;

use crate::process::{Program, Setup};
use crate::wire::{answer, connect, get};

pub(crate) async fn http2_client(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> http2::SendRequest<Empty<Bytes>> {
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn request(path: &str) -> hyper::Request<Empty<Bytes>> {
    hyper::Request::get(format!("https://localhost{path}")).body(Empty::new()).unwrap()
}

async fn text(response: hyper::Response<hyper::body::Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn http2_without_tls() {
    let program = Program::start();
    let mut client = http2_client(connect(program.address()).await).await;
    let answer = client.send_request(request("/names/h2c")).await.unwrap();
    assert_eq!(answer.version(), hyper::Version::HTTP_2);
    assert_eq!(text(answer).await, "h2c");
    let failed = client.send_request(request("/panic")).await.unwrap();
    assert_eq!(failed.status(), 500);
    assert!(text(failed).await.contains("request_id"));
    assert_eq!(text(client.send_request(request("/")).await.unwrap()).await, "hello");
}

#[tokio::test]
async fn a_flood_of_headers_over_http2_is_refused_and_the_others_on_the_connection_are_served() {
    let program = Program::start();
    let mut client = http2_client(connect(program.address()).await).await;
    let mut flood = request("/");
    for number in 0..200 {
        let name = format!("x-{number}").parse::<hyper::header::HeaderName>().unwrap();
        flood.headers_mut().insert(name, "1".parse().unwrap());
    }
    let beside = client.send_request(request("/work/200"));
    let refused = client.clone().send_request(flood).await.unwrap();
    assert_eq!(refused.status(), 431);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    assert_eq!(text(beside.await.unwrap()).await, "done");
    assert_eq!(text(client.send_request(request("/")).await.unwrap()).await, "hello");
}

#[tokio::test]
async fn a_unix_socket() {
    let mut program = Setup::new().variable("MAINSTAY__HTTP__UNIX", "app.sock").serve();
    let path = program.home.path().join("app.sock");
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(get("/", "").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.unwrap().unwrap().body, "hello");
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(0));
    assert!(!path.exists(), "the socket is left behind");
}

#[tokio::test]
async fn tls_with_either_protocol() {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let program = Setup::new()
        .file("cert.pem", issued.cert.pem())
        .file("key.pem", issued.signing_key.serialize_pem())
        .file("config/default.toml", "[http.tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"")
        .serve();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(issued.cert.der().clone()).unwrap();
    let connect = async |protocols: &[&str]| {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let stream = connect(program.address()).await;
        TlsConnector::from(Arc::new(config)).connect("localhost".try_into().unwrap(), stream).await.unwrap()
    };

    let stream = connect(&["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    let response = http2_client(stream).await.send_request(request("/")).await.unwrap();
    assert!(response.headers().contains_key("strict-transport-security"), "{:?}", response.headers());
    assert_eq!(text(response).await, "hello");

    let mut stream = connect(&["http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
    stream.write_all(get("/", "").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut stream).await.unwrap().unwrap().body, "hello");
}
