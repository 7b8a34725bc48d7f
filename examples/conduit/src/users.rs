//! Users: who writes and reads.
//!
//! - `model`: the table.
//! - `registration`, `login`: registration, login and one's own account, as the RealWorld API has them.
//! - `pages`: what the pages of accounts ask about a user; `appearance`: one more of them, of our own; `picture`: the picture on it.
//! - `social`: who comes by a provider.
//! - `scopes`: what tokens are good for that people make for programs.
//! - `token`: the command of this name.

mod appearance;
mod login;
mod model;
mod pages;
mod picture;
mod registration;
pub mod scopes;
mod social;
mod token;

use std::path::Path;

use mainstay::prelude::*;

pub use model::{NewUser, Picture, User, UserDraft};

/// Users, their pictures and tokens, and the pages of their accounts.
pub fn module() -> Module {
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/avatars");
    let moderator = Role::new("moderator").describe("Removes what does not belong here");
    let operator = Role::new("operator").describe("Looks after the jobs");
    let module = Module::new("users")
        .models(models![User, Picture])
        .accounts::<User>()
        .sign_in_pages::<User>()
        .registration_pages::<User>()
        .recovery_pages::<User>()
        .sign_in_links::<User>()
        .second_factor::<User>()
        // A button for each provider in the configuration, and none where there is none.
        .social_login::<User>()
        .access_token_pages::<User>()
        .token_login::<User>()
        .roles::<User>()
        .role(moderator.may(["articles.delete", "comments.delete"]))
        .role(operator.may(["jobs.see", "jobs.act"]))
        .audit_log()
        .import(appearance::module())
        .import(picture::module())
        .routes(registration::routes())
        .static_files("/avatars", pictures)
        .command(token::command());
    scopes::ALL.into_iter().fold(module, |module, (name, means)| module.token_scope(name, means))
}
