//! News: what people are told, in the application and by mail, unless they do not want to be.
//!
//! - `told`: what that is, and how people are reached.
//! - `inbox`: what one was told, as a list and while a page is open, and what one wants to be told.
//! - `followers`: somebody follows them. An event of the transaction, and a subscriber that tells them.
//! - `publishing`: somebody whom they follow has published. A job that fans out to the followers, a few hundred at a time.
//! - `digest`: what was published in a week, by the clock.
//!
//! Every mail is delivered by a job of its own, written in the transaction that makes it necessary.

mod digest;
mod followers;
mod inbox;
mod publishing;
mod told;

use mainstay::prelude::*;

pub use digest::{Digest, Digests};
pub use followers::Followed;
pub use publishing::TellFollowers;
pub use told::{FollowsYou, HasPublished};

/// News.
pub fn module() -> Module {
    Module::new("news")
        .mail()
        .notification::<FollowsYou>()
        .notification::<HasPublished>()
        .routes(inbox::routes())
        .jobs(jobs![DeliverMail, TellFollowers, Digests, Digest])
        .subscribe("tell who is followed", followers::tell)
        .schedule(Schedule::cron("weekly-digest", "0 7 * * MON", Digests))
}
