//! Whose a session is: what an authenticator has found out, and a process remembers for a moment.
//!
//! Who only wants to know who sends a request need not load the session, nor the account. What is remembered is forgotten as soon as
//! this process keeps or removes the session, or finds that it is gone; of what other processes do, it learns after `session.recheck`.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;
use mainstay_core::principal::Principal;
use mainstay_core::recent::Recent;

use super::record::{SessionKey, SessionRecord};
use super::store::SessionStore;

/// Whose a session was found to be.
#[derive(Debug)]
pub struct Recognized {
    /// Who it is.
    pub principal: Principal,
    /// Of which model the account is.
    pub model: &'static str,
}

/// What is remembered, by session.
pub(super) type RecentlySeen = Recent<SessionKey, Arc<Recognized>>;

/// A store that forgets what was found out about a session when that changes.
pub(super) struct Watched {
    pub(super) store: Arc<dyn SessionStore>,
    pub(super) recent: Arc<RecentlySeen>,
}

impl SessionStore for Watched {
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<SessionRecord>>> {
        self.store.load(key)
    }

    fn save<'a>(&'a self, key: &'a SessionKey, record: &'a SessionRecord) -> BoxFuture<'a, Result<bool>> {
        async move {
            let _forgets = self.recent.forgets(key);
            self.store.save(key, record).await
        }
        .boxed()
    }

    fn remove<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<()>> {
        async move {
            let _forgets = self.recent.forgets(key);
            self.store.remove(key).await
        }
        .boxed()
    }

    fn of_owner<'a>(&'a self, owner: &'a str) -> BoxFuture<'a, Result<Vec<(SessionKey, SessionRecord)>>> {
        self.store.of_owner(owner)
    }
}
