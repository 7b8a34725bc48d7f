//! What stores in clouds have in common: they are elsewhere, fail, let not everybody in, and sign URLs themselves.
//!
//! One server of each kind is started for the whole binary; each test has a folder of its own in the bucket.

mod faults;
pub(crate) mod proxy;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mainstay_core::check::Phase;
use mainstay_core::config::{Secret, Sources};
use mainstay_core::lifecycle::Services;
use mainstay_core::random::{Random, SecureRandom};
use mainstay_core::{App, Profile};
use mainstay_store::files::{FileKey, FileStore, Files, FilesConfig, Grant, module};

use super::attachments::killed::is_killed_again_and_again;

/// A server, and who the application is to it.
pub(crate) struct Cloud {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    pub(crate) settings: FilesConfig,
    /// The same for somebody whom it does not know.
    pub(crate) stranger: FilesConfig,
    /// The address of a folder of the bucket, reached at a port.
    pub(crate) url: fn(u16, &str) -> String,
}

/// All of them that run here. Of each other it is said aloud.
pub(crate) fn clouds() -> Vec<Cloud> {
    let all: [Option<Cloud>; _] = [
        #[cfg(feature = "s3")]
        super::s3::cloud(),
        #[cfg(feature = "azure")]
        super::azure::cloud(),
        #[cfg(feature = "gcs")]
        super::gcs::cloud(),
    ];
    all.into_iter().flatten().collect()
}

pub(crate) fn folder() -> String {
    format!("test-{}", SecureRandom::new().hex(8))
}

impl Cloud {
    /// Files in a folder of the bucket, reached at this port.
    pub(crate) async fn files_at(&self, port: u16, folder: &str, settings: &FilesConfig) -> Files {
        let (url, home) = ((self.url)(port, folder), Path::new(""));
        let store: Arc<dyn FileStore> = match self.name {
            #[cfg(feature = "s3")]
            "s3" => {
                use mainstay_store::files::S3;
                Arc::new(S3::open(&url.parse().unwrap(), settings, home).await.unwrap())
            }
            #[cfg(feature = "azure")]
            "azure" => {
                use mainstay_store::files::Azure;
                Arc::new(Azure::open(&url.parse().unwrap(), settings, home).await.unwrap())
            }
            #[cfg(feature = "gcs")]
            "gcs" => {
                use mainstay_store::files::Gcs;
                Arc::new(Gcs::open(&url.parse().unwrap(), settings, home).await.unwrap())
            }
            name => panic!("{name}"),
        };
        Files::over(store)
    }

    /// Files in a folder of their own.
    pub(crate) async fn files(&self) -> Files {
        self.files_at(self.port, &folder(), &self.settings).await
    }

    /// What an application is configured with whose files are there.
    pub(crate) fn values(url: String, settings: &FilesConfig) -> Vec<(String, String)> {
        let secret = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        let values = [
            ("url", Some(url)),
            ("access_key_id", settings.access_key_id.clone()),
            ("secret_access_key", secret(&settings.secret_access_key)),
            ("service_account_key", secret(&settings.service_account_key)),
            ("account_key", secret(&settings.account_key)),
        ];
        values.into_iter().filter_map(|(name, value)| Some((format!("files.{name}"), value?))).collect()
    }
}

/// Addresses as the providers' own servers have them.
const BUCKETS: &[&str] = &[
    #[cfg(feature = "s3")]
    "s3://shop",
    #[cfg(feature = "azure")]
    "az://shop?account=shop",
    #[cfg(feature = "gcs")]
    "gs://shop",
];

