//! One connection: opening it, and one statement run on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{BinaryProtocol, Conn, Error, Params, QueryResult};
use tokio::sync::Notify;

use super::bind::bound;
use super::buffer::Buffer;
use super::detach::Stop;
use super::failure::Scene;
use super::indexes::Indexes;
use super::server::Server;
use super::{Location, MySqlOptions};
use crate::driver::{Reply, Statement, StatementKind};
use crate::error::{DbError, Outcome};
use crate::row::Rows;
use crate::value::Value;

/// The server's code for a statement that only the text protocol knows.
const NOT_PREPARABLE: u16 = 1295;
/// What a statement takes beside its texts, at least.
const ROOM: usize = 1_024;

/// What all connections to one database have in common.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) location: Location,
    pub(super) options: MySqlOptions,
    pub(super) server: Server,
    /// The most that the server takes at once.
    pub(super) most_bytes: usize,
    pub(super) indexes: Indexes,
    /// How many of them there are.
    pub(super) open: AtomicUsize,
    pub(super) closed_one: Notify,
    /// How many have been opened so far.
    pub(super) opened: AtomicU64,
}

/// Counts a connection from the attempt to make it to its end.
struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
        self.0.closed_one.notify_waiters();
    }
}

/// Whether a statement stands alone or in a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Alone,
    Inside,
}

pub(super) struct Connection {
    conn: Conn,
    shared: Arc<Shared>,
    stop: Stop,
    broken: bool,
    opened: Instant,
    _counted: Counted,
}

impl Connection {
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, Error> {
        let counted = Counted::new(shared);
        let conn = shared.location.connect().await?;
        Self::set_up(conn, shared, counted).await
    }

    /// Makes one of the connection by which the server was recognised.
    pub(super) async fn first(conn: Conn, shared: &Arc<Shared>) -> Result<Self, Error> {
        Self::set_up(conn, shared, Counted::new(shared)).await
    }

    async fn set_up(mut conn: Conn, shared: &Arc<Shared>, counted: Counted) -> Result<Self, Error> {
        conn.query_drop(shared.server.session(&shared.options)).await?;
        shared.opened.fetch_add(1, Ordering::AcqRel);
        let stop = Stop::new(shared, conn.id());
        let shared = Arc::clone(shared);
        Ok(Self { conn, shared, stop, broken: false, opened: Instant::now(), _counted: counted })
    }

    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// How to stop what it does.
    pub(super) fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Whether it can be used further. One that was told to stop may yet hear of it while it does something else.
    pub(super) fn is_sound(&self) -> bool {
        !self.broken && !self.conn.is_disconnected() && !self.stop.was_sent()
    }

    /// Whether the server answers on it, within `patience`.
    pub(super) async fn answers(&mut self, patience: Duration) -> bool {
        matches!(tokio::time::timeout(patience, self.conn.ping()).await, Ok(Ok(())))
    }

