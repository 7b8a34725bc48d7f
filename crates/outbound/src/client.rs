//! The client of one upstream, and the way of a call.
//!
//! A call takes a place among those that run at the same time, and has a deadline. Within it there are attempts: the breaker lets
//! each through or not, and after one that failed [`retry`] decides on another. An attempt is one request and its
//! whole answer, or a few, where it is redirected.

mod meters;
mod redirect;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use mainstay_core::Result;
use mainstay_core::call_context::CallContext;
use mainstay_core::clock::{Clock, SystemClock};
use mainstay_core::metrics::Metrics;
use mainstay_core::random::{Random, SecureRandom};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use self::meters::Meters;
use crate::answer::{About, Answer};
use crate::breaker::{Breaker, BreakerState, Outcome};
use crate::failure::{Failure, OutboundError, excerpt};
use crate::filter::Refusal;
use crate::request::Request;
use crate::retry::{self, Attempted, Budget};
use crate::settings::{Reach, Settings, Target};
use crate::transport::Transport;

/// Calls one upstream. Cheap to clone; clones share connections, breaker and limits.
///
/// A test that is not to reach the network takes one that answers by itself:
///
/// ```
/// use mainstay_outbound::{Client, http};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> mainstay_core::Result<()> {
///
/// let client = Client::answering(|request| {
///     assert_eq!(request.uri().path(), "/charges/17");
///     http::Response::new(r#"{ "cents": 500 }"#.into())
/// });
/// let charge: serde_json::Value = client.get("/charges/{id}").path("id", 17).send().await?.json()?;
/// assert_eq!(charge["cents"], 500);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    name: String,
    settings: Settings,
    headers: HeaderMap,
    target: Target,
    transport: Transport,
    breaker: Option<Arc<Breaker>>,
    budget: Budget,
    places: Semaphore,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    meters: Meters,
}

/// What a client takes from the application around it.
pub(crate) struct Surroundings {
    pub(crate) agent: String,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) metrics: Metrics,
}

/// A request that can be sent, as often as need be.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
    pub(crate) statuses: Statuses,
    pub(crate) shown: Shown,
}

/// How much of a URL logs and errors have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    Path,
    Origin,
}

/// Which statuses are an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statuses {
    Success,
    Any,
}

/// So much is left of the time that the application's own client waits, to tell it why.
const MARGIN: Duration = Duration::from_millis(50);
/// No call takes longer, whatever is set: a day.
const LONGEST: Duration = Duration::from_secs(86_400);

impl Client {
    pub(crate) fn new(
        name: String,
        settings: Settings,
        (target, transport): (Target, Transport),
        surroundings: &Surroundings,
    ) -> Self {
        let clock = Arc::clone(&surroundings.clock);
        let breaker = settings.breaker.map(|breaker| Breaker::new(&name, breaker, Arc::clone(&clock)));
        let mut headers = settings.headers.clone();
        if let Ok(agent) = HeaderValue::try_from(&surroundings.agent) {
            headers.entry(header::USER_AGENT).or_insert(agent);
        }
        Self(Arc::new(Inner {
            meters: Meters::new(&name, &surroundings.metrics, breaker.as_ref()),
            headers,
            target,
            transport,
            breaker,
            budget: Budget::new(settings.retry_share),
            places: Semaphore::new(settings.concurrency.min(Semaphore::MAX_PERMITS)),
            clock,
            random: Arc::clone(&surroundings.random),
            name,
            settings,
        }))
    }

    /// A client that reaches no network: `respond` answers. For tests of what is built on it.
    ///
    /// All else is real: statuses, retries, the breaker, errors. It takes paths, and URLs that begin with `http://stub`.
    pub fn answering(
        respond: impl Fn(http::Request<Bytes>) -> http::Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        let settings = Settings::new(Reach::Base(None));
        #[expect(clippy::expect_used, reason = "a constant that is a URL")]
        let base = Url::parse("http://stub").expect("a URL");
        let surroundings = Surroundings {
            agent: "stub".to_owned(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SecureRandom::new()),
            metrics: Metrics::new(),
        };
        let transport = Transport::Stub(Arc::new(respond));
        Self::new("stub".to_owned(), settings, (Target::Base(base), transport), &surroundings)
    }

