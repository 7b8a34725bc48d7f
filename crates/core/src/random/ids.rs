//! Ids that sort by the time they were made: UUIDs of version 7 (RFC 9562).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::Random;
use crate::clock::Clock;

/// Makes ids: unique everywhere, ascending within the process, the same in every run of a test that sets clock and chance.
///
/// ```
/// use std::sync::Arc;
/// use mainstay_core::clock::TestClock;
/// use mainstay_core::random::{Ids, SeededRandom};
///
/// let ids = Ids::new(Arc::new(TestClock::default()), Arc::new(SeededRandom::new(1)));
/// let (first, second) = (ids.next(), ids.next());
/// assert!(first < second);
/// assert!(first.to_string().starts_with("019b796d-d600-7000-"));
/// ```
pub struct Ids {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Milliseconds since 1970, then a counter of 12 bits that runs over into them (RFC 9562 section 6.2, method 1).
    last: AtomicU64,
}

impl Ids {
    /// Ids by this clock and this chance.
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, last: AtomicU64::new(0) }
    }

    /// A new id, greater than every one before.
    pub fn next(&self) -> Id {
        let since = self.clock.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // 48 bits of milliseconds last until the year 10889.
        let now = (since.as_millis() as u64) << 12;
        let ahead = |last: u64| now.max(last.wrapping_add(1));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(ahead(last)));
        let stamp = ahead(last.unwrap_or_else(|last| last));

        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&(stamp >> 12).to_be_bytes()[2..]);
        bytes[6..8].copy_from_slice(&(0x7000 | (stamp & 0xfff) as u16).to_be_bytes());
        self.random.fill(&mut bytes[8..]);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Id(bytes)
    }
}

/// A UUID. [`Display`](fmt::Display) writes it with hyphens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id([u8; 16]);

impl Id {
    /// Its bytes, for `Uuid::from_bytes` or a database.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    /// Its 32 hexadecimal digits, without hyphens: also a trace id.
    pub fn to_hex(self) -> String {
        super::hex(&self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.to_hex();
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({self})")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::TestClock;
    use crate::random::SecureRandom;

    #[test]
    fn ascend_even_when_the_clock_goes_back_or_the_counter_runs_over() {
        let clock = Arc::new(TestClock::default());
        let ids = Ids::new(clock.clone(), Arc::new(SecureRandom::new()));
        let mut made: Vec<Id> = (0..5000).map(|_| ids.next()).collect();
        clock.set(SystemTime::UNIX_EPOCH);
        made.push(ids.next());
        clock.set(TestClock::default().now() + Duration::from_secs(60));
        made.push(ids.next());
        assert!(made.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn are_uuids_of_version_7() {
        let id = Ids::new(Arc::new(TestClock::default()), Arc::new(SecureRandom::new())).next();
        let text = id.to_string();
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "7");
        assert!("89ab".contains(&text[19..20]), "{text}");
        let millis = u64::from_str_radix(&id.to_hex()[..12], 16).unwrap();
        assert_eq!(millis, 1_767_268_800_000);
    }
}
