//! One connection: its settings, and one statement run on it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OpenFlags, ToSql};
use tokio::sync::oneshot;

use super::buffer::Buffer;
use super::failure::Scene;
use super::queue::Job;
use super::{Location, SqliteOptions};
use crate::driver::{Reply, Statement, StatementKind};
use crate::error::DbError;
use crate::row::Rows;
use crate::value::{Value, write_date, write_date_time, write_time};

/// Prepared statements kept by a connection.
const PREPARED: usize = 256;
/// Virtual machine steps between two looks at the clock.
const STEPS_BETWEEN_CHECKS: i32 = 8_192;

/// How long things may take.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) busy: Duration,
    pub(super) statement: Duration,
    pub(super) transaction: Duration,
    pub(super) warning: Duration,
}

impl Limits {
    pub(super) fn new(options: &SqliteOptions) -> Self {
        Self {
            busy: options.acquire_timeout,
            statement: options.statement_timeout,
            transaction: options.transaction_timeout,
            warning: options.transaction_warning,
        }
    }
}

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Reader,
    Writer,
}

pub(super) struct Connection {
    inner: rusqlite::Connection,
    location: Location,
    limits: Limits,
    deadline: Arc<Deadline>,
    asker: Arc<Mutex<Option<Asker>>>,
}

/// Whoever waits for a read.
type Asker = oneshot::Sender<Result<Reply, DbError>>;

/// When the running statement must stop, in microseconds after `start`; `u64::MAX` when none is running.
struct Deadline {
    start: Instant,
    at: AtomicU64,
}

impl Deadline {
    fn set(&self, at: Instant) {
        let micros = u64::try_from((at - self.start).as_micros()).unwrap_or(u64::MAX);
        self.at.store(micros, Ordering::Relaxed);
    }

    fn has_passed(&self) -> bool {
        self.start.elapsed().as_micros() > u128::from(self.at.load(Ordering::Relaxed))
    }
}

