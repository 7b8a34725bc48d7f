//! `hosts`: which host names are ours. Without it, whoever controls a name that points here (DNS rebinding) or a
//! `Host` header (poisoned links and caches) speaks for us.

use std::net::Ipv6Addr;

use axum::extract::Request;
use http::{Version, header};
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
        let rules = hosts.into_iter().filter_map(|host| {
            let host = host.as_ref().trim().to_ascii_lowercase();
            match host.strip_prefix('*') {
                Some("") => Some(Rule::Any),
                Some(suffix) => Some(Rule::Below(format!(".{}", name_of(suffix.strip_prefix('.')?)?))),
                None => name_of(&host).map(|name| Rule::Exactly(name.to_owned())),
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
        name_of(host).is_some_and(|name| self.includes(name))
    }

    fn includes(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Any => true,
            Rule::Exactly(host) => name.eq_ignore_ascii_case(host),
            Rule::Below(suffix) => {
                name.len() > suffix.len()
                    && name
                        .get(name.len() - suffix.len()..)
                        .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
            }
        })
    }
}

/// Whether a text could name hosts in the configuration.
pub(crate) fn is_host(text: &str) -> bool {
    let text = text.trim();
    text == "*" || name_of(text.strip_prefix("*.").unwrap_or(text)).is_some()
}

/// A host without its port and without the dot of the root. None: it is no host, whatever it seems to begin or end with.
///
/// What is let through here ends up in links: `shop.example:80@evil.example` would be a link to somebody else.
fn name_of(host: &str) -> Option<&str> {
    let is_numeric = host.starts_with('[');
    // An address of IPv6 has colons of its own.
    let end = if is_numeric { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, port) = host.split_at(end);
    let is_port = |digits: &str| digits.len() <= 5 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    if is_numeric {
        let address = &name[1..name.len() - 1];
        return address.parse::<Ipv6Addr>().is_ok().then_some(name);
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (!name.is_empty() && name.bytes().all(is_letter)).then_some(name)
}

impl Hook for AllowedHosts {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        if exchange.route().is_some_and(|route| route.any_host) {
            return Flow::Continue;
        }
        let mut named = request.headers().get_all(header::HOST).iter();
        let (header, another) = (named.next(), named.next());
        // Whoever is in front of us may have looked at the other one (RFC 9112, 3.2; RFC 9113, 8.3.1).
        let asks_twice = another.is_some()
            || (request.version() == Version::HTTP_2
                && header.zip(request.uri().authority()).is_some_and(|(header, authority)| {
                    !header.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes())
                }));
        if asks_twice {
            return Error::bad_request("The request names more than one host.").code("several_hosts").into();
        }
        let Some(host) = exchange.host() else {
            return match header {
                Some(_) => no_host().into(),
                // HTTP/1.0, and requests made within this process. There is no name that could be wrong.
                None => Flow::Continue,
            };
        };
        match name_of(host) {
            Some(name) if self.includes(name) => Flow::Continue,
            Some(_) => {
                Error::new(MISDIRECTED, "This server does not answer for the host that was asked for.")
                    .code("host_not_allowed")
                    .context(format!("the host is `{host}`; `http.allowed_hosts` lists those that are ours"))
                    .into()
            }
            None => no_host().into(),
        }
    }
}

#[track_caller]
fn no_host() -> Error {
    Error::bad_request("The host that the request asks for is no host.").code("malformed_host")
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

    #[test]
    fn what_only_looks_like_one_of_them_is_none() {
        let hosts = AllowedHosts::new(["shop.example", "*.shop.example", "[2001:db8::1]"]);
        for ours in
            ["shop.example", "SHOP.example.", "a.shop.example:8443", "shop.example:", "[2001:DB8::1]:80"]
        {
            assert!(hosts.allows(ours), "{ours}");
        }
        for other in [
            "shop.example:80@evil.example",
            "shop.example:evil",
            "shop.example:80:80",
            "shop.example:999999",
            "evil.example#.shop.example",
            "evil.example/.shop.example",
            "evil.example\\.shop.example",
            "evil.example,shop.example",
            "user@shop.example",
            "evil-shop.example",
            "[2001:db8::1]evil.example",
            "[2001:db8::1",
            "2001:db8::1",
            "[::1]:80",
            ":80",
            ".",
        ] {
            assert!(!hosts.allows(other), "{other}");
        }
        assert!(
            !AllowedHosts::new(["*"]).allows("shop.example:80@evil.example"),
            "not even where all are ours"
        );
    }
}
