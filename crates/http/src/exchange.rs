//! One request on its way, as the stack knows it: its id, who sent it, by which name and scheme, on which route.

mod id;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

pub use id::RequestId;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use mainstay_core::{Error, Result, redaction};

use crate::compression::Accepted;
use crate::describe::{Describe, Operation};
use crate::listen::Peer;
use crate::route::RouteInfo;

/// How the client speaks to the outermost server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Encrypted.
    Https,
}

impl Scheme {
    /// `http` or `https`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// What the stack knows of a request. Cheap to clone; a handler or a middleware takes it as an argument.
///
/// ```
/// use mainstay_http::Exchange;
///
/// async fn whoami(exchange: Exchange) -> String {
///     format!("{:?} asked as {}", exchange.client(), exchange.id())
/// }
/// ```
#[derive(Clone)]
pub struct Exchange(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    id: RequestId,
    started: Instant,
    method: Method,
    uri: Uri,
    peer: Arc<Peer>,
    client: Option<IpAddr>,
    scheme: Scheme,
    host: Option<HeaderValue>,
    accept: Option<HeaderValue>,
    accept_language: Option<HeaderValue>,
    accepted: Accepted,
    route: Option<Arc<RouteInfo>>,
    headers: Option<Box<HeaderMap>>,
    nonce: OnceLock<Arc<str>>,
    /// Set as soon as a token of a form is shown: to the secret of the cookie that it needs, if the browser has none.
    csrf: OnceLock<Option<Arc<str>>>,
    must_prove: bool,
    notes: http::Extensions,
}

impl Exchange {
    /// The exchange that a request opens, before any hook has seen it.
    pub(crate) fn open<B>(
        request: &http::Request<B>,
        peer: &Arc<Peer>,
        route: Option<Arc<RouteInfo>>,
    ) -> Self {
        let headers = request.headers();
        // A target that names a host goes before the header (RFC 9112, 3.2.2).
        let host =
            if request.uri().authority().is_none() { headers.get(header::HOST).cloned() } else { None };
        Self(Arc::new(Inner {
            id: RequestId::next(),
            started: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            peer: Arc::clone(peer),
            client: peer.address.ip().map(|address| address.to_canonical()),
            scheme: if peer.tls.is_some() { Scheme::Https } else { Scheme::Http },
            host,
            accept: headers.get(header::ACCEPT).cloned(),
            accept_language: None,
            accepted: Accepted::default(),
            route,
            headers: None,
            nonce: OnceLock::new(),
            csrf: OnceLock::new(),
            must_prove: false,
            notes: http::Extensions::new(),
        }))
    }

    /// What names this request in headers, logs and error bodies.
    pub fn id(&self) -> &RequestId {
        &self.0.id
    }

    /// The method.
    pub fn method(&self) -> &Method {
        &self.0.method
    }

    /// The target, as the client wrote it.
    pub fn uri(&self) -> &Uri {
        &self.0.uri
    }

    /// The target as it may be shown to people and kept in logs: without what looks like a secret in its path, by the names of the
    /// route's parameters, and in its query.
    pub fn shown_address(&self) -> String {
        let path = self.shown_path();
        match self.0.uri.query() {
            Some(query) => redaction::address(&format!("{path}?{query}")).into_owned(),
            None => path.to_owned(),
        }
    }

    /// The same of the path alone: of a route with a secret in it, the pattern.
    pub(crate) fn shown_path(&self) -> &str {
        match &self.0.route {
            Some(route) if route.has_secret => route.pattern(),
            _ => self.0.uri.path(),
        }
    }

    /// The other end of the connection: the client, or the proxy in front of us.
    pub fn peer(&self) -> &Peer {
        &self.0.peer
    }

    /// The address of the client. Behind trusted proxies it is what they say. None for a local peer.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// What stands for the address of the client where requests are counted. A household or a machine has a whole network of IPv6
    /// addresses to choose from, so those count together by their first 64 bits. Whoever has no address is counted with all others
    /// who have none.
    pub fn client_key(&self) -> String {
        match self.client().map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => format!("ip:{address}"),
            Some(IpAddr::V6(address)) => {
                let network = u128::from(address) & !u128::from(u64::MAX);
                format!("ip:{}/64", Ipv6Addr::from(network))
            }
            None => "ip:local".to_owned(),
        }
    }

    /// How the client speaks to the outermost server.
    pub fn scheme(&self) -> Scheme {
        self.0.scheme
    }

    /// The host that the client asked for, with the port if it wrote one.
    pub fn host(&self) -> Option<&str> {
        match &self.0.host {
            Some(host) => host.to_str().ok(),
            None => self.0.uri.authority().map(http::uri::Authority::as_str),
        }
    }

    /// The route, unless there is none for this path and method.
    pub fn route(&self) -> Option<&RouteInfo> {
        self.0.route.as_deref()
    }

    /// How long ago the request came in.
    pub fn elapsed(&self) -> Duration {
        self.0.started.elapsed()
    }

    pub(crate) fn started(&self) -> Instant {
        self.0.started
    }

