//! Which host a request asks for, as it comes over a wire, and who may say so.

use http::Method;
use hyper::Request;
use mainstay_core::App;
use mainstay_http::{Exchange, Route, RoutesExt};

use crate::calling::{caller, peer};
use crate::listen::protocols::http2_client;
use crate::served::{Served, serve};

fn app() -> App {
    let host = async |exchange: Exchange| exchange.host().unwrap_or("none").to_owned();
    App::new()
        .route(Route::new(Method::GET, "/", host))
        .set("http.allowed_hosts", "shop.example, *.shop.example")
}

/// The answer to one request whose head is these bytes.
async fn ask(served: &Served, head: &[u8]) -> String {
    let head = [head, b"connection: close\r\n\r\n"].concat();
    served.answer(&head).await
}

#[tokio::test]
async fn a_request_asks_for_one_host_that_is_ours() {
    let served = serve(app()).await;
    for (head, status, body) in [
        (&b"GET / HTTP/1.1\r\nHost: shop.example:8443\r\n"[..], 200, "shop.example:8443"),
        (b"GET / HTTP/1.1\r\nHost: a.b.SHOP.example\r\n", 200, "a.b.SHOP.example"),
        // A target that names a host goes before the header.
        (b"GET http://shop.example/ HTTP/1.1\r\nHost: evil.example\r\n", 200, "shop.example"),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: shop.example\r\n", 421, "host_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\n", 421, "host_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost: shop.example.evil.example\r\n", 421, "host_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost: evilshop.example\r\n", 421, "host_not_allowed"),
        (b"GET / HTTP/1.1\r\nHost: shop.example\r\nHost: evil.example\r\n", 400, "several_hosts"),
        (b"GET / HTTP/1.1\r\nHost: evil.example\r\nHost: shop.example\r\n", 400, "several_hosts"),
        (b"GET / HTTP/1.1\r\nHost: shop.example:80@evil.example\r\n", 400, "malformed_host"),
        (b"GET / HTTP/1.1\r\nHost: shop.example, evil.example\r\n", 400, "malformed_host"),
        (b"GET / HTTP/1.1\r\nHost: shop.example/../evil\r\n", 400, "malformed_host"),
        (b"GET / HTTP/1.1\r\nHost: shop.ex\xc3\xa4mple\r\n", 400, "malformed_host"),
        (b"GET / HTTP/1.1\r\nHost: \r\n", 400, "malformed_host"),
        (b"GET http://user@shop.example/ HTTP/1.1\r\nHost: shop.example\r\n", 400, "malformed_host"),
        // Nobody vouches for these.
        (b"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-Host: evil.example\r\n", 200, "shop.example"),
        (b"GET / HTTP/1.1\r\nHost: shop.example\r\nForwarded: host=evil.example\r\n", 200, "shop.example"),
        (b"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Host: evil.example\r\n", 200, "shop.example"),
    ] {
        let answer = ask(&served, head).await;
        let told = String::from_utf8_lossy(head);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(body),
            "{told}: {answer}"
        );
    }
}

#[tokio::test]
async fn over_http2_a_header_may_not_contradict_the_authority() {
    let served = serve(app()).await;
    let ask = async |authority: &str, host: Option<&str>| {
        let mut client = http2_client(served.connect().await).await;
        let mut request = Request::get(format!("http://{authority}/"));
        if let Some(host) = host {
            request = request.header("host", host);
        }
        client.send_request(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    assert_eq!(ask("shop.example", None).await, 200);
    assert_eq!(ask("shop.example", Some("SHOP.example")).await, 200);
    assert_eq!(ask("evil.example", None).await, 421);
    assert_eq!(ask("shop.example", Some("evil.example")).await, 400);
    assert_eq!(ask("evil.example", Some("shop.example")).await, 400);
}

#[tokio::test]
async fn a_trusted_proxy_says_the_host_and_it_has_to_be_ours_all_the_same() {
    let mut caller = caller(app().set("http.trusted_proxies", "10.0.0.0/8")).await;
    for (from, said, status, body) in [
        ("10.0.0.1:9", "shop.example", 200, "shop.example"),
        ("10.0.0.1:9", "evil.example, shop.example", 200, "shop.example"),
        ("10.0.0.1:9", "evil.example", 421, "host_not_allowed"),
        ("10.0.0.1:9", "shop.example:80@evil.example", 400, "malformed_host"),
        ("10.0.0.1:9", "shop.example, evil.example", 421, "host_not_allowed"),
        ("192.0.2.1:9", "shop.example", 421, "host_not_allowed"),
        ("[::ffff:10.0.0.1]:9", "shop.example", 200, "shop.example"),
    ] {
        caller.peer = peer(from);
        let answer = caller.ask("GET", "/", &[("host", "inner"), ("x-forwarded-host", said)]).await;
        assert!(answer.status == status && answer.body.contains(body), "{from} {said}: {answer:?}");
    }
}

#[tokio::test]
async fn no_redirect_of_ours_leads_to_where_a_path_only_seems_to_be() {
    let app = App::new().route(Route::new(Method::GET, "/{name}/", async || "slash")).route(Route::new(
        Method::GET,
        "/a/{*rest}",
        async || "rest",
    ));
    let served = serve(app).await;
    for path in
        ["//evil.example", "/\\evil.example", "//evil.example/%2f..", "/%2f/evil.example", "/%5cevil.example"]
    {
        let answer = ask(&served, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n").as_bytes()).await;
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        let here = url::Url::parse("http://localhost/").unwrap();
        if let Some(location) = location {
            assert_eq!(here.join(location).unwrap().origin(), here.origin(), "{path}: {location}");
        }
    }
}
