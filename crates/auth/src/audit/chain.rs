//! How an entry is added, and how the whole is verified.

use chrono::{DateTime, SubsecRound, Utc};
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::{Error, Result};
use mainstay_db::{Db, Tx};

use super::entry::{AuditEntry, AuditEntryDraft, AuditHead, NewAuditEntry, NewAuditHead};
use super::event::SecurityEvent;

/// The one row of `mainstay_audit_head`.
const HEAD: &str = "head";

/// The log in the database.
#[derive(Debug)]
pub(super) struct Chain {
    db: Db,
    seals: Purpose,
}

/// What a look at the whole log has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries there are.
    pub entries: u64,
    /// The digest of the last one. Whoever keeps position and digest elsewhere sees later whether the end was cut off.
    pub digest: String,
    /// The first entry that is not as it was written, if there is one.
    pub broken: Option<Broken>,
}

/// Where the log is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// This entry is missing.
    Missing(i64),
    /// This entry was changed, or one before it.
    Changed(i64),
    /// This entry was not written by the application, or its key was revoked.
    Unsealed(i64),
    /// The entries after this one are missing.
    Cut(i64),
}

impl Chain {
    pub(super) fn new(db: Db, keys: &Keys) -> Self {
        Self { db, seals: keys.purpose("audit log") }
    }

    pub(super) async fn add(&self, event: SecurityEvent, at: DateTime<Utc>) -> Result<()> {
        let details = serde_json::to_string(&event.details)?;
        let cut = |text: Option<String>, most: usize| text.map(|text| text.chars().take(most).collect());
        let entry = &AuditEntry {
            position: 0,
            // What every engine keeps.
            at: at.trunc_subsecs(3),
            event: event.name.to_owned(),
            outcome: event.outcome,
            account: cut(event.account, 255),
            actor: cut(event.actor, 255),
            address: event.address,
            request: cut(event.request, 255),
            details,
            digest: String::new(),
            seal: String::new(),
        };
        // Again, where two have made the head at once.
        self.db
            .transaction_retry(async |tx| {
                let (mut entry, head) = (entry.clone(), self.locked_head(tx).await?);
                entry.position = head.position + 1;
                entry.digest = entry.digest_after(&head.digest);
                entry.seal = self.seals.sign(entry.digest.as_bytes(), None);
                let (position, digest) = (entry.position, entry.digest.clone());
                draft(entry).insert(tx).await?;
                AuditHead::filter(|head| head.id.eq(HEAD))
                    .update(|head| head.position(position).digest(digest), tx)
                    .await
            })
            .await?;
        Ok(())
    }

    async fn locked_head(&self, tx: &Tx) -> Result<AuditHead> {
        let locked = || AuditHead::filter(|head| head.id.eq(HEAD)).for_update();
        if let Some(head) = locked().first(tx).await? {
            return Ok(head);
        }
        let first = NewAuditHead { id: HEAD.to_owned(), position: 0, digest: String::new() };
        first.insert_or_ignore(|head| head.id, tx).await?;
        locked().one(tx).await
    }

    pub(super) async fn verify(&self) -> Result<Verified> {
        let db = self.db.primary();
        // The head first: what is added meanwhile comes after it, and is looked at too.
        let head = AuditHead::filter(|head| head.id.eq(HEAD)).first(&db).await?;
        let mut entries =
            AuditEntry::filter(|entry| entry.position.gt(0)).order_by(|entry| entry.position).stream(&db);
        let (mut position, mut before) = (0, String::new());
        let broken = loop {
            let Some(entry) = entries.try_next().await? else {
                break head.filter(|head| head.position > position).map(|_| Broken::Cut(position));
            };
            position += 1;
            if entry.position != position {
                break Some(Broken::Missing(position));
            }
            if entry.digest_after(&before) != entry.digest {
                break Some(Broken::Changed(position));
            }
            let signed = self.seals.verify(&entry.seal);
            if !signed.is_ok_and(|signed| signed == entry.digest.as_bytes()) {
                break Some(Broken::Unsealed(position));
            }
            before = entry.digest;
        };
        let entries = u64::try_from(position).map_err(|_| Error::internal("an audit log below zero"))?;
        Ok(Verified { entries, digest: before, broken })
    }
}

fn draft(entry: AuditEntry) -> AuditEntryDraft {
    NewAuditEntry {
        at: entry.at,
        event: entry.event,
        outcome: entry.outcome,
        details: entry.details,
        digest: entry.digest,
        seal: entry.seal,
    }
    .position(entry.position)
    .account(entry.account)
    .actor(entry.actor)
    .address(entry.address)
    .request(entry.request)
}
