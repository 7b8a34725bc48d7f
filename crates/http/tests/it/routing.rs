//! Which handler gets which request, and what is said where there is none.

use axum::Router;
use axum::extract::{MatchedPath, Path, Request};
use http::Method;
use mainstay_core::{App, Module, Profile};
use mainstay_http::{ApiVersions, Group, Route, Routes, RoutesExt};

use crate::calling::{caller, caller_in, findings};

fn get(path: &str, text: &'static str) -> Route {
    Route::new(Method::GET, path, async move || text)
}

fn post(path: &str, text: &'static str) -> Route {
    Route::new(Method::POST, path, async move || text)
}

#[tokio::test]
async fn a_literal_goes_before_a_parameter_and_that_before_a_catch_all() {
    let app = App::new()
        .route(get("/{*rest}", "rest"))
        .route(get("/{slug}", "slug"))
        .route(get("/new", "new"))
        .route(get("/a/{id}/b", "nested"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/new").await.body, "new");
    assert_eq!(caller.get("/old").await.body, "slug");
    assert_eq!(caller.get("/a/7/b").await.body, "nested");
    assert_eq!(caller.get("/a/7/c").await.body, "rest");
}

#[tokio::test]
async fn two_methods_of_one_path_may_name_the_parameter_differently() {
    async fn show(Path(id): Path<String>) -> String {
        id
    }
    async fn replace(Path(slug): Path<String>) -> String {
        slug
    }
    let app = App::new().route(Route::new(Method::GET, "/a/{id}", show)).route(Route::new(
        Method::PUT,
        "/a/{slug}",
        replace,
    ));
    let caller = caller(app).await;
    assert_eq!(caller.get("/a/x").await.body, "x");
    assert_eq!(caller.ask("PUT", "/a/y", &[]).await.body, "y");
}

#[tokio::test]
async fn head_is_answered_by_get_without_the_body() {
    let caller = caller(App::new().route(get("/a", "hello"))).await;
    let answer = caller.ask("HEAD", "/a", &[]).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("content-length"), "5");
}

#[tokio::test]
async fn another_method_is_told_which_are_allowed() {
    let caller = caller(App::new().route(get("/a/{x}", "")).route(post("/a/{y}", ""))).await;
    let answer = caller.ask("DELETE", "/a/1", &[]).await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), "GET, HEAD, POST, OPTIONS");
    assert_eq!(answer.json()["code"], "method_not_allowed");

    let options = caller.ask("OPTIONS", "/a/1", &[]).await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "GET, HEAD, POST, OPTIONS"));
    let server = caller.ask("OPTIONS", "*", &[]).await;
    assert_eq!(server.status, 204);
}

