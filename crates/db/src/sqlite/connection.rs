//! One connection: its settings, and one statement run on it.

use std::path::PathBuf;
use std::sync::Weak;
use std::time::{Duration, Instant};

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags, ToSql};

use super::buffer::Buffer;
use super::decimal;
use super::failure::Scene;
use super::queue::Job;
use super::stop::{Asker, Stop};
use super::stream::Ask;
use super::{Location, SqliteOptions};
use crate::driver::{Reply, Statement, StatementKind};
use crate::error::DbError;
use crate::row::Rows;
use crate::value::{Value, write_date, write_date_time, write_time};

/// Prepared statements kept by a connection.
const PREPARED: usize = 256;
/// Virtual machine steps between two looks at the clock.
const STEPS_BETWEEN_CHECKS: i32 = 8_192;

/// The most rows in a batch of a stream.
const BATCH_ROWS: usize = 256;
/// A batch with so many bytes of texts gets no further row.
const BATCH_BYTES: usize = 256 * 1024;

/// How long things may take.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) busy: Duration,
    pub(super) statement: Duration,
    pub(super) warning: Duration,
}

impl Limits {
    pub(super) fn new(options: &SqliteOptions) -> Self {
        Self {
            busy: options.acquire_timeout,
            statement: options.statement_timeout,
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
    stop: Stop,
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
        configure(&inner, location, role, limits).map_err(|error| scene.explain(error))?;
        let stop = Stop::new();
        let clock = stop.clone();
        inner
            .progress_handler(STEPS_BETWEEN_CHECKS, Some(move || clock.is_due()))
            .map_err(|error| scene.explain(error))?;
        Ok(Self { inner, location: location.clone(), limits: limits.clone(), stop })
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
        self.stop.asked_by(Asker::Reply(job.reply));
        let result = self.run(&job.statement);
        if let Some(Asker::Reply(reply)) = self.stop.take_asker() {
            let _ = reply.send(result);
        }
    }

    /// Runs a statement, for at most as long as one may.
    pub(super) fn run(&self, statement: &Statement) -> Result<Reply, DbError> {
        self.run_until(statement, Instant::now() + self.limits.statement)
    }

    /// Runs a statement that is stopped at `deadline`.
    pub(super) fn run_until(&self, statement: &Statement, deadline: Instant) -> Result<Reply, DbError> {
        self.stop.at(deadline);
        match statement.kind {
            StatementKind::Script => self.script(&statement.sql),
            StatementKind::Read | StatementKind::Write => self.prepared(statement),
        }
    }

    /// Runs SQL without values or rows: `BEGIN IMMEDIATE`, `COMMIT`, savepoints.
    pub(super) fn control(&self, sql: &str) -> Result<(), DbError> {
        self.stop.never();
        let done = self.inner.prepare_cached(sql).and_then(|mut prepared| prepared.raw_execute());
        done.map(|_| ()).map_err(|error| self.explain(sql, error))
    }

    /// Runs statements of any kind, but for those that begin or end a transaction: others may have written in it.
    fn script(&self, sql: &str) -> Result<Reply, DbError> {
        let inside = |context: AuthContext<'_>| match context.action {
            AuthAction::Transaction { .. } => Authorization::Deny,
            _ => Authorization::Allow,
        };
        let nothing = None::<fn(AuthContext<'_>) -> Authorization>;
        let done = self
            .inner
            .authorizer(Some(inside))
            .and_then(|()| self.inner.execute_batch(sql))
            .and(self.inner.authorizer(nothing));
        self.inner.flush_prepared_statement_cache();
        done.map(|()| Reply::default()).map_err(|error| self.explain(sql, error))
    }

    fn prepared(&self, statement: &Statement) -> Result<Reply, DbError> {
        let explain = |error| self.explain(&statement.sql, error);
        let mut prepared = self.prepare(statement)?;
        let (places, columns) = (prepared.parameter_count(), prepared.column_count());
        let mut reply = Reply::default();
        for set in 0..statement.sets {
            self.bind(&mut prepared, statement, &statement.values[set * places..(set + 1) * places])?;
            if columns == 0 || statement.sets > 1 {
                let mut rows = prepared.raw_query();
                while rows.next().map_err(explain)?.is_some() {}
            } else {
                let mut buffer = read(prepared.raw_query(), columns, explain)?;
                if statement.names {
                    buffer.set_names(prepared.column_names().into_iter().map(str::to_owned).collect());
                }
                reply.rows = Rows::from(crate::row::Buffer::Sqlite(buffer));
            }
            if statement.kind == StatementKind::Write {
                reply.affected += self.inner.changes();
            }
        }
        Ok(reply)
    }

    /// The statement, prepared, if it may be run and has as many values as it needs.
    fn prepare(&self, statement: &Statement) -> Result<CachedStatement<'_>, DbError> {
        let refused = |detail: String| DbError::Statement { sql: statement.sql.to_string(), detail };
        let prepared =
            self.inner.prepare_cached(&statement.sql).map_err(|error| self.explain(&statement.sql, error))?;
        let (places, given) = (prepared.parameter_count(), statement.values.len());
        if places * statement.sets != given {
            let sets = statement.sets;
            return Err(refused(format!(
                "it has {places} placeholders, and is run {sets} times with {given} values in all"
            )));
        }
        if statement.kind == StatementKind::Read && !prepared.readonly() {
            return Err(refused("a statement that writes must not be run as a read".into()));
        }
        if prepared.column_count() == 0 && prepared.readonly() {
            // SQLite counts COMMIT, ROLLBACK and savepoints as reading. In a group they would end everybody's writes.
            return Err(refused("a transaction is begun and ended by the driver, not by a statement".into()));
        }
        Ok(prepared)
    }

