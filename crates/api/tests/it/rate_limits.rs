//! Limits around routes: who is counted together, what answers say, and what happens when nobody can count.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use http::Method;
use http::request::Parts;
use mainstay_api::{Api, ApiExt, RateLimit};
use mainstay_core::check::Phase;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::metrics::Metrics;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Contribute, Error, Module, Profile, Resolver, Result};
use mainstay_http::listen::ListenConfig;
use mainstay_http::stack::principal::{Authenticate, Authenticator};
use mainstay_http::{Exchange, Group, Http, Route, RoutesExt, get, routes};
use mainstay_store::{Quota, Store};
use mainstay_test::{Client, Setup, TestApp};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::switched::Switched;

/// Says hello.
#[get("/hello")]
async fn hello() -> &'static str {
    "hello"
}

/// Says who.
#[get("/hello/{name}")]
async fn hello_to(mainstay_http::Path(name): mainstay_http::Path<String>) -> String {
    name
}

/// Whoever says so is signed in; `gold` has a role, and `x-account` says of which model the account is.
pub(crate) struct Says;

impl Authenticate for Says {
    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut Parts,
        _: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        let name = request.headers.get("x-user").and_then(|value| value.to_str().ok());
        let principal = name.map(|name| {
            let principal = Principal::user(name);
            let principal = if name.starts_with("gold") { principal.with_role("gold") } else { principal };
            match request.headers.get("x-account").and_then(|value| value.to_str().ok()) {
                Some(model) => principal.with_claim("account", model),
                None => principal,
            }
        });
        async move { Ok(principal) }.boxed()
    }
}

fn limited(limit: RateLimit) -> App {
    let group = Group::new("").routes(routes![hello, hello_to]).middleware(limit);
    App::new().group(group).contribute(Authenticator::new(Says))
}

/// With a clock that stands still.
pub(crate) fn at_rest(app: App) -> (Setup, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    (TestApp::of(app).clock(&clock), clock)
}

async fn start(limit: RateLimit) -> (TestApp, Arc<TestClock>) {
    let (setup, clock) = at_rest(limited(limit));
    (setup.start().await, clock)
}

async fn statuses(client: &Client, path: &str, times: usize) -> Vec<u16> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(client.get(path).send().await.status().as_u16());
    }
    statuses
}

fn from(app: &TestApp, address: &str) -> Client {
    app.client().stranger().with_address(address.parse().unwrap())
}

#[tokio::test]
async fn says_what_is_left_and_refuses_what_is_too_much() {
    let (app, clock) = start(RateLimit::per_minute(3)).await;
    let answer = app.get("/hello").send().await;
    answer.assert_status(200).assert_header("ratelimit-policy", "\"minute\";q=3;w=60");
    answer.assert_header("ratelimit", "\"minute\";r=2;t=20").assert_no_header("x-ratelimit-limit");
    app.get("/hello").send().await.assert_header("ratelimit", "\"minute\";r=1;t=40");
    // With nothing left, what counts is when there is something.
    app.get("/hello").send().await.assert_header("ratelimit", "\"minute\";r=0;t=20");

    let refused = app.get("/hello").send().await;
    refused.assert_problem(429, "rate_limited").assert_header("retry-after", "20");
    refused.assert_header("ratelimit", "\"minute\";r=0;t=20");
    refused.assert_json_at("/detail", "Too many requests: try again in 20 seconds.".into());

    clock.advance(Duration::from_millis(19_500));
    app.get("/hello").send().await.assert_header("retry-after", "1");
    clock.advance(Duration::from_millis(500));
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);
}

#[tokio::test]
async fn several_quotas_hold_at_once_and_a_refusal_takes_from_none() {
    let (app, clock) = start(RateLimit::per_minute(4).and(Quota::per_second(2))).await;
    assert_eq!(statuses(&app.client(), "/hello", 3).await, [200, 200, 429]);
    clock.advance(Duration::from_secs(1));
    let answer = app.get("/hello").send().await;
    answer.assert_header("ratelimit-policy", "\"minute\";q=4;w=60, \"second\";q=2;w=1");
    answer.assert_header("ratelimit", "\"minute\";r=1;t=44, \"second\";r=1;t=1");
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);
}

