//! `check --deploy`: each weak setting has its finding, and a careful configuration has none.

use http::Method;
use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::{App, Findings, Profile};
use mainstay_http::session::SessionsExt;
use mainstay_http::{Route, RoutesExt};

/// As one should be deployed: with names of its own, behind a proxy that speaks TLS.
fn careful() -> App {
    App::new()
        .sessions()
        .route(Route::new(Method::GET, "/", async || "hello"))
        .set("http.allowed_hosts", "shop.example")
        .set("http.trusted_proxies", "loopback")
}

fn found(app: App) -> Findings {
    let assembly = app.profile(Profile::Production).assemble(Sources::isolated());
    assert!(assembly.findings().is_empty(), "{}", assembly.findings());
    assembly.run_checks(Phase::Deploy)
}

fn ids(findings: &Findings) -> Vec<&'static str> {
    // Those of this test are in memory: nothing else keeps them in this crate.
    findings.iter().map(|finding| finding.id).filter(|id| *id != "session.W001").collect()
}

#[test]
fn a_careful_configuration_has_nothing_to_complain_of() {
    let findings = found(careful());
    assert_eq!(ids(&findings), [""; 0], "{findings}");
    assert!(findings.iter().any(|finding| finding.id == "session.W001"));
}

#[test]
fn every_weak_setting_is_named_with_its_place_and_its_fix() {
    let policy = "http.headers.content_security_policy";
    for (id, key, value) in [
        ("http.W011", "http.allowed_hosts", "*"),
        ("http.W012", "http.timeout", "0s"),
        ("http.W014", "http.trusted_proxies", "0.0.0.0/0"),
        ("http.W014", "http.trusted_proxies", "::/0"),
        ("http.W016", "http.headers.hsts_max_age", "0s"),
        ("http.W016", "http.headers.hsts_max_age", "30d"),
        (
            "http.W019",
            policy,
            "default-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (
            "http.W019",
            policy,
            "default-src 'self' 'unsafe-eval'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        (
            "http.W019",
            policy,
            "default-src https:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        ),
        ("http.W021", "http.headers.referrer_policy", "unsafe-url"),
        ("http.W022", "http.headers.cross_origin_opener_policy", ""),
        ("http.W023", "http.csrf.trusted_origins", "http://accounts.example"),
        ("http.W023", "http.cors.origins", "http://app.example"),
        ("http.W024", "http.csrf.fallback", "pass"),
        ("http.W025", "http.probes.metrics_for", "*"),
        ("http.W026", "http.body_limit", "1GiB"),
        ("http.W027", "http.public_url", "http://shop.example"),
        ("session.W002", "session.lifetime", "365d"),
        ("session.W003", "session.idle_timeout", "20d"),
    ] {
        let findings = found(careful().set(key, value));
        assert_eq!(ids(&findings), [id], "{key} = {value}: {findings}");
        let finding = findings.iter().find(|finding| finding.id == id).unwrap();
        assert_eq!(finding.place.as_deref(), Some(key));
        assert!(finding.fix.is_some(), "{finding}");
    }
}

#[test]
fn a_policy_that_is_missing_or_only_tried_is_seen() {
    let none = || careful().set("http.headers.content_security_policy", "");
    assert_eq!(ids(&found(none())), ["http.W017", "http.W020"]);
    let tried = none().set("http.headers.content_security_policy_report_only", "default-src 'self'");
    assert_eq!(ids(&found(tried)), ["http.W018", "http.W020"]);
    let framed = none().set("http.headers.frame_options", "DENY");
    assert_eq!(ids(&found(framed)), ["http.W017"]);
}

#[test]
fn a_server_that_nobody_reaches_by_https_is_seen() {
    let app = App::new()
        .route(Route::new(Method::GET, "/", async || "hello"))
        .set("http.allowed_hosts", "shop.example");
    assert_eq!(ids(&found(app)), ["http.W015"]);
}

#[test]
fn every_protection_that_is_taken_out_is_seen() {
    for part in ["hosts", "headers", "panic", "timeout", "body-limit", "csrf"] {
        let findings = found(careful().stack(move |stack| stack.remove(part)));
        assert_eq!(ids(&findings), ["http.W010"], "{part}");
        assert!(findings.to_string().contains(part));
    }
}
