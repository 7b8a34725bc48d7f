//! A copy of a database that is in use, and back.
//!
//! Pages are copied as they are, by SQLite's own backup, in one step: so the copy is as of one moment, and in WAL mode
//! nobody who writes waits for it. A file that is made is one file, without a log beside it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::connection::{Limits, make_folder};
use super::failure::Scene;
use super::{Location, SqliteOptions, decimal};
use crate::error::DbError;
use crate::file::{create_private, part_of};

/// How long one waits for a lock that another process holds.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one waits until one looks at it again.
const PAUSE: Duration = Duration::from_millis(20);

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and the call fails.
    #[default]
    Keep,
    /// It is replaced.
    Replace,
}

/// Copies a database into a file, while it is read and written. Returns how many bytes the copy has. It has then been checked
/// and synced to disk; before that, there is no file of that name. Nobody but its owner can read it.
///
/// ```
/// use mainstay_db::sqlite::{Existing, Location, backup, restore};
/// use mainstay_db::{Db, sql};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("mainstay-backup-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let (app, copy) = (folder.join("app.db"), folder.join("copy.db"));
/// let db = Db::open(&format!("sqlite:{}", app.display())).await?;
/// sql("CREATE TABLE notes (text TEXT)").execute(&db).await?;
///
/// let bytes = backup(&Location::file(&app), &copy, Existing::Keep).await?;
/// assert_eq!(std::fs::metadata(&copy)?.len(), bytes);
///
/// // Nobody may have the database open that is written over.
/// assert!(restore(&copy, &Location::file(&app), Existing::Replace).await.is_err());
/// db.close().await;
/// restore(&copy, &Location::file(&app), Existing::Replace).await?;
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// When there is no database, the file is there already, or the copy is not sound.
pub async fn backup(from: &Location, to: &Path, existing: Existing) -> Result<u64, DbError> {
    let (from, to) = (from.clone(), to.to_owned());
    in_a_thread(move || copy_out(&from, &to, existing)).await
}

/// Puts a copy in the place of a database, all of it or nothing. The copy is checked before.
///
/// # Errors
/// When the copy is no database, is empty or is damaged; when there is a database already that may not be replaced, or that
/// somebody has open.
pub async fn restore(from: &Path, to: &Location, existing: Existing) -> Result<(), DbError> {
    let (from, to) = (from.to_owned(), to.clone());
    in_a_thread(move || copy_in(&from, &to, existing)).await
}

async fn in_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DbError> + Send + 'static,
) -> Result<T, DbError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|fault| Err(unavailable(format!("the copying was broken off: {fault}"))))
}

fn copy_out(from: &Location, to: &Path, existing: Existing) -> Result<u64, DbError> {
    if existing == Existing::Keep && to.exists() {
        return Err(unavailable(format!("`{}` is there already", to.display())));
    }
    let source = Database::open(from.path())?;
    let part = part_of(to);
    let copied = copy_to_part(&source, &part).and_then(|bytes| {
        std::fs::rename(&part, to).map_err(|error| cannot_write(to, &error))?;
        sync_folder(to);
        Ok(bytes)
    });
    if copied.is_err() {
        // What matters is why it failed.
        let _gone = std::fs::remove_file(&part);
    }
    copied
}

