//! Pages and the API document.

use serde_json::{Value, json};

use crate::conduit;

#[tokio::test]
async fn says_on_the_start_page_what_is_running() {
    let app = conduit().await;
    let page = app.get("/").header("accept", "text/html").send().await;
    page.assert_status(200).assert_header("content-type", "text/html; charset=utf-8");
    page.assert_text_contains("Conduit is running")
        .assert_text_contains("<dd>311</dd>")
        .assert_text_contains("/docs");
    assert!(!page.text().contains('{'), "every placeholder is filled");
    app.get("/assets/home.css").send().await.assert_status(200);
    app.get("/avatars/ann.svg").send().await.assert_header("content-type", "image/svg+xml");
    app.stop().await;
}

#[tokio::test]
async fn documents_what_it_does_and_nothing_else() {
    let app = conduit().await;
    let document: Value = app.get("/openapi.json").send().await.assert_status(200).json();
    let paths: Vec<_> =
        document["paths"].as_object().expect("an object").keys().map(String::as_str).collect();
    let expected = [
        "/.well-known/jwks.json",
        "/account/devices",
        "/account/devices/{id}",
        "/account/token",
        "/account/token/refresh",
        "/account/token/revoke",
        "/account/tokens",
        "/account/tokens/{id}",
        "/api/articles",
        "/api/articles/feed",
        "/api/articles/{slug}",
        "/api/articles/{slug}/comments",
        "/api/articles/{slug}/comments/{id}",
        "/api/articles/{slug}/favorite",
        "/api/notifications",
        "/api/notifications/live",
        "/api/notifications/preferences",
        "/api/notifications/read",
        "/api/notifications/{id}/read",
        "/api/profiles/{username}",
        "/api/profiles/{username}/follow",
        "/api/tags",
        "/api/user",
        "/api/users",
        "/api/users/login",
        "/api/v2/articles",
        "/api/v2/articles/{article}/comments",
        "/api/v2/articles/{article}/comments/{key}",
        "/api/v2/articles/{slug}",
        "/api/v2/tags",
        "/api/v2/tags/{key}",
        "/api/v2/users",
        "/api/v2/users/{key}",
    ];
    assert_eq!(paths, expected);

    let list = &document["paths"]["/api/articles"]["get"];
    assert_eq!(list["summary"], "Lists articles, the newest first.");
    let limit = list["parameters"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|p| p["name"] == "limit")
        .expect("it is there");
    assert_eq!(limit["schema"]["minimum"], 1);
    assert_eq!(limit["schema"]["maximum"], 100);
    assert_eq!(limit["schema"]["default"], 20);

    let publish = &document["paths"]["/api/articles"]["post"];
    assert_eq!(publish["security"], json!([{ "Token": ["articles.write"] }]));
    // Resources ask their policy, which may let in who is not signed in.
    let resource = &document["paths"]["/api/v2/articles"];
    assert_eq!(resource["post"]["security"], json!([{ "Token": [] }, {}]));
    assert!(document["paths"]["/api/tags"]["get"].get("security").is_none());
    for status in ["201", "401", "422"] {
        assert!(publish["responses"].get(status).is_some(), "{status}: {publish:#}");
    }
    let draft = &document["components"]["schemas"]["Draft"]["properties"];
    assert_eq!(draft["title"]["minLength"], 1);
    assert_eq!(draft["title"]["maxLength"], 200);
    assert!(draft.get("tagList").is_some());
    let show = &document["paths"]["/api/articles/{slug}"]["get"]["responses"]["404"]["content"];
    assert_eq!(show["application/json"]["schema"]["$ref"], "#/components/schemas/GenericError");
    app.stop().await;
}

#[tokio::test]
async fn serves_the_documentation_from_the_binary() {
    let app = conduit().await;
    for (path, text) in [("/docs", "swagger-ui"), ("/redoc", "redoc.standalone.js")] {
        let page = app.get(path).send().await;
        page.assert_status(200).assert_text_contains(text);
        assert!(!page.text().contains("http"), "nothing comes from elsewhere");
        let policy = page.header("content-security-policy").expect("it has a policy");
        assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    }
    for file in ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/redoc/redoc.standalone.js"] {
        let first = app.get(file).send().await;
        let tag = first.assert_status(200).header("etag").expect("it has a tag").to_owned();
        app.get(file).header("if-none-match", &tag).send().await.assert_status(304);
    }
    app.stop().await;
}

#[test]
fn the_command_names_what_breaks_clients_of_an_earlier_document() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_conduit"));
        command
            .current_dir(folder.path())
            .env("MAINSTAY_HOME", folder.path())
            .env("DATABASE_URL", "sqlite:app.db");
        let output = command.arg("openapi").args(arguments).output().expect("it runs");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run(&["--output", "now.json"]).0, Some(0));
    assert_eq!(run(&["--check", "now.json"]).0, Some(0));
    let text = std::fs::read_to_string(folder.path().join("now.json")).expect("it is there");
    let mut earlier: Value = serde_json::from_str(&text).expect("it is JSON");
    earlier["paths"]["/api/drafts"] = json!({ "get": { "responses": {} } });
    std::fs::write(folder.path().join("earlier.json"), earlier.to_string()).expect("it is written");
    let (code, said) = run(&["--check", "earlier.json"]);
    assert_eq!((code, said.trim()), (Some(1), "GET /api/drafts: is not there any more"));
    assert_eq!(run(&["--check", "none.json"]).0, Some(1));
}
