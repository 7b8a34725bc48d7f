//! A transaction owns a connection from its beginning to its end: the writer, and reads through it too; or a leased reader,
//! when it only reads.
//!
//! Everybody else's writes wait for one that writes, so it has a deadline. It may be committed together with others: see
//! `group`.

use std::cell::{Cell, RefCell};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::group::{rollback, run_whole_until};
use super::queue::Job;
use super::stream::{Ask, Source, alive};
use crate::driver::{Access, Ending, Reply, RowStream, Savepoint, Statement, StatementKind, Transaction};
use crate::error::DbError;
use crate::row::Buffer;

/// The most statements of one transaction that wait at a time.
const QUEUE: usize = 64;

enum Command {
    Run(Job),
    Savepoint(Savepoint, oneshot::Sender<Result<(), DbError>>),
    /// A stream: who asks for its first batch, and whether its reader is still there.
    Stream(Statement, Weak<()>, Ask),
    /// The next batch of it.
    More(Ask),
    End(Ending, Waiting),
}

/// The task's end of a transaction. When it is dropped, the connection's thread rolls back.
pub(super) struct Session(Arc<Line>);

/// The line from the task to the thread. A stream only looks at it, so that dropping the session cuts it.
struct Line {
    commands: SyncSender<Command>,
    /// Why the thread has hung up, unless the session has told it to.
    gone: Arc<OnceLock<DbError>>,
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
        self.gone.get().cloned().unwrap_or(DbError::Closed)
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

/// Who waits for a transaction to begin.
pub(super) type Opening = oneshot::Sender<Result<Session, DbError>>;

/// Who waits for a transaction to end.
pub(super) type Waiting = oneshot::Sender<Result<(), DbError>>;

/// The writer's end of a transaction that changes tables.
pub(super) fn serve_schema(connection: &Connection, limit: Duration, opening: Opening) {
    // It has no effect inside of a transaction.
    if let Err(fault) = connection.control("PRAGMA foreign_keys = OFF") {
        return drop(opening.send(Err(fault)));
    }
    serve_alone(connection, "BEGIN IMMEDIATE", Access::Schema, limit, opening);
    if let Err(fault) = connection.control("PRAGMA foreign_keys = ON") {
        tracing::error!(target: "mainstay::db", error = %fault, "foreign keys are not enforced any more");
    }
}

/// A reader's end of a transaction that only reads.
pub(super) fn serve_reader(connection: &Connection, limit: Duration, opening: Opening) {
    serve_alone(connection, "BEGIN", Access::ReadOnly, limit, opening);
}

fn serve_alone(connection: &Connection, begin: &str, access: Access, limit: Duration, opening: Opening) {
    if opening.is_closed() {
        return;
    }
    if let Err(fault) = connection.control(begin) {
        return drop(opening.send(Err(fault)));
    }
    if let Some(service) = Service::open(connection, access, limit, opening)
        && let Served::Ended { waiting: Some(waiting), .. } = service.serve(Place::First)
    {
        let _ = waiting.send(connection.control("COMMIT"));
    }
    rollback(connection);
}

/// Where a transaction stands in what is committed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing has been done before it.
    First,
    /// Others have written before it, whose writes stay when it is undone.
    Behind,
}

/// How a transaction went.
pub(super) enum Served<'a> {
    Ended {
        held: Duration,
        /// Who waits for it to be committed, if it is to be.
        waiting: Option<Waiting>,
    },
    /// Others wait for it, and it does nothing, or has done much: it is undone, to be repeated when they are committed.
    Paused(Service<'a>),
}

/// What a transaction has done behind others.
enum Step {
    /// A statement, and the digest of what it came to.
    Run(Statement, u64),
    Savepoint(Savepoint),
}

/// How obeying a session ends.
enum Obeyed {
    Told(Ending, Waiting),
    /// The session has gone, or its time is over.
    Left,
    Paused,
}

