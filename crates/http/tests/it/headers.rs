//! What browsers are told to refuse: the defaults, measured by the rules of others, and how they are changed.

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderName, HeaderValue, Method};
use mainstay_core::{App, Result};
use mainstay_http::{Exchange, Group, Next, Route, RoutesExt};

use crate::calling::{Answer, caller, findings, request};

fn app() -> App {
    App::new().route(Route::new(Method::GET, "/", async |exchange: Exchange| exchange.nonce().to_string()))
}

async fn over_https(app: App) -> Answer {
    let caller = caller(app.set("http.trusted_proxies", "loopback")).await;
    caller.ask("GET", "/", &[("x-forwarded-proto", "https")]).await
}

/// The directive of a policy.
fn directive<'a>(policy: &'a str, name: &str) -> Option<&'a str> {
    policy.split(';').map(str::trim).find_map(|one| one.strip_prefix(name)?.strip_prefix(' '))
}

/// The rules of Mozilla's HTTP Observatory (its scoring of 2024) and of securityheaders.com, as far as they are about headers.
#[tokio::test]
async fn the_defaults_pass_the_rules_that_others_measure_by() {
    type Rule = (&'static str, fn(&Answer) -> bool);
    let csp = |answer: &Answer, name: &str| {
        let policy = answer.header("content-security-policy");
        directive(policy, name).or_else(|| directive(policy, "default-src")).map(str::to_owned)
    };
    let rules: [Rule; 16] = [
        ("a policy that is enforced", |answer| !answer.header("content-security-policy").is_empty()),
        ("default-src is 'none' or 'self'", |answer| {
            let policy = answer.header("content-security-policy");
            directive(policy, "default-src").is_some_and(|sources| ["'none'", "'self'"].contains(&sources))
        }),
        ("no unsafe-inline", |answer| !answer.header("content-security-policy").contains("'unsafe-inline'")),
        ("no unsafe-eval", |answer| !answer.header("content-security-policy").contains("'unsafe-eval'")),
        ("no plain sources", |answer| !answer.header("content-security-policy").contains("http:")),
        ("no whole schemes", |answer| !answer.header("content-security-policy").contains(" https: ")),
        ("no plugins", |answer| {
            directive(answer.header("content-security-policy"), "object-src") == Some("'none'")
        }),
        ("base-uri is limited", |answer| {
            directive(answer.header("content-security-policy"), "base-uri").is_some()
        }),
        ("form-action is limited", |answer| {
            directive(answer.header("content-security-policy"), "form-action").is_some()
        }),
        ("frame-ancestors is 'none'", |answer| {
            directive(answer.header("content-security-policy"), "frame-ancestors") == Some("'none'")
        }),
        ("x-frame-options says the same", |answer| answer.header("x-frame-options") == "DENY"),
        ("x-content-type-options", |answer| answer.header("x-content-type-options") == "nosniff"),
        ("referrer-policy is strict", |answer| {
            ["no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin"]
                .contains(&answer.header("referrer-policy"))
        }),
        ("HSTS for half a year", |answer| {
            let value = answer.header("strict-transport-security");
            let seconds =
                value.strip_prefix("max-age=").and_then(|rest| rest.split(';').next()?.parse::<u64>().ok());
            seconds.is_some_and(|seconds| seconds >= 15_768_000)
        }),
        ("cross-origin-resource-policy", |answer| {
            answer.header("cross-origin-resource-policy") == "same-origin"
        }),
        ("permissions-policy", |answer| !answer.header("permissions-policy").is_empty()),
    ];
    let answer = over_https(app()).await;
    for (name, holds) in rules {
        assert!(holds(&answer), "{name}: {:#?}", answer.headers);
    }
    assert_eq!(csp(&answer, "script-src").as_deref(), Some(&*format!("'self' 'nonce-{}'", answer.body)));
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin");
    for tells_too_much in
        ["server", "x-powered-by", "x-aspnet-version", "x-xss-protection", "public-key-pins"]
    {
        assert_eq!(answer.header(tells_too_much), "", "{tells_too_much}");
    }
}

#[tokio::test]
async fn each_header_can_be_changed_and_left_out() {
    let app = app()
        .set("http.headers.content_security_policy", "default-src 'none'; frame-ancestors 'self'")
        .set("http.headers.referrer_policy", "no-referrer, same-origin")
        .set("http.headers.cross_origin_opener_policy", "")
        .set("http.headers.cross_origin_resource_policy", "same-site")
        .set("http.headers.cross_origin_embedder_policy", "require-corp")
        .set("http.headers.permissions_policy", "geolocation=(self \"https://maps.example\"), usb=*")
        .set("http.headers.hsts_max_age", "730d")
        .set("http.headers.hsts_include_subdomains", "true")
        .set("http.headers.hsts_preload", "true");
    let answer = over_https(app).await;
    for (name, value) in [
        ("x-frame-options", "SAMEORIGIN"),
        ("referrer-policy", "no-referrer, same-origin"),
        ("cross-origin-opener-policy", ""),
        ("cross-origin-resource-policy", "same-site"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("permissions-policy", "geolocation=(self \"https://maps.example\"), usb=*"),
        ("strict-transport-security", "max-age=63072000; includeSubDomains; preload"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let frames = "default-src 'self'; frame-ancestors https://partner.example";
    let answer = over_https(crate::headers::app().set("http.headers.content_security_policy", frames)).await;
    assert_eq!(
        answer.header("x-frame-options"),
        "",
        "it cannot name a site, and would forbid what the policy allows"
    );
    let off = crate::headers::app()
        .set("http.headers.hsts_max_age", "0s")
        .set("http.headers.content_security_policy", "");
    let answer = over_https(off).await;
    assert_eq!(
        (answer.header("strict-transport-security"), answer.header("content-security-policy")),
        ("", "")
    );
}

#[tokio::test]
async fn a_policy_is_tried_beside_the_one_that_holds() {
    let app = app()
        .set(
            "http.headers.content_security_policy_report_only",
            "script-src 'strict-dynamic'; object-src 'none'",
        )
        .set("http.headers.report_to", "/csp-reports");
    let answer = caller(app).await.get("/").await;
    let nonce = &answer.body;
    assert_eq!(
        answer.header("content-security-policy-report-only"),
        format!(
            "object-src 'none'; report-uri /csp-reports; report-to csp; \
             script-src 'strict-dynamic' 'nonce-{nonce}'; style-src 'nonce-{nonce}'"
        )
    );
    let holds = answer.header("content-security-policy");
    assert!(holds.starts_with("default-src 'self'; ") && holds.contains("report-to csp"), "{holds}");
    assert_eq!(answer.header("reporting-endpoints"), "csp=\"/csp-reports\"");
    let plain = caller(crate::headers::app()).await.get("/").await;
    assert_eq!(
        (plain.header("content-security-policy-report-only"), plain.header("reporting-endpoints")),
        ("", "")
    );
}

#[tokio::test]
async fn reports_are_taken_of_whoever_sends_them_and_only_as_such() {
    let caller = caller(app().set("http.headers.report_to", "/csp-reports")).await;
    let report = r#"{"csp-report":{"violated-directive":"img-src","blocked-uri":"https://evil.example/"}}"#;
    let send = async |content_type: &'static str, body: &str| {
        let mut request = request("POST", "/csp-reports");
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        headers.insert("cookie", HeaderValue::from_static("session=1"));
        headers.insert("content-length", HeaderValue::from(body.len()));
        *request.body_mut() = axum::body::Body::from(body.to_owned());
        caller.send(request).await.status.as_u16()
    };
    assert_eq!(send("application/csp-report", report).await, 204);
    assert_eq!(send("application/reports+json", "[]").await, 204);
    assert_eq!(send("application/csp-report", "nonsense").await, 400);
    assert_eq!(send("text/plain", report).await, 415);
    assert_eq!(send("application/csp-report", &" ".repeat(70_000)).await, 413);
    assert_eq!(caller.get("/csp-reports").await.status, 405);
    let elsewhere = app().set("http.headers.report_to", "https://reports.example/csp");
    let elsewhere = crate::calling::caller(elsewhere).await;
    assert_eq!(elsewhere.ask("POST", "/csp-reports", &[]).await.status, 404);
}

#[tokio::test]
async fn a_group_and_a_route_decide_for_themselves() {
    async fn embeddable(request: Request, next: Next) -> Result<Response> {
        let mut response = next.run(request).await?;
        let policy = "default-src 'self'; frame-ancestors https://partner.example";
        for (name, value) in [("content-security-policy", policy), ("x-frame-options", "")] {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        Ok(response)
    }
    let widget = Route::new(Method::GET, "/widget", async || "widget");
    let own = Route::new(Method::GET, "/own", async || ([("referrer-policy", "no-referrer")], "own"));
    let app = app().group(Group::new("/embed").route(widget).middleware(embeddable)).route(own);
    let caller = caller(app).await;
    let answer = caller.get("/embed/widget").await;
    assert!(answer.header("content-security-policy").ends_with("https://partner.example"));
    assert!(!answer.headers.contains_key("x-frame-options"), "an empty one is left out");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(caller.get("/own").await.header("referrer-policy"), "no-referrer");
    assert_eq!(caller.get("/").await.header("x-frame-options"), "DENY");
}

#[test]
fn what_browsers_would_pass_over_is_refused_at_start() {
    for (key, value, told) in [
        ("content_security_policy", "default-src self", "write 'self'"),
        ("content_security_policy", "defualt-src 'self'", "did you mean `default-src`?"),
        ("content_security_policy", "default-src 'self', img-src *", "comma"),
        ("content_security_policy", "default-src 'self'\r\nx: y", "no header value"),
        ("content_security_policy_report_only", "script-src 'none' 'self'", "beside other sources"),
        ("frame_options", "ALLOW-FROM https://a.example", "one of DENY, SAMEORIGIN"),
        ("frame_options", "SAMEORIGIN", "`frame-ancestors` of `content_security_policy` says something else"),
        ("referrer_policy", "same-orign", "did you mean `same-origin`?"),
        ("cross_origin_opener_policy", "same_origin", "did you mean `same-origin`?"),
        ("cross_origin_resource_policy", "everybody", "one of same-origin, same-site, cross-origin"),
        ("cross_origin_embedder_policy", "require_corp", "did you mean `require-corp`?"),
        ("permissions_policy", "camera 'none'", "does not say who may"),
        ("permissions_policy", "camera=(nobody)", "names nobody"),
        ("hsts_preload", "true", "hsts_include_subdomains = true"),
        ("report_to", "csp-reports", "no address"),
        ("report_to", "//evil.example", "no address"),
        ("report_to", "/a; script-src *", "no address"),
    ] {
        let text = findings(app().set(format!("http.headers.{key}"), value));
        assert!(
            text.contains(&format!("http.headers.{key}")) && text.contains(told),
            "{key} = {value}: {text}"
        );
    }
}