fn copy_to_part(source: &Database, part: &Path) -> Result<u64, DbError> {
    create_private(part).map_err(|error| cannot_write(part, &error))?;
    let mut copy = Database::make(part)?;
    // It is worth nothing before it is whole, and synced at once then.
    copy.set("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF")?;
    copy.fill_from(source)?;
    // The pages say that the database has a log, as the one that they are from.
    copy.set("PRAGMA journal_mode = DELETE")?;
    copy.check()?;
    drop(copy);
    let synced = File::open(part).and_then(|file| {
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    synced.map_err(|error| cannot_write(part, &error))
}

fn copy_in(from: &Path, to: &Location, existing: Existing) -> Result<(), DbError> {
    let source = Database::open(from)?;
    if from.canonicalize().is_ok_and(|from| to.path().canonicalize().is_ok_and(|to| from == to)) {
        return Err(unavailable(format!("`{}` is the database itself", from.display())));
    }
    if source.is_empty()? {
        return Err(unavailable(format!("`{}` has no tables: it is no copy of a database", from.display())));
    }
    source.check()?;
    make_folder(to)?;
    let mut target = Database::make(to.path())?;
    target.lock()?;
    if existing == Existing::Keep && !target.is_empty()? {
        return Err(unavailable(format!("`{}` is a database already", to.path().display())));
    }
    target.fill_from(&source)
}

/// A file that is open as a database.
struct Database {
    connection: Connection,
    path: PathBuf,
}

impl Database {
    /// Opens one that is there, to read it.
    fn open(path: &Path) -> Result<Self, DbError> {
        if !path.is_file() {
            return Err(unavailable(format!("`{}` is not there", path.display())));
        }
        let database = Self::with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        database.is_empty()?;
        Ok(database)
    }

    /// Opens one to write it, and makes it if it is not there.
    fn make(path: &Path) -> Result<Self, DbError> {
        Self::with(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)
    }

    fn with(path: &Path, flags: OpenFlags) -> Result<Self, DbError> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(path, error))?;
        let database = Self { connection, path: path.to_owned() };
        database.ask(|connection| {
            connection.busy_timeout(PATIENCE)?;
            // The order of an index may depend on it.
            decimal::register(connection)
        })?;
        Ok(database)
    }

    fn ask<T>(&self, question: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, DbError> {
        question(&self.connection).map_err(|error| explain(&self.path, error))
    }

    fn set(&self, sql: &str) -> Result<(), DbError> {
        self.ask(|connection| connection.execute_batch(sql))
    }

    fn is_empty(&self) -> Result<bool, DbError> {
        let count = "SELECT count(*) = 0 FROM sqlite_schema";
        self.ask(|connection| connection.query_row(count, [], |row| row.get(0)))
    }

    /// Looks at every page.
    fn check(&self) -> Result<(), DbError> {
        let said: String =
            self.ask(|connection| connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)))?;
        match said.as_str() {
            "ok" => Ok(()),
            fault => Err(unavailable(format!("`{}` is damaged ({fault})", self.path.display()))),
        }
    }

    /// Keeps everybody else out for as long as it is open. A database without a log can be had by one alone, so that leaving
    /// the log says whether there is somebody.
    fn lock(&self) -> Result<(), DbError> {
        let mode = self.ask(|connection| {
            connection.execute_batch("PRAGMA locking_mode = EXCLUSIVE")?;
            let mode: String = connection.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
            connection.execute_batch("BEGIN EXCLUSIVE; COMMIT")?;
            Ok(mode)
        });
        let in_use = || {
            let path = self.path.display();
            unavailable(format!("`{path}` is open in another process: stop it, and try again"))
        };
        match mode {
            Ok(mode) if mode == "delete" => Ok(()),
            Ok(_) | Err(DbError::Busy { .. }) => Err(in_use()),
            Err(fault) => Err(fault),
        }
    }

    /// Becomes a copy of the other, all of it or nothing.
    fn fill_from(&mut self, source: &Self) -> Result<(), DbError> {
        let began = Instant::now();
        let path = &self.path;
        let backup =
            Backup::new(&source.connection, &mut self.connection).map_err(|error| explain(path, error))?;
        loop {
            match backup.step(-1).map_err(|error| explain(path, error))? {
                StepResult::Done => return Ok(()),
                _ if began.elapsed() < PATIENCE => std::thread::sleep(PAUSE),
                _ => {
                    return Err(DbError::Busy {
                        what: format!("the lock on `{}`", source.path.display()),
                        waited: PATIENCE,
                    });
                }
            }
        }
    }
}

fn explain(path: &Path, error: rusqlite::Error) -> DbError {
    let options = SqliteOptions { acquire_timeout: PATIENCE, ..SqliteOptions::default() };
    Scene { path, sql: "PRAGMA", limits: &Limits::new(&options) }.explain(error)
}

/// So that the new name of a file is there after a power cut too. Where a folder cannot be synced, there is nothing to do.
fn sync_folder(file: &Path) {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = File::open(folder.unwrap_or(Path::new("."))) {
        let _synced = folder.sync_all();
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> DbError {
    unavailable(format!("`{}` cannot be written: {error}", path.display()))
}

fn unavailable(detail: String) -> DbError {
    DbError::Unavailable { detail }
}
