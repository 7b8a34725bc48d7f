//! News: what people are told by mail, unless they do not want to be.
//!
//! - `followers`: somebody follows them. An event of the transaction, and a subscriber that writes the mail.
//! - `publishing`: somebody whom they follow has published. A job that fans out to the followers, a few hundred at a time.
//! - `digest`: what was published in a week, by the clock.
//!
//! Every mail is delivered by a job of its own, written in the transaction that makes it necessary.

mod digest;
mod followers;
mod publishing;

use mainstay::prelude::*;

use crate::users::User;

pub use digest::{Digest, Digests};
pub use followers::Followed;
pub use publishing::TellFollowers;

/// News by mail.
pub fn module() -> Module {
    Module::new("news")
        .mail()
        .jobs(jobs![DeliverMail, TellFollowers, Digests, Digest])
        .subscribe("tell who is followed", followers::tell)
        .schedule(Schedule::cron("weekly-digest", "0 7 * * MON", Digests))
}

/// A mail to somebody, of such a view.
fn mail_to(user: &User, view: &str, context: mainstay::view::Context) -> Mail {
    let to = (user.username.as_str(), user.email.as_str());
    Mail::to(to).view(view, context.with("username", &user.username))
}
