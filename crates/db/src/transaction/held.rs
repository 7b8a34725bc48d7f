//! How a task knows that it is inside of a transaction: where the engine has one writer, a write beside the transaction
//! would wait for it, and it for the write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::db::Db;

tokio::task_local! {
    static HELD: Arc<Held>;
}

struct Held {
    db: usize,
    /// Whether it has begun, where it begins later than what runs inside of it.
    begun: Option<Arc<AtomicBool>>,
    outer: Option<Arc<Held>>,
}

/// Runs `work` as the inside of a transaction of `db`.
pub(crate) async fn held<T>(db: &Db, work: impl Future<Output = T>) -> T {
    HELD.scope(inside(db, None), work).await
}

/// Runs `work` as the inside of a transaction of `db` from when `begun` says so.
pub(super) async fn held_later<T>(db: &Db, begun: Arc<AtomicBool>, work: impl Future<Output = T>) -> T {
    HELD.scope(inside(db, Some(begun)), work).await
}

fn inside(db: &Db, begun: Option<Arc<AtomicBool>>) -> Arc<Held> {
    Arc::new(Held { db: db.identity(), begun, outer: HELD.try_with(Arc::clone).ok() })
}

/// Whether this task is inside of a transaction of `db` that writes.
pub(crate) fn is_held(db: &Db) -> bool {
    let mut next = HELD.try_with(Arc::clone).ok();
    while let Some(held) = next {
        let begun = held.begun.as_ref().is_none_or(|begun| begun.load(Ordering::Acquire));
        if begun && db.identity() == held.db {
            return true;
        }
        next = held.outer.clone();
    }
    false
}
