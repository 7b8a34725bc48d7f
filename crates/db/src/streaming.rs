//! What is read a few at a time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use mainstay_core::Result;
use tokio::sync::mpsc;

use crate::driver::RowStream;
use crate::error::{Border, DbError};
use crate::row::Rows;

/// What a query hands out a few at a time: models, or batches of rows. Few of them are in memory, whatever the size of the
/// result. It ends after an error. Dropping it stops the query.
///
/// Nothing runs before the first item is asked for. It occupies a connection until it ends or is dropped, and one that
/// nobody reads is stopped after `database.statement_timeout`.
///
/// It is a `Stream`; [`try_next`](Self::try_next) needs no trait to be imported.
pub struct Streaming<'a, T>(BoxStream<'a, Result<T>>);

impl<T> fmt::Debug for Streaming<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streaming").finish_non_exhaustive()
    }
}

impl<'a, T: Send + 'a> Streaming<'a, T> {
    /// The rows of the statement that `open` begins, each batch as `read` makes it.
    pub(crate) fn new<R, Fut>(
        open: impl Future<Output = Result<RowStream, DbError>> + Send + 'a,
        read: R,
    ) -> Self
    where
        R: FnMut(Rows) -> Fut + Send + 'a,
        Fut: Future<Output = Result<T, DbError>> + Send + 'a,
    {
        let batches = stream::once(open).try_flatten();
        Self(batches.and_then(read).map(Border::at_border).boxed())
    }

    /// A stream that has its executor with it. Both are driven by whoever asks for items.
    pub(crate) fn owning<E, F>(executor: E, open: F) -> Streaming<'static, T>
    where
        T: 'static,
        E: Send + Sync + 'static,
        F: for<'e> FnOnce(&'e E) -> Streaming<'e, T> + Send + 'static,
    {
        let (sender, mut receiver) = mpsc::channel(1);
        let reading = async move {
            let mut items = open(&executor);
            while let Some(item) = items.next().await {
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        };
        let received = stream::poll_fn(move |context| receiver.poll_recv(context));
        let read = stream::once(reading).filter_map(|()| std::future::ready(None));
        Streaming(stream::select(received, read).boxed())
    }

    /// The next one; nothing after the last.
    pub async fn try_next(&mut self) -> Result<Option<T>> {
        self.0.try_next().await
    }
}

impl<'a, T: Send + 'a> Streaming<'a, Vec<T>> {
    /// One after the other.
    pub(crate) fn flatten(self) -> Streaming<'a, T> {
        let items = self.0.map_ok(|batch| stream::iter(batch.into_iter().map(Ok))).try_flatten();
        Streaming(items.boxed())
    }
}

impl<T> Stream for Streaming<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}
