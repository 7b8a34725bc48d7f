//! HTTP/1.1 and HTTP/2 on one port.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::AsyncWriteExt;

use crate::wire::{Server, quick, response};

pub(crate) async fn http2_client(
    io: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
) -> http2::SendRequest<Body> {
    let (client, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(io)).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(format!("http://localhost{path}")).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn speaks_http1_and_http2_by_prior_knowledge_on_one_port() {
    let server = Server::start(&quick()).await;
    let mut one = server.connect().await;
    one.write_all(b"GET /protocol HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut one).await.unwrap().ends_with("Http1 None"));
    let mut two = http2_client(server.connect().await).await;
    let answer = two.send_request(get("/protocol")).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "Http2 None");
}

#[tokio::test]
async fn recognises_http2_when_the_preface_comes_in_pieces() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    for piece in [b"PRI * HT".as_slice(), b"TP/2.0\r\n\r\nSM\r", b"\n\r\n", b"\0\0\0\x04\0\0\0\0\0"] {
        stream.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut frame = [0; 9];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut frame).await.unwrap();
    assert_eq!(frame[3], 4, "the first frame must be SETTINGS: {frame:?}");
}

#[tokio::test]
async fn serves_many_requests_of_one_http2_connection_at_once() {
    let server = Server::start(&quick()).await;
    let client = http2_client(server.connect().await).await;
    let start = std::time::Instant::now();
    let requests = (0..50).map(|_| {
        let mut client = client.clone();
        async move { client.send_request(get("/slow/300")).await.unwrap().status() }
    });
    let answers = futures_util::future::join_all(requests).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK));
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[tokio::test]
async fn answers_431_to_a_flood_of_http2_header_fields() {
    let server = Server::start(&quick()).await;
    let mut client = http2_client(server.connect().await).await;
    let mut request = get("/");
    for number in 0..150 {
        let name = hyper::header::HeaderName::try_from(format!("x-{number}")).unwrap();
        request.headers_mut().insert(name, "y".parse().unwrap());
    }
    let answer = client.send_request(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn says_goodbye_on_http2_after_the_open_requests() {
    let server = Server::start(&quick()).await;
    let mut client = http2_client(server.connect().await).await;
    client.send_request(get("/")).await.unwrap();
    let open = tokio::spawn(client.send_request(get("/slow/400")));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let drained = server.stop(Duration::from_secs(5)).await;
    assert_eq!(open.await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(drained.aborted, 0);
    assert!(client.ready().await.is_err(), "the connection must be over");
}

#[tokio::test]
async fn ends_an_idle_http2_connection() {
    let server = Server::start(&quick()).await;
    let mut client = http2_client(server.connect().await).await;
    client.send_request(get("/")).await.unwrap().into_body().collect().await.unwrap();
    let start = std::time::Instant::now();
    while server.metrics.counts().active > 0 {
        assert!(start.elapsed() < Duration::from_secs(3), "still open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(server.metrics.counts().idle_timeouts, 1);
}

#[tokio::test]
async fn echoes_a_body_over_both() {
    let server = Server::start(&quick()).await;
    let body = "x".repeat(200_000);
    let mut client = http2_client(server.connect().await).await;
    let request = Request::post("http://localhost/echo").body(Body::from(body.clone())).unwrap();
    let answer = client.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer.len(), body.len());
    let mut stream = server.connect().await;
    let head = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(response(&mut stream).await.unwrap().ends_with(&body));
}
