//! How a job says what becomes of it, when that is neither success nor a failure to be tried again.

use std::fmt;
use std::time::Duration;

use mainstay_core::Error;

/// What a job says by its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// Not now: again after a while. It is not counted as an attempt.
    Again(Duration),
    /// It need not be done.
    Discard,
    /// Another attempt would not help.
    GiveUp,
    /// It has been asked to stop, and has said where it goes on.
    Interrupted,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Again(wait) => write!(f, "the job is to be run again after {wait:?}"),
            Self::Discard => f.write_str("the job need not be done"),
            Self::GiveUp => f.write_str("the job does not expect that another attempt would help"),
            Self::Interrupted => f.write_str("the job was interrupted"),
        }
    }
}

impl std::error::Error for Said {}

/// The error by which a job says that it is to be run again after a while. It does not count as an attempt.
///
/// ```
/// # use mainstay_core::Result;
/// # use std::time::Duration;
/// # struct Import; impl Import { fn is_there(&self) -> bool { false }
/// async fn run(self) -> Result<()> {
///     if !self.is_there() {
///         return Err(mainstay_jobs::again_after(Duration::from_secs(60)));
///     }
///     Ok(())
/// }
/// # }
/// ```
pub fn again_after(wait: Duration) -> Error {
    Error::internal("not now").caused_by(Said::Again(wait))
}

/// The error by which a job says that it need not be done any more, and why: the row is gone, the account is closed.
pub fn discard(why: impl Into<String>) -> Error {
    Error::internal(why).caused_by(Said::Discard)
}

/// The error by which a job says that it has failed, and that another attempt would not help. It is dead then, with the reason.
pub fn give_up(why: impl Into<String>) -> Error {
    Error::internal(why).caused_by(Said::GiveUp)
}

/// What a job hears at a checkpoint when it is to stop. It passes this on.
pub(crate) fn interrupted() -> Error {
    Error::internal("the job was interrupted").caused_by(Said::Interrupted)
}
