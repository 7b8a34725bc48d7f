//! A socket that the service manager has opened.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mainstay_core::Profile;

use crate::wire::{Server, quick};

const CHILD: &str = "listen::inherited::serves_what_it_was_given";

/// Not a test: the program that the tests below start with a socket as its standard input.
#[tokio::test]
#[ignore = "is started by its neighbours"]
async fn serves_what_it_was_given() {
    assert!(std::env::var("LISTEN_FDS").is_ok());
    let config = quick();
    drop(config.bind(&Profile::Test).await.unwrap());
    // A second time, as after a restart of the listener.
    let _server = Server::start(&config).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
}

fn start(socket: OwnedFd) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", CHILD, "--ignored"])
        .env("LISTEN_FDS", "1")
        .env("LISTEN_FDS_FIRST_FD", "0")
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn ask(mut stream: impl Read + Write) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn serves_on_the_port_that_was_opened_for_it() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let mut child = start(socket.into());
    // It waits in the queue until the program has started.
    let answer = ask(TcpStream::connect(address).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
}

#[test]
fn serves_on_the_unix_socket_that_was_opened_for_it_and_leaves_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given.sock");
    let mut child = start(UnixListener::bind(&path).unwrap().into());
    let answer = ask(UnixStream::connect(&path).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(answer.ends_with("hello"), "{answer}");
    assert!(path.exists());
}
