//! All files, one folder at a time.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;

use super::{blocking, open, place};
use crate::files::contract::FileInfo;
use crate::files::error::FilesError;
use crate::files::key::FileKey;

/// What is to be looked at next, the last first.
struct Walk {
    root: Arc<Path>,
    waiting: Vec<Entry>,
}

enum Entry {
    /// All that is below this; of none, everything.
    Folder(Option<FileKey>),
    File(FileKey),
}

/// The files below a folder, in the order of their keys.
pub(super) fn walk(
    root: Arc<Path>,
    folder: Option<FileKey>,
) -> impl Stream<Item = Result<FileInfo, FilesError>> + Send {
    let walk = Walk { root, waiting: vec![Entry::Folder(folder)] };
    stream::try_unfold(walk, |mut walk| async move {
        let next = blocking(move || walk.next().map(|found| (found, walk)));
        let (found, walk) = next.await?;
        Ok(found.map(|found| (found, walk)))
    })
}

impl Walk {
    /// The next file. Blocks.
    fn next(&mut self) -> io::Result<Option<FileInfo>> {
        while let Some(entry) = self.waiting.pop() {
            match entry {
                Entry::Folder(folder) => self.enter(folder.as_ref())?,
                Entry::File(key) => match open(&self.root, &key) {
                    Ok((_, info)) => return Ok(Some(info)),
                    // It was deleted meanwhile.
                    Err(error) if is_gone(&error) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(None)
    }

    fn enter(&mut self, folder: Option<&FileKey>) -> io::Result<()> {
        let path = match folder.map(|folder| place::find(&self.root, folder)).transpose() {
            Ok(path) => path.unwrap_or_else(|| self.root.to_path_buf()),
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Ok(());
        }
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let key = folder.map_or(name.clone(), |folder| format!("{folder}/{name}"));
            // What somebody else has put here, and no key names.
            let Ok(key) = FileKey::parse(key) else { continue };
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                // `a.txt` comes before `a/b.txt`: the sign that parts segments counts.
                found.push((format!("{key}/"), Entry::Folder(Some(key))));
            } else if kind.is_file() {
                found.push((key.as_str().to_owned(), Entry::File(key)));
            }
        }
        found.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
        self.waiting.extend(found.into_iter().map(|(_, entry)| entry));
        Ok(())
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
