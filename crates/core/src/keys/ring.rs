//! A ring: keys with their times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::base64url;
use super::root::Root;
use crate::random::Random;

/// The keys of an application, as they are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    keys: Vec<RingKey>,
}

/// One key of a ring.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RingKey {
    /// What it is called: what tokens name it by.
    pub id: String,
    #[serde(with = "secret_text")]
    pub(super) secret: Vec<u8>,
    /// When it was made.
    #[serde(with = "seconds")]
    pub created_at: SystemTime,
    /// From when tokens are made with it, until the next one is active.
    #[serde(with = "seconds")]
    pub active_from: SystemTime,
    /// When it was revoked: from then on, nothing that was made with it is good.
    #[serde(with = "maybe_seconds", default)]
    pub revoked_at: Option<SystemTime>,
}

impl std::fmt::Debug for RingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RingKey")
            .field("id", &self.id)
            .field("active_from", &self.active_from)
            .finish_non_exhaustive()
    }
}

/// How long before the end of a key its successor is made, at most: every process has to know it by then.
const LEAD: Duration = Duration::from_secs(2 * 24 * 60 * 60);

impl Ring {
    /// All keys, in the order in which they were made.
    pub fn keys(&self) -> &[RingKey] {
        &self.keys
    }

    /// Those that were not revoked.
    pub(super) fn good(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter().filter(|key| key.revoked_at.is_none())
    }

    /// The key that tokens are made with at this time.
    pub fn current(&self, now: SystemTime) -> Option<&RingKey> {
        self.good().filter(|key| key.active_from <= now).max_by_key(|key| key.active_from)
    }

    /// Adds a key.
    pub(super) fn add(&mut self, now: SystemTime, active_from: SystemTime, random: &dyn Random) -> &RingKey {
        let mut secret = vec![0; 32];
        let id = loop {
            random.fill(&mut secret);
            let id = Root::of(&secret).id.to_string();
            if self.keys.iter().all(|key| key.id != id) {
                break id;
            }
        };
        let (created_at, active_from) = (whole(now), whole(active_from));
        self.keys.push(RingKey { id, secret, created_at, active_from, revoked_at: None });
        &self.keys[self.keys.len() - 1]
    }

    /// Adds what the schedule asks for: the first key, or the successor of one whose time is nearly over. Whether it did.
    pub(super) fn keep_up(&mut self, now: SystemTime, times: &Times, random: &dyn Random) -> bool {
        let Some(newest) = self.good().max_by_key(|key| key.active_from) else {
            self.add(now, now, random);
            return true;
        };
        let ends = newest.active_from + times.lifetime;
        if now + LEAD.min(times.lifetime / 8) < ends {
            return false;
        }
        let known_by_all = now + times.refresh * 2;
        self.add(now, ends.max(known_by_all), random);
        true
    }

    /// Revokes a key. `false` if there is none of this id, or it is revoked already.
    pub(super) fn revoke(&mut self, id: &str, now: SystemTime) -> bool {
        let key = self.keys.iter_mut().find(|key| key.id == id && key.revoked_at.is_none());
        key.map(|key| key.revoked_at = Some(whole(now))).is_some()
    }
}

/// The times of the configuration that a schedule goes by.
pub(super) struct Times {
    pub(super) lifetime: Duration,
    pub(super) refresh: Duration,
}

/// To the second, as it is kept.
fn whole(time: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds_of(time))
}

fn seconds_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

mod seconds {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
        seconds_of(*time).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<SystemTime, D::Error> {
        u64::deserialize(from).map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds))
    }
}

mod maybe_seconds {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(
        time: &Option<SystemTime>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(seconds_of).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Option<SystemTime>, D::Error> {
        let seconds = Option::<u64>::deserialize(from)?;
        Ok(seconds.map(|seconds| UNIX_EPOCH + Duration::from_secs(seconds)))
    }
}

mod secret_text {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(secret: &[u8], to: S) -> Result<S::Ok, S::Error> {
        base64url::encode(secret).serialize(to)
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        base64url::decode(&text).ok_or_else(|| serde::de::Error::custom("a key that is not base64url"))
    }
}
