//! `csrf`: refuses requests that another site makes a browser send.
//!
//! Every browser of today says where a request comes from. The rules are those of Go 1.25's `http.CrossOriginProtection`
//! (Valsorda, "Cross-Site Request Forgery", 2025, <https://words.filippo.io/csrf/>), with a token where they have no answer:
//!
//! 1. GET, HEAD and OPTIONS pass: they must not change anything.
//! 2. `Sec-Fetch-Site` of `same-origin` or `none` (typed, bookmarked) passes.
//! 3. Without that header, an `Origin` whose host is ours passes.
//! 4. An origin in `http.csrf.trusted_origins`, or named in `http.cors.origins`, passes.
//! 5. Where CORS allows every origin, so does a request that carries nothing a browser adds by itself: no cookie, and
//!    no credentials but a bearer token; unless it is a form that leads the browser here.
//! 6. A request with neither header is no browser, or one that is very old, or whose headers somebody takes away. It passes
//!    if it brings no cookie, or credentials that no browser adds by itself; otherwise it has to bring a token, unless
//!    `http.csrf.fallback` says `pass`.
//! 7. All else is refused with 403.
//!
//! `token` is what proves that a form is one of ours: [`CsrfToken`]. `proof` looks for it, in a header or at the beginning of the
//! form.

mod proof;
mod token;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mainstay_core::Error;
use mainstay_core::config::Problems;
use serde::{Deserialize, Serialize};

use super::cors::{Origins, is_origin};
use super::{Flow, Hook};
use crate::exchange::Exchange;

pub(crate) use self::proof::prove;
pub use self::token::{CsrfToken, FIELD};
pub(crate) use self::token::{forget_cookie, may_have_cookie};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The table `http.csrf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsrfConfig {
    /// Origins whose pages may send requests that change something: `https://accounts.example`.
    pub trusted_origins: Vec<String>,
    /// What becomes of a request that brings a cookie and does not say where it comes from.
    pub fallback: Fallback,
}

/// What becomes of a request that brings a cookie, and neither `Sec-Fetch-Site` nor `Origin`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// It has to bring a token.
    #[default]
    Token,
    /// It passes, as if a program had sent it. Forms have no tokens then.
    Pass,
}

impl CsrfConfig {
    pub(crate) fn validate(&self, problems: &mut Problems) {
        for origin in self.trusted_origins.iter().filter(|origin| !is_origin(origin)) {
            let fix =
                "write scheme and host, and a port if it is not the usual one: https://accounts.example";
            problems.add("csrf.trusted_origins", format!("has `{origin}`, which is no origin"), Some(fix));
        }
    }
}

/// The part `csrf`.
#[derive(Debug)]
pub struct CrossOriginProtection {
    trusted: Origins,
    everybody: bool,
    fallback: Fallback,
}

/// What the headers of a request say of where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passes,
    /// Nothing, and a browser may have sent it.
    Silent,
    Refused,
}

impl CrossOriginProtection {
    /// Trusts these origins besides our own. `cors` are the origins that the part `cors` allows.
    pub fn new(config: &CsrfConfig, cors: &[String]) -> Self {
        let trusted = Origins::new(config.trusted_origins.iter().chain(cors));
        let everybody = Origins::new(cors).allows_any();
        Self { trusted, everybody, fallback: config.fallback }
    }

    fn judge(&self, exchange: &Exchange, headers: &HeaderMap) -> Verdict {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = text(header::ORIGIN);
        let ours = match (text(SEC_FETCH_SITE), origin) {
            (Some("same-origin" | "none"), _) => true,
            (Some(_), _) => false,
            (None, None) if self.fallback == Fallback::Pass || !may_be_a_browser(headers) => true,
            (None, None) => return Verdict::Silent,
            (None, Some(origin)) => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some() && host == exchange.host()
            }
        };
        let passes = ours
            || origin.is_some_and(|origin| self.trusted.names(origin))
            || (self.everybody && !is_navigation(headers) && !has_ambient_authority(headers));
        if passes { Verdict::Passes } else { Verdict::Refused }
    }
}

