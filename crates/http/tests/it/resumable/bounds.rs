//! Whose uploads they are, how many there may be, and how long.

use super::*;

#[tokio::test]
async fn an_upload_belongs_to_whoever_has_begun_it() {
    let server = Server::start().await;
    let ann = server.create("/films", &["Upload-Length: 5", "Name: Ann"]).await;
    for other in ["Name: Bob", "X: nobody"] {
        assert_eq!(server.ask(&format!("HEAD {ann}"), &[other]).await.status(), 404, "{other}");
        assert_eq!(server.patch(&ann, 0, &[other], b"hello").await.status(), 404, "{other}");
        assert_eq!(server.ask(&format!("DELETE {ann}"), &[other]).await.status(), 404, "{other}");
    }
    assert_eq!(server.patch(&ann, 0, &["Name: Ann"], b"hello").await.status(), 204);
    // Who was nobody may have signed in meanwhile.
    let nobody = server.create("/films", &["Upload-Length: 5"]).await;
    assert_eq!(server.patch(&nobody, 0, &["Name: Ann"], b"hello").await.status(), 204);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_does_not_disturb_an_upload() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 600000", "Name: Ann"]).await;
    let all = bytes(600_000);
    let mut socket = server.patching(&address, 0, &["Name: Ann"], (600_000, &all[..300_000])).await;
    server.until_written(&address, 256 * 1024).await;
    assert_eq!(server.ask(&format!("HEAD {address}"), &["Name: Bob"]).await.status(), 404);
    socket.write_all(&all[300_000..]).await.unwrap();
    assert_eq!(answer(&mut socket).await.status(), 204);
    server.started.stop().await;
}

#[tokio::test]
async fn what_is_unfinished_is_limited() {
    let limits = [
        ("resumable_uploads.most_bytes", "1KB"),
        ("resumable_uploads.most_unfinished", "3"),
        ("resumable_uploads.most_unfinished_each", "1"),
        ("resumable_uploads.most_unfinished_bytes", "40MB"),
        ("resumable_uploads.begin_within", "1d"),
    ];
    let server = Server::with(&limits).await;
    server.ask("POST /slow", &["Upload-Length: 1001"]).await.is(413, "upload_too_large");
    let one = server.create("/films", &["Upload-Length: 20000000", "Name: Ann"]).await;
    server.ask("POST /films", &["Upload-Length: 1", "Name: Ann"]).await.is(429, "too_many_uploads");
    let two = server.create("/films", &["Upload-Length: 19999999"]).await;
    // Whoever is not known is counted by address.
    server.ask("POST /films", &["Upload-Length: 1"]).await.is(429, "too_many_uploads");
    server.ask("POST /films", &["Upload-Length: 2", "Name: Bob"]).await.is(507, "storage_full");
    // One without a length takes room as it grows.
    let bob = ["Name: Bob"];
    let open = server.create("/films", &["Upload-Defer-Length: 1", "Name: Bob"]).await;
    server.ask("POST /films", &["Upload-Length: 0", "Name: Eve"]).await.is(507, "storage_full");
    assert_eq!(server.patch(&open, 0, &bob, b"x").await.status(), 204);
    server.patch(&open, 1, &bob, b"x").await.is(507, "storage_full");
    assert_eq!(server.ask(&format!("HEAD {open}"), &bob).await.header("upload-offset").unwrap(), "1");

    // It counts what is there when it starts.
    let Server { folder, clock, started } = server;
    started.stop().await;
    let server = Server::in_folder(folder, clock, &limits).await;
    server.ask("POST /films", &["Upload-Length: 0", "Name: Eve"]).await.is(507, "storage_full");
    server.ask("POST /films", &["Upload-Length: 0"]).await.is(429, "too_many_uploads");
    assert_eq!(server.ask(&format!("DELETE {one}"), &["Name: Ann"]).await.status(), 204);
    assert_eq!(server.patch(&open, 1, &bob, b"x").await.status(), 204);
    assert_eq!(server.ask(&format!("DELETE {two}"), &[]).await.status(), 204);
    server.create("/films", &["Upload-Length: 1", "Name: Ann"]).await;
    server.started.stop().await;
}

