//! A sign-in that waits for its code.

use std::time::{Duration, SystemTime};

use mainstay_core::Result;
use mainstay_core::clock::unix_seconds;
use mainstay_http::Session;
use serde::{Deserialize, Serialize};

use crate::by_session::Note;
use crate::pages::visit::Entry;
use crate::proven::is_recent;

/// Under which name a session knows it.
const NAME: &str = "_second_factor_pending";

/// How long it waits.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Waits {
    /// A code.
    ForCode,
    /// That the account turns its second factor on, since its role has to have one.
    ForEnrolment,
}

/// Somebody who has given the first factor, and nothing more yet: nobody is signed in.
#[derive(Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) account: Note,
    /// How they came: `password`, `link`.
    pub(crate) way: String,
    pub(crate) is_remembered: bool,
    pub(crate) waits: Waits,
    /// In seconds since 1970.
    since: u64,
}

impl Pending {
    pub(crate) fn new(account: Note, entry: &Entry<'_>, waits: Waits, now: SystemTime) -> Self {
        let (way, is_remembered) = (entry.way.to_owned(), entry.is_remembered);
        Self { account, way, is_remembered, waits, since: unix_seconds(now) }
    }

    pub(crate) fn keep(&self, session: &Session) -> Result<()> {
        session.set(NAME, self)
    }

    /// The one of this visitor, unless it has waited too long.
    pub(crate) fn of(session: &Session, now: SystemTime) -> Result<Option<Self>> {
        let pending = session.get::<Self>(NAME)?;
        Ok(pending.filter(|pending| is_recent(pending.since, now, PATIENCE)))
    }

    pub(crate) fn forget(session: &Session) {
        session.remove(NAME);
    }
}
