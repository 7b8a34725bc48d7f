//! Signals: what a committed transaction tells to whoever waits for it, in this process and in others.
//!
//! A signal says that something has changed, and not what: whoever hears it looks into the tables. So nothing piles up (many
//! signals are one until somebody has looked), and one that is lost costs the time until the next look and nothing else. Who waits
//! by signals therefore still looks from time to time, seldom while [`Signals::hears_others`] says yes.
//!
//! - `board`: who waits for what in this process.
//! - `due`: topics that have yet to be told, each once. A transaction has them until its commit.
//! - `post`: telling others, a little after the commit: PostgreSQL lets transactions that notify commit one after the other, so the
//!   user's never do.
//! - `line`: hearing others, over a connection of its own that is opened by the first who waits, and again when it is lost.
//! - `message`: what goes over it.
//!
//! ```
//! use mainstay_db::{Db, sql};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! let db = Db::open("sqlite::memory:").await?;
//! # sql("CREATE TABLE orders (id INTEGER PRIMARY KEY)").execute(&db).await?;
//! let mut orders = db.signals("orders");
//! db.transaction(async |tx| {
//!     sql("INSERT INTO orders (id) VALUES (1)").execute(tx).await?;
//!     tx.signal("orders"); // told after the commit
//!     Ok(())
//! })
//! .await?;
//! orders.next().await;
//! # Ok(()) }
//! ```

mod board;
mod due;
mod line;
mod message;
mod post;

use std::fmt;
use std::sync::Arc;

use tokio::sync::watch;

pub(crate) use board::Board;
pub(crate) use due::Due;

/// Hears the signals of one topic, from when it was made until it is dropped. Made by [`Db::signals`](crate::Db::signals).
#[must_use = "the signals of a topic are heard until this is dropped"]
pub struct Signals {
    board: Arc<Board>,
    topic: Arc<str>,
    rung: watch::Receiver<()>,
}

impl Signals {
    /// Waits until the topic is signalled. It is ready at once if that has happened since the last call, or since this was made,
    /// however often. Dropping the future loses nothing.
    ///
    /// It is ready as well when something may have been missed: when the line to other processes is there (again), or lost.
    pub async fn next(&mut self) {
        self.board.open_line();
        if self.rung.changed().await.is_err() {
            // Never: the board has the other end for as long as this is there.
            std::future::pending::<()>().await;
        }
    }

    /// Whether signals of other processes are heard at the moment: on PostgreSQL, from a little after the first who waits, for as
    /// long as the connection is there. Behind a pooler only with a `direct_url`. On other engines, never.
    pub fn hears_others(&self) -> bool {
        self.board.hears_others()
    }

    /// What it is for.
    pub fn topic(&self) -> &str {
        &self.topic
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.board.leave(&self.topic);
    }
}
