//! The statements of a shared connection whose answers are still to come.
//!
//! The connection's own task reads them, and not whoever asked: a caller that is not polled for a while (a future in a list
//! of which another one is being worked on) would stop everybody whose answer comes behind its own, itself included.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_util::future::{BoxFuture, poll_fn};

/// A statement, from being sent to having told its answer.
pub(super) type Exchange = BoxFuture<'static, ()>;

/// They are answered in the order in which they were sent, so that only the first one has to be looked at.
#[derive(Clone, Default)]
pub(super) struct Answers(Arc<Mutex<VecDeque<Exchange>>>);

impl Answers {
    /// Sends a statement, which the first poll does, and leaves the rest to the connection's task. Sending wakes that task.
    pub(super) fn start(&self, mut exchange: Exchange) {
        // The lock keeps the order of the line that of the socket.
        let mut line = self.lock();
        if exchange.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            line.push_back(exchange);
        }
    }

    /// Goes on with those whose answers have come. Ready when there is nothing left.
    pub(super) fn poll(&self, context: &mut Context<'_>) -> Poll<()> {
        // Nobody else takes from the front. Whoever sends must not wait for what is done with an answer.
        while let Some(mut first) = self.first() {
            if first.as_mut().poll(context).is_pending() {
                self.lock().push_front(first);
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    }

    /// Tells everybody, after the connection has ended.
    pub(super) async fn end(&self) {
        poll_fn(|context| self.poll(context)).await;
    }

    fn first(&self) -> Option<Exchange> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Exchange>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
