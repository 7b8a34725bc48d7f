//! The requests of the protocol, one after the other.

use super::*;

#[tokio::test]
async fn takes_a_file_in_pieces() {
    let server = Server::start().await;
    let all = bytes(1_000_000);
    let address = server.create("/films", &["Upload-Length: 1000000"]).await;
    assert!(address.starts_with("/films/") && id(&address).len() == 32, "{address}");
    for (from, to) in [(0, 1), (1, 600_000), (600_000, 999_999)] {
        let said = server.patch(&address, from as u64, &[], &all[from..to]).await;
        assert_eq!((said.status(), said.header("upload-offset")), (204, Some(to.to_string())), "{}", said.0);
        assert!(said.header("upload-expires").is_some());
        assert_eq!(server.offset(&address).await, Some(to as u64));
    }
    assert_eq!(server.kept().await.calls.load(Ordering::SeqCst), 0);
    let said = server.patch(&address, 999_999, &[], &all[999_999..]).await;
    assert_eq!((said.status(), said.header("upload-offset").unwrap().as_str()), (204, "1000000"));
    assert_eq!((said.header("upload-expires"), said.body()), (None, ""));
    assert!(server.taken(&address) == all);
    assert_eq!(server.kept().await.calls.load(Ordering::SeqCst), 1);

    // A client that has not heard it asks again, and nothing happens twice.
    assert_eq!(server.offset(&address).await, Some(1_000_000));
    assert_eq!(server.patch(&address, 1_000_000, &[], b"").await.status(), 204);
    assert_eq!(server.patch(&address, 1_000_000, &[], b"x").await.status(), 409);
    assert_eq!(server.kept().await.calls.load(Ordering::SeqCst), 1);
    assert_eq!(server.waiting(), [format!("{}.json", id(&address))]);
    server.started.stop().await;
}

#[tokio::test]
async fn says_what_it_speaks() {
    let server = Server::start().await;
    let said = server.ask("OPTIONS /films", &["Tus-Resumable: 0.2.2"]).await;
    let header = |name: &str| said.header(name).unwrap();
    assert_eq!(
        (said.status(), header("tus-version").as_str(), header("tus-resumable").as_str()),
        (204, "1.0.0", "1.0.0")
    );
    assert_eq!(
        (header("tus-max-size").as_str(), header("tus-checksum-algorithm").as_str()),
        ("20000000", "sha1,sha256,sha512")
    );
    let extensions = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination";
    assert_eq!(header("tus-extension"), extensions);
    assert_eq!(server.ask("OPTIONS /films/0", &[]).await.status(), 204);
    server.started.stop().await;
}

#[tokio::test]
async fn speaks_one_version() {
    let server = Server::start().await;
    for line in ["POST /films", "HEAD /films/0", "PATCH /films/0", "DELETE /films/0"] {
        let said = server.ask(line, &["Tus-Resumable: 0.2.2", "Upload-Length: 1"]).await;
        assert_eq!((said.status(), said.header("tus-version").as_deref()), (412, Some("1.0.0")), "{line}");
        assert_eq!(said.header("tus-resumable").as_deref(), Some("1.0.0"), "{line}");
    }
    assert!(server.waiting().is_empty());
    server.started.stop().await;
}

#[tokio::test]
async fn says_how_much_has_come_and_nothing_is_cached() {
    let server = Server::start().await;
    let metadata = "Upload-Metadata: filename d29ybGQucGRm,is_secret";
    let address = server.create("/films", &["Upload-Length: 100", metadata]).await;
    let said = server.ask(&format!("HEAD {address}"), &[]).await;
    let header = |name: &str| said.header(name).unwrap();
    assert_eq!(said.status(), 200);
    assert_eq!((header("upload-offset").as_str(), header("upload-length").as_str()), ("0", "100"));
    assert_eq!(header("upload-metadata"), "filename d29ybGQucGRm,is_secret");
    assert_eq!((header("cache-control").as_str(), said.header("upload-defer-length")), ("no-store", None));
    server.started.stop().await;
}

