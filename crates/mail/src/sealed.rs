//! What jobs have of mails: sealed, so that whoever reads the database reads no mail.

use mainstay_core::keys::{KeyError, Purpose};
use mainstay_core::{Error, Result};
use mainstay_jobs::give_up;

/// Opens what a job has of `what`.
///
/// # Errors
///
/// By which the job is tried again where the key is gone, since somebody may bring it back; else it is dead.
pub(crate) fn open(sealed: &str, purpose: &Purpose, what: &str) -> Result<Vec<u8>> {
    let told = |fault: KeyError| format!("{what} cannot be opened: {fault}");
    purpose.open(sealed).map_err(|fault| match fault {
        KeyError::UnknownKey => Error::internal(told(fault)),
        _ => give_up(told(fault)),
    })
}
