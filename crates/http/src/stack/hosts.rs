//! `hosts`: which host names are ours. Without it, whoever controls a name that points here (DNS rebinding) or a
//! `Host` header (poisoned links and caches) speaks for us.

use axum::extract::Request;
use mainstay_core::Error;

use super::{Flow, Hook};
use crate::exchange::Exchange;

/// The part `hosts`.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Any,
    Exactly(String),
    Below(String),
}

impl AllowedHosts {
    /// Allows `example.com`, `*.example.com` (any depth, but not `example.com` itself) and `*`.
    pub fn new<T: AsRef<str>>(hosts: impl IntoIterator<Item = T>) -> Self {
        let rules = hosts.into_iter().map(|host| {
            let host = name_of(host.as_ref().trim()).to_ascii_lowercase();
            match host.strip_prefix('*') {
                Some("") => Rule::Any,
                Some(suffix) if suffix.starts_with('.') => Rule::Below(suffix.to_owned()),
                _ => Rule::Exactly(host),
            }
        });
        Self { rules: rules.collect() }
    }

    /// What a browser on this machine may call it: `localhost` and below, `127.0.0.1`, `[::1]`.
    pub fn of_this_machine() -> Self {
        Self::new(["localhost", "*.localhost", "127.0.0.1", "[::1]"])
    }

    /// Whether a `Host` header names one of them. A port does not matter.
    pub fn allows(&self, host: &str) -> bool {
        if self.rules.contains(&Rule::Any) {
            return true;
        }
        let name = name_of(host);
        let equals = |other: &str| name.eq_ignore_ascii_case(other);
        self.rules.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Exactly(host) => equals(host),
            Rule::Below(suffix) => {
                name.len() > suffix.len()
                    && name
                        .get(name.len() - suffix.len()..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        })
    }
}

/// Whether a text could name hosts.
pub(crate) fn is_host(text: &str) -> bool {
    !text.trim().is_empty()
        && !text.contains(['/', '@', '?', '#', ' '])
        && !text.trim_start_matches('*').contains('*')
}

/// A host without its port and without the dot of the root.
fn name_of(host: &str) -> &str {
    let name = match host.rfind(':') {
        Some(colon) if !host.ends_with(']') => &host[..colon],
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

impl Hook for AllowedHosts {
    fn before(&self, exchange: &mut Exchange, _request: &mut Request) -> Flow {
        if exchange.route().is_some_and(|route| route.any_host) {
            return Flow::Continue;
        }
        match exchange.host() {
            Some(host) if self.allows(host) => Flow::Continue,
            Some(host) => {
                Error::new(MISDIRECTED, "This server does not answer for the host that was asked for.")
                    .code("host_not_allowed")
                    .context(format!("the host is `{host}`; `http.allowed_hosts` lists those that are ours"))
                    .into()
            }
            // HTTP/1.0, and requests made within this process. There is no name that could be wrong.
            None => Flow::Continue,
        }
    }
}

const MISDIRECTED: http::StatusCode = http::StatusCode::MISDIRECTED_REQUEST;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_goes_by_these_names_only() {
        let hosts = AllowedHosts::of_this_machine();
        for ours in
            ["localhost", "LOCALHOST:3000", "app.localhost:80", "127.0.0.1:3000", "[::1]:3000", "[::1]"]
        {
            assert!(hosts.allows(ours), "{ours}");
        }
        for other in
            ["evil.example", "localhost.evil.example", ".localhost", "127.0.0.1.evil.example", "", "[::2]"]
        {
            assert!(!hosts.allows(other), "{other}");
        }
    }

    #[test]
    fn a_star_stands_for_any_depth_below() {
        let hosts = AllowedHosts::new(["*.example.com"]);
        assert!(hosts.allows("a.b.example.com.:443"));
        assert!(!hosts.allows("example.com"));
        assert!(!hosts.allows("badexample.com"));
        assert!(AllowedHosts::new(["*"]).allows("anything"));
        assert!(AllowedHosts::new(["shop.example:8000"]).allows("shop.example"));
    }
}
