//! The bounded queue between the tasks that ask and the threads that answer.
//!
//! Waking a thread costs more than most queries do, so a thread sleeps only when the queue is empty, and nobody is woken
//! while no thread sleeps.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::driver::{Reply, Statement};
use crate::error::DbError;

/// A statement, and where its reply goes.
pub(super) struct Job {
    pub(super) statement: Statement,
    pub(super) reply: oneshot::Sender<Result<Reply, DbError>>,
}

/// A queue of `T`.
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
    places: Semaphore,
    name: &'static str,
    patience: Duration,
}

struct State<T> {
    items: VecDeque<T>,
    sleeping: usize,
    threads: usize,
    closed: bool,
}

/// What a push found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// A thread is awake, or has been woken.
    Attended,
    /// Every thread is busy.
    Waiting,
}

impl<T> Queue<T> {
    pub(super) fn new(name: &'static str, places: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State { items: VecDeque::new(), sleeping: 0, threads: 0, closed: false }),
            wake: Condvar::new(),
            places: Semaphore::new(places),
            name,
            patience,
        })
    }

    /// Adds an item at the end, once there is a place for it.
    pub(super) async fn push(&self, item: T) -> Result<Pushed, DbError> {
        match self.places.try_acquire() {
            Ok(place) => place.forget(),
            Err(_) => match timeout(self.patience, self.places.acquire()).await {
                Ok(Ok(place)) => place.forget(),
                Ok(Err(_)) => return Err(DbError::Closed),
                Err(_) => {
                    return Err(DbError::Busy { what: self.name.to_owned(), waited: self.patience });
                }
            },
        }
        let mut state = self.lock();
        if state.closed {
            return Err(DbError::Closed);
        }
        state.items.push_back(item);
        if state.sleeping > 0 {
            drop(state);
            self.wake.notify_one();
            return Ok(Pushed::Attended);
        }
        Ok(Pushed::Waiting)
    }

    /// Takes the first item, and sleeps until there is one. `None` when the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(item) = state.items.pop_front() {
                drop(state);
                self.places.add_permits(1);
                return Some(item);
            }
            if state.closed {
                return None;
            }
            state.sleeping += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
        }
    }

    /// Takes the first item if there is one and `wanted` says so.
    pub(super) fn pop_if(&self, wanted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.lock();
        if !state.items.front().is_some_and(wanted) {
            return None;
        }
        let item = state.items.pop_front();
        drop(state);
        self.places.add_permits(1);
        item
    }

    /// Counts one more thread in, unless there are `most` or the queue is closed.
    pub(super) fn enlist(&self, most: usize) -> bool {
        let mut state = self.lock();
        let wanted = state.threads < most && !state.closed;
        if wanted {
            state.threads += 1;
        }
        wanted
    }

    /// Counts a thread out. What is queued when the last one goes is dropped, so that nobody waits for it.
    pub(super) fn retire(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        let left = if state.threads == 0 { std::mem::take(&mut state.items) } else { VecDeque::new() };
        drop(state);
        self.places.add_permits(left.len());
    }

    /// Refuses further items, and lets the threads end once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.places.close();
        self.wake.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the reply. A thread that went away without one has been told to close.
pub(super) async fn reply<T>(receiver: oneshot::Receiver<Result<T, DbError>>) -> Result<T, DbError> {
    receiver.await.unwrap_or(Err(DbError::Closed))
}