impl Connection {
    pub(super) fn open(location: &Location, role: Role, limits: &Limits) -> Result<Self, DbError> {
        let flags = match role {
            Role::Reader => OpenFlags::SQLITE_OPEN_READ_ONLY,
            Role::Writer => {
                make_folder(location)?;
                OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE
            }
        };
        let scene = Scene { path: location.path(), sql: "PRAGMA", limits };
        let inner =
            rusqlite::Connection::open_with_flags(location.path(), flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
                .map_err(|error| scene.explain(error))?;
        let deadline = Arc::new(Deadline { start: Instant::now(), at: AtomicU64::new(u64::MAX) });
        configure(&inner, location, role, limits).map_err(|error| scene.explain(error))?;
        let asker = Arc::new(Mutex::new(None::<Asker>));
        let (time, waiting) = (Arc::clone(&deadline), Arc::clone(&asker));
        let is_over = move || time.has_passed() || lock(&waiting).as_ref().is_some_and(Asker::is_closed);
        inner.progress_handler(STEPS_BETWEEN_CHECKS, Some(is_over)).map_err(|error| scene.explain(error))?;
        Ok(Self { inner, location: location.clone(), limits: limits.clone(), deadline, asker })
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether no transaction is open. SQLite rolls back by itself on some failures.
    pub(super) fn is_autocommit(&self) -> bool {
        self.inner.is_autocommit()
    }

    /// Runs a statement that only reads for whoever asked, and stops when they have gone.
    pub(super) fn answer(&self, job: Job) {
        if job.reply.is_closed() {
            return;
        }
        *lock(&self.asker) = Some(job.reply);
        let result = self.run(&job.statement);
        if let Some(asker) = lock(&self.asker).take() {
            let _ = asker.send(result);
        }
    }

    /// Runs a statement, for at most as long as one may.
    pub(super) fn run(&self, statement: &Statement) -> Result<Reply, DbError> {
        self.run_until(statement, Instant::now() + self.limits.statement)
    }

    /// Runs a statement that is stopped at `deadline`.
    pub(super) fn run_until(&self, statement: &Statement, deadline: Instant) -> Result<Reply, DbError> {
        self.deadline.set(deadline);
        match statement.kind {
            StatementKind::Script => self.script(&statement.sql),
            StatementKind::Read | StatementKind::Write => self.prepared(statement),
        }
    }

    /// Runs SQL without values or rows: `BEGIN IMMEDIATE`, `COMMIT`, savepoints.
    pub(super) fn control(&self, sql: &'static str) -> Result<(), DbError> {
        self.deadline.at.store(u64::MAX, Ordering::Relaxed);
        let done = self.inner.prepare_cached(sql).and_then(|mut prepared| prepared.raw_execute());
        done.map(|_| ()).map_err(|error| self.explain(sql, error))
    }

    fn script(&self, sql: &str) -> Result<Reply, DbError> {
        self.inner.execute_batch(sql).map_err(|error| self.explain(sql, error))?;
        self.inner.flush_prepared_statement_cache();
        Ok(Reply::default())
    }

    fn prepared(&self, statement: &Statement) -> Result<Reply, DbError> {
        let sql = &*statement.sql;
        let explain = |error| self.explain(sql, error);
        let mut prepared = self.inner.prepare_cached(sql).map_err(explain)?;
        let places = prepared.parameter_count();
        if places * statement.sets != statement.values.len() {
            return Err(DbError::Statement {
                sql: sql.to_owned(),
                detail: format!(
                    "it has {places} placeholders, and is run {} times with {} values in all",
                    statement.sets,
                    statement.values.len()
                ),
            });
        }
        let columns = prepared.column_count();
        if columns == 0 && prepared.readonly() {
            // SQLite counts COMMIT, ROLLBACK and savepoints as reading. In a group they would end everybody's writes.
            return Err(DbError::Statement {
                sql: sql.to_owned(),
                detail: "a transaction is begun and ended by the driver, not by a statement".to_owned(),
            });
        }
        let mut reply = Reply::default();
        for set in 0..statement.sets {
            for (place, value) in statement.values[set * places..(set + 1) * places].iter().enumerate() {
                prepared.raw_bind_parameter(place + 1, bound(value)?).map_err(explain)?;
            }
            if columns == 0 || statement.sets > 1 {
                let mut rows = prepared.raw_query();
                while rows.next().map_err(explain)?.is_some() {}
            } else {
                reply.rows = Rows(crate::row::Buffer::Sqlite(read(prepared.raw_query(), columns, explain)?));
            }
            if statement.kind == StatementKind::Write {
                reply.affected += self.inner.changes();
            }
        }
        Ok(reply)
    }

    /// Moves what the log holds into the database file, so that the file alone can be copied.
    pub(super) fn checkpoint(&self) {
        self.deadline.at.store(u64::MAX, Ordering::Relaxed);
        // A reader of another process may keep it from finishing: then the log stays, and nothing is lost.
        let _ = self.inner.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    fn explain(&self, sql: &str, error: rusqlite::Error) -> DbError {
        Scene { path: self.location.path(), sql, limits: &self.limits }.explain(error)
    }
}

fn read(
    mut rows: rusqlite::Rows<'_>,
    columns: usize,
    explain: impl Fn(rusqlite::Error) -> DbError,
) -> Result<Buffer, DbError> {
    let mut buffer = Buffer::new(columns);
    while let Some(row) = rows.next().map_err(&explain)? {
        for column in 0..columns {
            buffer.push(row.get_ref(column).map_err(&explain)?)?;
        }
    }
    Ok(buffer)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_folder(location: &Location) -> Result<(), DbError> {
    match location.path().parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            std::fs::create_dir_all(folder).map_err(|error| DbError::Unavailable {
                detail: format!("the folder `{}` cannot be made: {error}", folder.display()),
            })
        }
        _ => Ok(()),
    }
}

fn configure(
    inner: &rusqlite::Connection,
    location: &Location,
    role: Role,
    limits: &Limits,
) -> rusqlite::Result<()> {
    inner.busy_timeout(limits.busy)?;
    inner.set_prepared_statement_cache_capacity(PREPARED);
    if role == Role::Writer {
        let mode: String = inner.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if mode != "wal" {
            return Err(rusqlite::Error::InvalidPath(PathBuf::from(format!(
                "{} (its file system does not allow write-ahead logging)",
                location.path().display()
            ))));
        }
        let durability = if location.is_temporary() { "OFF" } else { "FULL" };
        inner.execute_batch(&format!("PRAGMA synchronous = {durability}"))?;
    }
    inner.execute_batch("PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000")
}

/// A value in the form in which SQLite takes it.
struct Bound<'a>(ToSqlOutput<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match &self.0 {
            ToSqlOutput::Borrowed(value) => ToSqlOutput::Borrowed(*value),
            ToSqlOutput::Owned(value) => ToSqlOutput::Borrowed(value.into()),
            _ => ToSqlOutput::Borrowed(ValueRef::Null),
        })
    }
}

