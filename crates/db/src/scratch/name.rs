//! What the databases of tests are called: `mainstay_test_<time>_<process>_<number>`, the time in hexadecimal seconds.
//!
//! A test that is killed cannot remove its database. Its name tells others when they may: an hour later, and if the process
//! does not live here any more. The process may be that of another machine that uses the same server, hence the hour.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(super) const PREFIX: &str = "mainstay_test_";

/// How long a database is certainly left alone.
const RESPITE: Duration = Duration::from_secs(60 * 60);

/// The name of a test's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    made: u64,
    process: u32,
    number: u64,
}

impl Name {
    /// One that nobody has.
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { made: now(), process: std::process::id(), number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }

    /// Reads a name. What does not have exactly this form is somebody else's database.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.strip_prefix(PREFIX)?.split('_');
        let made = u64::from_str_radix(parts.next()?, 16).ok()?;
        let name = Self { made, process: parts.next()?.parse().ok()?, number: parts.next()?.parse().ok()? };
        (name.to_string() == text).then_some(name)
    }

    /// Whether whoever made it is gone for good.
    pub(super) fn is_abandoned(self) -> bool {
        self.is_abandoned_at(now())
    }

    fn is_abandoned_at(self, now: u64) -> bool {
        let old = now.saturating_sub(self.made) > RESPITE.as_secs();
        old && !Path::new("/proc").join(self.process.to_string()).exists()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{:x}_{}_{}", self.made, self.process, self.number)
    }
}

pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_its_own_names_and_no_others() {
        let name = Name::next();
        assert_eq!(Name::parse(&name.to_string()), Some(name));
        assert_ne!(Name::next(), name);
        for other in [
            "postgres",
            "mainstay_test_",
            "mainstay_test_1_2",
            "mainstay_test_1_2_3_4",
            "mainstay_test_1_2_+3",
        ] {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }

    #[test]
    fn leaves_alone_what_is_young_or_whose_process_lives() {
        let mine = Name::next();
        let dead = Name { process: u32::MAX, ..mine };
        let later = mine.made + RESPITE.as_secs() + 1;
        assert!(!dead.is_abandoned_at(mine.made + RESPITE.as_secs()));
        assert!(dead.is_abandoned_at(later));
        assert_eq!(mine.is_abandoned_at(later), !Path::new("/proc/self").exists());
    }
}
