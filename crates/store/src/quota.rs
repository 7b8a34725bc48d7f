//! How much there is of something in a while.
//!
//! Quotas are kept by the generic cell rate algorithm (GCRA; ITU-T Recommendation I.371, annex A, in its form of virtual
//! scheduling): of all that somebody has taken, one moment is kept, at which the quota would be whole again. What was taken comes
//! back evenly, one by one, rather than all at the end of a window, so that nobody waits for a window to end, and nobody gets two
//! quotas at the border of two windows.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use mainstay_core::config::duration;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So much in so long a time. All of it may be taken at once; then it comes back evenly.
///
/// ```
/// use std::time::Duration;
/// use mainstay_store::Quota;
///
/// assert_eq!("10/2m".parse(), Ok(Quota::new(10, Duration::from_secs(120))));
/// assert_eq!(Quota::per_minute(100).to_string(), "100/1m");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    limit: u32,
    period: Duration,
}

const SHORTEST: Duration = Duration::from_millis(1);
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

impl Quota {
    /// At most `limit` in `period`. It is at least 1; the period is at least a millisecond, and at most 366 days.
    pub const fn new(limit: u32, period: Duration) -> Self {
        let limit = if limit == 0 { 1 } else { limit };
        let period = if period.as_nanos() < SHORTEST.as_nanos() {
            SHORTEST
        } else if period.as_nanos() > LONGEST.as_nanos() {
            LONGEST
        } else {
            period
        };
        Self { limit, period }
    }

    /// So many in a second.
    pub const fn per_second(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(1))
    }

    /// So many in a minute.
    pub const fn per_minute(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(60))
    }

    /// So many in an hour.
    pub const fn per_hour(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(60 * 60))
    }

    /// So many in a day.
    pub const fn per_day(limit: u32) -> Self {
        Self::new(limit, Duration::from_secs(24 * 60 * 60))
    }

    /// How many.
    pub const fn limit(&self) -> u32 {
        self.limit
    }

    /// In how long a time.
    pub const fn period(&self) -> Duration {
        self.period
    }

    /// Looks at what is left at `now`, where this very quota, as it was left, would be whole again at `whole_at`: a moment that
    /// another quota has left says nothing of this one. Both are nanoseconds from any one moment. For drivers.
    pub fn turn(&self, whole_at: u64, now: u64) -> Turn {
        let (interval, whole) = (self.interval(), self.whole());
        Turn { quota: *self, interval, whole, whole_at: whole_at.max(now), now }
    }

    /// After how many nanoseconds one comes back.
    fn interval(&self) -> u64 {
        (self.nanos() / u64::from(self.limit)).max(1)
    }

    /// How many nanoseconds it takes until all of it is back.
    pub(crate) fn whole(&self) -> u64 {
        self.price(self.limit)
    }

    /// How many nanoseconds it takes until this much is back.
    pub(crate) fn price(&self, cost: u32) -> u64 {
        self.interval() * u64::from(cost.min(self.limit))
    }

    /// A year of nanoseconds fits twice 292 times.
    fn nanos(&self) -> u64 {
        u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX)
    }
}

/// One look at a quota: what is left, and what would be.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    quota: Quota,
    interval: u64,
    whole: u64,
    whole_at: u64,
    now: u64,
}

impl Turn {
    /// Whether there is as much as this.
    pub fn has(&self, cost: u32) -> bool {
        self.missing(cost) == 0
    }

    /// The same after this much was taken.
    #[must_use]
    pub fn taken(mut self, cost: u32) -> Self {
        self.whole_at = self.whole_at.saturating_add(self.quota.price(cost));
        self
    }

    /// When the quota is whole again.
    pub fn whole_at(&self) -> u64 {
        self.whole_at
    }

    /// What there is to say to somebody who asked for this much, and was allowed to have it or not.
    pub fn decision(&self, cost: u32, allowed: bool) -> Decision {
        let room = (self.now + self.whole).saturating_sub(self.whole_at);
        Decision {
            allowed,
            limit: self.quota.limit,
            remaining: u32::try_from(room / self.interval).unwrap_or(u32::MAX),
            reset_after: Duration::from_nanos(self.whole_at - self.now),
            retry_after: Duration::from_nanos(self.missing(cost.max(1))),
        }
    }

