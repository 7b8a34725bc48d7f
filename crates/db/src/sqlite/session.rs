//! A transaction owns a connection from its beginning to its end: the writer from `BEGIN IMMEDIATE`, and reads through it
//! too; or a leased reader, when it only reads.
//!
//! Everybody else's writes wait for one that writes, so it has a deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::group::run_whole_until;
use super::queue::Job;
use super::stream::{Ask, Source, alive};
use crate::driver::{Access, Ending, Reply, RowStream, Savepoint, Statement, StatementKind, Transaction};
use crate::error::DbError;

/// The most statements of one transaction that wait at a time.
const QUEUE: usize = 64;

enum Command {
    Run(Job),
    Savepoint(Savepoint, oneshot::Sender<Result<(), DbError>>),
    /// A stream: who asks for its first batch, and whether its reader is still there.
    Stream(Statement, Weak<()>, Ask),
    /// The next batch of it.
    More(Ask),
    End(Ending, oneshot::Sender<Result<(), DbError>>),
}

/// The task's end of a transaction. When it is dropped, the connection's thread rolls back.
pub(super) struct Session(Arc<Line>);

/// The line from the task to the thread. A stream only looks at it, so that dropping the session cuts it.
struct Line {
    commands: SyncSender<Command>,
    expired: Arc<AtomicBool>,
    limit: Duration,
}

impl Line {
    fn send(&self, command: Command) -> Result<(), DbError> {
        self.commands.try_send(command).map_err(|fault| match fault {
            TrySendError::Full(_) => {
                DbError::Busy { what: "the connection of the transaction".into(), waited: Duration::ZERO }
            }
            TrySendError::Disconnected(_) => self.gone(),
        })
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, DbError>>) -> Command,
    ) -> Result<T, DbError> {
        let (sender, receiver) = oneshot::channel();
        self.send(command(sender))?;
        receiver.await.unwrap_or_else(|_| Err(self.gone()))
    }

    fn gone(&self) -> DbError {
        if self.expired.load(Ordering::Acquire) {
            DbError::TransactionExpired { limit: self.limit }
        } else {
            DbError::Closed
        }
    }
}

impl Transaction for Session {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        self.0.ask(|reply| Command::Run(Job { statement, reply })).boxed()
    }

    fn stream(&self, statement: Statement) -> BoxFuture<'_, Result<RowStream, DbError>> {
        async move {
            let (alive, watched) = alive();
            let (ask, first) = oneshot::channel();
            self.0.send(Command::Stream(statement, watched, ask))?;
            let (asking, leaving) = (Arc::downgrade(&self.0), Arc::downgrade(&self.0));
            let source = Source {
                first,
                ask: Box::new(move |ask| asking.upgrade().ok_or_else(ended)?.send(Command::More(ask))),
                gone: Box::new(move || leaving.upgrade().map_or_else(ended, |line| line.gone())),
                alive,
            };
            source.open().await
        }
        .boxed()
    }

    fn savepoint(&self, step: Savepoint) -> BoxFuture<'_, Result<(), DbError>> {
        self.0.ask(move |reply| Command::Savepoint(step, reply)).boxed()
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        async move { self.0.ask(|reply| Command::End(ending, reply)).await }.boxed()
    }
}

/// The writer's end of a transaction that may write, which warns when it takes long.
pub(super) fn serve_writer(connection: &Connection, access: Access, limit: Duration, reply: Opening) {
    let served = if access == Access::Schema {
        // It has no effect inside of a transaction.
        if let Err(fault) = connection.control("PRAGMA foreign_keys = OFF") {
            return drop(reply.send(Err(fault)));
        }
        let served = serve(connection, "BEGIN IMMEDIATE", [limit, limit], reply);
        if let Err(fault) = connection.control("PRAGMA foreign_keys = ON") {
            tracing::error!(target: "mainstay::db", error = %fault, "foreign keys are not enforced any more");
        }
        served
    } else {
        serve(connection, "BEGIN IMMEDIATE", [limit, connection.limits().statement], reply)
    };
    let Some(served) = served else { return };
    if served.held > connection.limits().warning {
        tracing::warn!(
            target: "mainstay::db",
            held_ms = served.held.as_millis(),
            expired = served.expired,
            "a transaction kept every other write waiting"
        );
    }
}

/// A reader's end of a transaction that only reads.
pub(super) fn serve_reader(connection: &Connection, limit: Duration, reply: Opening) {
    let _ = serve(connection, "BEGIN", [limit, connection.limits().statement], reply);
}

/// Who waits for a transaction to begin.
type Opening = oneshot::Sender<Result<Session, DbError>>;

/// How a transaction went.
struct Served {
    held: Duration,
    expired: bool,
}