fn bound(value: &Value) -> Result<Bound<'_>, DbError> {
    let owned = |text: String| ToSqlOutput::Owned(rusqlite::types::Value::Text(text));
    Ok(Bound(match value {
        Value::Null => ToSqlOutput::Borrowed(ValueRef::Null),
        Value::Bool(value) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*value))),
        Value::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
        // SQLite silently makes NULL of it.
        Value::Float(value) if value.is_nan() => {
            return Err(unstorable("a number that is not a number".into()));
        }
        Value::Float(value) => ToSqlOutput::Borrowed(ValueRef::Real(*value)),
        Value::Text(value) | Value::Json(value) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
        Value::Bytes(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value)),
        Value::DateTime(value) => {
            owned(write_date_time(value).ok_or_else(|| unstorable(format!("the time {value}")))?)
        }
        Value::Date(value) => {
            owned(write_date(value).ok_or_else(|| unstorable(format!("the date {value}")))?)
        }
        Value::Time(value) => owned(write_time(value)),
        Value::List(values) => owned(json_list(values)?),
        Value::Unstorable(what) => return Err(unstorable(what.clone())),
    }))
}

fn unstorable(what: String) -> DbError {
    DbError::Unstorable { what, engine: "SQLite" }
}

/// The values as a JSON array, for `json_each`.
fn json_list(values: &[Value]) -> Result<String, DbError> {
    let mut items = Vec::with_capacity(values.len());
    for value in values {
        items.push(match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => i64::from(*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) if value.is_finite() => (*value).into(),
            Value::Text(value) | Value::Json(value) => value.as_str().into(),
            Value::DateTime(_) | Value::Date(_) | Value::Time(_) => match bound(value)?.0 {
                ToSqlOutput::Owned(rusqlite::types::Value::Text(text)) => text.into(),
                _ => serde_json::Value::Null,
            },
            Value::Float(_) | Value::Bytes(_) | Value::List(_) | Value::Unstorable(_) => {
                return Err(unstorable("a list of bytes, of lists or of infinite numbers".into()));
            }
        });
    }
    Ok(serde_json::Value::Array(items).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_list_as_json() {
        let list = [Value::Int(1), Value::Text("a\"b".into()), Value::Null, Value::Bool(true)];
        assert_eq!(json_list(&list).unwrap(), r#"[1,"a\"b",null,1]"#);
        assert!(json_list(&[Value::Bytes(vec![1])]).is_err());
    }

    #[test]
    fn refuses_what_sqlite_would_change_silently() {
        assert!(bound(&Value::Float(f64::NAN)).is_err());
        assert!(bound(&Value::Float(f64::INFINITY)).is_ok());
        let far = chrono::NaiveDate::from_ymd_opt(12_345, 1, 1).unwrap();
        assert!(bound(&Value::Date(far)).is_err());
    }
}
