//! Files over HTTP: what a signed URL grants and what it does not, files as answers, uploads.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use mainstay_api::{Api, ApiExt, AttachmentsOverHttp, FilesExt, FilesOverHttp};
use mainstay_core::clock::TestClock;
use mainstay_core::error::OrNotFound;
use mainstay_core::{App, Inject, Result};
use mainstay_db::{BelongsTo, Db, ModelsExt, model, models};
use mainstay_http::extract::{FileRules, Image, MultipartForm, Upload};
use mainstay_http::files::File;
use mainstay_http::{Json, Path, RoutesExt, get, post, routes};
use mainstay_store::files::attachments::Announced;
use mainstay_store::files::{Attachment, Attachments, Blob, FileKey, Files, Grant};
use mainstay_test::TestApp;
use serde::Deserialize;
use serde_json::{Value, json};

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

/// Has a picture.
#[model]
pub struct Member {
    pub id: i64,
    #[belongs_to]
    pub picture: Option<BelongsTo<Blob>>,
}

#[post("/members/{id}/picture")]
async fn set_picture(
    Path(id): Path<i64>,
    attachments: Inject<Attachments>,
    db: Inject<Db>,
    MultipartForm(new): MultipartForm<NewAvatar>,
) -> Result<Json<Attachment>> {
    let picture = attachments.keep_upload(&new.picture).await?;
    let mut member = Member::filter(|member| member.id.eq(id)).one(&*db).await?;
    member.update(|member| member.picture(Some(picture.key())), &*db).await?;
    Ok(Json(attachments.show(&picture).await?))
}

#[get("/members/{id}/picture")]
async fn picture(Path(id): Path<i64>, attachments: Inject<Attachments>, db: Inject<Db>) -> Result<File> {
    let member = Member::filter(|member| member.id.eq(id)).with(|member| member.picture).one(&*db).await?;
    attachments.respond(member.picture.as_ref().or_not_found("a picture")?.get()?).await
}

#[get("/members")]
async fn members(db: Inject<Db>) -> Result<Json<Vec<Member>>> {
    Ok(Json(Member::query().with(|member| member.picture).all(&*db).await?))
}

/// What a page says of a file before it sends it.
#[derive(Deserialize, schemars::JsonSchema)]
struct Announcing {
    name: String,
    media_type: String,
    size: u64,
}

struct Small;

impl FileRules for Small {
    const TYPES: &'static [&'static str] = &["image/png", "text/csv"];
    const MOST_BYTES: u64 = 1000;
}

#[post("/uploads")]
async fn announce(attachments: Inject<Attachments>, Json(new): Json<Announcing>) -> Result<Json<Announced>> {
    Ok(Json(attachments.announce_upload::<Small>(&new.name, &new.media_type, new.size).await?))
}

#[post("/uploads/{claim}")]
async fn claim(attachments: Inject<Attachments>, Path(claim): Path<String>) -> Result<Json<Attachment>> {
    let file = attachments.claim_upload::<Small>(&claim).await?;
    Ok(Json(attachments.show(&file).await?))
}

fn members_app() -> App {
    // Said twice, it is there once.
    App::new().files().attachments().models(models![Member]).api(Api::new()).routes(routes![
        set_picture,
        picture,
        members,
        announce,
        claim
    ])
}