#[tokio::test]
async fn an_error_says_what_is_left_too() {
    async fn fails() -> Result<&'static str> {
        Err(Error::conflict("no"))
    }
    let route = Route::new(Method::GET, "/fails", fails).middleware(RateLimit::per_second(10).named("tries"));
    let (setup, _) = at_rest(App::new().route(route));
    let answer = setup.start().await.get("/fails").send().await;
    answer.assert_problem(409, "conflict").assert_header("ratelimit", "\"tries\";r=9;t=1");
}

#[tokio::test]
async fn clients_are_told_apart_by_address_and_ipv6_networks_are_one() {
    let (app, _) = start(RateLimit::per_minute(1)).await;
    for (address, status) in [
        ("10.0.0.1:1000", 200),
        ("10.0.0.1:2000", 429),
        ("10.0.0.2:1000", 200),
        // The same client over a socket for both families.
        ("[::ffff:10.0.0.2]:1000", 429),
        ("[2001:db8:0:1::1]:1000", 200),
        ("[2001:db8:0:1:ffff::9]:1000", 429),
        ("[2001:db8:0:2::1]:1000", 200),
    ] {
        assert_eq!(statuses(&from(&app, address), "/hello", 1).await, [status], "{address}");
    }
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_counts_and_nobody_else_may_say_who_it_is() {
    let (setup, _) = at_rest(limited(RateLimit::per_minute(1)));
    let app = setup.set("http.trusted_proxies", "10.0.0.0/8").start().await;
    let proxy = from(&app, "10.0.0.9:1");
    let ask = |client: Client, header: &'static str| async move {
        client.get("/hello").header("x-forwarded-for", header).send().await.status().as_u16()
    };
    assert_eq!(ask(proxy.clone(), "203.0.113.7").await, 200);
    assert_eq!(ask(proxy.clone(), "203.0.113.7").await, 429);
    assert_eq!(ask(proxy.clone(), "203.0.113.8").await, 200);
    // What a client writes before the proxy adds its address is not believed.
    assert_eq!(ask(proxy, "198.51.100.1, 203.0.113.8").await, 429);
    let stranger = from(&app, "192.0.2.1:1");
    assert_eq!(ask(stranger.clone(), "198.51.100.2").await, 200);
    assert_eq!(ask(stranger, "198.51.100.3").await, 429);
}

#[tokio::test]
async fn who_is_signed_in_counts_wherever_they_are_and_some_may_do_more() {
    let limit = RateLimit::per_minute(1)
        .by_principal()
        .quota_by(|caller| caller.principal().has_role("gold").then(|| Quota::per_minute(3)));
    let (app, _) = start(limit).await;
    let (home, work) = (from(&app, "10.0.0.1:1"), from(&app, "10.0.0.2:1"));
    let (ann_at_home, ann_at_work) =
        (home.clone().with_header("x-user", "ann"), work.with_header("x-user", "ann"));
    assert_eq!(statuses(&ann_at_home, "/hello", 1).await, [200]);
    assert_eq!(statuses(&ann_at_work, "/hello", 1).await, [429]);
    // Nobody is signed in: the address counts, and it has not been used up by those who are.
    assert_eq!(statuses(&home, "/hello", 2).await, [200, 429]);
    let gold = home.clone().with_header("x-user", "gold-bob");
    assert_eq!(statuses(&gold, "/hello", 4).await, [200, 200, 200, 429]);
    gold.get("/hello").send().await.assert_header("ratelimit-policy", "\"minute\";q=3;w=60");
    // Accounts of two models have ids of their own, and these may be equal.
    let customer = ann_at_home.with_header("x-account", "customer");
    assert_eq!(statuses(&customer, "/hello", 2).await, [200, 429]);
}

#[tokio::test]
async fn keys_come_from_a_header_or_a_function_and_none_is_not_limited() {
    let header = http::HeaderName::from_static("x-api-key");
    let (app, _) = start(RateLimit::per_minute(1).by_header(header)).await;
    let with = |key: &str| app.client().with_header("x-api-key", key);
    let long = "k".repeat(4000);
    for key in ["one", "two", &long] {
        assert_eq!(statuses(&with(key), "/hello", 2).await, [200, 429], "{key}");
    }
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);

    let by_name = RateLimit::per_minute(1).by(|caller| caller.parameter("name"));
    let (app, _) = start(by_name).await;
    assert_eq!(statuses(&app.client(), "/hello/ann", 2).await, [200, 429]);
    assert_eq!(statuses(&app.client(), "/hello/bob", 1).await, [200]);
    assert_eq!(statuses(&app.client(), "/hello", 3).await, [200, 200, 200]);
    app.get("/hello").send().await.assert_no_header("ratelimit");
}

