//! How long a lock is held.

use std::time::Duration;

/// For how long a lock is held, unless it is prolonged or given back: after that, somebody else may have it. That is how long others
/// wait for a process that has crashed.
///
/// ```
/// use std::time::Duration;
/// use mainstay_store::Hold;
///
/// // Prolonged in the background for as long as the lock is there.
/// let hold = Hold::for_(Duration::from_secs(30));
/// // Over after half a minute, whatever its holder does, unless that says `renew`.
/// let strict = hold.by_hand();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    lifetime: Duration,
    renewal: Renewal,
}

/// Who prolongs a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    InBackground,
    ByHand,
}

const SHORTEST: Duration = Duration::from_millis(10);
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Hold {
    /// So long, from 10 ms to a day. It is prolonged in the background, each time a third of that has passed.
    pub fn for_(lifetime: Duration) -> Self {
        Self { lifetime: lifetime.clamp(SHORTEST, LONGEST), renewal: Renewal::InBackground }
    }

    /// Prolonged by [`Lock::renew`](super::Lock::renew) alone: who gets stuck loses it.
    #[must_use]
    pub fn by_hand(self) -> Self {
        Self { renewal: Renewal::ByHand, ..self }
    }

    pub(super) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub(super) fn renewal(&self) -> Renewal {
        self.renewal
    }
}

impl From<Duration> for Hold {
    fn from(lifetime: Duration) -> Self {
        Self::for_(lifetime)
    }
}
