//! Files over HTTP: what a signed URL grants and what it does not, files as answers, uploads.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_api::{FilesExt, FilesOverHttp};
use mainstay_core::clock::TestClock;
use mainstay_core::{App, Inject, Result};
use mainstay_http::extract::{Image, MultipartForm, Upload};
use mainstay_http::files::File;
use mainstay_http::{Path, RoutesExt, get, post, routes};
use mainstay_store::files::{FileKey, Files, Grant};
use mainstay_test::TestApp;
use serde::Deserialize;

#[get("/reports/{key}")]
async fn report(files: Inject<Files>, Path(key): Path<String>) -> Result<File> {
    files.respond(key).await
}

#[derive(Deserialize)]
struct NewAvatar {
    picture: Upload<Image>,
}

#[post("/avatar")]
async fn avatar(files: Inject<Files>, MultipartForm(new): MultipartForm<NewAvatar>) -> Result<String> {
    Ok(files.put_upload("avatars/7", &new.picture).await?.media_type)
}

async fn start() -> (TestApp, Files, Arc<TestClock>) {
    let clock = Arc::new(TestClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_001)));
    let setup = TestApp::of(App::new().files().routes(routes![report, avatar]));
    let app = setup.clock(&clock).start().await;
    let files = Files::clone(&*app.inject::<Files>().await);
    (app, files, clock)
}

#[tokio::test]
async fn a_signed_url_reads_one_file_until_it_expires() {
    let (app, files, clock) = start().await;
    files.put("a/picture.png", "a picture").await.unwrap();
    let url = files.url("a/picture.png").expires_in(Duration::from_secs(60)).sign().await.unwrap();
    assert!(url.starts_with("/_files/") && url.ends_with("/picture.png"), "{url}");
    let response = app.get(&url).send().await;
    response.assert_status(200).assert_text("a picture");
    response.assert_header("content-type", "image/png");
    response.assert_header("content-disposition", "inline; filename=\"picture.png\"");
    response.assert_header("x-content-type-options", "nosniff");
    response.assert_header("cache-control", "private, no-cache");
    app.head(&url).send().await.assert_status(200).assert_header("content-length", "9").assert_text("");
    // It is the same for a while, so that browsers have what they have fetched.
    clock.advance(Duration::from_secs(1));
    assert_eq!(files.url("a/picture.png").expires_in(Duration::from_secs(60)).sign().await.unwrap(), url);

    let (start, name) = url.rsplit_once('/').unwrap();
    app.get(&format!("{start}/other-name")).send().await.assert_status(200);
    let mut forged = start.to_owned();
    forged.pop();
    for wrong in [format!("{forged}/{name}"), format!("{start}A/{name}"), format!("/_files/x/{name}")] {
        app.get(&wrong).header("accept", "application/json").send().await.assert_problem(403, "url_expired");
    }
    clock.advance(Duration::from_secs(58));
    app.get(&url).send().await.assert_status(200);
    clock.advance(Duration::from_secs(17));
    app.get(&url).send().await.assert_status(403);
    // What is signed for something else by the same keys is no URL of a file.
    let url = files.url("none").sign().await.unwrap();
    app.get(&url).send().await.assert_status(404);
}

#[tokio::test]
async fn parts_and_conditions_hold_for_signed_urls() {
    let (app, files, _) = start().await;
    files.put("a.txt", "0123456789").await.unwrap();
    let url = files.url("a.txt").sign().await.unwrap();
    let whole = app.get(&url).send().await;
    let tag = whole.header("etag").unwrap().to_owned();
    app.get(&url).header("if-none-match", &tag).send().await.assert_status(304);
    let part = app.get(&url).header("range", "bytes=2-4").send().await;
    part.assert_status(206).assert_text("234").assert_header("content-range", "bytes 2-4/10");
    let parts = app.get(&url).header("range", "bytes=8-,0-1").send().await;
    parts
        .assert_status(206)
        .assert_text_contains("bytes 8-9/10\r\n\r\n89")
        .assert_text_contains("bytes 0-1/10\r\n\r\n01");
    app.get(&url).header("range", "bytes=10-").send().await.assert_status(416);
    let old = app.get(&url).header("range", "bytes=2-4").header("if-range", "\"other\"").send().await;
    old.assert_status(200).assert_text("0123456789");
}

#[tokio::test]
async fn nothing_that_a_stranger_has_sent_runs_as_a_page() {
    let (app, files, _) = start().await;
    for (key, body) in
        [("page.html", "<script>"), ("picture.svg", "<svg onload=a()>"), ("unknown", "<script>")]
    {
        files.put(key, body).await.unwrap();
        let response = app.get(&files.url(key).sign().await.unwrap()).send().await;
        response.assert_header("content-disposition", &format!("attachment; filename=\"{key}\""));
        response.assert_header("content-security-policy", "sandbox");
        response.assert_header("x-content-type-options", "nosniff");
        let response = app.get(&format!("/reports/{key}")).send().await;
        response.assert_header("content-disposition", &format!("attachment; filename=\"{key}\""));
    }
    let named = files.url("page.html").trusted().named("Page 1.html").sign().await.unwrap();
    let response = app.get(&named).send().await;
    response.assert_header("content-disposition", "inline; filename=\"Page 1.html\"");
    let saved = files.url("unknown").media_type("image/png").attachment("\u{fc}.png").sign().await.unwrap();
    let response = app.get(&saved).send().await;
    response.assert_header("content-type", "image/png");
    assert!(response.header("content-disposition").unwrap().starts_with("attachment; "));
}

#[tokio::test]
async fn a_url_to_write_with_takes_what_was_signed_and_nothing_else() {
    let (app, files, clock) = start().await;
    let key = FileKey::parse("direct/1").unwrap();
    let grant = Grant::Write { key, media_type: "image/png".into(), size: 9 };
    let signed = files.grant(&grant, Duration::from_secs(60)).await.unwrap();
    assert_eq!(
        (&*signed.method, &signed.headers[..]),
        ("PUT", &[("content-type".into(), "image/png".into())][..])
    );
    let put = |media_type: &str, body: &'static str| app.put(&signed.url).body(media_type, body);
    put("image/png", "too large!").send().await.assert_status(413);
    put("image/png", "small").send().await.assert_status(400);
    put("text/html", "a picture").send().await.assert_status(415);
    assert!(!files.exists("direct/1").await.unwrap());
    // From a page of another site, too: what is asked for is the address, and no cookie.
    let elsewhere = put("image/png", "a picture").header("sec-fetch-site", "cross-site");
    elsewhere.header("origin", "https://elsewhere.example").send().await.assert_status(204);
    assert_eq!(files.get("direct/1").await.unwrap().text().await.unwrap(), "a picture");
    // It grants to write, and not to read; and the other way round.
    app.get(&format!("{}/x", signed.url)).send().await.assert_status(403);
    let read = files.url("direct/1").sign().await.unwrap();
    let read = read.rsplit_once('/').unwrap().0;
    app.put(read).body("image/png", "a picture").send().await.assert_status(403);
    clock.advance(Duration::from_secs(76));
    put("image/png", "a picture").send().await.assert_status(403);
}

#[tokio::test]
async fn an_upload_is_kept_as_what_it_is() {
    let (app, files, _) = start().await;
    let png: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    let upload = mainstay_test::Upload::new().file("picture", "me.gif", "image/gif", png);
    app.post("/avatar").upload(upload).send().await.assert_status(200).assert_text("image/png");
    assert_eq!(files.get("avatars/7").await.unwrap().bytes().await.unwrap(), png);
}