#[tokio::test]
async fn requests_cost_what_is_said() {
    let limit =
        RateLimit::per_minute(10).cost_by(|caller| if caller.pattern() == Some("/hello") { 1 } else { 6 });
    let (app, _) = start(limit).await;
    assert_eq!(statuses(&app.client(), "/hello/ann", 2).await, [200, 429]);
    app.get("/hello").send().await.assert_header("ratelimit", "\"minute\";r=3;t=42");
    let (app, _) = start(RateLimit::per_minute(10).cost(5)).await;
    assert_eq!(statuses(&app.client(), "/hello", 3).await, [200, 200, 429]);
}

#[tokio::test]
async fn limits_are_apart_unless_they_bear_one_name() {
    let apart = |path: &str, limit: RateLimit| Group::new(path).routes(routes![hello]).middleware(limit);
    let (setup, _) = at_rest(
        App::new()
            .group(apart("/a", RateLimit::per_minute(1)))
            .group(apart("/b", RateLimit::per_minute(1)))
            .group(apart("/c", RateLimit::per_minute(1).named("both")))
            .group(apart("/d", RateLimit::per_minute(1).named("both"))),
    );
    let app = setup.start().await;
    for (path, status) in [("/a", 200), ("/b", 200), ("/a", 429), ("/c", 200), ("/d", 429)] {
        assert_eq!(statuses(&app.client(), &format!("{path}/hello"), 1).await, [status], "{path}");
    }
}

#[tokio::test]
async fn limits_that_one_function_makes_are_apart_and_clones_are_not() {
    let once = || RateLimit::per_minute(1);
    let around = |path: &str, limit: RateLimit| Group::new(path).routes(routes![hello]).middleware(limit);
    let shared = once();
    let (setup, _) = at_rest(
        App::new()
            .group(around("/a", once()))
            .group(around("/b", once()))
            .group(around("/c", shared.clone().by_principal()))
            .group(around("/d", shared)),
    );
    let app = setup.start().await;
    for (path, status) in [("/a", 200), ("/b", 200), ("/a", 429), ("/b", 429), ("/c", 200), ("/d", 429)] {
        assert_eq!(statuses(&app.client(), &format!("{path}/hello"), 1).await, [status], "{path}");
    }
}

#[tokio::test]
async fn who_has_another_quota_for_a_while_is_not_held_by_it_later() {
    let quota =
        |caller: &mainstay_api::rate_limit::Caller<'_>| caller.header("x-export").map(|_| Quota::per_hour(1));
    let (app, clock) = start(RateLimit::per_second(1).quota_by(quota)).await;
    let export = app.client().with_header("x-export", "1");
    assert_eq!(statuses(&export, "/hello", 2).await, [200, 429]);
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);
    clock.advance(Duration::from_secs(1));
    assert_eq!(statuses(&app.client(), "/hello", 1).await, [200], "as its Retry-After has said");
    assert_eq!(statuses(&export, "/hello", 1).await, [429]);
}

#[tokio::test]
async fn a_request_within_several_limits_of_one_name_is_counted_once() {
    let limit = || RateLimit::per_minute(2).named("both");
    let group = Group::new("").routes(routes![hello].middleware(limit())).middleware(limit());
    let (setup, _) = at_rest(App::new().group(group));
    let app = setup.start().await;
    let answer = app.get("/hello").send().await;
    let said: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
    assert_eq!(said, ["\"both\";r=1;t=30"]);
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);
}

#[tokio::test]
async fn an_answer_has_one_item_of_a_name_and_the_old_fields_once() {
    let inner = RateLimit::new(Quota::per_minute(5)).and(Quota::per_minute(3));
    for (outer, tightest) in [(2, "1"), (4, "2")] {
        let group = Group::new("").routes(routes![hello].middleware(inner.clone()));
        let (setup, _) = at_rest(App::new().group(group.middleware(RateLimit::per_minute(outer))));
        let app = setup.set("rate_limits.legacy_headers", "true").start().await;
        let answer = app.get("/hello").send().await;
        let said: Vec<_> = answer.headers().get_all("ratelimit-policy").iter().collect();
        let expected = format!("\"minute-3\";q={outer};w=60");
        assert_eq!(said, ["\"minute\";q=5;w=60, \"minute-2\";q=3;w=60", expected.as_str()]);
        let old: Vec<_> = answer.headers().get_all("x-ratelimit-remaining").iter().collect();
        assert_eq!(old, [tightest]);
    }
}

