//! What the running task works for: a route, a job, a command.
//!
//! Whoever starts the work says it (`http` names the route), and whoever runs something on its behalf reads it: `db` names
//! it in the log of slow queries and, if it is told to, in a comment of each statement. It has few values, so that it may be
//! a label. What tells one request from another is in its span.
//!
//! ```
//! use mainstay_core::origin::Origin;
//!
//! let origin = Origin::new("/articles/{slug}");
//! assert!(Origin::current().is_none());
//! origin.sync_scope(|| assert_eq!(Origin::current().unwrap().as_str(), "/articles/{slug}"));
//! ```

use std::sync::Arc;

tokio::task_local! {
    static ORIGIN: Origin;
}

/// The name of what is worked for, such as `/articles/{slug}`. A clone costs one counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(Arc<str>);

impl Origin {
    /// One of this name.
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// That of the running task, if somebody has said it.
    pub fn current() -> Option<Self> {
        ORIGIN.try_with(Self::clone).ok()
    }

    /// Runs `work` on its behalf.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        ORIGIN.scope(self, work).await
    }

    /// Runs `work`, which does not wait, on its behalf.
    pub fn sync_scope<T>(&self, work: impl FnOnce() -> T) -> T {
        ORIGIN.sync_scope(self.clone(), work)
    }
}
