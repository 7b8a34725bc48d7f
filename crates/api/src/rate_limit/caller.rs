//! Who sends a request, as a limit sees it.

use std::net::IpAddr;

use http::request::Parts;
use http::{HeaderName, Method};
use mainstay_core::principal::Principal;
use mainstay_http::{Exchange, RouteMatch};
use mainstay_store::Store;

/// Who sends a request, and which: what the functions of a [`RateLimit`](super::RateLimit)
/// and an [`OutputCache`](crate::OutputCache) look at.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a>(&'a Parts);

impl<'a> Caller<'a> {
    pub(crate) fn new(parts: &'a Parts) -> Self {
        Self(parts)
    }

    /// The address of the client; behind trusted proxies, what they say it is. None over a Unix socket.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.extensions.get::<Exchange>().and_then(Exchange::client)
    }

    /// Who is signed in; anonymous if nobody is.
    pub fn principal(&self) -> Principal {
        self.0.extensions.get().cloned().unwrap_or_else(Principal::anonymous)
    }

    /// The value of a header, if there is one and it is text.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&'a str> {
        self.0.headers.get(name.as_ref())?.to_str().ok()
    }

    /// A parameter of the path, decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        self.0.extensions.get::<RouteMatch>()?.get(name).map(|value| value.into_owned())
    }

    /// The pattern of the route; none where a limit is around the whole application, and no route takes the request.
    pub fn pattern(&self) -> Option<&'a str> {
        Some(self.0.extensions.get::<Exchange>()?.route()?.pattern())
    }

    /// The method.
    pub fn method(&self) -> &'a Method {
        &self.0.method
    }

    /// What stands for the address in keys, for functions that fall back to it; see [`Exchange::client_key`].
    pub fn address_key(&self) -> String {
        self.0.extensions.get::<Exchange>().map_or_else(|| "ip:local".to_owned(), Exchange::client_key)
    }

    pub(super) fn principal_key(&self) -> String {
        let principal = self.principal();
        if principal.is_authenticated() {
            format!("principal:{}", principal.identity())
        } else {
            self.address_key()
        }
    }

    pub(super) fn header_key(&self, name: &HeaderName) -> String {
        match self.0.headers.get(name) {
            Some(value) => format!("{name}:{}", Store::digest_of(value.as_bytes())),
            None => self.address_key(),
        }
    }
}
