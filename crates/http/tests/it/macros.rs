//! What `#[get]` and its siblings make of a function.

use axum::Json;
use axum::extract::{Path, Request};
use axum::response::IntoResponse;
use http::{Method, StatusCode};
use mainstay_core::{App, CoreContributions, Inject, Result};
use mainstay_http::describe::ErrorSpec;
use mainstay_http::{RoutesExt, delete, get, post, route, routes};
use serde::{Deserialize, Serialize};

use crate::calling::{caller, request};

#[get("/")]
async fn hello() -> &'static str {
    "Hello"
}

#[derive(Serialize, Deserialize)]
struct Article {
    title: String,
}

struct Greeting(String);

mod articles {
    use super::*;

    /// Shows an
    /// article.
    ///
    /// With its title, and *nothing* else.
    #[get("/articles/{slug}", name = "article", tag = "articles", tag = "public")]
    #[errors(NotFound = "article_not_found", Gone("removed", "It was there once."), Conflict)]
    pub(super) async fn show(Path(slug): Path<String>, greeting: Inject<Greeting>) -> Result<Json<Article>> {
        Ok(Json(Article { title: format!("{} {slug}", greeting.0) }))
    }

    #[post("/articles", body_limit = "1KB", timeout = "5s", cross_origin)]
    pub(super) async fn create(Json(article): Json<Article>) -> (StatusCode, String) {
        (StatusCode::CREATED, article.title)
    }

    #[delete("/articles/{slug}", hang_up = "cancels", timeout = "never")]
    #[deprecated]
    pub(super) async fn remove(_path: Path<String>) -> impl IntoResponse {
        StatusCode::NO_CONTENT
    }
}

#[route("/articles", method = "QUERY")]
async fn search(request: Request) -> String {
    request.method().to_string()
}

fn app() -> App {
    App::new().provide(|| Greeting("on".into())).routes(routes![
        hello,
        articles::show,
        articles::create,
        articles::remove,
        search
    ])
}

#[tokio::test]
async fn functions_become_routes_and_stay_functions() {
    assert_eq!(hello().await, "Hello");
    let caller = caller(app()).await;
    assert_eq!(caller.get("/").await.body, "Hello");
    assert_eq!(caller.get("/articles/trees").await.json()["title"], "on trees");
    assert_eq!(caller.ask("DELETE", "/articles/x", &[]).await.status, 204);
    assert_eq!(caller.ask("QUERY", "/articles", &[("sec-fetch-site", "none")]).await.body, "QUERY");

    let mut create = request("POST", "/articles");
    create.headers_mut().insert("content-type", "application/json".parse().unwrap());
    *create.body_mut() = r#"{"title":"T"}"#.into();
    let created = caller.send(create).await;
    assert_eq!((created.status, created.body.as_str()), (StatusCode::CREATED, "T"));
}

#[tokio::test]
async fn a_route_knows_what_was_written_about_it() {
    let caller = caller(app()).await;
    let find = |method: &Method, pattern: &str| {
        caller
            .http
            .routes()
            .find(|route| route.method.as_ref() == Some(method) && route.pattern() == pattern)
            .unwrap()
    };
    let show = find(&Method::GET, "/articles/{slug}");
    assert_eq!(show.name.as_deref(), Some("article"));
    let operation = &show.operation;
    assert_eq!(operation.name, "show");
    assert_eq!(operation.summary.as_deref(), Some("Shows an article."));
    assert_eq!(operation.description.as_deref(), Some("With its title, and *nothing* else."));
    assert_eq!(operation.tags, ["articles", "public"]);
    assert!(operation.source.file.ends_with("macros.rs") && operation.source.line > 1);
    assert!(operation.errors.contains(&ErrorSpec::new(StatusCode::NOT_FOUND, "").code("article_not_found")));
    assert!(
        operation.errors.contains(&ErrorSpec::new(StatusCode::GONE, "It was there once.").code("removed"))
    );
    assert!(operation.errors.iter().any(|error| error.status == 409));

    let remove = &find(&Method::DELETE, "/articles/{slug}").operation;
    assert!(remove.deprecated);
    assert_eq!(find(&Method::GET, "/").operation.opaque, [""; 0]);
}

#[tokio::test]
async fn a_limit_in_the_attribute_holds() {
    let caller = caller(app()).await;
    let mut create = request("POST", "/articles");
    create.headers_mut().insert("content-type", "application/json".parse().unwrap());
    create.headers_mut().insert("content-length", "1001".parse().unwrap());
    create.headers_mut().insert("sec-fetch-site", "cross-site".parse().unwrap());
    *create.body_mut() = "x".repeat(1001).into();
    assert_eq!(caller.send(create).await.status, 413);
}

#[tokio::test]
async fn a_named_route_gives_its_address() {
    let caller = caller(app()).await;
    assert_eq!(caller.http.address("article", &[("slug", "a b")]).unwrap(), "/articles/a%20b");
    let wrong = caller.http.address("artcle", &[]).unwrap_err().report();
    assert!(wrong.contains("did you mean `article`?"), "{wrong}");
}

#[test]
fn a_path_parameter_that_the_pattern_lacks_is_found_at_start() {
    use mainstay_http::{Group, Path};

    #[derive(Deserialize)]
    struct Of {
        tenant: String,
        #[serde(default)]
        page: u32,
    }

    #[get("/a/{id}")]
    async fn fields(Path(of): Path<Of>) -> String {
        format!("{} {}", of.tenant, of.page)
    }
    #[get("/b/{id}")]
    async fn pair(_: Path<(String, u64)>) {}
    #[get("/c")]
    async fn none(_: Path<u64>) {}
    #[get("/d/{id}")]
    async fn one(_: Path<u64>) {}

    let all = || routes![fields, pair, none, one];
    let text = crate::calling::findings(App::new().routes(all()));
    assert!(text.contains("GET /a/{id}: the handler takes the path parameter `tenant`"), "{text}");
    assert!(text.contains("GET /b/{id}: the handler takes a tuple of 2"), "{text}");
    assert!(text.contains("GET /c: "), "{text}");
    assert!(!text.contains("/d/") && text.matches("http.E005").count() == 3, "{text}");
    // A group's prefix gives the rest.
    let text =
        crate::calling::findings(App::new().group(Group::new("/{tenant}").routes(routes![fields, pair])));
    assert_eq!(text, "");
}
