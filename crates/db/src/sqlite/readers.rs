//! Reader threads: each owns a read-only connection. They are started as they are needed, and end with the database.

use std::sync::Arc;

use tokio::sync::{oneshot, watch};

use super::connection::{Connection, Limits, Role};
use super::queue::{Job, Post, Pushed, Queue, reply};
use super::{Location, SqliteOptions};
use crate::driver::{Reply, Statement};
use crate::error::DbError;

pub(super) struct Readers {
    queue: Arc<Queue<Job>>,
    most: usize,
    location: Location,
    limits: Limits,
    /// Every thread holds a clone of the sender: when the receiver is done, all threads have ended.
    alive: std::sync::Mutex<Option<watch::Sender<()>>>,
    ended: watch::Receiver<()>,
}

impl Readers {
    pub(super) fn new(location: Location, options: &SqliteOptions, limits: Limits) -> Self {
        let (alive, ended) = watch::channel(());
        Self {
            queue: Queue::new("a place in the queue of the readers", options.queue, options.acquire_timeout),
            most: options.readers.max(1),
            location,
            limits,
            alive: std::sync::Mutex::new(Some(alive)),
            ended,
        }
    }

    pub(super) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        let (sender, receiver) = oneshot::channel();
        if self.queue.push(Job { statement, reply: sender }).await? == Pushed::Waiting
            && let Some(post) = self.queue.enlist(self.most)
        {
            self.start(post)?;
        }
        reply(receiver).await
    }

    fn start(&self, post: Post<Job>) -> Result<(), DbError> {
        let alive = self.alive.lock().map_or(None, |alive| alive.clone());
        let (location, limits) = (self.location.clone(), self.limits.clone());
        let thread = std::thread::Builder::new().name("db-reader".into());
        let started = thread.spawn(move || {
            read(&post, &location, &limits);
            drop(post);
            drop(alive);
        });
        match started {
            Ok(_) => Ok(()),
            Err(error) => {
                Err(DbError::Unavailable { detail: format!("a reader thread cannot be started: {error}") })
            }
        }
    }

    pub(super) async fn close(&self) {
        self.queue.close();
        if let Ok(mut alive) = self.alive.lock() {
            alive.take();
        }
        // Nothing is ever sent: this fails when the last thread has dropped its sender.
        let _ = self.ended.clone().changed().await;
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn read(queue: &Queue<Job>, location: &Location, limits: &Limits) {
    let connection = match Connection::open(location, Role::Reader, limits) {
        Ok(connection) => connection,
        Err(fault) => {
            // The one that made this thread start learns why, and whoever nobody else can answer. The next one tries again.
            while let Some(job) = queue.pop_if(|_| true) {
                let _ = job.reply.send(Err(fault.clone()));
                if !queue.has_one_thread() {
                    break;
                }
            }
            return;
        }
    };
    while let Some(taken) = queue.pop_counted() {
        if taken.waiting == 0 {
            connection.answer(taken.item);
            continue;
        }
        // Whoever waits by now may see the database as it is from now on, and so one look at it is enough for all of them:
        // SQLite takes and gives back its locks once. Those who come later may have written meanwhile, and get another.
        let begun = connection.control("BEGIN").is_ok();
        connection.answer(taken.item);
        while let Some(job) = queue.pop_until(taken.last) {
            connection.answer(job);
        }
        if begun
            && !connection.is_autocommit()
            && let Err(fault) = connection.control("COMMIT")
        {
            tracing::error!(target: "mainstay::db", error = %fault, "a reader could not let go of the database");
        }
    }
}
