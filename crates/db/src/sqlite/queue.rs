//! The bounded queue between the tasks that ask and the threads that answer.
//!
//! Waking a thread costs more than most queries do, so a thread sleeps only when the queue is empty, nobody is woken while no
//! thread sleeps, and a thread that is on its way is not woken again.

use std::collections::VecDeque;
use std::ops::Deref;
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
    /// How many have been pushed so far: the last one's number.
    pushed: u64,
    sleeping: usize,
    /// How many of those have been woken and are not up yet.
    rising: usize,
    threads: usize,
    closed: bool,
}

/// A thread's place at a queue.
pub(super) struct Post<T>(Arc<Queue<T>>);

impl<T> Deref for Post<T> {
    type Target = Queue<T>;

    fn deref(&self) -> &Queue<T> {
        &self.0
    }
}

impl<T> Drop for Post<T> {
    fn drop(&mut self) {
        self.0.retire();
    }
}

/// An item, and the queue as it was when the item was taken.
pub(super) struct Taken<T> {
    pub(super) item: T,
    /// The number of the item that was pushed last.
    pub(super) last: u64,
    /// How many items were left.
    pub(super) waiting: usize,
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
            state: Mutex::new(State {
                items: VecDeque::new(),
                pushed: 0,
                sleeping: 0,
                rising: 0,
                threads: 0,
                closed: false,
            }),
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
        state.pushed += 1;
        if state.sleeping == 0 {
            return Ok(Pushed::Waiting);
        }
        if state.sleeping > state.rising {
            state.rising += 1;
            drop(state);
            self.wake.notify_one();
        }
        Ok(Pushed::Attended)
    }

    /// Takes the first item, and sleeps until there is one. `None` when the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        self.pop_counted().map(|taken| taken.item)
    }

    /// The same, and tells what is behind it.
    pub(super) fn pop_counted(&self) -> Option<Taken<T>> {
        let mut state = self.lock();
        let mut yielded = false;
        loop {
            if let Some(item) = state.items.pop_front() {
                let taken = Taken { item, last: state.pushed, waiting: state.items.len() };
                drop(state);
                self.places.add_permits(1);
                return Some(taken);
            }
            if state.closed {
                return None;
            }
            if !std::mem::replace(&mut yielded, true) {
                drop(state);
                // Somebody who shares the processor may be about to push.
                std::thread::yield_now();
                state = self.lock();
                continue;
            }
            state.sleeping += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
            // One that wakes by itself stands in for one that was woken: both look at the queue.
            state.rising = state.rising.saturating_sub(1);
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

    /// Takes the first item if there is one, and it is number `last` or was pushed before that.
    pub(super) fn pop_until(&self, last: u64) -> Option<T> {
        let mut state = self.lock();
        let first = state.pushed - state.items.len() as u64 + 1;
        if first > last {
            return None;
        }
        let item = state.items.pop_front()?;
        drop(state);
        self.places.add_permits(1);
        Some(item)
    }

    /// Counts one more thread in, unless there are `most` or the queue is closed. The thread holds on to its post; when it
    /// ends, by a panic too, it is counted out.
    pub(super) fn enlist(self: &Arc<Self>, most: usize) -> Option<Post<T>> {
        let mut state = self.lock();
        if state.threads >= most || state.closed {
            return None;
        }
        state.threads += 1;
        Some(Post(Arc::clone(self)))
    }

    /// Whether the calling thread is the only one.
    pub(super) fn has_one_thread(&self) -> bool {
        self.lock().threads == 1
    }

    /// Counts a thread out. What is queued when the last one goes is dropped, so that nobody waits for it.
    fn retire(&self) {
        let mut state = self.lock();
        state.threads -= 1;
        let left = if state.threads == 0 { std::mem::take(&mut state.items) } else { VecDeque::new() };
        drop(state);
        self.places.add_permits(left.len());
    }

    /// How many threads there are, how many of them sleep, and how many items wait.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        let state = self.lock();
        (state.threads, state.sleeping, state.items.len())
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
