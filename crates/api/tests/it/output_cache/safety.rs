//! Who must not get whose answer, and what nobody can put into the cache.

use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{Method, StatusCode, header};
use mainstay_api::OutputCache;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Contribute, Error, Result};
use mainstay_http::stack::principal::Authenticator;
use mainstay_http::version::ApiVersions;
use mainstay_http::{Exchange, Group, Route, RoutesExt};

use super::{Calls, STORED, asked, gives, minute, seen, start, status};
use crate::rate_limits::{Says, at_rest};

/// Says who asks.
fn whose(calls: &Calls) -> Route {
    let calls = calls.clone();
    Route::new(Method::GET, "/whose", move |who: Principal| {
        let call = calls.next();
        async move { format!("{call} of {}", who.name()) }
    })
}

#[tokio::test]
async fn who_is_signed_in_passes_by() {
    let calls = Calls::default();
    let (app, _) = start(minute(), [whose(&calls)]).await;
    let ann = app.client().with_header("x-user", "ann");
    for call in [1, 2] {
        let answer = ann.get("/whose").send().await;
        answer.assert_text(&format!("{call} of ann"));
        answer
            .assert_header("cache-status", "mainstay; fwd=bypass; detail=principal")
            .assert_no_header("age");
    }
    assert_eq!(asked(&app, "/whose").await, (STORED.to_owned(), "3 of ".to_owned()));
    ann.get("/whose").send().await.assert_text("4 of ann");
    // A proof that nobody here understands: the handler may.
    let token = app.get("/whose").bearer("secret").send().await;
    token.assert_text("5 of ").assert_header("cache-status", "mainstay; fwd=bypass; detail=authorization");
    app.get("/whose").send().await.assert_text("3 of ");
}

#[tokio::test]
async fn each_has_their_own_where_that_is_said() {
    let calls = Calls::default();
    let (app, _) = start(minute().by_principal(), [whose(&calls)]).await;
    let client = |name: &str| app.client().with_header("x-user", name);
    let first = client("ann").get("/whose").send().await;
    first.assert_text("1 of ann").assert_header("cache-control", "private");
    client("bob").get("/whose").send().await.assert_text("2 of bob");
    let again = client("ann").get("/whose").send().await;
    again.assert_text("1 of ann").assert_header("cache-control", "private").assert_header("age", "0");
    app.get("/whose").send().await.assert_text("3 of ").assert_no_header("cache-control");
    // The same person by another token may do less.
    client("ann").get("/whose").bearer("one").send().await.assert_text("4 of ann");
    client("ann").get("/whose").bearer("two").send().await.assert_text("5 of ann");
    client("ann").get("/whose").bearer("one").send().await.assert_text("4 of ann");
    let token = app.get("/whose").bearer("one").send().await;
    token.assert_header("cache-status", "mainstay; fwd=bypass; detail=authorization");
}

#[tokio::test]
async fn who_has_other_rights_has_another_answer() {
    use futures_util::FutureExt as _;
    use mainstay_http::stack::principal::Authenticate;

    /// Ann, with the rights that the request names.
    struct Ann;

    impl Authenticate for Ann {
        fn authenticate<'a>(
            &'a self,
            _: &'a Exchange,
            request: &'a mut http::request::Parts,
            _: &'a mainstay_core::Resolver,
        ) -> futures_util::future::BoxFuture<'a, Result<Option<Principal>>> {
            let text = |name: &str| request.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            let mut ann = Principal::user("1").named("ann");
            if let Some(role) = text("x-role") {
                ann = ann.with_role(role);
            }
            if let Some(permission) = text("x-permission") {
                ann = ann.with_permission(permission);
            }
            if let Some(tenant) = text("x-tenant") {
                ann = ann.with_claim("tenant", tenant);
            }
            async move { Ok(Some(ann)) }.boxed()
        }
    }

    let calls = Calls::default();
    let group = Group::new("").route(whose(&calls)).middleware(minute().by_principal());
    let (setup, _) = at_rest(App::new().group(group).contribute(Authenticator::new(Ann)));
    let app = setup.start().await;
    let fields =
        [("x-none", ""), ("x-role", "a"), ("x-permission", "a"), ("x-tenant", "a"), ("x-tenant", "b")];
    for turn in [1, 2] {
        for (index, (name, value)) in fields.iter().enumerate() {
            let answer = app.get("/whose").header(name, value).send().await;
            answer.assert_text(&format!("{} of ann", index + 1));
            assert_eq!(status(&answer) == STORED, turn == 1, "{name}: {value}");
        }
    }
}

