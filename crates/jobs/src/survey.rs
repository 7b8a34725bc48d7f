//! What there is to see of jobs, for pages and programs that watch them. Nothing here becomes slow when a million jobs wait: what is
//! counted is counted up to [`Bounded::MOST`], and lists are read page by page along an index.
//!
//! - `queues`: [`QueueState`], how many jobs a queue has in each state, and how long it lets them wait.
//! - `list`: [`JobFilter`] and [`JobPage`], jobs of a state, page by page; all dead ones of a kind, to try them again.
//! - `schedules`: [`ScheduleState`], what is enqueued by the clock.
//! - `around`: workers, batches, and what follows a job.

mod around;
mod list;
mod queues;
mod schedules;

use std::fmt;

use serde::{Serialize, Serializer};

pub use around::WorkerState;
pub use list::{JobFilter, JobLine, JobPage, Place};
pub use queues::{Counts, QueueState};
pub use schedules::ScheduleState;

/// A number that is counted up to [`Bounded::MOST`], beyond which it only says that there are more. Shown as `10,000+`, and as `10000` in
/// JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded {
    count: u64,
}

impl Bounded {
    /// So many are counted.
    pub const MOST: u64 = 10_000;

    pub(crate) fn new(count: u64) -> Self {
        Self { count }
    }

    /// How many there are, [`Bounded::MOST`] at most.
    pub fn count(self) -> u64 {
        self.count.min(Self::MOST)
    }

    /// Whether there are more.
    pub fn is_more(self) -> bool {
        self.count > Self::MOST
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count }
    }
}

impl fmt::Display for Bounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.is_more(), self.count()) {
            (true, _) => f.write_str("10,000+"),
            (false, count @ ..1_000) => write!(f, "{count}"),
            (false, count) => write!(f, "{},{:03}", count / 1_000, count % 1_000),
        }
    }
}

impl Serialize for Bounded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.count())
    }
}
