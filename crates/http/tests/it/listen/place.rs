//! Taking an address, and what is said when it cannot be had.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use mainstay_core::Profile;
use mainstay_http::listen::ListenConfig;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::wire::{Server, quick, response};

#[tokio::test]
async fn names_the_address_and_the_fix_when_the_port_is_in_use() {
    let taken = quick().bind(&Profile::Test).await.unwrap();
    let port = taken.port().unwrap();
    let config = ListenConfig { port, ..quick() };
    let report = config.bind(&Profile::Test).await.unwrap_err().report();
    assert!(report.contains(&format!("127.0.0.1:{port}")), "{report}");
    assert!(report.contains(&format!("PORT={}", port + 1)) && report.contains("[http]"), "{report}");
}

#[tokio::test]
async fn listens_beyond_this_machine_only_in_production() {
    let config = quick();
    let local = config.bind(&Profile::Development).await.unwrap();
    assert!(local.url().starts_with("http://127.0.0.1:"), "{}", local.url());
    let public = config.bind(&Profile::Production).await.unwrap();
    assert!(public.url().starts_with("http://0.0.0.0:"), "{}", public.url());
}

#[tokio::test]
async fn says_which_host_it_does_not_know() {
    let config = ListenConfig { host: Some("no.such.host.invalid".to_owned()), ..quick() };
    let report = config.bind(&Profile::Test).await.unwrap_err().report();
    assert!(report.contains("no.such.host.invalid") && report.contains("`host` under `[http]`"), "{report}");
}

#[tokio::test]
async fn serves_on_a_unix_socket_and_takes_it_away_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    let config = ListenConfig { unix: Some(path.clone()), unix_mode: "600".to_owned(), ..quick() };
    let server = Server::start(&config).await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(response(&mut stream).await.unwrap().ends_with("hello"));
    let second = config.bind(&Profile::Test).await.unwrap_err().report();
    assert!(second.contains("another program answers there"), "{second}");
    server.stop(Duration::from_secs(5)).await;
    assert!(!path.exists());
}

#[tokio::test]
async fn replaces_a_socket_that_nobody_answers_on_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists(), "the stale file must be there");
    let config = ListenConfig { unix: Some(path.clone()), ..quick() };
    drop(config.bind(&Profile::Test).await.unwrap());

    std::fs::write(&path, "precious").unwrap();
    let report = config.bind(&Profile::Test).await.unwrap_err().report();
    assert!(report.contains("no socket"), "{report}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}
