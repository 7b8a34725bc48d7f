//! Clients that send a request again until it is answered, while the program is killed again and again.

use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use crate::process::PATIENCE;

const CLIENTS: u32 = 8;
const PAYMENTS: u32 = 25;

/// The program, which is killed when this goes.
struct Server(Child);

impl Server {
    fn start(home: &Path, port: u16) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_payments"));
        command.env_clear().env("MAINSTAY_HOME", home).env("PORT", port.to_string()).current_dir(home);
        command.env("MAINSTAY__IDEMPOTENCY__LEASE", "1s").env("DATABASE_URL", "sqlite:payments.db");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self(command.spawn().unwrap());
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "the program does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL: it has no chance to say or finish anything.
        let _killed = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Status and text of an answer, if there is one.
fn ask(port: u16, request: &str) -> io::Result<(u16, String)> {
    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    match (status, answer.split_once("\r\n\r\n")) {
        (Some(status), Some(_)) => Ok((status, answer)),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Pays until somebody says that it is paid.
fn pay(port: u16, text: &str) {
    let body = format!(r#"{{"text":"{text}"}}"#);
    let request = format!(
        "POST /payments HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         idempotency-key: {text}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let start = Instant::now();
    loop {
        assert!(start.elapsed() < 2 * PATIENCE, "{text} is never paid");
        match ask(port, &request) {
            Ok((201, _)) => return,
            // The first one may still run, or its process has died and the lease not ended.
            Ok((409 | 503, _)) | Err(_) => std::thread::sleep(Duration::from_millis(20)),
            Ok((_, answer)) => panic!("{answer}"),
        }
    }
}

#[test]
fn nobody_pays_twice_when_the_program_is_killed() {
    let home = tempfile::tempdir().unwrap();
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let (done, kills) = (AtomicBool::new(false), AtomicU32::new(0));
    let last = std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut server = Server::start(home.path(), port);
            let mut pause = 7;
            while !done.load(Ordering::Acquire) {
                // Between 30 and 129 ms, never the same twice in a row.
                pause = pause * 37 % 101;
                std::thread::sleep(Duration::from_millis(30 + pause));
                if kills.fetch_add(1, Ordering::Relaxed) < 12 {
                    drop(server);
                    server = Server::start(home.path(), port);
                }
            }
            server
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                scope.spawn(move || {
                    for payment in 0..PAYMENTS {
                        pay(port, &format!("{client}-{payment}"));
                        std::thread::sleep(Duration::from_millis(25));
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|client| client.join().unwrap());
        done.store(true, Ordering::Release);
        killer.join().unwrap()
    });
    let list =
        "GET /payments?per_page=1000&fields=text HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let (status, answer) = ask(port, list).unwrap();
    assert_eq!(status, 200, "{answer}");
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let page: serde_json::Value = serde_json::from_str(json).unwrap();
    let texts: Vec<_> =
        page["items"].as_array().unwrap().iter().map(|item| item["text"].to_string()).collect();
    let different: BTreeSet<_> = texts.iter().collect();
    assert_eq!((texts.len(), different.len()), (200, 200), "some have paid twice, or not at all");
    assert!(kills.load(Ordering::Relaxed) > 3, "it was hardly killed");
    drop(last);
}
