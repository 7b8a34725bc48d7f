//! Static files: what is found, in which variant, for how long, and what is kept from the public.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    LOCATION, RANGE, VARY,
};
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::Response;
use mainstay_core::Result;
use mainstay_http::files::{Assets, StaticFiles};
use tower::ServiceExt;

use super::{body, header, request};

fn put(folder: &Path, path: &str, content: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
}

fn site() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "public/index.html", "<h1>home</h1>");
    put(folder.path(), "public/docs/index.html", "<h1>docs</h1>");
    put(folder.path(), "public/app.js", "start()");
    put(folder.path(), "public/a b/ü.txt", "umlaut");
    put(folder.path(), "public/assets/index-BxY3kd9Z.js", "bundled");
    put(folder.path(), "public/bare/x.txt", "x");
    put(folder.path(), "public/.env", "SECRET=1");
    put(folder.path(), "public/.well-known/security.txt", "mailto:x");
    put(folder.path(), "secret.txt", "secret");
    folder
}

fn files(folder: &tempfile::TempDir) -> StaticFiles {
    StaticFiles::new(folder.path().join("public"))
}

async fn get(files: &StaticFiles, path: &str, pairs: &[(HeaderName, &str)]) -> Result<Response> {
    files.respond(path, &request(Method::GET, &format!("/static/{path}"), pairs)).await
}

async fn status(files: &StaticFiles, path: &str) -> u16 {
    match get(files, path, &[]).await {
        Ok(response) => response.status().as_u16(),
        Err(error) => error.status().as_u16(),
    }
}

#[tokio::test]
async fn serves_files_and_index_pages() {
    let folder = site();
    let files = files(&folder);
    for (path, expected) in [
        ("app.js", "start()"),
        ("a%20b/%C3%BC.txt", "umlaut"),
        ("", "<h1>home</h1>"),
        ("docs/", "<h1>docs</h1>"),
        (".well-known/security.txt", "mailto:x"),
    ] {
        let response = get(&files, path, &[]).await.unwrap();
        assert_eq!(body(response).await, expected, "{path}");
    }
    let page = get(&files, "", &[]).await.unwrap();
    assert_eq!(header(&page, CONTENT_TYPE), Some("text/html; charset=utf-8"));
}

#[tokio::test]
async fn serves_nothing_else() {
    let folder = site();
    let files = files(&folder);
    for path in [
        "missing.js",
        ".env",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "docs/..%2f..%2fsecret.txt",
        "//secret.txt",
        "app.js/",
        "app.js/x",
        "app.js%00",
        "bare/",
        "bare",
        "%ff",
    ] {
        assert_eq!(status(&files, path).await, 404, "{path}");
    }
    let long = "x".repeat(5000);
    assert_eq!(status(&files, &long).await, 404);
}

#[cfg(unix)]
#[tokio::test]
async fn follows_symbolic_links_only_within_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = site();
    let public = folder.path().join("public");
    symlink(folder.path().join("secret.txt"), public.join("out.txt")).unwrap();
    symlink(folder.path(), public.join("up")).unwrap();
    symlink("app.js", public.join("alias.js")).unwrap();
    symlink("loop", public.join("loop")).unwrap();
    symlink(folder.path().join("secret.txt"), public.join("app.js.br")).unwrap();
    let files = files(&folder);
    assert_eq!(status(&files, "out.txt").await, 404);
    assert_eq!(status(&files, "up/secret.txt").await, 404);
    assert_eq!(status(&files, "loop").await, 404);
    assert_eq!(status(&files, "alias.js").await, 200);
    let packed = get(&files, "app.js", &[(ACCEPT_ENCODING, "br")]).await.unwrap();
    assert_eq!(body(packed).await, "start()");
    assert_eq!(status(&files.follow_links(), "out.txt").await, 200);
}

#[tokio::test]
async fn redirects_a_folder_to_its_address_with_a_slash_and_never_to_another_host() {
    let folder = site();
    let files = files(&folder);
    let to = async |uri: &str, path: &str| {
        let response = files.respond(path, &request(Method::GET, uri, &[])).await.unwrap();
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT, "{uri}");
        header(&response, LOCATION).unwrap().to_owned()
    };
    assert_eq!(to("/static/docs?page=2", "docs").await, "./docs/?page=2");
    assert_eq!(to("/static", "").await, "./static/");
    assert_eq!(status(&files, "//evil.example/docs").await, 404);
}

#[tokio::test]
async fn sends_the_variant_that_was_compressed_in_advance() {
    let folder = site();
    let public = folder.path().join("public");
    put(&public, "app.js.br", "brotli");
    put(&public, "app.js.gz", "gzip");
    let files = files(&folder);
    for (accepted, coding, content) in [
        ("gzip, br, zstd", Some("br"), "brotli"),
        ("gzip;q=1, br;q=0.5", Some("gzip"), "gzip"),
        ("zstd", None, "start()"),
        ("br;q=0", None, "start()"),
    ] {
        let response = get(&files, "app.js", &[(ACCEPT_ENCODING, accepted)]).await.unwrap();
        assert_eq!(header(&response, CONTENT_ENCODING), coding, "{accepted}");
        assert_eq!(header(&response, CONTENT_TYPE), Some("text/javascript; charset=utf-8"));
        assert_eq!(header(&response, VARY), Some("accept-encoding"));
        assert_eq!(body(response).await, content);
    }
    let plain = get(&files, "app.js", &[]).await.unwrap();
    let packed = get(&files, "app.js", &[(ACCEPT_ENCODING, "br")]).await.unwrap();
    assert_ne!(header(&plain, ETAG), header(&packed, ETAG));

    // The file was built again, its variants were not.
    let later = SystemTime::now() + Duration::from_secs(10);
    fs::File::options().write(true).open(public.join("app.js")).unwrap().set_modified(later).unwrap();
    let stale = get(&files, "app.js", &[(ACCEPT_ENCODING, "br, gzip")]).await.unwrap();
    assert_eq!(body(stale).await, "start()");
}

