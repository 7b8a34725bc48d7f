//! Threads that each own a read-only connection. They are started as they are needed, and end with the database.

use std::sync::Arc;

use tokio::sync::watch;

use super::connection::{Connection, Limits, Role};
use super::queue::{Post, Pushed, Queue};
use super::{Location, SqliteOptions};
use crate::error::DbError;

/// What a crew does.
pub(super) trait Errand: Send + Sized + 'static {
    /// What its threads are called.
    const THREAD: &'static str;
    /// What one waits for when there is no place at the queue.
    const QUEUE: &'static str;

    /// Does it.
    fn run(self, connection: &Connection);

    /// Says that it cannot be done.
    fn refuse(self, fault: DbError);

    /// Does what is queued, until the queue is closed.
    fn run_all(queue: &Queue<Self>, connection: &Connection) {
        while let Some(errand) = queue.pop() {
            errand.run(connection);
        }
    }
}

/// The threads of one kind.
pub(super) struct Crew<T> {
    queue: Arc<Queue<T>>,
    most: usize,
    location: Location,
    limits: Limits,
    /// Every thread holds a clone of the sender: when the receiver is done, all threads have ended.
    alive: std::sync::Mutex<Option<watch::Sender<()>>>,
    ended: watch::Receiver<()>,
}

impl<T: Errand> Crew<T> {
    pub(super) fn new(location: Location, options: &SqliteOptions, limits: Limits) -> Self {
        let (alive, ended) = watch::channel(());
        Self {
            queue: Queue::new(T::QUEUE, options.queue, options.acquire_timeout),
            most: options.readers.max(1),
            location,
            limits,
            alive: std::sync::Mutex::new(Some(alive)),
            ended,
        }
    }

    /// Queues an errand, and starts a thread for it if all are busy and there may be more.
    pub(super) async fn send(&self, errand: T) -> Result<(), DbError> {
        if self.queue.push(errand).await? == Pushed::Waiting
            && let Some(post) = self.queue.enlist(self.most)
        {
            self.start(post)?;
        }
        Ok(())
    }

    fn start(&self, post: Post<T>) -> Result<(), DbError> {
        let alive = self.alive.lock().map_or(None, |alive| alive.clone());
        let (location, limits) = (self.location.clone(), self.limits.clone());
        let thread = std::thread::Builder::new().name(T::THREAD.into());
        let started = thread.spawn(move || {
            work(&post, &location, &limits);
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

    /// Threads, those that sleep, and errands that wait.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        self.queue.counts()
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

impl<T> Drop for Crew<T> {
    fn drop(&mut self) {
        self.queue.close();
    }
}

fn work<T: Errand>(queue: &Queue<T>, location: &Location, limits: &Limits) {
    match Connection::open(location, Role::Reader, limits) {
        Ok(connection) => T::run_all(queue, &connection),
        // The one that made this thread start learns why, and whoever nobody else can answer. The next one tries again.
        Err(fault) => {
            while let Some(errand) = queue.pop_if(|_| true) {
                errand.refuse(fault.clone());
                if !queue.has_one_thread() {
                    break;
                }
            }
        }
    }
}
