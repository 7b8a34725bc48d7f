//! What can be told, and by which ways.

use mainstay_core::container::{Dependencies, Need};
use mainstay_core::{Contribution, Inject, Module};
use mainstay_db::DbEnum;
use mainstay_mail::{Mail, Mailer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::recipient::Recipient;

/// A way by which somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DbEnum)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename_all = "snake_case"))]
pub enum Via {
    /// A row, which is there until it is read and after: [`Mailbox::list`](crate::Mailbox::list).
    Database,
    /// A message to the pages that are open now: [`Mailbox::live`](crate::Mailbox::live).
    Broadcast,
    /// A mail, delivered by a job.
    Mail,
}

impl Via {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Database, Self::Broadcast, Self::Mail];
}

/// Something that somebody is told. It is stored, and sent to pages, as JSON.
///
/// See the [crate] for one.
pub trait Notification: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What it is called where it is stored: up to 100 bytes. It must stay when the type is renamed.
    const NAME: &'static str;
    /// By which ways it can go.
    const VIA: &'static [Via] = &[Via::Database, Via::Broadcast];
    /// Those of them that a recipient cannot switch off: what concerns the safety of their account, or what they have paid for.
    const ALWAYS: &'static [Via] = &[];
    /// Those of them that a recipient has to ask for.
    const ON_REQUEST: &'static [Via] = &[];

    /// The mail that says it. None: this one is not told by mail. Only asked for if [`VIA`](Self::VIA) has it, and the recipient an address.
    fn mail(&self, to: &Recipient) -> Option<Mail> {
        let _ = to;
        None
    }
}

/// A contribution: a kind of notification that the application tells. Made by
/// [`NotificationsExt::notification`](crate::NotificationsExt::notification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub(crate) name: &'static str,
    pub(crate) via: &'static [Via],
    pub(crate) always: &'static [Via],
    pub(crate) on_request: &'static [Via],
}

impl Kind {
    pub(crate) const fn of<N: Notification>() -> Self {
        Self { name: N::NAME, via: N::VIA, always: N::ALWAYS, on_request: N::ON_REQUEST }
    }

    /// Whether a recipient may say if they want it so.
    pub(crate) fn is_optional(&self, via: Via) -> bool {
        self.via.contains(&via) && !self.always.contains(&via)
    }

    /// Whether it goes so, to somebody who has said this of it.
    pub(crate) fn goes(&self, via: Via, said: Option<bool>) -> bool {
        match said.filter(|_| self.is_optional(via)) {
            Some(wanted) => wanted,
            None => self.via.contains(&via) && !self.on_request.contains(&via),
        }
    }
}

impl Contribution for Kind {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }

    fn needs(&self) -> Vec<Need> {
        match self.via.contains(&Via::Mail) {
            true => <(Inject<Mailer>,)>::needs(),
            false => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_as_it_says_unless_somebody_says_otherwise_who_may() {
        let kind = Kind {
            name: "x",
            via: &[Via::Database, Via::Broadcast, Via::Mail],
            always: &[Via::Database],
            on_request: &[Via::Mail],
        };
        let goes = |via, said| kind.goes(via, said);
        assert!(goes(Via::Database, None) && goes(Via::Database, Some(false)), "always");
        assert!(goes(Via::Broadcast, None) && !goes(Via::Broadcast, Some(false)));
        assert!(!goes(Via::Mail, None) && goes(Via::Mail, Some(true)));
        let silent = Kind { via: &[], always: &[], ..kind };
        assert!(!silent.goes(Via::Mail, Some(true)), "it does not go so at all");
    }
}
