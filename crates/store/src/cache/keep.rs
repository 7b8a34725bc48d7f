//! How long, and under which tags.

use std::time::Duration;

use super::Freshness;

/// How long a value is kept, and what it is forgotten by, beside its key.
///
/// ```
/// use std::time::Duration;
/// use mainstay_store::Keep;
///
/// let keep = Keep::for_(Duration::from_secs(60)).tag("articles").tag(format!("article:{}", 42));
/// // For another minute it is given as it is, while a new one is made.
/// let longer = keep.stale_for(Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    lifetime: Duration,
    stale: Duration,
    pub(super) tags: Vec<String>,
}

impl Keep {
    /// At most so long.
    pub fn for_(lifetime: Duration) -> Self {
        Self { lifetime, stale: Duration::ZERO, tags: Vec::new() }
    }

    /// For so long after that it is out of date, and still there: it is given while a new one is made. By
    /// [`stale_while_revalidate`](crate::Cache::stale_while_revalidate) that is done in the background; by
    /// [`remember`](crate::Cache::remember) by the first who asks, while the others take the old one.
    #[must_use]
    pub fn stale_for(mut self, longer: Duration) -> Self {
        self.stale = longer;
        self
    }

    /// Until this tag is forgotten, if that comes earlier. A value has at most [64](crate::Store::MOST_TAGS).
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// How long the engine keeps it.
    pub(super) fn whole(&self) -> Duration {
        self.lifetime.saturating_add(self.stale)
    }

    /// What a value is good for that is kept for so much longer.
    pub(super) fn judge(&self, left: Duration) -> Freshness {
        if self.stale > Duration::ZERO && left <= self.stale { Freshness::Stale } else { Freshness::Fresh }
    }
}

impl From<Duration> for Keep {
    fn from(lifetime: Duration) -> Self {
        Self::for_(lifetime)
    }
}
