//! One request at a time for each upload, and the last that comes goes before.
//!
//! A client whose connection has died comes back while the server still waits for the rest of the old request. So whoever
//! wants an upload that somebody else has asks for it: the old request ends as soon as what it has is written, and the new one
//! goes on from there.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedMutexGuard};

use super::store::Id;

type Slots = Arc<Mutex<HashMap<Id, Arc<Slot>>>>;

/// The uploads that somebody has, or waits for.
#[derive(Clone, Default)]
pub(super) struct Locks(Slots);

#[derive(Default)]
struct Slot {
    gate: Arc<tokio::sync::Mutex<()>>,
    /// How many wait for it.
    waiting: AtomicUsize,
    asked: Notify,
}

/// An upload that nobody else has in this process.
pub(super) struct Held {
    // Dropped in this order: whoever waits may go on, and then the slot is looked at.
    _guard: OwnedMutexGuard<()>,
    place: Place,
}

impl Locks {
    /// Waits so long for an upload, and asks whoever has it to let it go.
    pub(super) async fn take(&self, id: &Id, patience: Duration) -> Option<Held> {
        let place = self.place(id);
        let gate = Arc::clone(&place.slot().gate);
        let guard = {
            let _waiting = Waiting::new(place.slot());
            tokio::time::timeout(patience, gate.lock_owned()).await.ok()?
        };
        Some(Held { _guard: guard, place })
    }

    /// Takes an upload that nobody has.
    pub(super) fn try_take(&self, id: &Id) -> Option<Held> {
        let place = self.place(id);
        let guard = Arc::clone(&place.slot().gate).try_lock_owned().ok()?;
        Some(Held { _guard: guard, place })
    }

    fn place(&self, id: &Id) -> Place {
        let slot = Arc::clone(slots(&self.0).entry(id.clone()).or_default());
        Place { slots: Arc::clone(&self.0), id: id.clone(), slot: Some(slot) }
    }
}

impl Held {
    /// Completes when somebody else wants the upload.
    pub(super) async fn wanted(&self) {
        let slot = self.place.slot();
        loop {
            let mut asked = pin!(slot.asked.notified());
            asked.as_mut().enable();
            if slot.waiting.load(Ordering::Acquire) > 0 {
                return;
            }
            asked.await;
        }
    }
}

/// Somebody's interest in a slot, which is there as long as somebody has one.
struct Place {
    slots: Slots,
    id: Id,
    /// Some until it is dropped.
    slot: Option<Arc<Slot>>,
}

impl Place {
    #[expect(clippy::expect_used, reason = "it is taken out by `drop` alone")]
    fn slot(&self) -> &Arc<Slot> {
        self.slot.as_ref().expect("a place has its slot until it is dropped")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Others are counted only under this lock.
        let mut slots = slots(&self.slots);
        drop(self.slot.take());
        if slots.get(&self.id).is_some_and(|slot| Arc::strong_count(slot) == 1) {
            slots.remove(&self.id);
        }
    }
}

fn slots(slots: &Slots) -> MutexGuard<'_, HashMap<Id, Arc<Slot>>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One that waits.
struct Waiting<'s>(&'s Slot);

impl<'s> Waiting<'s> {
    fn new(slot: &'s Slot) -> Self {
        slot.waiting.fetch_add(1, Ordering::AcqRel);
        slot.asked.notify_waiters();
        Self(slot)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id::parse(&"0".repeat(32)).unwrap()
    }

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn whoever_has_it_hears_that_somebody_wants_it() {
        let locks = Locks::default();
        let first = locks.take(&id(), SHORT).await.unwrap();
        assert!(tokio::time::timeout(SHORT, first.wanted()).await.is_err());
        let id = id();
        let (second, ()) = tokio::join!(locks.take(&id, LONG), async {
            first.wanted().await;
            drop(first);
        });
        assert!(second.is_some());
    }

    #[tokio::test]
    async fn who_comes_later_does_not_wait_for_ever() {
        let locks = Locks::default();
        let first = locks.take(&id(), SHORT).await;
        assert!(locks.take(&id(), SHORT).await.is_none());
        assert!(locks.try_take(&id()).is_none());
        drop(first);
        assert!(locks.try_take(&id()).is_some());
    }

    #[tokio::test]
    async fn keeps_nothing_of_uploads_that_nobody_has() {
        let locks = Locks::default();
        let first = locks.take(&id(), SHORT).await;
        assert!(locks.take(&id(), SHORT).await.is_none());
        assert_eq!(slots(&locks.0).len(), 1);
        drop(first);
        assert!(slots(&locks.0).is_empty());
    }
}
