//! graphile_worker, doing what `benches/jobs` does: `enqueue COUNT PRODUCERS`, `run COUNT`, `latency COUNT`, each job in a transaction of
//! its own, and fetched a hundred at a time by its local queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use graphile_worker::{
    IntoTaskHandlerResult, JobSpec, LocalQueueConfig, RawJobSpec, TaskHandler, Worker, WorkerContext,
    WorkerOptions,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What jobs have done.
#[derive(Clone, Debug, Default)]
struct Done(Arc<(AtomicU64, Mutex<Option<Instant>>)>);

#[derive(Serialize, Deserialize)]
struct Nothing {
    number: u64,
}

impl TaskHandler for Nothing {
    const IDENTIFIER: &'static str = "nothing";

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        if let Some(Done(done)) = context.get_ext::<Done>() {
            *done.1.lock().unwrap() = Some(Instant::now());
            done.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok::<(), String>(())
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let numbers: Vec<u64> = arguments.iter().skip(1).map(|text| text.parse()).collect::<Result<_, _>>()?;
    let url = std::env::var("DATABASE_URL")?;
    let pool = PgPoolOptions::new().max_connections(50).connect(&url).await?;
    sqlx::query("DROP SCHEMA IF EXISTS graphile_worker CASCADE").execute(&pool).await?;
    let done = Done::default();
    let worker = WorkerOptions::default()
        .pg_pool(pool.clone())
        .schema("graphile_worker")
        .concurrency(100)
        .poll_interval(Duration::from_secs(1))
        .local_queue(LocalQueueConfig::default().with_size(100))
        .complete_job_batch_delay(Duration::from_millis(1))
        .add_extension(done.clone())
        .listen_os_shutdown_signals(false)
        .define_job::<Nothing>()
        .init()
        .await?;
    let said = match arguments.first().map(String::as_str) {
        Some("enqueue") => enqueue(&worker, numbers[0], numbers[1]).await?,
        Some("run") => run(worker, &pool, &done, numbers[0]).await?,
        _ => latency(worker, &done, numbers[0]).await?,
    };
    println!("{said}");
    std::process::exit(0)
}

async fn enqueue(worker: &Worker, count: u64, producers: u64) -> Outcome<Value> {
    let (began, cpu, share) = (Instant::now(), processor_time(), count / producers);
    let mut tasks = tokio::task::JoinSet::new();
    for producer in 0..producers {
        let utils = worker.create_utils();
        tasks.spawn(async move {
            for number in 0..share {
                utils
                    .add_job(Nothing { number: producer * share + number }, JobSpec::default())
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    Ok(rate(count, began, cpu))
}

async fn run(worker: Worker, pool: &PgPool, done: &Done, count: u64) -> Outcome<Value> {
    let utils = worker.create_utils();
    for step in (0..count).step_by(10_000) {
        let jobs: Vec<RawJobSpec> = (step..count.min(step + 10_000))
            .map(|number| RawJobSpec {
                identifier: Nothing::IDENTIFIER.to_owned(),
                payload: json!({ "number": number }),
                spec: JobSpec::default(),
            })
            .collect();
        utils.add_raw_jobs(&jobs).await?;
    }
    let (began, cpu) = (Instant::now(), processor_time());
    tokio::spawn(async move { worker.run().await });
    while done.0.0.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    loop {
        let left = "SELECT count(*) FROM graphile_worker._private_jobs";
        let (left,): (i64,) = sqlx::query_as(left).fetch_one(pool).await?;
        if left == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(rate(count, began, cpu))
}

async fn latency(worker: Worker, done: &Done, count: u64) -> Outcome<Value> {
    let utils = worker.create_utils();
    tokio::spawn(async move { worker.run().await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut waits = Vec::new();
    for number in 0..count {
        utils.add_job(Nothing { number }, JobSpec::default()).await?;
        let committed = Instant::now();
        while done.0.0.load(Ordering::Relaxed) <= number {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        let start = done.0.1.lock().unwrap().unwrap_or(committed);
        waits.push(start.saturating_duration_since(committed).as_secs_f64() * 1000.0);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    waits.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize];
    Ok(json!({ "p50_ms": at(0.5), "p99_ms": at(0.99) }))
}

fn rate(count: u64, began: Instant, cpu: Duration) -> Value {
    let (took, cpu) = (began.elapsed(), processor_time() - cpu);
    json!({ "per_second": count as f64 / took.as_secs_f64(), "cpu_us": cpu.as_secs_f64() * 1e6 / count as f64 })
}

/// What this process has taken of the processors, by `/proc`.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u32>().ok());
    Duration::from_millis(10) * ticks.sum::<u32>()
}
