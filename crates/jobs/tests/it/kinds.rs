//! The jobs of these tests. What they do is in the log.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mainstay_core::{Error, Inject, Result};
use mainstay_db::{Db, sql};
use mainstay_jobs::{Job, JobContext, Jobs, OnError, Registration, again_after, discard, give_up, jobs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What jobs have done, in order.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<String>>);

impl Log {
    pub(crate) fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(line.into());
    }

    /// What was added since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

pub(crate) fn all() -> [Registration; 20] {
    jobs![
        Patient, Hasty, Quits, Note, Fails, Sum, Blocking, Panics, Loops, Says, Once, Started, Window,
        Debounced, Alone, Rated, Import, Effect, Grown, Slow
    ]
}

/// Notes a word.
#[derive(Job, Serialize, Deserialize)]
#[job(queue = "notes")]
pub(crate) struct Note {
    pub(crate) word: String,
}

impl Note {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(self.word);
        Ok(())
    }
}

pub(crate) fn note(word: &str) -> Note {
    Note { word: word.to_owned() }
}

/// Fails, and notes which attempt it was.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 3, backoff = "10s..1h")]
pub(crate) struct Fails;

impl Fails {
    async fn run(self, job: JobContext, log: Inject<Log>) -> Result<()> {
        log.add(format!("attempt {}", job.attempt()));
        Err(Error::internal("the printer is on fire"))
    }
}

/// Returns something.
#[derive(Job, Serialize, Deserialize)]
pub(crate) struct Sum {
    pub(crate) numbers: Vec<i64>,
}

impl Sum {
    async fn run(self) -> Result<i64> {
        Ok(self.numbers.iter().sum())
    }
}

/// Takes the processor.
#[derive(Job, Serialize, Deserialize)]
#[job(blocking)]
pub(crate) struct Blocking {
    pub(crate) millis: u64,
}

impl Blocking {
    fn run(self, log: Inject<Log>) -> Result<String> {
        std::thread::sleep(Duration::from_millis(self.millis));
        log.add("blocked");
        Ok(format!("{} ms", self.millis))
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 1)]
pub(crate) struct Panics;

impl Panics {
    async fn run(self) -> Result<()> {
        panic!("this is no place to be")
    }
}

/// Takes longer than it may.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 1, timeout = "50ms")]
pub(crate) struct Loops;

impl Loops {
    async fn run(self) -> Result<()> {
        std::future::pending().await
    }
}

/// Says by its error what becomes of it.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 5, on_error = judge)]
pub(crate) struct Says {
    pub(crate) what: String,
}

impl Says {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(&*self.what);
        Err(match self.what.as_str() {
            "again" => again_after(Duration::from_secs(60)),
            "discard" => discard("the account is closed"),
            "give up" => give_up("the address is no address"),
            other => Error::internal("refused").code(other.to_owned()),
        })
    }
}

fn judge(error: &Error, _attempt: u32) -> OnError {
    match error.machine_code() {
        "later" => OnError::RetryAfter(Duration::from_secs(3600)),
        "never" => OnError::Die,
        "gone" => OnError::Discard,
        "boom" => panic!("a judge may fail, too"),
        _ => OnError::Retry,
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(unique, unique_by(account))]
pub(crate) struct Once {
    pub(crate) account: i64,
    pub(crate) reason: String,
}

impl Once {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(format!("{} {}", self.account, self.reason));
        Ok(())
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(unique = "until_started")]
pub(crate) struct Started;

impl Started {
    /// Enqueues another one while it runs.
    async fn run(self, db: Inject<Db>, log: Inject<Log>) -> Result<()> {
        if log.take().is_empty() {
            log.add("first");
            assert!(Started.enqueue(&db).await?.is_new);
        } else {
            log.add("second");
        }
        Ok(())
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(unique = "10m")]
pub(crate) struct Window;

impl Window {
    async fn run(self) -> Result<()> {
        Ok(())
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(debounce = "30s", unique_by(article))]
pub(crate) struct Debounced {
    pub(crate) article: i64,
    pub(crate) text: String,
}

impl Debounced {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(self.text);
        Ok(())
    }
}

/// One at a time of each account.
#[derive(Job, Serialize, Deserialize)]
#[job(concurrency = 1, limit_by(account))]
pub(crate) struct Alone {
    pub(crate) account: i64,
    pub(crate) millis: u64,
}

impl Alone {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(format!("begin {}", self.account));
        tokio::time::sleep(Duration::from_millis(self.millis)).await;
        log.add(format!("end {}", self.account));
        Ok(())
    }
}

#[derive(Job, Serialize, Deserialize)]
#[job(rate = "3/1m")]
pub(crate) struct Rated;

impl Rated {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add("rated");
        Ok(())
    }
}

