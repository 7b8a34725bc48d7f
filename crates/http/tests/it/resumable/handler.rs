//! The end of an upload: who takes the file, and what if not.

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

impl Server {
    async fn fail(&self, failures: &[StatusCode]) {
        *self.kept().await.failures.lock().unwrap() = failures.iter().rev().copied().collect();
    }

    async fn calls(&self) -> u32 {
        self.kept().await.calls.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_handler_that_fails_is_called_again() {
    let server = Server::start().await;
    server
        .fail(&[StatusCode::INTERNAL_SERVER_ERROR, StatusCode::UNAUTHORIZED, StatusCode::SERVICE_UNAVAILABLE])
        .await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 500);
    // By an empty piece at the end, or by whoever asks how much has come.
    assert_eq!(server.patch(&address, 5, &[], b"").await.status(), 401);
    let asked = server.ask(&format!("HEAD {address}"), &[]).await;
    assert_eq!((asked.status(), asked.header("retry-after").as_deref()), (423, Some("5")));
    assert_eq!(server.offset(&address).await, Some(5));
    assert_eq!((server.calls().await, server.taken(&address).as_slice()), (4, &b"hello"[..]));
    assert_eq!(server.offset(&address).await, Some(5));
    assert_eq!(server.calls().await, 4);
    server.started.stop().await;
}

#[tokio::test]
async fn a_file_that_was_complete_when_the_process_died_is_handed_over_when_the_client_asks() {
    let server = Server::start().await;
    server.fail(&[StatusCode::INTERNAL_SERVER_ERROR]).await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 500);
    let server = server.again().await;
    std::fs::remove_file(server.folder.path().join("kept").join(id(&address))).unwrap();
    assert_eq!((server.offset(&address).await, server.calls().await), (Some(5), 1));
    assert_eq!(server.taken(&address), b"hello");
    server.started.stop().await;
}

#[tokio::test]
async fn a_handler_that_refuses_the_file_ends_the_upload() {
    let server = Server::start().await;
    server.fail(&[StatusCode::UNPROCESSABLE_ENTITY]).await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    let said = server.patch(&address, 0, &[], b"hello").await;
    assert!(said.status() == 422 && said.body().contains("As asked."), "{}", said.0);
    assert_eq!(said.header("tus-resumable").as_deref(), Some("1.0.0"));
    assert_eq!((server.offset(&address).await, server.waiting().len()), (None, 0));

    // Nobody knows the address of one that fails while it begins.
    server.fail(&[StatusCode::INTERNAL_SERVER_ERROR]).await;
    let said = server.ask("POST /films", &["Upload-Length: 0"]).await;
    assert_eq!((said.status(), server.waiting().len()), (500, 0));
    server.started.stop().await;
}

#[tokio::test]
async fn a_handler_has_its_time() {
    let server = Server::start().await;
    server.fail(&[StatusCode::OK]).await;
    let address = server.create("/slow", &["Upload-Length: 5"]).await;
    server.patch(&address, 0, &[], b"hello").await.is(503, "timed_out");
    assert_eq!(server.patch(&address, 5, &[], b"").await.status(), 204);
    assert_eq!(server.calls().await, 2);
    server.started.stop().await;
}

#[tokio::test]
async fn a_file_of_another_type_is_refused_when_its_beginning_has_come() {
    let server = Server::start().await;
    let taken = server.create("/pictures", &["Upload-Length: 16"]).await;
    assert_eq!(server.patch(&taken, 0, &[], PNG).await.status(), 204);
    assert_eq!(server.taken(&taken), PNG);

    let named = "Upload-Metadata: filename Y2F0LnBuZw==,filetype aW1hZ2UvcG5n";
    let address = server.create("/pictures", &["Upload-Length: 16", named]).await;
    let said = server.patch(&address, 0, &[], b"<script>alert(1)").await;
    said.is(415, "unwanted_file");
    assert!(said.body().contains("found `text/html`"), "{}", said.0);

    // Long before all of it is there.
    let address = server.create("/pictures", &["Upload-Length: 100000000"]).await;
    let mut socket = server.patching(&address, 0, &[], (100_000_000, &[b'a'; 600_000])).await;
    answer(&mut socket).await.is(415, "unwanted_file");
    assert_eq!(server.waiting(), [format!("{}.json", id(&taken))]);
    server.started.stop().await;
}

#[tokio::test]
async fn what_is_damaged_on_its_way_is_not_judged() {
    let server = Server::start().await;
    let address = server.create("/pictures", &["Upload-Length: 5000"]).await;
    // Of `hello`.
    let checksum = "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    server.patch(&address, 0, &[checksum], &[b'a'; 4500]).await.is(460, "checksum_mismatch");
    assert_eq!(server.offset(&address).await, Some(0));
    // What was meant is.
    let checksum = "Upload-Checksum: sha1 3xavx0WSJAhWWvDQhWlC2/52ICw=";
    server.patch(&address, 0, &[checksum], &[b'a'; 4500]).await.is(415, "unwanted_file");
    server.started.stop().await;
}

