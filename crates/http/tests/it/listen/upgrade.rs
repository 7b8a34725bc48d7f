//! Connections that are handed over, and clients that go away.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{DROPPED, Server, quick, response, until};

const UPGRADE: &[u8] = b"GET /upgrade HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";

async fn upgraded(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(UPGRADE).await.unwrap();
    let head = response(&mut stream).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream
}

async fn echo(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.unwrap();
    let mut heard = vec![0; text.len()];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, text);
}

#[tokio::test]
async fn an_upgraded_connection_counts_as_open_and_has_no_idle_limit() {
    let server = Server::start(&quick()).await;
    let mut stream = upgraded(&server).await;
    echo(&mut stream, b"one").await;
    // Longer than any limit of `quick`.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    echo(&mut stream, b"two").await;
    assert_eq!(server.metrics.counts().active, 1);
    drop(stream);
    until("it is forgotten", || server.metrics.counts().active == 0).await;
}

#[tokio::test]
async fn an_upgraded_connection_is_cut_off_at_the_end_of_a_drain() {
    let server = Server::start(&quick()).await;
    let metrics = Arc::clone(&server.metrics);
    let mut stream = upgraded(&server).await;
    echo(&mut stream, b"one").await;
    let stopping = server.begin_stop(Duration::from_millis(300));
    // Until then it works.
    tokio::time::sleep(Duration::from_millis(150)).await;
    echo(&mut stream, b"two").await;
    assert_eq!(stopping.await.unwrap().aborted, 1);
    assert_eq!(metrics.counts().active, 0);
    assert_eq!(stream.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_that_hangs_up_cancels_its_request_and_is_forgotten() {
    let server = Server::start(&quick()).await;
    let mut waiting = server.connect().await;
    waiting.write_all(b"GET /slow/60000 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut reading = server.connect().await;
    reading.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    reading.read_exact(&mut [0; 1000]).await.unwrap();
    let before = DROPPED.load(SeqCst);
    drop((waiting, reading));
    until("the request is dropped", || DROPPED.load(SeqCst) > before).await;
    until("both are forgotten", || server.metrics.counts().active == 0).await;
}
