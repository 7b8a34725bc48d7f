//! How much all unfinished uploads of the folder may take together.
//!
//! Nobody can take all of it: each principal has a part, and those who are not known have one by their address.
//!
//! Each counts with the length that it has announced, or, as long as that is not known, with what it has. Counts are of this
//! process: those of others on the same folder are seen by the next sweep.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mainstay_core::{Error, Result, StatusCode};

use super::super::config::ResumableUploadsConfig;
use super::{Id, Record};
use crate::extract::size;

pub(super) struct Room {
    most: usize,
    most_each: usize,
    most_bytes: u64,
    most_bytes_each: u64,
    shares: Mutex<HashMap<Id, Share>>,
    /// How many finished ones are remembered.
    remembered: AtomicUsize,
}

/// More finished uploads are not remembered: each is a small file.
const MOST_REMEMBERED: usize = 10_000;

struct Share {
    bytes: u64,
    counted_as: String,
}

impl Share {
    fn of(record: &Record, offset: u64) -> Self {
        Self { bytes: record.length.unwrap_or(offset), counted_as: record.counted_as.clone() }
    }
}

impl Room {
    pub(super) fn new(config: &ResumableUploadsConfig) -> Self {
        Self {
            most: config.most_unfinished,
            most_each: config.most_unfinished_each,
            most_bytes: config.most_unfinished_bytes,
            most_bytes_each: config.most_unfinished_bytes_each,
            shares: Mutex::default(),
            remembered: AtomicUsize::new(0),
        }
    }

    /// Takes room for a new one.
    pub(super) fn claim(&self, id: &Id, bytes: u64, whose: &str) -> Result<()> {
        let mut shares = self.shares();
        if shares.values().filter(|share| share.counted_as == whose).count() >= self.most_each {
            return Err(too_many(format!("You have {} unfinished uploads", self.most_each)));
        }
        if shares.len() >= self.most {
            return Err(full("too many uploads are unfinished (`resumable_uploads.most_unfinished`)"));
        }
        self.fits(&shares, id, bytes, whose)?;
        shares.insert(id.clone(), Share { bytes, counted_as: whose.to_owned() });
        Ok(())
    }

    /// Takes more room for one that turns out to be longer.
    pub(super) fn grow(&self, id: &Id, bytes: u64) -> Result<()> {
        let mut shares = self.shares();
        let Some(share) = shares.get(id).filter(|share| share.bytes < bytes) else { return Ok(()) };
        self.fits(&shares, id, bytes, &share.counted_as)?;
        if let Some(share) = shares.get_mut(id) {
            share.bytes = bytes;
        }
        Ok(())
    }

    pub(super) fn give_back(&self, id: &Id) {
        self.shares().remove(id);
    }

    /// Counts one that was found in the folder, whether there is room for it or not.
    pub(super) fn found(&self, id: &Id, record: &Record, offset: u64) {
        self.shares().entry(id.clone()).or_insert_with(|| Share::of(record, offset));
    }

    /// Whether one that is finished may be remembered.
    pub(super) fn remember(&self) -> bool {
        self.remembered.fetch_add(1, Ordering::Relaxed) < MOST_REMEMBERED
    }

    /// Says how many were found in the folder.
    pub(super) fn remembers(&self, count: usize) {
        self.remembered.store(count, Ordering::Relaxed);
    }

    pub(super) fn ids(&self) -> HashSet<Id> {
        self.shares().keys().cloned().collect()
    }

    fn fits(&self, shares: &HashMap<Id, Share>, id: &Id, bytes: u64, whose: &str) -> Result<()> {
        let (mut of_all, mut of_them) = (bytes, bytes);
        for share in shares.iter().filter(|(other, _)| *other != id).map(|(_, share)| share) {
            of_all = of_all.saturating_add(share.bytes);
            if share.counted_as == whose {
                of_them = of_them.saturating_add(share.bytes);
            }
        }
        if of_them > self.most_bytes_each {
            let most = size(self.most_bytes_each);
            return Err(too_many(format!("Your unfinished uploads would be larger than {most} together")));
        }
        if of_all <= self.most_bytes {
            return Ok(());
        }
        Err(full("unfinished uploads are too large together (`resumable_uploads.most_unfinished_bytes`)"))
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<Id, Share>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[track_caller]
fn too_many(what: String) -> Error {
    let message = format!("{what}: finish or cancel one before you begin another.");
    Error::new(StatusCode::TOO_MANY_REQUESTS, message).code("too_many_uploads")
}

#[track_caller]
fn full(why: &'static str) -> Error {
    let message = "There is no room for the upload now: try again later.";
    Error::new(StatusCode::INSUFFICIENT_STORAGE, message).code("storage_full").context(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room() -> Room {
        Room::new(&ResumableUploadsConfig {
            most_unfinished: 3,
            most_unfinished_each: 2,
            most_unfinished_bytes: 100,
            most_unfinished_bytes_each: 60,
            ..ResumableUploadsConfig::default()
        })
    }

    fn id(number: u32) -> Id {
        Id::parse(&format!("{number:032x}")).unwrap()
    }

    fn status(outcome: Result<()>) -> u16 {
        outcome.err().map_or(0, |error| error.status().as_u16())
    }

    #[test]
    fn limits_numbers_and_bytes() {
        let room = room();
        assert_eq!(status(room.claim(&id(1), 60, "a")), 0);
        assert_eq!(status(room.claim(&id(2), 41, "b")), 507);
        assert_eq!(status(room.claim(&id(2), 40, "b")), 0);
        assert_eq!(status(room.claim(&id(3), 0, "c")), 0);
        assert_eq!(status(room.claim(&id(4), 0, "d")), 507);
        room.give_back(&id(1));
        assert_eq!(status(room.claim(&id(4), 60, "d")), 0);
    }

    #[test]
    fn one_that_grows_takes_room_as_it_does() {
        let room = room();
        room.claim(&id(1), 0, "a").unwrap();
        room.claim(&id(2), 50, "b").unwrap();
        assert_eq!(status(room.grow(&id(1), 50)), 0);
        assert_eq!(status(room.grow(&id(1), 51)), 507);
        assert_eq!(status(room.grow(&id(1), 10)), 0);
        room.give_back(&id(2));
        assert_eq!(status(room.grow(&id(1), 60)), 0);
        assert_eq!(status(room.grow(&id(1), 61)), 429);
    }

    #[test]
    fn remembers_so_many_and_no_more() {
        let room = room();
        room.remembers(MOST_REMEMBERED - 1);
        assert!(room.remember() && !room.remember());
    }

    #[test]
    fn nobody_takes_all_of_it() {
        let room = room();
        assert_eq!(status(room.claim(&id(1), 61, "a")), 429);
        assert_eq!(status(room.claim(&id(1), u64::MAX, "a")), 429);
        room.claim(&id(1), 30, "a").unwrap();
        assert_eq!(status(room.claim(&id(2), 31, "a")), 429);
        room.claim(&id(2), 30, "a").unwrap();
        assert_eq!(status(room.claim(&id(3), 0, "a")), 429);
        assert_eq!(status(room.claim(&id(3), 40, "b")), 0);
    }
}