/// A transaction behind others says so soon what it does next, or is committed apart from them.
const PAUSE: Duration = Duration::from_millis(5);
/// No transaction stays behind others for longer, unless a single statement takes longer.
const STAY: Duration = Duration::from_millis(20);

/// The thread's end of a transaction.
pub(super) struct Service<'a> {
    connection: &'a Connection,
    access: Access,
    orders: Receiver<Command>,
    /// A command that has come in already.
    first: Cell<Option<Command>>,
    /// What it has done, as long as it is behind others.
    done: RefCell<Option<Vec<Step>>>,
    deadline: Instant,
    limit: Duration,
    /// How long one statement may take.
    statement: Duration,
    gone: Arc<OnceLock<DbError>>,
}

impl<'a> Service<'a> {
    /// Hands out the session, to be served at once. None if whoever wanted it has gone.
    pub(super) fn open(
        connection: &'a Connection,
        access: Access,
        limit: Duration,
        opening: Opening,
    ) -> Option<Self> {
        let (commands, orders) = sync_channel(QUEUE);
        let gone = Arc::new(OnceLock::new());
        let session = Session(Arc::new(Line { commands, gone: Arc::clone(&gone) }));
        opening.send(Ok(session)).ok()?;
        let statement = if access == Access::Schema { limit } else { connection.limits().statement };
        let (first, done, deadline) = (Cell::new(None), RefCell::new(None), Instant::now() + limit);
        Some(Self { connection, access, orders, first, done, deadline, limit, statement, gone })
    }

    /// Lets its time begin now, when it has done nothing yet.
    pub(super) fn begin_anew(&mut self) {
        self.deadline = Instant::now() + self.limit;
    }

    /// Whether its next command comes so soon, or it ends.
    pub(super) fn is_prompt(&self, patience: Duration) -> bool {
        if let Some(first) = self.first.take() {
            self.first.set(Some(first));
            return true;
        }
        match self.orders.recv_timeout(patience.min(self.limit)) {
            Ok(command) => self.first.set(Some(command)),
            Err(RecvTimeoutError::Disconnected) => {}
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }

    /// It cannot be served: whatever it asks for fails with this.
    pub(super) fn refuse(self, fault: DbError) {
        let _ = self.gone.set(fault);
    }

    fn expire(&self) {
        let _ = self.gone.set(DbError::TransactionExpired { limit: self.limit });
    }

    /// Runs what the session asks for, to its end, at the latest to its deadline. Everything is left open that is to be
    /// committed, and undone else.
    pub(super) fn serve(self, place: Place) -> Served<'a> {
        let begun = Instant::now();
        if place == Place::Behind {
            if let Err(fault) = self.connection.control("SAVEPOINT transaction_of_a_group") {
                self.refuse(fault);
                return Served::Ended { held: Duration::ZERO, waiting: None };
            }
            self.done.replace(Some(Vec::new()));
        }
        let waiting = match self.obey(begun) {
            Obeyed::Paused => {
                self.undo(place);
                return Served::Paused(self);
            }
            Obeyed::Told(Ending::Commit, waiting) => match self.keep(place) {
                Ok(()) => Some(waiting),
                Err(fault) => {
                    self.undo(place);
                    let _ = waiting.send(Err(fault));
                    None
                }
            },
            Obeyed::Told(Ending::Rollback, waiting) => {
                self.undo(place);
                let _ = waiting.send(Ok(()));
                None
            }
            Obeyed::Left => {
                self.undo(place);
                None
            }
        };
        let held = begun.elapsed();
        if self.access != Access::ReadOnly && held > self.connection.limits().warning {
            tracing::warn!(
                target: "mainstay::db",
                held_ms = held.as_millis(),
                expired = self.gone.get().is_some(),
                "a transaction kept every other write waiting"
            );
        }
        Served::Ended { held, waiting }
    }

