//! The default stack, part by part.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode};
use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Error, Profile, Result};
use mainstay_http::route::HangUp;
use mainstay_http::stack::{Flow, Hook};
use mainstay_http::{Exchange, Route, RoutesExt};

use crate::calling::{caller, caller_in, findings, peer, request};

fn hello() -> App {
    App::new().route(Route::new(Method::GET, "/", async || "hello")).route(Route::new(
        Method::POST,
        "/",
        async |_body: String| "done",
    ))
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_security_headers() {
    let caller = caller(hello()).await;
    for (method, path) in [("GET", "/"), ("GET", "/nowhere"), ("DELETE", "/")] {
        let answer = caller.ask(method, path, &[]).await;
        assert_eq!(answer.header("x-request-id").len(), 32, "{method} {path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
        assert!(answer.header("content-security-policy").starts_with("default-src 'self'"));
        assert_eq!(answer.header("strict-transport-security"), "", "not over http");
    }
}

#[tokio::test]
async fn strict_transport_security_is_sent_over_https_alone() {
    let app = hello().set("http.trusted_proxies", "loopback");
    let answer = caller(app).await.ask("GET", "/", &[("x-forwarded-proto", "https")]).await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
}

#[tokio::test]
async fn a_handler_decides_for_its_own_response() {
    let route = Route::new(Method::GET, "/frame", async || ([("x-frame-options", "SAMEORIGIN")], ""));
    let answer = caller(App::new().route(route)).await.get("/frame").await;
    assert_eq!(answer.headers.get_all("x-frame-options").iter().count(), 1);
    assert_eq!(answer.header("x-frame-options"), "SAMEORIGIN");
}

#[tokio::test]
async fn every_value_of_a_header_is_kept() {
    async fn cookies() -> axum::response::AppendHeaders<[(&'static str, &'static str); 3]> {
        axum::response::AppendHeaders([
            ("set-cookie", "a=1"),
            ("x-frame-options", "SAMEORIGIN"),
            ("set-cookie", "b=2"),
        ])
    }
    async fn many() -> axum::response::AppendHeaders<[(&'static str, &'static str); 9]> {
        axum::response::AppendHeaders(
            ["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(|value| ("set-cookie", value)),
        )
    }
    let app =
        App::new().route(Route::new(Method::GET, "/a", cookies)).route(Route::new(Method::GET, "/b", many));
    let caller = caller(app).await;
    let answer = caller.get("/a").await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert_eq!(answer.headers.get_all("x-frame-options").iter().collect::<Vec<_>>(), ["SAMEORIGIN"]);
    let answer = caller.get("/b").await;
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 9);
    assert_eq!(answer.header("x-frame-options"), "DENY");
}

#[tokio::test]
async fn a_nonce_is_allowed_from_the_moment_it_is_asked_for() {
    async fn page(exchange: Exchange) -> String {
        exchange.nonce().to_string()
    }
    let caller = caller(App::new().route(Route::new(Method::GET, "/", page))).await;
    let (one, two) = (caller.get("/").await, caller.get("/").await);
    assert_ne!(one.body, two.body);
    let policy = one.header("content-security-policy");
    assert!(policy.contains(&format!("script-src 'self' 'nonce-{}'", one.body)), "{policy}");
}

#[tokio::test]
async fn an_id_is_taken_over_from_a_trusted_proxy_alone() {
    let given = [("x-request-id", "abc-123")];
    assert_ne!(caller(hello()).await.ask("GET", "/", &given).await.header("x-request-id"), "abc-123");
    let trusting = caller(hello().set("http.trusted_proxies", "loopback")).await;
    assert_eq!(trusting.ask("GET", "/", &given).await.header("x-request-id"), "abc-123");
    let evil = [("x-request-id", "a b<script>")];
    assert_eq!(trusting.ask("GET", "/", &evil).await.header("x-request-id").len(), 32);
}

#[tokio::test]
async fn a_name_that_points_here_does_not_speak_for_us() {
    let caller = caller(hello()).await;
    assert_eq!(caller.ask("GET", "/", &[("host", "localhost:8000")]).await.status, 200);
    let refused = caller.ask("GET", "/", &[("host", "rebound.example")]).await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (421, Some("host_not_allowed")));
    assert!(!refused.body.contains("rebound"));
    assert_eq!(refused.header("x-frame-options"), "DENY");
    // A target that names a host goes before the header.
    let absolute = caller.ask("GET", "http://rebound.example/", &[("host", "localhost")]).await;
    assert_eq!(absolute.status, 421);
}

#[tokio::test]
async fn a_form_of_another_site_passes_no_cors_of_everybody() {
    let caller = caller(hello().set("http.cors.origins", "*")).await;
    let from = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for (mode, passes) in [("cors", true), ("navigate", false)] {
        let answer = caller.ask("POST", "/", &[from[0], from[1], ("sec-fetch-mode", mode)]).await;
        assert_eq!(answer.status != 403, passes, "{mode}");
    }
}

#[tokio::test]
async fn another_site_cannot_change_anything() {
    let caller = caller(hello()).await;
    let post = async |headers: &[(&str, &str)]| caller.ask("POST", "/", headers).await.status.as_u16();
    assert_eq!(post(&[]).await, 200, "no browser");
    assert_eq!(post(&[("sec-fetch-site", "same-origin")]).await, 200);
    assert_eq!(post(&[("sec-fetch-site", "none")]).await, 200);
    assert_eq!(post(&[("sec-fetch-site", "cross-site")]).await, 403);
    assert_eq!(post(&[("sec-fetch-site", "same-site"), ("origin", "https://x.localhost")]).await, 403);
    assert_eq!(post(&[("host", "localhost"), ("origin", "http://localhost")]).await, 200);
    assert_eq!(post(&[("host", "localhost"), ("origin", "http://localhost:81")]).await, 403);
    assert_eq!(post(&[("host", "localhost"), ("origin", "null")]).await, 403);
    assert_eq!(caller.ask("GET", "/", &[("sec-fetch-site", "cross-site")]).await.status, 200);
}

#[tokio::test]
async fn a_trusted_origin_and_a_route_of_its_own_may() {
    let app = hello()
        .route(Route::new(Method::POST, "/hook", async || "hooked").cross_origin())
        .set("http.csrf.trusted_origins", "https://accounts.example");
    let caller = caller(app).await;
    let from = |origin| [("sec-fetch-site", "cross-site"), ("origin", origin)];
    assert_eq!(caller.ask("POST", "/", &from("https://accounts.example")).await.status, 200);
    assert_eq!(caller.ask("POST", "/", &from("https://evil.example")).await.status, 403);
    assert_eq!(caller.ask("POST", "/hook", &from("https://evil.example")).await.status, 200);
}

#[tokio::test]
async fn cors_is_off_until_origins_are_named() {
    let answer = caller(hello()).await.ask("GET", "/", &[("origin", "https://app.example")]).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("vary"), "");
}