#[tokio::test]
async fn an_error_has_the_old_fields_once_too() {
    async fn fails() -> Result<&'static str> {
        Err(Error::conflict("no"))
    }
    let route = Route::new(Method::GET, "/fails", fails).middleware(RateLimit::per_minute(5));
    let (setup, _) =
        at_rest(App::new().group(Group::new("").route(route).middleware(RateLimit::per_hour(3))));
    let app = setup.set("rate_limits.legacy_headers", "true").start().await;
    let answer = app.get("/fails").send().await;
    answer.assert_problem(409, "conflict");
    let old: Vec<_> = answer.headers().get_all("x-ratelimit-limit").iter().collect();
    assert_eq!(old, ["3"]);
}

#[tokio::test]
async fn what_costs_nothing_still_learns_when_there_is_something() {
    let cost = |caller: &mainstay_api::rate_limit::Caller<'_>| u32::from(caller.header("x-free").is_none());
    let (app, _) = start(RateLimit::per_minute(3).cost_by(cost)).await;
    assert_eq!(statuses(&app.client(), "/hello", 3).await, [200, 200, 200]);
    let free = app.get("/hello").header("x-free", "1").send().await;
    free.assert_status(200).assert_header("ratelimit", "\"minute\";r=0;t=20");
}

#[tokio::test]
async fn limits_around_limits_are_all_said_and_modules_and_applications_have_them_too() {
    let module = Module::new("greetings").routes(routes![hello]).middleware(RateLimit::per_second(5));
    let (setup, _) = at_rest(App::new().module(module).middleware(RateLimit::per_minute(2).named("all")));
    let app = setup.start().await;
    let answer = app.get("/hello").send().await;
    let said: Vec<_> = answer.headers().get_all("ratelimit").iter().collect();
    assert_eq!(said, ["\"second\";r=4;t=1", "\"all\";r=1;t=30"]);
    // What nobody serves counts as well.
    assert_eq!(statuses(&app.client(), "/nowhere", 2).await, [404, 429]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_as_many_as_allowed_get_through_at_once() {
    static REACHED: AtomicU32 = AtomicU32::new(0);
    let handler = async || {
        REACHED.fetch_add(1, Ordering::SeqCst);
    };
    let route = Route::new(Method::POST, "/count", handler).middleware(RateLimit::per_minute(100));
    let (setup, _) = at_rest(App::new().route(route));
    let app = setup.start().await;
    let requests = (0..1000).map(|_| {
        let client = app.client();
        tokio::spawn(async move { client.post("/count").send().await.status().as_u16() })
    });
    let answers: Vec<u16> = join_all(requests).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 100);
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 900);
    assert_eq!(REACHED.load(Ordering::SeqCst), 100);
    let metrics = app.inject::<Metrics>().await.render();
    assert!(metrics.contains("rate_limit_refused_total 900\n"), "{metrics}");
}

#[tokio::test]
async fn a_flood_of_made_up_keys_is_bounded_and_does_not_free_who_is_held() {
    let header = http::HeaderName::from_static("x-api-key");
    let (setup, _) = at_rest(limited(RateLimit::per_hour(5).by_header(header)));
    let app = setup.set("store.capacity", "100").start().await;
    let held = app.client().with_header("x-api-key", "held");
    assert_eq!(statuses(&held, "/hello", 6).await[5], 429);
    for made_up in 0..1000 {
        let client = app.client().with_header("x-api-key", &format!("made up {made_up}"));
        client.get("/hello").send().await.assert_status(200);
    }
    assert_eq!(statuses(&held, "/hello", 1).await, [429]);
    let metrics = app.inject::<Metrics>().await.render();
    assert!(metrics.contains("store_memory_keys 100\n"), "{metrics}");
}

async fn switched(when_store_fails: &str) -> (TestApp, Arc<AtomicBool>) {
    let on = Arc::new(AtomicBool::new(true));
    let shared = Arc::clone(&on);
    let (setup, clock) = at_rest(limited(RateLimit::per_minute(1)));
    let store = move || {
        let memory = Store::in_memory(Arc::clone(&clock) as Arc<dyn Clock>, 10);
        Store::over(Switched(Arc::clone(&shared), memory))
    };
    (setup.replace(store).set("rate_limits.when_store_fails", when_store_fails).start().await, on)
}

