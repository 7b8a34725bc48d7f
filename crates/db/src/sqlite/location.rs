//! What a `sqlite:` URL means.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::DbError;

/// Where a database is.
#[derive(Clone, Debug)]
pub struct Location {
    path: Arc<Path>,
    temporary: bool,
}

impl Location {
    /// Reads a URL: `sqlite:data/app.db` and `sqlite://data/app.db` (relative to `home`), `sqlite:///var/lib/app.db`
    /// (absolute), `sqlite::memory:` (of this process, gone when it is closed).
    pub fn parse(url: &str, home: &Path) -> Result<Self, DbError> {
        let rest = url.strip_prefix("sqlite:").ok_or_else(|| DbError::Unavailable {
            detail: format!("`{url}` is not an address of SQLite: it must begin with `sqlite:`"),
        })?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        match path {
            ":memory:" => Ok(Self::memory()),
            "" => Err(DbError::Unavailable { detail: format!("`{url}` names no file") }),
            path => Ok(Self { path: home.join(path).into(), temporary: false }),
        }
    }

    /// The file at `path`.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into().into(), temporary: false }
    }

    /// A database that is gone when it is closed.
    ///
    /// It is a file in the folder for temporary files that is never synced: SQLite's own memory databases lock whole
    /// tables between connections and have no WAL, so that tests on them would see another engine than production.
    pub fn memory() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        static SWEPT: Once = Once::new();
        let folder = std::env::temp_dir().join("mainstay-memory");
        SWEPT.call_once(|| sweep(&folder));
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.subsec_nanos());
        let name = format!("{}-{number}-{nanos:08x}.db", std::process::id());
        Self { path: folder.join(name).into(), temporary: true }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is gone when it is closed.
    pub fn is_temporary(&self) -> bool {
        self.temporary
    }

    /// Removes the files of a temporary database; leaves any other alone.
    pub(super) fn discard(&self) {
        if !self.temporary {
            return;
        }
        for suffix in ["", "-wal", "-shm"] {
            let mut name = self.path.as_os_str().to_owned();
            name.push(suffix);
            // What is not there, or is still held on Windows, is left to the system's cleaning.
            let _ = std::fs::remove_file(PathBuf::from(name));
        }
    }
}

/// Removes what processes have left behind that were killed more than a day ago. Only where it can be seen that a process
/// lives no more.
fn sweep(folder: &Path) {
    const OLD: Duration = Duration::from_secs(24 * 60 * 60);
    let processes = Path::new("/proc");
    if !processes.join("self").exists() {
        return;
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split('-').next()).unwrap_or_default();
        let lives = processes.join(owner).exists();
        let age =
            entry.metadata().and_then(|found| found.modified()).ok().and_then(|time| time.elapsed().ok());
        if !lives && age.is_some_and(|age| age > OLD) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_relative_and_absolute_addresses() {
        let home = Path::new("/home/app");
        let path = |url| Location::parse(url, home).unwrap().path().to_path_buf();
        assert_eq!(path("sqlite:data/app.db"), Path::new("/home/app/data/app.db"));
        assert_eq!(path("sqlite://data/app.db"), Path::new("/home/app/data/app.db"));
        assert_eq!(path("sqlite:///var/app.db"), Path::new("/var/app.db"));
        assert!(Location::parse("sqlite::memory:", home).unwrap().is_temporary());
        assert_ne!(Location::memory().path(), Location::memory().path());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let fault = Location::parse("postgres://localhost/app", Path::new("/")).unwrap_err();
        assert!(fault.to_string().contains("must begin with `sqlite:`"), "{fault}");
        assert!(Location::parse("sqlite:", Path::new("/")).is_err());
    }
}
