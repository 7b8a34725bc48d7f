//! The rows of a large result, a few at a time.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{BoxStream, Stream, StreamExt};

use crate::encrypted::Vault;
use crate::error::DbError;
use crate::row::Rows;

/// The rows of one statement in batches, none of them empty. It ends after a failure. Dropping it stops the query.
pub struct RowStream(BoxStream<'static, Result<Rows, DbError>>);

impl RowStream {
    /// From the batches that a driver reads. At most a few of them may exist at a time.
    pub fn new(batches: impl Stream<Item = Result<Rows, DbError>> + Send + 'static) -> Self {
        Self(batches.boxed())
    }

    /// The same, in which encrypted fields can be read.
    pub(crate) fn opened_by(self, vault: Arc<Vault>) -> Self {
        Self::new(self.0.map(move |batch| {
            let mut rows = batch?;
            rows.opened_by(&vault);
            Ok(rows)
        }))
    }

    /// The next batch; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<Rows, DbError>> {
        self.0.next().await
    }
}

impl Stream for RowStream {
    type Item = Result<Rows, DbError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl fmt::Debug for RowStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowStream").finish_non_exhaustive()
    }
}
