//! What is done with values when they are about to become a statement.

use mainstay_core::Result;

use super::{Assignments, validate};
use crate::error::Border;
use crate::executor::Target;

/// Checks what is about to be written, and seals what is to be sealed. What is ready stays as it is.
pub(super) fn ready(row: &mut Assignments, target: Target<'_>) -> Result<()> {
    if row.is_sealed() {
        return Ok(());
    }
    validate(row, target.dialect())?;
    if row.meta().has_encrypted { row.seal(target.vault().map(|vault| &**vault)).at_border() } else { Ok(()) }
}
