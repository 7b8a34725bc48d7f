//! Signals.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::process::{PATIENCE, Program, Setup};
use crate::protocols::request;
use crate::wire::{answer, connect, get};

/// Sends one request after the other, on as few connections as it can, until nobody takes one any more. Counts whole
/// answers.
async fn hammer(address: SocketAddr, answered: Arc<AtomicUsize>) {
    while let Ok(mut stream) = TcpStream::connect(address).await {
        loop {
            if stream.write_all(get("/work/20", "").as_bytes()).await.is_err() {
                break;
            }
            match answer(&mut stream).await {
                Ok(Some(answer)) => {
                    assert_eq!((answer.status, answer.body.as_str()), (200, "done"));
                    answered.fetch_add(1, Ordering::SeqCst);
                    if answer.header("connection") == "close" {
                        break;
                    }
                }
                // Closed before a byte of an answer: the tally tells whether the request had been read.
                Ok(None) => break,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
                Err(error) => panic!("half an answer: {error}"),
            }
        }
    }
}

/// The same over one connection of HTTP/2, with several requests at once. By h2 itself: hyper's client may take back a
/// request that has left already when it is told to go away in that moment.
async fn hammer_http2(address: SocketAddr, answered: Arc<AtomicUsize>) {
    let (client, connection) = h2::client::handshake(connect(address).await).await.unwrap();
    let connection = tokio::spawn(connection);
    let streams = (0..8).map(|_| {
        let (client, answered) = (client.clone(), Arc::clone(&answered));
        async move {
            let mut client = client;
            while let Ok(mut ready) = client.ready().await {
                let Ok((response, _)) = ready.send_request(request("/work/20").map(drop), true) else {
                    break;
                };
                client = ready;
                match response.await {
                    Ok(response) => {
                        assert_eq!(response.status(), 200);
                        let mut body = response.into_body();
                        while let Some(data) = body.data().await {
                            data.expect("a whole body");
                        }
                        answered.fetch_add(1, Ordering::SeqCst);
                    }
                    // Its number is above the last one that the program promises to answer.
                    Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => break,
                    Err(error) => panic!("no answer: {error}"),
                }
            }
        }
    });
    futures_util::future::join_all(streams).await;
    connection.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_under_load_answers_every_request_that_was_read() {
    for round in 0..3 {
        let mut program = Program::start();
        let address = program.address();
        let answered = Arc::new(AtomicUsize::new(0));
        let mut clients: Vec<_> =
            (0..24).map(|_| tokio::spawn(hammer(address, Arc::clone(&answered)))).collect();
        clients.push(tokio::spawn(hammer_http2(address, Arc::clone(&answered))));
        tokio::time::sleep(Duration::from_millis(400 + 37 * round)).await;
        program.signal("TERM");
        for client in clients {
            timeout(PATIENCE, client).await.expect("a client hangs").unwrap();
        }
        assert_eq!(program.end().code(), Some(0), "{}", program.log.text());
        let tally = program.log.wait("tally");
        let answered = answered.load(Ordering::SeqCst);
        assert!(answered > 50, "hardly any load: {answered}");
        assert!(tally.ends_with(&format!("handled={answered}")), "{answered} answers, but: {tally}");
    }
}

#[tokio::test]
async fn a_request_that_is_under_way_is_finished_and_new_ones_are_not_taken() {
    let mut program = Program::start();
    let address = program.address();
    let mut stream = connect(address).await;
    stream.write_all(get("/work/1000", "").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    program.signal("INT");
    let done = answer(&mut stream).await.unwrap().unwrap();
    assert_eq!((done.body.as_str(), done.header("connection")), ("done", "close"));
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(program.end().code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut program = Program::start();
    let mut stream = connect(program.address()).await;
    stream.write_all(get("/never", "").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    program.signal("TERM");
    program.log.wait("draining");
    assert!(program.is_alive(), "it does not wait for what is under way");
    let start = Instant::now();
    program.signal("TERM");
    assert_eq!(program.end().code(), Some(143));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_handler_that_never_ends_is_cut_off_at_the_deadline() {
    let mut program = Setup::new().variable("MAINSTAY__APP__SHUTDOWN_DEADLINE", "2s").serve();
    let mut stream = connect(program.address()).await;
    stream.write_all(get("/never", "").as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
    let start = Instant::now();
    program.signal("TERM");
    program.end();
    let took = start.elapsed();
    assert!(took > Duration::from_secs(1) && took < Duration::from_secs(5), "{took:?}");
    assert!(!matches!(answer(&mut stream).await, Ok(Some(_))));
    program.log.wait("the time to drain is over");
}
