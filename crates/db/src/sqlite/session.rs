//! A transaction owns the writer from `BEGIN IMMEDIATE` to its end, and reads through it too.
//!
//! Everybody else's writes wait meanwhile, so it has a deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::connection::Connection;
use super::group::run_whole_until;
use super::queue::Job;
use crate::driver::{Ending, Reply, Statement, StatementKind, Transaction};
use crate::error::DbError;

/// The most statements of one transaction that wait at a time.
const QUEUE: usize = 64;

enum Command {
    Run(Job),
    End(Ending, oneshot::Sender<Result<(), DbError>>),
}

/// The task's end of a transaction. When it is dropped, the writer rolls back.
pub(super) struct Session {
    commands: SyncSender<Command>,
    expired: Arc<AtomicBool>,
    limit: Duration,
}

impl Session {
    fn send(&self, command: Command) -> Result<(), DbError> {
        self.commands.try_send(command).map_err(|fault| match fault {
            TrySendError::Full(_) => {
                DbError::Busy { what: "the connection of the transaction".into(), waited: Duration::ZERO }
            }
            TrySendError::Disconnected(_) => self.gone(),
        })
    }

    fn gone(&self) -> DbError {
        gone(&self.expired, self.limit)
    }
}

fn gone(expired: &AtomicBool, limit: Duration) -> DbError {
    if expired.load(Ordering::Acquire) { DbError::TransactionExpired { limit } } else { DbError::Closed }
}

impl Transaction for Session {
    fn run(&self, statement: Statement) -> BoxFuture<'_, Result<Reply, DbError>> {
        async move {
            let (sender, receiver) = oneshot::channel();
            self.send(Command::Run(Job { statement, reply: sender }))?;
            receiver.await.unwrap_or_else(|_| Err(self.gone()))
        }
        .boxed()
    }

    fn end(self: Box<Self>, ending: Ending) -> BoxFuture<'static, Result<(), DbError>> {
        async move {
            let (sender, receiver) = oneshot::channel();
            self.send(Command::End(ending, sender))?;
            receiver.await.unwrap_or_else(|_| Err(self.gone()))
        }
        .boxed()
    }
}

/// The writer's end: begins, runs what the session asks for, and ends, at the latest at the deadline.
pub(super) fn serve(connection: &Connection, reply: oneshot::Sender<Result<Session, DbError>>) {
    if reply.is_closed() {
        return;
    }
    if let Err(fault) = connection.control("BEGIN IMMEDIATE") {
        let _ = reply.send(Err(fault));
        return;
    }
    let (commands, orders) = sync_channel(QUEUE);
    let expired = Arc::new(AtomicBool::new(false));
    let limit = connection.limits().transaction;
    let session = Session { commands, expired: Arc::clone(&expired), limit };
    let begun = Instant::now();
    if reply.send(Ok(session)).is_ok() {
        obey(connection, orders, begun + limit, &expired);
    }
    if !connection.is_autocommit()
        && let Err(fault) = connection.control("ROLLBACK")
    {
        tracing::error!(target: "mainstay::db", error = %fault, "a transaction could not be rolled back");
    }
    let held = begun.elapsed();
    if held > connection.limits().warning {
        tracing::warn!(
            target: "mainstay::db",
            held_ms = held.as_millis(),
            expired = expired.load(Ordering::Relaxed),
            "a transaction kept every other write waiting"
        );
    }
}

fn obey(connection: &Connection, orders: Receiver<Command>, deadline: Instant, expired: &AtomicBool) {
    loop {
        let now = Instant::now();
        match orders.recv_timeout(deadline.saturating_duration_since(now)) {
            Ok(Command::Run(job)) => {
                let outcome = run(connection, &job.statement, deadline);
                if outcome.is_err() && Instant::now() >= deadline {
                    expired.store(true, Ordering::Release);
                }
                let _ = job.reply.send(outcome);
            }
            Ok(Command::End(Ending::Commit, reply)) => {
                let outcome =
                    if connection.is_autocommit() { Err(ended()) } else { connection.control("COMMIT") };
                let _ = reply.send(outcome);
                return;
            }
            Ok(Command::End(Ending::Rollback, reply)) => {
                let outcome =
                    if connection.is_autocommit() { Ok(()) } else { connection.control("ROLLBACK") };
                let _ = reply.send(outcome);
                return;
            }
            Err(RecvTimeoutError::Timeout) => {
                expired.store(true, Ordering::Release);
                return;
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn run(connection: &Connection, statement: &Statement, deadline: Instant) -> Result<Reply, DbError> {
    if connection.is_autocommit() {
        return Err(ended());
    }
    let limits = connection.limits();
    let outcome = run_whole_until(connection, statement, deadline.min(Instant::now() + limits.statement));
    match outcome {
        Err(DbError::Timeout { .. }) if Instant::now() >= deadline => {
            Err(DbError::TransactionExpired { limit: limits.transaction })
        }
        // `execute_batch` may hold a COMMIT of its own.
        Ok(_) if statement.kind == StatementKind::Script && connection.is_autocommit() => Err(ended()),
        outcome => outcome,
    }
}

fn ended() -> DbError {
    DbError::TransactionEnded { detail: "the engine or a statement of its own has ended it".into() }
}
