//! An application called without a socket.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::container::Registration;
use mainstay_core::{App, Profile, Resolver};
use mainstay_http::Http;
use mainstay_http::listen::{Peer, PeerAddress, Protocol};

/// An application, ready to be called.
pub(crate) struct Caller {
    pub(crate) http: mainstay_core::Inject<Http>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) resolver: Resolver,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

pub(crate) async fn caller(app: App) -> Caller {
    caller_in(Profile::Test, app).await
}

pub(crate) async fn caller_in(profile: Profile, app: App) -> Caller {
    let assembly = app.profile(profile).assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    Caller::of(assembly.resolver()).await
}

/// The same with a clock that stands still.
pub(crate) async fn at_rest(app: App) -> (Caller, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let app = app.replace(Registration::of_value(Arc::clone(&clock) as Arc<dyn Clock>));
    let assembly = app.profile(Profile::Test).assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    (Caller::of(assembly.resolver()).await, clock)
}

/// What is wrong with an application.
pub(crate) fn findings(app: App) -> String {
    app.profile(Profile::Test).assemble(Sources::isolated()).findings().to_string()
}

pub(crate) fn peer(address: &str) -> Arc<Peer> {
    let address = PeerAddress::Ip(address.parse().unwrap());
    Arc::new(Peer { address, local: None, tls: None, protocol: Protocol::Http1 })
}

impl Caller {
    pub(crate) async fn of(resolver: Resolver) -> Self {
        Self { http: resolver.get().await.unwrap(), peer: peer("127.0.0.1:50000"), resolver }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        read(self.http.call(request, &self.peer).await).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path)).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = request(method, path);
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes()).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        self.send(request).await
    }
}

pub(crate) fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

async fn read(response: Response) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status, headers: parts.headers, body }
}

impl Answer {
    /// A header, or nothing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}
