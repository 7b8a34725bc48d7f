//! The end of a listener: what has been asked is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Server, hear, quick, response};

const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn answers_what_was_asked_and_then_closes() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow/400 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let stopping = server.begin_stop(LONG);
    let answer = hear(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("slow"), "{answer}");
    assert!(answer.contains("connection: close\r\n"), "{answer}");
    assert_eq!(stopping.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn closes_idle_connections_without_waiting_for_them() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    response(&mut stream).await.unwrap();
    let start = Instant::now();
    assert_eq!(server.stop(LONG).await.aborted, 0);
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(hear(&mut stream).await, "");
}

#[tokio::test]
async fn refuses_new_connections_once_it_drains() {
    let server = Server::start(&quick()).await;
    let address = server.socket();
    server.stop(LONG).await;
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn serves_the_connections_that_wait_in_the_queue() {
    let server = Server::start(&quick()).await;
    // On this single thread the server cannot accept before the next await: they are all in the system's queue.
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut stream = std::net::TcpStream::connect(server.socket()).unwrap();
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream.set_nonblocking(true).unwrap();
        waiting.push(stream);
    }
    let stopping = server.begin_stop(LONG);
    for stream in waiting {
        let answer = hear(&mut TcpStream::from_std(stream).unwrap()).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("hello"), "{answer}");
    }
    assert_eq!(stopping.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn cuts_off_what_is_open_at_the_deadline_and_counts_it() {
    let server = Server::start(&quick()).await;
    let metrics = Arc::clone(&server.metrics);
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow/60000 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    response(&mut idle).await.unwrap();
    let start = Instant::now();
    assert_eq!(server.stop(Duration::from_millis(400)).await.aborted, 1);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    assert_eq!(metrics.counts().aborted, 1);
    assert_eq!(metrics.counts().active, 0);
    let mut heard = Vec::new();
    let _reset_or_closed = stream.read_to_end(&mut heard).await;
    assert!(heard.is_empty());
}

#[tokio::test]
async fn lets_a_head_that_has_begun_arrive() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stopping = server.begin_stop(LONG);
    tokio::time::sleep(Duration::from_millis(150)).await;
    stream.write_all(b"st: x\r\n\r\n").await.unwrap();
    let answer = hear(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(stopping.await.unwrap().aborted, 0);
}

#[tokio::test]
async fn fails_no_request_of_clients_that_go_on_asking() {
    let server = Server::start(&quick()).await;
    let address = server.socket();
    let answered = Arc::new(AtomicUsize::new(0));
    let stopped = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for client in 0..30 {
        let (answered, stopped) = (Arc::clone(&answered), Arc::clone(&stopped));
        clients.push(tokio::spawn(async move {
            // Some keep their connection alive, some open one for each request; some handlers take a while.
            let (path, keep) = match client % 3 {
                0 => ("/", true),
                1 => ("/slow/20", true),
                _ => ("/", false),
            };
            let mut kept: Option<TcpStream> = None;
            loop {
                let mut stream = match kept.take() {
                    Some(stream) => stream,
                    None => match TcpStream::connect(address).await {
                        Ok(stream) => stream,
                        // Only a listener that has stopped may refuse.
                        Err(error) => {
                            assert!(stopped.load(SeqCst), "refused while serving: {error}");
                            return;
                        }
                    },
                };
                let close = if keep { "" } else { "Connection: close\r\n" };
                let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{close}\r\n");
                stream.write_all(head.as_bytes()).await.expect("a request must be taken");
                let answer = response(&mut stream).await.expect("a request must be answered");
                assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
                answered.fetch_add(1, SeqCst);
                if keep && !answer.contains("connection: close\r\n") {
                    kept = Some(stream);
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(answered.load(SeqCst) > 100, "the clients must be busy: {}", answered.load(SeqCst));
    stopped.store(true, SeqCst);
    assert_eq!(server.stop(LONG).await.aborted, 0);
    for client in clients {
        client.await.unwrap();
    }
}
