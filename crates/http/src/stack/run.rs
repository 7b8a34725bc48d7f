//! The handler's future, guarded: in its span, its panics caught, its time limited, and carried on when the client
//! hangs up in the middle of something that must not stop there.
//!
//! A handler that is ready when it is first asked costs no timer, and none of this allocates.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Error;
use mainstay_core::call_context::CallContext;
use mainstay_core::origin::Origin;
use tokio::sync::Notify;
use tracing::{Instrument as _, Span};

use super::panic::catch;

/// What is around a handler's future.
pub(crate) struct Guard<'a> {
    pub(crate) span: &'a Span,
    pub(crate) catches: bool,
    pub(crate) limit: Option<Duration>,
    /// What the handler works for, as others may ask.
    pub(crate) origin: Option<&'a Origin>,
    /// What it hands on to the services that it calls.
    pub(crate) context: CallContext,
    /// Where the future goes when the client hangs up, and how long it may take there; none if it is dropped then.
    pub(crate) finishing: Option<(&'a Arc<Finishing>, Duration)>,
}

impl Guard<'_> {
    /// Makes the future, and runs it.
    pub(crate) async fn run(self, start: impl FnOnce() -> BoxFuture<'static, Response>) -> Response {
        let started =
            if self.catches { self.span.in_scope(|| catch(start)) } else { Ok(self.span.in_scope(start)) };
        let future = match started {
            Ok(future) => future,
            Err(panic) => return panic.into_response(),
        };
        let mut work = Work { future: Some(future), guard: self };
        if let Poll::Ready(response) = poll_fn(|context| Poll::Ready(work.poll(context))).await {
            return response;
        }
        let Some(limit) = work.guard.limit else { return poll_fn(|context| work.poll(context)).await };
        let mut sleep = pin!(tokio::time::sleep(limit));
        // The poll above has left its waker with the handler, so only the timer is to be asked now.
        let mut woken = false;
        poll_fn(|context| {
            if woken && let Poll::Ready(response) = work.poll(context) {
                return Poll::Ready(response);
            }
            woken = true;
            sleep.as_mut().poll(context).map(|()| {
                // Too late is too late for the handler as well.
                work.stop();
                too_slow(limit)
            })
        })
        .await
    }
}

/// The future with its guard. Dropping it in the middle is how a hang-up looks from here.
struct Work<'a> {
    future: Option<BoxFuture<'static, Response>>,
    guard: Guard<'a>,
}

impl Work<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Response> {
        let Some(future) = &mut self.future else { return Poll::Pending };
        let _entered = if self.guard.span.is_disabled() { None } else { Some(self.guard.span.enter()) };
        let handed_on = self.guard.context;
        let mut poll = || match self.guard.origin {
            Some(origin) => origin.sync_scope(|| handed_on.sync_scope(|| future.as_mut().poll(context))),
            None => handed_on.sync_scope(|| future.as_mut().poll(context)),
        };
        let polled = if self.guard.catches {
            catch(poll).unwrap_or_else(|panic| Poll::Ready(panic.into_response()))
        } else {
            poll()
        };
        if polled.is_ready() {
            self.stop();
        }
        polled
    }

    fn stop(&mut self) {
        let future = self.future.take();
        if self.guard.catches {
            // What a handler owns may panic when it is dropped.
            drop(catch(|| drop(future)));
        }
    }
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        if let (Some(future), Some((finishing, limit))) = (self.future.take(), self.guard.finishing) {
            // Nobody waits any more, but the end comes by the limit all the same.
            let deadline = Instant::now().checked_add(limit);
            let future = CallContext { deadline, ..self.guard.context }.scope(future);
            let future = match self.guard.origin.cloned() {
                Some(origin) => origin.scope(future).boxed(),
                None => future.boxed(),
            };
            finishing.finish(future, limit, self.guard.span.clone());
        }
    }
}

#[track_caller]
fn too_slow(limit: Duration) -> Response {
    Error::unavailable("The answer took too long.")
        .code("timed_out")
        .context(format!("no response after {limit:?}: see `http.timeout`, and `timeout` on the route"))
        .into_response()
}

/// Handlers whose client has hung up, on their way to their end. Bounded, limited in time, and waited for at shutdown.
#[derive(Debug)]
pub(crate) struct Finishing {
    count: AtomicUsize,
    most: usize,
    idle: Notify,
}

impl Finishing {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), most, idle: Notify::new() })
    }

    fn finish(self: &Arc<Self>, future: BoxFuture<'static, Response>, limit: Duration, span: Span) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let place = Place::take(self);
        if place.is_none() {
            span.in_scope(|| {
                tracing::warn!(
                    limit = self.most,
                    "a client hung up, and too many handlers are finishing already: this one is cut off"
                );
            });
            return;
        }
        let work = async move {
            let _place = place;
            let guarded = std::panic::AssertUnwindSafe(future);
            match tokio::time::timeout(limit, guarded.catch_unwind()).await {
                Ok(Ok(response)) => {
                    tracing::debug!(
                        status = response.status().as_u16(),
                        "finished, though the client hung up"
                    );
                    if let Some(error) = response.extensions().get::<Arc<Error>>() {
                        crate::render::log(error);
                    }
                }
                Ok(Err(_)) => tracing::error!("a handler panicked after its client hung up"),
                Err(_) => tracing::error!("a handler whose client hung up took too long, and was cut off"),
            }
        };
        runtime.spawn(work.instrument(span));
    }

    /// How many are at it.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Completes when none is left.
    pub(crate) async fn all(&self) {
        loop {
            let idle = self.idle.notified();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

/// Where a route has no time-out, a handler that nobody waits for gets this.
const LONGEST: Duration = Duration::from_secs(300);
/// What is done before and after a handler that is handed something.
const SLACK: Duration = Duration::from_secs(60);

/// How long a handler may take that nobody waits for, where its route has this limit, and hands over to one with that.
pub(crate) fn alone(limit: Option<Duration>, handed_over: Option<Duration>) -> Duration {
    let longest = handed_over.map_or(LONGEST, |limit| LONGEST.max(limit.saturating_add(SLACK)));
    limit.unwrap_or(longest)
}

/// A place among those that finish.
struct Place(Arc<Finishing>);

impl Place {
    fn take(finishing: &Arc<Finishing>) -> Option<Self> {
        let free = |count: usize| (count < finishing.most).then_some(count + 1);
        finishing.count.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Self(Arc::clone(finishing)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
