//! A request on its way to the bytes: what is around it has the usual time for that, and no more. Bytes have limits of their own
//! afterwards, and so has the handler.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, header};
use mainstay_core::{Error, Inject, Result, StatusCode};
use tokio::sync::Notify;

use super::protocol::METHOD_OVERRIDE;
use super::store::Uploads;
use crate::Next;

/// In the extensions of a request: whether its bytes, or the handler, have their turn.
#[derive(Clone, Default)]
pub(super) struct Arrival(Arc<Notify>);

impl Arrival {
    /// From here on the usual time-out does not hold.
    pub(super) fn note(parts: &Parts) {
        if let Some(Self(notify)) = parts.extensions.get() {
            notify.notify_one();
        }
    }
}

/// Runs what is further in. Whoever only asks how much has come does not hear of our faults.
pub(super) async fn run(request: Request, next: Next) -> Result<Response> {
    let only_asks = asks(request.method(), request.headers());
    match in_time(request, next).await {
        Err(error) if only_asks && error.status().is_server_error() => Err(not_now(&error)),
        answer => answer,
    }
}

fn asks(method: &Method, headers: &HeaderMap) -> bool {
    let meant = headers.get(&METHOD_OVERRIDE).filter(|_| *method == Method::POST);
    *method == Method::HEAD || meant.is_some_and(|method| method == Method::HEAD.as_str())
}

async fn in_time(request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let usual = Inject::<Uploads>::from_request_parts(&mut parts, &()).await?.timeout;
    let arrival = Arrival::default();
    parts.extensions.insert(arrival.clone());
    // Also a middleware that panics is answered as the protocol has it.
    let mut answering = pin!(next.run_to_the_end(Request::from_parts(parts, body)));
    if !usual.is_zero() {
        tokio::select! {
            biased;
            answer = &mut answering => return answer,
            () = arrival.0.notified() => {}
            () = tokio::time::sleep(usual) => return Err(too_slow(usual)),
        }
    }
    answering.await
}

#[track_caller]
pub(super) fn too_slow(limit: Duration) -> Error {
    Error::unavailable("The answer took too long.").code("timed_out").context(format!(
        "no response after {limit:?}: see `http.timeout`, and `timeout` on the route of the upload"
    ))
}

/// 423 for who asks how much has come of a file that is not to be had now, or that the handler has failed with. On any other
/// error a client gives the upload up and begins anew; on this one it asks again.
#[track_caller]
pub(super) fn not_now(error: &Error) -> Error {
    crate::render::log(error);
    let message = "What has come is here, but could not be looked at or taken yet: ask again.";
    Error::new(StatusCode::LOCKED, message)
        .code("upload_not_taken")
        .header(header::RETRY_AFTER, HeaderValue::from_static("5"))
        .context(error.report())
}
