//! What only Azure does: what its signed URLs grant, and to whom there are none.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mainstay_core::clock::SystemClock;
use mainstay_core::config::{Secret, Sources};
use mainstay_core::keys::{Keys, KeysConfig};
use mainstay_core::random::SecureRandom;
use mainstay_core::{App, Profile};
use mainstay_store::files::{Azure, FileKey, Files, FilesConfig, FilesError, Grant, module};
use servers::azure::AzureServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::clouds::{Cloud, ask, folder, write};
use super::{in_pieces, noise};

/// The server, if there is one. Says aloud that there is none.
fn server() -> Option<&'static AzureServer> {
    static SERVER: OnceLock<Option<AzureServer>> = OnceLock::new();
    let started = SERVER
        .get_or_init(|| AzureServer::start().map_err(|why| servers::not_run(&format!("Azure: {why}"))).ok());
    started.as_ref()
}

fn settings(key: &str) -> FilesConfig {
    FilesConfig { account_key: Some(Secret::new(key.to_owned())), ..FilesConfig::default() }
}

fn url(port: u16, folder: &str) -> String {
    format!("az://mainstay/{folder}?account=mainstay&endpoint=http://127.0.0.1:{port}/mainstay")
}

pub(crate) fn cloud() -> Option<Cloud> {
    let server = server()?;
    Some(Cloud {
        name: "azure",
        port: server.port(),
        settings: settings(server.account_key()),
        stranger: settings("c29tZWJvZHkgZWxzZQ=="),
        url,
    })
}

#[tokio::test]
async fn a_url_to_write_with_makes_a_file_and_replaces_none() {
    let Some(cloud) = cloud() else { return };
    let files = cloud.files().await;
    let grant = write("direct/1", "image/png", 9);
    let signed = files.store().sign(&grant, Duration::from_secs(60)).await.unwrap().unwrap();
    let headers: Vec<_> = signed.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(headers, [("content-type", "image/png"), ("x-ms-blob-type", "BlockBlob")]);
    let elsewhere = signed.url.replace("direct/1", "direct/2");
    assert_eq!(ask("PUT", &elsewhere, &headers, "a picture".into()).await.0, 403);
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(method, &signed.url, &[], "".into()).await.0, 403, "{method}");
    }
    assert_eq!(ask(&signed.method, &signed.url, &headers, "a picture".into()).await.0, 201);
    let kept = files.head("direct/1").await.unwrap();
    assert_eq!((kept.size, &*kept.media_type), (9, "image/png"));
    // What has come stays as it is.
    assert_eq!(ask("PUT", &signed.url, &headers, "something else".into()).await.0, 403);
    assert_eq!(files.get("direct/1").await.unwrap().text().await.unwrap(), "a picture");
    // No signature of Azure has a length: whoever claims a file finds it.
    let signed = files.store().sign(&write("direct/3", "image/png", 9), Duration::from_secs(60)).await;
    assert_eq!(ask("PUT", &signed.unwrap().unwrap().url, &headers, "too large!".into()).await.0, 201);
    assert_eq!(files.head("direct/3").await.unwrap().size, 10);
}

#[tokio::test]
async fn who_has_no_key_of_the_account_keeps_files_and_signs_nothing() {
    let (Some(server), Some(cloud)) = (server(), cloud()) else { return };
    let token = Some(Secret::new(server.sas_token().to_owned()));
    let settings = FilesConfig { sas_token: token, ..FilesConfig::default() };
    let files = cloud.files_at(server.port(), &folder(), &settings).await;
    files.put("a/b.txt", "x").await.unwrap();
    files.copy("a/b.txt", "a/c.txt").await.unwrap();
    files.put("large", in_pieces(noise(9 << 20))).await.unwrap();
    assert_eq!(super::keys(files.list("a")).await, ["a/b.txt", "a/c.txt"]);
    assert_eq!(files.get("a/c.txt").await.unwrap().text().await.unwrap(), "x");
    files.delete("a/b.txt").await.unwrap();
    assert!(!files.exists("a/b.txt").await.unwrap());
    let read = Grant::Read { key: FileKey::parse("large").unwrap(), media_type: None, disposition: None };
    for grant in [read, write("direct", "image/png", 9)] {
        let signed = files.store().sign(&grant, Duration::from_secs(60)).await.unwrap();
        assert_eq!(signed, None);
    }
    // The application does it instead.
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SecureRandom::new()));
    let keys = Keys::new(&KeysConfig::default(), &Profile::Test, clock.clone(), random).unwrap();
    let served = files.served_with(keys, clock);
    assert!(served.url("large").sign().await.unwrap().starts_with("/_files/"));
    // Nothing is told by what goes wrong.
    let token = Some(Secret::new(server.sas_token().replace("sig=", "sig=x")));
    let files = cloud.files_at(server.port(), "a", &FilesConfig { sas_token: token, ..settings }).await;
    for error in [
        files.put("a", "x").await.unwrap_err(),
        files.copy("a", "b").await.unwrap_err(),
        files.delete("a").await.unwrap_err(),
        files.get("a").await.unwrap_err(),
    ] {
        let told = format!("{error:?} {}", error.report());
        assert!(matches!(error.source_as(), Some(FilesError::Refused { .. })), "{told}");
        assert!(!told.contains("sig="), "{told}");
    }
}

