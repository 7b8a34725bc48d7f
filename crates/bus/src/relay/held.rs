//! The leases that this process works under.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::outbox::lanes::Lease;

/// The lanes whose leases are used. Of these alone the beat is raised, so that one that nobody works under any more is taken away.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashSet<i64>>);

/// A lease in use.
pub(super) struct Held {
    lease: Lease,
    all: Arc<Leases>,
}

impl Leases {
    pub(super) fn all(&self) -> Vec<i64> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) fn new(lease: Lease, all: Arc<Leases>) -> Self {
        all.lock().insert(lease.lane);
        Self { lease, all }
    }

    pub(super) fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.lock().remove(&self.lease.lane);
    }
}