#[tokio::test]
async fn says_how_long_a_file_may_be_kept() {
    let folder = site();
    let plain = files(&folder);
    let aged = files(&folder).max_age(Duration::from_secs(3600));
    for (path, by_default, with_age) in [
        (
            "assets/index-BxY3kd9Z.js",
            "public, max-age=31536000, immutable",
            "public, max-age=31536000, immutable",
        ),
        ("app.js", "no-cache", "public, max-age=3600"),
        ("", "no-cache", "no-cache"),
    ] {
        assert_eq!(header(&get(&plain, path, &[]).await.unwrap(), CACHE_CONTROL), Some(by_default), "{path}");
        assert_eq!(header(&get(&aged, path, &[]).await.unwrap(), CACHE_CONTROL), Some(with_age), "{path}");
    }
}

#[tokio::test]
async fn answers_conditions_and_ranges() {
    let folder = site();
    let files = files(&folder);
    let first = get(&files, "app.js", &[]).await.unwrap();
    let tag = header(&first, ETAG).unwrap().to_owned();
    let again = get(&files, "app.js", &[(IF_NONE_MATCH, &tag)]).await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, CACHE_CONTROL), Some("no-cache"));
    let part = get(&files, "app.js", &[(RANGE, "bytes=0-4")]).await.unwrap();
    assert_eq!((part.status(), body(part).await.as_ref()), (StatusCode::PARTIAL_CONTENT, &b"start"[..]));
}

#[tokio::test]
async fn can_only_be_read() {
    let folder = site();
    let files = files(&folder);
    let post = async |path: &str| files.respond(path, &request(Method::POST, "/x/", &[])).await.unwrap_err();
    let error = post("app.js").await;
    assert_eq!(error.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(error.headers()[ALLOW], "GET, HEAD");
    assert_eq!(post("missing").await.status(), StatusCode::NOT_FOUND);
    let head = files.respond("app.js", &request(Method::HEAD, "/x/app.js", &[])).await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_application_of_one_page_answers_the_addresses_of_its_own_router() {
    let folder = site();
    let page = files(&folder).single_page();
    let html = [(ACCEPT, "text/html,*/*;q=0.8")];
    for path in ["articles/42", "users/john.doe", "settings/"] {
        let response = get(&page, path, &html).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, CACHE_CONTROL), Some("no-cache"));
        assert_eq!(body(response).await, "<h1>home</h1>", "{path}");
    }
    for (path, pairs) in [
        ("missing.js", &html[..]),
        ("assets/gone-3f2a1b9c.css", &html[..]),
        ("articles/42", &[(ACCEPT, "application/json")][..]),
        ("../secret", &html[..]),
        (".env", &html[..]),
    ] {
        let error = get(&page, path, pairs).await.unwrap_err();
        assert_eq!(error.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let post = page.respond("articles/42", &request(Method::POST, "/articles/42", &html)).await;
    assert_eq!(post.unwrap_err().status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tells_before_the_first_request_what_is_wrong_with_a_folder() {
    let folder = site();
    assert_eq!(files(&folder).single_page().problem(), None);
    let bare = StaticFiles::new(folder.path().join("public/bare"));
    assert_eq!(bare.problem(), None);
    assert!(bare.single_page().problem().unwrap().contains("is the frontend built?"));
    let missing = StaticFiles::new(folder.path().join("nowhere"));
    assert!(missing.problem().unwrap().contains("nowhere"));
    assert_eq!(get(&missing, "x", &[]).await.unwrap_err().status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn serves_what_is_compiled_into_the_program_in_the_same_way() {
    let assets = Assets::from_static(&[
        ("index.html", b"<h1>docs</h1>"),
        ("ui/index.html", b"<h1>ui</h1>"),
        ("ui/app.js", b"plain"),
        ("ui/app.js.gz", b"packed"),
    ]);
    assert_eq!(assets.get("ui/app.js"), Some(&b"plain"[..]));
    let files = StaticFiles::from(assets);
    assert_eq!(body(get(&files, "", &[]).await.unwrap()).await, "<h1>docs</h1>");
    assert_eq!(body(get(&files, "ui/", &[]).await.unwrap()).await, "<h1>ui</h1>");
    assert_eq!(get(&files, "ui", &[]).await.unwrap().status(), StatusCode::PERMANENT_REDIRECT);
    let packed = get(&files, "ui/app.js", &[(ACCEPT_ENCODING, "gzip")]).await.unwrap();
    assert_eq!(header(&packed, CONTENT_TYPE), Some("text/javascript; charset=utf-8"));
    let tag = header(&packed, ETAG).unwrap().to_owned();
    assert_eq!(body(packed).await, "packed");
    let again = [(ACCEPT_ENCODING, "gzip"), (IF_NONE_MATCH, tag.as_str())];
    assert_eq!(get(&files, "ui/app.js", &again).await.unwrap().status(), StatusCode::NOT_MODIFIED);
    assert_eq!(status(&files, "ui/../index.html").await, 404);
}

#[tokio::test]
async fn is_a_tower_service() {
    let folder = site();
    let request = axum::http::Request::get("/app.js").body(axum::body::Body::empty()).unwrap();
    let response = files(&folder).oneshot(request).await.unwrap();
    assert_eq!(body(response).await, "start()");
}
