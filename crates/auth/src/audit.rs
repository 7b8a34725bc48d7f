//! The audit log: what happened to accounts, when, from where, and whether it was allowed.
//!
//! Every [`SecurityEvent`] goes to the log of the program (target `mainstay::audit`). With [`.audit_log()`](AuditLogExt::audit_log) each is
//! also a row of `mainstay_audit`, which is added and never changed:
//!
//! - `event`: [`SecurityEvent`], what somebody records.
//! - `entry`: [`AuditEntry`], a row. It carries a digest over itself and the entry before it, sealed by the application's keys: who can
//!   write to the database, and has no keys, cannot change, insert or leave out an entry without being found.
//! - `chain`: how an entry is added, and how the whole is verified.
//! - `command`: `audit list`, `audit export`, `audit verify`.

mod chain;
mod command;
mod entry;
mod event;

use mainstay_core::clock::Clock;
use mainstay_core::keys::Keys;
use mainstay_core::{Contribute, Contribution, Contributions, CoreContributions, Inject, Module, Result};
use mainstay_db::{Db, ModelsExt, migrations, models};

use chain::Chain;

pub use chain::{Broken, Verified};
pub use entry::AuditEntry;
pub use event::{Outcome, SecurityEvent};

/// Records what an auditor wants to know. Injectable.
///
/// ```
/// use mainstay_auth::audit::{Audit, SecurityEvent};
/// use mainstay_core::principal::Principal;
/// use mainstay_core::{Inject, Result};
/// use mainstay_http::{Exchange, post};
///
/// /// Exports all customers.
/// #[post("/customers/export")]
/// async fn export(audit: Inject<Audit>, who: Principal, exchange: Exchange) -> Result<()> {
///     audit.record(SecurityEvent::new("customers.exported").by(&who.identity()).from(&exchange)).await
/// }
/// ```
pub struct Audit {
    clock: Inject<dyn Clock>,
    chain: Option<Chain>,
}

impl Audit {
    pub(crate) fn new(
        db: Inject<Db>,
        keys: Inject<Keys>,
        clock: Inject<dyn Clock>,
        contributions: Inject<Contributions>,
    ) -> Self {
        let is_kept = contributions.of::<InDatabase>().next().is_some();
        Self { clock, chain: is_kept.then(|| Chain::new(Db::clone(&db), &keys)) }
    }

    /// Records an event. It is in the table when this returns, whatever becomes of a transaction that the caller is in.
    ///
    /// Entries are added one after the other, over all processes: record what somebody does, not what a program does a thousand times.
    ///
    /// # Errors
    ///
    /// When it cannot be kept. What is not recorded should not be done: pass it on.
    pub async fn record(&self, event: SecurityEvent) -> Result<()> {
        event.tell();
        match &self.chain {
            Some(chain) => chain.add(event, self.clock.now().into()).await,
            None => Ok(()),
        }
    }

    /// Looks whether the log is as it was written: see [`Verified`].
    ///
    /// # Errors
    ///
    /// When there is no log in the database, or it cannot be read.
    pub async fn verify(&self) -> Result<Verified> {
        let missing = || mainstay_core::Error::bad_request("There is no audit log: add `.audit_log()`.");
        self.chain.as_ref().ok_or_else(missing)?.verify().await
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("is_kept", &self.chain.is_some()).finish_non_exhaustive()
    }
}

/// A contribution: the audit log is in the database.
struct InDatabase;

impl Contribution for InDatabase {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Keeps the audit log. In the prelude.
pub trait AuditLogExt: Contribute {
    /// Keeps the security events of the application in the table `mainstay_audit`, and adds the command `audit`.
    #[must_use]
    fn audit_log(self) -> Self {
        self.contribute(InDatabase)
    }
}

impl<C: Contribute> AuditLogExt for C {}

fn module() -> Module {
    Module::new("audit")
        .global()
        .import(crate::module::module())
        .models(models![AuditEntry, entry::AuditHead])
        .migrations(migrations!("audit").of_library())
        .command(command::command())
}
