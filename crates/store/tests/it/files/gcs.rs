//! What only Google Cloud Storage does: what its signed URLs grant, and who the application is to it.

use std::sync::OnceLock;
use std::time::Duration;

use mainstay_core::config::{Secret, Sources};
use mainstay_core::{App, Profile};
use mainstay_store::files::{FilesConfig, Gcs, module};
use servers::gcs::GcsServer;

use super::clouds::{Cloud, ask, write};

/// The server, if there is one. Says aloud that there is none.
fn server() -> Option<&'static GcsServer> {
    static SERVER: OnceLock<Option<GcsServer>> = OnceLock::new();
    let started = SERVER.get_or_init(|| {
        GcsServer::start().map_err(|why| servers::not_run(&format!("Google Cloud Storage: {why}"))).ok()
    });
    started.as_ref()
}

fn settings(account: &str) -> FilesConfig {
    FilesConfig { service_account_key: Some(Secret::new(account.to_owned())), ..FilesConfig::default() }
}

fn url(port: u16, folder: &str) -> String {
    format!("gs://mainstay/{folder}?endpoint=http://127.0.0.1:{port}")
}

pub(crate) fn cloud() -> Option<Cloud> {
    let server = server()?;
    Some(Cloud {
        name: "gcs",
        port: server.port(),
        settings: settings(server.service_account()),
        stranger: settings(server.stranger()),
        url,
    })
}

#[tokio::test]
async fn a_url_to_write_with_takes_the_type_and_the_length_that_were_signed_and_nothing_else() {
    let Some(cloud) = cloud() else { return };
    let files = cloud.files().await;
    let grant = write("direct/1", "image/png", 9);
    let signed = files.store().sign(&grant, Duration::from_secs(60)).await.unwrap().unwrap();
    let headers: Vec<_> = signed.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    assert_eq!(headers, [("content-type", "image/png"), ("x-goog-content-length-range", "9,9")]);
    let other = |length| [("content-type", "image/png"), ("x-goog-content-length-range", length)];
    let page = [("content-type", "text/html"), ("x-goog-content-length-range", "9,9")];
    for (headers, body, status) in [
        (&headers[..], "too large!", 400),
        (&headers, "small", 400),
        (&other("0,100"), "too large!", 403),
        (&headers[..1], "too large!", 403),
        (&page, "a picture", 403),
    ] {
        assert_eq!(ask("PUT", &signed.url, headers, body.into()).await.0, status, "{headers:?} {body}");
    }
    assert!(!files.exists("direct/1").await.unwrap());
    assert_eq!(ask(&signed.method, &signed.url, &headers, "a picture".into()).await.0, 200);
    let kept = files.head("direct/1").await.unwrap();
    assert_eq!((kept.size, &*kept.media_type), (9, "image/png"));
}

#[tokio::test]
async fn a_service_account_is_read_from_a_file_of_the_home_folder() {
    let (Some(server), Some(cloud)) = (server(), cloud()) else { return };
    let home = tempfile::tempdir().unwrap();
    let bucket = url(server.port(), "from-a-file").parse().unwrap();
    let named = |file: &str| FilesConfig { service_account: Some(file.into()), ..FilesConfig::default() };
    std::fs::write(home.path().join("account.json"), server.service_account()).unwrap();
    let files = Gcs::open(&bucket, &named("account.json"), home.path()).await.unwrap();
    cloud.files_at(server.port(), "from-a-file", &cloud.settings).await.put("a", "x").await.unwrap();
    assert!(mainstay_store::files::Files::over(std::sync::Arc::new(files)).exists("a").await.unwrap());

    std::fs::write(home.path().join("half.json"), r#"{"private_key": "hunter2"}"#).unwrap();
    for (file, why) in [("none.json", "cannot be read"), ("half.json", "is no service account")] {
        let error = Gcs::open(&bucket, &named(file), home.path()).await.unwrap_err();
        let told = error.report().to_string();
        assert!(told.contains("`files.service_account`") && told.contains(why), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
    }
}

#[test]
fn an_account_that_is_none_is_found_and_not_shown() {
    let found = |set: &[(&str, &str)]| {
        let app = App::new().profile(Profile::Test).module(module::module()).set("files.url", "gs://files");
        let app = set.iter().fold(app, |app, (name, value)| app.set(*name, *value));
        app.assemble(Sources::isolated()).findings().to_string()
    };
    for account in ["hunter2", r#"{"client_email":"a","private_key":"hunter2","private_key_id":"1"}"#] {
        let found = found(&[("files.service_account_key", account)]);
        assert!(found.contains("`files.service_account_key` is "), "{found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
    let both = [("files.service_account", "a.json"), ("files.service_account_key", "{}")];
    assert!(found(&both).contains("two for one"));
}