    /// Does once more what it has done behind others, which are committed now. Nobody else in this process has written
    /// meanwhile, so that it comes to the same.
    ///
    /// # Errors
    ///
    /// Where it does not: another process has written, or the engine was asked for the time.
    pub(super) fn repeat(&self) -> Result<(), DbError> {
        for step in self.done.take().unwrap_or_default() {
            let same = match step {
                Step::Run(statement, before) => digest(&self.run(&statement)) == before,
                Step::Savepoint(step) => self.savepoint(step).is_ok(),
            };
            if !same {
                let detail = "what it had read is not so any more".to_owned();
                return Err(DbError::SerializationFailure { detail });
            }
        }
        Ok(())
    }

    fn is_behind(&self) -> bool {
        self.done.borrow().is_some()
    }

    fn note(&self, step: Step) {
        if let Some(done) = &mut *self.done.borrow_mut() {
            done.push(step);
        }
    }

    /// Leaves what it did to be committed.
    fn keep(&self, place: Place) -> Result<(), DbError> {
        if self.connection.is_autocommit() {
            return Err(ended());
        }
        match place {
            Place::First => Ok(()),
            Place::Behind => self.connection.control("RELEASE transaction_of_a_group"),
        }
    }

    fn undo(&self, place: Place) {
        let connection = self.connection;
        if place == Place::First || connection.is_autocommit() {
            return rollback(connection);
        }
        let undone = connection
            .control("ROLLBACK TO transaction_of_a_group")
            .and_then(|()| connection.control("RELEASE transaction_of_a_group"));
        if undone.is_err() {
            // Rather all of the group than a part of this one.
            rollback(connection);
        }
    }

    /// Runs what the session asks for.
    fn obey(&self, begun: Instant) -> Obeyed {
        let mut left = None;
        loop {
            if self.is_behind() && (begun.elapsed() > STAY || !self.is_prompt(PAUSE)) {
                return Obeyed::Paused;
            }
            let Some(command) = left.take().or_else(|| self.next()) else { return Obeyed::Left };
            match command {
                // Who takes its time with a stream keeps others waiting, and a script cannot be repeated.
                Command::Stream(..) if self.is_behind() => return self.pause_at(command),
                Command::Run(Job { statement: Statement { kind: StatementKind::Script, .. }, .. })
                    if self.is_behind() =>
                {
                    return self.pause_at(command);
                }
                Command::Stream(statement, alive, ask) => left = self.stream(&statement, &alive, ask),
                // Of a stream that has ended.
                Command::More(ask) => drop(ask.send(Ok(None))),
                Command::End(ending, waiting) => return Obeyed::Told(ending, waiting),
                Command::Run(job) => self.answer(job),
                Command::Savepoint(step, reply) => {
                    let outcome = self.savepoint(step);
                    if outcome.is_ok() {
                        self.note(Step::Savepoint(step));
                    }
                    let _ = reply.send(outcome);
                }
            }
        }
    }

    fn pause_at(&self, command: Command) -> Obeyed {
        self.first.set(Some(command));
        Obeyed::Paused
    }

    /// The next command; none when the session has gone or its time is over.
    fn next(&self) -> Option<Command> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        match self.orders.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.expire();
                None
            }
        }
    }

    fn answer(&self, job: Job) {
        let outcome = self.run(&job.statement);
        if outcome.is_err() && Instant::now() >= self.deadline {
            self.expire();
        }
        if self.is_behind() {
            self.note(Step::Run(job.statement, digest(&outcome)));
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

/// What a statement came to, in short.
fn digest(outcome: &Result<Reply, DbError>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match outcome {
        Ok(reply) => {
            reply.affected.hash(&mut hasher);
            if let Buffer::Sqlite(buffer) = reply.rows.buffer() {
                buffer.digest(&mut hasher);
            }
        }
        Err(fault) => fault.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

fn second_stream() -> DbError {
    let detail = "a transaction has one stream at a time: read the first one to its end, or drop it";
    DbError::Model { detail: detail.to_owned() }
}

fn ended() -> DbError {
    DbError::TransactionEnded { detail: "the engine has ended it".into() }
}
