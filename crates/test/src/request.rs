//! What is sent.

use std::panic::Location;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST, ORIGIN};
use http::response::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::BodyExt;
use serde::Serialize;

use crate::client::{Client, header};
use crate::response::TestResponse;
use crate::stream::TestStream;
use crate::upload::Upload;

/// An answer, with its whole body, is there by then, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A request that is being made. Nothing happens before [`send`](Self::send).
///
/// ```no_run
/// # async fn test(app: &mainstay_test::TestApp) {
/// use serde_json::json;
///
/// app.get("/articles").query(&[("tag", "rust"), ("page", "2")]).send().await.assert_status(200);
/// app.post("/articles").json(&json!({ "title": "Hello" })).send().await.assert_status(201);
/// # }
/// ```
#[must_use = "nothing is sent before `.send().await`"]
pub struct TestRequest {
    client: Client,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl TestRequest {
    pub(crate) fn new(client: Client, method: Method, path: &str) -> Self {
        let headers = client.headers().clone();
        Self { client, method, path: path.to_owned(), headers, body: Bytes::new() }
    }

    /// Adds to the query: pairs, a map, or a struct.
    ///
    /// # Panics
    /// When it cannot be written as a query.
    #[track_caller]
    pub fn query(mut self, query: &(impl Serialize + ?Sized)) -> Self {
        let text = urlencoded(query);
        self.path.push(if self.path.contains('?') { '&' } else { '?' });
        self.path.push_str(&text);
        self
    }

    /// Sets a header, in the place of the client's of that name.
    ///
    /// # Panics
    /// When it cannot be a header.
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = header(name, value);
        self.headers.insert(name, value);
        self
    }

    /// Sends `Authorization: Bearer <token>`.
    ///
    /// # Panics
    /// When it cannot be in a header.
    #[track_caller]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A body of JSON.
    ///
    /// # Panics
    /// When it cannot be written as JSON.
    #[track_caller]
    pub fn json(self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => panic!("the body cannot be written as JSON: {error}"),
        }
    }

    /// A body as an HTML form sends it.
    ///
    /// # Panics
    /// When it cannot be written as a form.
    #[track_caller]
    pub fn form(self, body: &(impl Serialize + ?Sized)) -> Self {
        let text = urlencoded(body);
        self.body("application/x-www-form-urlencoded", text)
    }

    /// A body as an HTML form with files sends it.
    pub fn upload(self, upload: Upload) -> Self {
        let (media_type, body) = upload.finish();
        self.body(&media_type, body)
    }

    /// Any body.
    ///
    /// # Panics
    /// When the media type cannot be in a header.
    #[track_caller]
    pub fn body(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        let (_, media_type) = header("content-type", media_type);
        self.headers.insert(CONTENT_TYPE, media_type);
        self.body = body.into();
        self
    }

    /// Sends it, and waits for the whole answer.
    ///
    /// # Panics
    /// When the path is none, the application has no routes, or the answer is not there within 30 seconds. A stream that
    /// never ends is such an answer: see [`open`](Self::open).
    #[track_caller]
    pub fn send(self) -> impl Future<Output = TestResponse> {
        let place = Location::caller();
        async move {
            let line = format!("{} {}", self.method, self.path);
            match tokio::time::timeout(PATIENCE, self.exchange(line.clone(), place)).await {
                Ok(response) => response,
                Err(_) => panic!("no whole answer to {line} (sent at {place}) within {PATIENCE:?}"),
            }
        }
    }

    /// Sends it, and waits for the head of the answer alone: for what is sent piece by piece, such as server-sent events.
    ///
    /// # Panics
    /// When the path is none, the application has no routes, or no answer begins within 30 seconds.
    #[track_caller]
    pub fn open(self) -> impl Future<Output = TestStream> {
        let place = Location::caller();
        async move {
            let line = format!("{} {}", self.method, self.path);
            match tokio::time::timeout(PATIENCE, self.begin(&line, place)).await {
                Ok((parts, body)) => TestStream::new(line, place, parts, body),
                Err(_) => panic!("no answer to {line} (sent at {place}) within {PATIENCE:?}"),
            }
        }
    }

    async fn exchange(self, line: String, place: &'static Location<'static>) -> TestResponse {
        #[cfg(feature = "db")]
        let log = self.client.target().db.as_ref().map(|db| db.record());
        #[cfg(feature = "db")]
        let budget = self.client.budget();
        let whole = async {
            let (parts, body) = self.begin(&line, place).await;
            match body.collect().await {
                Ok(body) => (parts, body.to_bytes()),
                Err(error) => panic!("the answer to {line} (sent at {place}) broke off: {error}"),
            }
        };
        #[cfg(feature = "db")]
        let (whole, ran) = mainstay_db::log::recorded(whole).await;
        #[cfg(not(feature = "db"))]
        let whole = whole.await;
        #[cfg(feature = "db")]
        if let Err(overrun) = budget.check(&ran) {
            panic!("{line} (sent at {place}): {overrun}");
        }
        let (parts, body) = whole;
        TestResponse {
            line,
            place,
            parts,
            body,
            #[cfg(feature = "db")]
            queries: log.as_ref().map(crate::Queries::of),
        }
    }

    /// To the head of the answer.
    async fn begin(self, line: &str, place: &'static Location<'static>) -> (Parts, Body) {
        let Self { client, method, path, mut headers, body } = self;
        let target = client.target();
        let Some(http) = &target.http else {
            panic!("the application has no routes: {line} (sent at {place})")
        };
        let uri = match path.parse::<Uri>() {
            Ok(uri) if path.starts_with('/') => uri,
            Ok(_) => panic!("`{path}` must begin with `/` (sent at {place})"),
            Err(error) => panic!("`{path}` is no path: {error} (sent at {place})"),
        };
        headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        if !body.is_empty() || headers.contains_key(CONTENT_TYPE) {
            headers.entry(CONTENT_LENGTH).or_insert(HeaderValue::from(body.len()));
        }
        let folder = uri.path().to_owned();
        if let Some(cookies) = client.jar().header(&folder, target.clock.now()) {
            headers.entry(COOKIE).or_insert(cookies);
            // As a browser says it of our own pages.
            if !headers.contains_key(ORIGIN) {
                headers.entry("sec-fetch-site").or_insert(HeaderValue::from_static("same-origin"));
            }
        }
        let mut request = Request::new(Body::from(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        let (parts, body) = http.call(request, client.peer()).await.into_parts();
        client.jar().keep(&parts.headers, &folder, target.clock.now());
        (parts, body)
    }
}

#[track_caller]
fn urlencoded(value: &(impl Serialize + ?Sized)) -> String {
    match serde_html_form::to_string(value) {
        Ok(text) => text,
        Err(error) => panic!("this cannot be written as a form or a query: {error}"),
    }
}
