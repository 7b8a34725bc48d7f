//! The writer: one thread, one connection, everything that writes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::connection::{Connection, Limits, Role};
use super::group::Committer;
use super::queue::{Job, Post, Queue, reply};
use super::session::{Opening, serve_schema};
use super::{Location, SqliteOptions};
use crate::driver::{Access, Reply, Statement, StatementKind, Transaction};
use crate::error::DbError;

/// What the writer is asked for.
pub(super) enum Order {
    /// One statement by itself.
    Write(Job),
    /// A transaction of several.
    Begin(Access, Duration, Opening),
}

impl Order {
    /// Whether whoever asked has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        match self {
            Self::Write(job) => job.reply.is_closed(),
            Self::Begin(.., opening) => opening.is_closed(),
        }
    }

    pub(super) fn refuse(self, fault: DbError) {
        match self {
            Self::Write(job) => drop(job.reply.send(Err(fault))),
            Self::Begin(.., opening) => drop(opening.send(Err(fault))),
        }
    }
}

pub(super) struct Writer {
    queue: Arc<Queue<Order>>,
    patience: Duration,
    ended: watch::Receiver<()>,
}

impl Writer {
    pub(super) async fn start(
        location: Location,
        options: &SqliteOptions,
        limits: Limits,
    ) -> Result<Self, DbError> {
        let queue = Queue::new("a place in the queue of the writer", options.queue, options.acquire_timeout);
        let (alive, ended) = watch::channel(());
        let (opened, opening) = oneshot::channel();
        let post = queue.enlist(1).ok_or(DbError::Closed)?;
        std::thread::Builder::new()
            .name("db-writer".into())
            .spawn(move || {
                let orders = Only(post);
                match Connection::open(&location, Role::Writer, &limits) {
                    Ok(connection) => {
                        let _ = opened.send(Ok(()));
                        write(&orders.0, &connection);
                        connection.checkpoint();
                    }
                    Err(fault) => {
                        let _ = opened.send(Err(fault));
                    }
                }
                drop(orders);
                location.discard();
                drop(alive);
            })
            .map_err(|error| DbError::Unavailable {
                detail: format!("the writer thread cannot be started: {error}"),
            })?;
        reply(opening).await?;
        Ok(Self { queue, patience: options.acquire_timeout, ended })
    }

    pub(super) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.push(Order::Write(Job { statement, reply: sender })).await?;
        reply(receiver).await
    }

    pub(super) async fn begin(
        &self,
        access: Access,
        limit: Duration,
    ) -> Result<Box<dyn Transaction>, DbError> {
        let (sender, receiver) = oneshot::channel();
        self.queue.push(Order::Begin(access, limit, sender)).await?;
        match timeout(self.patience, reply(receiver)).await {
            Ok(session) => Ok(Box::new(session?)),
            Err(_) => Err(DbError::Busy { what: "the writer".into(), waited: self.patience }),
        }
    }

    /// Threads, those that sleep, and orders that wait.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        self.queue.counts()
    }

    pub(super) async fn close(&self) {
        self.queue.close();
        let _ = self.ended.clone().changed().await;
    }
}

/// The only thread at the queue. When it ends, by a panic too, nobody must wait for it.
struct Only(Post<Order>);

impl Drop for Only {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn write(orders: &Queue<Order>, connection: &Connection) {
    let mut committer = Committer::new(connection, orders);
    while let Some(order) = orders.pop() {
        match order {
            Order::Begin(Access::Schema, limit, opening) => serve_schema(connection, limit, opening),
            Order::Write(job) if job.statement.kind == StatementKind::Script => committer.run_alone(job),
            order => committer.commit(order),
        }
    }
}
