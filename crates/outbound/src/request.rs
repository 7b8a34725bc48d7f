//! A request, put together step by step.

mod target;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use mainstay_core::Result;
use serde::Serialize;
use url::Url;

use crate::answer::Answer;
use crate::client::{Client, Prepared, Shown, Statuses};
use crate::failure::Failure;
use crate::settings::bearer;

/// A request that is not sent yet. What is wrong with it is said by [`send`](Self::send).
#[must_use = "a request is sent by `.send()`"]
pub struct Request {
    client: Client,
    method: Method,
    target: String,
    values: Vec<(&'static str, String)>,
    query: String,
    headers: HeaderMap,
    body: Bytes,
    timeout: Option<Duration>,
    statuses: Statuses,
    shown: Shown,
    fault: Option<Failure>,
}

impl Request {
    pub(crate) fn new(client: Client, method: Method, target: String) -> Self {
        Self {
            client,
            method,
            target,
            values: Vec::new(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: None,
            statuses: Statuses::Success,
            shown: Shown::Path,
            fault: None,
        }
    }

    /// The value of a parameter of the path: of `/charges/{id}`, that of `id`. It is encoded, and cannot leave its segment.
    pub fn path(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// Adds to the query: a struct, or a list of pairs.
    pub fn query(mut self, query: impl Serialize) -> Self {
        match serde_html_form::to_string(query) {
            Ok(more) => {
                if !self.query.is_empty() && !more.is_empty() {
                    self.query.push('&');
                }
                self.query.push_str(&more);
            }
            Err(error) => self.mistake(format!("the query cannot be written: {error}")),
        }
        self
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        match value.try_into() {
            Ok(value) => {
                self.headers.insert(name, value);
            }
            Err(_) => self.mistake(format!("the header `{name}` has characters that no header may have")),
        }
        self
    }

    /// `Authorization: Bearer …`. It does not follow a redirect to another origin.
    pub fn bearer(mut self, token: &str) -> Self {
        match bearer(token) {
            Some(value) => self.header(header::AUTHORIZATION, value),
            None => {
                self.mistake("the token has characters that no header may have".to_owned());
                self
            }
        }
    }

    /// `Idempotency-Key`: the upstream does it once, however often it is sent, so it may be tried again.
    pub fn idempotency_key(self, key: &str) -> Self {
        self.header(HeaderName::from_static("idempotency-key"), key)
    }

    /// A body of JSON.
    pub fn json(mut self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body("application/json", json),
            Err(error) => {
                self.mistake(format!("the body cannot be written as JSON: {error}"));
                self
            }
        }
    }

    /// A body as a form sends it.
    pub fn form(mut self, form: impl Serialize) -> Self {
        match serde_html_form::to_string(form) {
            Ok(form) => self.body("application/x-www-form-urlencoded", form),
            Err(error) => {
                self.mistake(format!("the body cannot be written as a form: {error}"));
                self
            }
        }
    }

    /// A body of this media type.
    pub fn body(mut self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(header::CONTENT_TYPE, media_type)
    }

    /// A shorter or longer limit for this call than that of the upstream.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Takes every status for an answer. Without it, only 2xx is one, and the others are errors.
    pub fn any_status(mut self) -> Self {
        self.statuses = Statuses::Any;
        self
    }

    /// Logs and errors say which server was called, and not by which path: what stands there is secret.
    pub fn secret_path(mut self) -> Self {
        self.shown = Shown::Origin;
        self
    }

    /// Sends it, and again where that may help, and reads the whole answer.
    ///
    /// # Errors
    ///
    /// As the application's client should see it, with an [`OutboundError`](crate::OutboundError) as its source for the log:
    ///
    /// | status | code | |
    /// |---|---|---|
    /// | 502 | `upstream_failed` | no connection, an answer that broke off, is too large, or says no |
    /// | 503 | `upstream_unavailable` | not called: the circuit breaker is open, or too many calls are running |
    /// | 504 | `upstream_timeout` | no whole answer in time |
    /// | 422 | `url_refused` | not called: a URL from anywhere leads where none may |
    /// | 500 | `internal_server_error` | the request is put together wrongly |
    #[track_caller]
    pub fn send(self) -> impl Future<Output = Result<Answer>> + Send {
        let place = std::panic::Location::caller();
        async move {
            let (client, prepared) = self.prepare();
            client.call(prepared).await.map_err(|error| {
                error.into_error().context(format!("called at {}:{}", place.file(), place.line()))
            })
        }
    }

    fn prepare(mut self) -> (Client, Result<Prepared, (Method, String, Failure)>) {
        let resolved = match self.fault.take() {
            Some(fault) => Err(fault),
            None => target::resolve(self.client.target(), &self.target, &self.values, &self.query),
        };
        let url: Url = match resolved {
            Ok(url) => url,
            Err(failure) => return (self.client, Err((self.method, shown(&self.target), failure))),
        };
        let mut headers = self.client.headers().clone();
        headers.extend(self.headers);
        let Self { method, body, timeout, statuses, shown, .. } = self;
        (self.client, Ok(Prepared { method, url, headers, body, timeout, statuses, shown }))
    }

    /// The first mistake is the one that is told.
    fn mistake(&mut self, what: String) {
        self.fault.get_or_insert(Failure::Mistake(what));
    }
}

/// A target as it may be shown: without a query, which may hold what is secret, and not endless.
fn shown(target: &str) -> String {
    let target = target.split(['?', '#']).next().unwrap_or_default();
    // What is before an `@` may be a password.
    let target = target.rsplit_once('@').map_or(target, |(_, host)| host);
    target.chars().take(200).collect()
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = shown(&self.target);
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("target", &target)
            .finish_non_exhaustive()
    }
}