    /// How long it takes until there is as much as this.
    fn missing(&self, cost: u32) -> u64 {
        if cost == 0 {
            return 0;
        }
        self.whole_at
            .saturating_add(self.quota.price(cost))
            .saturating_sub(self.now.saturating_add(self.whole))
    }
}

/// What a quota says to somebody who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether this quota had enough.
    pub allowed: bool,
    /// How much there is when nothing was taken.
    pub limit: u32,
    /// How much is left.
    pub remaining: u32,
    /// How long it takes until all of it is there again, if nobody takes more.
    pub reset_after: Duration,
    /// How long it takes until there is as much as was asked for, and at least one; zero where there is.
    pub retry_after: Duration,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.limit, duration::format(self.period))
    }
}

impl Serialize for Quota {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Quota {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A text that is no quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a quota is a number from 1 and a time, such as 10/s, 100/m or 1000/2h: the time is from a millisecond to 366 days"
)]
pub struct NotAQuota;

impl FromStr for Quota {
    type Err = NotAQuota;

    /// Reads `100/m`, `10/2s` or `5/1h30m`.
    fn from_str(text: &str) -> Result<Self, NotAQuota> {
        let (limit, period) = text.split_once('/').ok_or(NotAQuota)?;
        let limit = limit.trim().parse().ok().filter(|limit| *limit > 0).ok_or(NotAQuota)?;
        let period = period.trim();
        let one = if period.starts_with(|first: char| first.is_ascii_digit()) { "" } else { "1" };
        let period = duration::parse(&format!("{one}{period}")).map_err(|_| NotAQuota)?;
        if (SHORTEST..=LONGEST).contains(&period) { Ok(Self::new(limit, period)) } else { Err(NotAQuota) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        for (text, quota) in [
            ("10/s", Quota::per_second(10)),
            ("100/m", Quota::per_minute(100)),
            (" 7 / 1h30m ", Quota::new(7, Duration::from_secs(5400))),
        ] {
            assert_eq!(text.parse(), Ok(quota));
            assert_eq!(quota.to_string().parse(), Ok(quota));
        }
        for text in ["", "10", "0/s", "-1/s", "10/", "10/fortnight", "10/0s", "1/400d", "99999999999/s"] {
            assert_eq!(text.parse::<Quota>(), Err(NotAQuota), "{text}");
        }
    }

    #[test]
    fn holds_its_bounds_whatever_it_is_made_of() {
        assert_eq!(Quota::new(0, Duration::ZERO), Quota::new(1, SHORTEST));
        assert_eq!(Quota::new(1, Duration::MAX).period(), LONGEST);
        let dense = Quota::new(u32::MAX, SHORTEST).turn(0, 0);
        assert!(dense.has(u32::MAX));
        assert_eq!(dense.taken(u32::MAX).decision(1, false).remaining, 0);
    }

    #[test]
    fn there_is_as_much_as_was_asked_for_when_it_is_said_to_be_and_not_before() {
        for (quota, taken, cost) in
            [(Quota::per_hour(7), 7, 1), (Quota::per_second(3), 2, 3), (Quota::new(5, SHORTEST), 5, 5)]
        {
            let used = quota.turn(0, 1000).taken(taken);
            let wait = u64::try_from(used.decision(cost, false).retry_after.as_nanos()).unwrap();
            assert!(!quota.turn(used.whole_at(), 1000 + wait - 1).has(cost), "{quota}");
            assert!(quota.turn(used.whole_at(), 1000 + wait).has(cost), "{quota}");
        }
    }

    #[test]
    fn who_looks_at_what_is_used_up_learns_when_the_next_one_is_there() {
        let used = Quota::per_minute(3).turn(0, 0).taken(3);
        assert_eq!(used.decision(0, true).retry_after, Duration::from_secs(20));
        assert_eq!(Quota::per_minute(3).turn(0, 0).decision(0, true).retry_after, Duration::ZERO);
    }
}
