//! The contract of an engine.

use std::error::Error as StdError;

use futures_util::future::BoxFuture;

use crate::entry::{Entry, Lookup, Stamp};
use crate::quota::{Decision, Quota};

/// An engine that keeps things for a while.
///
/// - Every operation is one step, whoever else does the same at the time: between what it looks at and what it leaves nobody
///   comes in. On a server it is one round trip.
/// - What is kept has a time at which it is forgotten. It may be forgotten earlier where room is short.
/// - An engine that cannot be asked fails within a deadline of its own; it does not wait for better times.
pub trait Driver: Send + Sync + 'static {
    /// Takes `cost` from each of the quotas of a key if all of them have it, and from none if not. A decision for each quota, in
    /// their order.
    ///
    /// What is kept is a moment for each quota of a key, so that a key may have other quotas from one call to the next: each is
    /// as it was left when it comes back, wherever in the list it is. Two that are the same are one. A cost beyond a whole quota
    /// counts as the whole of it; a cost of 0 takes nothing, is always allowed, and tells what is left.
    ///
    /// Where room is short, what is forgotten is of the quota that most keys are kept for: who makes up keys for one limit must
    /// not free whoever another one holds.
    fn limit<'a>(
        &'a self,
        key: &'a str,
        quotas: &'a [Quota],
        cost: u32,
    ) -> BoxFuture<'a, Result<Vec<Decision>, StoreError>>;

    /// What is kept under a key, and how many deletions there were before: see [`Stamp`]. Keys of values and keys of quotas know
    /// nothing of one another.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>>;

    /// Keeps a value under a key, in place of what is there, and says when it was. None: since [`Entry::since`] the key, or one of
    /// the tags, was deleted; what is there stays as it is. A lifetime of zero keeps nothing, and takes away what is there.
    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>>;

    /// Deletes what is kept under a key, if something is. It counts as a deletion in any case.
    fn delete<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Deletes all that is kept under a tag. It counts as a deletion in any case.
    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;
}

/// Why an engine gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be asked: it is not there, does not answer in time, or refuses.
    #[error("the store at {place} is out of reach")]
    OutOfReach {
        /// Where it is, without a password.
        place: String,
        /// What happened.
        #[source]
        why: Box<dyn StdError + Send + Sync>,
    },
    /// A value is larger than a value may be.
    #[error("a value of {size} bytes is not kept: it may have {most}")]
    TooLarge {
        /// What it has, in bytes.
        size: usize,
        /// What it may have.
        most: usize,
    },
    /// A value has more tags than it may have.
    #[error("a value with {count} tags is not kept: it may have {most}")]
    TooManyTags {
        /// How many it has.
        count: usize,
        /// How many it may have.
        most: usize,
    },
}

impl StoreError {
    /// It cannot be asked, for this reason.
    pub fn out_of_reach(place: impl Into<String>, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::OutOfReach { place: place.into(), why: why.into() }
    }
}
