//! What only S3 has: it is elsewhere, fails, lets not everybody in, and signs URLs itself.
//!
//! One server is started for the whole binary; each test has a folder of its own in the bucket.

mod faults;
mod proxy;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mainstay_core::check::Phase;
use mainstay_core::config::{Secret, Sources};
use mainstay_core::lifecycle::Services;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{App, Profile};
use mainstay_store::files::{FileKey, Files, FilesConfig, Grant, S3, module};
use servers::s3::S3Server;

use super::{in_pieces, noise};

/// The server, if there is one. Says aloud that there is none.
fn server() -> Option<&'static S3Server> {
    static SERVER: OnceLock<Option<S3Server>> = OnceLock::new();
    let started =
        SERVER.get_or_init(|| S3Server::start().map_err(|why| servers::not_run(&format!("S3: {why}"))).ok());
    started.as_ref()
}

fn folder() -> String {
    format!("test-{}", SecureRandom::new().hex(8))
}

fn settings(server: &S3Server) -> FilesConfig {
    FilesConfig {
        access_key_id: Some(server.access_key_id().to_owned()),
        secret_access_key: Some(Secret::new(server.secret_access_key().to_owned())),
        ..FilesConfig::default()
    }
}

fn url(port: u16, folder: &str) -> String {
    format!("s3://mainstay/{folder}?region=us-east-1&endpoint=http://127.0.0.1:{port}")
}

/// Files in a folder of the bucket, reached at this port.
async fn files_at(port: u16, folder: &str, settings: &FilesConfig) -> Files {
    let bucket = url(port, folder).parse().unwrap();
    Files::over(Arc::new(S3::open(&bucket, settings, Path::new("")).await.unwrap()))
}

/// Files in a folder of their own.
pub(crate) async fn files() -> Option<Files> {
    let server = server()?;
    Some(files_at(server.port(), &folder(), &settings(server)).await)
}