#[tokio::test]
async fn a_method_that_nothing_here_knows_is_not_implemented() {
    let caller = caller(App::new().route(get("/a", ""))).await;
    for (method, path) in [("BREW", "/a"), ("BREW", "/b"), ("CONNECT", "/a")] {
        assert_eq!(caller.ask(method, path, &[]).await.status, 501, "{method} {path}");
    }
    let trace = caller.ask("TRACE", "/a", &[]).await;
    assert_eq!((trace.status.as_u16(), trace.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn a_method_is_known_once_a_route_has_it() {
    let query = Method::from_bytes(b"QUERY").unwrap();
    let app = App::new().route(Route::new(query, "/search", async || "found")).route(get("/a", ""));
    let caller = caller(app).await;
    assert_eq!(caller.ask("QUERY", "/search", &[("sec-fetch-site", "same-origin")]).await.body, "found");
    assert_eq!(caller.ask("QUERY", "/a", &[]).await.status, 405);
    assert_eq!(caller.ask("PUT", "/search", &[]).await.header("allow"), "OPTIONS, QUERY");
}

#[tokio::test]
async fn any_takes_what_no_other_route_does() {
    let app = App::new().route(Route::any("/a", async || "any")).route(get("/a", "get"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/a").await.body, "get");
    assert_eq!(caller.ask("DELETE", "/a", &[]).await.body, "any");
    assert_eq!(caller.ask("BREW", "/a", &[]).await.body, "any");
}

#[tokio::test]
async fn a_slash_too_many_or_too_few_is_redirected_within_the_site() {
    let app = App::new().route(get("/a", "")).route(get("/b/", "")).route(get("/x/{y}", ""));
    let caller = caller(app).await;
    let answer = caller.get("/a/?q=1").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (308, "/a?q=1"));
    assert_eq!(caller.get("/b").await.header("location"), "/b/");
    assert_eq!(caller.get("/x/1/").await.header("location"), "/x/1");
    // It would only lead to a 405.
    assert_eq!(caller.ask("POST", "/a/", &[]).await.status, 404);
}

#[tokio::test]
async fn a_redirect_never_leaves_the_site() {
    let caller = caller(App::new().route(get("/{a}/{b}", "")).route(get("/{a}", ""))).await;
    for path in ["//evil.example/", "/\\evil.example/"] {
        assert_eq!(caller.get(path).await.header("location"), "", "{path}");
    }
}

#[tokio::test]
async fn slashes_may_be_taken_strictly() {
    let app = App::new().route(get("/a", "")).set("http.trailing_slash", "strict");
    assert_eq!(caller(app).await.get("/a/").await.status, 404);
}

#[tokio::test]
async fn equivalent_spellings_of_a_path_are_one_path() {
    async fn show(uri: http::Uri) -> String {
        uri.path().to_owned()
    }
    let app = App::new().route(get("/größe", "size")).route(Route::new(Method::GET, "/a/{x}", show));
    let caller = caller(app).await;
    assert_eq!(caller.get("/gr%c3%b6%C3%9Fe").await.body, "size");
    assert_eq!(caller.get("/%61/%41%2fb").await.body, "/a/A%2Fb");
}

#[tokio::test]
async fn a_path_that_cannot_be_decoded_is_refused() {
    let caller = caller(App::new().route(get("/{x}", ""))).await;
    for path in ["/%ff", "/%zz", "/100%"] {
        let answer = caller.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (400, Some("bad_path")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn axum_s_own_extractors_work_unchanged() {
    async fn show(path: MatchedPath, Path((a, b)): Path<(u32, String)>) -> String {
        format!("{} {a} {b}", path.as_str())
    }
    let group = Group::new("/api/{a}").route(Route::new(Method::GET, "/x/{b}", show));
    let caller = caller(App::new().group(group)).await;
    assert_eq!(caller.get("/api/7/x/y%20z").await.body, "/api/{a}/x/{b} 7 y z");
}

#[tokio::test]
async fn groups_add_their_prefixes() {
    let inner = Group::new("/articles").route(get("/", "list")).route(get("/{slug}", "show"));
    let app = App::new().group(Group::new("/api/").group(inner).route(get("/", "index")));
    let caller = caller(app).await;
    assert_eq!(caller.get("/api").await.body, "index");
    assert_eq!(caller.get("/api/articles").await.body, "list");
    assert_eq!(caller.get("/api/articles/x").await.body, "show");
}

#[tokio::test]
async fn a_mounted_router_sees_the_path_without_its_prefix() {
    async fn echo(request: Request) -> String {
        request.uri().path().to_owned()
    }
    let legacy = Router::new()
        .route("/", axum::routing::get(async || "root"))
        .route("/x/{id}", axum::routing::get(echo).post(echo))
        .fallback(async || "lost");
    let app = App::new().mount("/legacy", legacy).route(get("/legacy/new", "new"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/legacy").await.body, "root");
    assert_eq!(caller.get("/legacy/x/1").await.body, "/x/1");
    assert_eq!(caller.get("/legacy/y").await.body, "lost");
    assert_eq!(caller.get("/legacy/new").await.body, "new");
    assert_eq!(caller.get("/other").await.status, 404);
}

#[tokio::test]
async fn a_router_may_be_mounted_at_the_root() {
    let router = Router::new().route("/a", axum::routing::get(async || "a"));
    let caller = caller(App::new().mount("/", router).route(get("/b", "b"))).await;
    assert_eq!(caller.get("/a").await.body, "a");
    assert_eq!(caller.get("/b").await.body, "b");
    assert_eq!(caller.get("/c").await.status, 404);
}

#[test]
fn every_fault_is_reported_at_once_with_places_and_fixes() {
    let app = App::new()
        .route(get("/a/{x}", "").named("one"))
        .module(Module::new("users").route(get("/a/{y}", "").named("one")).route(get("/b", "")))
        .route(get("/b", ""))
        .route(get("articles", ""))
        .route(get("/a/:id", ""))
        .route(get("/{a}/{a}", ""))
        .route(get("/{*a}/b", ""))
        .group(Group::new("api").route(get("/x", "")))
        .route(Route::new(Method::CONNECT, "/tunnel", async || ""));
    let text = findings(app);
    let text = without_lines(&text);
    insta::assert_snapshot!(text);
}

/// Lines move when this file is edited.
fn without_lines(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(".rs:") {
        let (head, tail) = rest.split_at(at + 4);
        out.push_str(head);
        out.push('_');
        rest = tail.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}

#[tokio::test]
async fn a_route_that_yields_makes_room() {
    let app = App::new().route(get("/livez", "built in").yielding()).route(get("/livez", "own"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/livez").await.body, "own");
    assert_eq!(caller.http.routes().filter(|route| route.pattern() == "/livez").count(), 1);
}

#[test]
fn of_two_routes_that_yield_none_gives_way_to_the_other() {
    let app = App::new().static_files("/assets", "one").static_files("/assets", "two");
    let found = findings(app);
    assert!(found.contains("error[http.E002]: GET /assets has two handlers"), "{found}");
    // Unless they are in different versions.
    let old = get("/articles", "old").yielding().versions(..=1);
    let new = get("/articles", "new").yielding().versions(2..);
    let app = App::new().api_versions(ApiVersions::new([1, 2])).route(old).route(new);
    let found = findings(app);
    assert!(!found.contains("error"), "{found}");
}

#[test]
fn lists_nest() {
    let list = Routes::new().routes([get("/a", ""), get("/b", "")].into_iter().collect());
    let app = App::new().routes(list).route(get("/b", ""));
    assert!(findings(app).contains("GET /b has two handlers"));
}

#[tokio::test]
async fn parameters_with_text_before_them_stand_beside_those_without() {
    let app = App::new()
        .route(get("/{a}", "a"))
        .route(get("/v-{b}", "v"))
        .route(get("/v-{b}/x", "vx"))
        .route(get("/{a}/{*rest}", "rest"))
        .route(get("/v-1", "one"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/v-1").await.body, "one");
    assert_eq!(caller.get("/v-2").await.body, "v");
    assert_eq!(caller.get("/w").await.body, "a");
    assert_eq!(caller.get("/v-2/x").await.body, "vx");
    assert_eq!(caller.get("/w/x").await.body, "rest");
}

#[tokio::test]
async fn of_two_catch_alls_the_deeper_goes_first() {
    let app = App::new()
        .route(get("/{*all}", "all"))
        .route(get("/{a}/{b}/c", "abc"))
        .route(get("/{a}/{b}", "ab"))
        .route(get("/{a}/{*rest}", "rest"))
        .route(get("/x/{b}", "one"))
        .route(get("/x/{*some}", "some"))
        .route(get("/y/{*some}", "y"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/x/1").await.body, "one");
    assert_eq!(caller.get("/x/1/2").await.body, "some");
    assert_eq!(caller.get("/y/1/2").await.body, "y");
    assert_eq!(caller.get("/z/1").await.body, "ab");
    assert_eq!(caller.get("/z/1/c").await.body, "abc");
    assert_eq!(caller.get("/z/1/d").await.body, "rest");
    assert_eq!(caller.get("/z").await.body, "all");
}

mod any_set_of_patterns {
    use proptest::prelude::*;

    use super::*;

    /// A pattern of up to four segments. A parameter is called after its place.
    fn pattern() -> impl Strategy<Value = String> {
        let segment = prop_oneof![Just("a"), Just("b"), Just("ab"), Just("{}"), Just("a{}"), Just("ab{}")];
        (prop::collection::vec(segment, 1..4), any::<bool>()).prop_map(|(segments, rest)| {
            let mut path = String::new();
            for (place, segment) in segments.iter().enumerate() {
                path.push('/');
                path.push_str(&segment.replace("{}", &format!("{{p{place}}}")));
            }
            if rest { path + "/{*rest}" } else { path }
        })
    }

    /// The same by the book, one segment after the other.
    fn matches(pattern: &str, path: &str) -> bool {
        let mut parts = path.split('/');
        for wanted in pattern.split('/') {
            if wanted.starts_with("{*") {
                // Whatever is left, but not nothing.
                return !parts.collect::<Vec<_>>().join("/").is_empty();
            }
            let Some(part) = parts.next() else { return false };
            let found = match wanted.split_once('{') {
                Some((prefix, _)) => part.len() > prefix.len() && part.starts_with(prefix),
                None => part == wanted,
            };
            if !found {
                return false;
            }
        }
        parts.next().is_none()
    }

    /// What goes before what, segment by segment: literals, longer prefixes, shorter ones, parameters, catch-alls.
    fn ranks(pattern: &str) -> Vec<usize> {
        let rank = |segment: &str| match segment.split_once('{') {
            None => 0,
            Some(("", name)) => {
                if name.starts_with('*') {
                    101
                } else {
                    100
                }
            }
            Some((prefix, _)) => 100 - prefix.len(),
        };
        pattern.split('/').map(rank).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn finds_a_route_exactly_where_one_matches(
            patterns in prop::collection::btree_set(pattern(), 1..10),
            paths in prop::collection::vec("(/(a|b|ab|abc|c|)){1,5}", 20),
        ) {
            let mut app = App::new().set("http.trailing_slash", "strict");
            for pattern in &patterns {
                let own = pattern.clone();
                app = app.route(Route::new(Method::GET, pattern, async move || own));
            }
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let caller = caller(app).await;
                for path in &paths {
                    let answer = caller.get(path).await;
                    let matching = patterns.iter().filter(|pattern| matches(pattern, path));
                    match matching.min_by_key(|pattern| ranks(pattern)) {
                        Some(best) => prop_assert_eq!(&answer.body, best, "{} of {:?}", path, patterns),
                        None => prop_assert_eq!(answer.status, 404, "{} of {:?}", path, patterns),
                    }
                }
                Ok(())
            })?;
        }
    }
}

#[tokio::test]
async fn a_route_for_development_is_none_elsewhere() {
    let app = || App::new().route(get("/a", "a").in_development()).route(get("/{rest}", "rest"));
    assert_eq!(caller_in(Profile::Development, app()).await.get("/a").await.body, "a");
    for profile in [Profile::Test, Profile::Production, Profile::named("staging")] {
        assert_eq!(caller_in(profile, app()).await.get("/a").await.body, "rest");
    }
}