#[tokio::test]
async fn cors_answers_preflights_and_varies() {
    let app = hello().set("http.cors.origins", "https://app.example").set("http.cors.credentials", "true");
    let caller = caller(app).await;
    let asked = [
        ("origin", "https://app.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-a, x-b"),
    ];
    let preflight = caller.ask("OPTIONS", "/", &asked).await;
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(preflight.header("access-control-allow-credentials"), "true");
    assert_eq!(preflight.header("access-control-allow-headers"), "x-a, x-b");
    assert!(preflight.header("access-control-allow-methods").contains("POST"));
    assert_eq!(preflight.header("access-control-max-age"), "600");

    let allowed = caller.ask("GET", "/", &[("origin", "https://app.example")]).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("cross-origin-resource-policy"), "cross-origin");
    let refused = caller.ask("GET", "/", &[("origin", "https://evil.example")]).await;
    assert_eq!(refused.header("access-control-allow-origin"), "");
    assert_eq!(refused.header("vary"), "origin");
    assert_eq!(caller.get("/").await.header("vary"), "origin");
    // Who may read our answers may also ask.
    let post = [("origin", "https://app.example"), ("sec-fetch-site", "cross-site")];
    assert_eq!(caller.ask("POST", "/", &post).await.status, 200);
}

#[tokio::test]
async fn cors_for_everybody_lets_in_what_carries_no_cookie() {
    let caller = caller(hello().set("http.cors.origins", "*")).await;
    let from = [("origin", "https://any.example"), ("sec-fetch-site", "cross-site")];
    let answer = caller.ask("POST", "/", &from).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, "*"));
    let bearer = caller.ask("POST", "/", &[from[0], from[1], ("authorization", "Bearer x")]).await;
    assert_eq!(bearer.status, 200);
    for ambient in [("cookie", "session=1"), ("authorization", "Basic eDp5")] {
        assert_eq!(caller.ask("POST", "/", &[from[0], from[1], ambient]).await.status, 403, "{ambient:?}");
    }
}

