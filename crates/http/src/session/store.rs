//! What keeps sessions: the contract that every driver fulfils, and how one is chosen.

use futures_util::future::BoxFuture;
use mainstay_core::driver::{Driver, Opened};
use mainstay_core::{Contributions, Module, Result};

use super::config::SessionConfig;
use super::record::{SessionKey, SessionRecord};

/// Keeps sessions. One suite holds every driver to it.
///
/// A session whose time is over is as good as none, whenever it is really removed.
pub trait SessionStore: Send + Sync + 'static {
    /// The session with this key.
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<SessionRecord>>>;

    /// Keeps a session, in place of the record of the revision before; the first one is number 1 and new. `false` if there is no such
    /// record: somebody else was faster, or it has been removed.
    fn save<'a>(&'a self, key: &'a SessionKey, record: &'a SessionRecord) -> BoxFuture<'a, Result<bool>>;

    /// Removes a session, if it is there.
    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>>;

    /// The sessions of one owner, the one that was seen last before the others.
    fn of_owner<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<Vec<(SessionKey, SessionRecord)>>>;
}

impl Opened for dyn SessionStore {
    fn installs() -> Option<Module> {
        Some(super::module::module())
    }
}

/// A contribution: a kind of store, chosen by how `session.store` begins.
pub type SessionDriver = Driver<dyn SessionStore>;

/// The driver of the configured store; without one, that which was added last.
pub(crate) fn chosen<'c>(
    contributions: &'c Contributions,
    config: &SessionConfig,
) -> Option<&'c SessionDriver> {
    match &config.store {
        Some(url) => SessionDriver::of(contributions, url),
        None => SessionDriver::all(contributions).last(),
    }
}
