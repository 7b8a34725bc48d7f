//! The section `outbound`: one table for each upstream.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mainstay_core::config::{Problems, Secret, Section, bytes, duration};
use serde::{Deserialize, Serialize};

use crate::breaker::BreakerSettings;
use crate::filter::Network;

/// `[outbound.<name>]` for each upstream of this name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OutboundConfig(pub BTreeMap<String, UpstreamConfig>);

/// `[outbound.<name>]`. What is not set is as the code says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamConfig {
    /// The URL that all paths begin at: `https://api.payments.example/v1`.
    pub base: Option<String>,
    /// Sent as `Authorization: Bearer …`.
    pub token: Option<Secret<String>>,
    /// A file of certificate authorities to trust beside those of the web, in PEM. Relative to the application's home.
    pub ca: Option<PathBuf>,
    /// How long a call may take in all: connection, answer, body, retries and the waits between them.
    #[serde(with = "duration::option")]
    pub timeout: Option<Duration>,
    /// How long one attempt may take. As long as the call, unless it is set.
    #[serde(with = "duration::option")]
    pub attempt_timeout: Option<Duration>,
    /// How long it may take to connect.
    #[serde(with = "duration::option")]
    pub connect_timeout: Option<Duration>,
    /// How often a call that may be repeated is tried again.
    pub retries: Option<u32>,
    /// Retries at most, as a share of the calls.
    pub retry_share: Option<f64>,
    /// How many calls may run at the same time.
    pub concurrency: Option<usize>,
    /// The largest body of an answer.
    #[serde(with = "bytes::option")]
    pub body_limit: Option<u64>,
    /// How many redirects are followed.
    pub redirects: Option<u32>,
    /// When it is left alone. A table here takes the place of all that the code says about it.
    pub breaker: Option<BreakerSettings>,
    /// For URLs from anywhere: the ports that may be called.
    pub ports: Option<Vec<u16>>,
    /// For URLs from anywhere: networks that may be called although they are not public.
    pub allow: Option<Vec<Network>>,
}

impl Section for OutboundConfig {
    const NAME: &'static str = "outbound";

    fn validate(&self, problems: &mut Problems) {
        for (name, upstream) in &self.0 {
            for (key, message) in upstream.faults() {
                problems.add(&format!("{name}.{key}"), message, None);
            }
        }
    }
}

impl UpstreamConfig {
    /// Which settings cannot be, and what they must be: what somebody has set here, or in the code.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &'static str)> {
        let zero = |time: Option<Duration>| time.is_some_and(|time| time.is_zero());
        let beyond = |share: &f64| !(0.0..=1.0).contains(share);
        let longer = "must be longer than nothing";
        let mut faults = vec![
            ("timeout", longer, zero(self.timeout)),
            ("attempt_timeout", longer, zero(self.attempt_timeout)),
            ("connect_timeout", longer, zero(self.connect_timeout)),
            (
                "retries",
                "must be at most 10: more only makes an outage last",
                self.retries.is_some_and(|retries| retries > 10),
            ),
            ("retry_share", "must be from 0 to 1", self.retry_share.as_ref().is_some_and(beyond)),
            ("concurrency", "must be at least 1: nothing could be called", self.concurrency == Some(0)),
            ("redirects", "must be at most 20", self.redirects.is_some_and(|redirects| redirects > 20)),
        ];
        if let Some(breaker) = self.breaker {
            let share = breaker.failures > 0.0 && breaker.failures <= 1.0;
            faults.extend([
                ("breaker.failures", "must be above 0 and at most 1", !share),
                ("breaker.calls", "must be at least 1", breaker.calls == 0),
                ("breaker.window", longer, breaker.window.is_zero()),
                ("breaker.pause", longer, breaker.pause.is_zero()),
            ]);
        }
        faults.into_iter().filter(|(.., is_wrong)| *is_wrong).map(|(key, what, _)| (key, what)).collect()
    }
}
