//! The leases that this process works under.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::outbox::lanes::Lease;

/// The leases that are used. Of these alone the beat is raised, so that one that nobody works under any more is taken away. Of one lane there are
/// two for a moment, where it is taken anew as soon as it was given back.
#[derive(Default)]
pub(super) struct Leases(Mutex<HashSet<Lease>>);

/// A lease in use.
pub(super) struct Held {
    lease: Lease,
    all: Arc<Leases>,
}

impl Leases {
    /// The lanes that they are for.
    pub(super) fn lanes(&self) -> Vec<i64> {
        self.lock().iter().map(|lease| lease.lane).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<Lease>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) fn new(lease: Lease, all: Arc<Leases>) -> Self {
        all.lock().insert(lease);
        Self { lease, all }
    }

    pub(super) fn lease(&self) -> Lease {
        self.lease
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.lock().remove(&self.lease);
    }
}
