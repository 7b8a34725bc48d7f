//! What a process has found out about tokens: bounded in number and in time.
//!
//! Two generations: what is asked for moves into the young one; when that is full, the old one is dropped and the young one becomes old.
//! So what is used stays, in constant time and without a list. A token is found by its whole text, so that no other one is taken for
//! it, and an entry never outlives what is said in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use mainstay_core::principal::Principal;

use crate::scopes::Scopes;

/// A token that was good when it was looked at.
pub(super) struct Remembered {
    /// Until when it is believed without looking again; never longer than the token is good.
    pub(super) until: SystemTime,
    /// Which sign-in it is of.
    pub(super) family: String,
    /// Of which model the account is.
    pub(super) model: &'static str,
    /// The key of the account, as JSON.
    pub(super) account: Arc<str>,
    pub(super) principal: Principal,
    pub(super) scopes: Arc<Scopes>,
}

/// The tokens that a process remembers.
pub(super) struct TokenCache {
    most: usize,
    generations: Mutex<Generations>,
}

type Entries = HashMap<Box<str>, Arc<Remembered>>;

#[derive(Default)]
struct Generations {
    young: Entries,
    old: Entries,
}

impl TokenCache {
    /// A cache of at most so many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, generations: Mutex::default() }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a token, if it is believed still.
    pub(super) fn get(&self, token: &str, now: SystemTime) -> Option<Arc<Remembered>> {
        let mut generations = self.generations();
        if let Some(entry) = generations.young.get(token) {
            return (now < entry.until).then(|| Arc::clone(entry));
        }
        let (token, entry) = generations.old.remove_entry(token)?;
        if now >= entry.until {
            return None;
        }
        self.put(&mut generations, token, Arc::clone(&entry));
        Some(entry)
    }

    /// Remembers a token.
    pub(super) fn remember(&self, token: &str, entry: Arc<Remembered>) {
        self.put(&mut self.generations(), token.into(), entry);
    }

    fn put(&self, generations: &mut Generations, token: Box<str>, entry: Arc<Remembered>) {
        // Both together hold what is allowed.
        let half = self.most / 2;
        if half == 0 {
            return;
        }
        if generations.young.len() >= half && !generations.young.contains_key(&token) {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(token, entry);
    }

    /// Forgets the tokens of a sign-in.
    pub(super) fn forget(&self, family: &str) {
        let mut generations = self.generations();
        generations.young.retain(|_, entry| entry.family != family);
        generations.old.retain(|_, entry| entry.family != family);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        let generations = self.generations();
        generations.young.len() + generations.old.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const START: SystemTime = SystemTime::UNIX_EPOCH;

    fn entry(family: &str, seconds: u64) -> Arc<Remembered> {
        Arc::new(Remembered {
            until: START + Duration::from_secs(seconds),
            family: family.to_owned(),
            model: "User",
            account: "1".into(),
            principal: Principal::user("1"),
            scopes: Arc::new(Scopes::everything()),
        })
    }

    #[test]
    fn holds_no_more_than_it_may_and_keeps_what_is_used() {
        let cache = TokenCache::new(100);
        cache.remember("used", entry("a", 10));
        for number in 0..10_000 {
            cache.remember(&number.to_string(), entry("b", 10));
            assert!(cache.get("used", START).is_some(), "after {number}");
            assert!(cache.len() <= 100);
        }
        assert!(cache.get("0", START).is_none());
        let none = TokenCache::new(0);
        none.remember("a", entry("a", 10));
        assert!(none.get("a", START).is_none());
    }

    #[test]
    fn nothing_outlives_its_time_or_its_family() {
        let cache = TokenCache::new(4);
        cache.remember("a", entry("one", 10));
        cache.remember("b", entry("two", 10));
        assert!(cache.get("a", START + Duration::from_secs(9)).is_some());
        assert!(cache.get("a", START + Duration::from_secs(10)).is_none());
        cache.remember("c", entry("one", 100));
        cache.forget("one");
        assert!(cache.get("a", START).is_none() && cache.get("c", START).is_none());
        assert!(cache.get("b", START).is_some());
        assert!(cache.get("B", START).is_none() && cache.get("", START).is_none());
    }
}
