//! Bad input: the right answer, a process that lives, memory that stays flat, and a log that names the request.

use std::time::{Duration, Instant};

use async_compression::tokio::write::GzipEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::process::{Program, Setup};
use crate::wire::{answer, connect, get, post, send};

const MEGABYTE: u64 = 1024 * 1024;

/// It still serves.
async fn assert_lives(program: &mut Program) {
    assert!(program.is_alive());
    let answer = send(program.address(), get("/", "connection: close\r\n")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "hello"));
}

#[tokio::test]
async fn a_faulty_body_is_explained() {
    let mut program = Program::start();
    let address = program.address();
    let json = "content-type: application/json\r\n";

    let good = send(address, post("/notes", json, br#"{"title":"a","stars":5}"#)).await;
    assert_eq!((good.status, good.body.as_str()), (200, r#"{"title":"a","stars":5}"#));

    let malformed = send(address, post("/notes", json, br#"{"title": "#)).await.problem(400);
    assert!(malformed["detail"].is_string(), "{malformed}");
    let wrong = send(address, post("/notes", json, br#"{"title":"a","stars":"five"}"#)).await.problem(422);
    assert!(wrong.to_string().contains("/stars"), "{wrong}");
    let no_text = send(address, post("/notes", json, b"{\"title\":\"\xff\",\"stars\":5}")).await;
    no_text.problem(400);
    send(address, post("/notes", "content-type: text/plain\r\n", b"{}")).await.problem(415);
    send(address, post("/notes", "", b"{}")).await.problem(415);
    send(address, post("/upload", "content-type: multipart/form-data\r\n", b"--x")).await.problem(400);
    let cut = post("/upload", "content-type: multipart/form-data; boundary=x\r\n", b"--x\r\ncontent-dis");
    send(address, cut).await.problem(400);
    send(address, post("/notes", "content-type: application/json\r\ncontent-encoding: lzma\r\n", b"{}"))
        .await
        .problem(415);
    let no_gzip = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    send(address, post("/notes", no_gzip, b"no gzip at all")).await.problem(400);
    assert_lives(&mut program).await;
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_it_is_read() {
    let mut program = Program::start();
    let address = program.address();
    let before = program.memory();

    // Announced: refused from its head alone.
    let huge = "POST /bytes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999\r\n\r\n";
    send(address, huge).await.problem(413);

    // Not announced: refused once it is too much.
    let mut stream = connect(address).await;
    let head = "POST /bytes HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let (mut reading, mut writing) = stream.into_split();
    let writer = tokio::spawn(async move {
        for _ in 0..1600 {
            if writing.write_all(&chunk).await.is_err() {
                break;
            }
        }
    });
    answer(&mut reading).await.unwrap().expect("an answer").problem(413);
    drop(reading);
    writer.await.unwrap();
    assert_lives(&mut program).await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 24 * MEGABYTE, "it has grown by {grown} bytes");
}

/// A gigabyte of zeros in about a megabyte: the same compressed megabyte, again and again.
async fn bomb() -> Vec<u8> {
    let mut encoder = GzipEncoder::new(Vec::new());
    let zeros = vec![0; 1024 * 1024];
    encoder.write_all(&zeros).await.unwrap();
    encoder.flush().await.unwrap();
    let once = encoder.into_inner();
    const HEAD: usize = 10;
    let mut bomb = once[..HEAD].to_vec();
    for _ in 0..1024 {
        bomb.extend_from_slice(&once[HEAD..]);
    }
    // An empty last block, and a check sum that nobody should live to see.
    bomb.extend_from_slice(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bomb
}

#[tokio::test]
async fn a_compressed_bomb_does_not_go_off() {
    let mut program = Program::start();
    let address = program.address();
    let headers = "content-type: application/json\r\ncontent-encoding: gzip\r\n";
    let bomb = bomb().await;
    assert!(u64::try_from(bomb.len()).unwrap() < 2 * MEGABYTE, "{}", bomb.len());
    send(address, post("/notes", headers, &bomb)).await.problem(413);

    let before = program.memory();
    for path in ["/notes", "/bytes"] {
        let request = post(path, headers, &bomb);
        let thrown = (0..8).map(|_| send(address, &request));
        for answer in futures_util::future::join_all(thrown).await {
            answer.problem(413);
        }
    }
    assert_lives(&mut program).await;
    // Each may hold up to the limit of 2 MB while it is read.
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 48 * MEGABYTE, "it has grown by {grown} bytes");
}

#[tokio::test]
async fn a_path_or_method_that_is_none_is_refused() {
    let mut program = Program::start();
    let address = program.address();
    let close = "connection: close\r\n";

    let encoded = send(address, get("/names/%FF", close)).await.problem(400);
    assert!(encoded["detail"].is_string(), "{encoded}");
    let raw =
        send(address, b"GET /names/\xff\xfe HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    raw.problem(400);
    let good = send(address, get("/names/%C3%BC", close)).await;
    assert_eq!((good.status, good.body.as_str()), (200, "ü"));

    let unknown = send(address, "BREW / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    unknown.problem(501);
    let wrong = send(address, "DELETE / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    wrong.problem(405);
    assert!(wrong.header("allow").contains("GET"), "{wrong:?}");
    send(address, get("/nowhere", close)).await.problem(404);
    send(address, "nonsense\r\n\r\n").await.problem(400);
    assert_lives(&mut program).await;
}

#[tokio::test]
async fn a_flood_of_headers_is_refused() {
    let mut program = Program::start();
    let address = program.address();
    let before = program.memory();
    let many: String = (0..500).map(|number| format!("x-{number}: 1\r\n")).collect();
    send(address, get("/", &many)).await.problem(431);
    send(address, get("/", &format!("x-long: {}\r\n", "y".repeat(200_000)))).await.problem(431);

    // Without end: cut off, whether or not it gets to hear why.
    let mut stream = connect(address).await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let line = format!("x: {}\r\n", "z".repeat(1000)).repeat(64);
    let start = Instant::now();
    while stream.write_all(line.as_bytes()).await.is_ok() {
        assert!(start.elapsed() < Duration::from_secs(10), "it reads headers for ever");
    }
    assert_lives(&mut program).await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 16 * MEGABYTE, "it has grown by {grown} bytes");
}

#[tokio::test]
async fn slow_and_half_sent_requests_are_given_up() {
    let mut program = Setup::new()
        .variable("MAINSTAY__HTTP__HEADER_READ_TIMEOUT", "500ms")
        .variable("MAINSTAY__HTTP__TIMEOUT", "1s")
        .serve();
    let address = program.address();

    let start = Instant::now();
    send(address, "GET / HTTP/1.1\r\nhost: loc").await.problem(408);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    // A byte at a time does not keep it waiting for longer.
    let start = Instant::now();
    let (mut reading, mut writing) = connect(address).await.into_split();
    let drip = tokio::spawn(async move {
        for byte in get("/", &"x: y\r\n".repeat(90)).bytes() {
            if writing.write_all(&[byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    answer(&mut reading).await.unwrap().expect("an answer").problem(408);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drip.abort();

    // Half a body.
    let start = Instant::now();
    let half = "POST /bytes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf";
    let given_up = send(address, half).await;
    assert!([408, 503].contains(&given_up.status), "{given_up:?}");
    given_up.problem(given_up.status);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_lives(&mut program).await;
}

#[tokio::test]
async fn clients_that_hang_up_leave_nothing_behind() {
    let mut program = Program::start();
    let address = program.address();
    let hang_up = async |path: &str, bytes: usize| {
        let mut stream = connect(address).await;
        stream.write_all(get(path, "").as_bytes()).await.unwrap();
        let mut some = vec![0; bytes];
        stream.read_exact(&mut some).await.unwrap();
    };
    hang_up("/stream", 64 * 1024).await;
    let before = program.memory();
    for _ in 0..100 {
        hang_up("/stream", 64 * 1024).await;
        hang_up("/never", 0).await;
        let mut half = connect(address).await;
        half.write_all(b"POST /bytes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nhalf")
            .await
            .unwrap();
    }
    assert_lives(&mut program).await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 16 * MEGABYTE, "it has grown by {grown} bytes");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_does_not_fill_the_memory() {
    let program = Program::start();
    let before = program.memory();
    let mut lazy = Vec::new();
    for _ in 0..20 {
        let mut stream = connect(program.address()).await;
        stream.write_all(get("/stream", "").as_bytes()).await.unwrap();
        lazy.push(stream);
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let grown = program.memory().saturating_sub(before);
    assert!(grown < 24 * MEGABYTE, "it has grown by {grown} bytes");
}

#[tokio::test]
async fn a_panic_is_an_answer_and_the_log_names_the_request() {
    let mut program = Setup::new().argument("--profile=production").serve();
    let address = program.address();
    let mut stream = connect(address).await;
    for _ in 0..3 {
        // The connection survives as well.
        stream.write_all(get("/panic", "").as_bytes()).await.unwrap();
        let failed = answer(&mut stream).await.unwrap().expect("an answer");
        failed.problem(500);
        let line = program.log.wait_for(&[failed.header("x-request-id"), "the recipe is secret"]);
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(line["level"], "ERROR", "{line}");
    }
    assert_lives(&mut program).await;
}
