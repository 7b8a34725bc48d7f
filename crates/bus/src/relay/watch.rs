//! Which leases of others do not move any more.

use std::collections::HashMap;

use tokio::time::Instant;

use super::SILENCE;
use crate::outbox::lanes::Seen;

/// What was seen of the leases of others, and since when it has not moved.
#[derive(Default)]
pub(super) struct Watch(HashMap<i64, (Seen, Instant)>);

impl Watch {
    /// Takes in what they look like now, and says which have not moved for too long.
    pub(super) fn look(&mut self, seen: Vec<Seen>, now: Instant) -> Vec<Seen> {
        let mut before = std::mem::take(&mut self.0);
        let mut lost = Vec::new();
        for seen in seen {
            let since = match before.remove(&seen.id) {
                Some((same, since)) if same == seen => since,
                _ => now,
            };
            if now.duration_since(since) >= SILENCE {
                lost.push(seen);
            } else {
                self.0.insert(seen.id, (seen, since));
            }
        }
        lost
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen(id: i64, token: i64, beat: i64) -> Seen {
        Seen { id, token, beat }
    }

    #[test]
    fn only_what_has_not_moved_for_the_whole_time_is_lost() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(watch.look(vec![seen(1, 1, 0), seen(2, 1, 0), seen(3, 1, 0)], at(0)), []);
        // The second has a beat, the third another owner; the first has neither.
        assert_eq!(watch.look(vec![seen(1, 1, 0), seen(2, 1, 1), seen(3, 2, 0)], at(4)), []);
        assert_eq!(watch.look(vec![seen(1, 1, 0), seen(2, 1, 1), seen(3, 2, 0)], at(6)), [seen(1, 1, 0)]);
        // Given back meanwhile, and taken again.
        assert_eq!(watch.look(vec![seen(2, 1, 1)], at(7)), []);
        assert_eq!(watch.look(vec![seen(2, 1, 1), seen(3, 2, 0)], at(9)), [seen(2, 1, 1)]);
        assert_eq!(watch.look(vec![seen(3, 2, 0)], at(12)), []);
    }
}
