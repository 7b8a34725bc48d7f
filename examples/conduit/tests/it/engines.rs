//! The same application on every engine, by another address of the database and nothing else.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use conduit::users::User;
use mainstay::prelude::*;
use mainstay_test::{Engine, Scratch, TestApp};

use crate::factories::header_of;

const PATHS: [&str; 6] = [
    "/api/articles?limit=100&offset=211",
    "/api/articles?limit=100&tag=rust",
    "/api/articles?favorited=ann_marlowe",
    "/api/articles/feed?limit=100",
    "/api/profiles/iryna",
    "/api/tags",
];

/// What is posted before.
const WRITES: [&str; 3] = [
    "/api/profiles/iryna/follow",
    "/api/profiles/luna%F0%9F%8C%99/follow",
    "/api/articles/rebase-merge-and-other-religions/favorite",
];

/// Engines beside SQLite whose server is there. What is not there is said, and fails under continuous integration.
fn engines() -> Vec<(Engine, String)> {
    let mut engines = Vec::new();
    for engine in [Engine::Postgres, Engine::MySql] {
        match engine.server() {
            Ok(server) => engines.push((engine, server)),
            Err(missing) => {
                let ci = std::env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"));
                assert!(!ci, "{}", missing.message());
                // Not `eprintln!`: that is kept back when a test passes.
                let _closed =
                    writeln!(std::io::stderr(), "NOT RUN on {}: {}", engine.name(), missing.message());
            }
        }
    }
    engines
}

async fn answers(engine: Engine) -> Vec<String> {
    let app = TestApp::of(conduit::app()).database(engine).start().await;
    crate::fill(&app).await;
    let ann = User::filter(|user| user.username.eq("ann_marlowe")).one(&app.inject::<Db>().await).await;
    let token = header_of(&ann.expect("she is in the seed"), &app).await;
    for path in WRITES {
        app.post(path).header("authorization", &token).send().await.assert_status(200);
    }
    let mut answers = Vec::new();
    for path in PATHS {
        let answer = app.get(path).header("authorization", &token).send().await;
        answers.push(answer.assert_status(200).text().to_owned());
    }
    app.stop().await;
    answers
}

#[tokio::test]
async fn answers_with_the_same_bytes_on_every_engine() {
    let expected = answers(Engine::Sqlite).await;
    assert!(expected.iter().all(|answer| answer.len() > 100), "there is something to compare");
    for (engine, _) in engines() {
        assert_eq!(answers(engine).await, expected, "{}", engine.name());
    }
}

#[tokio::test]
async fn the_program_starts_on_every_engine_and_fills_its_database() {
    let mut servers = vec![(Engine::Sqlite, "sqlite:app.db".to_owned())];
    servers.extend(engines());
    let mut expected: Option<String> = None;
    for (engine, server) in servers {
        let scratch = Scratch::new(&server).await.expect("the server makes databases");
        let program = Program::start(scratch.url());
        let answer = program.get(PATHS[0]);
        assert!(answer.contains("\"articlesCount\":311"), "{}: {answer}", engine.name());
        assert_eq!(answer, *expected.get_or_insert_with(|| answer.clone()), "{}", engine.name());
        drop(program);
        scratch.remove().await.expect("the server drops databases");
    }
}

/// The program, as `cargo run` starts it, in an empty folder.
struct Program {
    process: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Program {
    fn start(database: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
        let port = port.expect("a free port").port();
        let log = std::fs::File::create(folder.path().join("log")).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_conduit"));
        command
            .current_dir(folder.path())
            .env("MAINSTAY_HOME", folder.path())
            .env("DATABASE_URL", database)
            .env("PORT", port.to_string());
        command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log);
        let process = command.spawn().expect("the program starts");
        Self { process, port, folder }
    }

    /// The body of the answer, as soon as there is one.
    fn get(&self, path: &str) -> String {
        let start = Instant::now();
        loop {
            match self.try_get(path) {
                Ok(answer) => {
                    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
                    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
                    return body.to_owned();
                }
                Err(_) if start.elapsed() < Duration::from_secs(60) => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(error) => {
                    let log = std::fs::read_to_string(self.folder.path().join("log"));
                    panic!("no answer: {error}\n{}", log.unwrap_or_default());
                }
            }
        }
    }

    fn try_get(&self, path: &str) -> std::io::Result<String> {
        let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(socket, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        Ok(answer)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.process.kill().and_then(|()| self.process.wait());
    }
}
