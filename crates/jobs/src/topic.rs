//! What workers are told by: see [`mainstay_db::signal`].

/// Something waits for its time, or for its key.
pub(crate) const DUE: &str = "jobs/due";

/// Something is ready in a queue.
pub(crate) fn ready(queue: &str) -> String {
    format!("jobs/{queue}")
}

/// Somebody wants a job that runs to stop.
pub(crate) const CANCELLED: &str = "jobs/cancelled";
