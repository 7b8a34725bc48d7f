//! How often children were restarted of late.

use std::collections::VecDeque;

use tokio::time::Instant;

use crate::service::Intensity;

/// The restarts within the last period of an [`Intensity`]; never more than it allows, and one.
pub(super) struct Restarts {
    allowed: Intensity,
    times: VecDeque<Instant>,
}

impl Restarts {
    pub(super) fn new(allowed: Intensity) -> Self {
        Self { allowed, times: VecDeque::new() }
    }

    /// Counts a restart, and says whether it is one too many.
    pub(super) fn is_one_too_many(&mut self, now: Instant) -> bool {
        while let Some(earliest) = self.times.front()
            && now.duration_since(*earliest) > self.allowed.within
        {
            self.times.pop_front();
        }
        self.times.push_back(now);
        self.times.len() > self.allowed.restarts
    }
}