#[test]
fn credentials_for_everybody_are_refused_at_start() {
    let text = findings(hello().set("http.cors.origins", "*").set("http.cors.credentials", "true"));
    assert!(text.contains("http.cors.credentials"), "{text}");
}

#[tokio::test]
async fn a_panic_becomes_a_500_with_its_headers() {
    async fn panics() -> &'static str {
        panic!("secret detail")
    }
    async fn panics_later() -> &'static str {
        tokio::task::yield_now().await;
        panic!("secret detail")
    }
    let app = App::new().route(Route::new(Method::GET, "/a", panics)).route(Route::new(
        Method::GET,
        "/b",
        panics_later,
    ));
    let caller = caller(app).await;
    for path in ["/a", "/b", "/a"] {
        let answer = caller.get(path).await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert!(!answer.body.contains("secret"), "{}", answer.body);
    }
}

#[tokio::test]
async fn a_panic_in_a_part_of_the_stack_does_not_escape() {
    struct Bomb;
    impl Hook for Bomb {
        fn before(&self, _: &mut Exchange, _: &mut Request) -> Flow {
            panic!("before")
        }
        fn after(&self, _: &Exchange, _: &mut Response) {
            panic!("after")
        }
    }
    let caller = caller(hello().stack(|stack| stack.push("bomb", Bomb))).await;
    let answer = caller.get("/").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-frame-options")), (500, "DENY"));
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_stopped() {
    async fn slow() -> &'static str {
        tokio::time::sleep(Duration::from_secs(60)).await;
        "late"
    }
    let app = App::new()
        .route(Route::new(Method::GET, "/slow", slow))
        .route(Route::new(Method::GET, "/patient", slow).timeout(Duration::from_secs(90)))
        .route(Route::new(Method::GET, "/endless", slow).timeout(mainstay_http::route::Timeout::Never));
    let caller = caller(app).await;
    let answer = caller.get("/slow").await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (503, Some("timed_out")));
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(caller.get("/patient").await.body, "late");
    assert_eq!(caller.get("/endless").await.body, "late");
}

#[tokio::test]
async fn a_body_may_not_be_larger_than_its_route_allows() {
    let echo = async |body: String| body;
    let app = App::new()
        .route(Route::new(Method::POST, "/small", echo).body_limit(4))
        .route(Route::new(Method::POST, "/large", echo).body_limit(5_000_000));
    let caller = caller(app).await;
    let post = async |path: &str, body: Body, length: Option<usize>| {
        let mut request = request("POST", path);
        *request.body_mut() = body;
        if let Some(length) = length {
            request.headers_mut().insert("content-length", HeaderValue::from(length));
        }
        caller.send(request).await
    };
    let chunked =
        |text: &'static str| Body::from_stream(futures_util::stream::iter([Ok::<_, std::io::Error>(text)]));
    assert_eq!(post("/small", Body::from("1234"), Some(4)).await.body, "1234");
    let declared = post("/small", Body::from("12345"), Some(5)).await;
    assert_eq!((declared.status.as_u16(), declared.json()["code"].as_str()), (413, Some("body_too_large")));
    assert_eq!(post("/small", chunked("12345"), None).await.status, 413);
    // More than axum's own limit.
    let large = "x".repeat(3_000_000);
    assert_eq!(post("/large", Body::from(large), Some(3_000_000)).await.status, 200);
}

struct OnDrop(Arc<AtomicBool>);
impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn slow_route(
    method: Method,
    started: &Arc<AtomicBool>,
    done: &Arc<AtomicBool>,
    dropped: &Arc<AtomicBool>,
) -> Route {
    let (started, done, dropped) = (started.clone(), done.clone(), dropped.clone());
    Route::new(method, "/slow", move || {
        let (started, done, guard) = (started.clone(), done.clone(), OnDrop(dropped.clone()));
        async move {
            let _guard = guard;
            started.store(true, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(50)).await;
            done.store(true, Ordering::SeqCst);
        }
    })
}

