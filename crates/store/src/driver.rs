//! The contract of an engine.

use std::error::Error as StdError;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use crate::entry::{Entry, Growth, Lookup, Old, Stamp};
use crate::quota::{Decision, Quota};

/// An engine that keeps things for a while.
///
/// - Every operation is one step, whoever else does the same at the time: between what it looks at and what it leaves nobody
///   comes in. On a server it is one round trip.
/// - What is kept has a time at which it is forgotten. It may be forgotten earlier where room is short.
/// - An engine that cannot be asked fails within a deadline of its own; it does not wait for better times.
pub trait Driver: Counting {
    /// What is kept under a key, how much longer, and how many deletions there were before: see [`Stamp`]. Keys of values and keys
    /// of quotas know nothing of one another.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Lookup, StoreError>>;

    /// Keeps a value under a key, and says when it was. None: since [`Entry::since`] the key, or one of the tags, was deleted, or
    /// something is in its [place](Entry::place); what is there stays as it is. A lifetime of zero keeps nothing, and takes away
    /// what is there, which is no deletion.
    fn set<'a>(&'a self, key: &'a str, entry: Entry) -> BoxFuture<'a, Result<Option<Stamp>, StoreError>>;

    /// Keeps what is under a key for so long from now on. False: there is nothing.
    fn touch<'a>(&'a self, key: &'a str, lifetime: Duration) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Deletes what is kept under a key, if something is. It counts as a deletion in any case. Of those who take it at once, one
    /// gets it.
    fn delete<'a>(&'a self, key: &'a str, old: Old) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>>;

    /// Deletes all that is kept under a tag. It counts as a deletion in any case.
    fn delete_tag<'a>(&'a self, tag: &'a str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// What is kept under a key as far as this process knows, and how much longer: without asking anybody, and so without a stamp.
    /// It may be out of date for as long as the engine says, but for what this process has done. None: ask.
    fn near(&self, key: &str) -> Option<(Bytes, Duration)> {
        let _ = key;
        None
    }
}

/// The part of an engine that counts.
pub trait Counting: Send + Sync + 'static {
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

    /// Lets the number under a key grow, and says what it is then. It is a value like others, a whole number in decimal digits: what
    /// gets, deletes or touches values does so to numbers.
    ///
    /// # Errors
    ///
    /// [`StoreError::NoNumber`] and [`StoreError::OutOfRange`], which leave what is there as it is.
    fn grow<'a>(&'a self, key: &'a str, growth: Growth) -> BoxFuture<'a, Result<i64, StoreError>>;
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
    /// It is there, and has no room for more: it is asked to keep everything.
    #[error("the store at {place} is full")]
    Full {
        /// Where it is, without a password.
        place: String,
        /// What it says.
        #[source]
        why: Box<dyn StdError + Send + Sync>,
    },
    /// What should grow is something else than a whole number.
    #[error("what is kept is no number that could grow")]
    NoNumber,
    /// A number would grow beyond the 64 bits that it has.
    #[error("a number that is kept would have more than 64 bits")]
    OutOfRange,
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
