//! Whose turn it is to make a value: what [`Cache::remember`] is made of.

use std::time::Duration;

use bytes::Bytes;

use super::flights::{Flight, Landing, Seat, landed};
use super::{Cache, Keep};
use crate::driver::StoreError;
use crate::entry::{Entry, Place, Stamp};

/// What a value is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It is what is asked for.
    Fresh,
    /// It will do, and one task should make a new one.
    Stale,
    /// It is as if it were not there.
    Unusable,
}

/// What there is to do for somebody who asks for a value.
#[derive(Debug)]
pub enum Turn {
    /// Nothing: it is kept.
    Kept(Bytes),
    /// Nothing: somebody else was making it, and this is what they have kept.
    Shared(Bytes),
    /// To take this one, and to make a new one. Nobody else does.
    Refresh(Bytes, Making),
    /// To make it. Others wait for it.
    Make(Making),
    /// To make it for oneself: there is nothing to share, or it took too long.
    Alone,
}

/// The making of a value. Dropped, it is the turn of the next one who waits.
#[derive(Debug)]
pub struct Making {
    cache: Cache,
    key: String,
    stamp: Stamp,
    flight: Flight,
}

/// So long somebody waits for what another makes.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// So often somebody waits: those who made it gave up, or it was forgotten before they had it.
const MOST_WAITS: usize = 3;

impl Cache {
    /// What there is under a key, or whose turn it is to make it: for values that are not always kept, or that are served while
    /// a new one is made. For others there is [`Cache::remember`].
    ///
    /// While one task of this process makes a value, the others wait for it, at most ten seconds. Whoever comes after a value was
    /// forgotten gets none that was begun before.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked.
    pub async fn turn(
        &self,
        key: &str,
        mut judge: impl FnMut(&Bytes) -> Freshness,
    ) -> Result<Turn, StoreError> {
        self.turn_by(key, |value, _| judge(value)).await
    }

    /// The same by how much longer a value is kept, too.
    pub(super) async fn turn_by(
        &self,
        key: &str,
        mut judge: impl FnMut(&Bytes, Duration) -> Freshness,
    ) -> Result<Turn, StoreError> {
        let key = self.key(key);
        // What is here is good for those who want nothing else. Who has to make a value has to know when it was looked for.
        if let Some((value, left)) = self.store.near(&key)
            && judge(&value, left) == Freshness::Fresh
        {
            return Ok(Turn::Kept(value));
        }
        for _ in 0..MOST_WAITS {
            let found = self.look(&key).await?;
            let kept = found.value.map(|value| (judge(&value, found.left), value));
            let old = match kept {
                Some((Freshness::Fresh, value)) => return Ok(Turn::Kept(value)),
                Some((Freshness::Stale, value)) => Some(value),
                Some((Freshness::Unusable, _)) | None => None,
            };
            let landing = match (self.flights.board(&key), old) {
                (Seat::Pilot(flight), old) => return self.take_off(key, flight, old, judge).await,
                (Seat::Passenger(_), Some(old)) => return Ok(Turn::Kept(old)),
                (Seat::Passenger(landing), None) => landing,
            };
            match tokio::time::timeout(LONGEST_WAIT, landed(landing)).await {
                // What was kept before this one looked, and is not there, was forgotten since.
                Ok(Some(Landing::With(value, stamp))) if stamp >= found.stamp => {
                    return Ok(Turn::Shared(value));
                }
                Ok(Some(Landing::WithNothing)) | Err(_) => return Ok(Turn::Alone),
                Ok(_) => {}
            }
        }
        Ok(Turn::Alone)
    }

    /// Looks once more: another may have landed between the look and the boarding.
    async fn take_off(
        &self,
        key: String,
        flight: Flight,
        old: Option<Bytes>,
        mut judge: impl FnMut(&Bytes, Duration) -> Freshness,
    ) -> Result<Turn, StoreError> {
        let found = self.look(&key).await?;
        let making = Making { cache: self.clone(), key, stamp: found.stamp, flight };
        let kept = found.value.map(|value| (judge(&value, found.left), value));
        Ok(match (kept, old) {
            (Some((Freshness::Fresh, value)), _) => Turn::Kept(value),
            (Some((Freshness::Stale, value)), _) | (_, Some(value)) => Turn::Refresh(value, making),
            _ => Turn::Make(making),
        })
    }
}

impl Making {
    /// Keeps the value, and hands it to those who wait. False: it was forgotten while it was made, so that it is out of date for
    /// others; whoever made it asked before, and may have it.
    ///
    /// # Errors
    ///
    /// When the engine cannot be asked, or the value is too large: those who wait make it by themselves.
    pub async fn keep(self, value: Bytes, keep: Keep) -> Result<bool, StoreError> {
        let entry = Entry {
            value: value.clone(),
            lifetime: keep.whole(),
            tags: keep.tags,
            since: Some(self.stamp),
            place: Place::Any,
        };
        match self.cache.written(self.cache.store.set(&self.key, entry).await) {
            Ok(Some(stamp)) => {
                self.flight.land(Landing::With(value, stamp));
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                self.flight.land(Landing::WithNothing);
                Err(error)
            }
        }
    }

    /// There is nothing to keep: those who wait make it by themselves, all at once.
    pub fn pass(self) {
        self.flight.land(Landing::WithNothing);
    }
}