async fn hang_up(method: Method, edit: impl Fn(Route) -> Route) -> (bool, bool) {
    let flags: [Arc<AtomicBool>; 3] = std::array::from_fn(|_| Arc::default());
    let [started, done, dropped] = &flags;
    let caller = caller(App::new().route(edit(slow_route(method.clone(), started, done, dropped)))).await;
    let request = request(method.as_str(), "/slow");
    let hung_up =
        tokio::time::timeout(Duration::from_millis(5), caller.http.call(request, &caller.peer)).await;
    assert!(hung_up.is_err() && started.load(Ordering::SeqCst));
    let stopped_at_once = dropped.load(Ordering::SeqCst);
    caller.http.finished().await;
    (stopped_at_once, done.load(Ordering::SeqCst))
}

#[tokio::test]
async fn a_client_that_hangs_up_stops_what_only_reads() {
    assert_eq!(hang_up(Method::GET, |route| route).await, (true, false));
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_stop_what_changes_something() {
    assert_eq!(hang_up(Method::POST, |route| route).await, (false, true));
    assert_eq!(hang_up(Method::POST, |route| route.hang_up(HangUp::Cancels)).await, (true, false));
    assert_eq!(hang_up(Method::GET, |route| route.hang_up(HangUp::Finishes)).await, (false, true));
}

#[tokio::test]
async fn parts_are_removed_replaced_and_added_by_name() {
    struct Teapot;
    impl Hook for Teapot {
        fn before(&self, _: &mut Exchange, request: &mut Request) -> Flow {
            if request.uri().path() == "/tea" {
                Error::new(StatusCode::IM_A_TEAPOT, "short and stout").into()
            } else {
                Flow::Continue
            }
        }
    }
    let app = hello().stack(|stack| stack.remove("csrf").insert_after("hosts", "teapot", Teapot));
    let caller = caller(app).await;
    assert_eq!(caller.ask("POST", "/", &[("sec-fetch-site", "cross-site")]).await.status, 200);
    let tea = caller.get("/tea").await;
    assert_eq!((tea.status.as_u16(), tea.header("x-frame-options")), (418, "DENY"));
}

#[test]
fn an_edit_of_an_unknown_part_keeps_the_application_from_starting() {
    let text = findings(hello().stack(|stack| stack.remove("crsf")));
    assert!(text.contains("http.E010") && text.contains("did you mean `csrf`?"), "{text}");
}

#[test]
fn a_protection_that_is_left_out_is_visible_before_deploying() {
    let app = hello().stack(|stack| stack.remove("csrf")).profile(Profile::Production);
    let assembly = app.assemble(Sources::isolated());
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    let text = assembly.run_checks(Phase::Deploy).to_string();
    assert!(text.contains("http.W010") && text.contains("`csrf` is not in the stack"), "{text}");
    assert!(text.contains("http.W011") && text.contains("http.allowed_hosts"), "{text}");
}

#[tokio::test]
async fn each_route_counts_its_own_answers() {
    async fn fails() -> Result<&'static str> {
        Err(Error::internal("x"))
    }
    let caller = caller(hello().route(Route::new(Method::GET, "/fails", fails))).await;
    caller.get("/").await;
    caller.get("/").await;
    caller.get("/fails").await;
    caller.get("/nowhere").await;
    let counts = |pattern: &str| {
        let route = caller.http.routes().find(|route| route.pattern() == pattern).unwrap();
        route.answers()
    };
    assert_eq!(counts("/"), [0, 0, 2, 0, 0, 0]);
    assert_eq!(counts("/fails"), [0, 0, 0, 0, 0, 1]);
    assert_eq!(caller.http.unmatched(), [0, 0, 0, 0, 1, 0]);
}

#[tokio::test]
async fn the_client_behind_a_trusted_proxy_is_known() {
    async fn whoami(exchange: Exchange) -> String {
        format!("{} {} {}", exchange.client().unwrap(), exchange.scheme().as_str(), exchange.host().unwrap())
    }
    let app = App::new()
        .route(Route::new(Method::GET, "/", whoami))
        .set("http.trusted_proxies", "10.0.0.0/8")
        .set("http.allowed_hosts", "shop.example");
    let mut caller = caller_in(Profile::Production, app).await;
    let headers = [
        ("host", "inner"),
        ("x-forwarded-for", "192.0.2.9"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "shop.example"),
    ];
    caller.peer = peer("10.1.2.3:80");
    assert_eq!(caller.ask("GET", "/", &headers).await.body, "192.0.2.9 https shop.example");
    caller.peer = peer("192.0.2.1:80");
    assert_eq!(caller.ask("GET", "/", &headers).await.status, 421, "nobody vouches for that host");
}

