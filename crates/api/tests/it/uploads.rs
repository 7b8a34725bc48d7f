//! Forms with files: their rules, and their description.

use garde::Validate;
use http::Method;
use mainstay_api::{Api, ApiExt, Valid};
use mainstay_core::{App, CoreContributions, Inject, Result};
use mainstay_http::extract::{FileRules, Image, MultipartForm, Upload};
use mainstay_http::resumable::{Finished, ResumableUploads};
use mainstay_http::{Group, RoutesExt, post, routes};
use mainstay_test::TestApp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A page of a scan.
struct Page;

impl FileRules for Page {
    const TYPES: &'static [&'static str] = &["application/pdf", "image/tiff"];
    const MOST_BYTES: u64 = 1024;
}

/// A scanned letter.
#[derive(Deserialize, JsonSchema, Validate)]
struct Letter {
    #[garde(length(min = 3))]
    subject: String,
    #[garde(length(min = 1))]
    #[serde(default, rename = "scanned-pages")]
    scanned_pages: Vec<Upload<Page>>,
    /// The face of whoever wrote it.
    #[garde(skip)]
    #[serde(alias = "portrait")]
    face: Option<Upload<Image>>,
    #[garde(skip)]
    envelope: Option<Upload>,
}

#[post("/letters")]
async fn scan(Valid(MultipartForm(letter)): Valid<MultipartForm<Letter>>) -> String {
    format!(
        "{} {} {} {}",
        letter.subject,
        letter.scanned_pages.len(),
        letter.face.is_some(),
        letter.envelope.is_some()
    )
}

async fn app() -> TestApp {
    TestApp::start(App::new().api(Api::new()).routes(routes![scan])).await
}

#[tokio::test]
async fn a_form_with_files_is_validated_as_any_other() {
    let app = app().await;
    let form =
        mainstay_test::Upload::new().text("subject", "Tax").file("scanned-pages", "1.pdf", "a/b", "%PDF-1.7");
    app.post("/letters").upload(form).send().await.assert_status(200).assert_text("Tax 1 false false");
    let form = mainstay_test::Upload::new().text("subject", "a");
    let refused = app.post("/letters").upload(form).send().await;
    refused.assert_status(422).assert_json_at("/errors/1/pointer", json!("/subject"));
    refused.assert_json_at("/errors/0/pointer", json!("/scanned-pages"));
    app.stop().await;
}

#[tokio::test]
async fn a_form_with_files_is_described_field_by_field() {
    let app = app().await;
    let document = app.get("/openapi.json").send().await.json::<serde_json::Value>();
    let operation = &document["paths"]["/letters"][Method::POST.as_str().to_lowercase()];
    let content = &operation["requestBody"]["content"]["multipart/form-data"];
    let expected = json!({
        "scanned-pages": { "contentType": "application/pdf, image/tiff" },
        "face": { "contentType": "image/png, image/jpeg, image/gif, image/webp, image/avif" },
    });
    assert_eq!(content["encoding"], expected);
    let name = content["schema"]["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
    let schema = &document["components"]["schemas"][name];
    assert_eq!(schema["required"], json!(["subject"]));
    let binary = |description: &str| {
        json!({
            "type": "string",
            "format": "binary",
            "contentMediaType": "application/octet-stream",
            "description": description,
        })
    };
    let page = binary("A file: `application/pdf` or `image/tiff`, at most 1 KiB.");
    assert_eq!(schema["properties"]["scanned-pages"]["items"], page);
    assert_eq!(schema["properties"]["scanned-pages"]["minItems"], 1);
    assert_eq!(schema["properties"]["face"]["description"], "The face of whoever wrote it.");
    let statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "400", "413", "415", "422"]);
    app.stop().await;
}

/// Where films are.
struct Films;

/// Takes a film.
#[post("/films", tag = "films")]
#[errors(UnprocessableEntity)]
async fn keep(film: Finished, _: Inject<Films>) -> Result<String> {
    Ok(film.id().to_owned())
}

#[tokio::test]
async fn a_resumable_upload_is_described_step_by_step() {
    let films = ResumableUploads::new(routes![keep]).files::<Image>();
    let app =
        App::new().provide(|| Films).api(Api::new()).group(Group::new("/{studio}").routes(films.into()));
    let app = TestApp::start(app).await;
    let document: serde_json::Value = app.get("/openapi.json").send().await.assert_status(200).json();
    let paths = &document["paths"];
    let (all, one) = (&paths["/{studio}/films"], &paths["/{studio}/films/{upload}"]);
    let methods = |path: &serde_json::Value| path.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (methods(all).join(" "), methods(one).join(" ")),
        ("options post".into(), "delete head patch".into())
    );
    let create = &all["post"];
    assert_eq!((&create["summary"], &create["tags"]), (&json!("Takes a film."), &json!(["films"])));
    assert!(create["responses"]["201"]["headers"]["Location"].is_object(), "{create:#}");
    let append = &one["patch"];
    let names: Vec<_> = append["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(
        names,
        ["studio", "upload", "Upload-Offset", "Upload-Length", "Upload-Checksum", "Tus-Resumable"]
    );
    assert!(append["requestBody"]["content"]["application/offset+octet-stream"].is_object(), "{append:#}");
    for status in ["200", "204", "404", "409", "410", "412", "413", "415", "422", "423", "460", "507"] {
        assert!(append["responses"][status].is_object(), "{status}: {append:#}");
    }
    assert!(one["head"]["responses"]["422"].is_object() && one["delete"]["responses"]["422"].is_null());

    let version = ("tus-resumable", "1.0.0");
    let begun = app.post("/a24/films").header(version.0, version.1).header("upload-length", "0").send().await;
    begun.assert_status(415);
}
