//! `headers`: what browsers are told to refuse on our behalf.
//!
//! A header that the response has already is left alone, so a handler decides for its own response, and a middleware for a
//! group; one that it has empty is left out. The values are made once; only a content security policy with a nonce is written for one
//! response.
//!
//! `config` has the defaults, and what is refused at start; `policy` understands content security policies; `reports` takes what
//! browsers report.

mod config;
pub(crate) mod policy;
pub(crate) mod reports;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use mainstay_core::random::{Random, SecureRandom};

pub use self::config::HeadersConfig;
use self::policy::Policy;
use super::Hook;
use crate::exchange::{Exchange, Scheme};

/// The part `headers`.
#[derive(Debug)]
pub struct SecurityHeaders {
    http: HeaderMap,
    https: HeaderMap,
    /// Those into which a nonce is written.
    policies: Vec<(HeaderName, Policy)>,
}

/// The name that policies know the receiver of reports by.
const REPORTS: &str = "csp";

impl SecurityHeaders {
    /// Sends what the configuration says.
    pub fn new(config: &HeadersConfig) -> Self {
        let mut http = HeaderMap::with_capacity(ROOM);
        http.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        for (name, _, text) in config.values() {
            if let Some(value) = lasting(text) {
                http.insert(name, value);
            }
        }
        let mut policies = Vec::new();
        let address = config.report_to.as_str();
        for (name, _, text) in config.policies() {
            let policy = Policy::parse(text);
            if policy.is_empty() {
                continue;
            }
            let policy = if address.is_empty() { policy } else { policy.reporting_to(address, REPORTS) };
            if let Some(value) = lasting(&policy.to_string()) {
                http.insert(name.clone(), value);
                policies.push((name, policy));
            }
        }
        if !address.is_empty()
            && let Some(value) = lasting(&format!("{REPORTS}=\"{address}\""))
        {
            http.insert(HeaderName::from_static("reporting-endpoints"), value);
        }
        let mut https = http.clone();
        if let Some(value) = lasting(&strict_transport(config)) {
            https.insert(header::STRICT_TRANSPORT_SECURITY, value);
        }
        Self { http, https, policies }
    }
}

fn strict_transport(config: &HeadersConfig) -> String {
    let seconds = config.hsts_max_age.as_secs();
    if seconds == 0 {
        return String::new();
    }
    let below = if config.hsts_include_subdomains { "; includeSubDomains" } else { "" };
    let preload = if config.hsts_preload { "; preload" } else { "" };
    format!("max-age={seconds}{below}{preload}")
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
        let nonce = exchange.nonce_in_use();
        let nonced: Vec<_> = match nonce {
            Some(_) => self.policies.iter().filter(|(name, _)| !theirs.contains_key(name)).collect(),
            None => Vec::new(),
        };
        // Who has an empty one has none of ours either.
        let unwanted: Vec<HeaderName> = theirs
            .iter()
            .filter(|(name, value)| value.is_empty() && ours.contains_key(*name))
            .map(|(name, _)| name.clone())
            .collect();
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
        for (name, policy) in nonced {
            if let Some(value) = nonce.and_then(|nonce| policy.with_nonce(nonce)) {
                theirs.insert(name.clone(), value);
            }
        }
        for name in unwanted {
            theirs.remove(name);
        }
    }
}

/// 128 random bits.
pub(crate) fn nonce() -> Arc<str> {
    SecureRandom::new().hex(16).into()
}
