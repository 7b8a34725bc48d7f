//! Files that are there as a whole or not at all.
//!
//! ```
//! use mainstay_core::whole_file::{Readers, write};
//!
//! # let home = tempfile::tempdir().unwrap();
//! # let home = home.path();
//! write(&home.join("var/report.txt"), "all of it", Readers::Owner)?;
//! assert_eq!(std::fs::read_to_string(home.join("var/report.txt"))?, "all of it");
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Whoever runs the application, and nobody else: what is in it lets people in. On Windows, whoever may read its folder.
    Owner,
    /// Whoever the system lets.
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

/// Puts this into a file, whose folder is made if it is not there. Whoever reads finds what was there before or all of the new, also
/// after a power cut. It waits for the disk: on an async thread, by `spawn_blocking`. Of two that write one file at once, one may fail.
///
/// # Errors
///
/// When the folder or the file cannot be written. What was there before is as it was.
pub fn write(path: &Path, content: impl AsRef<[u8]>, readers: Readers) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder)?;
    }
    let new = path.with_added_extension("new");
    let mut file = readers.options().create(true).truncate(true).open(&new)?;
    file.write_all(content.as_ref())?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The new name is on the disk, too.
    folder.map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
