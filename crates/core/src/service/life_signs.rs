//! Who of the others still lives.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

/// The signs of life of others, as they are seen from here: of each a value that it changes from time to time, such as a count. Whose value has stood
/// still for long enough, by the monotonic clock of whoever looks, is taken for dead. No time of day is compared, so that a clock that jumps
/// kills nobody.
///
/// ```
/// use std::time::{Duration, Instant};
/// use mainstay_core::service::LifeSigns;
///
/// let (mut signs, start) = (LifeSigns::new(Duration::from_secs(5)), Instant::now());
/// assert!(signs.look([("ann", 1), ("bob", 1)], start).is_empty());
/// assert_eq!(signs.look([("ann", 2), ("bob", 1)], start + Duration::from_secs(5)), [("bob", 1)]);
/// ```
#[derive(Clone, Debug)]
pub struct LifeSigns<K, V> {
    silence: Duration,
    /// The last sign of each, and when that was seen for the first time.
    seen: HashMap<K, (V, Instant)>,
}

impl<K: Clone + Eq + Hash, V: Clone + PartialEq> LifeSigns<K, V> {
    /// Nobody has been seen yet. They may be silent for so long.
    pub fn new(silence: Duration) -> Self {
        Self { silence, seen: HashMap::new() }
    }

    /// Takes in what they show, and says who has been silent for too long, with their last sign: again and again, until they move
    /// or are there no more. `now` is to be a time after that was read. How old an answer is nobody knows, so whatever is done about one of them has
    /// to make sure that this sign is still their last.
    pub fn look(&mut self, signs: impl IntoIterator<Item = (K, V)>, now: Instant) -> Vec<(K, V)> {
        let mut before = std::mem::take(&mut self.seen);
        let mut silent = Vec::new();
        for (who, sign) in signs {
            let since = match before.remove(&who) {
                Some((last, since)) if last == sign => since,
                _ => now,
            };
            if now.saturating_duration_since(since) >= self.silence {
                silent.push((who.clone(), sign.clone()));
            }
            self.seen.insert(who, (sign, since));
        }
        silent
    }

    /// Forgets since when they have been silent: for when they could not be seen, or could give no sign.
    pub fn begin_again(&mut self) {
        self.seen.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_not_moved_for_the_whole_time_is_silent() {
        let (mut signs, start) = (LifeSigns::new(Duration::from_secs(5)), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(signs.look([(1, 0), (2, 0)], at(0)), []);
        assert_eq!(signs.look([(1, 0), (2, 1)], at(4)), []);
        assert_eq!(signs.look([(1, 0), (2, 1)], at(6)), [(1, 0)]);
        // Until it moves.
        assert_eq!(signs.look([(1, 0), (2, 2)], at(7)), [(1, 0)]);
        assert_eq!(signs.look([(1, 1), (2, 2)], at(8)), []);
        // Who was gone meanwhile has all of the time again.
        assert_eq!(signs.look([(2, 2)], at(9)), []);
        assert_eq!(signs.look([(1, 1), (2, 3)], at(14)), []);
        assert_eq!(signs.look([(1, 1), (2, 3)], at(19)), [(1, 1), (2, 3)]);
    }

    #[test]
    fn begun_again_everybody_has_all_of_the_time() {
        let (mut signs, start) = (LifeSigns::new(Duration::from_secs(5)), Instant::now());
        assert_eq!(signs.look([(1, 0)], start), []);
        signs.begin_again();
        assert_eq!(signs.look([(1, 0)], start + Duration::from_secs(60)), []);
        // A clock that is said never to go back does no harm where it does.
        assert_eq!(signs.look([(1, 0)], start), []);
    }
}
