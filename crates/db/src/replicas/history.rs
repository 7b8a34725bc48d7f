//! Where the primary was when: so that it is known by how long a replica is behind.
//!
//! A replica does not know it itself: one that hears nothing from its primary any more has applied all that it has. So the
//! primary is asked at short intervals, and a replica that has reached a place has everything up to when that was asked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::position::Position;

/// The most places that are remembered; beyond, every other one is forgotten.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct History {
    /// The oldest first.
    places: VecDeque<(Instant, Position)>,
    epoch: u64,
}

impl History {
    /// What to pass to [`add`](Self::add) with an answer to a question that is asked now.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Forgets all, and what is being asked: a replica then counts as far behind until it has reached where the primary is
    /// from now on.
    pub(super) fn clear(&mut self) {
        self.places.clear();
        self.epoch += 1;
    }

    /// Notes where the primary was when it was asked.
    pub(super) fn add(&mut self, epoch: u64, asked: Instant, position: Position) {
        if epoch != self.epoch {
            return;
        }
        match self.places.back_mut() {
            Some((when, last)) if *last == position => *when = asked,
            Some((_, last)) if !position.has_reached(last) => {
                // Another server, or one that was set back: nothing of what is known holds.
                self.clear();
                self.places.push_back((asked, position));
            }
            _ => self.places.push_back((asked, position)),
        }
        let many = self.places.len();
        if many > MOST {
            let mut left: usize = many;
            self.places.retain(|_| {
                left -= 1;
                left.is_multiple_of(2)
            });
        }
    }

    /// By how long, at most, a replica at `position` is behind at `now`; `None` when that is not known, which may be long.
    pub(super) fn lag(&self, position: &Position, now: Instant) -> Option<Duration> {
        let reached = self.places.iter().rposition(|(_, place)| position.has_reached(place))?;
        if reached + 1 == self.places.len() {
            return Some(Duration::ZERO);
        }
        let (when, _) = self.places[reached];
        Some(now.saturating_duration_since(when))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(number: usize) -> Position {
        format!("0/{number:X}").parse().unwrap()
    }

    #[test]
    fn knows_by_how_long_one_is_behind() {
        let start = Instant::now();
        let second = |number: u64| start + Duration::from_secs(number);
        let mut history = History::default();
        assert_eq!(history.lag(&at(9), start), None, "nothing is known yet");
        for (when, place) in [(0, 10), (1, 20), (2, 20), (3, 30)] {
            history.add(0, second(when), at(place));
        }
        assert_eq!(history.lag(&at(9), second(4)), None);
        assert_eq!(history.lag(&at(15), second(4)), Some(Duration::from_secs(4)));
        assert_eq!(history.lag(&at(20), second(4)), Some(Duration::from_secs(2)));
        assert_eq!(history.lag(&at(30), second(4)), Some(Duration::ZERO));
    }

    #[test]
    fn forgets_when_told_and_when_the_primary_is_set_back() {
        let now = Instant::now();
        let mut history = History::default();
        history.add(0, now, at(30));
        history.add(0, now, at(10));
        assert_eq!(history.lag(&at(9), now), None);
        assert_eq!(history.lag(&at(10), now), Some(Duration::ZERO));
        let epoch = history.epoch();
        history.clear();
        history.add(epoch, now, at(40));
        assert_eq!(history.lag(&at(50), now), None, "it was asked before");
        history.add(history.epoch(), now, at(40));
        assert_eq!(history.lag(&at(50), now), Some(Duration::ZERO));
    }

    #[test]
    fn stays_small_and_keeps_the_newest() {
        let start = Instant::now();
        let mut history = History::default();
        for number in 1..5_000 {
            history.add(0, start + Duration::from_millis(number as u64), at(number));
        }
        assert!(history.places.len() <= MOST);
        let now = start + Duration::from_millis(5_000);
        assert_eq!(history.lag(&at(4_999), now), Some(Duration::ZERO));
        assert!(history.lag(&at(4_000), now).unwrap() >= Duration::from_millis(999));
    }
}
