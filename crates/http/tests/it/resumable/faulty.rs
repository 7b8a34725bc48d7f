//! What is wrong with a request is named, and changes nothing.

use super::*;

#[tokio::test]
async fn names_what_is_wrong_with_a_beginning() {
    let server = Server::start().await;
    let cases: [(&[&str], u16, &str); 13] = [
        (&[], 400, "header:upload-length"),
        (&["Upload-Length: -1"], 400, "header:upload-length"),
        (&["Upload-Length: 18446744073709551616"], 400, "header:upload-length"),
        (&["Upload-Length: 1", "Upload-Length: 2"], 400, "header:upload-length"),
        (&["Upload-Length: 1", "Upload-Defer-Length: 1"], 400, "header:upload-defer-length"),
        (&["Upload-Defer-Length: 2"], 400, "header:upload-defer-length"),
        (&["Upload-Length: 20000001"], 413, "upload_too_large"),
        (&["Upload-Length: 18446744073709551615"], 413, "upload_too_large"),
        (&["Upload-Length: 1", "Upload-Metadata: a YQ"], 400, "header:upload-metadata"),
        (&["Upload-Length: 1", "Upload-Metadata: a YQ==,a YQ=="], 400, "header:upload-metadata"),
        (&["Upload-Length: 1", "Upload-Concat: partial"], 400, "header:upload-concat"),
        (&["Upload-Length: 1", "Upload-Checksum: sha1 x"], 400, "header:upload-checksum"),
        (&["Upload-Length: 1", "Content-Length: 1", "Content-Type: text/plain"], 415, OCTETS.split_at(14).1),
    ];
    for (headers, status, words) in cases {
        let said = server.ask("POST /films", headers).await;
        assert!(said.status() == status && said.body().contains(words), "{headers:?}: {}", said.0);
        assert!(said.header("content-type").unwrap().starts_with("application/problem+json"));
    }
    assert!(server.waiting().is_empty());
    server.started.stop().await;
}

#[tokio::test]
async fn names_what_is_wrong_with_a_piece() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    server.patch(&address, 0, &[], b"hello").await;
    let line = format!("PATCH {address}");
    let with = |headers: &'static [&'static str]| {
        let (server, line) = (&server, &line);
        async move {
            answer(&mut server.begin(line, &[headers, &["Content-Length: 2"]].concat(), b"xy").await).await
        }
    };
    with(&[OCTETS]).await.is(400, "invalid_parameter");
    with(&[OCTETS, "Upload-Offset: -5"]).await.is(400, "invalid_parameter");
    with(&[OCTETS, "Upload-Offset: 99999999999999999999"]).await.is(400, "invalid_parameter");
    for offset in ["Upload-Offset: 4", "Upload-Offset: 6", "Upload-Offset: 18446744073709551615"] {
        let said =
            answer(&mut server.begin(&line, &[OCTETS, offset, "Content-Length: 2"], b"xy").await).await;
        said.is(409, "wrong_offset");
        assert_eq!(said.header("upload-offset").as_deref(), Some("5"));
    }
    assert_eq!(with(&["Upload-Offset: 5"]).await.status(), 415);
    assert_eq!(with(&["Upload-Offset: 5", "Content-Type: application/octet-stream"]).await.status(), 415);
    with(&[OCTETS, "Upload-Offset: 5", "Content-Encoding: gzip"]).await.is(415, "unsupported_encoding");
    with(&[OCTETS, "Upload-Offset: 5", "Upload-Length: 11"]).await.is(400, "invalid_parameter");
    let said = server.patch(&address, 5, &[], b"123456").await;
    said.is(413, "upload_too_large");
    assert!(said.body().contains("announced with 10 bytes, of which 5 are still to come"), "{}", said.0);
    let said = answer(&mut server.patching(&address, 5, &[], (1 << 62, b"")).await).await;
    said.is(413, "upload_too_large");
    assert_eq!(server.offset(&address).await, Some(5));
    server.started.stop().await;
}

#[tokio::test]
async fn an_address_that_was_not_given_out_is_none() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let other = format!("/slow/{}", id(&address));
    let long = format!("{address}0");
    let encoded = format!("/films/..%2Fuploads%2F{}", id(&address));
    let upper = address.to_uppercase().replace("/FILMS", "/films");
    let record = format!("{address}.json");
    for address in ["/films/0", "/films/00000000000000000000000000000000", &other, &long, &encoded, &record] {
        let said = server.ask(&format!("HEAD {address}"), &[]).await;
        assert_eq!((said.status(), said.header("upload-offset")), (404, None), "{address}");
        assert_eq!(server.patch(address, 0, &[], b"hello").await.status(), 404, "{address}");
        assert_eq!(server.ask(&format!("DELETE {address}"), &[]).await.status(), 404, "{address}");
    }
    if upper != address {
        assert_eq!(server.offset(&upper).await, None);
    }
    assert_eq!(server.offset(&address).await, Some(0));
    assert_eq!(server.ask(&format!("GET {address}"), &[]).await.status(), 405);
    server.started.stop().await;
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_our_fault_and_harms_no_other() {
    let server = Server::start().await;
    let address = server.create("/films", &["Upload-Length: 10"]).await;
    let record = server.folder.path().join("uploads").join(format!("{}.json", id(&address)));
    std::fs::write(record, "{").unwrap();
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 500);
    // On any other status a client that asks would begin anew.
    let asked = server.ask(&format!("HEAD {address}"), &[]).await;
    assert_eq!((asked.status(), asked.header("tus-resumable").as_deref()), (423, Some("1.0.0")));
    let server = server.again().await;
    let address = server.create("/films", &["Upload-Length: 5"]).await;
    assert_eq!(server.patch(&address, 0, &[], b"hello").await.status(), 204);
    server.started.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_none_is_found_at_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let app = App::new()
        .set("resumable_uploads.folder", file.path().display().to_string())
        .set("resumable_uploads.most_bytes", "200GB")
        .resumable_uploads(ResumableUploads::new(routes![plain]));
    let findings = crate::calling::findings(app);
    assert!(findings.contains("most_unfinished_bytes"), "{findings}");
    let app = App::new()
        .set("resumable_uploads.folder", file.path().display().to_string())
        .resumable_uploads(ResumableUploads::new(routes![plain]));
    let findings = crate::calling::findings(app);
    assert!(findings.contains("http.E011"), "{findings}");
    // A file for which there would never be room.
    let app = App::new()
        .set("resumable_uploads.most_unfinished_bytes_each", "15MB")
        .set("resumable_uploads.most_bytes", "10MB")
        .resumable_uploads(ResumableUploads::new(routes![keep]));
    let findings = crate::calling::findings(app.provide(Kept::default));
    assert!(
        findings.contains("http.E012") && findings.contains("`/films` takes files of 19.1 MiB"),
        "{findings}"
    );
    // What its handler takes from the container is looked for, too.
    let app = App::new().resumable_uploads(ResumableUploads::new(routes![keep]));
    let findings = crate::calling::findings(app);
    assert!(findings.contains("Kept"), "{findings}");
    // A handler that nobody gives a file to.
    let findings = crate::calling::findings(App::new().routes(routes![plain]));
    assert!(findings.contains("Uploads"), "{findings}");
}

#[post("/plain")]
async fn plain(_: Finished) {}
