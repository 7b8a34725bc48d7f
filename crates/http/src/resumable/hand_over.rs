//! The end of an upload: the application's handler takes the file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::request::Parts;
use http::{Method, header};
use http_body::Body as _;
use mainstay_core::call_context::CallContext;
use mainstay_core::{Error, Result, StatusCode};

use super::arrival::too_slow;
use super::finished::Finished;
use super::receive::{Stopped, judge};
use super::store::{Opened, Record};
use crate::extract::Rules;
use crate::middleware::into_result;
use crate::route::{Endpoint, RouteMatch, Timeout};
use crate::stack::panic;

/// What answers when a file is complete.
pub(super) struct Handler {
    pub(super) endpoint: Arc<dyn Endpoint>,
    pub(super) timeout: Option<Timeout>,
}

impl Handler {
    /// How long it may take, where `usual` is what others may.
    pub(super) fn limit(&self, usual: Duration) -> Option<Duration> {
        match self.timeout {
            Some(Timeout::After(limit)) => Some(limit),
            Some(Timeout::Never) => None,
            None => (!usual.is_zero()).then_some(usual),
        }
    }

    /// Calls it with the file, for the request that brought the last of it.
    pub(super) async fn take(
        &self,
        opened: &Opened,
        rules: &Rules,
        parts: Parts,
        limit: Option<Duration>,
    ) -> Result<Response, Stopped> {
        let media_type = judge(opened, rules).await?;
        let metadata = opened.record.metadata();
        let finished = Finished::new(opened.id.as_str(), opened.path(), opened.offset, media_type, metadata);
        let argument = finished.clone();
        // What it calls hears until when it has time.
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let context = CallContext { deadline, ..CallContext::current() };
        let request = request(parts, &opened.record, argument)?;
        // A panic is a failure like others, also where the stack lets it pass: what becomes of the file depends on it.
        let answering = panic::always_caught(async { into_result(self.endpoint.call(request).await) });
        let answering = context.scope(answering);
        let answer = match limit {
            Some(limit) => tokio::time::timeout(limit, answering).await.map_err(|_| too_slow(limit))?,
            None => answering.await,
        };
        let error = match answer {
            Ok(response) if response.status().is_client_error() || response.status().is_server_error() => {
                Error::new(response.status(), "The file was refused.")
            }
            Ok(response) => return Ok(acknowledging(response)),
            Err(error) => error,
        };
        Err(if finished.was_taken() { stopped(error) } else { Stopped::Kept(error) })
    }
}

/// The request as a handler of the address itself sees it: a POST without a body.
///
/// The address is that of the request which began the file: its query was looked at when it was admitted.
fn request(mut parts: Parts, record: &Record, finished: Finished) -> Result<Request> {
    parts.method = Method::POST;
    parts.uri = record.target().try_into()?;
    for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::TRANSFER_ENCODING] {
        parts.headers.remove(name);
    }
    if let Some(matched) = parts.extensions.remove::<RouteMatch>() {
        parts.extensions.insert(matched.without(super::UPLOAD));
    }
    parts.extensions.insert(finished);
    Ok(Request::from_parts(parts, Body::empty()))
}

/// 204, as the protocol has it, unless the handler says something.
fn acknowledging(mut response: Response) -> Response {
    let is_empty = response.body().size_hint().exact() == Some(0);
    *response.status_mut() = if is_empty { StatusCode::NO_CONTENT } else { StatusCode::OK };
    response
}

/// Whether the file is kept when the handler has failed: where it is not the file that was wrong, the client may try again.
fn stopped(error: Error) -> Stopped {
    const AGAIN: [StatusCode; 6] = [
        StatusCode::UNAUTHORIZED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::CONFLICT,
        StatusCode::LOCKED,
        StatusCode::TOO_EARLY,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    // An argument after the file was not to be had: the handler has not seen it.
    let unseen = error.machine_code() == "invalid_parameter";
    if unseen || error.status().is_server_error() || AGAIN.contains(&error.status()) {
        Stopped::Kept(error)
    } else {
        Stopped::Refused(error)
    }
}