#[tokio::test]
async fn a_forwarded_header_that_a_proxy_passes_through_is_believed_only_where_that_is_set() {
    async fn whoami(exchange: Exchange) -> String {
        exchange.client().unwrap().to_string()
    }
    let app =
        || App::new().route(Route::new(Method::GET, "/", whoami)).set("http.trusted_proxies", "loopback");
    let headers = [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "192.0.2.9")];
    let usual = caller(app()).await;
    assert_eq!(usual.ask("GET", "/", &headers).await.body, "192.0.2.9");
    let other = caller(app().set("http.proxy_headers", "forwarded")).await;
    assert_eq!(other.ask("GET", "/", &headers).await.body, "6.6.6.6");
}

#[tokio::test]
async fn what_is_worth_it_is_compressed_errors_too() {
    let long = Route::new(Method::GET, "/long", async || axum::Json(vec!["word"; 1000]));
    let app = || hello().route(long.clone());
    let accepts = [("accept-encoding", "gzip, br, zstd")];
    let caller = caller(app()).await;
    let answer = caller.ask("GET", "/long", &accepts).await;
    assert_eq!(answer.header("content-encoding"), "zstd");
    assert_eq!(answer.header("vary"), "accept-encoding");
    assert!(answer.body.len() < 200, "{}", answer.body.len());
    assert_eq!(caller.get("/long").await.header("content-encoding"), "");
    assert_eq!(caller.ask("GET", "/", &accepts).await.header("content-encoding"), "", "too small");
    let off = crate::calling::caller(app().set("http.compression.enabled", "false")).await;
    assert_eq!(off.ask("GET", "/long", &accepts).await.header("content-encoding"), "");
}

#[tokio::test]
async fn a_returned_file_is_sent_in_the_part_that_was_asked_for() {
    use mainstay_http::files::File;
    let file = Route::new(Method::GET, "/file", async || File::from_bytes("a.txt", "0123456789"));
    let caller = caller(App::new().route(file)).await;
    let whole = caller.get("/file").await;
    assert_eq!((whole.status, whole.body.as_str()), (StatusCode::OK, "0123456789"));
    let tag = whole.header("etag").to_owned();
    let part = caller.ask("GET", "/file", &[("range", "bytes=2-4")]).await;
    assert_eq!((part.status, part.body.as_str()), (StatusCode::PARTIAL_CONTENT, "234"));
    let known = caller.ask("GET", "/file", &[("if-none-match", &tag)]).await;
    assert_eq!((known.status, known.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let beyond = caller.ask("GET", "/file", &[("range", "bytes=99-")]).await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), "bytes */10");
    assert_eq!(beyond.header("content-type"), "application/problem+json");
    let head = caller.ask("HEAD", "/file", &[]).await;
    assert_eq!((head.header("content-length"), head.body.as_str()), ("10", ""));
}

#[tokio::test]
async fn files_are_served_below_a_prefix_and_give_way_to_routes() {
    use mainstay_http::files::Assets;
    let files = Assets::from_static(&[("index.html", b"<p>page"), ("app.js", b"start()")]);
    let app = App::new()
        .static_files("/assets", files.clone())
        .single_page_app("/", files)
        .route(Route::new(Method::GET, "/", async || "mine"))
        .route(Route::new(Method::POST, "/api", async || "posted"));
    let caller = caller(app).await;
    assert_eq!(caller.get("/").await.body, "mine");
    assert_eq!(caller.get("/assets/app.js").await.body, "start()");
    assert_eq!(caller.get("/assets/").await.body, "<p>page");
    let bare = caller.get("/assets").await;
    assert_eq!((bare.status, bare.header("location")), (StatusCode::PERMANENT_REDIRECT, "./assets/"));
    let html = [("accept", "text/html")];
    assert_eq!(caller.ask("GET", "/articles/7", &html).await.body, "<p>page");
    assert_eq!(caller.ask("GET", "/assets/no", &html).await.status, StatusCode::NOT_FOUND);
    assert_eq!(caller.ask("GET", "/gone.js", &html).await.status, StatusCode::NOT_FOUND);
    assert_eq!(caller.ask("GET", "/..%2fsecret", &html).await.status, StatusCode::NOT_FOUND);
    let posted = caller.ask("POST", "/articles/7", &html).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(caller.ask("POST", "/api", &[]).await.body, "posted");
}

