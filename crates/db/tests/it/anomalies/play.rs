//! Transactions whose steps are told from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mainstay_core::Error;
use mainstay_db::driver::Isolation;
use mainstay_db::{Db, DbError, Tx, sql};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// After so long a step is held to be waiting for another transaction, and the play goes on.
const BLOCKED: Duration = Duration::from_millis(400);
/// How long a whole transaction may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// One transaction. It begins with its first step.
pub(super) struct Player {
    steps: mpsc::UnboundedSender<Step>,
    done: Arc<AtomicUsize>,
    told: usize,
    /// It waits for somebody, so that there is no use in waiting for it.
    blocked: bool,
    task: JoinHandle<Seen>,
}

enum Step {
    Read(&'static str),
    Write(&'static str),
    Commit,
    RollBack,
}

/// What a transaction has seen.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Each row that it has read: id and value, in the order in which it has read them.
    rows: Vec<(i64, i64)>,
    /// Whether it was committed, with everything that it wanted to write.
    pub(super) committed: bool,
}

impl Seen {
    /// Whether it has read this value in this row.
    pub(super) fn saw(&self, id: i64, value: i64) -> bool {
        self.rows.contains(&(id, value))
    }

    /// Every value that it has read, in order.
    pub(super) fn values(&self) -> Vec<i64> {
        self.rows.iter().map(|(_, value)| *value).collect()
    }
}

impl Player {
    pub(super) fn new(db: Db, level: Isolation) -> Self {
        let (steps, receiver) = mpsc::unbounded_channel();
        let done = Arc::default();
        let task = tokio::spawn(act(db, level, receiver, Arc::clone(&done)));
        Self { steps, done, told: 0, blocked: false, task }
    }

    pub(super) async fn read(&mut self, sql: &'static str) {
        self.tell(Step::Read(sql)).await;
    }

    pub(super) async fn write(&mut self, sql: &'static str) {
        self.tell(Step::Write(sql)).await;
    }

    pub(super) async fn commit(&mut self) {
        self.tell(Step::Commit).await;
    }

    pub(super) async fn roll_back(&mut self) {
        self.tell(Step::RollBack).await;
    }

    /// What it has seen, once it has ended.
    pub(super) async fn end(self) -> Seen {
        drop(self.steps);
        tokio::time::timeout(PATIENCE, self.task).await.expect("a transaction waits for ever").unwrap()
    }

    async fn tell(&mut self, step: Step) {
        self.steps.send(step).unwrap_or_default();
        self.told += 1;
        let start = Instant::now();
        let waits = if self.blocked { Duration::ZERO } else { BLOCKED };
        while self.done.load(Ordering::Acquire) < self.told && start.elapsed() < waits {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.blocked = self.done.load(Ordering::Acquire) < self.told;
    }
}

async fn act(
    db: Db,
    level: Isolation,
    mut steps: mpsc::UnboundedReceiver<Step>,
    done: Arc<AtomicUsize>,
) -> Seen {
    let mut seen = Seen::default();
    let mut failed = false;
    let mut tx = None;
    while let Some(step) = steps.recv().await {
        if tx.is_none() && !failed {
            tx = Some(db.transactions().isolation(level).begin().await.unwrap());
        }
        if let Some(current) = tx.take() {
            match take(step, current, &mut seen).await {
                Ok(next) => tx = next,
                Err(error) => {
                    // What an engine does against an anomaly, and nothing else.
                    let fault = error.source_as::<DbError>().expect("an error of the database");
                    assert!(fault.is_retryable(), "{}", error.report());
                    // Dropping it rolls it back.
                    failed = true;
                }
            }
        }
        done.fetch_add(1, Ordering::Release);
    }
    seen
}

async fn take(step: Step, tx: Tx, seen: &mut Seen) -> Result<Option<Tx>, Error> {
    match step {
        Step::Read(text) => {
            let rows = sql(text).rows(&tx).await?;
            seen.rows.extend(rows.iter().map(|row| (row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap())));
        }
        Step::Write(text) => {
            sql(text).execute(&tx).await?;
        }
        Step::Commit => {
            tx.commit().await?;
            seen.committed = true;
            return Ok(None);
        }
        Step::RollBack => {
            tx.rollback().await?;
            return Ok(None);
        }
    }
    Ok(Some(tx))
}
