//! What nobody goes on with is removed.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_core::Result;

use super::record::UNNAMED;
use super::{Id, Record, Uploads, lock, remove_file};
use crate::extract::blocking;

/// A record without its name that is older than this was left behind by a process that has died.
const LEFT_BEHIND: Duration = Duration::from_secs(60 * 60);

/// What the folder has of one upload.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    data: Option<(SystemTime, u64)>,
    record: Option<SystemTime>,
}

impl Uploads {
    /// Removes what has expired, and counts the rest.
    pub(in crate::resumable) async fn sweep(self: &Arc<Self>) -> Result<()> {
        let (uploads, now) = (Arc::clone(self), self.clock.now());
        let found = blocking(move || {
            uploads.remove_unnamed(now)?;
            uploads.look()
        })
        .await?;
        for (id, found) in found {
            if self.is_over(found, now) {
                let Some(held) = self.locks.try_take(&id) else { continue };
                let uploads = Arc::clone(self);
                blocking(move || {
                    uploads.expire(&id, now);
                    drop(held);
                    Ok(())
                })
                .await?;
            }
        }
        self.recount().await
    }

    /// Counts what is in the folder, and forgets what is not.
    pub(super) async fn recount(&self) -> Result<()> {
        let before = self.room.ids();
        let folder = self.folder.clone();
        let known = before.clone();
        let (there, finished) = blocking(move || {
            let (mut there, mut finished) = (HashMap::new(), 0);
            for (id, found) in look(&folder)? {
                let Some((_, offset)) = found.data else {
                    finished += 1;
                    continue;
                };
                // The record of what is counted need not be read again, and one that cannot be read takes no room.
                let record =
                    if known.contains(&id) { None } else { Record::load(&folder, &id).ok().flatten() };
                if record.as_ref().is_some_and(|record| record.finished) {
                    // The process died before it was removed.
                    remove_file(&folder.join(id.as_str()));
                    finished += 1;
                    continue;
                }
                there.insert(id, (record, offset));
            }
            Ok((there, finished))
        })
        .await?;
        self.room.remembers(finished);
        for id in before.iter().filter(|id| !there.contains_key(id)) {
            // One that is just being made is not there yet, but somebody has it.
            let Some(held) = self.locks.try_take(id) else { continue };
            // Nor is one there that was made after the look at the folder.
            let data = self.data(id);
            if !blocking(move || data.try_exists()).await? {
                self.room.give_back(id);
            }
            drop(held);
        }
        for (id, (record, offset)) in &there {
            if let Some(record) = record {
                self.room.found(id, record, *offset);
            }
        }
        Ok(())
    }

    fn is_over(&self, found: Found, now: SystemTime) -> bool {
        let end = match found {
            Found { data: Some((touched, offset)), .. } => touched + self.config.expires_in(offset),
            Found { record: Some(finished), .. } => finished + self.config.remember,
            Found { .. } => return false,
        };
        end <= now
    }

    /// Removes one, if it is over still and no other process has it. Blocks.
    fn expire(&self, id: &Id, now: SystemTime) {
        let file = fs::File::options().append(true).open(self.data(id)).ok();
        if !file.as_ref().is_none_or(|file| lock(file).unwrap_or(false)) {
            return;
        }
        let again = self.look_at(id);
        if self.is_over(again, now) {
            self.forget(id);
        }
    }

    fn look_at(&self, id: &Id) -> Found {
        let about = |path| fs::metadata(path).ok();
        let touched = |about: &fs::Metadata| about.modified().ok();
        Found {
            data: about(self.data(id)).and_then(|about| Some((touched(&about)?, about.len()))),
            record: about(Record::path(&self.folder, id)).as_ref().and_then(touched),
        }
    }

    fn look(&self) -> io::Result<HashMap<Id, Found>> {
        look(&self.folder)
    }

    fn remove_unnamed(&self, now: SystemTime) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let is_old = || {
                let touched = entry.metadata().and_then(|about| about.modified()).ok();
                touched.is_some_and(|touched| touched + LEFT_BEHIND <= now)
            };
            if entry.file_name().to_str().is_some_and(|name| name.starts_with(UNNAMED)) && is_old() {
                remove_file(&entry.path());
            }
        }
        Ok(())
    }
}

/// All uploads of a folder. Blocks.
fn look(folder: &std::path::Path) -> io::Result<HashMap<Id, Found>> {
    let mut all: HashMap<Id, Found> = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let stem = name.strip_suffix(".json");
        let Some(id) = Id::parse(stem.unwrap_or(name)) else { continue };
        // It may be gone by now.
        let Ok(about) = entry.metadata() else { continue };
        let Ok(touched) = about.modified() else { continue };
        let found = all.entry(id).or_default();
        match stem {
            Some(_) => found.record = Some(touched),
            None => found.data = Some((touched, about.len())),
        }
    }
    Ok(all)
}
