//! What can go wrong with a call, and what the application's own client is told of it.

use std::error::Error as StdError;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use mainstay_core::Error;

use crate::filter::Refusal;

/// A cause.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// A call that came to nothing: to whom, what was asked, and why.
///
/// It is the source of the [`Error`] that a call returns: `error.source_as::<OutboundError>()`.
#[derive(Debug, thiserror::Error)]
#[error("upstream `{upstream}`: {method} {url}")]
pub struct OutboundError {
    /// The name of the upstream.
    pub upstream: String,
    /// The method.
    pub method: Method,
    /// The URL, without its query: that may hold what is secret.
    pub url: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it came to nothing.
    #[source]
    pub failure: Failure,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// No whole answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// There was no connection.
    #[error("no connection")]
    Connect(#[source] Cause),
    /// The connection broke before the answer was whole, or it was no HTTP.
    #[error("the answer broke off")]
    Broken(#[source] Cause),
    /// An answer that says no.
    #[error("it answered {status}: {excerpt}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The beginning of the body, for the log.
        excerpt: String,
    },
    /// The body of the answer is larger than `body_limit`.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// How many it may have.
        limit: u64,
    },
    /// The body of the answer does not fit the type that was asked for.
    #[error("the answer does not fit at `{path}`: {message}; it is {excerpt}")]
    Misfit {
        /// Where in it: `items[3].price`.
        path: String,
        /// What does not fit.
        message: String,
        /// The beginning of the body, for the log.
        excerpt: String,
    },
    /// More redirects than are followed.
    #[error("more than {0} redirects, or one that leads nowhere")]
    Redirects(u32),
    /// The circuit breaker is open: too many calls have failed of late.
    #[error("not called: too many calls have failed; the next try is in {0:?}")]
    Open(Duration),
    /// As many calls as may run at the same time are running.
    #[error("not called: {0} calls are running already")]
    Busy(usize),
    /// The filter does not let the URL through.
    #[error("not called: {0}")]
    Refused(Refusal),
    /// The call itself is put together wrongly.
    #[error("{0}")]
    Mistake(String),
}

impl Failure {
    /// In one word, for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "timeout",
            Self::Connect(_) => "connect",
            Self::Broken(_) => "broken",
            Self::Status { .. } => "status",
            Self::TooLarge { .. } => "too_large",
            Self::Misfit { .. } => "misfit",
            Self::Redirects(_) => "redirects",
            Self::Open(_) => "open",
            Self::Busy(_) => "busy",
            Self::Refused(_) => "refused",
            Self::Mistake(_) => "mistake",
        }
    }
}

impl OutboundError {
    /// The status that the upstream answered with, where that is what went wrong.
    pub fn status(&self) -> Option<StatusCode> {
        match &self.failure {
            Failure::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// As it leaves a handler: what happened is for the log alone.
    #[track_caller]
    pub(crate) fn into_error(self) -> Error {
        let error = match &self.failure {
            Failure::Timeout(_) => {
                Error::new(StatusCode::GATEWAY_TIMEOUT, "A service that we depend on did not answer in time.")
                    .code("upstream_timeout")
            }
            Failure::Open(wait) => {
                let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
                unavailable().header(header::RETRY_AFTER, HeaderValue::from(seconds))
            }
            Failure::Busy(_) => unavailable(),
            // The upstream has led us there, and not the client.
            Failure::Refused(Refusal::OtherOrigin(_)) => failed(),
            Failure::Refused(_) => {
                Error::new(StatusCode::UNPROCESSABLE_ENTITY, "This URL may not be called.")
                    .code("url_refused")
            }
            Failure::Mistake(_) => Error::internal("a call that cannot be made"),
            _ => failed(),
        };
        let tried = format!("tried {} times", self.attempts);
        let error = if self.attempts > 1 { error.context(tried) } else { error };
        error.caused_by(self)
    }
}

#[track_caller]
fn failed() -> Error {
    Error::new(StatusCode::BAD_GATEWAY, "A service that we depend on did not do its part.")
        .code("upstream_failed")
}

#[track_caller]
fn unavailable() -> Error {
    Error::unavailable("A service that we depend on is not available.").code("upstream_unavailable")
}

/// The beginning of a body, on one line, for the log.
pub(crate) fn excerpt(body: &[u8]) -> String {
    const MOST: usize = 200;
    if body.is_empty() {
        return "nothing".to_owned();
    }
    let beginning = String::from_utf8_lossy(&body[..body.len().min(MOST)]);
    let more = if body.len() > MOST { "…" } else { "" };
    format!("`{}{more}`", beginning.escape_debug())
}
