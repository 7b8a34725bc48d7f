//! The contract of an engine of locks.

use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::driver::StoreError;

/// What somebody claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Which lock.
    pub name: &'a str,
    /// Who: a text that nobody else has, and the same one for another lock never.
    pub owner: &'a str,
    /// For how long.
    pub lifetime: Duration,
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is theirs. The token is larger than all that were given for this name before, and below 2^53.
    Taken(u64),
    /// It is somebody else's, for so long unless they prolong it or give it back.
    Held(Duration),
}

/// An engine that keeps locks.
///
/// - Every operation is one step: of all who claim a name at once, one gets it.
/// - A lock ends when its time is over. An engine that forgets one before that says in its documentation when.
/// - An engine that cannot be asked fails within a deadline of its own.
/// - What is asked twice, since an answer was lost, is as if it were asked once: that is why a claim says who it is.
pub trait LockDriver: Send + Sync + 'static {
    /// Gives the lock to this owner, if nobody has it. Whose it is already gets the same token again, and the time of the claim.
    fn claim<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<Claimed, StoreError>>;

    /// Prolongs the lock of this owner to the time of the claim, from now on. False: it is theirs no longer, and stays as it is.
    fn renew<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Takes the lock from this owner. False: it was theirs no longer.
    fn release<'a>(&'a self, claim: Claim<'a>) -> BoxFuture<'a, Result<bool, StoreError>>;
}
