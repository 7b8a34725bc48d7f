//! The rows of a large result by a cursor in a transaction: memory stays flat however slow the reader, and other statements
//! may run between two batches.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use futures_util::stream::try_unfold;

use super::command::Command;
use super::session::{Inside, Session, Waiting};
use crate::driver::{RowStream, Statement};
use crate::error::DbError;
use crate::row::{Buffer, Rows};

/// The only cursor of a transaction.
const NAME: &str = "mainstay_rows";
/// Rows of a batch, if they are not large.
const MOST: usize = 512;
/// What a batch should not be larger than.
const BYTES: usize = 1 << 20;

/// A cursor that is open. Dropping it closes it.
pub(super) struct Cursor {
    inside: Arc<Inside>,
    sql: String,
    rows: usize,
}

impl Cursor {
    /// Opens a cursor on a statement that reads.
    pub(super) async fn open(inside: Arc<Inside>, statement: &Statement) -> Result<Self, DbError> {
        let cursor = Self { inside, sql: statement.sql.to_string(), rows: MOST / 4 };
        Command::of(&statement.sql).allow(statement.kind, &statement.sql)?;
        let sql = format!("DECLARE {NAME} NO SCROLL CURSOR FOR {}", statement.sql);
        let inside = &*cursor.inside;
        let waiting = Waiting(Some(inside.unsure()));
        let declared = inside.connection.declare(&sql, &statement.values).await;
        waiting.answered();
        declared.map_err(|fault| inside.explain(fault, &cursor.sql))?;
        Ok(cursor)
    }

    /// The batches. `session` is a transaction that exists for them alone.
    pub(super) fn into_stream(self, session: Option<Session>) -> RowStream {
        RowStream::new(try_unfold((self, session), |(mut cursor, session)| async move {
            let rows = cursor.next().await?;
            Ok(rows.map(|rows| (rows, (cursor, session))))
        }))
    }

    async fn next(&mut self) -> Result<Option<Rows>, DbError> {
        let inside = &*self.inside;
        inside.check()?;
        let sql = format!("FETCH FORWARD {} FROM {NAME}", self.rows);
        let waiting = Waiting(Some(inside.unsure()));
        let fetched = inside.connection.fetch(&sql).await;
        waiting.answered();
        let reply = fetched.map_err(|fault| inside.explain(fault, &self.sql))?;
        let Buffer::Postgres(batch) = reply.rows.buffer() else { return Ok(None) };
        let each = (batch.bytes() / batch.len().max(1)).max(1);
        self.rows = (BYTES / each).clamp(1, MOST);
        Ok(Some(reply.rows))
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // Sent with the first poll, and answered before whatever is sent next; nobody needs the answer.
        if self.inside.check().is_ok() {
            let _answer = self.inside.connection.control(&format!("CLOSE {NAME}")).now_or_never();
        }
        self.inside.streaming.store(false, Ordering::Release);
    }
}
