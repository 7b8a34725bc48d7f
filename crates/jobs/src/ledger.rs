//! What is done to the stored jobs, in the order of a job's life:
//!
//! - `claim`: a worker takes jobs that are ready.
//! - `ending`: what becomes of them, and of those that follow.
//! - `due`: those whose time has come become ready.
//! - `limits`: those with a key are let in.
//! - `lost`: what a worker that is gone has left behind, and what nobody needs any more.
//! - `waiting`: whoever waits here for the end of one.
//!
//! A job that runs belongs to one worker by its number. Whatever is written for it asks for that number, so that a worker that was
//! taken for dead, and is not, changes nothing.

mod claim;
mod due;
mod ending;
mod limits;
mod lost;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::metrics::Metrics;
use mainstay_core::random::Random;
use mainstay_core::{Contributions, Inject};
use mainstay_db::Db;

use crate::config::JobsConfig;
use crate::registration::Registry;
use crate::stats::Tally;

pub(crate) use ending::{Ending, over, own};
use limits::Waits;
use waiting::Ends;

/// The stored jobs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Ledger(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    registry: Registry,
    keep_completed: Duration,
    keep_dead: Option<Duration>,
    keep_stats: Duration,
    tally: Tally,
    waits: Waits,
    ends: Ends,
}

impl Ledger {
    pub(crate) fn new(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        random: Inject<dyn Random>,
        config: Inject<JobsConfig>,
        (contributions, metrics): (Inject<Contributions>, Inject<Metrics>),
    ) -> Self {
        Self(Arc::new(Inner {
            // A replica may not know yet of what was written.
            db: db.primary(),
            clock,
            random,
            registry: Registry::of(&contributions),
            keep_completed: config.keep_completed,
            keep_dead: config.keep_dead,
            keep_stats: config.keep_stats,
            tally: Tally::new(Metrics::clone(&metrics)),
            waits: Waits::default(),
            ends: Ends::default(),
        }))
    }

    pub(crate) fn db(&self) -> &Db {
        &self.0.db
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.0.clock.now().into()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// What is counted here.
    pub(crate) fn tally(&self) -> &Tally {
        &self.0.tally
    }

    pub(crate) fn keep_stats(&self) -> Duration {
        self.0.keep_stats
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn chance(&self) -> f64 {
        (self.0.random.number() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
