//! What workers are told by: see [`mainstay_db::signal`].

use mainstay_db::Executor;

use crate::stored::State;

/// Something waits for its time, or for its key.
pub(crate) const DUE: &str = "jobs/due";

/// Something is ready in a queue.
pub(crate) fn ready(queue: &str) -> String {
    format!("jobs/{queue}")
}

/// Somebody wants a job that runs to stop.
pub(crate) const CANCELLED: &str = "jobs/cancelled";

/// Tells workers that a job of a queue, which may have a key, is in another state now. In a transaction, once it is committed.
pub(crate) fn tell(executor: &impl Executor, state: State, (queue, is_limited): (&str, bool)) {
    match state {
        State::Ready => executor.target().signal(ready(queue)),
        State::Scheduled | State::Retrying | State::Blocked => executor.target().signal(DUE),
        // It waits for another one, whose end is told.
        State::Following => {}
        // Another one of its key may come in.
        _ if is_limited => executor.target().signal(DUE),
        _ => {}
    }
}
