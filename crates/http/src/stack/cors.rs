//! `cors`: which other sites may read our answers (Fetch standard, "CORS protocol"). Off until `http.cors.origins`
//! names some.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{self, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use mainstay_core::config::Problems;
use serde::{Deserialize, Serialize};

use super::{Flow, Hook};
use crate::exchange::Exchange;

/// The table `http.cors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CorsConfig {
    /// Origins that may read answers: `https://app.example`, `https://*.app.example`, or `*` for all.
    pub origins: Vec<String>,
    /// Methods that they may use.
    pub methods: Vec<String>,
    /// Request headers that they may send; `*` allows what is asked for.
    pub headers: Vec<String>,
    /// Response headers that they may see, beyond the harmless few.
    pub expose: Vec<String>,
    /// Whether browsers may send cookies along. Needs named origins.
    pub credentials: bool,
    /// How long a browser may keep the answer to a preflight.
    #[serde(with = "mainstay_core::config::duration")]
    pub max_age: Duration,
}

impl Default for CorsConfig {
    fn default() -> Self {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            origins: Vec::new(),
            methods: own(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]),
            headers: own(&["*"]),
            expose: own(&["x-request-id"]),
            credentials: false,
            max_age: Duration::from_secs(600),
        }
    }
}

impl CorsConfig {
    pub(crate) fn is_on(&self) -> bool {
        !self.origins.is_empty()
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        if self.credentials && self.origins.iter().any(|origin| origin == "*") {
            problems.add(
                "cors.credentials",
                "may not be on while `origins` has `*`: every site could act in the name of a visitor",
                Some("name the origins"),
            );
        }
        for origin in &self.origins {
            if origin != "*" && !is_origin(origin) {
                problems.add(
                    "cors.origins",
                    format!("has `{origin}`, which is no origin"),
                    Some("write scheme and host, and a port if it is not the usual one: https://app.example"),
                );
            }
        }
        for method in &self.methods {
            if Method::from_bytes(method.as_bytes()).is_err() {
                problems.add("cors.methods", format!("has `{method}`, which is no method"), None);
            }
        }
        for name in self.headers.iter().chain(&self.expose) {
            if name != "*" && HeaderName::from_bytes(name.as_bytes()).is_err() {
                problems.add("cors.headers", format!("has `{name}`, which is no header"), None);
            }
        }
    }
}

/// Whether a text is scheme and host, as browsers send it in `Origin`.
pub(super) fn is_origin(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains(['/', '?', '#', ' ', '@'])
    })
}

/// A list of origins.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    any: bool,
    exact: Vec<String>,
    below: Vec<(String, String)>,
}

impl Origins {
    pub(crate) fn new<T: AsRef<str>>(origins: impl IntoIterator<Item = T>) -> Self {
        let mut list = Self::default();
        for origin in origins {
            let origin = origin.as_ref().trim_end_matches('/').to_ascii_lowercase();
            match origin.split_once("://*") {
                _ if origin == "*" => list.any = true,
                Some((scheme, suffix)) => list.below.push((format!("{scheme}://"), suffix.to_owned())),
                None => list.exact.push(origin),
            }
        }
        list
    }

    pub(crate) fn allows_any(&self) -> bool {
        self.any
    }

    /// Whether it is named, by itself or by `*.` before its parent.
    pub(crate) fn names(&self, origin: &str) -> bool {
        self.exact.iter().any(|known| known.eq_ignore_ascii_case(origin)) || {
            let origin = origin.to_ascii_lowercase();
            self.below.iter().any(|(scheme, suffix)| {
                origin.strip_prefix(scheme.as_str()).is_some_and(|host| {
                    host.strip_suffix(suffix.as_str())
                        .is_some_and(|name| !name.is_empty() && !name.contains('/'))
                })
            })
        }
    }
}

/// The part `cors`.
#[derive(Debug)]
pub struct Cors {
    origins: Origins,
    credentials: bool,
    methods: HeaderValue,
    headers: Option<HeaderValue>,
    expose: Option<HeaderValue>,
    max_age: HeaderValue,
}

/// What the request asked, for the response. Noted only if it has an `Origin`.
#[derive(Clone)]
struct Asked(HeaderValue);

impl Cors {
    /// Allows what the configuration allows.
    pub fn new(config: &CorsConfig) -> Self {
        let list =
            |items: &[String]| HeaderValue::try_from(items.join(", ")).ok().filter(|value| !value.is_empty());
        let mirror = config.headers.iter().any(|name| name == "*");
        Self {
            origins: Origins::new(&config.origins),
            credentials: config.credentials,
            methods: list(&config.methods).unwrap_or(HeaderValue::from_static("GET")),
            headers: if mirror { None } else { list(&config.headers) },
            expose: list(&config.expose),
            max_age: HeaderValue::from(config.max_age.as_secs()),
        }
    }

    fn allow(&self, origin: &HeaderValue, response: &mut Response) {
        let headers = response.headers_mut();
        let any = self.origins.allows_any() && !self.credentials;
        if !any {
            // The answer depends on who asks, also where it is "no": a cache must not mix them up.
            headers.append(header::VARY, HeaderValue::from_static("origin"));
        }
        if !any && !origin.to_str().is_ok_and(|origin| self.origins.names(origin)) {
            return;
        }
        let allowed = if any { HeaderValue::from_static("*") } else { origin.clone() };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            // Beside what the route itself exposes.
            headers.append(header::ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
        // Without this, the part `headers` would forbid what is allowed here.
        headers.entry("cross-origin-resource-policy").or_insert(HeaderValue::from_static("cross-origin"));
    }

    fn preflight(&self, request: &Request) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, self.methods.clone());
        let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        if let Some(allowed) = self.headers.as_ref().or(asked) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed.clone());
        }
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        let vary = HeaderValue::from_static("access-control-request-method, access-control-request-headers");
        headers.append(header::VARY, vary);
        response
    }
}

impl Hook for Cors {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        let Some(origin) = request.headers().get(header::ORIGIN) else { return Flow::Continue };
        exchange.set_note(Asked(origin.clone()));
        let preflight = *request.method() == Method::OPTIONS
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if preflight { self.preflight(request).into() } else { Flow::Continue }
    }

    fn after(&self, exchange: &Exchange, response: &mut Response) {
        match exchange.note::<Asked>() {
            Some(Asked(origin)) => self.allow(origin, response),
            None if self.origins.allows_any() && !self.credentials => {}
            None => {
                response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_hosts_below_and_nothing_else() {
        let origins = Origins::new(["https://*.app.example", "https://one.example/"]);
        assert!(origins.names("https://a.b.app.example"));
        assert!(origins.names("https://ONE.example"));
        for other in ["https://app.example", "http://a.app.example", "https://evilapp.example", "null", "*"] {
            assert!(!origins.names(other), "{other}");
        }
        assert!(!origins.names("https://evil.example/.app.example"));
    }
}
