//! Endpoints that are not well: they are left alone for a while, so that their messages take no places from others'.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many calls to one endpoint are under way at once, in a process.
const AT_ONCE: usize = 4;
/// The first rest after a failure, and the longest.
const RESTS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5 * 60));
/// How long one waits whose endpoint is busy.
const BUSY: Duration = Duration::from_secs(2);

/// How the endpoints are, as far as this process knows. It knows of those that are called or rest, and of no others.
#[derive(Default)]
pub(super) struct Health(Arc<Mutex<HashMap<i64, State>>>);

#[derive(Default)]
struct State {
    under_way: usize,
    failures: u32,
    rests_until: Option<Instant>,
}

/// A call under way. What came of it is said by [`Calling::ended`].
pub(super) struct Calling {
    health: Arc<Mutex<HashMap<i64, State>>>,
    endpoint: i64,
}

impl Health {
    /// A place to call the endpoint; else, after which time to try again.
    pub(super) fn call(&self, endpoint: i64, now: Instant) -> Result<Calling, Duration> {
        let mut states = lock(&self.0);
        let state = states.entry(endpoint).or_default();
        if let Some(left) = state.rests_until.map(|until| until.saturating_duration_since(now))
            && !left.is_zero()
        {
            return Err(left);
        }
        // After a rest, one is let through first.
        if state.under_way >= if state.failures > 0 { 1 } else { AT_ONCE } {
            return Err(BUSY);
        }
        state.under_way += 1;
        Ok(Calling { health: Arc::clone(&self.0), endpoint })
    }
}

impl Calling {
    /// The endpoint has answered as it should, or it has not, and may have asked for a rest.
    pub(super) fn ended(self, is_well: bool, asked: Option<Duration>, now: Instant) {
        let mut states = lock(&self.health);
        let Some(state) = states.get_mut(&self.endpoint) else { return };
        if is_well {
            (state.failures, state.rests_until) = (0, None);
            return;
        }
        let doubled = RESTS.0.saturating_mul(1_u32.checked_shl(state.failures).unwrap_or(u32::MAX));
        let rest = doubled.max(asked.unwrap_or_default()).min(RESTS.1);
        state.failures = state.failures.saturating_add(1);
        state.rests_until = Some(now + rest);
    }
}

impl Drop for Calling {
    fn drop(&mut self) {
        let mut states = lock(&self.health);
        if let Some(state) = states.get_mut(&self.endpoint) {
            state.under_way -= 1;
            if state.under_way == 0 && state.failures == 0 {
                states.remove(&self.endpoint);
            }
        }
    }
}

fn lock(states: &Mutex<HashMap<i64, State>>) -> MutexGuard<'_, HashMap<i64, State>> {
    states.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_rests_longer_each_time_and_is_tried_by_one() {
        let (health, now) = (Health::default(), Instant::now());
        let seconds = Duration::from_secs;
        let many: Vec<_> = (0..AT_ONCE).map(|_| health.call(1, now).ok().unwrap()).collect();
        assert_eq!(health.call(1, now).err(), Some(BUSY));
        assert!(health.call(2, now).is_ok(), "another one is not concerned");
        many.into_iter().for_each(|one| one.ended(false, None, now));
        // Four have failed at once.
        assert_eq!(health.call(1, now).err(), Some(seconds(16)));
        let one = health.call(1, now + seconds(16)).ok().unwrap();
        assert_eq!(health.call(1, now + seconds(16)).err(), Some(BUSY), "one is let through");
        one.ended(false, Some(seconds(100)), now + seconds(16));
        assert_eq!(health.call(1, now + seconds(16)).err(), Some(seconds(100)), "it has asked for that");
        health.call(1, now + seconds(500)).ok().unwrap().ended(true, None, now);
        assert!(lock(&health.0).is_empty(), "who is well is not remembered");
        assert!(health.call(1, now).is_ok());
    }

    #[test]
    fn no_rest_is_longer_than_the_longest() {
        let (health, mut now) = (Health::default(), Instant::now());
        for _ in 0..40 {
            health.call(1, now).ok().unwrap().ended(false, Some(Duration::MAX), now);
            now += RESTS.1;
        }
        assert!(health.call(1, now).is_ok());
    }
}
