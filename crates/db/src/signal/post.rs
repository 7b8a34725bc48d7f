//! Telling others.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mainstay_core::random::{Random, SecureRandom};

use super::board::Board;
use super::due::{Due, Topic};
use super::message;
use crate::driver::Statement;
use crate::error::DbError;
use crate::value::Value;

/// What is signalled within so long goes together.
const ROUND: Duration = Duration::from_millis(5);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What others have yet to be told.
pub(super) struct Post {
    /// The statement that sends a message.
    sql: Arc<str>,
    /// Who we are, so that we know our own messages.
    sender: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    due: Due,
    /// Whether a task sees to it.
    under_way: bool,
}

impl Post {
    pub(super) fn new(sql: &'static str) -> Self {
        Self { sql: sql.into(), sender: SecureRandom::new().hex(8), state: Mutex::default() }
    }

    pub(super) fn sender(&self) -> &str {
        &self.sender
    }

    pub(super) fn add(&self, topics: Vec<Topic>, board: &Arc<Board>) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            tracing::debug!(target: "mainstay::db", "a signal outside of the runtime is not told to other processes");
            return;
        };
        let mut state = self.state();
        topics.into_iter().for_each(|topic| state.due.add(topic));
        if !std::mem::replace(&mut state.under_way, true) {
            // It ends when nothing is left to be told.
            runtime.spawn(deliver(Arc::downgrade(board)));
        }
    }

    /// The next message; without one, nobody sees to it any more.
    fn take(&self) -> Option<String> {
        let mut state = self.state();
        let message = message::take(&mut state.due, &self.sender);
        state.under_way = message.is_some();
        message
    }

    /// What a message said could not be told.
    fn put_back(&self, message: &str) {
        let topics = message::read(message, "").unwrap_or_default();
        let mut state = self.state();
        if topics.is_empty() {
            state.due.add(Topic::Any);
        }
        topics.into_iter().for_each(|topic| state.due.add(Topic::Named(topic.into())));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends what is due, one message a round.
async fn deliver(board: Weak<Board>) {
    let mut pause = ROUND;
    loop {
        let Some(message) = send(&board).await else { return };
        match message {
            Ok(()) => pause = ROUND,
            Err(DbError::Closed) => return,
            Err(fault) => {
                tracing::debug!(target: "mainstay::db", error = %fault, "other processes could not be signalled: it is tried again");
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        tokio::time::sleep(pause).await;
    }
}

/// Sends one message. `None` when there is none, or nobody to send it.
async fn send(board: &Weak<Board>) -> Option<Result<(), DbError>> {
    let board = board.upgrade()?;
    let (driver, post) = (board.driver()?, board.post()?);
    let message = post.take()?;
    let statement = Statement::write(Arc::clone(&post.sql), vec![Value::Text(message.clone())]);
    let outcome = driver.run(statement).await;
    if outcome.is_err() {
        post.put_back(&message);
    }
    Some(outcome.map(|_| ()))
}
