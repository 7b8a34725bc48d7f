//! What keeps sessions: the contract that every driver fulfils, and how one is chosen.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::{Contribution, Contributions, Resolver, Result};

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

type Open = dyn Fn(String, Resolver) -> BoxFuture<'static, Result<Arc<dyn SessionStore>>> + Send + Sync;

/// A contribution: a kind of store, chosen by how `session.store` begins.
#[derive(Clone)]
pub struct SessionDriver {
    scheme: &'static str,
    open: Arc<Open>,
}

impl SessionDriver {
    /// Opens stores whose address is `scheme`, or begins with it and a colon.
    pub fn new<F>(scheme: &'static str, open: impl Fn(String, Resolver) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<dyn SessionStore>>> + Send + 'static,
    {
        Self { scheme, open: Arc::new(move |url, resolver| Box::pin(open(url, resolver))) }
    }

    /// How the addresses of its stores begin.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The driver of the configured store; without one, that which was added last.
    pub(crate) fn chosen<'c>(contributions: &'c Contributions, config: &SessionConfig) -> Option<&'c Self> {
        let mut drivers = contributions.of::<Self>().map(|driver| driver.value);
        match &config.store {
            Some(url) => drivers.find(|driver| driver.opens(url)),
            None => drivers.last(),
        }
    }

    fn opens(&self, url: &str) -> bool {
        url.split(':').next() == Some(self.scheme)
    }

    pub(crate) async fn open(&self, url: &str, resolver: Resolver) -> Result<Arc<dyn SessionStore>> {
        (self.open)(url.to_owned(), resolver).await
    }
}

impl Contribution for SessionDriver {
    fn installs() -> Option<mainstay_core::Module> {
        Some(super::module::module())
    }
}