    /// The `Accept` header.
    pub fn accept(&self) -> Option<&HeaderValue> {
        self.0.accept.as_ref()
    }

    /// The codings in which the client takes a body, if the part `compression` has looked.
    pub fn accepted(&self) -> Accepted {
        self.0.accepted
    }

    /// Says in which codings the client takes a body.
    pub fn set_accepted(&mut self, accepted: Accepted) {
        self.edit().accepted = accepted;
    }

    /// What a hook has noted for a later one.
    pub fn note<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.notes.get()
    }

    /// Notes something for a later hook, or for [`Hook::after`](crate::stack::Hook::after) of the same.
    pub fn set_note<T: Clone + Send + Sync + 'static>(&mut self, note: T) {
        self.edit().notes.insert(note);
    }

    /// Says who the client is. For hooks that know better than the connection does.
    pub fn set_client(&mut self, client: IpAddr) {
        self.edit().client = Some(client);
    }

    /// Says how the client speaks to the outermost server.
    pub fn set_scheme(&mut self, scheme: Scheme) {
        self.edit().scheme = scheme;
    }

    /// Says which host the client asked for.
    pub fn set_host(&mut self, host: HeaderValue) {
        self.edit().host = Some(host);
    }

    /// Takes over the id that a proxy in front has given.
    pub fn set_id(&mut self, id: RequestId) {
        self.edit().id = id;
    }

    /// The value for the `nonce` attribute of inline scripts and styles in this response. The content security policy
    /// allows it from the moment it is asked for, so ask before the handler returns.
    pub fn nonce(&self) -> Arc<str> {
        self.0.nonce.get_or_init(crate::stack::nonce).clone()
    }

    /// Whether somebody has asked for the nonce: the response is for this request alone then.
    pub fn has_nonce(&self) -> bool {
        self.nonce_in_use().is_some()
    }

    /// The nonce, if the handler has asked for one.
    pub(crate) fn nonce_in_use(&self) -> Option<&str> {
        self.0.nonce.get().map(|nonce| &**nonce)
    }

    /// Whether a token of a form has been asked for: the response is for this visitor alone then.
    pub fn has_csrf_token(&self) -> bool {
        self.csrf_in_use().is_some()
    }

    /// Notes that a token is shown. Returns the secret of the cookie that goes with the response, if one does.
    pub(crate) fn csrf_shown(&self, secret: impl FnOnce() -> Option<Arc<str>>) -> Option<&str> {
        self.0.csrf.get_or_init(secret).as_deref()
    }

    /// Whether a token is shown, and the secret of the cookie that goes with it.
    pub(crate) fn csrf_in_use(&self) -> Option<Option<&str>> {
        self.0.csrf.get().map(Option::as_deref)
    }

    /// Says that the request has to bring a token.
    pub(crate) fn demand_proof(&mut self) {
        self.edit().must_prove = true;
    }

    pub(crate) fn must_prove(&self) -> bool {
        self.0.must_prove
    }

    /// Keeps what the client reads best, for whoever translates.
    pub(crate) fn keep_language(&mut self, headers: &HeaderMap) {
        if let Some(language) = headers.get(header::ACCEPT_LANGUAGE) {
            self.edit().accept_language = Some(language.clone());
        }
    }

    pub(crate) fn accept_language(&self) -> Option<&HeaderValue> {
        self.0.accept_language.as_ref()
    }

    /// Keeps the request's headers for the development error page.
    pub(crate) fn keep_headers(&mut self, headers: &HeaderMap) {
        self.edit().headers = Some(Box::new(headers.clone()));
    }

    pub(crate) fn kept_headers(&self) -> Option<&HeaderMap> {
        self.0.headers.as_deref()
    }

    /// Hooks run before anybody else has the exchange, so this copies nothing unless a hook kept a clone.
    fn edit(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.0)
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("id", &self.id())
            .field("method", self.method())
            .field("uri", &self.shown_address())
            .field("client", &self.client())
            .finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Exchange {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self> {
        match parts.extensions.get::<Self>() {
            Some(exchange) => Ok(exchange.clone()),
            None => {
                Err(Error::internal("the request did not come through `Http::call`, so it has no `Exchange`"))
            }
        }
    }
}

impl Describe for Exchange {
    fn describe(_operation: &mut Operation) {}
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::listen::{PeerAddress, Protocol};

    /// A peer at this address.
    pub(crate) fn peer(address: &str) -> Arc<Peer> {
        let address = PeerAddress::Ip(address.parse().unwrap());
        Arc::new(Peer { address, local: None, tls: None, protocol: Protocol::Http1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_that_kept_a_clone_does_not_stop_the_next_from_writing() {
        let request = http::Request::new(());
        let mut exchange = Exchange::open(&request, &testing::peer("[::1]:9"), None);
        let before = exchange.clone();
        exchange.set_client(IpAddr::from([10, 0, 0, 1]));
        assert_eq!(before.client(), Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        assert_eq!(exchange.client(), Some(IpAddr::from([10, 0, 0, 1])));
    }
}
