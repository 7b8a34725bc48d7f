//! The statements that a connection has prepared, by their text. Those that were not used for longest go first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_postgres::Statement;

use super::command::Command;
use super::kind::Kind;

/// How many a connection keeps.
const MOST: usize = 256;

/// A statement that the server has parsed.
#[derive(Clone)]
pub(super) struct Prepared {
    pub(super) statement: Statement,
    pub(super) kinds: Arc<[Kind]>,
    pub(super) command: Command,
}

impl Prepared {
    pub(super) fn new(statement: Statement, command: Command) -> Self {
        let kinds = statement.columns().iter().map(|column| Kind::of(column.type_())).collect();
        Self { statement, kinds, command }
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
    prepared: Prepared,
    used: u64,
}

impl Cache {
    pub(super) fn get(&self, sql: &str) -> Option<Prepared> {
        let mut kept = self.lock();
        kept.uses += 1;
        let used = kept.uses;
        let entry = kept.by_text.get_mut(sql)?;
        entry.used = used;
        Some(entry.prepared.clone())
    }

    pub(super) fn put(&self, sql: Arc<str>, prepared: Prepared) {
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
