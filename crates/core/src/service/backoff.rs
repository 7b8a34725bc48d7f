//! How long to wait before a restart.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A delay that doubles with each failure in a row, up to a limit, less a random part.
///
/// The random part keeps tasks that failed together from coming back together.
///
/// ```
/// use std::time::Duration;
/// use mainstay_core::service::Backoff;
///
/// let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
/// assert_eq!(backoff.delay(0, 0.7), Duration::from_millis(100));
/// assert_eq!(backoff.delay(3, 0.7), Duration::from_millis(800));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    /// The wait before the first restart: 100 ms.
    pub initial: Duration,
    /// No wait is longer than this: 30 s.
    pub limit: Duration,
    /// The largest share of the wait, from 0 to 1, that chance may take off: 0.5.
    pub jitter: f64,
    /// A child that ran for this long before it failed starts again from `initial`: 60 s.
    pub forgiven_after: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(100),
            limit: Duration::from_secs(30),
            jitter: 0.5,
            forgiven_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// No wait at all, as plain OTP does it.
    pub fn none() -> Self {
        Self { initial: Duration::ZERO, ..Self::default() }
    }

    /// The wait after `failures` earlier failures in a row; `chance` is a number in `0.0..1.0`.
    pub fn delay(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.initial.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
        let share = |number: f64| if number.is_nan() { 0.0 } else { number.clamp(0.0, 1.0) };
        doubled.min(self.limit).mul_f64(1.0 - share(self.jitter) * share(chance))
    }
}

/// A source of chance that need not be good: splitmix64 (Steele, Lea, Flood 2014), seeded by the standard library's
/// hash keys.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    /// A number in `0.0..1.0`.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_limit_and_never_overflows() {
        let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
        let waits: Vec<_> = (0..10).map(|failures| backoff.delay(failures, 0.5).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000]);
        assert_eq!(backoff.delay(u32::MAX, 0.5), backoff.limit);
        let nonsense = Backoff { jitter: f64::NAN, ..Backoff::default() };
        assert_eq!(nonsense.delay(0, 0.5), nonsense.initial);
    }

    #[test]
    fn takes_off_at_most_the_jitter() {
        let backoff = Backoff::default();
        let mut chance = Chance::new();
        for _ in 0..1000 {
            let wait = backoff.delay(2, chance.next());
            assert!((200..=400).contains(&wait.as_millis()), "{wait:?}");
        }
    }
}
