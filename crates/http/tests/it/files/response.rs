//! A file as a response: whole, in parts, or not at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use axum::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_MATCH,
    IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::IntoResponse;
use http_body_util::BodyExt;
use mainstay_core::{App, Error};
use mainstay_http::files::{Conditions, File, Tag, complete};
use mainstay_http::{Route, RoutesExt};

use super::{body, header, headers};
use crate::calling::caller;

/// A file that was written a minute ago, so that its tag is strong.
fn written(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    path
}

fn large() -> Vec<u8> {
    (0..300_000_u32).map(|number| (number % 251) as u8).collect()
}

#[tokio::test]
async fn sends_small_and_large_files_with_type_length_tag_and_date() {
    let folder = tempfile::tempdir().unwrap();
    for (name, content, expected) in [
        ("small.txt", b"hello".to_vec(), "text/plain; charset=utf-8"),
        ("large.mp4", large(), "video/mp4"),
        ("empty.unknown", Vec::new(), "application/octet-stream"),
    ] {
        let path = written(folder.path(), name, &content);
        let response = File::open(path).await.unwrap().respond(&HeaderMap::new(), &Method::GET);
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, CONTENT_TYPE), Some(expected));
        assert_eq!(header(&response, CONTENT_LENGTH).unwrap(), content.len().to_string());
        assert_eq!(header(&response, ACCEPT_RANGES), Some("bytes"));
        assert!(header(&response, ETAG).unwrap().starts_with('"'));
        assert!(header(&response, LAST_MODIFIED).unwrap().ends_with("GMT"));
        assert_eq!(body(response).await, content);
    }
}

#[tokio::test]
async fn says_404_for_what_is_not_there_or_is_a_folder_or_a_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [folder.path().join("missing"), folder.path().to_owned(), pipe] {
        assert_eq!(File::open(path).await.unwrap_err().status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn sends_one_part_and_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let content = large();
    let path = written(folder.path(), "film.mp4", &content);
    for (range, first, last) in
        [("bytes=0-0", 0, 0), ("bytes=100000-250000", 100_000, 250_000), ("bytes=-10", 299_990, 299_999)]
    {
        let response =
            File::open(path.clone()).await.unwrap().respond(&headers(&[(RANGE, range)]), &Method::GET);
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        let said = format!("bytes {first}-{last}/300000");
        assert_eq!(header(&response, CONTENT_RANGE), Some(said.as_str()));
        assert_eq!(header(&response, CONTENT_LENGTH).unwrap(), (last - first + 1).to_string());
        assert_eq!(body(response).await, content[first..=last]);
    }
}

#[tokio::test]
async fn sends_several_parts_as_multipart() {
    let folder = tempfile::tempdir().unwrap();
    let content = large();
    let path = written(folder.path(), "film.mp4", &content);
    let range = [(RANGE, "bytes=5-9,200000-200099")];
    let response = File::open(path).await.unwrap().respond(&headers(&range), &Method::GET);
    assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&response, CONTENT_RANGE), None);
    let kind = header(&response, CONTENT_TYPE).unwrap().to_owned();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap().to_owned();
    let length: usize = header(&response, CONTENT_LENGTH).unwrap().parse().unwrap();
    let sent = body(response).await;
    assert_eq!(sent.len(), length);
    let mut expected = Vec::new();
    for (first, last) in [(5, 9), (200_000, 200_099)] {
        if !expected.is_empty() {
            expected.extend_from_slice(b"\r\n");
        }
        let head = format!(
            "--{boundary}\r\ncontent-type: video/mp4\r\ncontent-range: bytes {first}-{last}/300000\r\n\r\n"
        );
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(&content[first..=last]);
    }
    expected.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn refuses_a_part_that_the_file_does_not_have() {
    let file = File::from_bytes("a.txt", "0123456789");
    let response = file.respond(&headers(&[(RANGE, "bytes=10-")]), &Method::GET);
    assert_eq!(response.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(header(&response, CONTENT_RANGE), Some("bytes */10"));
}

#[tokio::test]
async fn sends_nothing_that_the_client_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "a.txt", b"hello");
    let open = async || File::open(path.clone()).await.unwrap();
    let first = open().await.respond(&HeaderMap::new(), &Method::GET);
    let tag = header(&first, ETAG).unwrap().to_owned();

    let again = open().await.respond(&headers(&[(IF_NONE_MATCH, &tag)]), &Method::GET);
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, ETAG), Some(tag.as_str()));
    assert_eq!(header(&again, CONTENT_TYPE), None);
    assert_eq!(body(again).await, "");

    let stale = open().await.respond(&headers(&[(IF_MATCH, "\"other\"")]), &Method::GET);
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);

    let resumed = open().await.respond(&headers(&[(RANGE, "bytes=2-"), (IF_RANGE, &tag)]), &Method::GET);
    assert_eq!(body(resumed).await, "llo");
    written(folder.path(), "a.txt", b"other content");
    let changed = open().await.respond(&headers(&[(RANGE, "bytes=2-"), (IF_RANGE, &tag)]), &Method::GET);
    assert_eq!(changed.status(), StatusCode::OK);
    assert_eq!(body(changed).await, "other content");
}

