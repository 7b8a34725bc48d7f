//! `headers`: what browsers are told to refuse on our behalf.
//!
//! A header that the response has already is left alone, so a handler decides for its own response. The values are
//! made once; only a content security policy with a nonce is written for one response.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use mainstay_core::config::Problems;
use mainstay_core::random::{Random, SecureRandom};
use serde::{Deserialize, Serialize};

use super::Hook;
use crate::exchange::{Exchange, Scheme};

const CROSS_ORIGIN_OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// The table `http.headers`. An empty text leaves a header out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeadersConfig {
    /// `Content-Security-Policy`. A nonce that a handler asks for is added to its `script-src` and `style-src`.
    pub content_security_policy: String,
    /// `X-Frame-Options`, for browsers that do not know `frame-ancestors`.
    pub frame_options: String,
    /// `Referrer-Policy`.
    pub referrer_policy: String,
    /// `Cross-Origin-Opener-Policy`.
    pub cross_origin_opener_policy: String,
    /// `Cross-Origin-Resource-Policy`.
    pub cross_origin_resource_policy: String,
    /// `Permissions-Policy`.
    pub permissions_policy: String,
    /// How long browsers shall insist on encryption (`Strict-Transport-Security`, sent over HTTPS alone); 0 is never.
    #[serde(with = "mainstay_core::config::duration")]
    pub hsts_max_age: Duration,
    /// Whether that holds for all hosts below ours.
    pub hsts_include_subdomains: bool,
}

impl Default for HeadersConfig {
    fn default() -> Self {
        Self {
            content_security_policy: "default-src 'self'; base-uri 'self'; form-action 'self'; \
                                      frame-ancestors 'none'; object-src 'none'"
                .into(),
            frame_options: "DENY".into(),
            referrer_policy: "strict-origin-when-cross-origin".into(),
            cross_origin_opener_policy: "same-origin".into(),
            cross_origin_resource_policy: "same-origin".into(),
            permissions_policy: String::new(),
            hsts_max_age: Duration::from_secs(365 * 24 * 3600),
            hsts_include_subdomains: false,
        }
    }
}

