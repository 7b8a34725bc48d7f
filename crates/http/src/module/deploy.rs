//! What is fine on a developer's machine and not where real users are: `check --deploy`.
//!
//! | id | what |
//! |---|---|
//! | `http.W010` | a protection was taken out of the stack |
//! | `http.W011` | any host name is served |
//! | `http.W012` | the stack's time-out is switched off |
//! | `http.W014` | so many addresses are trusted proxies that anybody may be one |
//! | `http.W015` | nothing speaks HTTPS: neither the listener nor a trusted proxy |
//! | `http.W016` | browsers are not told to insist on encryption, or for less than half a year |
//! | `http.W017` | there is no content security policy |
//! | `http.W018` | a content security policy is tried, and none holds |
//! | `http.W019` | the content security policy lets through what it is there to stop |
//! | `http.W020` | other sites may show the pages in a frame |
//! | `http.W021` | addresses of pages are told to other sites |
//! | `http.W022` | a window of another site keeps a hold on the pages |
//! | `http.W023` | CORS or CSRF trust an origin that speaks in the clear |
//! | `http.W024` | forms have no token for browsers that do not say where a request comes from |
//! | `http.W025` | everybody may read the numbers of `/metrics` |
//! | `http.W026` | a request body may be very large, whatever the route |
//! | `http.W027` | links that lead here from elsewhere, as in mails, are not encrypted |

use std::time::Duration;

use mainstay_core::{Assembly, Finding, Findings};

use super::{nobody, with_setup};
use crate::config::HttpConfig;
use crate::stack::csrf::Fallback;
use crate::stack::headers::policy::Policy;

/// Half a year, which is what lists of good practice ask for at least.
const HALF_A_YEAR: Duration = Duration::from_secs(182 * 24 * 3600);
/// A body of this size takes a while and a lot of memory.
const LARGE: u64 = 100 * 1024 * 1024;

pub(super) fn check(assembly: &Assembly, findings: &mut Findings) {
    with_setup(assembly, |setup| {
        setup.stack(&nobody()).missing_protections(findings);
        let mut warn = |id, key: &str, message: String, fix: &str| {
            findings.add(Finding::warning(id, message).at(format!("http.{key}")).fix(fix));
        };
        reach(setup.config, &mut warn);
        headers(setup.config, &mut warn);
        origins(setup.config, &mut warn);
    });
}

