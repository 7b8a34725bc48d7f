//! Where the primary was when: so that it is known by how long a replica is behind.
//!
//! A replica does not know it itself: one that hears nothing from its primary any more has applied all that it has. So the
//! primary is asked at short intervals, and a replica that has reached a place has everything up to when that was asked.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::position::Position;
use crate::error::DbError;

/// For so long the last answer of the primary counts as its present place.
const FRESH: Duration = Duration::from_secs(1);
/// The most places that are remembered; beyond, every other one is forgotten.
const MOST: usize = 256;

#[derive(Debug, Default)]
pub(super) struct History {
    /// The oldest first.
    places: VecDeque<(Instant, Position)>,
    epoch: u64,
    answers: Answers,
}

/// Whether the primary answers when it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Answers {
    #[default]
    Yes,
    /// It was there, and ended: what was known of it last is all that there is.
    Gone,
    /// It says nothing, and others may hear from it still.
    Silent,
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
        self.answers = Answers::Yes;
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

    /// Notes that it could not be asked. One that has been silent is not believed to be gone: that nobody can connect to it
    /// may be for the same reason.
    pub(super) fn miss(&mut self, fault: &DbError) {
        let ended = matches!(fault, DbError::ConnectionLost { .. } | DbError::Unavailable { .. });
        self.answers = match self.answers {
            Answers::Yes | Answers::Gone if ended => Answers::Gone,
            _ => Answers::Silent,
        };
    }

    /// By how long, at most, a replica at `position` is behind at `now`; `None` when that is not known, which may be long.
    pub(super) fn lag(&self, position: &Position, now: Instant) -> Option<Duration> {
        let reached = self.places.iter().rposition(|(_, place)| position.has_reached(place))?;
        let (when, _) = self.places[reached];
        let since = now.saturating_duration_since(when);
        let is_last = reached + 1 == self.places.len();
        let has_all = is_last && (since <= FRESH || self.answers == Answers::Gone);
        Some(if has_all { Duration::ZERO } else { since })
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
    fn what_was_known_last_is_the_present_only_of_a_primary_that_is_gone() {
        let start = Instant::now();
        let later = start + Duration::from_secs(5);
        let gone = DbError::Unavailable { detail: "refused".into() };
        let silent = DbError::Timeout { limit: Duration::from_secs(2) };
        let lag_after = |faults: &[&DbError]| {
            let mut history = History::default();
            history.miss(&silent);
            history.add(0, start, at(30));
            faults.iter().for_each(|fault| history.miss(fault));
            history.lag(&at(30), later).unwrap().as_secs()
        };
        assert_eq!(lag_after(&[]), 5, "a look that takes so long says nothing either");
        assert_eq!(lag_after(&[&gone, &gone]), 0);
        assert_eq!(lag_after(&[&silent]), 5);
        assert_eq!(lag_after(&[&silent, &gone]), 5, "nobody gets through to it any more");
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
