//! Answers that are kept: what is given again, to whom, and for how long.
//!
//! - this file: what a kept answer says, and how it ages.
//! - `safety`: who must not get whose answer, and what nobody can put into the cache.
//! - `eviction`: what is forgotten, and when.

mod eviction;
mod safety;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use futures_util::future::join_all;
use http::{HeaderMap, Method, Uri, header};
use mainstay_api::{Api, ApiExt, OutputCache};
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::metrics::Metrics;
use mainstay_core::{App, Contribute};
use mainstay_http::stack::principal::Authenticator;
use mainstay_http::{Group, Query, Route, RoutesExt};
use mainstay_store::Store;
use mainstay_test::{Client, TestApp, TestResponse};

use crate::rate_limits::{Says, at_rest};
use crate::switched::Switched;

const MINUTE: Duration = Duration::from_secs(60);

fn minute() -> OutputCache {
    OutputCache::for_(MINUTE)
}

/// How often a handler was called.
#[derive(Clone, Default)]
struct Calls(Arc<AtomicU32>);

impl Calls {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Says which call it is, and what it sees of the request.
fn seen(calls: &Calls, path: &str) -> Route {
    let calls = calls.clone();
    Route::new(Method::GET, path, move |uri: Uri, headers: HeaderMap| {
        let call = calls.next();
        async move {
            let mut names: Vec<_> = headers.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            names.sort();
            format!("{call} {uri} {}", names.join(" "))
        }
    })
}

/// Gives the same answer each time.
fn gives(calls: &Calls, path: &str, answer: impl Fn() -> Response + Clone + Send + Sync + 'static) -> Route {
    let calls = calls.clone();
    Route::new(Method::GET, path, move || {
        calls.next();
        let answer = answer();
        async move { answer }
    })
}

async fn start(cache: OutputCache, routes: impl IntoIterator<Item = Route>) -> (TestApp, Arc<TestClock>) {
    let group = routes.into_iter().fold(Group::new(""), Group::route).middleware(cache);
    let (setup, clock) = at_rest(App::new().group(group).contribute(Authenticator::new(Says)));
    (setup.start().await, clock)
}

fn status(answer: &TestResponse) -> &str {
    answer.header("cache-status").unwrap_or_default()
}

async fn asked(client: &Client, path: &str) -> (String, String) {
    let answer = client.get(path).send().await;
    (status(&answer).to_owned(), answer.text().to_owned())
}

const STORED: &str = "mainstay; fwd=miss; stored";

#[tokio::test]
async fn an_answer_is_given_again_until_its_time_is_over() {
    let calls = Calls::default();
    let (app, clock) = start(minute(), [seen(&calls, "/page")]).await;
    let first = app.get("/page").send().await;
    first.assert_status(200).assert_header("cache-status", STORED).assert_no_header("age");
    clock.advance(Duration::from_secs(57));
    let second = app.get("/page").send().await;
    second
        .assert_status(200)
        .assert_header("cache-status", "mainstay; hit; ttl=3")
        .assert_header("age", "57");
    for name in ["content-type", "etag"] {
        assert_eq!(first.header(name).unwrap(), second.header(name).unwrap());
    }
    assert_eq!(first.text(), second.text());
    clock.advance(Duration::from_secs(3));
    app.get("/page").send().await.assert_header("cache-status", STORED);
    assert_eq!(calls.count(), 2);
    let metrics = app.inject::<Metrics>().await.render();
    assert!(metrics.contains("output_cache_requests_total{result=\"hit\"} 1\n"), "{metrics}");
    assert!(metrics.contains("output_cache_requests_total{result=\"miss\"} 2\n"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stampede_makes_one_answer() {
    let calls = Calls::default();
    let counted = calls.clone();
    let slow = Route::new(Method::GET, "/slow", move || {
        let call = counted.next();
        async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            call.to_string()
        }
    });
    let (app, _) = start(minute(), [slow]).await;
    let requests = (0..100).map(|_| {
        let client = app.client();
        tokio::spawn(async move { asked(&client, "/slow").await })
    });
    let answers: Vec<_> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|(_, text)| text == "1"));
    assert_eq!(answers.iter().filter(|(status, _)| status == STORED).count(), 1);
    let shared = ["mainstay; fwd=miss; collapsed", "mainstay; hit; ttl=60"];
    assert_eq!(answers.iter().filter(|(status, _)| shared.contains(&&**status)).count(), 99);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn requests_are_told_apart_by_method_host_path_and_query() {
    let calls = Calls::default();
    let group = Group::new("").route(seen(&calls, "/a/{id}")).route(seen(&calls, "/b")).middleware(minute());
    let (setup, _) = at_rest(App::new().group(group));
    let app = setup.set("http.allowed_hosts", "localhost, other.example").start().await;
    let other_host = app.client().with_header("host", "other.example");
    let mut made = 0;
    for (client, path, is_new) in [
        (&app.client(), "/a/1", true),
        (&app.client(), "/a/1", false),
        (&app.client(), "/a/2", true),
        (&other_host, "/a/1", true),
        (&other_host, "/a/1", false),
        (&app.client(), "/b?x=1&y=2", true),
        // The order of names does not matter; that of the values of one name does.
        (&app.client(), "/b?y=2&x=1", false),
        (&app.client(), "/b?x=1&x=2", true),
        (&app.client(), "/b?x=2&x=1", true),
        (&app.client(), "/b?x=1", true),
        (&app.client(), "/b", true),
        (&app.client(), "/b?", false),
    ] {
        let (status, _) = asked(client, path).await;
        assert_eq!(status == STORED, is_new, "{path}: {status}");
        made += u32::from(is_new);
    }
    assert_eq!(calls.count(), made);
}

#[tokio::test]
async fn chosen_headers_tell_requests_apart_and_are_said_in_vary() {
    let calls = Calls::default();
    let cache = minute().vary_by_header("Accept-Language");
    let (app, _) = start(cache, [seen(&calls, "/page")]).await;
    let (german, french) = (
        app.client().with_header("accept-language", "de"),
        app.client().with_header("accept-language", "fr"),
    );
    let first = german.get("/page").send().await;
    first.assert_header("vary", "accept-language").assert_text_contains("1 /page");
    french.get("/page").send().await.assert_text_contains("2 /page");
    german.get("/page").send().await.assert_text_contains("1 /page").assert_header("vary", "accept-language");
    app.get("/page").send().await.assert_text_contains("3 /page");
    // An empty one is another than none.
    let empty = app.client().with_header("accept-language", "");
    empty.get("/page").send().await.assert_text_contains("4 /page");
}

#[tokio::test]
async fn a_client_that_has_it_gets_304_from_the_first_request_on() {
    let calls = Calls::default();
    const DATE: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
    let dated = gives(&calls, "/dated", || {
        ([(header::LAST_MODIFIED, DATE), (header::CACHE_CONTROL, "max-age=30")], "text").into_response()
    });
    let tagged = gives(&calls, "/tagged", || ([(header::ETAG, "W/\"v1\"")], "text").into_response());
    let (app, _) = start(minute(), [dated, tagged]).await;
    for expected in [STORED, "mainstay; hit; ttl=60"] {
        let known = app.get("/tagged").header("if-none-match", "\"v0\", \"v1\"").send().await;
        known.assert_status(304).assert_text("").assert_header("cache-status", expected);
        known.assert_header("etag", "W/\"v1\"").assert_no_header("content-type");
    }
    app.get("/tagged").header("if-none-match", "\"v0\"").send().await.assert_status(200).assert_text("text");
    app.get("/tagged").header("if-none-match", "nonsense").send().await.assert_status(200);
    let made = app.get("/dated").send().await.header("etag").unwrap().to_owned();
    let known = app.get("/dated").header("if-none-match", &made).send().await;
    known.assert_status(304).assert_header("cache-control", "max-age=30").assert_header("age", "0");
    app.get("/dated").header("if-modified-since", DATE).send().await.assert_status(304);
    app.get("/dated")
        .header("if-modified-since", "Sun, 09 Sep 2001 01:46:39 GMT")
        .send()
        .await
        .assert_status(200);
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn what_is_kept_is_compressed_for_each_as_they_take_it() {
    let calls = Calls::default();
    let text = "the same again and again, ".repeat(200);
    let shown = text.clone();
    let (app, _) = start(minute(), [gives(&calls, "/long", move || shown.clone().into_response())]).await;
    let packed = app.client().with_header("accept-encoding", "gzip");
    let first = packed.get("/long").send().await;
    first.assert_header("content-encoding", "gzip").assert_header("vary", "accept-encoding");
    assert!(first.bytes().len() < text.len() / 4);
    let weak = first.header("etag").unwrap().to_owned();
    assert!(weak.starts_with("W/"), "{weak}");
    let plain = app.get("/long").send().await;
    plain
        .assert_text(&text)
        .assert_no_header("content-encoding")
        .assert_header("cache-status", "mainstay; hit; ttl=60");
    packed.get("/long").header("if-none-match", &weak).send().await.assert_status(304);
    assert_eq!(calls.count(), 1);
}

#[tokio::test]
async fn an_answer_that_says_how_long_it_is_good_for_is_kept_no_longer() {
    let calls = Calls::default();
    let route = |path: &'static str, says: &'static str| {
        gives(&calls, path, move || ([(header::CACHE_CONTROL, says)], "text").into_response())
    };
    let routes = [
        route("/10", "public, max-age=10"),
        route("/20", "max-age=10, S-MaxAge=20"),
        route("/60", "max-age=\"3600\""),
    ];
    let (app, clock) = start(minute(), routes).await;
    for path in ["/10", "/20", "/60"] {
        app.get(path).send().await.assert_header("cache-status", STORED);
    }
    for (wait, kept) in [
        (9, [true, true, true]),
        (1, [false, true, true]),
        (10, [false, false, true]),
        (40, [false, false, false]),
    ] {
        clock.advance(Duration::from_secs(wait));
        for (path, is_kept) in ["/10", "/20", "/60"].into_iter().zip(kept) {
            let (status, _) = asked(&app, path).await;
            assert_eq!(status.contains("hit"), is_kept, "{path} after {wait} more: {status}");
        }
    }
}

#[tokio::test]
async fn a_stale_answer_is_given_while_a_new_one_is_made() {
    let calls = Calls::default();
    let (app, clock) = start(minute().stale_for(Duration::from_secs(30)), [seen(&calls, "/page")]).await;
    app.get("/page").send().await.assert_text_contains("1 /page");
    clock.advance(Duration::from_secs(70));
    let stale = app.get("/page").send().await;
    stale.assert_text_contains("1 /page").assert_header("cache-status", "mainstay; hit; ttl=-10");
    stale.assert_header("age", "70");
    let mut status = String::new();
    for _ in 0..200 {
        let (now, text) = asked(&app, "/page").await;
        status = now;
        if text.starts_with("2 ") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!((status.as_str(), calls.count()), ("mainstay; hit; ttl=60", 2));
    clock.advance(Duration::from_secs(90));
    let (status, text) = asked(&app, "/page").await;
    assert_eq!(status, STORED, "older than that, it is not given any more");
    assert!(text.starts_with("3 "), "{text}");
    let metrics = app.inject::<Metrics>().await.render();
    assert!(metrics.contains("output_cache_requests_total{result=\"stale\"} "), "{metrics}");
}

#[tokio::test]
async fn a_client_gets_a_new_answer_only_where_that_is_allowed() {
    let calls = Calls::default();
    let (app, _) = start(minute(), [seen(&calls, "/page")]).await;
    for _ in 0..3 {
        app.get("/page").header("cache-control", "no-cache").send().await.assert_text_contains("1 /page");
    }
    let calls = Calls::default();
    let (app, _) = start(minute().respect_no_cache(), [seen(&calls, "/page")]).await;
    app.get("/page").send().await.assert_text_contains("1 /page");
    app.get("/page").header("cache-control", "no-cache").send().await.assert_text_contains("2 /page");
    app.get("/page").header("cache-control", "max-age=0").send().await.assert_text_contains("3 /page");
    app.get("/page").header("cache-control", "max-age=10").send().await.assert_text_contains("3 /page");
    app.get("/page")
        .send()
        .await
        .assert_text_contains("3 /page")
        .assert_header("cache-status", "mainstay; hit; ttl=60");
}

#[tokio::test]
async fn where_the_store_is_out_of_reach_the_handler_answers() {
    let (on, calls) = (Arc::new(AtomicBool::new(true)), Calls::default());
    let shared = Arc::clone(&on);
    let (setup, clock) =
        at_rest(App::new().group(Group::new("").route(seen(&calls, "/page")).middleware(minute())));
    let store = move || {
        let memory = Store::in_memory(Arc::clone(&clock) as Arc<dyn Clock>, 10);
        Store::over(Switched(Arc::clone(&shared), memory))
    };
    let app = setup.replace(store).start().await;
    for (is_on, text, expected) in [
        (true, "1 /page", STORED),
        (false, "2 /page", "mainstay; fwd=miss; detail=store"),
        (false, "3 /page", "mainstay; fwd=miss; detail=store"),
        (true, "1 /page", "mainstay; hit; ttl=60"),
    ] {
        on.store(is_on, Ordering::SeqCst);
        let answer = app.get("/page").send().await;
        answer.assert_status(200).assert_text_contains(text).assert_header("cache-status", expected);
    }
}

#[tokio::test]
async fn caches_within_caches_are_one_and_it_can_be_switched_off() {
    let calls = Calls::default();
    let cache = minute();
    let group =
        || Group::new("").route(seen(&calls, "/page").middleware(cache.clone())).middleware(cache.clone());
    let (setup, _) = at_rest(App::new().group(group()).middleware(minute()));
    let app = setup.start().await;
    for expected in [STORED, "mainstay; hit; ttl=60"] {
        let answer = app.get("/page").send().await;
        assert_eq!(answer.headers().get_all("cache-status").iter().collect::<Vec<_>>(), [expected]);
    }
    let (setup, _) = at_rest(App::new().group(group()));
    let app = setup.set("output_cache.enabled", "false").start().await;
    for _ in 0..2 {
        app.get("/page").send().await.assert_no_header("cache-status").assert_no_header("age");
    }
    assert_eq!(calls.count(), 3);
}

#[tokio::test]
async fn a_flood_of_requests_fills_no_more_than_the_room() {
    let calls = Calls::default();
    let (setup, _) =
        at_rest(App::new().group(Group::new("").route(seen(&calls, "/page")).middleware(minute())));
    let app = setup.set("store.max_bytes", "100KB").start().await;
    for made_up in 0..1000 {
        app.get(&format!("/page?q={made_up}")).send().await.assert_header("cache-status", STORED);
    }
    let metrics = app.inject::<Metrics>().await.render();
    let bytes = metrics.lines().find_map(|line| line.strip_prefix("store_memory_value_bytes ")).unwrap();
    assert!((50_000.0..=100_000.0).contains(&bytes.parse::<f64>().unwrap()), "{bytes}");
    app.get("/page?q=999").send().await.assert_header("cache-status", "mainstay; hit; ttl=60");
    app.get("/page?q=0").send().await.assert_header("cache-status", STORED);
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Sorted {
    #[allow(dead_code, reason = "it is described")]
    page: Option<u32>,
    #[allow(dead_code, reason = "it is described")]
    sort: Option<String>,
}

#[mainstay_http::get("/sorted")]
async fn sorted(_: Query<Sorted>) -> &'static str {
    "sorted"
}

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Theme {
    #[allow(dead_code, reason = "it is described")]
    theme: Option<String>,
}

#[mainstay_http::get("/themed")]
async fn themed(
    _: mainstay_http::extract::Cookie<Theme>,
    _: mainstay_http::negotiate::AcceptsLanguage,
) -> &'static str {
    "themed"
}

#[tokio::test]
async fn a_handler_that_reads_what_is_taken_away_is_found_at_start() {
    let with = |cache: OutputCache| {
        let routes = mainstay_http::routes![sorted, themed];
        TestApp::of(App::new().group(Group::new("").routes(routes).middleware(cache)))
    };
    let Err(found) = with(minute().vary_by_query(["page"]).vary_by_header("not a header")).try_start().await
    else {
        panic!("it starts")
    };
    assert!(found.contains("error[api.E013]: `GET /sorted` reads the query `sort`, which"), "{found}");
    assert!(found.contains("`GET /themed` reads the cookie `theme`, which"), "{found}");
    assert!(found.contains("fix add it: `.vary_by_header(\"accept-language\")`"), "{found}");
    assert_eq!(found.matches("api.E014").count(), 1, "{found}");
    assert!(!found.contains("`page`"), "{found}");
    let right = minute().vary_by_header("cookie").vary_by_header("accept-language");
    with(right.clone()).start().await.get("/sorted?sort=a").send().await.assert_status(200);
    with(right.vary_by_query(["page", "sort"])).start().await.get("/themed").send().await.assert_status(200);
}

#[tokio::test]
async fn the_document_has_the_fields_and_the_304() {
    let app = App::new()
        .group(Group::new("").routes(mainstay_http::routes![sorted]).middleware(minute()))
        .api(Api::new());
    let document: serde_json::Value = TestApp::start(app).await.get("/openapi.json").send().await.json();
    let operation = &document["paths"]["/sorted"]["get"];
    for status in ["200", "304"] {
        for name in ["Age", "Cache-Status"] {
            assert!(
                operation["responses"][status]["headers"][name].is_object(),
                "{status} {name}: {operation:#}"
            );
        }
    }
    let names: Vec<_> = operation["parameters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert!(names.contains(&&serde_json::json!("If-None-Match")), "{names:?}");
}
