//! `csrf`: refuses requests that another site makes a browser send.
//!
//! No token, no cookie: every browser of today says where a request comes from. The rules are those of Go 1.25's
//! `http.CrossOriginProtection` (Valsorda, "Cross-Site Request Forgery", 2025, <https://words.filippo.io/csrf/>):
//!
//! 1. GET, HEAD and OPTIONS pass: they must not change anything.
//! 2. `Sec-Fetch-Site` of `same-origin` or `none` (typed, bookmarked) passes.
//! 3. Without that header, an `Origin` whose host is ours passes, and so does a request with neither: it is no browser.
//! 4. An origin in `http.csrf.trusted_origins`, or named in `http.cors.origins`, passes.
//! 5. Where CORS allows every origin, so does a request that carries nothing a browser adds by itself: no cookie, and
//!    no credentials but a bearer token; unless it is a form that leads the browser here.
//! 6. All else is refused with 403.

use axum::extract::Request;
use http::{HeaderMap, HeaderName, Method, header};
use mainstay_core::Error;
use mainstay_core::config::Problems;
use serde::{Deserialize, Serialize};

use super::cors::{Origins, is_origin};
use super::{Flow, Hook};
use crate::exchange::Exchange;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The table `http.csrf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsrfConfig {
    /// Origins whose pages may send requests that change something: `https://accounts.example`.
    pub trusted_origins: Vec<String>,
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
}

impl CrossOriginProtection {
    /// Trusts these origins besides our own. `cors` are the origins that the part `cors` allows.
    pub fn new(config: &CsrfConfig, cors: &[String]) -> Self {
        let trusted = Origins::new(config.trusted_origins.iter().chain(cors));
        let everybody = Origins::new(cors).allows_any();
        Self { trusted, everybody }
    }

    fn passes(&self, exchange: &Exchange, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let origin = text(header::ORIGIN);
        let ours = match (text(SEC_FETCH_SITE), origin) {
            (Some("same-origin" | "none"), _) => true,
            (Some(_), _) => false,
            (None, None) => true,
            (None, Some(origin)) => {
                let host = origin.split_once("://").map(|(_, host)| host);
                host.is_some() && host == exchange.host()
            }
        };
        ours || origin.is_some_and(|origin| self.trusted.names(origin))
            || (self.everybody && !is_navigation(headers) && !has_ambient_authority(headers))
    }
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
        if safe
            || exchange.route().is_some_and(|route| route.cross_origin)
            || self.passes(exchange, request.headers())
        {
            return Flow::Continue;
        }
        Error::forbidden("This request comes from another site, and only our own pages may send it.")
            .code("cross_origin_request")
            .context("see `http.csrf.trusted_origins`, `http.cors.origins`, and `cross_origin` on the route")
            .into()
    }
}
