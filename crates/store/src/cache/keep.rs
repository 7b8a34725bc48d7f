//! How long, and under which tags.

use std::time::Duration;

/// How long a value is kept, and what it is forgotten by, beside its key.
///
/// ```
/// use std::time::Duration;
/// use mainstay_store::Keep;
///
/// let keep = Keep::for_(Duration::from_secs(60)).tag("articles").tag(format!("article:{}", 42));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    pub(super) lifetime: Duration,
    pub(super) tags: Vec<String>,
}

impl Keep {
    /// At most so long.
    pub fn for_(lifetime: Duration) -> Self {
        Self { lifetime, tags: Vec::new() }
    }

    /// Until this tag is forgotten, if that comes earlier. A value has at most [64](crate::Store::MOST_TAGS).
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }
}

impl From<Duration> for Keep {
    fn from(lifetime: Duration) -> Self {
        Self::for_(lifetime)
    }
}
