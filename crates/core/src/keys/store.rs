//! Where a ring is kept: the contract that every driver fulfils, and how one is chosen. What it keeps is sealed.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::config::did_you_mean;
use crate::container::Resolver;
use crate::contribution::{Contribution, Contributions};
use crate::{Finding, Findings, Result};

/// Keeps one text.
pub trait KeyRingStore: Send + Sync + 'static {
    /// The text; none if nothing was kept yet.
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>>;

    /// Keeps a text in place of `before`, what [`load`](Self::load) has given. `false` if something else is there by now. It is on the
    /// disk when this returns.
    fn save<'a>(&'a self, text: &'a str, before: Option<&'a str>) -> BoxFuture<'a, Result<bool>>;
}

type Open = dyn Fn(String, Resolver) -> BoxFuture<'static, Result<Arc<dyn KeyRingStore>>> + Send + Sync;

/// A contribution: a kind of store, chosen by how `keys.ring` begins.
#[derive(Clone)]
pub struct KeyRingDriver {
    scheme: &'static str,
    open: Arc<Open>,
}

impl KeyRingDriver {
    /// Opens stores whose address is `scheme`, or begins with it and a colon.
    pub fn new<F>(scheme: &'static str, open: impl Fn(String, Resolver) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Arc<dyn KeyRingStore>>> + Send + 'static,
    {
        Self { scheme, open: Arc::new(move |url, resolver| Box::pin(open(url, resolver))) }
    }

    /// How the addresses of its stores begin.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The driver for this address.
    pub(crate) fn chosen<'c>(contributions: &'c Contributions, url: &str) -> Option<&'c Self> {
        let mut drivers = contributions.of::<Self>().map(|driver| driver.value);
        drivers.find(|driver| url.split(':').next() == Some(driver.scheme))
    }

    pub(crate) async fn open(&self, url: &str, resolver: Resolver) -> Result<Arc<dyn KeyRingStore>> {
        (self.open)(url.to_owned(), resolver).await
    }
}

impl Contribution for KeyRingDriver {}

/// Says so where nothing keeps rings at this address.
pub(crate) fn find_driver(contributions: &Contributions, url: &str, findings: &mut Findings) {
    if KeyRingDriver::chosen(contributions, url).is_some() {
        return;
    }
    let schemes = || contributions.of::<KeyRingDriver>().map(|driver| driver.value.scheme);
    // An address may have a password in it.
    let asked = url.split(':').next().unwrap_or_default();
    let known = schemes().map(|scheme| format!("`{scheme}:…`")).collect::<Vec<_>>().join(", ");
    let told = format!("nothing keeps a key ring in `{asked}`{}", did_you_mean(asked, schemes()));
    findings.add(Finding::error("keys.E002", told).at("keys.ring").fix(format!("there is {known}")));
}
