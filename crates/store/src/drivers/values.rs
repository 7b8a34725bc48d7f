//! Values in memory: so many bytes and no more.
//!
//! Where a new value needs room, what has expired goes first. Then it is the turn of what was asked for once at most, and last of what
//! was asked for again, in either case of what was not asked for the longest. What was asked for again may have half of the room: so
//! whoever walks over everything drives out neither what is popular, nor is what is new driven out by what once was (Karedla, Love and
//! Wherry, "Caching strategies to improve disk system performance", 1994: segmented LRU; decision 34 has the figures).
//!
//! Keys, tags and the tables' own room are counted, so that a flood of small values fills no more than one of large ones.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::driver::StoreError;
use crate::entry::{Entry, Growth, Lookup, Place, Stamp};

/// How much there is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Values.
    pub values: usize,
    /// What they take, with keys and tags, in bytes.
    pub bytes: usize,
    /// Values that had to go before their time because there was no room.
    pub evicted: u64,
}

/// What the tables need for a value, and for a tag of it, beside the texts: measured, and rounded up.
const PER_VALUE: usize = 512;
const PER_TAG: usize = 192;
/// How many expired values a new one clears away, so that what was full once becomes small again.
const CLEARED: usize = 2;

pub(super) struct Values {
    room: usize,
    kept: HashMap<Arc<str>, Slot>,
    /// Keys by when they expire; the second number tells apart what expires at once.
    by_expiry: BTreeMap<(u64, u64), Arc<str>>,
    /// Keys by when they were asked for last; those that go first before the others.
    by_use: BTreeMap<(Use, u64), Arc<str>>,
    /// What those take that were asked for again.
    again: usize,
    by_tag: HashMap<Arc<str>, HashSet<Arc<str>>>,
    bytes: usize,
    evicted: u64,
    /// Counts uses and values.
    ticks: u64,
    deletions: Deletions,
}

struct Slot {
    value: Bytes,
    tags: Box<[Arc<str>]>,
    expiry: (u64, u64),
    used: (Use, u64),
    cost: usize,
}

/// How often a value was asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Use {
    /// Once, or not at all; or again, but longer ago than others.
    Once,
    /// Again.
    Again,
}

impl Values {
    pub(super) fn new(room: usize) -> Self {
        Self {
            room,
            kept: HashMap::new(),
            by_expiry: BTreeMap::new(),
            by_use: BTreeMap::new(),
            again: 0,
            by_tag: HashMap::new(),
            bytes: 0,
            evicted: 0,
            ticks: 0,
            deletions: Deletions::default(),
        }
    }

    pub(super) fn usage(&self) -> Usage {
        Usage { values: self.kept.len(), bytes: self.bytes, evicted: self.evicted }
    }

    /// When it is.
    #[cfg_attr(not(feature = "redis"), expect(dead_code, reason = "it is for what was read elsewhere"))]
    pub(super) fn stamp(&self) -> Stamp {
        self.deletions.now()
    }

    pub(super) fn get(&mut self, key: &str, now: u64) -> Lookup {
        let stamp = self.deletions.now();
        match self.used(key, now) {
            Some(slot) => {
                let left = Duration::from_nanos(slot.expiry.0 - now);
                Lookup { value: Some(slot.value.clone()), left, stamp }
            }
            None => Lookup { value: None, left: Duration::ZERO, stamp },
        }
    }

    pub(super) fn set(&mut self, key: &str, entry: Entry, now: u64) -> Result<Option<Stamp>, StoreError> {
        let Entry { value, lifetime, tags, since, place } = entry;
        let tags: HashSet<&str> = tags.iter().map(String::as_str).collect();
        let cost = self.cost(key, &value, &tags)?;
        if since.is_some_and(|since| self.deletions.has_any_since(since, key, &tags)) {
            return Ok(None);
        }
        if place == Place::Free && self.used(key, now).is_some() {
            return Ok(None);
        }
        // A copy: what comes may be a small part of something large, which it would hold.
        let value = Bytes::copy_from_slice(&value);
        self.put(
            key,
            Slot { value, tags: Box::default(), expiry: (0, 0), used: (Use::Once, 0), cost },
            &tags,
            (lifetime, now),
        );
        Ok(Some(self.deletions.now()))
    }

