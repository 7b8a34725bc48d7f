//! What a process has found out lately: bounded in number and in time.
//!
//! For what is asked at every request and changes seldom: whose a token is, which roles somebody has. What is remembered is believed
//! until its time is over, or until it is forgotten, since this process has changed what it says.
//!
//! Two generations: what is asked for moves into the young one; when that is full, the old one is dropped and the young one becomes old.
//! So what is used stays, in constant time and without a list.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use mainstay_core::recent::Recent;
//!
//! let roles: Recent<String, &str> = Recent::new(1_000);
//! let now = Instant::now();
//! // Before the question, so that an answer is not remembered that has been overtaken by a change.
//! let asked = roles.asked();
//! roles.remember("ann".to_owned(), "editor", now + Duration::from_secs(5), asked);
//! assert_eq!(roles.get("ann", now), Some("editor"));
//! roles.forget("ann");
//! assert_eq!(roles.get("ann", now), None);
//! ```

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What a process has found out lately. See the [module](self).
pub struct Recent<K, V> {
    most: usize,
    generations: Mutex<Generations<K, V>>,
}

struct Generations<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
    /// How often something was forgotten.
    changes: u64,
}

struct Entry<V> {
    value: V,
    until: Instant,
}

/// When something was asked that is to be remembered: [`Recent::asked`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked(u64);

impl<K: Eq + Hash, V: Clone> Recent<K, V> {
    /// Nothing yet, and never more than so many.
    pub fn new(most: usize) -> Self {
        let generations = Generations { young: HashMap::new(), old: HashMap::new(), changes: 0 };
        Self { most, generations: Mutex::new(generations) }
    }

    fn generations(&self) -> MutexGuard<'_, Generations<K, V>> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known, if it is believed still.
    pub fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q, now: Instant) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let mut generations = self.generations();
        if let Some(entry) = generations.young.get(key) {
            return (now < entry.until).then(|| entry.value.clone());
        }
        let (key, entry) = generations.old.remove_entry(key)?;
        if now >= entry.until {
            return None;
        }
        let value = entry.value.clone();
        generations.put(self.most, key, entry);
        Some(value)
    }

    /// To be called before whoever knows is asked.
    pub fn asked(&self) -> Asked {
        Asked(self.generations().changes)
    }

    /// Remembers an answer, unless something was forgotten since the question: then it may be out of date.
    pub fn remember(&self, key: K, value: V, until: Instant, asked: Asked) {
        let mut generations = self.generations();
        if generations.changes == asked.0 {
            generations.put(self.most, key, Entry { value, until });
        }
    }

    /// Forgets one, since what it says has changed.
    pub fn forget<Q: ?Sized + Eq + Hash>(&self, key: &Q)
    where
        K: Borrow<Q>,
    {
        let mut generations = self.generations();
        generations.changes += 1;
        generations.young.remove(key);
        generations.old.remove(key);
    }

    /// Forgets one when what it returns is dropped: for a change that may be cut off while it is made.
    pub fn forgets<'a, Q: ?Sized + Eq + Hash>(&'a self, key: &'a Q) -> impl Sized
    where
        K: Borrow<Q>,
    {
        Forgets(move || self.forget(key))
    }

    /// Forgets those of which this is true.
    pub fn forget_where(&self, is_one: impl Fn(&V) -> bool) {
        let mut generations = self.generations();
        generations.changes += 1;
        generations.young.retain(|_, entry| !is_one(&entry.value));
        generations.old.retain(|_, entry| !is_one(&entry.value));
    }

    /// The same when what it returns is dropped, as [`forgets`](Self::forgets).
    pub fn forgets_where<'a>(&'a self, is_one: impl Fn(&V) -> bool + 'a) -> impl Sized {
        Forgets(move || self.forget_where(&is_one))
    }

    /// Forgets everything.
    pub fn forget_all(&self) {
        self.forget_where(|_| true);
    }
}

/// What is done at the end, however that comes.
struct Forgets<F: Fn()>(F);

impl<F: Fn()> Drop for Forgets<F> {
    fn drop(&mut self) {
        self.0();
    }
}

impl<K: Eq + Hash, V> Generations<K, V> {
    fn put(&mut self, most: usize, key: K, entry: Entry<V>) {
        // Both together hold what is allowed.
        let half = most / 2;
        if half == 0 {
            return;
        }
        if self.young.len() >= half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, entry);
    }
}

impl<K, V> std::fmt::Debug for Recent<K, V> {
    /// Without what is in it, which may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recent").field("most", &self.most).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn len(recent: &Recent<String, u64>) -> usize {
        let generations = recent.generations();
        generations.young.len() + generations.old.len()
    }

    #[test]
    fn holds_no_more_than_it_may_and_keeps_what_is_used() {
        let (recent, now) = (Recent::new(100), Instant::now());
        let until = now + Duration::from_secs(10);
        recent.remember("used".to_owned(), 0, until, recent.asked());
        for number in 0..10_000 {
            recent.remember(number.to_string(), number, until, recent.asked());
            assert!(recent.get("used", now).is_some(), "after {number}");
            assert!(len(&recent) <= 100);
        }
        assert!(recent.get("0", now).is_none());
        let none = Recent::new(0);
        none.remember("a".to_owned(), 1, until, none.asked());
        assert!(none.get("a", now).is_none());
    }

    #[test]
    fn nothing_outlives_its_time_or_is_left_when_it_is_forgotten() {
        let (recent, now) = (Recent::new(4), Instant::now());
        let after = |seconds| now + Duration::from_secs(seconds);
        recent.remember("a".to_owned(), 1, after(10), recent.asked());
        recent.remember("b".to_owned(), 2, after(10), recent.asked());
        assert_eq!(recent.get("a", after(9)), Some(1));
        assert_eq!(recent.get("a", after(10)), None);
        recent.remember("c".to_owned(), 1, after(100), recent.asked());
        recent.forget_where(|value| *value == 1);
        assert!(recent.get("a", now).is_none() && recent.get("c", now).is_none());
        assert_eq!(recent.get("b", now), Some(2));
        recent.forget("b");
        assert!(recent.get("b", now).is_none());
    }

    #[test]
    fn an_answer_that_a_change_has_overtaken_is_not_remembered() {
        let (recent, now) = (Recent::new(4), Instant::now());
        let until = now + Duration::from_secs(10);
        let asked = recent.asked();
        recent.forget("a");
        recent.remember("a".to_owned(), 1, until, asked);
        assert!(recent.get("a", now).is_none());
        recent.remember("a".to_owned(), 2, until, recent.asked());
        assert_eq!(recent.get("a", now), Some(2));
    }
}
