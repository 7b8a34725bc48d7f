//! Work that is done in the background, from the application's own database.
//!
//! A job is enqueued in the transaction that makes it necessary, so that it is there exactly if what it is about is there, and run by a
//! worker at least once. In reading order:
//!
//! 1. [`Job`] and [`JobSpec`]: what a job is, and what is said of its kind. [`Draft`]: what is said of a single one.
//! 2. [`Chain`] and [`Batch`]: jobs that follow each other, and jobs that belong together.
//! 3. [`JobContext`]: what a job knows of its attempt. [`again_after`], [`discard`], [`give_up`]: what it says by its error.
//! 4. [`stored`]: the tables.
//! 5. `ledger`: what is done to the rows, in the order of a job's life.
//! 6. `worker`: the service that takes jobs, runs them, and writes how they ended.
//! 7. [`Jobs`]: looks at jobs, cancels them, tries them again, waits for them.
//! 8. [`Schedule`]: jobs that are enqueued by the clock.
//! 9. [`survey`], [`stats`]: what there is to see of jobs at the moment, and what was done over time.
//! 10. [`module`], [`config`], `command`: the built-in module, its section, and the command `worker`.

mod batch;
mod chain;
mod command;
pub mod config;
mod context;
mod draft;
mod following;
mod job;
mod jobs;
mod ledger;
pub mod module;
mod outcome;
mod registration;
mod schedule;
mod spec;
pub mod stats;
pub mod stored;
pub mod survey;
mod threads;
mod topic;
mod worker;

pub use batch::{Batch, BatchId};
pub use chain::Chain;
pub use config::JobsConfig;
pub use context::JobContext;
pub use draft::{Draft, Enqueued, JobId};
pub use job::{Job, OnError};
pub use jobs::Jobs;
pub use mainstay_macros::{Job, jobs};
pub use module::JobsExt;
pub use outcome::{again_after, discard, give_up};
pub use registration::Registration;
pub use schedule::{CatchUp, Schedule, SchedulesExt};
pub use spec::{JobSpec, Rate, Unique};
pub use stored::{State, StoredJob};

/// What the macros call. Not for others.
#[doc(hidden)]
pub mod __private {
    pub use mainstay_core::{Error, Result};
    pub use serde_json;
}
