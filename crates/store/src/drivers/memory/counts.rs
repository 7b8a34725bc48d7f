//! What is counted in one shard.
//!
//! There is room for so many keys and no more. Where a new one needs room, what has expired goes first. Then it is the turn of the
//! quota that most keys are kept for, and of its keys the one that is whole again first, which is the one that has taken the least.
//! So a flood of made-up keys drives out itself: neither somebody who has used up the same quota, nor those whom another holds, be
//! it ever so short.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::{Entry, HashMap};
use std::sync::Arc;

use crate::quota::Quota;

/// How many expired keys of each quota a new one clears away, so that a table that was full once becomes small again.
const CLEARED: usize = 2;

#[derive(Default)]
pub(super) struct Counts {
    /// A table that has become empty goes when a new key comes.
    of: HashMap<Quota, Table>,
}

/// The keys of one quota.
#[derive(Default)]
struct Table {
    /// The moment at which a key's quota is whole again.
    whole_at: HashMap<Arc<str>, u64>,
    /// Every key once, with a moment at which it does not expire yet or expires: moments only move on, so what is due here is
    /// looked up, and put back if it has moved.
    due: BinaryHeap<Reverse<(u64, Arc<str>)>>,
}

impl Counts {
    pub(super) fn len(&self) -> usize {
        self.of.values().map(Table::len).sum()
    }

    /// When this quota of a key is whole again; 0 where nothing is known of it.
    pub(super) fn whole_at(&self, key: &str, quota: &Quota) -> u64 {
        self.of.get(quota).and_then(|table| table.whole_at.get(key)).copied().unwrap_or(0)
    }

    /// Keeps when a quota of a key is whole again. Says how many others had to go before their time.
    pub(super) fn keep(&mut self, (key, quota): (&str, &Quota), whole_at: u64, now: u64, room: usize) -> u64 {
        if let Some(known) = self.of.get_mut(quota).and_then(|table| table.whole_at.get_mut(key)) {
            *known = whole_at;
            return 0;
        }
        self.of.retain(|_, table| {
            table.clear(now);
            table.len() > 0
        });
        let mut evicted = 0;
        while self.len() >= room && self.evict() {
            evicted += 1;
        }
        self.of.entry(*quota).or_default().insert(key.into(), whole_at);
        evicted
    }

    /// Makes room where the most is taken.
    fn evict(&mut self) -> bool {
        self.of.values_mut().max_by_key(|table| table.len()).is_some_and(|table| table.drop_next(|_| true))
    }
}

impl Table {
    fn len(&self) -> usize {
        self.whole_at.len()
    }

    fn insert(&mut self, key: Arc<str>, whole_at: u64) {
        self.due.push(Reverse((whole_at, Arc::clone(&key))));
        self.whole_at.insert(key, whole_at);
    }

    fn clear(&mut self, now: u64) {
        for _ in 0..CLEARED {
            if !self.drop_next(|due| due <= now) {
                break;
            }
        }
    }

    /// Drops the key that expires next, if that is soon enough.
    fn drop_next(&mut self, soon: impl Fn(u64) -> bool) -> bool {
        while let Some(Reverse((due, key))) = self.due.pop() {
            let Entry::Occupied(entry) = self.whole_at.entry(Arc::clone(&key)) else { continue };
            let really = *entry.get();
            if really > due {
                self.due.push(Reverse((really, key)));
            } else if soon(due) {
                entry.remove();
                return true;
            } else {
                self.due.push(Reverse((due, key)));
                return false;
            }
        }
        false
    }
}
