//! The contract of an engine.

use std::error::Error as StdError;

use futures_util::future::BoxFuture;

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
}

impl StoreError {
    /// It cannot be asked, for this reason.
    pub fn out_of_reach(place: impl Into<String>, why: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::OutOfReach { place: place.into(), why: why.into() }
    }
}
