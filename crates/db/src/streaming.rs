//! What is read a few at a time.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use mainstay_core::Result;

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
