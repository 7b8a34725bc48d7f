//! Cut off, taken over, started again.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn keeps_what_came_of_a_piece_that_is_cut_off() {
    let server = Server::start().await;
    let all = bytes(3_000_000);
    let address = server.create("/films", &["Upload-Length: 3000000"]).await;
    // The client vanishes: nobody is there to be answered.
    let socket = server.patching(&address, 0, &[], (3_000_000, &all[..1_000_001])).await;
    server.until_written(&address, 256 * 1024).await;
    drop(socket);
    server.until_written(&address, 1_000_001).await;
    assert_eq!(server.offset(&address).await, Some(1_000_001));

    // It says that it has nothing more, and listens.
    let mut socket = server.patching(&address, 1_000_001, &[], (1_999_999, &all[1_000_001..2_000_002])).await;
    socket.shutdown().await.unwrap();
    answer(&mut socket).await.is(400, "incomplete_body");
    assert_eq!(server.offset(&address).await, Some(2_000_002));
    assert_eq!(server.patch(&address, 2_000_002, &[], &all[2_000_002..]).await.status(), 204);
    assert!(server.taken(&address) == all);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_takes_over_from_a_connection_that_is_dead() {
    let server = Server::start().await;
    let all = bytes(2_000_000);
    let address = server.create("/films", &["Upload-Length: 2000000"]).await;
    // It stays open, and nothing more comes.
    let mut dead = server.patching(&address, 0, &[], (2_000_000, &all[..700_000])).await;
    server.until_written(&address, 256 * 1024).await;
    // What was on its way may not have been read.
    let offset = server.offset(&address).await.unwrap();
    assert!((256 * 1024..=700_000).contains(&offset), "{offset}");
    answer(&mut dead).await.is(423, "upload_locked");
    let rest = &all[usize::try_from(offset).unwrap()..];
    assert_eq!(server.patch(&address, offset, &[], rest).await.status(), 204);
    assert!(server.taken(&address) == all);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pieces_at_once_the_later_wins() {
    let server = Server::start().await;
    let all = bytes(1_000_000);
    let address = server.create("/films", &["Upload-Length: 1000000"]).await;
    let mut first = server.patching(&address, 0, &[], (1_000_000, &all[..300_000])).await;
    server.until_written(&address, 256 * 1024).await;
    // A piece alone ends the first, and hears where to go on.
    let second = server.patch(&address, 1, &[], b"x").await;
    second.is(409, "wrong_offset");
    answer(&mut first).await.is(423, "upload_locked");
    let offset: u64 = second.header("upload-offset").unwrap().parse().unwrap();
    let from = usize::try_from(offset).unwrap();
    assert!((256 * 1024..=300_000).contains(&from), "{from}");
    let second = server.patch(&address, offset, &[], &all[from..600_000]).await;
    let now = second.header("upload-offset");
    assert_eq!((second.status(), now.as_deref()), (204, Some("600000")), "{}", second.0);

    // Many at once: whatever becomes of each, nothing is written twice.
    let mut waits = Vec::new();
    for _ in 0..8 {
        waits.push(server.patching(&address, 600_000, &[], (400_000, &all[600_000..])).await);
    }
    let mut done = 0;
    for socket in &mut waits {
        match answer(socket).await.status() {
            204 => done += 1,
            status => assert!([409, 423].contains(&status), "{status}"),
        }
    }
    if done == 0 {
        let offset = server.offset(&address).await.unwrap();
        let rest = usize::try_from(offset).unwrap();
        assert_eq!(server.patch(&address, offset, &[], &all[rest..]).await.status(), 204);
    }
    assert!(server.taken(&address) == all);
    assert_eq!(server.kept().await.calls.load(Ordering::SeqCst), 1);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_of_which_nothing_comes_is_given_up() {
    let server = Server::with(&[("resumable_uploads.idle_timeout", "50ms")]).await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let mut socket = server.patching(&address, 0, &[], (10, b"hello")).await;
    answer(&mut socket).await.is(400, "incomplete_body");
    assert_eq!(server.offset(&address).await, Some(5));
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_comes_byte_by_byte_for_too_long_is_given_up() {
    let server = Server::with(&[("resumable_uploads.piece_timeout", "300ms")]).await;
    let address = server.create("/films", &["Upload-Length: 1000"]).await;
    let mut socket = server.patching(&address, 0, &[], (1000, b"h")).await;
    let (mut reading, mut writing) = socket.split();
    let mut said = [0; 12];
    tokio::select! {
        read = reading.read_exact(&mut said) => assert_eq!(read.unwrap(), 12),
        () = async {
            for _ in 0..200 {
                let _closed = writing.write_all(b"i").await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        } => panic!("it may go on for ever"),
    }
    assert_eq!(&said, b"HTTP/1.1 400");
    assert!(server.offset(&address).await.unwrap() > 1);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_it_was_started_again() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 11", "Upload-Metadata: title VGVh"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello ").await.status(), 204);
    let server = server.again().await;
    let said = server.ask(&format!("HEAD {address}"), &[]).await;
    assert_eq!(said.header("upload-metadata").as_deref(), Some("title VGVh"), "{}", said.0);
    assert_eq!(said.header("upload-offset").as_deref(), Some("6"));
    assert_eq!(server.patch(&address, 6, &[], b"world").await.status(), 204);
    assert_eq!(server.taken(&address), b"hello world");
    let server = server.again().await;
    assert_eq!(server.offset(&address).await, Some(11));
    assert_eq!(server.kept().await.calls.load(Ordering::SeqCst), 0);
    server.started.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn believes_nothing_whose_checksum_was_not_seen() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 1000005"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    let (all, checksum) = (bytes(1_000_000), "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=");
    let socket = server.patching(&address, 5, &[checksum], (1_000_000, &all[..900_000])).await;
    server.until_written(&address, 256 * 1024).await;

    // As it is after the process was killed: the bytes are there, and the record says from where on they mean nothing.
    let folder = server.folder.path().join("uploads");
    let record = std::fs::read(folder.join(format!("{}.json", id(&address)))).unwrap();
    let written = std::fs::read(folder.join(id(&address))).unwrap();
    drop(socket);
    assert_eq!(server.offset(&address).await, Some(5));
    std::fs::write(folder.join(id(&address)), written).unwrap();
    std::fs::write(folder.join(format!("{}.json", id(&address))), record).unwrap();
    let server = server.again().await;
    assert_eq!(server.offset(&address).await, Some(5));
    assert_eq!(std::fs::metadata(server.folder.path().join("uploads").join(id(&address))).unwrap().len(), 5);
    server.started.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_process_on_the_same_folder_keeps_away() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let file = std::fs::File::open(server.folder.path().join("uploads").join(id(&address))).unwrap();
    // As another process would have it.
    file.lock().unwrap();
    server.patch(&address, 0, &[], b"hello").await.is(423, "upload_locked");
    file.unlock().unwrap();
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    server.started.stop().await;
}