#[tokio::test]
async fn breaks_off_when_the_file_becomes_shorter_while_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path(), "film.mp4", &large());
    let response = File::open(path.clone()).await.unwrap().respond(&HeaderMap::new(), &Method::GET);
    fs::File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn a_returned_file_is_completed_with_what_the_client_asked_for() {
    let returned = || {
        let file = File::from_bytes("a.txt", "0123456789").with_tag(Tag::new("v1").unwrap());
        ([("x-mine", "kept")], file.attachment("Ä.txt")).into_response()
    };
    let plain = returned();
    assert_eq!(header(&plain, CONTENT_LENGTH), Some("10"));
    assert_eq!(body(plain).await, "0123456789");

    let given = |pairs: &[_]| Conditions::of(&Method::GET, &headers(pairs));
    let mut part = returned();
    complete(&mut part, &given(&[(RANGE, "bytes=2-3")]));
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(header(&part, CONTENT_RANGE), Some("bytes 2-3/10"));
    assert_eq!(part.headers()["x-mine"], "kept");
    assert!(header(&part, CONTENT_DISPOSITION).unwrap().contains("UTF-8''%C3%84.txt"));
    assert_eq!(body(part).await, "23");

    let mut known = returned();
    complete(&mut known, &given(&[(IF_NONE_MATCH, "\"v1\"")]));
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert_eq!((header(&known, ETAG), header(&known, CONTENT_LENGTH)), (Some("\"v1\""), None));
    assert_eq!(known.headers()["x-mine"], "kept");

    let mut beyond = returned();
    complete(&mut beyond, &given(&[(RANGE, "bytes=99-")]));
    assert_eq!(beyond.status(), StatusCode::RANGE_NOT_SATISFIABLE);
    let error = beyond.extensions().get::<std::sync::Arc<Error>>();
    assert_eq!(error.map(|error| error.status()), Some(StatusCode::RANGE_NOT_SATISFIABLE));

    let mut refused = (StatusCode::CREATED, File::from_bytes("a.txt", "x")).into_response();
    complete(&mut refused, &given(&[(RANGE, "bytes=0-0")]));
    assert_eq!(refused.status(), StatusCode::CREATED);
    assert_eq!(body(refused).await, "x");
}

#[tokio::test]
async fn a_file_from_memory_has_a_tag_of_its_content() {
    let tag = |content: &'static str| {
        let response = File::from_bytes("a.txt", content).respond(&HeaderMap::new(), &Method::GET);
        header(&response, ETAG).unwrap().to_owned()
    };
    assert_eq!(tag("one"), tag("one"));
    assert_ne!(tag("one"), tag("two"));
    let typed = File::from_bytes("a", "x").with_media_type(HeaderValue::from_static("image/x-own"));
    assert_eq!(header(&typed.respond(&HeaderMap::new(), &Method::GET), CONTENT_TYPE), Some("image/x-own"));
}

