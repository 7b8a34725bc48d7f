//! What operators see of an application.
//!
//! - [`dashboard`]: the jobs, at `/jobs`: queues, rates and latency over time, lists by state, one job with its arguments and failures,
//!   batches, workers; and what an operator does about them.

pub mod dashboard;

pub use dashboard::{JobDashboard, JobDashboardExt};
