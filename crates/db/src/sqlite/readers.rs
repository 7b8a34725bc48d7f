//! The readers: threads for statements that only read.

use tokio::sync::oneshot;

use super::connection::Connection;
use super::crew::{Crew, Errand};
use super::queue::{Job, Queue, reply};
use crate::driver::{Reply, Statement};
use crate::error::DbError;

pub(super) type Readers = Crew<Job>;

impl Readers {
    pub(super) async fn run(&self, statement: Statement) -> Result<Reply, DbError> {
        let (sender, receiver) = oneshot::channel();
        self.send(Job { statement, reply: sender }).await?;
        reply(receiver).await
    }
}

impl Errand for Job {
    const THREAD: &'static str = "db-reader";
    const QUEUE: &'static str = "a place in the queue of the readers";

    fn run(self, connection: &Connection) {
        connection.answer(self);
    }

    fn refuse(self, fault: DbError) {
        let _ = self.reply.send(Err(fault));
    }

    fn run_all(queue: &Queue<Self>, connection: &Connection) {
        while let Some(taken) = queue.pop_counted() {
            if taken.waiting == 0 {
                taken.item.run(connection);
                continue;
            }
            // Whoever waits by now may see the database as it is from now on, and so one look at it is enough for all of
            // them: SQLite takes and gives back its locks once. Those who come later may have written meanwhile, and get
            // another.
            let begun = connection.control("BEGIN").is_ok();
            taken.item.run(connection);
            while let Some(job) = queue.pop_until(taken.last) {
                job.run(connection);
            }
            if begun
                && !connection.is_autocommit()
                && let Err(fault) = connection.control("COMMIT")
            {
                tracing::error!(target: "mainstay::db", error = %fault, "a reader could not let go of the database");
            }
        }
    }
}