#[tokio::test]
async fn what_a_handler_makes_is_sent_only_to_those_who_do_not_have_it() {
    const WRITTEN: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    async fn made() -> ([(&'static str, &'static str); 4], &'static str) {
        let headers = [
            ("etag", "\"7\""),
            ("last-modified", WRITTEN),
            ("cache-control", "private"),
            ("content-language", "de"),
        ];
        (headers, "made")
    }
    async fn failed() -> (StatusCode, [(&'static str, &'static str); 1]) {
        (StatusCode::CONFLICT, [("etag", "\"7\"")])
    }
    let app = App::new()
        .route(Route::new(Method::GET, "/", made))
        .route(Route::new(Method::POST, "/", made))
        .route(Route::new(Method::GET, "/plain", async || "plain"))
        .route(Route::new(Method::GET, "/failed", failed));
    let caller = caller(app).await;
    let status = async |method: &str, path: &str, name: &str, value: &str| {
        caller.ask(method, path, &[(name, value)]).await.status.as_u16()
    };
    let answer = caller.ask("GET", "/", &[("if-none-match", "\"1\", W/\"7\"")]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str(), answer.header("etag")), (304, "", "\"7\""));
    assert_eq!((answer.header("cache-control"), answer.header("content-type")), ("private", ""));
    assert_eq!(status("HEAD", "/", "if-none-match", "*").await, 304);
    assert_eq!(status("GET", "/", "if-none-match", "\"8\"").await, 200);
    assert_eq!(status("GET", "/", "if-modified-since", WRITTEN).await, 304);
    assert_eq!(status("GET", "/", "if-modified-since", "Sun, 09 Sep 2001 01:46:39 GMT").await, 200);
    assert_eq!(status("GET", "/", "if-match", "\"7\"").await, 200);
    assert_eq!(status("GET", "/", "range", "bytes=0-0").await, 200, "there are no parts of it");
    let answer = caller.ask("GET", "/", &[("if-match", "\"8\"")]).await;
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_u64()), (412, Some(412)));
    assert_eq!(status("GET", "/", "if-unmodified-since", "Sun, 09 Sep 2001 01:46:39 GMT").await, 412);
    // What changes something has looked for itself; what has no tag, and what failed, is what it is.
    assert_eq!(status("POST", "/", "if-none-match", "\"7\"").await, 200);
    assert_eq!(status("GET", "/plain", "if-none-match", "*").await, 200);
    assert_eq!(status("GET", "/failed", "if-none-match", "\"7\"").await, 409);
}

#[tokio::test]
async fn whatever_can_be_read_from_any_place_is_sent_in_parts() {
    async fn archive() -> File {
        let bytes: Vec<u8> = (0..200_000_u32).map(|number| b'a' + (number % 26) as u8).collect();
        let written = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        File::from_reader("log.txt", std::io::Cursor::new(bytes), 200_000).with_modified(written)
    }
    let caller = caller(App::new().route(Route::new(Method::GET, "/", archive))).await;
    let whole = caller.get("/").await;
    assert_eq!((whole.body.len(), whole.header("content-type")), (200_000, "text/plain; charset=utf-8"));
    assert_eq!(whole.header("last-modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
    let part = caller.ask("GET", "/", &[("range", "bytes=26-28")]).await;
    assert_eq!((part.status.as_u16(), part.body.as_str()), (206, "abc"));
    assert_eq!(part.header("content-range"), "bytes 26-28/200000");
    let end = caller.ask("GET", "/", &[("range", "bytes=-2")]).await;
    assert_eq!(end.body, whole.body[199_998..]);
    let both = caller.ask("GET", "/", &[("range", "bytes=0-1,100000-100002")]).await;
    assert!(both.body.contains(&whole.body[100_000..100_003]) && both.status == 206);
    assert_eq!(caller.ask("GET", "/", &[("range", "bytes=200000-")]).await.status, 416);
    let known = caller.ask("GET", "/", &[("if-modified-since", whole.header("last-modified"))]).await;
    assert_eq!(known.status, 304);
}
