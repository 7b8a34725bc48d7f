//! Routes of several versions at one address, and what is said of those that leave.

use std::time::Duration;

use http::{HeaderName, Method};
use mainstay_core::App;
use mainstay_http::{ApiVersions, Deprecation, Group, Route, Routes, RoutesExt, get, routes};

use crate::calling::{at_rest, caller, findings};

fn answers(path: &str, text: &'static str) -> Route {
    Route::new(Method::GET, path, async move || text)
}

fn three() -> App {
    App::new()
        .route(answers("/articles", "old").versions(..=1))
        .route(answers("/articles", "new").versions(2..))
        .route(answers("/articles/{slug}", "shown").versions(2..=3))
        .route(answers("/plain", "always"))
}

const FIELD: &str = "api-version";

#[tokio::test]
async fn the_header_says_which_version_answers_and_the_answer_says_which_it_was() {
    let caller = caller(three().api_versions(ApiVersions::new([1, 2, 3]).unless_said(1))).await;
    for (asked, body, version) in [("1", "old", "1"), ("2", "new", "2"), (" 3 ", "new", "3")] {
        let answer = caller.ask("GET", "/articles", &[(FIELD, asked)]).await;
        assert_eq!((&*answer.body, answer.header(FIELD)), (body, version));
        assert_eq!(answer.header("vary"), "api-version");
    }
    let answer = caller.get("/articles").await;
    assert_eq!((&*answer.body, answer.header(FIELD)), ("old", "1"));
    let answer = caller.ask("HEAD", "/articles", &[(FIELD, "2")]).await;
    assert_eq!((answer.status.as_u16(), answer.header(FIELD)), (200, "2"));
    // The same twice is the same.
    let answer = caller.ask("GET", "/articles", &[(FIELD, "2"), (FIELD, "2")]).await;
    assert_eq!(answer.body, "new");
    // What has no versions does not care.
    let answer = caller.ask("GET", "/plain", &[(FIELD, "nonsense")]).await;
    assert_eq!((&*answer.body, answer.header(FIELD), answer.header("vary")), ("always", "", ""));
}

#[tokio::test]
async fn a_version_that_is_not_there_is_refused_and_those_that_are_are_named() {
    let caller = caller(three().api_versions(ApiVersions::new([1, 2, 3]))).await;
    for (path, asked, code, detail) in [
        (
            "/articles",
            "4",
            "version_unsupported",
            "There is no version `4` here: there are the versions 1, 2 and 3.",
        ),
        (
            "/articles/x",
            "1",
            "version_unsupported",
            "There is no version `1` here: there are the versions 2 and 3.",
        ),
        (
            "/articles",
            "02",
            "version_unsupported",
            "There is no version `02` here: there are the versions 1, 2 and 3.",
        ),
        (
            "/articles",
            "-1",
            "version_unsupported",
            "There is no version `-1` here: there are the versions 1, 2 and 3.",
        ),
        (
            "/articles",
            "v2",
            "version_unsupported",
            "There is no version `v2` here: there are the versions 1, 2 and 3.",
        ),
        (
            "/articles",
            "",
            "version_unsupported",
            "There is no version `` here: there are the versions 1, 2 and 3.",
        ),
    ] {
        let answer = caller.ask("GET", path, &[(FIELD, asked)]).await;
        assert_eq!(answer.status, 400, "{asked}");
        assert_eq!(
            (answer.json()["code"].as_str(), answer.json()["detail"].as_str()),
            (Some(code), Some(detail))
        );
        assert!(answer.headers.get_all("vary").iter().any(|value| value == FIELD));
    }
    let answer = caller.get("/articles").await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some("version_missing")));
    let answer = caller.ask("GET", "/articles", &[(FIELD, "1"), (FIELD, "2")]).await;
    assert_eq!(answer.json()["code"], "version_ambiguous");
    let long = "9".repeat(5000);
    let answer = caller.ask("GET", "/articles", &[(FIELD, &long)]).await;
    assert!(answer.status == 400 && answer.body.len() < 1000, "{}", answer.body);
    // It is not a matter of versions that nothing is there, or not by this method.
    assert_eq!(caller.ask("GET", "/nowhere", &[(FIELD, "4")]).await.status, 404);
    let answer = caller.ask("POST", "/articles", &[(FIELD, "4")]).await;
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test]
async fn the_media_type_and_another_header_may_say_it() {
    let versions = ApiVersions::new([1, 2, 3]).header(HeaderName::from_static("x-shop-version"));
    let caller = caller(three().api_versions(versions.media_type("version").unless_said(1))).await;
    let ask = async |headers: &[(&str, &str)]| {
        let answer = caller.ask("GET", "/articles", headers).await;
        (answer.status.as_u16(), answer.header("x-shop-version").to_owned(), answer.header("vary").to_owned())
    };
    let vary = || "x-shop-version, accept".to_owned();
    assert_eq!(ask(&[("accept", "application/json; version=2")]).await, (200, "2".to_owned(), vary()));
    assert_eq!(ask(&[("accept", "text/html, application/json;q=0.9;Version=\"3\"")]).await.1, "3");
    assert_eq!(ask(&[("x-shop-version", "2")]).await.1, "2");
    assert_eq!(ask(&[("accept", "application/json")]).await.1, "1");
    assert_eq!(ask(&[("accept", "a/b;version=2"), ("x-shop-version", "3")]).await.0, 400);
    assert_eq!(ask(&[(FIELD, "3")]).await.1, "1");
}