    pub(super) fn touch(&mut self, key: &str, lifetime: Duration, now: u64) -> bool {
        if self.used(key, now).is_none() {
            return false;
        }
        if lifetime.is_zero() {
            self.remove(key);
            return true;
        }
        let expiry = (expiry(lifetime, now), self.tick());
        let Some(slot) = self.kept.get_mut(key) else { return false };
        let before = std::mem::replace(&mut slot.expiry, expiry);
        if let Some(key) = self.by_expiry.remove(&before) {
            self.by_expiry.insert(expiry, key);
        }
        true
    }

    pub(super) fn grow(&mut self, key: &str, growth: Growth, now: u64) -> Result<i64, StoreError> {
        let Growth { by, lifetime, tags } = growth;
        if let Some(slot) = self.used(key, now) {
            let number = std::str::from_utf8(&slot.value).ok().and_then(|text| text.parse::<i64>().ok());
            let sum = number.ok_or(StoreError::NoNumber)?.checked_add(by).ok_or(StoreError::OutOfRange)?;
            // As long as before, or a few digits longer: what a value costs is rounded up by more.
            slot.value = sum.to_string().into();
            return Ok(sum);
        }
        let tags: HashSet<&str> = tags.iter().map(String::as_str).collect();
        let value = Bytes::from(by.to_string());
        let cost = self.cost(key, &value, &tags)?;
        self.put(
            key,
            Slot { value, tags: Box::default(), expiry: (0, 0), used: (Use::Once, 0), cost },
            &tags,
            (lifetime, now),
        );
        Ok(by)
    }

    pub(super) fn delete(&mut self, key: &str, now: u64) -> Option<Bytes> {
        self.deletions.note(Name::key(key));
        self.remove(key).filter(|slot| slot.expiry.0 > now).map(|slot| slot.value)
    }