    fn bind(
        &self,
        prepared: &mut CachedStatement<'_>,
        statement: &Statement,
        values: &[Value],
    ) -> Result<(), DbError> {
        for (place, value) in values.iter().enumerate() {
            prepared
                .raw_bind_parameter(place + 1, bound(value)?)
                .map_err(|error| self.explain(&statement.sql, error))?;
        }
        Ok(())
    }

    /// Runs a statement that reads, and gives a batch of its rows to everyone that `next` returns, until there are no more
    /// rows, or `next` returns nobody. What `next` does meanwhile may use the connection. `until` says when a batch must be
    /// there.
    pub(super) fn read_in_batches(
        &self,
        statement: &Statement,
        asker: &Weak<()>,
        until: impl Fn() -> Instant,
        mut next: impl FnMut() -> Option<Ask>,
    ) {
        let Some(first) = next() else { return };
        let mut prepared = match self.prepare(statement).and_then(|mut prepared| {
            self.bind(&mut prepared, statement, &statement.values)?;
            Ok(prepared)
        }) {
            Ok(prepared) => prepared,
            Err(fault) => {
                let _ = first.send(Err(fault));
                return;
            }
        };
        let columns = prepared.column_count();
        let mut rows = prepared.raw_query();
        let mut asked = Some(first);
        while let Some(ask) = asked {
            self.stop.at(until());
            self.stop.asked_by(Asker::Stream(asker.clone()));
            let batch = read_some(&mut rows, columns, |error| self.explain(&statement.sql, error));
            self.stop.take_asker();
            let over = batch.as_ref().map_or(true, Option::is_none);
            let _ = ask.send(batch);
            if over {
                return;
            }
            asked = next();
        }
    }

    /// A number that changes with the tables. None when it cannot be read.
    pub(super) fn schema_version(&self) -> Option<i64> {
        self.stop.never();
        let mut prepared = self.inner.prepare_cached("PRAGMA schema_version").ok()?;
        prepared.query_row([], |row| row.get(0)).ok()
    }

    /// Whether there is a constraint that is looked at when a transaction is committed, and not before.
    pub(super) fn defers_constraints(&self) -> bool {
        self.stop.never();
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE sql LIKE '%INITIALLY%DEFERRED%')";
        self.inner.query_row(sql, [], |row| row.get(0)).unwrap_or(true)
    }

    /// Moves what the log holds into the database file, so that the file alone can be copied.
    pub(super) fn checkpoint(&self) {
        self.stop.never();
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

/// The next rows of a result, if there are any: so many that asking for them costs little beside reading them.
fn read_some(
    rows: &mut rusqlite::Rows<'_>,
    columns: usize,
    explain: impl Fn(rusqlite::Error) -> DbError,
) -> Result<Option<Rows>, DbError> {
    let mut buffer = Buffer::new(columns);
    while buffer.len() < BATCH_ROWS && buffer.bytes_held() < BATCH_BYTES {
        let Some(row) = rows.next().map_err(&explain)? else { break };
        for column in 0..columns {
            buffer.push(row.get_ref(column).map_err(&explain)?)?;
        }
    }
    Ok((buffer.len() > 0).then_some(Rows::from(crate::row::Buffer::Sqlite(buffer))))
}

pub(super) fn make_folder(location: &Location) -> Result<(), DbError> {
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
    decimal::register(inner)?;
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
        Value::Uuid(value) => ToSqlOutput::Borrowed(ValueRef::Blob(value.as_bytes())),
        Value::Decimal(value) => owned(value.to_string()),
        Value::DateTime(value) => {
            owned(write_date_time(value).ok_or_else(|| unstorable(format!("the time {value}")))?)
        }
        Value::Date(value) => {
            owned(write_date(value).ok_or_else(|| unstorable(format!("the date {value}")))?)
        }
        Value::Time(value) => owned(write_time(value)),
        Value::List(values) => owned(json_list(values)?),
        Value::Unstorable(what) => return Err(unstorable(what.clone())),
        Value::Blind(blind) => return Err(unstorable(blind.refused())),
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
            Value::Decimal(value) => value.to_string().into(),
            Value::DateTime(_) | Value::Date(_) | Value::Time(_) => match bound(value)?.0 {
                ToSqlOutput::Owned(rusqlite::types::Value::Text(text)) => text.into(),
                _ => serde_json::Value::Null,
            },
            Value::Float(_)
            | Value::Bytes(_)
            | Value::Uuid(_)
            | Value::List(_)
            | Value::Unstorable(_)
            | Value::Blind(_) => {
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
