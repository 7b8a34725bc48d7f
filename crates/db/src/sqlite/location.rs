//! What a `sqlite:` URL means.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| elapsed.subsec_nanos());
        let name = format!("mainstay-{}-{number}-{nanos:08x}.db", std::process::id());
        Self { path: std::env::temp_dir().join(name).into(), temporary: true }
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