    pub(super) fn delete_tag(&mut self, tag: &str) {
        self.deletions.note(Name::tag(tag));
        for key in self.by_tag.remove(tag).unwrap_or_default() {
            self.remove(&key);
        }
    }

    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }

    fn under_tag(&mut self, tag: &str, key: &Arc<str>) -> Arc<str> {
        let shared = self.by_tag.get_key_value(tag).map(|(tag, _)| Arc::clone(tag));
        let tag = shared.unwrap_or_else(|| tag.into());
        self.by_tag.entry(Arc::clone(&tag)).or_default().insert(Arc::clone(key));
        tag
    }

    /// What is there, which is used now.
    fn used(&mut self, key: &str, now: u64) -> Option<&mut Slot> {
        if self.kept.get(key)?.expiry.0 <= now {
            self.remove(key);
        }
        let tick = self.tick();
        let slot = self.kept.get_mut(key)?;
        let before = std::mem::replace(&mut slot.used, (Use::Again, tick));
        if before.0 == Use::Once {
            self.again += slot.cost;
        }
        if let Some(key) = self.by_use.remove(&before) {
            self.by_use.insert((Use::Again, tick), key);
        }
        while self.again > self.room / 2 && self.again_no_more() {}
        self.kept.get_mut(key)
    }

    /// Makes of what was asked for again, longer ago than all others, something like what was asked for once just now.
    fn again_no_more(&mut self) -> bool {
        let mut again = self.by_use.range((Use::Again, 0)..);
        let Some((&before, key)) = again.next() else { return false };
        let (key, after) = (Arc::clone(key), (Use::Once, self.ticks + 1));
        self.ticks += 1;
        if let Some(slot) = self.kept.get_mut(&key) {
            slot.used = after;
            self.again -= slot.cost;
        }
        self.by_use.remove(&before);
        self.by_use.insert(after, key);
        true
    }

    /// What a value takes, if there can be room for it.
    fn cost(&self, key: &str, value: &[u8], tags: &HashSet<&str>) -> Result<usize, StoreError> {
        let texts: usize = tags.iter().map(|tag| tag.len() + PER_TAG).sum();
        let cost = PER_VALUE + key.len() + value.len() + texts;
        if cost > self.room { Err(StoreError::TooLarge { size: cost, most: self.room }) } else { Ok(cost) }
    }

    /// In place of what is there.
    fn put(&mut self, key: &str, mut slot: Slot, tags: &HashSet<&str>, (lifetime, now): (Duration, u64)) {
        // What is made anew is as popular as it was.
        let asked_for = self.remove(key).map_or(Use::Once, |before| before.used.0);
        if lifetime.is_zero() {
            return;
        }
        self.make_room(slot.cost, now);
        let (tick, key) = (self.tick(), Arc::<str>::from(key));
        slot.expiry = (expiry(lifetime, now), tick);
        slot.used = (asked_for, tick);
        slot.tags = tags.iter().map(|tag| self.under_tag(tag, &key)).collect();
        self.by_expiry.insert(slot.expiry, Arc::clone(&key));
        self.by_use.insert(slot.used, Arc::clone(&key));
        self.bytes += slot.cost;
        if asked_for == Use::Again {
            self.again += slot.cost;
        }
        self.kept.insert(key, slot);
        while self.again > self.room / 2 && self.again_no_more() {}
    }

    fn make_room(&mut self, cost: usize, now: u64) {
        let mut cleared = 0;
        while let Some((&(expires, _), key)) = self.by_expiry.first_key_value() {
            if expires > now || (cleared >= CLEARED && self.bytes + cost <= self.room) {
                break;
            }
            let key = Arc::clone(key);
            self.remove(&key);
            cleared += 1;
        }
        while self.bytes + cost > self.room
            && let Some((_, key)) = self.by_use.first_key_value()
        {
            let key = Arc::clone(key);
            self.remove(&key);
            self.evicted += 1;
        }
    }

    fn remove(&mut self, key: &str) -> Option<Slot> {
        let (key, slot) = self.kept.remove_entry(key)?;
        self.bytes -= slot.cost;
        if slot.used.0 == Use::Again {
            self.again -= slot.cost;
        }
        self.by_expiry.remove(&slot.expiry);
        self.by_use.remove(&slot.used);
        for tag in &slot.tags {
            if let Some(keys) = self.by_tag.get_mut(tag) {
                keys.remove(&key);
                if keys.is_empty() {
                    self.by_tag.remove(tag);
                }
            }
        }
        Some(slot)
    }
}

/// When what is kept for so long expires.
fn expiry(lifetime: Duration, now: u64) -> u64 {
    now.saturating_add(u64::try_from(lifetime.as_nanos()).unwrap_or(u64::MAX))
}

/// What is deleted.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Name {
    Key(Arc<str>),
    Tag(Arc<str>),
}

impl Name {
    fn key(key: &str) -> Self {
        Self::Key(key.into())
    }

    fn tag(tag: &str) -> Self {
        Self::Tag(tag.into())
    }
}

/// How many deletions are remembered by name.
const REMEMBERED: usize = 4096;

/// What was deleted last. What is no longer remembered may have been anything, so that whoever looked before that keeps nothing:
/// it is made again, which is right, if late.
#[derive(Default)]
struct Deletions {
    count: u64,
    last: HashMap<Name, u64>,
    in_order: VecDeque<(u64, Name)>,
    /// Up to here something was forgotten.
    forgotten: u64,
}

impl Deletions {
    fn now(&self) -> Stamp {
        Stamp::after(self.count)
    }

    fn note(&mut self, name: Name) {
        self.count += 1;
        self.last.insert(name.clone(), self.count);
        self.in_order.push_back((self.count, name));
        if self.in_order.len() > REMEMBERED
            && let Some((count, name)) = self.in_order.pop_front()
            // Else it was deleted once more, which is remembered.
            && self.last.get(&name) == Some(&count)
        {
            self.last.remove(&name);
            self.forgotten = count;
        }
    }

    fn has_any_since(&self, since: Stamp, key: &str, tags: &HashSet<&str>) -> bool {
        let since = since.deletions();
        if since == self.count {
            return false;
        }
        let later = |name| self.last.get(&name).is_some_and(|count| *count > since);
        since < self.forgotten || later(Name::key(key)) || tags.iter().any(|tag| later(Name::tag(tag)))
    }
}
