//! An entry of the log, as a row.

use chrono::{DateTime, Utc};
use mainstay_core::keys::sha256;
use mainstay_db::model;

use super::event::Outcome;

/// An entry of the audit log: `AuditEntry::filter(|entry| entry.account.eq(identity))`. Read it, and do not write it: an entry that
/// [`Audit`](super::Audit) has not added breaks the chain.
#[model(table = "mainstay_audit")]
pub struct AuditEntry {
    /// Which entry it is, from 1.
    #[field(primary_key)]
    pub position: i64,
    /// When it happened.
    #[field(index)]
    pub at: DateTime<Utc>,
    /// What happened.
    #[field(max_length = 100)]
    pub event: String,
    /// Whether it was done.
    pub outcome: Outcome,
    /// Whose account it is about.
    #[field(index, max_length = 255)]
    pub account: Option<String>,
    /// Who did it, where it is not the account itself.
    #[field(max_length = 255)]
    pub actor: Option<String>,
    /// From where.
    #[field(max_length = 45)]
    pub address: Option<String>,
    /// In which request.
    #[field(max_length = 255)]
    pub request: Option<String>,
    /// What else is known, as JSON.
    pub details: String,
    /// Over this entry and the digest of the one before.
    #[field(max_length = 64)]
    pub digest: String,
    /// The digest, signed.
    pub seal: String,
}

/// The last entry: whoever adds one locks it.
#[model(table = "mainstay_audit_head")]
pub(super) struct AuditHead {
    #[field(primary_key, max_length = 10)]
    pub id: String,
    pub position: i64,
    #[field(max_length = 64)]
    pub digest: String,
}

impl AuditEntry {
    /// What the digest of this entry has to be, if `before` is that of the entry before.
    pub(super) fn digest_after(&self, before: &str) -> String {
        let at = self.at.timestamp_millis();
        let parts = (
            (before, self.position, at, &self.event, self.outcome == Outcome::Done),
            (&self.account, &self.actor, &self.address, &self.request, &self.details),
        );
        // A JSON array: no two lists of parts have the same text.
        let text = serde_json::to_vec(&parts).unwrap_or_default();
        sha256::hex(&text)
    }
}