#[tokio::test]
async fn a_store_out_of_reach_lets_requests_through_or_refuses_them_as_is_set() {
    let (app, on) = switched("allow").await;
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 429]);
    on.store(false, Ordering::SeqCst);
    let answer = app.get("/hello").send().await;
    answer.assert_status(200).assert_no_header("ratelimit");
    assert_eq!(statuses(&app.client(), "/hello", 2).await, [200, 200]);
    on.store(true, Ordering::SeqCst);
    assert_eq!(statuses(&app.client(), "/hello", 1).await, [429]);
    let metrics = app.inject::<Metrics>().await.render();
    assert!(metrics.contains("rate_limit_uncounted_total 3\n"), "{metrics}");

    let (app, on) = switched("refuse").await;
    on.store(false, Ordering::SeqCst);
    app.get("/hello").send().await.assert_problem(503, "rate_limit_unavailable");
}

/// Believes nobody who says who they are.
struct Doubts;

impl Authenticate for Doubts {
    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut Parts,
        _: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        let refused = request.headers.contains_key("authorization");
        async move { if refused { Err(Error::unauthorized("forged")) } else { Ok(None) } }.boxed()
    }
}

#[tokio::test]
async fn credentials_that_are_refused_count_around_the_whole_application() {
    let app = || App::new().routes(routes![hello]).contribute(Authenticator::new(Doubts));
    let (setup, _) = at_rest(app().middleware(RateLimit::per_minute(2).by_principal()));
    let app = setup.start().await;
    let guess = app.client().with_header("authorization", "Bearer guess");
    let refused = guess.get("/hello").send().await;
    refused.assert_problem(401, "unauthorized").assert_header("ratelimit", "\"minute\";r=1;t=30");
    assert_eq!(statuses(&guess, "/hello", 2).await, [401, 429]);
    assert_eq!(statuses(&app.client(), "/hello", 1).await, [429], "by address, as who is nobody");
    let stranger = from(&app, "10.0.0.7:1");
    assert_eq!(statuses(&stranger, "/hello", 1).await, [200]);
}

/// Counts the lines of the log about rate limits.
#[derive(Clone, Default)]
struct Lines(Arc<AtomicU32>);

