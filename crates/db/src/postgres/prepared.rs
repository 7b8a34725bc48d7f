//! The statements that a connection has prepared, by their text. Those that were not used for longest go first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_postgres::Statement;

use super::command::Command;
use super::kind::Kind;

/// How many a connection keeps.
const MOST: usize = 256;

/// A statement that the server has parsed.
pub(super) struct Prepared {
    pub(super) statement: Statement,
    pub(super) kinds: Arc<[Kind]>,
    pub(super) command: Command,
    /// Nanoseconds; 0 before it has run.
    pace: AtomicU64,
}

impl Prepared {
    pub(super) fn new(statement: Statement, command: Command) -> Self {
        let kinds = statement.columns().iter().map(|column| Kind::of(column.type_())).collect();
        Self { statement, kinds, command, pace: AtomicU64::new(0) }
    }

    /// How long it takes mostly, if it has run.
    pub(super) fn pace(&self) -> Option<Duration> {
        Some(self.pace.load(Ordering::Relaxed)).filter(|pace| *pace > 0).map(Duration::from_nanos)
    }

    /// It has taken so long. The more often that was seen, the more it counts.
    pub(super) fn saw(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let pace = match self.pace.load(Ordering::Relaxed) {
            0 => took,
            pace => pace - pace / 8 + took / 8,
        };
        self.pace.store(pace, Ordering::Relaxed);
    }
}

#[derive(Default)]
pub(super) struct Cache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_text: HashMap<Arc<str>, Entry>,
    uses: u64,
}

struct Entry {
    prepared: Arc<Prepared>,
    used: u64,
}

impl Cache {
    pub(super) fn get(&self, sql: &str) -> Option<Arc<Prepared>> {
        let mut kept = self.lock();
        kept.uses += 1;
        let used = kept.uses;
        let entry = kept.by_text.get_mut(sql)?;
        entry.used = used;
        Some(Arc::clone(&entry.prepared))
    }

    pub(super) fn put(&self, sql: Arc<str>, prepared: Arc<Prepared>) {
        let mut kept = self.lock();
        kept.uses += 1;
        let used = kept.uses;
        let oldest = if kept.by_text.len() >= MOST && !kept.by_text.contains_key(&sql) {
            kept.by_text.iter().min_by_key(|(_, entry)| entry.used).map(|(sql, _)| Arc::clone(sql))
        } else {
            None
        };
        let gone = oldest.and_then(|oldest| kept.by_text.remove(&oldest));
        let replaced = kept.by_text.insert(sql, Entry { prepared, used });
        drop(kept);
        // Dropping the last handle sends word to the server: not under the lock.
        drop((gone, replaced));
    }

    pub(super) fn forget(&self, sql: &str) {
        let gone = self.lock().by_text.remove(sql);
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
