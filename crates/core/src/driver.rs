//! Drivers: engines of one kind, chosen by how an address in the configuration begins: `memory`, `file:keys/ring`, `redis://…`.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::Result;
use crate::config::did_you_mean;
use crate::container::Resolver;
use crate::contribution::{Contribution, Contributions};
use crate::module::Module;

/// What drivers of a kind open: the contract that they fulfil, as `dyn Contract`.
pub trait Opened: Send + Sync + 'static {
    /// The built-in module that chooses among its drivers.
    fn installs() -> Option<Module> {
        None
    }
}

type Open<S> = dyn Fn(String, Resolver) -> BoxFuture<'static, Result<Arc<S>>> + Send + Sync;

/// A contribution: opens what is at the addresses of one scheme.
pub struct Driver<S: ?Sized> {
    scheme: &'static str,
    open: Arc<Open<S>>,
}

impl<S: Opened + ?Sized> Driver<S> {
    /// Opens addresses that are `scheme`, or begin with it and a colon.
    pub fn new<F>(scheme: &'static str, open: impl Fn(String, Resolver) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<S>>> + Send + 'static,
    {
        Self { scheme, open: Arc::new(move |url, resolver| Box::pin(open(url, resolver))) }
    }

    /// How its addresses begin.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Opens an address.
    ///
    /// # Errors
    ///
    /// What the driver says.
    pub async fn open(&self, url: &str, resolver: Resolver) -> Result<Arc<S>> {
        (self.open)(url.to_owned(), resolver).await
    }

    /// Every driver of this kind, in the order of the modules.
    pub fn all(contributions: &Contributions) -> impl Iterator<Item = &Self> {
        contributions.of::<Self>().map(|driver| driver.value)
    }

    /// The one for an address.
    pub fn of<'c>(contributions: &'c Contributions, url: &str) -> Option<&'c Self> {
        Self::all(contributions).find(|driver| driver.scheme == scheme_of(url))
    }

    /// What to say of an address that none of them opens, and which there are: schemes with `rest` behind them. What follows the scheme
    /// of the address is not shown: it may have a password.
    pub fn unknown(contributions: &Contributions, url: &str, rest: &str) -> (String, String) {
        let schemes = || Self::all(contributions).map(|driver| driver.scheme);
        let asked = scheme_of(url);
        let known = schemes().map(|scheme| format!("`{scheme}{rest}`")).collect::<Vec<_>>().join(", ");
        (format!("`{asked}`{}", did_you_mean(asked, schemes())), format!("there is {known}"))
    }
}

/// How an address begins, before its first colon: `redis` of `redis://cache:6379`. One without a colon is all scheme: `memory`.
pub fn scheme_of(url: &str) -> &str {
    url.split_once(':').map_or(url, |(scheme, _)| scheme)
}

impl<S: Opened + ?Sized> Contribution for Driver<S> {
    fn installs() -> Option<Module> {
        S::installs()
    }
}

impl<S: ?Sized> Clone for Driver<S> {
    fn clone(&self) -> Self {
        Self { scheme: self.scheme, open: Arc::clone(&self.open) }
    }
}

impl<S: ?Sized> fmt::Debug for Driver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("scheme", &self.scheme).finish_non_exhaustive()
    }
}
