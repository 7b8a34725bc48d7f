//! The service that deletes what nothing refers to.

use std::time::Duration;

use mainstay_core::service::Running;
use mainstay_core::{Inject, Result};
use mainstay_db::Uuid;

use super::Attachments;
use super::blob::{Blob, FileToDelete};

/// How often it is looked.
const ROUND: Duration = Duration::from_secs(60);
/// When a file is tried again that could not be deleted.
const LATER: Duration = Duration::from_secs(60 * 60);
/// How many rows are looked at with one statement.
const WINDOW: u64 = 500;
/// How many windows of a round: a table of a million files is looked through in two hours, and the database is hardly busy.
const WINDOWS: usize = 20;

pub(super) async fn sweep(running: Running, attachments: Inject<Attachments>) -> Result<()> {
    let mut rounds = running.every(ROUND);
    let mut after = None;
    running.ready();
    while rounds.next().await {
        // A store or a database that is away for a while is no reason to end.
        if let Err(error) = attachments.round(&mut after).await {
            tracing::warn!(target: "mainstay::files", error = %error.report(), "files that nothing refers to could not be deleted");
        }
    }
    Ok(())
}

impl Attachments {
    /// Deletes all files that nothing refers to and whose time is over: what the service does round by round. For tests, and for a command
    /// of one's own.
    ///
    /// # Errors
    ///
    /// When the database or the store fails.
    pub async fn sweep(&self) -> Result<()> {
        self.delete_due().await?;
        let mut after = None;
        while self.release_window(&mut after).await? {}
        Ok(())
    }

    async fn round(&self, after: &mut Option<Uuid>) -> Result<()> {
        self.delete_due().await?;
        for _ in 0..WINDOWS {
            if !self.release_window(after).await? {
                break;
            }
        }
        Ok(())
    }

    /// Files that were never wanted, and those whose row is gone.
    async fn delete_due(&self) -> Result<()> {
        let db = self.0.db.primary().in_background();
        loop {
            let now = self.now();
            let due = FileToDelete::filter(|file| file.due_at.le(now))
                .order_by(|file| file.due_at.asc())
                .limit(WINDOW)
                .all(&db)
                .await?;
            for file in &due {
                let done = match file.is_under_way {
                    true => self.delete_file(&file.key).await,
                    false => self.give_up(&file.key).await,
                };
                if let Err(error) = done {
                    // One that cannot go keeps no other: it is tried again later, or is already to be.
                    tracing::warn!(target: "mainstay::store", error = %error.report(), "a file cannot be deleted; it is tried again later");
                    let (key, later) = (file.key.clone(), now + LATER);
                    let stuck = FileToDelete::filter(|file| file.key.eq(key) & file.due_at.le(now));
                    stuck.update(|file| file.due_at(later), &db).await?;
                }
            }
            if due.is_empty() {
                return Ok(());
            }
        }
    }

    /// Releases what nothing refers to among the next files. Says whether there were any; after the last it begins again.
    async fn release_window(&self, after: &mut Option<Uuid>) -> Result<bool> {
        let db = self.0.db.primary().in_background();
        let before = self.now() - self.0.within;
        let old = Blob::filter(|blob| blob.created_at.lt(before));
        let old = match *after {
            Some(after) => old.filter(|blob| blob.id.gt(after)),
            None => old,
        };
        let ids: Vec<Uuid> =
            old.order_by(|blob| blob.id.asc()).limit(WINDOW).select(|blob| blob.id).all(&db).await?;
        *after = ids.last().copied();
        for id in self.0.references.unreferenced(&ids, &db).await? {
            if let Err(error) = self.release(id).await {
                tracing::warn!(target: "mainstay::store", error = %error.report(), file = %id, "a file cannot be released; it is tried again in the next round");
            }
        }
        Ok(!ids.is_empty())
    }
}
