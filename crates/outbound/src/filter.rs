//! The filter for URLs that somebody else has chosen: web hooks, avatars, previews.
//!
//! A server that fetches what it is told to is a way around the firewall that it stands behind
//! ([SSRF](https://owasp.org/www-community/attacks/Server_Side_Request_Forgery)). So: only `http` and `https`, no
//! credentials, only ports that are allowed, and only addresses of the public internet. It is the connection that is
//! filtered, not the name: the name is resolved here, every address is looked at, and one of those is connected to. A name
//! that resolves to another address the next time gains nothing by it.

mod address;
mod network;

use std::net::IpAddr;

use url::{Host, Url};

pub use address::is_this_machine;
pub(crate) use address::{LOCALHOST, is_localhost};
pub use network::{Network, NotANetwork};

/// Why a URL, or the address behind it, is not called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be read.
    #[error("it is not a URL ({0})")]
    NotAUrl(String),
    /// Another scheme than `http` and `https`.
    #[error("its scheme is `{0}`, not http or https")]
    Scheme(String),
    /// A user or a password before the host.
    #[error("it has credentials in it")]
    Credentials,
    /// A port that is not allowed.
    #[error("its port is {port}; allowed are {allowed:?}")]
    Port {
        /// The port.
        port: u16,
        /// Which are allowed.
        allowed: Vec<u16>,
    },
    /// The host is, or resolves to, an address that is not public.
    #[error("`{host}` is at {address}, which is not a public address ({what})")]
    Address {
        /// The host.
        host: String,
        /// The address.
        address: IpAddr,
        /// What the address is for.
        what: &'static str,
    },
    /// A redirect from `https` to `http`.
    #[error("it leads from https to http")]
    Downgrade,
    /// A redirect, or a whole URL, to another origin than that of the upstream.
    #[error("it leads to another origin, `{0}`")]
    OtherOrigin(String),
}

/// What may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) ports: Vec<u16>,
    /// Networks that may be called although they are not public.
    pub(crate) allow: Vec<Network>,
}

impl Filter {
    /// Looks at what can be seen without resolving the name.
    pub(crate) fn check_url(&self, url: &Url) -> Result<(), Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        match url.port_or_known_default() {
            Some(port) if self.ports.contains(&port) => {}
            port => return Err(Refusal::Port { port: port.unwrap_or(0), allowed: self.ports.clone() }),
        }
        let check = |address: IpAddr| self.check_address(url.host_str().unwrap_or_default(), address);
        match url.host() {
            Some(Host::Ipv4(address)) => check(address.into()),
            Some(Host::Ipv6(address)) => check(address.into()),
            Some(Host::Domain(name)) if is_localhost(name) => LOCALHOST.into_iter().try_for_each(check),
            Some(Host::Domain(_)) | None => Ok(()),
        }
    }

    /// Looks at an address, before it is connected to.
    pub(crate) fn check_address(&self, host: &str, address: IpAddr) -> Result<(), Refusal> {
        match address::special(address) {
            Some(what) if !self.allow.iter().any(|network| network.contains(address)) => {
                Err(Refusal::Address { host: host.to_owned(), address, what })
            }
            _ => Ok(()),
        }
    }
}