#[tokio::test]
async fn an_upload_is_attached_shown_and_served() {
    let app = TestApp::start(members_app()).await;
    let db = app.inject::<Db>().await;
    let member = NewMember {}.insert(&*db).await.unwrap();
    let at = format!("/members/{}/picture", member.id);
    app.get(&at).send().await.assert_status(404);
    let upload = mainstay_test::Upload::new().file("picture", "me.gif", "image/gif", PNG);
    let shown = app.post(&at).upload(upload).send().await;
    shown
        .assert_status(200)
        .assert_json_contains(json!({ "name": "me.gif", "media_type": "image/png", "size": PNG.len() }));
    let url = shown.json::<Value>()["url"].as_str().unwrap().to_owned();
    assert_eq!(app.get(&url).send().await.assert_header("content-type", "image/png").bytes(), PNG);
    let answer = app.get(&at).header("range", "bytes=1-3").send().await;
    answer
        .assert_status(206)
        .assert_text("PNG")
        .assert_header("content-disposition", "inline; filename=\"me.gif\"");
    // The row shows what the file is, and not where.
    let rows = app.get("/members").send().await;
    let row: Value = rows.json::<Value>()[0].clone();
    assert_eq!(row["picture"]["name"], "me.gif");
    assert!(row["picture"].get("key").is_none(), "{row}");
    let page = mainstay_test::Upload::new().file("picture", "me.png", "image/png", "<script>");
    app.post(&at).upload(page).send().await.assert_status(415);
    app.stop().await;
}

#[tokio::test]
async fn a_file_that_a_page_sends_straight_into_the_store_is_announced_sent_and_claimed() {
    let app = TestApp::start(members_app()).await;
    let announce = |name: &str, media_type: &str, size: u64| {
        app.post("/uploads").json(&json!({ "name": name, "media_type": media_type, "size": size }))
    };
    announce("a.html", "text/html", 10).send().await.assert_status(415);
    announce("a.png", "image/png", 1001).send().await.assert_status(413);
    for (name, media_type, body, found) in [
        ("C:\\fakepath\\me.png", "image/png", PNG, Some("image/png")),
        ("table.csv", "application/vnd.ms-excel", &b"a;b"[..], Some("text/csv")),
        ("table.csv", "", &b"a;b"[..], Some("text/csv")),
        ("me.png", "image/png", &b"<script>"[..], None),
    ] {
        let announced: Value =
            announce(name, media_type, body.len() as u64).send().await.assert_status(200).json();
        let url = announced["upload"]["url"].as_str().unwrap();
        let said = announced["upload"]["headers"]["content-type"].as_str().unwrap();
        let claim = format!("/uploads/{}", announced["claim"].as_str().unwrap());
        app.post(&claim).send().await.assert_status(409);
        app.put(url).body(said, Bytes::copy_from_slice(body)).send().await.assert_status(204);
        let claimed = app.post(&claim).send().await;
        match found {
            Some(found) => {
                let name = name.rsplit('\\').next().unwrap();
                claimed.assert_status(200).assert_json_contains(json!({ "name": name, "media_type": found }));
            }
            None => {
                claimed.assert_status(415);
                app.post(&claim).send().await.assert_status(404);
            }
        }
    }
    // What is sent and shown is in the document.
    let document: Value = app.get("/openapi.json").send().await.json();
    assert!(document["components"]["schemas"]["Announced"].is_object(), "{document}");
    assert!(document["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/_files")));
    app.stop().await;
}

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

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
    assert_ne!(response.header("content-security-policy"), Some("sandbox"));
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
    assert_eq!((&*signed.method, &*signed.headers["content-type"]), ("PUT", "image/png"));
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
    let upload = mainstay_test::Upload::new().file("picture", "me.gif", "image/gif", PNG);
    app.post("/avatar").upload(upload).send().await.assert_status(200).assert_text("image/png");
    assert_eq!(files.get("avatars/7").await.unwrap().bytes().await.unwrap(), PNG);
}

#[tokio::test]
async fn where_rules_set_no_limit_an_announced_file_has_that_of_the_settings() {
    struct Any;
    impl FileRules for Any {}
    let app = TestApp::of(members_app()).set("files.most_bytes", "1MiB").start().await;
    let attachments = app.inject::<Attachments>().await;
    let announce = async |size| attachments.announce_upload::<Any>("a.bin", "", size).await;
    assert_eq!(announce((1 << 20) + 1).await.unwrap_err().status(), 413);
    announce(1 << 20).await.unwrap();
}