    /// The name of the upstream.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Where the circuit breaker stands. None where there is none.
    pub fn breaker(&self) -> Option<BreakerState> {
        self.0.breaker.as_ref().map(|breaker| breaker.state())
    }

    /// Why a URL is never called, as far as can be told without resolving its name: for an answer to who has named it. None where
    /// nothing speaks against it; the address behind a name is looked at when it is called.
    pub fn refusal(&self, url: &str) -> Option<Refusal> {
        let url = match Url::parse(url) {
            Ok(url) => url,
            Err(error) => return Some(Refusal::NotAUrl(error.to_string())),
        };
        match self.0.check(&url) {
            Err(Failure::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }

    /// `GET`. The target is a path below the base, such as `/charges/{id}`; for an upstream that is anywhere, a URL.
    pub fn get(&self, target: impl Into<String>) -> Request {
        self.request(Method::GET, target)
    }

    /// `HEAD`.
    pub fn head(&self, target: impl Into<String>) -> Request {
        self.request(Method::HEAD, target)
    }

    /// `POST`.
    pub fn post(&self, target: impl Into<String>) -> Request {
        self.request(Method::POST, target)
    }

    /// `PUT`.
    pub fn put(&self, target: impl Into<String>) -> Request {
        self.request(Method::PUT, target)
    }

    /// `PATCH`.
    pub fn patch(&self, target: impl Into<String>) -> Request {
        self.request(Method::PATCH, target)
    }

    /// `DELETE`.
    pub fn delete(&self, target: impl Into<String>) -> Request {
        self.request(Method::DELETE, target)
    }

    /// Any method.
    pub fn request(&self, method: Method, target: impl Into<String>) -> Request {
        Request::new(self.clone(), method, target.into())
    }

    pub(crate) fn target(&self) -> &Target {
        &self.0.target
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The whole call, and what there is to count and tell of it.
    pub(crate) async fn call(
        &self,
        prepared: Result<Prepared, (Method, String, Failure)>,
    ) -> Result<Answer, OutboundError> {
        let began = Instant::now();
        let mut about =
            About { upstream: self.0.name.clone(), method: Method::GET, url: String::new(), attempts: 0 };
        let called = match prepared {
            Ok(prepared) => {
                about.method = prepared.method.clone();
                about.url = shown(&prepared.url, prepared.shown);
                let statuses = prepared.statuses;
                match self.0.attempts(prepared, &mut about.attempts).await {
                    Ok(response) if statuses == Statuses::Success && !response.status().is_success() => {
                        let excerpt = excerpt(response.body());
                        Err(Failure::Status { status: response.status(), excerpt })
                    }
                    called => called,
                }
            }
            Err((method, url, failure)) => {
                (about.method, about.url) = (method, url);
                Err(failure)
            }
        };
        let outcome = match &called {
            Ok(response) => class(response.status()),
            Err(Failure::Status { status, .. }) => class(*status),
            Err(failure) => failure.name(),
        };
        let time = began.elapsed();
        self.0.meters.called(outcome, time);
        tracing::debug!(
            upstream = about.upstream.as_str(),
            method = about.method.as_str(),
            url = about.url.as_str(),
            attempts = about.attempts,
            milliseconds = time.as_millis() as u64,
            outcome,
            "called"
        );
        match called {
            Ok(response) => Ok(Answer::new(response, about)),
            Err(failure) => Err(about.failed(failure)),
        }
    }
}

impl Inner {
    async fn attempts(&self, request: Prepared, attempts: &mut u32) -> Attempted {
        let began = Instant::now();
        let place = self.places.try_acquire();
        let _place = place.map_err(|_| Failure::Busy(self.settings.concurrency))?;
        let _running = self.meters.running.hold();
        let context = CallContext::current();
        let limit = request.timeout.unwrap_or(self.settings.timeout).min(LONGEST);
        let inherited = context.deadline.map(Instant::from_std);
        let deadline = inherited
            .map_or(began + limit, |end| (began + limit).min(end.checked_sub(MARGIN).unwrap_or(end)));
        if deadline <= began {
            return Err(Failure::Timeout(Duration::ZERO));
        }
        self.budget.add();
        let retries = match retry::is_repeatable(&request.method, &request.headers) {
            true => self.settings.retries,
            false => 0,
        };
        loop {
            let leave = match self.breaker.as_ref().map(Breaker::admit).transpose() {
                Ok(leave) => leave,
                Err(wait) => return Err(Failure::Open(wait)),
            };
            *attempts += 1;
            let started = Instant::now();
            let end = self
                .settings
                .attempt_timeout
                .map_or(deadline, |limit| deadline.min(started + limit.min(LONGEST)));
            let attempted = match tokio::time::timeout_at(end, self.attempt(request.clone(), context)).await {
                Ok(attempted) => attempted,
                Err(_) => Err(Failure::Timeout(started.elapsed())),
            };
            if let Some(leave) = leave {
                leave.tell(outcome(&attempted));
            }
            if *attempts > retries || !retry::is_passing(&attempted) {
                return attempted;
            }
            let wait = retry::wait(&attempted, *attempts - 1, self.clock.now(), &*self.random);
            let in_time = deadline.saturating_duration_since(Instant::now()) > wait;
            // What has opened the breaker says more than that it is open.
            let is_open = self.breaker.as_ref().is_some_and(|breaker| breaker.state() == BreakerState::Open);
            if !in_time || is_open || !self.budget.take() {
                return attempted;
            }
            self.meters.retries.inc();
            tracing::debug!(upstream = self.name.as_str(), attempt = *attempts, ?wait, "trying again");
            tokio::time::sleep(wait).await;
        }
    }

    /// One request and its answer; a few, where it is redirected.
    async fn attempt(&self, mut request: Prepared, context: CallContext) -> Attempted {
        if let Some(trace) = context.trace.and_then(|trace| trace.at(self.random.number()))
            && let Ok(value) = HeaderValue::try_from(trace.to_string())
        {
            request.headers.insert("traceparent", value);
        }
        let most = self.settings.redirects;
        for _ in 0..=most {
            self.check(&request.url)?;
            let response = self.transport.exchange(written(&request)?, self.settings.body_limit).await?;
            match redirect::location(&response, &request.url).filter(|_| most > 0) {
                Some(to) => {
                    let to = to?;
                    // At one place, it leads to another origin: that is said below.
                    if matches!(self.target, Target::Anywhere(_)) && redirect::is_downgrade(&request.url, &to)
                    {
                        return Err(Failure::Refused(Refusal::Downgrade));
                    }
                    redirect::follow(&mut request, response.status(), to);
                }
                None => return Ok(response),
            }
        }
        Err(Failure::Redirects(most))
    }

    /// Whether a URL may be called, as far as can be seen before its name is resolved.
    fn check(&self, url: &Url) -> Result<(), Failure> {
        match &self.target {
            Target::Anywhere(filter) => filter.check_url(url).map_err(Failure::Refused),
            Target::Base(base) if url.origin() == base.origin() => Ok(()),
            Target::Base(_) => {
                Err(Failure::Refused(Refusal::OtherOrigin(url.origin().ascii_serialization())))
            }
        }
    }
}

fn written(request: &Prepared) -> Result<http::Request<Bytes>, Failure> {
    let mut written = http::Request::new(request.body.clone());
    *written.method_mut() = request.method.clone();
    *written.uri_mut() = request
        .url
        .as_str()
        .parse()
        .map_err(|error: http::uri::InvalidUri| Failure::Refused(Refusal::NotAUrl(error.to_string())))?;
    *written.headers_mut() = request.headers.clone();
    Ok(written)
}

/// What an attempt says about the upstream. What it refuses to do for us says that it is well.
fn outcome(attempted: &Attempted) -> Outcome {
    let failed = match attempted {
        Ok(response) => response.status().is_server_error(),
        Err(failure) => retry::is_passing_failure(failure),
    };
    if failed { Outcome::Failed } else { Outcome::Succeeded }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}

/// A URL as it may be shown: without credentials and query, which may hold what is secret.
fn shown(url: &Url, shown: Shown) -> String {
    let path = if shown == Shown::Path { url.path() } else { "" };
    format!("{}{path}", url.origin().ascii_serialization()).chars().take(200).collect()
}
