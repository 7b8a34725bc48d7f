//! The program that `cargo xtask bench jobs` measures. It does one thing, says what came of it in one line of JSON, and ends:
//!
//! - `enqueue COUNT PRODUCERS`: enqueues jobs, one in each transaction, by so many tasks at once.
//! - `run COUNT`: enqueues jobs, then starts a worker, and measures it until all are done.
//! - `latency COUNT`: a worker that has nothing to do; from the commit of a job to its start.
//! - `backlog WAITING COUNT`: as `run`, while so many others wait behind in the same queue.
//! - `deliver COUNT`: publishes events, one in each transaction by fifty tasks at once, then starts a relay, and measures it until all
//!   are delivered.
//! - `delivery COUNT`: a relay that has nothing to do; from the commit of an event to its subscriber.

#![expect(clippy::print_stdout, reason = "what it says is what is measured")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mainstay::Assembly;
use mainstay::config::Sources;
use mainstay::db::{Dialect, Models, schema};
use mainstay::jobs::{State, StoredJob};
use mainstay::lifecycle::{Services, Started};
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What jobs have done.
#[derive(Default)]
struct Done {
    count: AtomicU64,
    starts: Mutex<Vec<Instant>>,
}

impl Done {
    fn starts(&self) -> MutexGuard<'_, Vec<Instant>> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last_start(&self) -> Option<Instant> {
        self.starts().last().copied()
    }
}

/// Counts.
#[derive(Job, Serialize, Deserialize)]
struct Nothing {
    number: u64,
}

