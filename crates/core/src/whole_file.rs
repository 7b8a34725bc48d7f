//! Files that are there as a whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    Owner,
    Everybody,
}

impl Readers {
    /// Options that make a file for them.
    pub(crate) fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        if self == Self::Owner {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        options
    }
}

/// Puts a text into a file, whose folder is made if it is not there. Whoever reads finds the old text or the new, also after a power
/// cut.
pub(crate) fn write(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_added_extension("new");
    let mut file = readers.options().create(true).truncate(true).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The new name is on the disk, too.
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
