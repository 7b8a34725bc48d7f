//! Reader threads for those who stay longer: streams, and transactions that only read.
//!
//! They have connections of their own, so that somebody who reads slowly keeps no short query waiting. A connection sees the
//! database as it was when the stream or the transaction began to read.

use std::sync::Weak;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection::{Connection, Limits};
use super::crew::{Crew, Errand};
use super::queue::reply;
use super::session::{Session, serve_reader};
use super::stream::{Ask, Source, alive};
use super::{Location, SqliteOptions};
use crate::driver::{RowStream, Statement, Transaction};
use crate::error::DbError;

/// What a thread is leased for.
pub(super) enum Lease {
    /// A stream: the statement, whether its reader is still there, and where it asks, as soon as a thread is free.
    Stream(Statement, Weak<()>, oneshot::Sender<Result<SyncAsks, DbError>>),
    /// A transaction that only reads, open for so long at most.
    Begin(Duration, oneshot::Sender<Result<Session, DbError>>),
}

type SyncAsks = std::sync::mpsc::SyncSender<Ask>;

impl Errand for Lease {
    const THREAD: &'static str = "db-lease";
    const QUEUE: &'static str = "a place in the queue of those who read for long";

    fn run(self, connection: &Connection) {
        match self {
            Self::Begin(limit, reply) => serve_reader(connection, limit, reply),
            Self::Stream(statement, alive, reply) => {
                // One question at a time: see `Source`.
                let (asks, asked) = sync_channel::<Ask>(1);
                if reply.send(Ok(asks)).is_err() {
                    return;
                }
                let patience = connection.limits().statement;
                let until = || Instant::now() + patience;
                connection.read_in_batches(&statement, &alive, until, || match asked.recv_timeout(patience) {
                    Ok(ask) => Some(ask),
                    Err(RecvTimeoutError::Timeout) => {
                        tracing::warn!(target: "mainstay::db", sql = &*statement.sql, "a stream that nobody read was stopped");
                        None
                    }
                    Err(RecvTimeoutError::Disconnected) => None,
                });
            }
        }
    }

    fn refuse(self, fault: DbError) {
        match self {
            Self::Stream(.., reply) => drop(reply.send(Err(fault))),
            Self::Begin(_, reply) => drop(reply.send(Err(fault))),
        }
    }
}

/// The threads.
pub(super) struct Leases {
    crew: Crew<Lease>,
    patience: Duration,
    statement_timeout: Duration,
}

impl Leases {
    pub(super) fn new(location: Location, options: &SqliteOptions, limits: Limits) -> Self {
        let crew = Crew::new(location, options, limits);
        Self { crew, patience: options.acquire_timeout, statement_timeout: options.statement_timeout }
    }

    pub(super) async fn stream(&self, statement: Statement) -> Result<RowStream, DbError> {
        let (alive, watched) = alive();
        let (sender, receiver) = oneshot::channel();
        self.crew.send(Lease::Stream(statement, watched, sender)).await?;
        let asks = self.wait(receiver).await?;
        let limit = self.statement_timeout;
        let stopped = move || DbError::Timeout { limit };
        let (ask, first) = oneshot::channel();
        asks.try_send(ask).map_err(|_| stopped())?;
        let source = Source {
            first,
            ask: Box::new(move |ask| asks.try_send(ask).map_err(|_| stopped())),
            gone: Box::new(stopped),
            alive,
        };
        source.open().await
    }

    pub(super) async fn begin(&self, limit: Duration) -> Result<Box<dyn Transaction>, DbError> {
        let (sender, receiver) = oneshot::channel();
        self.crew.send(Lease::Begin(limit, sender)).await?;
        Ok(Box::new(self.wait(receiver).await?))
    }

    async fn wait<T>(&self, receiver: oneshot::Receiver<Result<T, DbError>>) -> Result<T, DbError> {
        match timeout(self.patience, reply(receiver)).await {
            Ok(answer) => answer,
            Err(_) => {
                Err(DbError::Busy { what: "a connection for a long read".into(), waited: self.patience })
            }
        }
    }

    /// Threads, those that sleep, and those who wait for one.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        self.crew.counts()
    }

    pub(super) async fn close(&self) {
        self.crew.close().await;
    }
}
