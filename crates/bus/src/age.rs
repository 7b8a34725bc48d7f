//! How old something is.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// So long before `now`. `None` where no calendar goes: nothing is that old.
pub(crate) fn ago(now: DateTime<Utc>, age: Duration) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(chrono::Duration::from_std(age).ok()?)
}
