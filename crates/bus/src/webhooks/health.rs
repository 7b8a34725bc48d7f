//! Endpoints that are not well: they are left alone for a while, so that their messages take no places from others'.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// So many calls to one endpoint are under way at once, in a process.
const AT_ONCE: u32 = 4;
/// The first rest after a failure, and the longest.
const RESTS: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(5 * 60));
/// How long a call takes, as long as nothing is known of it.
const FIRST_GUESS: Duration = Duration::from_millis(400);
/// Turns are so far apart, at least and at most.
const STEPS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));
/// Turns are given out for so long ahead; then from the front again.
const LONGEST_QUEUE: Duration = Duration::from_secs(10 * 60);

/// How the endpoints are, as far as this process knows. It knows of those that are called or rest, and of no others.
#[derive(Default)]
pub(super) struct Health(Arc<Mutex<HashMap<i64, State>>>);

struct State {
    under_way: u32,
    failures: u32,
    rests_until: Option<Instant>,
    /// How long its calls take, on average.
    takes: Duration,
    /// The last turn that was given to one that had to wait.
    last_turn: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        Self { under_way: 0, failures: 0, rests_until: None, takes: FIRST_GUESS, last_turn: None }
    }
}

impl State {
    /// How many may be under way: after a rest, one is let through first.
    fn places(&self) -> u32 {
        if self.failures > 0 { 1 } else { AT_ONCE }
    }

    /// How long one waits for its turn who cannot be let through. Each waits for longer than the one before, by as much as the endpoint
    /// needs for one: of ten thousand that wait, few are looked at before they can be let through.
    fn queue(&mut self, now: Instant) -> Duration {
        let front = self.rests_until.map_or(now, |until| until.max(now));
        let step = (self.takes / self.places()).clamp(STEPS.0, STEPS.1);
        let last = self.last_turn.filter(|last| (front..front + LONGEST_QUEUE).contains(last));
        let turn = last.unwrap_or(front) + step;
        self.last_turn = Some(turn);
        turn.duration_since(now)
    }
}

/// A call under way. What came of it is said by [`Calling::ended`].
pub(super) struct Calling {
    health: Arc<Mutex<HashMap<i64, State>>>,
    endpoint: i64,
    began: Instant,
}

impl Health {
    /// A place to call the endpoint; else, after which time to try again.
    pub(super) fn call(&self, endpoint: i64, now: Instant) -> Result<Calling, Duration> {
        let mut states = lock(&self.0);
        let state = states.entry(endpoint).or_default();
        let rests = state.rests_until.is_some_and(|until| until > now);
        if rests || state.under_way >= state.places() {
            return Err(state.queue(now));
        }
        state.under_way += 1;
        Ok(Calling { health: Arc::clone(&self.0), endpoint, began: now })
    }
}

impl Calling {
    /// The endpoint has answered as it should, or it has not, and may have asked for a rest.
    pub(super) fn ended(self, is_well: bool, asked: Option<Duration>, now: Instant) {
        let mut states = lock(&self.health);
        let Some(state) = states.get_mut(&self.endpoint) else { return };
        state.takes = (state.takes * 3 + now.saturating_duration_since(self.began)) / 4;
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
            let waits = state.last_turn.is_some_and(|turn| turn > Instant::now());
            if state.under_way == 0 && state.failures == 0 && !waits {
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

    const SECOND: Duration = Duration::from_secs(1);

    fn well(health: &Health, endpoint: i64, (now, takes): (Instant, Duration)) {
        health.call(endpoint, now).ok().unwrap().ended(true, None, now + takes);
    }

    #[test]
    fn who_fails_rests_longer_each_time_and_is_tried_by_one() {
        let (health, now) = (Health::default(), Instant::now());
        let many: Vec<_> = (0..AT_ONCE).map(|_| health.call(1, now).ok().unwrap()).collect();
        assert_eq!(health.call(1, now).err(), Some(FIRST_GUESS / AT_ONCE));
        assert!(health.call(2, now).is_ok(), "another one is not concerned");
        many.into_iter().for_each(|one| one.ended(false, None, now + FIRST_GUESS));
        // Four have failed at once.
        let rests_until = now + FIRST_GUESS + SECOND * 16;
        assert_eq!(health.call(1, now).err(), Some(rests_until + FIRST_GUESS - now));
        let one = health.call(1, rests_until).ok().unwrap();
        assert!(health.call(1, rests_until).is_err(), "one is let through");
        one.ended(false, Some(SECOND * 100), rests_until);
        let rest = health.call(1, rests_until).err().unwrap();
        assert!(rest > SECOND * 100 && rest < SECOND * 101, "it has asked for that: {rest:?}");
        health.call(1, now + SECOND * 500).ok().unwrap().ended(true, None, now + SECOND * 500);
        assert!(health.call(1, now + SECOND * 500).is_ok());
    }

    #[test]
    fn who_is_well_is_not_remembered() {
        let (health, now) = (Health::default(), Instant::now());
        well(&health, 1, (now, SECOND));
        assert!(lock(&health.0).is_empty());
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

    #[test]
    fn those_that_wait_get_turns_as_far_apart_as_the_endpoint_is_slow() {
        let (health, now) = (Health::default(), Instant::now());
        let _under_way: Vec<_> = (1..AT_ONCE).map(|_| health.call(1, now).ok().unwrap()).collect();
        for _ in 0..30 {
            well(&health, 1, (now, SECOND * 8));
        }
        let _last = health.call(1, now).ok().unwrap();
        let turns: Vec<Duration> = (0..1_000).map(|_| health.call(1, now).err().unwrap()).collect();
        let step = turns[1] - turns[0];
        assert!(step > SECOND && step <= SECOND * 2, "{step:?}");
        assert_eq!(turns[99] - turns[0], step * 99, "one after the other");
        assert!(turns.iter().all(|turn| *turn <= LONGEST_QUEUE + step), "and none waits for ever");
        let front = turns.iter().filter(|turn| **turn == turns[0]).count();
        assert!(front >= 2, "then from the front again");
    }
}