impl HeadersConfig {
    fn values(&self) -> [(HeaderName, &'static str, &str); 6] {
        [
            (header::X_FRAME_OPTIONS, "frame_options", &self.frame_options),
            (header::REFERRER_POLICY, "referrer_policy", &self.referrer_policy),
            (CROSS_ORIGIN_OPENER_POLICY, "cross_origin_opener_policy", &self.cross_origin_opener_policy),
            (
                CROSS_ORIGIN_RESOURCE_POLICY,
                "cross_origin_resource_policy",
                &self.cross_origin_resource_policy,
            ),
            (HeaderName::from_static("permissions-policy"), "permissions_policy", &self.permissions_policy),
            (header::CONTENT_SECURITY_POLICY, "content_security_policy", &self.content_security_policy),
        ]
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        for (_, key, value) in self.values() {
            if HeaderValue::from_str(value).is_err() {
                problems.add(
                    &format!("headers.{key}"),
                    "is no header value",
                    Some("write it on one line, in ASCII"),
                );
            }
        }
    }
}

/// The part `headers`.
#[derive(Debug)]
pub struct SecurityHeaders {
    http: HeaderMap,
    https: HeaderMap,
    policy: Option<Policy>,
}

#[derive(Debug)]
struct Policy {
    value: HeaderValue,
    text: String,
}

impl SecurityHeaders {
    /// Sends what the configuration says.
    pub fn new(config: &HeadersConfig) -> Self {
        let mut http = HeaderMap::with_capacity(ROOM);
        http.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        let mut policy = None;
        for (name, _, text) in config.values() {
            let Some(value) = lasting(text) else { continue };
            if name == header::CONTENT_SECURITY_POLICY {
                policy = Some(Policy { value: value.clone(), text: text.to_owned() });
            }
            http.insert(name, value);
        }
        let mut https = http.clone();
        let seconds = config.hsts_max_age.as_secs();
        let below = if config.hsts_include_subdomains { "; includeSubDomains" } else { "" };
        if seconds > 0
            && let Some(hsts) = lasting(&format!("max-age={seconds}{below}"))
        {
            https.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
        }
        Self { http, https, policy }
    }
}

/// The table has room for our headers, the request id, and some of the handler's.
const ROOM: usize = 16;

/// A value that lives as long as the process, so that a clone copies a pointer. One that is counted would have every
/// processor write to the same few counters, seven times a response. Equal texts share one copy, however many
/// applications a test makes.
fn lasting(text: &str) -> Option<HeaderValue> {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    if text.is_empty() {
        return None;
    }
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return HeaderValue::from_str(text).ok();
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let found = known.get(text).copied();
    let text = found.unwrap_or_else(|| {
        let text: &'static str = Box::leak(text.into());
        known.insert(text);
        text
    });
    Some(HeaderValue::from_static(text))
}

impl Hook for SecurityHeaders {
    /// Copying a table that is filled already, and adding the response's few headers to it, costs half of adding ours
    /// to the response one by one.
    fn after(&self, exchange: &Exchange, response: &mut Response) {
        let ours = if exchange.scheme() == Scheme::Https { &self.https } else { &self.http };
        let theirs = response.headers_mut();
        let nonce = exchange.nonce_in_use().filter(|_| !theirs.contains_key(header::CONTENT_SECURITY_POLICY));
        if theirs.len() > ours.len() {
            theirs.reserve(ours.len() + 2);
            for (name, value) in ours {
                theirs.entry(name).or_insert_with(|| value.clone());
            }
        } else {
            let mut both = ours.clone();
            let mut last = None;
            for (name, value) in theirs.drain() {
                match (name, &last) {
                    (Some(name), _) => {
                        both.insert(name.clone(), value);
                        last = Some(name);
                    }
                    // A further value of the name before.
                    (None, Some(name)) => {
                        both.append(name.clone(), value);
                    }
                    (None, None) => {}
                }
            }
            *theirs = both;
        }
        if let (Some(nonce), Some(policy)) = (nonce, &self.policy) {
            theirs.insert(header::CONTENT_SECURITY_POLICY, policy.with_nonce(nonce));
        }
    }
}

impl Policy {
    /// Adds the nonce to both directives. One that is absent starts from the sources of `default-src`, which it would
    /// otherwise no longer have.
    fn with_nonce(&self, nonce: &str) -> HeaderValue {
        let directives: Vec<(&str, &str)> = self
            .text
            .split(';')
            .map(str::trim)
            .filter(|directive| !directive.is_empty())
            .map(|directive| directive.split_once(' ').unwrap_or((directive, "")))
            .collect();
        let sources = |wanted: &str| {
            directives.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, sources)| *sources)
        };
        let mut text = String::with_capacity(self.text.len() + 128);
        for (name, sources) in &directives {
            if !["script-src", "style-src"].iter().any(|own| name.eq_ignore_ascii_case(own)) {
                text.push_str(&format!("{name} {sources}; "));
            }
        }
        for own in ["script-src", "style-src"] {
            let sources = sources(own).or_else(|| sources("default-src")).unwrap_or_default();
            // `'none'` must stand alone.
            let sources = if sources.trim() == "'none'" { "" } else { sources };
            text.push_str(&format!("{own} {sources} 'nonce-{nonce}'; "));
        }
        HeaderValue::try_from(text.trim_end_matches("; ")).unwrap_or_else(|_| self.value.clone())
    }
}

/// 128 random bits.
pub(crate) fn nonce() -> Arc<str> {
    SecureRandom::new().hex(16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> String {
        let config = HeadersConfig { content_security_policy: text.into(), ..HeadersConfig::default() };
        let headers = SecurityHeaders::new(&config);
        headers.policy.unwrap().with_nonce("abc").to_str().unwrap().to_owned()
    }

    #[test]
    fn a_nonce_joins_what_is_allowed_already() {
        assert_eq!(
            policy("default-src 'self'; script-src 'self' https://cdn.example"),
            "default-src 'self'; script-src 'self' https://cdn.example 'nonce-abc'; style-src 'self' 'nonce-abc'"
        );
    }

    #[test]
    fn a_nonce_takes_the_place_of_none() {
        assert_eq!(
            policy("default-src 'none'"),
            "default-src 'none'; script-src  'nonce-abc'; style-src  'nonce-abc'"
        );
    }
}