#[tokio::test]
async fn what_is_not_continued_expires() {
    let server = Server::start().await;
    let hours = |hours: u64| Duration::from_secs(hours * 60 * 60);
    let (address, other) = (
        server.create("/films", &["Upload-Length: 10"]).await,
        server.create("/films", &["Upload-Length: 5"]).await,
    );
    for address in [&address, &other] {
        assert_eq!(server.patch(address, 0, &[], b"h").await.status(), 204);
    }
    server.clock.advance(hours(23));
    // A piece gives it another day.
    let said = server.patch(&address, 1, &[], b"ello").await;
    let expires = httpdate::parse_http_date(&said.header("upload-expires").unwrap()).unwrap();
    let rest = expires.duration_since(server.clock.now() + hours(24) - Duration::from_secs(1)).unwrap();
    assert!(rest <= Duration::from_secs(1), "{rest:?}");
    server.clock.advance(hours(23));
    let said = server.patch(&other, 1, &[], b"ello").await;
    said.is(410, "upload_expired");
    assert_eq!(server.ask(&format!("HEAD {other}"), &[]).await.status(), 404);
    assert_eq!(server.offset(&address).await, Some(5));
    assert_eq!(server.waiting().len(), 2);
    server.clock.advance(hours(2));
    assert_eq!(server.ask(&format!("HEAD {address}"), &[]).await.status(), 410);
    assert!(server.waiting().is_empty());
    server.started.stop().await;
}

#[tokio::test]
async fn a_service_removes_what_has_expired_and_what_is_left_over() {
    // The service looks as often as something may expire.
    let server =
        Server::with(&[("resumable_uploads.expire_after", "300ms"), ("resumable_uploads.remember", "200ms")])
            .await;
    let done = server.create("/films", &["Upload-Length: 0"]).await;
    server.create("/films", &["Upload-Length: 10"]).await;
    let folder = server.folder.path().join("uploads");
    std::fs::write(folder.join("0".repeat(32)), "an orphan").unwrap();
    std::fs::write(folder.join("notes.txt"), "of somebody else").unwrap();
    assert_eq!(server.offset(&done).await, Some(0));
    server.clock.advance(Duration::from_secs(60 * 60 * 24));
    for _ in 0..500 {
        if server.waiting() == ["notes.txt"] {
            server.started.stop().await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{:?}", server.waiting());
}

/// Devices were changed when the machine was started.
#[cfg(target_os = "linux")]
const AT_THE_START_OF_THE_MACHINE: [(&str, &str); 2] =
    [("resumable_uploads.expire_after", "10000d"), ("resumable_uploads.begin_within", "10000d")];

/// `/dev/full` in place of the file: every write fails as on a full disk.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_and_nothing_is_lost() {
    let server = Server::with(&AT_THE_START_OF_THE_MACHINE).await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let file = server.folder.path().join("uploads").join(id(&address));
    let aside = server.folder.path().join("aside");
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    std::fs::rename(&file, &aside).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    let said = server.patch(&address, 0, &[], b"hello").await;
    said.is(507, "storage_full");
    std::fs::rename(&aside, &file).unwrap();
    assert_eq!(server.offset(&address).await, Some(5));
    assert_eq!(server.patch(&address, 5, &[], b"world").await.status(), 204);
    assert_eq!(server.taken(&address), b"helloworld");
    server.started.stop().await;
}

/// `/dev/null` in place of the file: it takes everything, and cannot be synchronised.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_could_not_be_synchronised_is_not_acknowledged_later() {
    let server = Server::with(&AT_THE_START_OF_THE_MACHINE).await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let file = server.folder.path().join("uploads").join(id(&address));
    std::fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/null", &file).unwrap();
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 500);
    std::fs::remove_file(&file).unwrap();
    // The bytes are there as long as the machine runs.
    std::fs::write(&file, "hello").unwrap();
    assert_eq!(server.offset(&address).await, Some(0));
    server.started.stop().await;
}

#[tokio::test]
async fn one_of_which_nothing_comes_is_gone_after_minutes() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    server.clock.advance(Duration::from_secs(9 * 60));
    assert_eq!(server.offset(&address).await, Some(0));
    server.clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(server.ask(&format!("HEAD {address}"), &[]).await.status(), 410);
    server.started.stop().await;
}

#[tokio::test]
async fn what_a_dead_process_left_of_a_finished_upload_is_removed() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    let file = server.folder.path().join("uploads").join(id(&address));
    std::fs::write(&file, "hello").unwrap();
    assert_eq!(server.offset(&address).await, Some(5));
    assert!(!file.exists());
    std::fs::write(&file, "hello").unwrap();
    let server = server.again().await;
    assert!(!file.exists());
    server.started.stop().await;
}