/// Makes a request with a URL that was signed, as a browser would.
pub(crate) async fn ask(
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

/// What somebody is granted who may send a file.
pub(crate) fn write(key: &str, media_type: &str, size: u64) -> Grant {
    Grant::Write { key: FileKey::parse(key).unwrap(), media_type: media_type.into(), size }
}

#[tokio::test]
async fn a_process_that_is_killed_while_it_sends_loses_no_file_and_leaves_nothing_for_ever() {
    for cloud in clouds() {
        let values = Cloud::values((cloud.url)(cloud.port, &folder()), &cloud.settings);
        is_killed_again_and_again(4, &values).await;
    }
}

#[tokio::test]
async fn a_signed_url_reads_one_file_as_it_says() {
    for cloud in clouds() {
        let (name, files) = (cloud.name, cloud.files().await);
        files.put("a b/\u{fc}.png", "a picture").await.unwrap();
        let url = files.url("a b/\u{fc}.png").sign().await.unwrap();
        let (status, headers, body) = ask("GET", &url, &[], "".into()).await;
        assert_eq!((status, &body[..]), (200, &b"a picture"[..]), "{name} {url}");
        assert_eq!(headers["content-type"], "image/png", "{name}");
        assert!(headers["content-disposition"].to_str().unwrap().starts_with("inline; filename=\"_.png\""));
        for other in [url.replace("%20b/", "%20c/"), url.replace("inline", "attachment")] {
            assert_eq!(ask("GET", &other, &[], "".into()).await.0, 403, "{name}");
        }
        assert_eq!(ask("DELETE", &url, &[], "".into()).await.0, 403, "{name}");
        let (status, headers, _) = ask("GET", &url, &[("range", "bytes=2-8")], "".into()).await;
        assert_eq!((status, headers["content-range"].to_str().unwrap()), (206, "bytes 2-8/9"), "{name}");

        // A page is saved, whatever the bucket says.
        files.put("page.html", "<script>alert(1)</script>").await.unwrap();
        let url = files.url("page.html").sign().await.unwrap();
        let (_, headers, _) = ask("GET", &url, &[], "".into()).await;
        assert_eq!(headers["content-disposition"], "attachment; filename=\"page.html\"", "{name}");
        let url =
            files.url("page.html").attachment("Report 1.html").media_type("text/plain").sign().await.unwrap();
        let (_, headers, _) = ask("GET", &url, &[], "".into()).await;
        assert_eq!(headers["content-disposition"], "attachment; filename=\"Report 1.html\"", "{name}");
        assert_eq!(headers["content-type"], "text/plain", "{name}");
    }
}

#[tokio::test]
async fn whatever_is_a_key_has_a_signed_url() {
    for cloud in clouds() {
        let (name, files) = (cloud.name, cloud.files().await);
        for key in ["gr\u{f6}\u{df}e 100% #1?&+.csv", "50%25/a.txt", "~a'(b)*!;@=,$/[c]^{d}|`e\"<>.txt"] {
            files.put(key, key).await.unwrap();
            let url = files.url(key).sign().await.unwrap();
            let (status, _, body) = ask("GET", &url, &[], "".into()).await;
            assert_eq!((status, &body[..]), (200, key.as_bytes()), "{name} {url}");
        }
    }
}

#[tokio::test]
async fn a_signed_url_expires() {
    for cloud in clouds() {
        let (name, files) = (cloud.name, cloud.files().await);
        files.put("a", "x").await.unwrap();
        let url = files.url("a").expires_in(Duration::from_secs(2)).sign().await.unwrap();
        assert_eq!(ask("GET", &url, &[], "".into()).await.0, 200, "{name}");
        tokio::time::sleep(Duration::from_millis(3500)).await;
        assert_eq!(ask("GET", &url, &[], "".into()).await.0, 403, "{name}");
        for wrong in [Duration::ZERO, Duration::from_secs(8 * 24 * 60 * 60)] {
            assert!(files.url("a").expires_in(wrong).sign().await.is_err(), "{name}");
        }
    }
}

#[tokio::test]
async fn an_application_is_told_at_start_that_it_is_not_let_in() {
    for cloud in clouds() {
        let name = cloud.name;
        let start = async |url: String, settings: &FilesConfig| {
            let app = App::new().profile(Profile::Test).module(module::module());
            let values = Cloud::values(url, settings);
            let app = values.into_iter().fold(app, |app, (name, value)| app.set(name, value));
            let assembly = app.assemble(Sources::isolated());
            assert!(!assembly.findings().has_errors(), "{name} {}", assembly.findings());
            assembly.start(Services::Background).await.map(drop)
        };
        let url = (cloud.url)(cloud.port, "a");
        start(url.clone(), &cloud.settings).await.unwrap();
        let told = format!("{:?}", start(url.clone(), &cloud.stranger).await.unwrap_err());
        assert!(told.contains("files.E003") && told.contains("://mainstay/a"), "{told}");
        for known in [&cloud.settings, &cloud.stranger] {
            let secrets = [&known.secret_access_key, &known.account_key, &known.service_account_key];
            for secret in secrets.into_iter().flatten() {
                assert!(!told.contains(secret.expose().as_str()), "{name} {told}");
            }
        }
        let elsewhere = url.replace("//mainstay", "//another");
        let told = format!("{:?}", start(elsewhere, &cloud.settings).await.unwrap_err());
        assert!(told.contains("files.E003"), "{name} {told}");
        // One that is not there now may be there when it is needed.
        start((cloud.url)(1, "a"), &cloud.settings).await.unwrap();
    }
}

#[tokio::test]
async fn a_store_shows_no_secret() {
    for cloud in clouds() {
        let shown = format!("{:?} {:?}", cloud.files().await, cloud.settings);
        for secret in [&cloud.settings.secret_access_key, &cloud.settings.account_key] {
            assert!(
                secret.as_ref().is_none_or(|secret| !shown.contains(secret.expose().as_str())),
                "{shown}"
            );
        }
        assert!(!shown.contains("PRIVATE KEY"), "{shown}");
    }
}

#[tokio::test]
async fn a_bucket_that_anybody_may_list_is_said_before_deploying() {
    for cloud in clouds() {
        let files = cloud.files().await;
        let found: Vec<_> = files.store().inspect().await.iter().map(|finding| finding.id).collect();
        assert_eq!(found, [""; 0], "{}", cloud.name);
        // Whoever lets everybody in.
        let open = proxy::Proxy::to(cloud.port, [proxy::Fault::SaysYes]).await;
        let said = cloud.files_at(open.port, "a", &cloud.settings).await.store().inspect().await;
        assert!(said[0].id == "files.W005" && said[0].message.starts_with("anybody may list"), "{said:?}");
    }
}

#[test]
fn what_goes_over_the_network_in_the_clear_is_said_before_deploying() {
    for (endpoint, is_said) in [
        ("http://storage.internal:9000", true),
        ("https://storage.internal", false),
        ("http://127.0.0.1:9000", false),
    ] {
        for bucket in BUCKETS {
            let url = match bucket.split_once('?') {
                Some(_) => format!("{bucket}&endpoint={endpoint}"),
                None => format!("{bucket}?endpoint={endpoint}"),
            };
            let app = App::new().profile(Profile::Production).module(module::module());
            let assembly = app.set("files.url", &url).assemble(Sources::isolated());
            let found: Vec<_> = assembly.run_checks(Phase::Deploy).iter().map(|finding| finding.id).collect();
            assert_eq!(found.contains(&"files.W003"), is_said, "{url}");
        }
    }
}

#[test]
fn an_address_that_is_none_is_refused_and_shows_no_secret() {
    for bucket in BUCKETS {
        let url = bucket.replace("//", "//key:hunter2@");
        let app = App::new().profile(Profile::Test).module(module::module());
        let found = app.set("files.url", url).assemble(Sources::isolated()).findings().to_string();
        let told = "`files.url` is not usable: user and password do not belong into it";
        assert!(found.contains(told), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
        // Nor where it is a setting that there is none of.
        let join = if bucket.contains('?') { '&' } else { '?' };
        let config =
            FilesConfig { url: Some(format!("{bucket}{join}key=hunter2")), ..FilesConfig::default() };
        let shown = format!("{config:?} {}", serde_json::to_string(&config).unwrap());
        assert!(!shown.contains("hunter2") && shown.contains(&bucket[..2]), "{shown}");
    }
}
