//! From a key to a path, and never out of the folder. Everything here waits for the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::sync_folder;
use crate::files::key::FileKey;

/// How often a file is given its name where somebody removes its folder meanwhile, which was empty.
const ATTEMPTS: usize = 5;

/// The path of a key.
///
/// # Errors
///
/// `NotADirectory` where something on the way is no folder: a file, or a link, wherever it leads.
pub(super) fn find(root: &Path, key: &FileKey) -> io::Result<PathBuf> {
    let mut path = root.to_owned();
    let mut segments = key.as_str().split('/').peekable();
    while let Some(segment) = segments.next() {
        path.push(segment);
        if segments.peek().is_some() && !fs::symlink_metadata(&path)?.is_dir() {
            return Err(ErrorKind::NotADirectory.into());
        }
    }
    Ok(path)
}

/// How a file is opened to be read: a link in its place is not followed.
pub(super) fn reading() -> OpenOptions {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    options
}

/// Gives a complete file its name, and makes the folders on the way. What is kept is on the disk afterwards, and so is its name.
pub(super) fn give_name(mut file: NamedTempFile, root: &Path, key: &FileKey) -> io::Result<File> {
    file.as_file().sync_all()?;
    for attempt in 1.. {
        make_folders(root, key)?;
        let path = root.join(key.as_str());
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(ErrorKind::IsADirectory.into());
        }
        match file.persist(&path) {
            Ok(kept) => {
                path.parent().map_or(Ok(()), sync_folder)?;
                return Ok(kept);
            }
            Err(failed) if failed.error.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => {
                file = failed.file
            }
            Err(failed) => return Err(failed.error),
        }
    }
    Err(ErrorKind::NotFound.into())
}

/// Makes the folders of a key, one below the other.
fn make_folders(root: &Path, key: &FileKey) -> io::Result<()> {
    let Some((folders, _)) = key.as_str().rsplit_once('/') else { return Ok(()) };
    let mut path = root.to_owned();
    for segment in folders.split('/') {
        let above = path.clone();
        path.push(segment);
        match fs::create_dir(&path) {
            Ok(()) => sync_folder(&above)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
                    return Err(ErrorKind::NotADirectory.into());
                }
            }
            // Somebody has removed the folder above, which was empty: the next attempt makes it again.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes a file, and the folders that are empty without it.
pub(super) fn remove(root: &Path, key: &FileKey) -> io::Result<()> {
    let path = find(root, key)?;
    if fs::symlink_metadata(&path)?.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    fs::remove_file(&path)?;
    let mut folder = path.parent();
    while let Some(path) = folder.filter(|folder| *folder != root) {
        // One that is not empty stays, and so do those above it.
        if fs::remove_dir(path).is_err() {
            return sync_folder(path);
        }
        folder = path.parent();
    }
    sync_folder(root)
}
