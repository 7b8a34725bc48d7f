//! Reader threads: each owns a read-only connection. They are started as they are needed, and end with the database.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::connection::{Connection, Limits, Role};
use super::queue::{Job, Pushed, Queue, reply};
use super::{Location, SqliteOptions};
use crate::driver::{Reply, Statement};
use crate::error::DbError;

pub(super) struct Readers {
    queue: Arc<Queue<Job>>,
    most: usize,
    location: Location,
    limits: Limits,
    /// Every thread holds a clone of the sender: when the receiver is done, all threads have ended.
    alive: std::sync::Mutex<Option<mpsc::Sender<()>>>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Readers {
    pub(super) fn new(location: Location, options: &SqliteOptions, limits: Limits) -> Self {
        let (alive, ended) = mpsc::channel(1);
        Self {
            queue: Queue::new("a place in the queue of the readers", options.queue, options.acquire_timeout),
            most: options.readers.max(1),
            location,
            limits,
            alive: std::sync::Mutex::new(Some(alive)),
            ended: Mutex::new(ended),
        }
    }

    pub(super) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        let (sender, receiver) = oneshot::channel();
        if self.queue.push(Job { statement, reply: sender }).await? == Pushed::Waiting
            && self.queue.enlist(self.most)
        {
            self.start()?;
        }
        reply(receiver).await
    }

    fn start(&self) -> Result<(), DbError> {
        let alive = self.alive.lock().map_or(None, |alive| alive.clone());
        let (queue, location, limits) = (Arc::clone(&self.queue), self.location.clone(), self.limits.clone());
        let started = std::thread::Builder::new().name("db-reader".into()).spawn(move || {
            read(&queue, &location, &limits);
            queue.retire();
            drop(alive);
        });
        if let Err(error) = started {
            self.queue.retire();
            return Err(DbError::Unavailable {
                detail: format!("a reader thread cannot be started: {error}"),
            });
        }
        Ok(())
    }

    pub(super) async fn close(&self) {
        self.queue.close();
        if let Ok(mut alive) = self.alive.lock() {
            alive.take();
        }
        // Nothing is ever sent: this is ready when the last thread has dropped its sender.
        self.ended.lock().await.recv().await;
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
            // The one that made this thread start learns why. The next one tries again.
            if let Some(job) = queue.pop_if(|_| true) {
                let _ = job.reply.send(Err(fault));
            }
            return;
        }
    };
    while let Some(job) = queue.pop() {
        if job.reply.is_closed() {
            continue;
        }
        let result = connection.run(&job.statement);
        // Whoever asked may have gone; the rows go with them.
        let _ = job.reply.send(result);
    }
}