/// What a server says that copies in the background: Azurite is done at once. The last answer is that to every later request.
async fn copying(answers: &'static [&'static str]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut some = [0; 8192];
            let _asked = client.read(&mut some).await.unwrap();
            let (status, copy) = match number {
                0 => ("202 Accepted", "pending"),
                _ => ("200 OK", answers[answers.len().min(number) - 1]),
            };
            let head = "etag: \"1\"\r\nlast-modified: Sun, 29 Nov 2026 08:00:00 GMT\r\ncontent-length: 0";
            let answer = format!(
                "HTTP/1.1 {status}\r\n{head}\r\nx-ms-copy-status: {copy}\r\nconnection: close\r\n\r\n"
            );
            client.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    port
}

#[tokio::test]
async fn a_copy_that_goes_on_in_the_background_is_waited_for() {
    let settings = FilesConfig { timeout: Duration::from_secs(1), ..settings("c29tZWJvZHk=") };
    for (answers, is_copied) in [
        (&["pending", "pending", "success"][..], true),
        (&["pending", "failed"], false),
        (&["pending"], false),
    ] {
        let container = url(copying(answers).await, "a").parse().unwrap();
        let files = Azure::open(&container, &settings, std::path::Path::new("")).await.unwrap();
        let copied = Files::over(Arc::new(files)).copy("a", "b").await;
        assert_eq!(copied.is_ok(), is_copied, "{answers:?} {copied:?}");
        assert!(copied.is_ok() || copied.unwrap_err().status() == 503, "{answers:?}");
    }
}

#[tokio::test]
async fn two_that_write_one_large_file_at_once_leave_one_of_them_whole() {
    let Some(cloud) = cloud() else { return };
    let files = cloud.files().await;
    let body = |number: u8| bytes::Bytes::from(vec![number; 17 << 20]);
    let put = |number| files.put("contended", in_pieces(body(number)));
    // The blocks of both are those of one file, which whoever is first makes of its own: the other is told.
    let (one, other) = futures_util::join!(put(1), put(2));
    assert!(one.is_ok() || other.is_ok(), "{one:?} {other:?}");
    let found = files.get("contended").await.unwrap().bytes().await.unwrap();
    assert!(found.len() == 17 << 20 && found.iter().all(|byte| *byte == found[0]));
}

#[tokio::test]
async fn a_file_that_is_given_up_is_nowhere() {
    let Some(cloud) = cloud() else { return };
    let files = cloud.files().await;
    files.put("large", super::cut_off(noise(9 << 20))).await.unwrap_err();
    assert!(!files.exists("large").await.unwrap());
    assert_eq!(super::keys(files.list("")).await, [""; 0]);
    files.put("large", "small").await.unwrap();
    assert_eq!(files.head("large").await.unwrap().size, 5);
}

#[test]
fn a_key_that_is_none_is_found_and_not_shown() {
    let app = App::new().profile(Profile::Test).module(module::module());
    let app = app.set("files.url", "az://files?account=shop");
    let app = app.set("files.account_key", "hunter2!").set("files.sas_token", "hunter2!");
    let found = app.assemble(Sources::isolated()).findings().to_string();
    for told in [
        "`files.account_key` is no key of a storage account",
        "`files.sas_token` is no shared access signature",
        "and `files.sas_token` are two for one",
    ] {
        assert!(found.contains(told), "{found}");
    }
    assert!(!found.contains("hunter2"), "{found}");
}
