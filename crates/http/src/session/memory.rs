//! Sessions in the memory of the process: gone with it, and its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;
use mainstay_core::clock::Clock;

use super::record::{SessionKey, SessionRecord};
use super::store::SessionStore;

/// How many sessions there may be. Of more, those that nobody has come with for the longest time go.
const MOST: usize = 100_000;

/// Sessions in memory.
pub(crate) struct Memory {
    clock: Arc<dyn Clock>,
    most: usize,
    sessions: Mutex<HashMap<SessionKey, SessionRecord>>,
}

impl Memory {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, most: MOST, sessions: Mutex::default() }
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<SessionKey, SessionRecord>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &SessionKey) -> Option<SessionRecord> {
        let now = self.clock.now();
        self.sessions().get(key).filter(|record| record.expires_at > now).cloned()
    }

    fn put(&self, key: &SessionKey, record: &SessionRecord) -> bool {
        let now = self.clock.now();
        let mut sessions = self.sessions();
        let before = sessions.get(key).filter(|before| before.expires_at > now);
        if before.map_or(0, |before| before.revision) + 1 != record.revision {
            return false;
        }
        if before.is_none() && sessions.len() >= self.most {
            make_room(&mut sessions, now, self.most - self.most / 10);
        }
        sessions.insert(key.clone(), record.clone());
        true
    }
}

/// Leaves so many, so that this is not done for each new one.
fn make_room(sessions: &mut HashMap<SessionKey, SessionRecord>, now: SystemTime, leaves: usize) {
    sessions.retain(|_, record| record.expires_at > now);
    let Some(too_many) = sessions.len().checked_sub(leaves).filter(|many| *many > 0) else { return };
    let mut seen: Vec<SystemTime> = sessions.values().map(|record| record.seen_at).collect();
    let (_, limit, _) = seen.select_nth_unstable(too_many - 1);
    let (limit, mut too_many) = (*limit, too_many);
    sessions.retain(|_, record| {
        let goes = too_many > 0 && record.seen_at <= limit;
        too_many -= usize::from(goes);
        !goes
    });
}

impl SessionStore for Memory {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<SessionRecord>>> {
        async { Ok(self.find(key)) }.boxed()
    }

    fn save<'a>(&'a self, key: &'a SessionKey, record: &'a SessionRecord) -> BoxFuture<'a, Result<bool>> {
        async { Ok(self.put(key, record)) }.boxed()
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        async {
            self.sessions().remove(key);
            Ok(())
        }
        .boxed()
    }

    fn of_owner<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<Vec<(SessionKey, SessionRecord)>>> {
        async {
            let now = self.clock.now();
            let is_theirs =
                |record: &SessionRecord| record.expires_at > now && record.owner.as_deref() == Some(owner);
            let mut found: Vec<_> = self
                .sessions()
                .iter()
                .filter(|(_, record)| is_theirs(record))
                .map(|(key, record)| (key.clone(), record.clone()))
                .collect();
            found.sort_by_key(|(_, record)| std::cmp::Reverse(record.seen_at));
            Ok(found)
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mainstay_core::clock::TestClock;
    use serde_json::Map;

    use super::*;

    #[test]
    fn has_room_for_so_many_and_lets_the_oldest_go() {
        let clock = Arc::new(TestClock::default());
        let memory = Memory { most: 10, ..Memory::new(clock.clone()) };
        let record = |seen: u64, lives: u64| SessionRecord {
            data: Map::new(),
            owner: None,
            created_at: clock.now(),
            seen_at: clock.now() + Duration::from_secs(seen),
            expires_at: clock.now() + Duration::from_secs(lives),
            is_remembered: false,
            address: None,
            agent: None,
            revision: 1,
        };
        let key = |number: u64| SessionKey::of(&number.to_string());
        for number in 0..10 {
            assert!(memory.put(&key(number), &record(number, 100 + number)));
        }
        assert!(memory.put(&key(10), &record(10, 200)));
        assert_eq!(memory.sessions().len(), 10, "the one that was seen first has gone");
        assert_eq!((memory.find(&key(0)), memory.find(&key(1)).is_some()), (None, true));
        clock.advance(Duration::from_secs(105));
        assert!(memory.put(&key(11), &record(11, 200)));
        assert_eq!(memory.sessions().len(), 6, "those whose time is over have gone, and no others");
    }
}