/// Whether a browser could be made to send this without its user, and with something to gain: it brings a cookie, and no
/// credentials but those that a browser adds by itself. Other ones need a script, which needs our permission (CORS).
fn may_be_a_browser(headers: &HeaderMap) -> bool {
    const BY_ITSELF: [&str; 4] = ["basic", "digest", "negotiate", "ntlm"];
    let scheme = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split(' ').next());
    headers.contains_key(header::COOKIE)
        && scheme.is_none_or(|scheme| BY_ITSELF.iter().any(|known| scheme.eq_ignore_ascii_case(known)))
}

/// Whether a browser goes to the answer, as after a form: a cookie that it sets is kept, although none was sent along.
fn is_navigation(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_MODE).is_some_and(|mode| mode == "navigate")
}

/// Whether a browser may have added credentials without the page knowing them.
fn has_ambient_authority(headers: &HeaderMap) -> bool {
    headers.contains_key(header::COOKIE)
        || headers.get(header::AUTHORIZATION).is_some_and(|value| {
            !value.as_bytes().get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
        })
}

impl Hook for CrossOriginProtection {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
        if safe || exchange.route().is_some_and(|route| route.cross_origin) {
            return Flow::Continue;
        }
        match self.judge(exchange, request.headers()) {
            Verdict::Passes => Flow::Continue,
            Verdict::Silent => {
                // The token may be in the body, and a hook does not wait for it.
                exchange.demand_proof();
                Flow::Continue
            }
            Verdict::Refused => Error::forbidden(
                "This request comes from another site, and only our own pages may send it.",
            )
            .code("cross_origin_request")
            .context("see `http.csrf.trusted_origins`, `http.cors.origins`, and `cross_origin` on the route")
            .into(),
        }
    }

    /// A page with a token is for one visitor, who needs the cookie that belongs to it.
    fn after(&self, exchange: &Exchange, response: &mut Response) {
        let Some(shown) = exchange.csrf_in_use() else { return };
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("cookie"));
        let is_private = headers.get(header::CACHE_CONTROL).is_some_and(|value| {
            value.to_str().is_ok_and(|text| text.contains("no-store") || text.contains("private"))
        });
        if !is_private {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        }
        if let Some(secret) = shown {
            token::set_cookie(secret, exchange.scheme(), headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::testing::peer;

    fn judge(config: &CsrfConfig, headers: &[(&'static str, &'static str)]) -> Verdict {
        let mut request = http::Request::builder().uri("/").header("host", "shop.example");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let exchange = Exchange::open(&request, &peer("192.0.2.1:9"), None);
        CrossOriginProtection::new(config, &[]).judge(&exchange, request.headers())
    }

    #[test]
    fn asks_for_a_token_only_where_the_headers_have_no_answer() {
        let cookie = ("cookie", "a=1");
        let usual = CsrfConfig::default();
        for (headers, verdict) in [
            (&[][..], Verdict::Passes),
            (&[cookie], Verdict::Silent),
            (&[cookie, ("authorization", "Bearer x")], Verdict::Passes),
            (&[cookie, ("authorization", "Clerk x")], Verdict::Passes),
            (&[cookie, ("authorization", "basic eDp5")], Verdict::Silent),
            (&[cookie, ("sec-fetch-site", "same-origin")], Verdict::Passes),
            (&[cookie, ("sec-fetch-site", "same-site")], Verdict::Refused),
            (&[cookie, ("origin", "https://shop.example")], Verdict::Passes),
            (&[cookie, ("origin", "null")], Verdict::Refused),
            (&[("origin", "https://evil.example")], Verdict::Refused),
        ] {
            assert_eq!(judge(&usual, headers), verdict, "{headers:?}");
        }
        let never = CsrfConfig { fallback: Fallback::Pass, ..CsrfConfig::default() };
        assert_eq!(judge(&never, &[cookie]), Verdict::Passes);
        assert_eq!(judge(&never, &[cookie, ("sec-fetch-site", "cross-site")]), Verdict::Refused);
    }
}
