//! What jobs took, over time: how many there were in each minute, how long they had waited, and how long they ran.
//!
//! - [`StoredStats`]: a minute of one kind in one queue, and [`Spread`], its times.
//! - `tally`: what a process has counted and not written yet; its metrics.
//! - `write`: adds that to the rows, whichever process has made them.
//! - `read`: [`History`], what a chart is drawn from.

mod read;
mod tally;
mod write;

use std::time::Duration;

use mainstay_db::{embedded, model};

pub(crate) use read::KEEP;
pub use read::{History, Point, Span, Volume};
pub(crate) use tally::{Outcome, Tally};

/// How long jobs took: a sum, the longest, and how many were within each of some bounds, of which quantiles are estimated.
#[embedded]
#[derive(Copy, PartialEq, Eq, Default)]
pub struct Spread {
    /// All of them, in microseconds.
    pub sum_us: i64,
    /// The longest, in microseconds.
    pub max_us: i64,
    /// How many took 5 ms at most.
    pub to_5ms: i64,
    /// How many took more than that, and 20 ms at most; and so on.
    pub to_20ms: i64,
    /// 100 ms.
    pub to_100ms: i64,
    /// 500 ms.
    pub to_500ms: i64,
    /// 2 s.
    pub to_2s: i64,
    /// 10 s.
    pub to_10s: i64,
    /// A minute.
    pub to_1m: i64,
    /// 5 minutes.
    pub to_5m: i64,
    /// An hour.
    pub to_1h: i64,
    /// How many took longer than all that.
    pub longer: i64,
}

/// The bounds, in microseconds.
const BOUNDS: [i64; 9] =
    [5_000, 20_000, 100_000, 500_000, 2_000_000, 10_000_000, 60_000_000, 300_000_000, 3_600_000_000];

impl Spread {
    /// Counts one that took so long.
    pub(crate) fn note(&mut self, time: Duration) {
        let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        self.sum_us = self.sum_us.saturating_add(time);
        self.max_us = self.max_us.max(time);
        let place = BOUNDS.iter().position(|bound| time <= *bound);
        *match place {
            Some(0) => &mut self.to_5ms,
            Some(1) => &mut self.to_20ms,
            Some(2) => &mut self.to_100ms,
            Some(3) => &mut self.to_500ms,
            Some(4) => &mut self.to_2s,
            Some(5) => &mut self.to_10s,
            Some(6) => &mut self.to_1m,
            Some(7) => &mut self.to_5m,
            Some(_) => &mut self.to_1h,
            None => &mut self.longer,
        } += 1;
    }

    /// How many there were within each bound, and beyond the last.
    fn places(&self) -> [i64; 10] {
        [
            self.to_5ms,
            self.to_20ms,
            self.to_100ms,
            self.to_500ms,
            self.to_2s,
            self.to_10s,
            self.to_1m,
            self.to_5m,
            self.to_1h,
            self.longer,
        ]
    }

    /// How many there were.
    pub fn count(&self) -> i64 {
        self.places().iter().sum()
    }

    /// The mean. None of none.
    pub fn mean(&self) -> Option<Duration> {
        let count = self.count();
        (count > 0).then(|| micros(self.sum_us / count))
    }

    /// The longest. None of none.
    pub fn longest(&self) -> Option<Duration> {
        (self.count() > 0).then(|| micros(self.max_us))
    }

    /// The time that this part of them took at most: the median of `0.5`. It is estimated, between the two bounds that it lies between.
    /// None of none.
    ///
    /// ```
    /// use mainstay_jobs::stats::Spread;
    /// use std::time::Duration;
    ///
    /// let spread = Spread { to_20ms: 90, to_2s: 10, max_us: 600_000, ..Spread::default() };
    /// assert!(spread.quantile(0.5).unwrap() <= Duration::from_millis(20));
    /// assert!(spread.quantile(0.95).unwrap() > Duration::from_millis(500));
    /// assert!(spread.quantile(1.0).unwrap() == Duration::from_millis(600));
    /// ```
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        if count <= 0 {
            return None;
        }
        let wanted = (part.clamp(0.0, 1.0) * count as f64).max(1.0);
        let mut below = 0.0;
        for (index, many) in self.places().into_iter().enumerate() {
            let many = many as f64;
            if many > 0.0 && below + many >= wanted {
                let low = index.checked_sub(1).map_or(0, |before| BOUNDS[before]) as f64;
                let high = BOUNDS.get(index).copied().unwrap_or(self.max_us).min(self.max_us) as f64;
                let time = low + (high - low).max(0.0) * (wanted - below) / many;
                return Some(micros(time as i64));
            }
            below += many;
        }
        self.longest()
    }

    /// Adds what was counted elsewhere.
    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            sum_us,
            max_us,
            to_5ms,
            to_20ms,
            to_100ms,
            to_500ms,
            to_2s,
            to_10s,
            to_1m,
            to_5m,
            to_1h,
            longer,
        } = *other;
        self.sum_us = self.sum_us.saturating_add(sum_us);
        self.max_us = self.max_us.max(max_us);
        self.to_5ms += to_5ms;
        self.to_20ms += to_20ms;
        self.to_100ms += to_100ms;
        self.to_500ms += to_500ms;
        self.to_2s += to_2s;
        self.to_10s += to_10s;
        self.to_1m += to_1m;
        self.to_5m += to_5m;
        self.to_1h += to_1h;
        self.longer += longer;
    }
}

fn micros(number: i64) -> Duration {
    Duration::from_micros(u64::try_from(number).unwrap_or(0))
}

/// What became of the attempts of one kind in one queue that ended in one minute.
#[model(table = "mainstay_job_stats")]
#[unique(at_minute, queue, kind)]
pub struct StoredStats {
    /// Its number.
    pub id: i64,
    /// Which minute: so many since 1970.
    pub at_minute: i64,
    /// In which queue.
    #[field(max_length = 100)]
    pub queue: String,
    /// Which kind.
    #[field(max_length = 200)]
    pub kind: String,
    /// How many have succeeded.
    pub completed: i64,
    /// How many have failed, whether they are tried again or not.
    pub failed: i64,
    /// How many of those for good.
    pub dead: i64,
    /// How long they had waited since they were ready.
    #[embedded]
    pub wait: Spread,
    /// How long they ran.
    #[embedded]
    pub run: Spread,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_between_the_bounds_that_they_are_counted_in() {
        let mut spread = Spread::default();
        assert_eq!((spread.quantile(0.5), spread.mean(), spread.longest()), (None, None, None));
        for millis in 1..=100 {
            spread.note(Duration::from_millis(millis));
        }
        assert_eq!(spread.count(), 100);
        assert_eq!(spread.mean(), Some(Duration::from_micros(50_500)));
        let median = spread.quantile(0.5).unwrap();
        assert!((Duration::from_millis(45)..Duration::from_millis(56)).contains(&median), "{median:?}");
        assert_eq!(spread.quantile(1.0), Some(Duration::from_millis(100)));
        spread.note(Duration::from_secs(100_000));
        assert_eq!((spread.longer, spread.quantile(1.0)), (1, spread.longest()));
    }

    #[test]
    fn what_two_have_counted_is_what_one_would_have() {
        let times = [3, 4, 90, 700, 4_000_000].map(Duration::from_millis);
        let (mut one, mut other, mut both) = (Spread::default(), Spread::default(), Spread::default());
        times[..2].iter().for_each(|time| one.note(*time));
        times[2..].iter().for_each(|time| other.note(*time));
        times.iter().for_each(|time| both.note(*time));
        one.add(&other);
        assert_eq!(one, both);
    }
}