#[tokio::test]
async fn the_handler_sees_nothing_that_is_not_in_the_key() {
    let calls = Calls::default();
    let cache = minute().vary_by_query(["page"]).vary_by_header("x-region");
    let (app, _) = start(cache, [seen(&calls, "/page")]).await;
    let answer = app
        .get("/page?utm=evil&page=2&page[size]=3&callback=evil&pages=4")
        .header("x-forwarded-host", "evil.example")
        .header("x-original-url", "/admin")
        .header("cookie", "session=ann; theme=dark")
        .header("user-agent", "evil")
        .header("accept", "text/plain")
        .header("x-region", "north")
        .send()
        .await;
    answer.assert_header("cache-status", STORED);
    let text = answer.text();
    assert!(text.starts_with("1 /page?page=2&page[size]=3 "), "{text}");
    assert!(text.contains("accept=\"text/plain\"") && text.contains("x-region=\"north\""), "{text}");
    for hidden in ["evil", "admin", "ann", "dark", "pages"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
    let again = app.get("/page?page=2&utm=other&page[size]=3").header("x-region", "north").send().await;
    again.assert_text(text);
    let other = app.get("/page?page=2&page[size]=3").header("x-region", "south").send().await;
    other.assert_text_contains("2 /page");
}

#[tokio::test]
async fn odd_ways_to_write_a_query_give_nobody_the_answer_to_another() {
    let calls = Calls::default();
    let (app, _) = start(minute().vary_by_query(["q"]), [seen(&calls, "/page")]).await;
    // Each of them is, or may be to some handler, another question; none may be answered by what another was answered.
    let different = [
        "/page",
        "/page?q",
        "/page?q=",
        "/page?q=1",
        "/page?%71=1",
        "/page?q=%31",
        "/page?q=1&q=2",
        "/page?q=2&q=1",
        "/page?q=%FF",
        "/page?q=%FE",
        "/page?q=%EF%BF%BD",
        "/page?q=a+b",
        "/page?q=a%20b",
        "/page?q=a%2Bb",
        "/page?q=1;q=2",
        "/page?q=1%26q=2",
        "/page?q[]=1",
        "/page?q=[%22a%22]",
        "/page?q=%00",
        "/page?q==1",
        "/page?Q=1&q=3",
    ];
    for (index, path) in different.iter().enumerate() {
        let (status, text) = asked(&app, path).await;
        assert_eq!(status, STORED, "{path}");
        assert!(text.starts_with(&format!("{} ", index + 1)), "{path}: {text}");
    }
    for (index, path) in different.iter().enumerate() {
        let (status, text) = asked(&app, path).await;
        assert!(status.contains("; hit;") && text.starts_with(&format!("{} ", index + 1)), "{path}: {text}");
    }
    // What is not in the key is of no account, however it is written.
    for path in ["/page?x=1", "/page?&&", "/page?Q=1", "/page?q%5=1"] {
        let (status, _) = asked(&app, path).await;
        assert!(status.contains("; hit;"), "{path}: {status}");
    }
}

#[tokio::test]
async fn an_answer_to_head_a_part_or_a_body_is_nobody_elses() {
    let calls = Calls::default();
    let (app, _) = start(minute(), [seen(&calls, "/page")]).await;
    let head = app.head("/page").send().await;
    head.assert_status(200).assert_text("").assert_header("cache-status", STORED);
    let get = app.get("/page").send().await;
    get.assert_header("cache-status", STORED).assert_text_contains("2 /page");
    let head = app.head("/page").send().await;
    head.assert_text("").assert_header("cache-status", "mainstay; hit; ttl=60");
    head.assert_header("content-length", &get.text().len().to_string());

    for (name, value, why) in [
        ("range", "bytes=0-1", "range"),
        ("if-range", "\"a\"", "range"),
        ("if-match", "\"a\"", "precondition"),
        ("if-unmodified-since", "Sun, 09 Sep 2001 01:46:40 GMT", "precondition"),
    ] {
        let answer = app.get("/page").header(name, value).send().await;
        answer.assert_header("cache-status", &format!("mainstay; fwd=bypass; detail={why}"));
        answer.assert_text_contains(name);
    }
    let body = app.get("/page").body("text/plain", "evil").send().await;
    body.assert_header("cache-status", "mainstay; fwd=bypass; detail=body");
    app.get("/page").send().await.assert_text_contains("2 /page");
}

#[tokio::test]
async fn versions_of_one_address_have_answers_of_their_own() {
    let calls = Calls::default();
    let group = Group::new("")
        .route(gives(&calls, "/page", || "one".into_response()).versions(1))
        .route(gives(&calls, "/page", || "two".into_response()).versions(2))
        .middleware(minute());
    let (setup, _) = at_rest(App::new().group(group).api_versions(ApiVersions::new([1, 2]).unless_said(2)));
    let app = setup.start().await;
    for _ in 0..2 {
        app.get("/page").header("api-version", "1").send().await.assert_text("one");
        app.get("/page").header("api-version", "2").send().await.assert_text("two");
        app.get("/page").send().await.assert_text("two");
    }
    assert_eq!(calls.count(), 2);
}

#[tokio::test]
async fn what_is_not_for_everybody_is_not_kept() {
    let calls = Calls::default();
    let with = |name: &'static str, value: &'static str| move || ([(name, value)], "text").into_response();
    let chunks = || Body::from_stream(stream::iter([Ok::<_, std::io::Error>("text")])).into_response();
    let fails = || Error::not_found("no").into_response();
    let nonce = calls.clone();
    let failing = calls.clone();
    let routes = [
        gives(&calls, "/set-cookie", with("set-cookie", "a=b")),
        gives(&calls, "/cache-control", with("cache-control", "No-Store")),
        gives(&calls, "/cache-control/2", with("cache-control", "max-age=5, private=\"x\"")),
        gives(&calls, "/cache-control/3", with("cache-control", "no-cache")),
        gives(&calls, "/cache-control/4", with("cache-control", "max-age=0")),
        gives(&calls, "/cache-control/5", with("cache-control", "max-age=soon")),
        gives(&calls, "/vary", with("vary", "cookie")),
        gives(&calls, "/vary/2", with("vary", "*")),
        gives(&calls, "/vary/3", with("vary", "x-region, accept")),
        gives(&calls, "/nonce", with("content-security-policy", "script-src 'nonce-abc'")),
        gives(&calls, "/status", || StatusCode::NO_CONTENT.into_response()),
        gives(&calls, "/status/2", || StatusCode::IM_A_TEAPOT.into_response()),
        gives(&calls, "/error", fails),
        gives(&calls, "/stream", chunks),
        gives(&calls, "/too-large", || "x".repeat(1001).into_response()),
        Route::new(Method::GET, "/nonce/2", move |exchange: Exchange| {
            nonce.next();
            async move { exchange.nonce().to_string() }
        }),
        Route::new(Method::GET, "/error/2", move || {
            failing.next();
            async { Err::<Response, _>(Error::conflict("no")) }
        }),
    ];
    let paths: Vec<_> = routes.iter().map(|route| route.operation().path.clone()).collect();
    let cache = minute().max_body(1000).vary_by_header("x-region");
    let (app, _) = start(cache, routes).await;
    for path in &paths {
        let why = path.split('/').nth(1).unwrap();
        for _ in 0..2 {
            let (status, _) = asked(&app, path).await;
            assert_eq!(status, format!("mainstay; fwd=miss; detail={why}"), "{path}");
        }
    }
    assert_eq!(calls.count() as usize, 2 * paths.len());
}

#[tokio::test]
async fn what_panics_leaves_nothing_behind() {
    let calls = Calls::default();
    let counted = calls.clone();
    let route = Route::new(Method::GET, "/page", move || {
        let call = counted.next();
        async move {
            assert!(call != 1, "on purpose");
            call.to_string()
        }
    });
    let (app, _) = start(OutputCache::for_(Duration::from_secs(9)), [route]).await;
    app.get("/page").send().await.assert_status(500);
    app.get("/page").send().await.assert_text("2").assert_header("cache-status", STORED);
    app.get("/page").send().await.assert_text("2");
}

#[tokio::test]
async fn those_who_wait_for_an_answer_that_is_not_kept_get_their_own() {
    let calls = Calls::default();
    let counted = calls.clone();
    let route = Route::new(Method::GET, "/page", move || {
        let call = counted.next();
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            ([(header::SET_COOKIE, format!("for={call}"))], call.to_string())
        }
    });
    let (app, _) = start(minute(), [route]).await;
    let answers = futures_util::future::join_all((0..10).map(|_| {
        let client = app.client().stranger();
        async move {
            let answer = client.get("/page").send().await;
            (answer.text().to_owned(), answer.header("set-cookie").unwrap().to_owned())
        }
    }))
    .await;
    let mut texts: Vec<_> = answers.iter().map(|(text, _)| text.parse::<u32>().unwrap()).collect();
    texts.sort_unstable();
    assert_eq!(texts, (1..=10).collect::<Vec<_>>());
    assert!(answers.iter().all(|(text, cookie)| cookie.starts_with(&format!("for={text}"))), "{answers:?}");
}

#[tokio::test]
async fn a_guard_around_the_cache_is_asked_each_time() {
    async fn guard(request: axum::extract::Request, next: mainstay_http::Next) -> Result<Response> {
        if request.headers().contains_key("x-key") {
            next.run(request).await
        } else {
            Err(Error::forbidden("no"))
        }
    }
    let calls = Calls::default();
    let inner = Group::new("").route(seen(&calls, "/page")).middleware(minute());
    let app =
        App::new().group(Group::new("").group(inner).middleware(guard)).contribute(Authenticator::new(Says));
    let (setup, _) = at_rest(app);
    let app = setup.start().await;
    app.get("/page").header("x-key", "1").send().await.assert_status(200);
    app.get("/page").send().await.assert_status(403).assert_no_header("cache-status");
    app.get("/page").header("x-key", "2").send().await.assert_header("cache-status", "mainstay; hit; ttl=60");
}
