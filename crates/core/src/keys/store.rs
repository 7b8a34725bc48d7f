//! Where a ring is kept: the contract that every driver fulfils, and how one is chosen. What it keeps is sealed.

use futures_util::future::BoxFuture;

use crate::contribution::Contributions;
use crate::driver::{Driver, Opened};
use crate::{Finding, Findings, Result};

/// Keeps one text.
pub trait KeyRingStore: Send + Sync + 'static {
    /// The text; none if nothing was kept yet.
    fn load(&self) -> BoxFuture<'_, Result<Option<String>>>;

    /// Keeps a text in place of `before`, what [`load`](Self::load) has given. `false` if something else is there by now. It is on the
    /// disk when this returns.
    fn save<'a>(&'a self, text: &'a str, before: Option<&'a str>) -> BoxFuture<'a, Result<bool>>;
}

impl Opened for dyn KeyRingStore {}

/// A contribution: a kind of store, chosen by how `keys.ring` begins.
pub type KeyRingDriver = Driver<dyn KeyRingStore>;

/// Says so where nothing keeps rings at this address.
pub(crate) fn find_driver(contributions: &Contributions, url: &str, findings: &mut Findings) {
    if KeyRingDriver::of(contributions, url).is_some() {
        return;
    }
    let (asked, mut fix) = KeyRingDriver::unknown(contributions, url, ":…");
    if url.starts_with("database") {
        fix.push_str("; the application has no database, which models or `db::module()` bring");
    }
    let told = format!("nothing keeps a key ring in {asked}");
    findings.add(Finding::error("keys.E002", told).at("keys.ring").fix(fix));
}