impl tracing::Subscriber for Lines {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "mainstay::api"
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn an_outage_of_the_store_is_told_once_and_its_end_once() {
    let (app, on) = switched("allow").await;
    let lines = Lines::default();
    let _heard = tracing::subscriber::set_default(lines.clone());
    let told = || lines.0.load(Ordering::SeqCst);
    for (is_on, after) in [(true, 0), (false, 1), (true, 2), (false, 3)] {
        on.store(is_on, Ordering::SeqCst);
        statuses(&app.client(), "/hello", 10).await;
        assert_eq!(told(), after);
    }
}

#[tokio::test]
async fn the_configuration_sets_quotas_by_name_and_switches_limits_off() {
    let limit = || RateLimit::per_minute(1).named("greet");
    let (setup, _) = at_rest(limited(limit()));
    let app = setup.set("rate_limits.quotas.greet", "2/s, 100/h").set("rate_limits.legacy_headers", "true");
    let app = app.start().await;
    let answer = app.get("/hello").send().await;
    answer.assert_header("ratelimit-policy", "\"greet-second\";q=2;w=1, \"greet-hour\";q=100;w=3600");
    // The old fields know one quota: the tightest. Half a second after noon of 1 January 2026, rounded up.
    answer.assert_header("x-ratelimit-limit", "2").assert_header("x-ratelimit-remaining", "1");
    answer.assert_header("x-ratelimit-reset", "1767268801");

    let (setup, _) = at_rest(limited(limit()));
    let app = setup.set("rate_limits.enabled", "false").start().await;
    assert_eq!(statuses(&app.client(), "/hello", 3).await, [200, 200, 200]);
}

#[tokio::test]
async fn what_makes_no_sense_is_found_at_start() {
    let app = App::new()
        .group(
            Group::new("/a")
                .routes(routes![hello, hello_to])
                .middleware(RateLimit::per_minute(1).named("One")),
        )
        .group(Group::new("/b").routes(routes![hello]).middleware(RateLimit::per_minute(1).named("two")))
        .group(Group::new("/c").routes(routes![hello]).middleware(RateLimit::per_minute(2).named("two")));
    let setup =
        TestApp::of(app).set("rate_limits.quotas.twoo", "1/s").set("rate_limits.quotas.two", "1 a day");
    let Err(found) = setup.try_start().await else { panic!("it starts") };
    assert_eq!(found.matches("`One` cannot be the name of a rate limit").count(), 1, "{found}");
    assert!(found.contains("two rate limits are named `two` and allow 1/1m and 2/1m"), "{found}");
    assert!(found.contains("`rate_limits.quotas.two` cannot be read: a quota is a number from 1"), "{found}");
}

#[test]
fn clients_that_would_count_as_one_are_found_before_they_come() {
    let found = |settings: &[(&str, &str)]| {
        let app = limited(RateLimit::per_minute(1)).profile(Profile::Production);
        let app = settings.iter().fold(app, |app, (key, value)| app.set(*key, *value));
        let assembly = app.assemble(Sources::isolated());
        (assembly.findings().to_string(), assembly.run_checks(Phase::Deploy).to_string())
    };
    let (start, deploy) = found(&[]);
    assert!(!start.contains("api.W"), "{start}");
    assert!(deploy.contains("warning[api.W011]: no proxy is believed"), "{deploy}");
    let (_, deploy) = found(&[("http.trusted_proxies", "private")]);
    assert!(!deploy.contains("api.W"), "{deploy}");
    let socket = ("http.unix", "/run/shop/http.sock");
    let (start, _) = found(&[socket, ("http.trusted_proxies", "private")]);
    assert!(start.contains("warning[api.W010]") && start.contains("[\"unix\"]"), "{start}");
    let (start, deploy) = found(&[socket, ("http.trusted_proxies", "unix")]);
    assert!(!start.contains("api.W") && !deploy.contains("api.W"), "{start} {deploy}");
}

#[tokio::test]
async fn a_quota_for_nobody_is_found_at_start() {
    let setup = TestApp::of(limited(RateLimit::per_minute(1).named("greet")));
    let Err(found) = setup.set("rate_limits.quotas.gret", "1/s").try_start().await else {
        panic!("it starts")
    };
    assert!(found.contains("error[api.E012]: no rate limit is named `gret`"), "{found}");
    assert!(found.contains("did you mean `greet`?"), "{found}");
}

#[tokio::test]
async fn the_document_has_the_refusal_and_the_fields() {
    let app = limited(RateLimit::per_minute(3)).api(Api::new()).route(Route::new(
        Method::GET,
        "/free",
        async || "free",
    ));
    let document: serde_json::Value = TestApp::start(app).await.get("/openapi.json").send().await.json();
    let responses = &document["paths"]["/hello"]["get"]["responses"];
    let refused = &responses["429"];
    assert!(refused["description"].as_str().unwrap().contains("`rate_limited`"), "{refused}");
    assert_eq!(refused["headers"]["Retry-After"]["schema"]["type"], "string");
    assert_eq!(
        refused["content"]["application/problem+json"]["schema"]["$ref"],
        "#/components/schemas/Problem"
    );
    for status in ["200", "429"] {
        for name in ["RateLimit", "RateLimit-Policy"] {
            assert_eq!(responses[status]["headers"][name]["schema"]["type"], "string", "{status} {name}");
        }
    }
    assert!(document["paths"]["/free"]["get"]["responses"]["429"].is_null());
}

#[tokio::test]
async fn holds_over_a_real_socket() {
    let app = TestApp::start(limited(RateLimit::per_hour(2))).await;
    let http = app.inject::<Http>().await.into_arc();
    let config = ListenConfig { port: 0, ..ListenConfig::default() };
    let bound = config.bind(&mainstay_core::Profile::Test).await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], bound.port().unwrap()));
    let (_stop, stopped) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(bound.serve(http, async move {
        let _ = stopped.await;
        None
    }));
    let mut answers = Vec::new();
    for _ in 0..3 {
        // A connection of its own each time: what counts is the address, not the port.
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = "GET /hello HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answers.push(answer);
    }
    assert!(
        answers[0].starts_with("HTTP/1.1 200 ") && answers[1].starts_with("HTTP/1.1 200 "),
        "{answers:?}"
    );
    assert!(answers[0].contains("ratelimit-policy: \"hour\";q=2;w=3600\r\n"), "{}", answers[0]);
    assert!(
        answers[2].starts_with("HTTP/1.1 429 ") && answers[2].contains("retry-after: 1800\r\n"),
        "{}",
        answers[2]
    );
}
