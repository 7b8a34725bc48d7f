//! Processor time for each piece of work, of the whole process, while many tasks do it at once.

use std::time::{Duration, Instant};

/// How many rows there are; their keys begin with 1.
pub(crate) const ROWS: i64 = 10_000;
const TASKS: usize = 32;

fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Does `work` with one key after the other for two seconds. Prints what it costs and returns that, in microseconds.
pub(crate) async fn measure<F, Fut>(name: &str, work: F) -> f64
where
    F: Fn(i64) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = ()> + Send,
{
    let (before, started) = (processor_time(), Instant::now());
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut done = 0_u64;
                let mut id = task as i64 * 313;
                while started.elapsed() < Duration::from_secs(2) {
                    id = (id * 1_103_515_245 + 12_345) % ROWS;
                    work(id.abs() + 1).await;
                    done += 1;
                }
                done
            })
        })
        .collect();
    let mut done = 0;
    for task in tasks {
        done += task.await.unwrap();
    }
    let cost = (processor_time() - before).as_secs_f64() * 1e6 / done as f64;
    println!("{name:32} {:9.0}/s {cost:8.2} µs", done as f64 / started.elapsed().as_secs_f64());
    cost
}