#[tokio::test]
async fn relative_folders_start_from_the_home_and_missing_ones_are_reported() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("public")).unwrap();
    std::fs::write(home.path().join("public/a.txt"), "found").unwrap();
    let app = || {
        App::new().profile(Profile::Test).static_files("/files", "public").static_files("/gone", "nowhere")
    };
    let assembly = app().assemble(Sources::isolated().home(home.path()));
    let found = assembly.findings().to_string();
    assert!(
        found.contains("http.W013") && found.contains("nowhere") && found.contains("stack.rs:"),
        "{found}"
    );
    assert!(!found.contains("public"), "{found}");
    let caller = crate::calling::Caller::of(assembly.resolver()).await;
    assert_eq!(caller.get("/files/a.txt").await.body, "found");
}

#[tokio::test]
async fn machines_are_told_how_the_application_is() {
    let app = hello().set("http.allowed_hosts", "shop.example").route(Route::new(
        Method::GET,
        "/metrics",
        async || "own",
    ));
    let caller = caller(app).await;
    let live = caller.ask("GET", "/livez", &[("host", "10.0.0.7:8000")]).await;
    assert_eq!((live.status.as_u16(), live.json()["status"].as_str()), (200, Some("up")));
    assert_eq!(live.header("cache-control"), "no-store");
    // Nothing has started it, so it is not ready.
    let ready = caller.ask("GET", "/readyz", &[("host", "10.0.0.7:8000")]).await;
    assert_eq!((ready.status.as_u16(), ready.json()["status"].as_str()), (503, Some("down")));
    assert_eq!(caller.ask("GET", "/metrics", &[("host", "shop.example")]).await.body, "own");
}

#[tokio::test]
async fn numbers_are_shown_to_neighbours_alone() {
    let mut caller = caller(hello().route(Route::new(Method::GET, "/a/{x}", async || "x"))).await;
    caller.get("/a/1").await;
    caller.get("/a/2").await;
    caller.get("/nowhere").await;
    let page = caller.get("/metrics").await;
    assert_eq!(page.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"http_requests_total{method="GET",route="/a/{x}",status="2xx"} 2"#,
        r#"http_requests_total{method="none",route="none",status="4xx"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/a/{x}"} 2"#,
        "http_handlers_finishing 0",
    ] {
        assert!(page.body.contains(line), "{line} in\n{}", page.body);
    }
    caller.peer = peer("192.0.2.1:80");
    assert_eq!(caller.get("/metrics").await.status, 403);
}

#[tokio::test]
async fn a_page_for_machines_can_be_moved_or_taken_away() {
    let app = hello().set("http.probes.live", "/up").set("http.probes.metrics", "");
    let caller = caller(app).await;
    assert_eq!(caller.get("/up").await.status, 200);
    assert_eq!(caller.get("/livez").await.status, 404);
    assert_eq!(caller.get("/metrics").await.status, 404);
}

#[test]
fn a_part_may_be_named_although_the_configuration_has_switched_it_off() {
    struct Nothing;
    impl Hook for Nothing {}
    let app = hello().stack(|stack| stack.insert_after("cors", "mine", Nothing).remove("compression"));
    assert_eq!(findings(app.set("http.compression.enabled", "false")), "");
}

#[test]
fn what_a_handler_takes_is_verified_at_start() {
    struct Missing;
    #[mainstay_http::get("/")]
    async fn needs(_missing: mainstay_core::Inject<Missing>) {}
    let text = findings(App::new().routes(mainstay_http::routes![needs]));
    assert!(text.contains("core.E001") && text.contains("Missing"), "{text}");
}

#[test]
fn names_and_origins_that_are_none_are_refused_at_start() {
    let app = hello()
        .set("http.allowed_hosts", "https://shop.example")
        .set("http.csrf.trusted_origins", "shop.example")
        .set("http.trusted_proxies", "proxy.local");
    let text = findings(app);
    for key in ["http.allowed_hosts", "http.csrf.trusted_origins", "http.trusted_proxies"] {
        assert!(text.contains(key), "{key} in {text}");
    }
}

#[tokio::test]
async fn what_a_handler_runs_knows_the_route_that_it_is_run_for() {
    use mainstay_core::origin::Origin;
    async fn origin() -> String {
        let at_first = Origin::current();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(Origin::current(), at_first, "after a wait too");
        at_first.map_or_else(String::new, |origin| origin.as_str().to_owned())
    }
    let app = App::new().route(Route::new(Method::GET, "/articles/{slug}", origin));
    let caller = caller(app).await;
    assert_eq!(caller.get("/articles/one").await.body, "/articles/{slug}");
    assert!(Origin::current().is_none());
}
