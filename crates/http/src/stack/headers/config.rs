//! The table `http.headers`: its defaults, and what is refused at start.

use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use mainstay_core::config::{Problems, did_you_mean};
use serde::{Deserialize, Serialize};

use super::policy::Policy;

/// The table `http.headers`. An empty text leaves a header out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeadersConfig {
    /// `Content-Security-Policy`. A nonce that a handler asks for is added to its scripts and styles.
    pub content_security_policy: String,
    /// `Content-Security-Policy-Report-Only`: a policy that is tried. What breaks it is reported, and done all the same.
    pub content_security_policy_report_only: String,
    /// Where browsers report what breaks a policy: an address elsewhere, or a path here, such as `/csp-reports`, at which the
    /// application takes reports and logs them.
    pub report_to: String,
    /// `X-Frame-Options`, for browsers that do not know `frame-ancestors`. Unless it is set, it says the same as those.
    pub frame_options: Option<String>,
    /// `Referrer-Policy`.
    pub referrer_policy: String,
    /// `Cross-Origin-Opener-Policy`.
    pub cross_origin_opener_policy: String,
    /// `Cross-Origin-Resource-Policy`.
    pub cross_origin_resource_policy: String,
    /// `Cross-Origin-Embedder-Policy`. Left out, since it keeps pages from showing pictures of other sites.
    pub cross_origin_embedder_policy: String,
    /// `Permissions-Policy`.
    pub permissions_policy: String,
    /// How long browsers shall insist on encryption (`Strict-Transport-Security`, sent over HTTPS alone); 0 is never.
    #[serde(with = "mainstay_core::config::duration")]
    pub hsts_max_age: Duration,
    /// Whether that holds for all hosts below ours.
    pub hsts_include_subdomains: bool,
    /// Whether browsers may come with this knowledge (<https://hstspreload.org>). It takes months to take back.
    pub hsts_preload: bool,
}

impl Default for HeadersConfig {
    fn default() -> Self {
        Self {
            content_security_policy: "default-src 'self'; base-uri 'self'; form-action 'self'; \
                                      frame-ancestors 'none'; object-src 'none'"
                .into(),
            content_security_policy_report_only: String::new(),
            report_to: String::new(),
            frame_options: None,
            referrer_policy: "strict-origin-when-cross-origin".into(),
            cross_origin_opener_policy: "same-origin".into(),
            cross_origin_resource_policy: "same-origin".into(),
            cross_origin_embedder_policy: String::new(),
            permissions_policy: "camera=(), geolocation=(), microphone=()".into(),
            hsts_max_age: YEAR,
            hsts_include_subdomains: false,
            hsts_preload: false,
        }
    }
}

pub(super) const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

const REFERRER: [&str; 8] = [
    "no-referrer",
    "no-referrer-when-downgrade",
    "origin",
    "origin-when-cross-origin",
    "same-origin",
    "strict-origin",
    "strict-origin-when-cross-origin",
    "unsafe-url",
];
const OPENER: [&str; 4] = ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"];
const RESOURCE: [&str; 3] = ["same-origin", "same-site", "cross-origin"];
const EMBEDDER: [&str; 3] = ["unsafe-none", "require-corp", "credentialless"];
const FRAMES: [&str; 2] = ["DENY", "SAMEORIGIN"];