    /// Whether a transaction is open, as the server said with its last reply.
    pub(super) fn is_in_transaction(&self) -> bool {
        self.conn
            .last_ok_packet()
            .is_some_and(|packet| packet.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
    }

    /// Asks the server for a reply that says whether a transaction is open. Some failures end one.
    pub(super) async fn look_at_transaction(&mut self) -> bool {
        self.control("DO 0", Outcome::NotDone).await.is_ok() && self.is_in_transaction()
    }

    /// Runs SQL without values or rows: `START TRANSACTION`, `COMMIT`, savepoints.
    pub(super) async fn control(&mut self, sql: &str, outcome: Outcome) -> Result<(), DbError> {
        let done = self.conn.query_drop(sql).await;
        done.map_err(|error| self.explain(sql, error, outcome))
    }

    /// Runs a statement.
    pub(super) async fn run(&mut self, statement: Statement, place: Place) -> Result<Reply, DbError> {
        let result = match statement.kind {
            StatementKind::Script => self.script(&statement.sql).await,
            _ if statement.sets > 1 => self.many(statement, place).await,
            _ => self.once(statement, place).await,
        };
        match result {
            Err(fault @ DbError::UniqueViolation { .. }) => {
                let shared = Arc::clone(&self.shared);
                Err(shared.indexes.name_fields(fault, &mut self.conn).await)
            }
            result => result,
        }
    }

    async fn script(&mut self, sql: &str) -> Result<Reply, DbError> {
        let done = self.control(sql, Outcome::Unknown).await;
        self.shared.indexes.forget();
        done.map(|()| Reply::default())
    }

    /// Every set or none: in a transaction of its own, or behind a savepoint of the one that is open.
    async fn many(&mut self, statement: Statement, place: Place) -> Result<Reply, DbError> {
        let (begin, commit, undo) = match place {
            Place::Alone => ("START TRANSACTION", "COMMIT", "ROLLBACK"),
            Place::Inside => (
                "SAVEPOINT mainstay_sets",
                "RELEASE SAVEPOINT mainstay_sets",
                "ROLLBACK TO SAVEPOINT mainstay_sets",
            ),
        };
        self.control(begin, Outcome::NotDone).await?;
        match self.once(statement, Place::Inside).await {
            Ok(reply) => {
                let outcome = if place == Place::Alone { Outcome::Unknown } else { Outcome::NotDone };
                self.control(commit, outcome).await?;
                Ok(reply)
            }
            Err(fault) => {
                // A deadlock has undone everything already, and then this fails.
                let _ = self.control(undo, Outcome::NotDone).await;
                Err(fault)
            }
        }
    }

    async fn once(&mut self, statement: Statement, place: Place) -> Result<Reply, DbError> {
        let Statement { sql, values, sets, kind, .. } = statement;
        let outcome = match (kind, place) {
            (StatementKind::Read, _) | (_, Place::Inside) => Outcome::NotDone,
            _ => Outcome::Unknown,
        };
        let prepared = match self.conn.prep(&*sql).await {
            Ok(prepared) => prepared,
            // A few statements cannot be prepared, triggers and locks of tables among them. None of them returns rows.
            Err(Error::Server(fault)) if fault.code == NOT_PREPARABLE && values.is_empty() => {
                self.control(&sql, outcome).await?;
                return Ok(Reply { affected: self.conn.affected_rows(), ..Reply::default() });
            }
            Err(error) => return Err(self.explain(&sql, error, Outcome::NotDone)),
        };
        let places = usize::from(prepared.num_params());
        if places * sets != values.len() {
            return Err(DbError::Statement {
                detail: format!(
                    "it has {places} placeholders, and is run {sets} times with {} values in all",
                    values.len()
                ),
                sql: sql.as_ref().to_owned(),
            });
        }
        let values = self.bound(values)?;
        let mut values = values.into_iter();
        let mut reply = Reply::default();
        for _ in 0..sets {
            let set = values.by_ref().take(places).collect();
            let done = execute(&mut self.conn, &prepared, set).await;
            let buffer = done.map_err(|error| self.explain(&sql, error, outcome))?;
            if kind == StatementKind::Write {
                // Where rows come back, the server counts none: MariaDB's RETURNING has one for each that it wrote.
                reply.affected += match &buffer {
                    Some(buffer) => buffer.len() as u64,
                    None => self.conn.affected_rows(),
                };
                reply.generated_key = self.conn.last_insert_id().and_then(|key| i64::try_from(key).ok());
            }
            if let Some(buffer) = buffer
                && sets == 1
            {
                reply.rows = Rows::from(crate::row::Buffer::MySql(buffer));
            }
        }
        Ok(reply)
    }

    /// The values as the server takes them. What is too much for it would break the connection.
    fn bound(&self, values: Vec<Value>) -> Result<Vec<mysql_async::Value>, DbError> {
        let engine = self.shared.server.name();
        let (mut bytes, mut all) = (0, Vec::with_capacity(values.len()));
        for value in values {
            let value = bound(value, engine)?;
            if let mysql_async::Value::Bytes(text) = &value {
                bytes += text.len();
            }
            all.push(value);
        }
        if bytes + ROOM > self.shared.most_bytes {
            let what = format!("{bytes} bytes in one statement (`max_allowed_packet`)");
            return Err(DbError::Unstorable { what, engine });
        }
        Ok(all)
    }

    /// Begins to read the rows of a statement, for [`Self::more`] to take them. Their columns are told by an empty buffer.
    pub(super) async fn begin_reading(&mut self, statement: Statement) -> Result<(), DbError> {
        let Statement { sql, values, .. } = statement;
        let values = self.bound(values)?;
        let prepared = match self.conn.prep(&*sql).await {
            Ok(prepared) => prepared,
            Err(error) => return Err(self.explain(&sql, error, Outcome::NotDone)),
        };
        if usize::from(prepared.num_params()) != values.len() {
            return Err(DbError::Statement {
                detail: format!(
                    "it has {} placeholders, and is run with {} values",
                    prepared.num_params(),
                    values.len()
                ),
                sql: sql.as_ref().to_owned(),
            });
        }
        let begun = self.conn.exec_iter(&prepared, parameters(values)).await.map(|_| ());
        begun.map_err(|error| self.explain(&sql, error, Outcome::NotDone))
    }

    /// The next rows of the statement that is being read: at most so many, of about so many bytes. `None` after the last.
    pub(super) async fn more(&mut self, rows: usize, bytes: usize) -> Result<Option<Rows>, DbError> {
        let read = next_rows(&mut self.conn, rows, bytes).await;
        let buffer = read.map_err(|error| self.explain("", error, Outcome::NotDone))?;
        Ok(buffer.map(|buffer| Rows::from(crate::row::Buffer::MySql(buffer))))
    }

    /// Says good-bye to the server.
    pub(super) async fn end(self) {
        // A server that is gone needs no good-bye.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.conn.disconnect()).await;
    }

    fn explain(&mut self, sql: &str, error: Error, outcome: Outcome) -> DbError {
        let fault = explain(&self.shared, sql, error, outcome);
        self.broken |= matches!(fault, DbError::ConnectionLost { .. }) || self.conn.is_disconnected();
        fault
    }
}

/// What `error` means.
pub(super) fn explain(shared: &Shared, sql: &str, error: Error, outcome: Outcome) -> DbError {
    let scene = Scene {
        server: shared.server,
        sql,
        statement_limit: shared.options.statement_timeout,
        lock_limit: shared.options.acquire_timeout,
        outcome,
    };
    scene.explain(error)
}

fn parameters(values: Vec<mysql_async::Value>) -> Params {
    if values.is_empty() { Params::Empty } else { Params::Positional(values) }
}

/// Runs a prepared statement to its end. `None` when it is not one that returns rows.
async fn execute(
    conn: &mut Conn,
    prepared: &mysql_async::Statement,
    values: Vec<mysql_async::Value>,
) -> Result<Option<Buffer>, Error> {
    let mut result = conn.exec_iter(prepared, parameters(values)).await?;
    let mut buffer = (!result.columns_ref().is_empty()).then(|| Buffer::new(result.columns_ref()));
    if let Some(buffer) = &mut buffer {
        result.for_each(|row| buffer.push(row)).await?;
    }
    result.drop_result().await?;
    Ok(buffer)
}

/// The library keeps what is left of a result with the connection, so that reading can go on where it was left.
async fn next_rows(conn: &mut Conn, rows: usize, bytes: usize) -> Result<Option<Buffer>, Error> {
    let mut result = QueryResult::<BinaryProtocol>::new(conn);
    let mut buffer = Buffer::new(result.columns_ref());
    while buffer.len() < rows && buffer.size() < bytes {
        match result.next().await? {
            Some(row) => buffer.push(row),
            None => break,
        }
    }
    Ok((buffer.len() > 0).then_some(buffer))
}