impl Nothing {
    async fn run(self, done: Inject<Done>) -> Result<()> {
        done.starts().push(Instant::now());
        done.count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Never runs.
#[derive(Job, Serialize, Deserialize)]
#[job(priority = 100)]
struct Waiting;

impl Waiting {
    async fn run(self) -> Result<()> {
        Ok(())
    }
}

/// Something that a subscriber counts.
#[derive(Event, Serialize, Deserialize)]
#[event(name = "counted", key = number)]
struct Counted {
    number: u64,
}

async fn count(_: Counted, done: Inject<Done>) -> Result<()> {
    done.starts().push(Instant::now());
    done.count.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// How many publish events at once.
const PUBLISHERS: u64 = 50;
/// How many jobs of a queue run at once.
const SLOTS: &str = "100";
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |index: usize| {
        let text = arguments.get(index).ok_or_else(|| Error::bad_request("a number is missing"))?;
        text.parse::<u64>().map_err(|_| Error::bad_request(format!("`{text}` is no number")))
    };
    let url = std::env::var("DATABASE_URL").map_err(|_| Error::bad_request("DATABASE_URL is not set"))?;
    prepare(&url).await?;
    let said = match arguments.first().map(String::as_str) {
        Some("enqueue") => enqueue(&url, number(1)?, number(2)?).await?,
        Some("run") => run(&url, 0, number(1)?).await?,
        Some("latency") => {
            waits(&url, number(1)?, async |number, tx| Nothing { number }.enqueue(tx).await.map(drop)).await?
        }
        Some("backlog") => run(&url, number(1)?, number(2)?).await?,
        Some("deliver") => deliver(&url, number(1)?).await?,
        Some("delivery") => {
            waits(&url, number(1)?, async |number, tx| Counted { number }.publish(tx).await.map(drop)).await?
        }
        _ => return Err(Error::bad_request("enqueue, run, latency, backlog, deliver, or delivery")),
    };
    println!("{said}");
    Ok(())
}

/// The application, with or without what works in it.
fn assemble(url: &str, works: bool) -> Result<Arc<Assembly>> {
    let app = App::new().provide(Done::default).jobs(jobs![Nothing, Waiting]).subscribe("count", count);
    let sources = Sources::isolated()
        .variable("DATABASE_URL", url)
        .variable("MAINSTAY__JOBS__WORKERS", works.to_string())
        .variable("MAINSTAY__BUS__RELAY", works.to_string())
        .variable("MAINSTAY__JOBS__CONCURRENCY", SLOTS);
    let assembly = app.profile(Profile::Test).assemble(sources);
    if assembly.findings().has_errors() {
        return Err(Error::internal(assembly.findings().to_string()));
    }
    Ok(assembly)
}

async fn start(url: &str, works: bool) -> Result<Started> {
    let started = assemble(url, works)?.start(Services::Background).await;
    started.map_err(|mut errors| errors.remove(0))
}

/// Makes the tables anew.
async fn prepare(url: &str) -> Result<()> {
    let models = Models::of_application(&assemble(url, false)?.contributions);
    let db = Db::open(url).await?;
    for model in &models {
        sql(format!("DROP TABLE IF EXISTS {}", model.table)).execute(&db).await?;
    }
    schema::create_tables(&models, &db).await?;
    db.close().await;
    Ok(())
}

async fn enqueue(url: &str, count: u64, producers: u64) -> Result<serde_json::Value> {
    let started = start(url, false).await?;
    let db = Db::clone(&*started.assembly().resolver().get::<Db>().await?);
    let said = at_once(count, producers, move |number| {
        let db = db.clone();
        async move { db.transaction(async |tx| Nothing { number }.enqueue(tx).await.map(drop)).await }
    });
    let said = said.await?;
    started.stop().await;
    Ok(said)
}

/// Does something so many times, by so many tasks at once.
async fn at_once<Fut>(
    count: u64,
    tasks: u64,
    work: impl Fn(u64) -> Fut + Clone + Send + 'static,
) -> Result<serde_json::Value>
where
    Fut: Future<Output = Result<()>> + Send,
{
    let (began, cpu) = (Instant::now(), processor_time());
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let (work, share) = (work.clone(), count / tasks);
        running.spawn(async move {
            for number in 0..share {
                work(task * share + number).await?;
            }
            Ok::<_, Error>(())
        });
    }
    while let Some(done) = running.join_next().await {
        done??;
    }
    Ok(rate(count, began, cpu))
}

async fn deliver(url: &str, count: u64) -> Result<serde_json::Value> {
    let started = start(url, false).await?;
    let db = Db::clone(&*started.assembly().resolver().get::<Db>().await?);
    let published = at_once(count, PUBLISHERS, move |number| {
        let db = db.clone();
        async move { db.transaction(async |tx| Counted { number }.publish(tx).await.map(drop)).await }
    });
    let published = published.await?;
    started.stop().await;
    let (began, cpu) = (Instant::now(), processor_time());
    let started = start(url, true).await?;
    let outbox = started.assembly().resolver().get::<Outbox>().await?;
    outbox.settled(PATIENCE).await?;
    let delivered = rate(count, began, cpu);
    started.stop().await;
    Ok(json!({ "published": published, "delivered": delivered }))
}

async fn run(url: &str, waiting: u64, count: u64) -> Result<serde_json::Value> {
    let started = start(url, false).await?;
    let resolver = started.assembly().resolver();
    let (db, jobs) = (resolver.get::<Db>().await?, resolver.get::<Jobs>().await?);
    for step in (0..waiting).step_by(10_000) {
        jobs.enqueue_all((step..waiting.min(step + 10_000)).map(|_| Waiting), &db).await?;
    }
    for step in (0..count).step_by(10_000) {
        jobs.enqueue_all((step..count.min(step + 10_000)).map(|number| Nothing { number }), &db).await?;
    }
    if waiting > 0 {
        // As it would have happened by itself, with time.
        let analyze = match db.dialect() {
            Dialect::MySql | Dialect::MariaDb => "ANALYZE TABLE mainstay_jobs",
            _ => "ANALYZE",
        };
        sql(analyze).execute(&db).await?;
    }
    started.stop().await;
    let (began, cpu) = (Instant::now(), processor_time());
    let started = start(url, true).await?;
    let resolver = started.assembly().resolver();
    let (db, done) = (resolver.get::<Db>().await?, resolver.get::<Done>().await?);
    let until = Instant::now() + PATIENCE;
    while done.count.load(Ordering::Relaxed) < count && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    // Until it is written of the last one that it is done.
    while completed(&db).await? < count && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let said = rate(count, began, cpu);
    started.stop().await;
    Ok(said)
}

/// How many are acknowledged. Those that wait are not looked at: there may be a million of them.
async fn completed(db: &Db) -> Result<u64> {
    StoredJob::filter(|job| job.state.eq(State::Completed)).count(db).await
}

/// How long it takes from the commit of each to its start, one after the other.
async fn waits(
    url: &str,
    count: u64,
    begin: impl AsyncFn(u64, &Tx) -> Result<()>,
) -> Result<serde_json::Value> {
    let started = start(url, true).await?;
    let resolver = started.assembly().resolver();
    let (db, done) = (resolver.get::<Db>().await?, resolver.get::<Done>().await?);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut waits = Vec::new();
    for number in 0..count {
        db.transaction(async |tx| begin(number, tx).await).await?;
        let committed = Instant::now();
        while done.count.load(Ordering::Relaxed) <= number {
            tokio::time::sleep(Duration::from_micros(200)).await;
            if committed.elapsed() > Duration::from_secs(10) {
                return Err(Error::internal("nothing began"));
            }
        }
        let start = done.last_start().unwrap_or(committed);
        waits.push(start.saturating_duration_since(committed).as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    started.stop().await;
    waits.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    Ok(json!({ "p50_ms": at(0.5), "p99_ms": at(0.99) }))
}

fn rate(count: u64, began: Instant, cpu: Duration) -> serde_json::Value {
    let (took, cpu) = (began.elapsed(), processor_time() - cpu);
    json!({
        "per_second": count as f64 / took.as_secs_f64(),
        "cpu_us": cpu.as_secs_f64() * 1e6 / count as f64,
    })
}

/// What this process has taken of the processors, by `/proc`.
fn processor_time() -> Duration {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    TICK * ticks.sum::<u32>()
}
