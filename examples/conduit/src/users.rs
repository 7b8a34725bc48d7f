//! Users: who writes and reads.

mod model;
mod registration;
mod token;

use std::path::Path;

use mainstay::prelude::*;

pub use model::{NewUser, User, UserDraft};

/// Users, their pictures and tokens, and the pages of their accounts.
pub fn module() -> Module {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/avatars");
    Module::new("users")
        .models(models![User])
        .accounts::<User>()
        .sign_in_pages::<User>()
        .registration_pages::<User>()
        .recovery_pages::<User>()
        .sign_in_links::<User>()
        .second_factor::<User>()
        .audit_log()
        .routes(registration::routes())
        .static_files("/avatars", pictures)
        .command(token::command())
}