#[tokio::test]
async fn what_other_media_types_mean_by_the_parameter_is_no_version() {
    let versions = ApiVersions::new([1, 2, 3]).media_type("v").unless_said(1);
    let caller = caller(three().api_versions(versions)).await;
    let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";
    for (accept, status, version) in [
        (browser, 200, "1"),
        ("application/json;v=2, application/signed-exchange;v=b3", 200, "2"),
        ("application/json;profile=\"a,b;v=3\";v=2", 200, "2"),
        ("application/json;v=b3", 400, ""),
    ] {
        let answer = caller.ask("GET", "/articles", &[("accept", accept)]).await;
        assert_eq!((answer.status.as_u16(), answer.header(FIELD)), (status, version), "{accept}");
    }
}

#[tokio::test]
async fn head_of_a_version_is_its_own_or_that_of_get() {
    let head = Route::new(Method::HEAD, "/articles", async || [("x-own", "1")]).versions(..=1);
    let app = three().route(head).api_versions(ApiVersions::new([1, 2, 3]));
    let caller = caller(app).await;
    for (version, own) in [("1", "1"), ("2", ""), ("3", "")] {
        let answer = caller.ask("HEAD", "/articles", &[(FIELD, version)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("x-own")), (200, own), "{version}");
        assert_eq!(answer.header(FIELD), version);
    }
}

#[tokio::test]
async fn every_way_to_ask_for_no_version_is_documented() {
    for (unless_said, expected) in [
        (None, vec!["version_missing", "version_unsupported", "version_ambiguous"]),
        (Some(1), vec!["version_unsupported", "version_ambiguous"]),
    ] {
        let versions = ApiVersions::new([1, 2, 3]);
        let versions = unless_said.iter().fold(versions, |versions, version| versions.unless_said(*version));
        let caller = caller(three().api_versions(versions)).await;
        let route = caller.http.routes().find(|route| route.pattern() == "/articles").unwrap();
        let refused = route.operation.errors.iter().filter(|error| error.status == 400);
        let codes: Vec<_> = refused.filter_map(|error| error.code.as_deref()).collect();
        assert_eq!(codes, expected);
    }
}

#[tokio::test]
async fn groups_and_attributes_say_the_version_and_the_nearest_counts() {
    #[get("/a", versions = "..=1")]
    async fn first() -> &'static str {
        "first"
    }
    #[get("/a", versions = "2..=3")]
    async fn second() -> &'static str {
        "second"
    }
    #[get("/b")]
    async fn third() -> &'static str {
        "third"
    }
    let group = Group::new("/api").versions(3).routes(routes![first, second, third]);
    let inner = Routes::new().route(answers("/c", "fourth")).versions(2..);
    let versions = ApiVersions::new([1, 2, 3]);
    let caller = caller(App::new().group(group.routes(inner)).api_versions(versions)).await;
    for (path, version, status) in [
        ("/api/a", "1", 200),
        ("/api/a", "3", 200),
        ("/api/b", "3", 200),
        ("/api/b", "2", 400),
        ("/api/c", "2", 200),
        ("/api/c", "1", 400),
    ] {
        assert_eq!(caller.ask("GET", path, &[(FIELD, version)]).await.status, status, "{path} {version}");
    }
}