/// Fails once in the middle.
#[derive(Job, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) rows: i64,
    pub(crate) fails_at: i64,
}

impl Import {
    async fn run(self, job: JobContext, log: Inject<Log>) -> Result<()> {
        for row in job.cursor::<i64>()?.unwrap_or(0)..self.rows {
            if row == self.fails_at && job.attempt() == 1 {
                return Err(Error::internal("the line was cut"));
            }
            log.add(format!("row {row}"));
            job.progress(row + 1, self.rows).await?;
            job.checkpoint(&(row + 1)).await?;
        }
        Ok(())
    }
}

/// Writes a row in the transaction that ends it.
#[derive(Job, Serialize, Deserialize)]
#[job(attempts = 2)]
pub(crate) struct Effect {
    pub(crate) key: i64,
    pub(crate) fails: bool,
}

impl Effect {
    async fn run(self, job: JobContext) -> Result<()> {
        job.complete(async |tx| {
            sql("INSERT INTO effects (id) VALUES (?)").bind(self.key).execute(tx).await?;
            if self.fails { Err(Error::internal("after the write")) } else { Ok(()) }
        })
        .await
    }
}

/// Had another argument in its first version.
#[derive(Job, Serialize, Deserialize)]
#[job(name = "grown", formerly("Grew", "grow"), version = 2, upgrade = upgrade, attempts = 1)]
pub(crate) struct Grown {
    pub(crate) names: Vec<String>,
    /// Newer than the first of this version.
    #[serde(default)]
    pub(crate) loud: bool,
}

impl Grown {
    async fn run(self, log: Inject<Log>) -> Result<()> {
        log.add(format!("{}{}", self.names.join("+"), if self.loud { "!" } else { "" }));
        Ok(())
    }
}

fn upgrade(version: u32, args: Value) -> Result<Value> {
    assert_eq!(version, 1);
    Ok(json!({ "names": [args["name"]] }))
}

/// Runs until it is told to stop.
#[derive(Job, Serialize, Deserialize)]
#[job(queue = "slow")]
pub(crate) struct Slow {
    /// Whether it stops at a checkpoint; else it is cut off.
    pub(crate) listens: bool,
}

impl Slow {
    async fn run(self, job: JobContext, log: Inject<Log>) -> Result<()> {
        let mut beat = job.cursor::<u32>()?.unwrap_or(0);
        log.add(format!("begins at {beat}"));
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            beat += 1;
            if self.listens {
                job.checkpoint(&beat).await?;
            }
        }
    }
}

/// Takes longer than it keeps others out.
#[derive(Job, Serialize, Deserialize)]
#[job(unique = "100ms", attempts = 1)]
pub(crate) struct Patient;

impl Patient {
    async fn run(self) -> Result<()> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        Ok(())
    }
}

/// Is not kept for long.
#[derive(Job, Serialize, Deserialize)]
#[job(keep = "1m")]
pub(crate) struct Hasty;

impl Hasty {
    async fn run(self) -> Result<()> {
        Ok(())
    }
}

/// Is cancelled while it runs, and fails.
#[derive(Job, Serialize, Deserialize)]
pub(crate) struct Quits;

impl Quits {
    async fn run(self, job: JobContext, jobs: Inject<Jobs>) -> Result<()> {
        assert!(jobs.cancel(job.id()).await?);
        Err(Error::internal("there is no more paper"))
    }
}