/// Who is served, who is believed, and for how long.
fn reach(config: &HttpConfig, warn: &mut impl FnMut(&'static str, &str, String, &str)) {
    if config.allowed_hosts.is_empty() || config.allowed_hosts.iter().any(|host| host == "*") {
        let fix = "List the names that are yours: allowed_hosts = [\"shop.example\"]";
        warn("http.W011", "allowed_hosts", "requests for any host name are served".into(), fix);
    }
    if config.timeout.is_zero() {
        let fix = "Set a limit, and a longer one on the routes that need it.";
        warn("http.W012", "timeout", "a handler may take for ever".into(), fix);
    }
    if config.body_limit > LARGE {
        let fix = "Set a small one, and a larger one on the routes that need it.";
        warn("http.W026", "body_limit", "every route takes bodies of more than 100 MiB".into(), fix);
    }
    let proxies = config.proxies();
    if let Some(range) = proxies.too_wide() {
        let told = format!(
            "`{range}` are trusted proxies: whoever is among them says who a client is, and from where"
        );
        warn(
            "http.W014",
            "trusted_proxies",
            told,
            "Name the addresses of the proxies in front: trusted_proxies = [\"10.1.2.0/24\"]",
        );
    }
    if config.tls.is_none() && proxies.is_empty() {
        let told = "there is no TLS, and no proxy is trusted that could say that there is: cookies go without `Secure`, \
                    and browsers are not told to insist on it";
        let fix = "Set http.tls, or name the proxy that speaks TLS: trusted_proxies = [\"loopback\"]";
        warn("http.W015", "tls", told.into(), fix);
    }
    if config.public_url.as_deref().is_some_and(|url| url.starts_with("http://")) {
        let told = "links that lead here from elsewhere, as those in mails, are not encrypted, and some of them let people in";
        warn("http.W027", "public_url", told.into(), "Write https://.");
    }
    if config.probes.metrics_for.iter().any(|who| who == "*") && !config.probes.metrics.is_empty() {
        let fix = "Name who collects them: metrics_for = [\"private\"]";
        warn(
            "http.W025",
            "probes.metrics_for",
            "everybody may read the numbers of the application".into(),
            fix,
        );
    }
}

/// What browsers are told to refuse.
fn headers(config: &HttpConfig, warn: &mut impl FnMut(&'static str, &str, String, &str)) {
    let headers = &config.headers;
    if headers.hsts_max_age < HALF_A_YEAR {
        let told = "browsers are told to insist on encryption for less than half a year";
        warn("http.W016", "headers.hsts_max_age", told.into(), "Leave it out: it is a year.");
    }
    let policy = Policy::parse(&headers.content_security_policy);
    let key = "headers.content_security_policy";
    if policy.is_empty() && headers.content_security_policy_report_only.is_empty() {
        let told = "there is no content security policy: whatever is injected into a page runs";
        warn("http.W017", key, told.into(), "Leave it out: the default allows your own origin alone.");
    } else if policy.is_empty() {
        let told = "a content security policy is tried, and none holds";
        warn(
            "http.W018",
            key,
            told.into(),
            "Let it hold as soon as its reports are quiet, and a weaker one until then.",
        );
    } else {
        for weakness in policy.weaknesses() {
            let fix = "Name the sources, and give inline scripts a nonce: `exchange.nonce()`, or `request.nonce` in views.";
            warn("http.W019", key, format!("the content security policy is weak: {weakness}"), fix);
        }
    }
    if headers.frames().is_empty() && policy.sources("frame-ancestors").is_none() {
        let told = "other sites may show the pages in a frame, and have their visitors click in it";
        warn(
            "http.W020",
            "headers.frame_options",
            told.into(),
            "Leave it out, and have `frame-ancestors` in the policy.",
        );
    }
    // Without one, browsers have a good default of their own.
    let referrer = headers.referrer_policy.rsplit(',').next().unwrap_or_default().trim();
    if ["unsafe-url", "no-referrer-when-downgrade"].contains(&referrer) {
        let told = "the addresses of pages, with all that is in them, are told to other sites";
        warn(
            "http.W021",
            "headers.referrer_policy",
            told.into(),
            "Leave it out: strict-origin-when-cross-origin.",
        );
    }
    if ["", "unsafe-none"].contains(&headers.cross_origin_opener_policy.as_str()) {
        let told = "a window of another site that opens a page keeps a hold on it";
        let fix = "Leave it out: same-origin. Where a page opens windows to sign in elsewhere: same-origin-allow-popups.";
        warn("http.W022", "headers.cross_origin_opener_policy", told.into(), fix);
    }
}

/// Whom we trust besides ourselves.
fn origins(config: &HttpConfig, warn: &mut impl FnMut(&'static str, &str, String, &str)) {
    let lists =
        [("csrf.trusted_origins", &config.csrf.trusted_origins), ("cors.origins", &config.cors.origins)];
    for (key, list) in lists {
        for origin in list.iter().filter(|origin| origin.starts_with("http://")) {
            let told = format!("`{origin}` is trusted, and whoever is in between can speak for it");
            warn("http.W023", key, told, "Write https://, or leave it out.");
        }
    }
    if config.csrf.fallback == Fallback::Pass {
        let told = "a browser that does not say where a request comes from is taken for a program";
        warn("http.W024", "csrf.fallback", told.into(), "Leave it out: such a request has to bring a token.");
    }
}