/// Makes a request with a URL that was signed, as a browser would.
async fn ask(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: bytes::Bytes,
) -> (u16, http::HeaderMap, bytes::Bytes) {
    use http_body_util::BodyExt as _;
    let client = mainstay_outbound::Streaming::open(None, Duration::from_secs(5)).await.unwrap();
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = client.send(request.body(http_body_util::Full::new(body)).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status.as_u16(), head.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_signed_url_reads_one_file_as_it_says() {
    let Some(files) = files().await else { return };
    files.put("a b/\u{fc}.png", "a picture").await.unwrap();
    let url = files.url("a b/\u{fc}.png").sign().await.unwrap();
    let (status, headers, body) = ask("GET", &url, &[], "".into()).await;
    assert_eq!((status, &body[..]), (200, &b"a picture"[..]), "{url}");
    assert_eq!(headers["content-type"], "image/png");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("inline; filename=\"_.png\""));
    let (status, ..) = ask("GET", &url.replace("%20b/", "%20c/"), &[], "".into()).await;
    assert_eq!(status, 403);
    let (status, headers, _) = ask("GET", &url, &[("range", "bytes=2-8")], "".into()).await;
    assert_eq!((status, headers["content-range"].to_str().unwrap()), (206, "bytes 2-8/9"));

    // A page is saved, whatever the bucket says.
    files.put("page.html", "<script>alert(1)</script>").await.unwrap();
    let url = files.url("page.html").sign().await.unwrap();
    let (_, headers, _) = ask("GET", &url, &[], "".into()).await;
    assert_eq!(headers["content-disposition"], "attachment; filename=\"page.html\"");
    let url =
        files.url("page.html").attachment("Report 1.html").media_type("text/plain").sign().await.unwrap();
    let (_, headers, _) = ask("GET", &url, &[], "".into()).await;
    assert_eq!(headers["content-disposition"], "attachment; filename=\"Report 1.html\"");
    assert_eq!(headers["content-type"], "text/plain");
}

#[tokio::test]
async fn a_signed_url_expires() {
    let Some(files) = files().await else { return };
    files.put("a", "x").await.unwrap();
    let url = files.url("a").expires_in(Duration::from_secs(1)).sign().await.unwrap();
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert_eq!(ask("GET", &url, &[], "".into()).await.0, 403);
    for wrong in [Duration::ZERO, Duration::from_secs(8 * 24 * 60 * 60)] {
        assert!(files.url("a").expires_in(wrong).sign().await.is_err());
    }
}

#[tokio::test]
async fn a_url_to_write_with_takes_the_type_and_the_length_that_were_signed_and_nothing_else() {
    let Some(files) = files().await else { return };
    let key = FileKey::parse("direct/1").unwrap();
    let grant = Grant::Write { key, media_type: "image/png".into(), size: 9 };
    let signed = files.store().sign(&grant, Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!((&*signed.method, &*signed.headers["content-type"]), ("PUT", "image/png"));
    for (media_type, body) in
        [("image/png", "too large!"), ("image/png", "small"), ("text/html", "a picture")]
    {
        assert_eq!(
            ask("PUT", &signed.url, &[("content-type", media_type)], body.into()).await.0,
            403,
            "{body}"
        );
    }
    assert!(!files.exists("direct/1").await.unwrap());
    assert_eq!(ask("PUT", &signed.url, &[("content-type", "image/png")], "a picture".into()).await.0, 200);
    let kept = files.head("direct/1").await.unwrap();
    assert_eq!((kept.size, &*kept.media_type), (9, "image/png"));
}

#[tokio::test]
async fn an_application_is_told_at_start_that_it_is_not_let_in() {
    let Some(server) = server() else { return };
    let app = |url: String, secret: &str| {
        App::new()
            .profile(Profile::Test)
            .module(module::module())
            .set("files.url", url)
            .set("files.access_key_id", server.access_key_id())
            .set("files.secret_access_key", secret)
    };
    let start = async |app: App| {
        let assembly = app.assemble(Sources::isolated());
        assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
        assembly.start(Services::Background).await.map(drop)
    };
    let right = server.secret_access_key();
    start(app(url(server.port(), "a"), right)).await.unwrap();
    let told = format!("{:?}", start(app(url(server.port(), "a"), "wrong")).await.unwrap_err());
    assert!(told.contains("files.E003") && told.contains("s3://mainstay/a"), "{told}");
    assert!(!told.contains("wrong\"") && !told.contains(right), "{told}");
    let elsewhere = url(server.port(), "a").replace("//mainstay", "//another");
    let told = format!("{:?}", start(app(elsewhere, right)).await.unwrap_err());
    assert!(told.contains("files.E003"), "{told}");
    // One that is not there now may be there when it is needed.
    start(app("s3://mainstay?endpoint=http://127.0.0.1:1".into(), right)).await.unwrap();
}

#[tokio::test]
async fn a_bucket_that_anybody_may_list_is_said_before_deploying() {
    let Some(server) = server() else { return };
    let found = async || {
        let files = files_at(server.port(), "a", &settings(server)).await;
        files.store().inspect().await.iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(found().await, [""; 0]);
    // Whoever lets everybody in.
    let open = proxy::Proxy::to(server.port(), [proxy::Fault::SaysYes]).await;
    let files = files_at(open.port, "a", &settings(server)).await;
    let said = files.store().inspect().await;
    assert!(said[0].id == "files.W005" && said[0].message.starts_with("anybody may list"), "{said:?}");
}

#[test]
fn what_goes_over_the_network_in_the_clear_is_said_before_deploying() {
    for (endpoint, is_said) in [
        ("http://storage.internal:9000", true),
        ("https://storage.internal", false),
        ("http://127.0.0.1:9000", false),
    ] {
        let app = App::new().profile(Profile::Production).module(module::module());
        let assembly =
            app.set("files.url", format!("s3://shop?endpoint={endpoint}")).assemble(Sources::isolated());
        let found: Vec<_> = assembly.run_checks(Phase::Deploy).iter().map(|finding| finding.id).collect();
        assert_eq!(found.contains(&"files.W003"), is_said, "{endpoint}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_and_shows_no_secret() {
    let app = App::new().profile(Profile::Test).module(module::module());
    let found =
        app.set("files.url", "s3://key:hunter2@shop").assemble(Sources::isolated()).findings().to_string();
    assert!(found.contains("`files.url` is not usable: user and password do not belong into it"), "{found}");
    assert!(!found.contains("hunter2"), "{found}");
}

#[tokio::test]
async fn parts_of_an_upload_that_is_given_up_are_taken_back() {
    let Some(server) = server() else { return };
    let folder = folder();
    let files = files_at(server.port(), &folder, &settings(server)).await;
    files.put("large", super::cut_off(noise(9 << 20))).await.unwrap_err();
    // Whoever has the name of the upload is answered that there is none: asked for by another library.
    let mut left = String::new();
    for _ in 0..100 {
        left = python(
            server,
            &format!(
                "[u['Key'] for u in s3.list_multipart_uploads(Bucket='mainstay').get('Uploads', []) if u['Key'].startswith('{folder}/')]"
            ),
        );
        if left == "[]" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(left, "[]");
    files.put("large", in_pieces(noise(9 << 20))).await.unwrap();
    let size =
        python(server, &format!("s3.head_object(Bucket='mainstay', Key='{folder}/large')['ContentLength']"));
    assert_eq!(size, (9 << 20).to_string());
}

/// What boto3 says.
fn python(server: &S3Server, expression: &str) -> String {
    let script = format!(
        "import boto3\ns3 = boto3.client('s3', endpoint_url='http://127.0.0.1:{}', aws_access_key_id='{}', \
         aws_secret_access_key='{}', region_name='us-east-1')\nprint({expression})",
        server.port(),
        server.access_key_id(),
        server.secret_access_key()
    );
    let program = servers::programs::MOTO.find().unwrap();
    let output = std::process::Command::new(program).args(["-W", "ignore", "-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