#[tokio::test]
async fn takes_the_beginning_with_the_announcement() {
    let server = Server::start().await;
    let said = |length: &'static str, body: &'static [u8]| {
        let server = &server;
        async move {
            let content = format!("Content-Length: {}", body.len());
            let headers = [length, OCTETS, &content, "Upload-Metadata: title VGVh,filename YS50eHQ="];
            answer(&mut server.begin("POST /top/books", &headers, body).await).await
        }
    };
    let begun = said("Upload-Length: 5", b"he").await;
    assert_eq!((begun.status(), begun.header("upload-offset").unwrap().as_str()), (201, "2"));
    let address = begun.header("location").unwrap();
    assert!(address.starts_with("/top/books/"), "{address}");
    let ended = server.patch(&address, 2, &[], b"llo").await;
    assert_eq!((ended.status(), ended.body()), (200, "top a.txt Tea text/plain 5"), "{}", ended.0);

    let whole = said("Upload-Length: 5", b"hello").await;
    assert_eq!((whole.status(), whole.body()), (201, "top a.txt Tea text/plain 5"), "{}", whole.0);
    assert_eq!(
        (whole.header("upload-offset").unwrap().as_str(), whole.header("upload-expires")),
        ("5", None)
    );
    let empty = said("Upload-Length: 0", b"").await;
    assert_eq!((empty.status(), empty.body()), (201, "top a.txt Tea text/plain 0"), "{}", empty.0);
    server.started.stop().await;
}

#[tokio::test]
async fn takes_a_file_whose_length_is_said_later() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Defer-Length: 1"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello ").await.status(), 204);
    let said = server.ask(&format!("HEAD {address}"), &[]).await;
    assert_eq!(
        (said.header("upload-defer-length").as_deref(), said.header("upload-length")),
        (Some("1"), None)
    );
    server.patch(&address, 6, &["Upload-Length: 5"], b"").await.is(400, "invalid_parameter");
    server.patch(&address, 6, &["Upload-Length: 20000001"], b"").await.is(413, "upload_too_large");
    assert_eq!(server.patch(&address, 6, &["Upload-Length: 11"], b"wor").await.status(), 204);
    assert_eq!(
        server.ask(&format!("HEAD {address}"), &[]).await.header("upload-length").as_deref(),
        Some("11")
    );
    server.patch(&address, 9, &["Upload-Length: 12"], b"ld!").await.is(400, "invalid_parameter");
    assert_eq!(server.patch(&address, 9, &["Upload-Length: 11"], b"ld").await.status(), 204);
    assert_eq!(server.taken(&address), b"hello world");

    // With an empty request at the end.
    let address = server.create("/films", &["Upload-Defer-Length: 1"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    assert_eq!(server.patch(&address, 5, &["Upload-Length: 5"], b"").await.status(), 204);
    assert_eq!(server.taken(&address), b"hello");
    server.started.stop().await;
}

#[tokio::test]
async fn takes_a_body_without_a_length() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let headers = [OCTETS, "Upload-Offset: 0", "Transfer-Encoding: chunked"];
    let chunked = b"5\r\nhello\r\n3\r\n wo\r\n0\r\n\r\n";
    let said = answer(&mut server.begin(&format!("PATCH {address}"), &headers, chunked).await).await;
    assert_eq!(said.header("upload-offset").as_deref(), Some("8"), "{}", said.0);
    let headers = [OCTETS, "Upload-Offset: 8", "Transfer-Encoding: chunked"];
    let too_long = b"2\r\nrl\r\n2\r\nd!\r\n0\r\n\r\n";
    let said = answer(&mut server.begin(&format!("PATCH {address}"), &headers, too_long).await).await;
    said.is(413, "upload_too_large");
    // Nobody knows which part of it was right.
    assert_eq!(server.offset(&address).await, Some(8));
    server.started.stop().await;
}