#[tokio::test]
async fn a_panic_is_a_failure_like_others() {
    let server = Server::start().await;
    server.fail(&[StatusCode::OK, StatusCode::OK]).await;
    let address = server.create("/falls", &["Upload-Length: 5"]).await;
    let said = server.patch(&address, 0, &[], b"hello").await;
    assert_eq!((said.status(), said.header("tus-resumable").as_deref()), (500, Some("1.0.0")), "{}", said.0);
    assert_eq!(server.ask(&format!("HEAD {address}"), &[]).await.status(), 423);
    assert_eq!(server.offset(&address).await, Some(5));

    let before = server.waiting().len();
    server.fail(&[StatusCode::OK]).await;
    assert_eq!(server.ask("POST /falls", &["Upload-Length: 0"]).await.status(), 500);
    assert_eq!(server.waiting().len(), before);
    server.started.stop().await;
}

#[tokio::test]
async fn the_query_is_that_of_the_beginning_and_costs_no_file() {
    let server = Server::start().await;
    let address = server.create("/sorted?shelf=top", &["Upload-Length: 5"]).await;
    let said = server.patch(&format!("{address}?shelf=poison"), 0, &[], b"he").await;
    assert_eq!(said.status(), 204, "{}", said.0);
    let mut last = server
        .begin(
            &format!("PATCH {address}?shelf=poison"),
            &[OCTETS, "Upload-Offset: 2", "Content-Length: 3"],
            b"llo",
        )
        .await;
    let said = answer(&mut last).await;
    assert_eq!((said.status(), said.body()), (200, "top"), "{}", said.0);

    let address = server.create("/sorted", &["Upload-Length: 5"]).await;
    server.patch(&address, 0, &[], b"hello").await.is(400, "invalid_parameter");
    assert_eq!(server.ask(&format!("HEAD {address}"), &[]).await.status(), 423);
    assert!(server.waiting().iter().any(|name| name == id(&address)));
    server.started.stop().await;
}

/// Takes a file for longer than most may.
#[post("/patient", timeout = "1h")]
async fn wait(_: Finished) {
    tokio::time::sleep(Duration::from_secs(400)).await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_whose_client_hangs_up_has_its_time_too() {
    let app = App::new().resumable_uploads(ResumableUploads::new(routes![wait]));
    let caller = crate::calling::caller(app).await;
    let version = ("tus-resumable", "1.0.0");
    let begun = caller.ask("POST", "/patient", &[version, ("upload-length", "5")]).await;
    let piece = http::Request::patch(begun.header("location"))
        .header("host", "localhost")
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", "0")
        .header("content-type", "application/offset+octet-stream")
        .body(axum::body::Body::from("hello"));
    let answer = tokio::time::timeout(Duration::from_secs(200), caller.send(piece.unwrap())).await;
    assert!(answer.is_err(), "{answer:?}");
    tokio::time::sleep(Duration::from_secs(500)).await;
    // It is not called again.
    let (asked, before) = (tokio::time::Instant::now(), begun.header("location"));
    assert_eq!(caller.ask("HEAD", before, &[version]).await.status, 200);
    assert!(asked.elapsed() < Duration::from_secs(300));
}

#[tokio::test]
async fn what_is_before_the_bytes_has_the_usual_time() {
    use axum::extract::Request;
    use axum::response::Response;
    use mainstay_http::Next;

    async fn hang(_: Request, _: Next) -> Result<Response> {
        std::future::pending().await
    }
    let app = App::new()
        .provide(Kept::default)
        .set("http.timeout", "50ms")
        .resumable_uploads(ResumableUploads::new(routes![slow]).admit(hang));
    let caller = crate::calling::caller(app).await;
    let said = caller.ask("POST", "/slow", &[("tus-resumable", "1.0.0"), ("upload-length", "5")]).await;
    assert_eq!((said.status.as_u16(), said.header("tus-resumable")), (503, "1.0.0"), "{said:?}");
}

#[tokio::test]
async fn says_whether_an_upload_may_begin() {
    use axum::extract::Request;
    use axum::response::Response;
    use mainstay_http::Next;
    use mainstay_http::resumable::Metadata;

    async fn with_a_title(metadata: Metadata, request: Request, next: Next) -> Result<Response> {
        match metadata.text("title") {
            Some(_) => next.run(request).await,
            None => Err(Error::bad_request("A film has a title.")),
        }
    }
    let app = App::new()
        .provide(Kept::default)
        .resumable_uploads(ResumableUploads::new(routes![slow]).admit(with_a_title));
    let caller = crate::calling::caller(app).await;
    let (version, length) = (("tus-resumable", "1.0.0"), ("upload-length", "5"));
    let no = caller.ask("POST", "/slow", &[version, length]).await;
    assert!(no.status == 400 && no.body.contains("A film has a title."), "{no:?}");
    let yes = caller.ask("POST", "/slow", &[version, length, ("upload-metadata", "title VGVh")]).await;
    assert_eq!(yes.status, 201, "{yes:?}");
    assert_eq!(caller.ask("HEAD", yes.header("location"), &[version]).await.status, 200);
}