impl HeadersConfig {
    /// The headers that are the same in every answer, with the key of each.
    pub(super) fn values(&self) -> [(HeaderName, &'static str, &str); 6] {
        let name = HeaderName::from_static;
        [
            (header::X_FRAME_OPTIONS, "frame_options", self.frames()),
            (header::REFERRER_POLICY, "referrer_policy", &self.referrer_policy),
            (
                name("cross-origin-opener-policy"),
                "cross_origin_opener_policy",
                &self.cross_origin_opener_policy,
            ),
            (
                name("cross-origin-resource-policy"),
                "cross_origin_resource_policy",
                &self.cross_origin_resource_policy,
            ),
            (
                name("cross-origin-embedder-policy"),
                "cross_origin_embedder_policy",
                &self.cross_origin_embedder_policy,
            ),
            (name("permissions-policy"), "permissions_policy", &self.permissions_policy),
        ]
    }

    /// The policies: the one that holds, and the one that is tried.
    pub(super) fn policies(&self) -> [(HeaderName, &'static str, &str); 2] {
        [
            (header::CONTENT_SECURITY_POLICY, "content_security_policy", &self.content_security_policy),
            (
                header::CONTENT_SECURITY_POLICY_REPORT_ONLY,
                "content_security_policy_report_only",
                &self.content_security_policy_report_only,
            ),
        ]
    }

    /// `X-Frame-Options`: what is set, else what the policy says of frames. It cannot name other sites, and is left out where the
    /// policy does.
    pub(crate) fn frames(&self) -> &str {
        match &self.frame_options {
            Some(text) => text,
            None => said_of_frames(&self.content_security_policy).unwrap_or_default(),
        }
    }

    /// The path at which reports are taken, if they are taken here.
    pub(crate) fn receives_reports_at(&self) -> Option<&str> {
        Some(self.report_to.as_str()).filter(|address| address.starts_with('/'))
    }

    pub(crate) fn validate(&self, problems: &mut Problems) {
        let mut add = |key: &str, message: String, fix: &str| {
            problems.add(&format!("headers.{key}"), message, Some(fix));
        };
        let all = self.values().into_iter().chain(self.policies());
        for (_, key, value) in all {
            if HeaderValue::from_str(value).is_err() || !value.is_ascii() {
                add(key, "is no header value".into(), "write it on one line, in ASCII");
            }
        }
        for (_, key, text) in self.policies() {
            if text.contains(',') {
                add(
                    key,
                    "has a comma, which ends a policy".into(),
                    "put a space between sources, and a `;` between directives",
                );
            } else if let Some(fault) = Policy::parse(text).fault() {
                add(
                    key,
                    fault,
                    "see https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy",
                );
            }
        }
        for (key, value, known) in [
            ("cross_origin_opener_policy", &self.cross_origin_opener_policy, &OPENER[..]),
            ("cross_origin_resource_policy", &self.cross_origin_resource_policy, &RESOURCE),
            ("cross_origin_embedder_policy", &self.cross_origin_embedder_policy, &EMBEDDER),
        ] {
            if !value.is_empty() && !known.contains(&value.as_str()) {
                let near = did_you_mean(value, known.iter().copied());
                add(key, format!("is `{value}`, which browsers do not know{near}"), &one_of(known));
            }
        }
        // Of several, browsers take the last that they know.
        let mut referrers = self.referrer_policy.split(',').map(str::trim).filter(|word| !word.is_empty());
        if let Some(unknown) = referrers.find(|word| !REFERRER.contains(word)) {
            let near = did_you_mean(unknown, REFERRER);
            add(
                "referrer_policy",
                format!("has `{unknown}`, which browsers do not know{near}"),
                &one_of(&REFERRER),
            );
        }
        if let Some(fault) = fault_of_permissions(&self.permissions_policy) {
            add(
                "permissions_policy",
                fault,
                "such as camera=(), geolocation=(self \"https://maps.example\")",
            );
        }
        self.validate_frames(&mut add);
        self.validate_reports(&mut add);
        if self.hsts_preload && (!self.hsts_include_subdomains || self.hsts_max_age < YEAR) {
            let fix =
                "set hsts_include_subdomains = true and hsts_max_age = \"365d\", or leave hsts_preload out";
            add(
                "hsts_preload",
                "is on, and browsers take no host that does not hold it for all below it and a year".into(),
                fix,
            );
        }
    }

    fn validate_frames(&self, add: &mut impl FnMut(&str, String, &str)) {
        let Some(frames) = self.frame_options.as_deref().filter(|text| !text.is_empty()) else { return };
        if !FRAMES.contains(&frames) {
            add("frame_options", format!("is `{frames}`, which browsers do not know"), &one_of(&FRAMES));
        } else if Policy::parse(&self.content_security_policy).sources("frame-ancestors").is_some()
            && said_of_frames(&self.content_security_policy) != Some(frames)
        {
            let message = format!(
                "is {frames}, and `frame-ancestors` of `content_security_policy` says something else"
            );
            add("frame_options", message, "leave it out: it follows from the policy");
        }
    }

    fn validate_reports(&self, add: &mut impl FnMut(&str, String, &str)) {
        let address = self.report_to.as_str();
        let is_path = address.starts_with('/') && !address.starts_with("//");
        let is_address = is_path || address.starts_with("https://") || address.starts_with("http://");
        let is_clean = address.bytes().all(|byte| byte.is_ascii_graphic() && !b";,\"\\{}".contains(&byte));
        let is_good = is_address && is_clean;
        if !address.is_empty() && !is_good {
            let fix = "a path of this application, such as /csp-reports, or https://reports.example/csp";
            add("report_to", format!("is `{address}`, which is no address"), fix);
        }
    }
}

/// What `frame-ancestors` says, in the words of `X-Frame-Options`.
fn said_of_frames(policy: &str) -> Option<&'static str> {
    let policy = Policy::parse(policy);
    match policy.sources("frame-ancestors")? {
        [] => Some("DENY"),
        [one] if one.eq_ignore_ascii_case("'none'") => Some("DENY"),
        [one] if one.eq_ignore_ascii_case("'self'") => Some("SAMEORIGIN"),
        _ => None,
    }
}

fn one_of(known: &[&str]) -> String {
    format!("one of {}; empty leaves the header out", known.join(", "))
}

/// `camera=(), geolocation=(self "https://maps.example"), usb=*` (W3C, "Permissions Policy").
fn fault_of_permissions(text: &str) -> Option<String> {
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let Some((feature, allowed)) = part.split_once('=') else {
            return Some(format!("has `{part}`, which does not say who may"));
        };
        if feature.is_empty() || !feature.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            return Some(format!("has `{feature}`, which is no feature"));
        }
        let list = allowed.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let is_origin = |word: &str| word == "self" || word == "*" || word == "src" || is_quoted(word);
        let good = match list {
            Some(list) => list.split_ascii_whitespace().all(is_origin),
            None => is_origin(allowed),
        };
        if !good {
            return Some(format!("has `{feature}` for `{allowed}`, which names nobody"));
        }
    }
    None
}

fn is_quoted(word: &str) -> bool {
    word.len() > 2 && word.starts_with('"') && word.ends_with('"')
}
