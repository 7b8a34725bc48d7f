//! A value that is kept, and when.

use std::time::Duration;

use bytes::Bytes;

/// How many deletions there have been: a moment in the life of a store.
///
/// Whoever makes a value from something that changes looks at it, makes the value, and keeps it. Where that changes in between,
/// and what is kept of it is deleted, the value comes too late: it is out of date, and would stay until it expires. So a look
/// gives a stamp, and what is kept with that stamp is kept only if neither its key nor one of its tags was deleted since.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(u64);

impl Stamp {
    /// After so many deletions. For drivers.
    pub const fn after(deletions: u64) -> Self {
        Self(deletions)
    }

    /// After how many deletions it is.
    pub const fn deletions(self) -> u64 {
        self.0
    }
}

/// A value to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Bytes,
    /// How long it is kept. It may go earlier where room is short.
    pub lifetime: Duration,
    /// What it is deleted by, beside its key.
    pub tags: Vec<String>,
    /// Keep it only if neither its key nor one of its tags was deleted since; without it, in any case.
    pub since: Option<Stamp>,
}

/// What there is under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The value, if one is kept.
    pub value: Option<Bytes>,
    /// When it was looked for.
    pub stamp: Stamp,
}