/// The thread's end: begins, runs what the session asks for, and ends, at the latest after the first of the limits. The
/// second is that of one statement.
fn serve(
    connection: &Connection,
    begin: &str,
    [limit, statement]: [Duration; 2],
    reply: Opening,
) -> Option<Served> {
    if reply.is_closed() {
        return None;
    }
    if let Err(fault) = connection.control(begin) {
        let _ = reply.send(Err(fault));
        return None;
    }
    let begun = Instant::now();
    let (commands, orders) = sync_channel(QUEUE);
    let expired = Arc::new(AtomicBool::new(false));
    let session = Session(Arc::new(Line { commands, expired: Arc::clone(&expired), limit }));
    let service = Service { connection, orders, deadline: begun + limit, limit, statement, expired };
    if reply.send(Ok(session)).is_ok() {
        service.obey();
    }
    if !connection.is_autocommit()
        && let Err(fault) = connection.control("ROLLBACK")
    {
        tracing::error!(target: "mainstay::db", error = %fault, "a transaction could not be rolled back");
    }
    Some(Served { held: begun.elapsed(), expired: service.expired.load(Ordering::Relaxed) })
}

struct Service<'a> {
    connection: &'a Connection,
    orders: Receiver<Command>,
    deadline: Instant,
    limit: Duration,
    statement: Duration,
    expired: Arc<AtomicBool>,
}

impl Service<'_> {
    fn obey(&self) {
        let mut left = None;
        while let Some(command) = left.take().or_else(|| self.next()) {
            match command {
                Command::Stream(statement, alive, ask) => left = self.stream(&statement, &alive, ask),
                // Of a stream that has ended.
                Command::More(ask) => drop(ask.send(Ok(None))),
                Command::End(ending, reply) => return drop(reply.send(self.end(ending))),
                Command::Run(job) => self.answer(job),
                Command::Savepoint(step, reply) => drop(reply.send(self.savepoint(step))),
            }
        }
    }

    /// The next command; none when the session has gone or its time is over.
    fn next(&self) -> Option<Command> {
        match self.orders.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.expired.store(true, Ordering::Release);
                None
            }
        }
    }

    fn answer(&self, job: Job) {
        let outcome = self.run(&job.statement);
        if outcome.is_err() && Instant::now() >= self.deadline {
            self.expired.store(true, Ordering::Release);
        }
        let _ = job.reply.send(outcome);
    }

    fn run(&self, statement: &Statement) -> Result<Reply, DbError> {
        let connection = self.connection;
        if connection.is_autocommit() {
            return Err(ended());
        }
        match run_whole_until(connection, statement, self.until()) {
            Err(DbError::Timeout { .. }) if Instant::now() >= self.deadline => {
                Err(DbError::TransactionExpired { limit: self.limit })
            }
            // `execute_batch` may hold a COMMIT of its own.
            Ok(_) if statement.kind == StatementKind::Script && connection.is_autocommit() => Err(ended()),
            outcome => outcome,
        }
    }

    /// When a statement that starts now must have ended.
    fn until(&self) -> Instant {
        self.deadline.min(Instant::now() + self.statement)
    }

    fn savepoint(&self, step: Savepoint) -> Result<(), DbError> {
        if self.connection.is_autocommit() {
            return Err(ended());
        }
        self.connection.control(&step.sql())
    }

    fn end(&self, ending: Ending) -> Result<(), DbError> {
        match (ending, self.connection.is_autocommit()) {
            (Ending::Commit, false) => self.connection.control("COMMIT"),
            (Ending::Commit, true) => Err(ended()),
            (Ending::Rollback, false) => self.connection.control("ROLLBACK"),
            (Ending::Rollback, true) => Ok(()),
        }
    }

    /// Hands out a stream, and obeys other commands between its batches. Returns the command that ends it.
    fn stream(&self, statement: &Statement, alive: &Weak<()>, ask: Ask) -> Option<Command> {
        let mut first = Some(ask);
        let mut left = None;
        self.connection.read_in_batches(
            statement,
            alive,
            || self.until(),
            || {
                loop {
                    if let Some(ask) = first.take() {
                        return Some(ask);
                    }
                    let command = self.next()?;
                    if alive.strong_count() == 0 {
                        left = Some(command);
                        return None;
                    }
                    match command {
                        Command::More(ask) => return Some(ask),
                        Command::Run(job) => self.answer(job),
                        Command::Savepoint(step, reply) => drop(reply.send(self.savepoint(step))),
                        Command::Stream(_, _, ask) => drop(ask.send(Err(second_stream()))),
                        end @ Command::End(..) => {
                            left = Some(end);
                            return None;
                        }
                    }
                }
            },
        );
        left
    }
}

fn second_stream() -> DbError {
    let detail = "a transaction has one stream at a time: read the first one to its end, or drop it";
    DbError::Model { detail: detail.to_owned() }
}

fn ended() -> DbError {
    DbError::TransactionEnded { detail: "the engine or a statement of its own has ended it".into() }
}
