//! Real processes: one holds a lock, and is paused or killed.

#![cfg(all(unix, feature = "database"))]

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mainstay_core::clock::SystemClock;
use mainstay_db::{Db, meta::meta_of, schema};
use mainstay_store::Locks;
use mainstay_store::locks::drivers::database::{DatabaseLocks, StoredLock, Time};

const HOLD: Duration = Duration::from_millis(1500);
const WAIT: Duration = Duration::from_secs(30);
/// Where the other process finds its database.
const URL: &str = "MAINSTAY_TEST_LOCKS";

async fn locks(url: &str) -> Locks {
    let clock = Arc::new(SystemClock);
    let db = Db::open(url).await.unwrap();
    Locks::over(DatabaseLocks::new(db, clock.clone(), Time::OfTheServer), clock)
}

/// The other process: it holds the lock, and says when it has lost it. Run by itself, it has nothing to do.
#[tokio::test]
#[allow(clippy::print_stdout, reason = "whoever has started it listens")]
async fn the_other_process() {
    let Ok(url) = std::env::var(URL) else { return };
    let lock = locks(&url).await.acquire("imports", HOLD, WAIT).await.unwrap();
    println!("\nholds {}", lock.token());
    tokio::time::timeout(WAIT, lock.lost()).await.unwrap();
    assert!(!lock.is_held());
    println!("\nlost {}", lock.release().await.unwrap());
}

/// The other process, which ends with the test.
struct Other {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(url: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "locks::processes::the_other_process", "--nocapture"]).env(URL, url);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it says of something, next.
    fn says(&mut self, what: &str) -> String {
        let line = self.lines.find(|line| line.as_ref().is_ok_and(|line| line.starts_with(what)));
        line.unwrap().unwrap().split_off(what.len() + 1)
    }

    fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(kill.success());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

async fn database(folder: &Path) -> (String, Locks) {
    let url = format!("sqlite:{}", folder.join("app.db").display());
    let db = Db::open(&url).await.unwrap();
    schema::create_tables(&[meta_of::<StoredLock>()], &db).await.unwrap();
    let locks = locks(&url).await;
    (url, locks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_paused_learns_when_it_wakes_up_that_it_has_lost_its_lock() {
    let folder = tempfile::tempdir().unwrap();
    let (url, locks) = database(folder.path()).await;
    let mut other = tokio::task::block_in_place(|| Other::start(&url));
    let token: u64 = tokio::task::block_in_place(|| other.says("holds")).parse().unwrap();
    // It prolongs its lock for as long as it is awake.
    let vain = locks.acquire("imports", HOLD, 2 * HOLD).await.unwrap_err();
    assert_eq!(vain.machine_code(), "lock_held");
    other.signal("-STOP");
    let next = locks.acquire("imports", HOLD, WAIT).await.unwrap();
    assert!(next.token() > token, "what it writes with its own is refused");
    other.signal("-CONT");
    let was_held = tokio::task::block_in_place(|| other.says("lost"));
    assert_eq!(was_held, "false", "it takes nothing from the next one");
    assert!(next.is_held() && next.release().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_killed_keeps_its_lock_until_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (url, locks) = database(folder.path()).await;
    let mut other = tokio::task::block_in_place(|| Other::start(&url));
    let token: u64 = tokio::task::block_in_place(|| other.says("holds")).parse().unwrap();
    let killed = Instant::now();
    other.signal("-KILL");
    assert!(locks.try_acquire("imports", HOLD).await.unwrap().is_none());
    let next = locks.acquire("imports", HOLD, WAIT).await.unwrap();
    assert!(next.token() > token);
    assert!(killed.elapsed() < 4 * HOLD, "{:?}", killed.elapsed());
}
