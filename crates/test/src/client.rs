//! Somebody who sends requests to the application.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use mainstay_core::Inject;
use mainstay_core::clock::Clock;
use mainstay_http::listen::Protocol;
use mainstay_http::{Http, Peer, PeerAddress};

use crate::cookies::Jar;
use crate::request::TestRequest;

/// Sends requests to the application in this very process, and keeps the cookies that it is given. With them it says, as browsers
/// do, that the request comes from our own pages, unless the test says otherwise (`Sec-Fetch-Site`, `Origin`).
///
/// Redirects are not followed: a test sees them. Clones share the cookies; [`stranger`](Self::stranger) has its own.
///
/// ```
/// # use mainstay_core::App;
/// # use mainstay_http::RoutesExt;
/// # use mainstay_http::route::Route;
/// # use mainstay_test::TestApp;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # let app = App::new().route(Route::new(http::Method::GET, "/", async || "hello"));
/// let app = TestApp::start(app).await;
/// let ann = app.client().with_header("authorization", "Bearer ann");
/// ann.get("/").send().await.assert_status(200).assert_text("hello");
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    target: Arc<Target>,
    jar: Arc<Mutex<Jar>>,
    headers: HeaderMap,
    peer: Arc<Peer>,
    #[cfg(feature = "db")]
    budget: mainstay_db::log::Budget,
}

/// What a client talks to.
pub(crate) struct Target {
    /// Absent from an application without a single route.
    pub(crate) http: Option<Inject<Http>>,
    pub(crate) clock: Inject<dyn Clock>,
    #[cfg(feature = "db")]
    pub(crate) db: Option<Inject<mainstay_db::Db>>,
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            jar: Arc::default(),
            headers: HeaderMap::new(),
            peer: peer(SocketAddr::from(([127, 0, 0, 1], 50_000))),
            #[cfg(feature = "db")]
            budget: mainstay_db::log::Budget::default(),
        }
    }

    /// Somebody else: no cookies, no headers.
    #[must_use]
    pub fn stranger(&self) -> Self {
        Self {
            target: Arc::clone(&self.target),
            jar: Arc::default(),
            headers: HeaderMap::new(),
            peer: Arc::clone(&self.peer),
            #[cfg(feature = "db")]
            budget: self.budget,
        }
    }

    /// Sends this header with every request. One of the request itself goes before it.
    ///
    /// # Panics
    /// When it cannot be a header.
    #[must_use]
    #[track_caller]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = header(name, value);
        self.headers.insert(name, value);
        self
    }

    /// Seems to come from this address. By default it is `127.0.0.1:50000`.
    #[must_use]
    pub fn with_address(mut self, address: SocketAddr) -> Self {
        self.peer = peer(address);
        self
    }

    /// What each request may ask of the database.
    #[cfg(feature = "db")]
    pub(crate) fn set_budget(&mut self, budget: mainstay_db::log::Budget) {
        self.budget = budget;
    }

    #[cfg(feature = "db")]
    pub(crate) fn budget(&self) -> mainstay_db::log::Budget {
        self.budget
    }

    /// A GET request.
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// A HEAD request.
    pub fn head(&self, path: &str) -> TestRequest {
        self.request(Method::HEAD, path)
    }

    /// A POST request.
    pub fn post(&self, path: &str) -> TestRequest {
        self.request(Method::POST, path)
    }

    /// A PUT request.
    pub fn put(&self, path: &str) -> TestRequest {
        self.request(Method::PUT, path)
    }

    /// A PATCH request.
    pub fn patch(&self, path: &str) -> TestRequest {
        self.request(Method::PATCH, path)
    }

    /// A DELETE request.
    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }

    /// A request by any method.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        TestRequest::new(self.clone(), method, path)
    }

    /// The value of a cookie that the application has set, or this test.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar().value(name, self.target.clock.now()).map(str::to_owned)
    }

    /// Sets a cookie for every path.
    pub fn set_cookie(&self, name: impl Into<String>, value: impl Into<String>) {
        self.jar().set(name.into(), value.into());
    }

    /// Forgets all cookies, as closing a private window does.
    pub fn clear_cookies(&self) {
        *self.jar() = Jar::default();
    }

    /// Records the statements that the database runs while `work` runs, also those of others.
    ///
    /// ```no_run
    /// # async fn test(app: &mainstay_test::TestApp) {
    /// let ((), queries) = app.queries(async {
    ///     app.get("/articles").send().await.assert_status(200);
    /// }).await;
    /// queries.assert_at_most(3);
    /// # }
    /// ```
    ///
    /// # Panics
    /// When the application has no database.
    #[cfg(feature = "db")]
    pub async fn queries<T>(&self, work: impl Future<Output = T>) -> (T, crate::Queries) {
        let Some(db) = &self.target.db else { panic!("the application has no database") };
        let log = db.record();
        let value = work.await;
        (value, crate::Queries::of(&log))
    }

    pub(crate) fn jar(&self) -> MutexGuard<'_, Jar> {
        self.jar.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

fn peer(address: SocketAddr) -> Arc<Peer> {
    let address = PeerAddress::Ip(address);
    Arc::new(Peer { address, local: None, tls: None, protocol: Protocol::Http1 })
}

#[track_caller]
pub(crate) fn header(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
        (Ok(name), Ok(value)) => (name, value),
        (Err(_), _) => panic!("`{name}` cannot be the name of a header"),
        (_, Err(_)) => panic!("`{value}` cannot be the value of the header `{name}`"),
    }
}