#[tokio::test]
async fn each_version_is_counted_by_itself() {
    let caller = caller(three().api_versions(ApiVersions::new([1, 2, 3]))).await;
    for version in ["1", "2", "3"] {
        caller.ask("GET", "/articles", &[(FIELD, version)]).await;
    }
    let metrics = caller.get("/metrics").await.body;
    for line in [
        "http_requests_total{method=\"GET\",route=\"/articles (version ..=1)\",status=\"2xx\"} 1\n",
        "http_requests_total{method=\"GET\",route=\"/articles (version 2..)\",status=\"2xx\"} 2\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn what_leaves_says_since_when_until_when_and_where_to_go() {
    let leaving = Deprecation::since("2025-06-01").sunset("2026-01-02").see("https://shop.example/moving");
    let app = App::new()
        .group(
            Group::new("/v1").route(answers("/articles", "old")).deprecated(leaving.clone().successor("/v2")),
        )
        .group(Group::new("/v2").route(answers("/articles", "new")))
        .route(answers("/versioned", "both").versions(1..))
        .api_versions(ApiVersions::new([1, 2]).deprecated(1, leaving));
    let (caller, _) = at_rest(app).await;
    let answer = caller.get("/v1/articles").await;
    assert_eq!(answer.body, "old");
    assert_eq!(answer.header("deprecation"), "@1748736000");
    assert_eq!(answer.header("sunset"), "Fri, 02 Jan 2026 00:00:00 GMT");
    let links: Vec<_> = answer.headers.get_all("link").iter().map(|link| link.to_str().unwrap()).collect();
    let see = "<https://shop.example/moving>; rel=\"deprecation\"; type=\"text/html\"";
    assert_eq!(links, [see, "</v2>; rel=\"successor-version\""]);
    assert_eq!(answer.header(FIELD), "");
    assert_eq!(caller.get("/v2/articles").await.header("deprecation"), "");

    let answer = caller.ask("GET", "/versioned", &[(FIELD, "1")]).await;
    assert_eq!(
        (answer.header(FIELD), answer.header("deprecation"), answer.header("link")),
        ("1", "@1748736000", see)
    );
    let answer = caller.ask("GET", "/versioned", &[(FIELD, "2")]).await;
    assert_eq!((answer.header(FIELD), answer.header("deprecation")), ("2", ""));

    let metrics = caller.get("/metrics").await.body;
    for line in [
        "http_deprecated_requests_total{method=\"GET\",route=\"/v1/articles\",version=\"\"} 1\n",
        "http_deprecated_requests_total{method=\"GET\",route=\"/versioned\",version=\"1\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

#[tokio::test]
async fn after_its_sunset_it_is_gone_where_that_is_set() {
    let app = || {
        let leaving = Deprecation::since("2025-06-01").sunset("2026-01-01T12:00:10Z");
        App::new().route(answers("/old", "old").deprecated(leaving))
    };
    let (caller, clock) = at_rest(app().set("http.after_sunset", "gone")).await;
    assert_eq!(caller.get("/old").await.status, 200);
    clock.advance(Duration::from_secs(9));
    assert_eq!(caller.get("/old").await.status, 200);
    clock.advance(Duration::from_secs(1));
    let answer = caller.get("/old").await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (410, Some("sunset")));
    assert_eq!(answer.header("sunset"), "Thu, 01 Jan 2026 12:00:10 GMT");

    let (caller, clock) = at_rest(app()).await;
    clock.advance(Duration::from_secs(3600));
    assert_eq!(caller.get("/old").await.status, 200);
}

#[test]
fn versions_that_overlap_or_stand_beside_none_are_found_at_start() {
    let app = App::new()
        .route(answers("/a", "").versions(..=2))
        .route(answers("/a", "").versions(2..))
        .route(answers("/b", ""))
        .route(answers("/b", "").versions(1))
        .api_versions(ApiVersions::new([1, 2]));
    let found = findings(app);
    assert!(
        found.contains("error[http.E002]: GET /a has two handlers in one version: ..=2 and 2.. overlap"),
        "{found}"
    );
    assert!(
        found.contains("error[http.E006]: GET /b has a handler for some versions and one for all"),
        "{found}"
    );
    assert_eq!(found.matches("error[").count(), 2, "{found}");
}

#[test]
fn versions_that_make_no_sense_are_found_at_start() {
    let found = findings(three());
    assert!(
        found.contains("error[http.E007]: GET /articles is for the versions ..=1, and nobody says"),
        "{found}"
    );

    let found = findings(three().api_versions(ApiVersions::new([2, 3]).unless_said(1)));
    assert!(
        found.contains("http.E007]: GET /articles is for the versions ..=1: there are the versions 2 and 3"),
        "{found}"
    );
    assert!(
        found.contains("http.E008]: version 1 is meant by requests that say none, and is none"),
        "{found}"
    );

    let app = App::new().route(answers("/a", "").versions(1)).api_versions(ApiVersions::new([1, 7]));
    let found = findings(app.api_versions(ApiVersions::new([1])));
    assert!(found.contains("http.E008]: no route serves version 7"), "{found}");
    assert!(found.contains("http.E008]: `.api_versions(..)` is called more than once"), "{found}");
}

#[test]
fn a_deprecation_that_makes_no_sense_is_found_once() {
    for (deprecation, problem) in [
        (
            Deprecation::since("2026-02-30"),
            "`2026-02-30` is no date such as 2026-12-31 or 2026-12-31T12:00:00Z",
        ),
        (Deprecation::since("2026-02-01").sunset("soon"), "`soon` is no date such as"),
        (
            Deprecation::since("2026-02-01").sunset("2026-01-31"),
            "its sunset, 2026-01-31, is before its deprecation, 2026-02-01",
        ),
        (Deprecation::since("2026-02-01").see("the wiki"), "`the wiki` is no address"),
    ] {
        let group = Group::new("").route(answers("/a", "")).route(answers("/b", "")).deprecated(deprecation);
        let found = findings(App::new().group(group));
        assert!(
            found.contains(&format!("error[http.E009]: a deprecation makes no sense: {problem}")),
            "{found}"
        );
        assert_eq!(found.matches("http.E009").count(), 1, "{found}");
    }
}
