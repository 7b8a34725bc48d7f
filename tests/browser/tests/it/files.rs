//! A page that sends files straight into the store, shows them, and tries to have one run: where the application serves them, and from
//! a bucket, which is another origin.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use mainstay::core::config::Sources;
use mainstay::core::lifecycle::Services;
use mainstay::prelude::*;
use mainstay::store::files::attachments::Announced;
use serde::Deserialize;
use servers::s3::S3Server;
use tokio::sync::mpsc;

/// Has pictures.
#[model]
pub struct Picture {
    pub id: i64,
    #[belongs_to]
    pub file: BelongsTo<Blob>,
}

/// A PNG of one dot is sent, claimed and shown; then a page that says it is one. What became of them is reported.
const PAGE: &str = "<!doctype html><title>Files</title><script nonce=\"browser\">
const dot = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
const png = new File([Uint8Array.from(atob(dot), letter => letter.charCodeAt(0))], 'dot.png', { type: 'image/png' });
const page = new File(['<script>parent.ran = true<' + '/script>'], 'page.png', { type: 'image/png' });
const post = (path, value) => fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) });
const heard = [];
async function send(file) {
  const about = { name: file.name, media_type: file.type, size: file.size };
  const { upload, claim } = await (await post('/uploads', about)).json();
  const sent = await fetch(upload.url, { ...upload, body: file });
  const more = await fetch(upload.url, { ...upload, body: file.name + ' and much more than was said' }).catch(() => ({ ok: false }));
  const claimed = await post('/pictures', { claim });
  heard.push(file.name, sent.ok, more.ok, claimed.status);
  return claimed.ok ? (await claimed.json()).url : null;
}
function shown(url) {
  return new Promise(done => {
    const image = new Image();
    image.onload = () => done(image.naturalWidth);
    image.onerror = () => done('not shown');
    image.src = url;
  });
}
(async () => {
  heard.push(await shown(await send(png)));
  await send(page);
  const frame = document.createElement('iframe');
  frame.src = await (await fetch('/page')).text();
  document.documentElement.append(frame);
  await new Promise(done => setTimeout(done, 1500));
  heard.push(window.ran ? 'it ran' : 'it did not run');
  await fetch('/report', { method: 'POST', body: heard.join(' ') });
})().catch(error => fetch('/report', { method: 'POST', body: heard.join(' ') + ' ' + error }));
</script>";

#[get("/", hidden)]
async fn start() -> ([(header::HeaderName, &'static str); 2], &'static str) {
    let policy = "default-src 'self' http://127.0.0.1:*; script-src 'nonce-browser'";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)], PAGE)
}

#[derive(Deserialize, schemars::JsonSchema)]
struct NewFile {
    name: String,
    media_type: String,
    size: u64,
}

#[post("/uploads")]
async fn announce(attachments: Inject<Attachments>, Json(new): Json<NewFile>) -> Result<Json<Announced>> {
    Ok(Json(attachments.announce_upload::<Image>(&new.name, &new.media_type, new.size).await?))
}

#[derive(Deserialize, schemars::JsonSchema)]
struct Sent {
    claim: String,
}

#[post("/pictures")]
async fn claim(
    attachments: Inject<Attachments>,
    db: Inject<Db>,
    Json(sent): Json<Sent>,
) -> Result<Json<Attachment>> {
    let file = attachments.claim_upload::<Image>(&sent.claim).await?;
    NewPicture { file: file.key() }.insert(&*db).await?;
    Ok(Json(attachments.show(&file).await?))
}

/// A page among the files of the application.
#[get("/page", hidden)]
async fn page(files: Inject<Files>) -> Result<String> {
    files.put("page.html", "<script>parent.ran = true</script>").await?;
    files.url("page.html").sign().await
}

/// Where the page says what became of it.
struct Reports(mpsc::Sender<String>);

#[post("/report", hidden)]
async fn report(reports: Inject<Reports>, Text(heard): Text) -> NoContent {
    let _nobody_listens_any_more = reports.0.send(heard).await;
    NoContent
}

async fn heard(settings: impl Fn(App) -> App) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (sender, mut reports) = mpsc::channel(1);
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let app = App::new()
        .profile(Profile::Development)
        .set("http.port", port.to_string())
        .set("database.url", "sqlite:data.sqlite")
        .attachments()
        .models(models![Picture])
        .provide(move || Reports(sender.clone()))
        .routes(routes![start, announce, claim, page, report]);
    let assembly = settings(app).assemble(Sources::isolated().home(folder.path()));
    let started = assembly.start(Services::All).await.unwrap();
    let mut browser = browser::listening(&format!("http://127.0.0.1:{port}/"), folder.path()).unwrap();
    let report = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
    browser.kill().unwrap();
    browser.wait().unwrap();
    let _report = started.stop().await;
    report.expect("the browser reports").unwrap()
}

const EXPECTED: &str = "dot.png true false 200 1 page.png true false 415 it did not run";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_sends_files_straight_into_a_folder_and_runs_none() {
    assert_eq!(heard(|app| app).await, EXPECTED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_sends_files_straight_into_a_bucket_and_runs_none() {
    let server = S3Server::start().unwrap();
    let heard = heard(|app| {
        app.set("files.url", server.url())
            .set("files.access_key_id", server.access_key_id())
            .set("files.secret_access_key", server.secret_access_key())
    });
    assert_eq!(heard.await, EXPECTED);
}
