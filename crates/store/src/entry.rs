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
    /// Whether it takes the place of what is there.
    pub place: Place,
}

/// Where a value may be put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Under its key, in place of what is there.
    #[default]
    Any,
    /// Under its key, if nothing is there.
    Free,
}

/// What becomes of a value that is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Nobody asks for it: it stays where it is, and goes.
    Dropped,
    /// It is given to whoever deletes it.
    Taken,
}

/// By how much a number grows; and how it is kept where none is there yet, in which case it grows from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// By so much; below 0, it becomes smaller.
    pub by: i64,
    /// How long a new number is kept. One that is there keeps the time that it has.
    pub lifetime: Duration,
    /// What a new number is deleted by, beside its key.
    pub tags: Vec<String>,
}

/// What there is under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The value, if one is kept.
    pub value: Option<Bytes>,
    /// How much longer it is kept; nothing, where none is.
    pub left: Duration,
    /// When it was looked for.
    pub stamp: Stamp,
}
