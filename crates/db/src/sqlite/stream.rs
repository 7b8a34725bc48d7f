//! The task's end of a stream: it asks for one batch after the other, always one ahead of whoever reads.
//!
//! The thread that owns the connection reads a batch when it is asked, and waits between. So there are two batches in memory
//! at most, and the thread notices when the stream is dropped.

use std::sync::{Arc, Weak};

use futures_util::stream;
use tokio::sync::oneshot;

use crate::driver::RowStream;
use crate::error::DbError;
use crate::row::Rows;

/// Somebody who asks for the next batch. There is none after the last row.
pub(super) type Ask = oneshot::Sender<Result<Option<Rows>, DbError>>;

/// Where the answer to an [`Ask`] comes.
pub(super) type Answer = oneshot::Receiver<Result<Option<Rows>, DbError>>;

/// What makes a stream: where it asks, and what happened when nobody answers.
pub(super) struct Source {
    /// Where the answer to the first question comes.
    pub(super) first: Answer,
    /// Brings a further question to the thread.
    pub(super) ask: Box<dyn Fn(Ask) -> Result<(), DbError> + Send + Sync>,
    /// Why the thread went away.
    pub(super) gone: Box<dyn Fn() -> DbError + Send + Sync>,
    /// The thread holds a [`Weak`] of it, and learns thereby that the stream was dropped.
    pub(super) alive: Arc<()>,
}

/// What a new stream holds on to, and what its thread keeps of it.
pub(super) fn alive() -> (Arc<()>, Weak<()>) {
    let alive = Arc::new(());
    let watched = Arc::downgrade(&alive);
    (alive, watched)
}

struct Reading {
    ask: Box<dyn Fn(Ask) -> Result<(), DbError> + Send + Sync>,
    gone: Box<dyn Fn() -> DbError + Send + Sync>,
    _alive: Arc<()>,
    ready: Option<Rows>,
    asked: Option<Answer>,
}

impl Source {
    /// The stream, once the first batch is there: what is wrong with the statement is then known.
    pub(super) async fn open(self) -> Result<RowStream, DbError> {
        let Self { first, ask, gone, alive } = self;
        let mut reading = Reading { ask, gone, _alive: alive, ready: None, asked: Some(first) };
        reading.ready = reading.answer().await?;
        if reading.ready.is_some() {
            reading.ask()?;
        }
        Ok(RowStream::new(stream::unfold(reading, async |mut reading| {
            if let Some(rows) = reading.ready.take() {
                return Some((Ok(rows), reading));
            }
            let answer = match reading.answer().await {
                Ok(Some(rows)) => reading.ask().map(|()| rows),
                Ok(None) => return None,
                Err(fault) => Err(fault),
            };
            Some((answer, reading))
        })))
    }
}

impl Reading {
    fn ask(&mut self) -> Result<(), DbError> {
        let (sender, receiver) = oneshot::channel();
        (self.ask)(sender)?;
        self.asked = Some(receiver);
        Ok(())
    }

    /// The answer to what was asked last; nothing when nothing was asked.
    async fn answer(&mut self) -> Result<Option<Rows>, DbError> {
        match self.asked.take() {
            Some(asked) => asked.await.unwrap_or_else(|_| Err((self.gone)())),
            None => Ok(None),
        }
    }
}