#[tokio::test]
async fn a_body_without_a_length_may_be_empty() {
    let server = Server::start().await;
    let chunked = "Transfer-Encoding: chunked";
    let said =
        answer(&mut server.begin("POST /films", &["Upload-Length: 5", chunked], b"0\r\n\r\n").await).await;
    assert_eq!(said.status(), 201, "{}", said.0);
    let address = said.header("location").unwrap();
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    let at_the_end = [OCTETS, chunked, "Upload-Offset: 5"];
    let line = format!("PATCH {address}");
    let said = answer(&mut server.begin(&line, &at_the_end, b"0\r\n\r\n").await).await;
    assert_eq!(said.status(), 204, "{}", said.0);
    let said = answer(&mut server.begin(&line, &at_the_end, b"1\r\nx\r\n0\r\n\r\n").await).await;
    said.is(409, "wrong_offset");
    assert_eq!(said.header("upload-offset").as_deref(), Some("5"));
    let bytes = b"1\r\nx\r\n0\r\n\r\n";
    let said = answer(&mut server.begin("POST /films", &["Upload-Length: 5", chunked], bytes).await).await;
    assert_eq!(said.status(), 415, "{}", said.0);
    server.started.stop().await;
}

#[tokio::test]
async fn cancels_an_upload() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    server.patch(&address, 0, &[], b"hello").await;
    assert_eq!(server.waiting().len(), 2);
    assert_eq!(server.ask(&format!("DELETE {address}"), &[]).await.status(), 204);
    assert!(server.waiting().is_empty());
    for method in ["HEAD", "DELETE"] {
        assert_eq!(server.ask(&format!("{method} {address}"), &[]).await.status(), 404);
    }
    server.started.stop().await;
}

#[tokio::test]
async fn a_client_that_can_only_post_says_what_it_means() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    let headers = [OCTETS, "Upload-Offset: 0", "Content-Length: 3", "X-HTTP-Method-Override: PATCH"];
    let said = answer(&mut server.begin(&format!("POST {address}"), &headers, b"hel").await).await;
    assert_eq!((said.status(), said.header("upload-offset").as_deref()), (204, Some("3")), "{}", said.0);
    let head = server.ask(&format!("POST {address}"), &["X-HTTP-Method-Override: HEAD"]).await;
    assert_eq!((head.status(), head.header("upload-offset").as_deref()), (200, Some("3")));
    for nothing in ["X: y", "X-HTTP-Method-Override: GET"] {
        let said = server.ask(&format!("POST {address}"), &[nothing]).await;
        assert!(said.status() == 405 && said.body().contains("X-HTTP-Method-Override"), "{}", said.0);
    }
    let cancelled = server.ask(&format!("POST {address}"), &["X-HTTP-Method-Override: DELETE"]).await;
    assert_eq!((cancelled.status(), server.waiting().len()), (204, 0));
    server.started.stop().await;
}

#[tokio::test]
async fn discards_what_does_not_have_its_checksum() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"12345").await.status(), 204);
    // Of `hello`.
    let checksum = "Upload-Checksum: sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=";
    server.patch(&address, 5, &[checksum], b"hallo").await.is(460, "checksum_mismatch");
    assert_eq!(server.offset(&address).await, Some(5));
    server.patch(&address, 5, &["Upload-Checksum: crc32 AAAA"], b"hello").await.is(400, "invalid_parameter");
    assert_eq!(server.patch(&address, 5, &[checksum], b"hello").await.status(), 204);
    assert_eq!(server.taken(&address), b"12345hello");
    server.started.stop().await;
}

#[tokio::test]
async fn scripts_of_sites_that_are_let_in_may_read_its_headers() {
    let server = Server::start().await;
    let origin = "Origin: https://app.example";
    let said = server.ask("POST /films", &[origin, "Upload-Length: 5"]).await;
    assert_eq!(said.header("access-control-allow-origin").as_deref(), Some("https://app.example"));
    assert_eq!(said.status(), 201, "{}", said.0);
    let exposed: Vec<&str> = said
        .0
        .lines()
        .filter_map(|line| line.strip_prefix("access-control-expose-headers: "))
        .flat_map(|names| names.split(", "))
        .collect();
    for name in ["location", "upload-offset", "upload-length", "tus-resumable", "x-request-id"] {
        assert!(exposed.contains(&name), "{exposed:?}");
    }
    let asked =
        [origin, "Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: upload-offset"];
    let preflight = server.ask("OPTIONS /films/0", &asked).await;
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("PATCH"));
    assert_eq!(preflight.header("access-control-allow-headers").as_deref(), Some("upload-offset"));
    server.started.stop().await;
}
