//! What slow, hostile and broken clients get.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mainstay_http::listen::ListenConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::{Server, hear, quick, response, say};

/// Time-outs are kept to within a sweep; the rest is for a busy machine.
const SLACK: Duration = Duration::from_millis(900);

#[tokio::test]
async fn closes_a_connection_that_says_nothing() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    let start = Instant::now();
    assert_eq!(hear(&mut stream).await, "");
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_millis(280) && waited < Duration::from_millis(300) + SLACK,
        "{waited:?}"
    );
    assert_eq!(server.metrics.counts().head_timeouts, 1);
}

#[tokio::test]
async fn closes_a_connection_that_says_one_byte_which_might_begin_http2() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    let start = Instant::now();
    assert_eq!(say(&mut stream, b"P").await, "");
    assert!(start.elapsed() < Duration::from_millis(300) + SLACK);
}

#[tokio::test]
async fn answers_408_to_half_a_head_however_slowly_it_comes() {
    let server = Server::start(&quick()).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let start = Instant::now();
    let drip = tokio::spawn(async move {
        write.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut heard = [0; 4096];
    let length = read.read(&mut heard).await.unwrap();
    let answer = String::from_utf8_lossy(&heard[..length]);
    assert!(start.elapsed() < Duration::from_millis(300) + SLACK, "{:?}", start.elapsed());
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains(r#""status":408"#), "{answer}");
    drip.abort();
}

#[tokio::test]
async fn measures_a_second_head_from_its_first_byte() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    response(&mut stream).await.unwrap();
    // Longer than the head time-out: an idle connection is not a slow head.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let start = Instant::now();
    let answer = say(&mut stream, b"GET / HT").await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_millis(280) && waited < Duration::from_millis(300) + SLACK,
        "{waited:?}"
    );
}

#[tokio::test]
async fn closes_an_idle_connection_in_silence() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    response(&mut stream).await.unwrap();
    let start = Instant::now();
    assert_eq!(hear(&mut stream).await, "");
    let waited = start.elapsed();
    assert!(
        waited >= Duration::from_millis(550) && waited < Duration::from_millis(600) + SLACK,
        "{waited:?}"
    );
    assert_eq!(server.metrics.counts().idle_timeouts, 1);
}

#[tokio::test]
async fn lets_a_handler_take_longer_than_any_of_these_limits() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow/1500 HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut stream).await.unwrap().ends_with("slow"));
}

#[tokio::test]
async fn cuts_off_a_client_that_does_not_read_its_response() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let start = Instant::now();
    while server.metrics.counts().stalled == 0 || server.metrics.counts().active > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "still open: {:?}", server.metrics.counts());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn answers_431_to_too_many_header_fields() {
    let server = Server::start(&quick()).await;
    let mut head = "GET / HTTP/1.1\r\nHost: x\r\n".to_owned();
    for number in 0..200 {
        write!(head, "X-Flood-{number}: y\r\n").unwrap();
    }
    head.push_str("\r\n");
    let answer = say(&mut server.connect().await, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{answer}");
    assert!(answer.contains("application/problem+json") && answer.contains(r#""status":431"#), "{answer}");
    assert_eq!(server.metrics.counts().malformed, 1);
}

#[tokio::test]
async fn answers_431_to_too_large_a_head_which_the_client_gets_to_read() {
    let config = ListenConfig { max_header_bytes: 8 * 1024, ..quick() };
    let server = Server::start(&config).await;
    // Far more than is read: without a lingering close the reset would overtake the answer.
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "y".repeat(300_000));
    let answer = say(&mut server.connect().await, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn answers_400_to_what_is_not_http() {
    let server = Server::start(&quick()).await;
    let answer = say(&mut server.connect().await, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.contains(r#""code":"bad_request""#), "{answer}");
}

#[tokio::test]
async fn lets_a_client_read_a_refusal_while_it_is_still_sending() {
    let server = Server::start(&quick()).await;
    let stream = server.connect().await;
    let (mut read, mut write) = stream.into_split();
    let sending = tokio::spawn(async move {
        let head = "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n";
        write.write_all(head.as_bytes()).await?;
        write.write_all(&vec![b'x'; 3_000_000]).await
    });
    let mut heard = String::new();
    let _reset_or_not = read.read_to_string(&mut heard).await;
    assert!(heard.starts_with("HTTP/1.1 413 "), "{heard}");
    let _sent_or_not = sending.await.unwrap();
}

#[tokio::test]
async fn outlives_a_panic_that_reaches_the_connection() {
    let server = Server::start(&quick()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    let _reset_or_not = stream.read_to_end(&mut heard).await;
    let mut next = server.connect().await;
    next.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut next).await.unwrap().ends_with("hello"));
    assert_eq!(server.metrics.counts().active, 1);
}

#[tokio::test]
async fn pauses_at_the_cap_and_makes_the_idle_give_way() {
    let config = ListenConfig { max_connections: 1, idle_timeout: Duration::from_secs(60), ..quick() };
    let server = Server::start(&config).await;
    let mut first = server.connect().await;
    first.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    response(&mut first).await.unwrap();
    // The system takes it into its queue; it is served when the first, idle for a second, has gone.
    let start = Instant::now();
    let mut second = server.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut second).await.unwrap().ends_with("hello"));
    assert!(start.elapsed() > Duration::from_millis(800), "{:?}", start.elapsed());
    assert_eq!(hear(&mut first).await, "");
    assert!(server.metrics.counts().full >= 1);
}

#[tokio::test]
async fn forgets_connections_that_are_gone() {
    let server = Server::start(&quick()).await;
    for _ in 0..50 {
        let mut stream = server.connect().await;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(hear(&mut stream).await.ends_with("hello"));
    }
    drop(TcpStream::connect(server.socket()).await.unwrap());
    let start = Instant::now();
    while server.metrics.counts().active > 0 {
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", server.metrics.counts());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
