use std::sync::atomic::AtomicUsize;

use tokio::time::{Instant, sleep};

use super::*;
use crate::service::{Child, Supervisor};

const SECOND: Duration = Duration::from_secs(1);

fn ready(probes: impl IntoIterator<Item = Probe>) -> Health {
    let readiness = Readiness::default();
    readiness.ready();
    Health::new(probes, readiness)
}

async fn ask(health: &Health) -> Part {
    health.report(ProbeKind::Readiness).await.parts.pop().unwrap()
}

/// A probe that takes this long, and counts its runs.
fn counting(takes: Duration) -> (Probe, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let probe = Probe::new("counting", ProbeKind::Readiness, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async move {
            sleep(takes).await;
            Ok(())
        }
    });
    (probe, runs)
}

#[tokio::test(start_paused = true)]
async fn asks_only_the_probes_of_the_kind_and_names_the_one_that_is_down() {
    let health = ready([
        Probe::new("alive", ProbeKind::Liveness, async || Ok(())),
        Probe::new("db", ProbeKind::Readiness, async || Err(Error::internal("no route to host"))),
        Probe::new("cache", ProbeKind::Readiness, async || Ok(())),
    ]);
    assert_eq!(health.report(ProbeKind::Liveness).await.status, Status::Up);
    assert_eq!(health.report(ProbeKind::Startup).await.status, Status::Up);
    let report = health.report(ProbeKind::Readiness).await;
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        serde_json::json!({"status": "down", "parts": [
            {"name": "db", "status": "down", "detail": "no route to host", "took_ms": 0.0},
            {"name": "cache", "status": "up", "took_ms": 0.0},
        ]})
    );
}

#[tokio::test(start_paused = true)]
async fn follows_the_life_cycle() {
    let readiness = Readiness::default();
    let health = Health::new([], readiness.clone());
    let statuses = async || {
        let mut statuses = Vec::new();
        for kind in [ProbeKind::Liveness, ProbeKind::Startup, ProbeKind::Readiness] {
            statuses.push(health.report(kind).await.status);
        }
        statuses
    };
    assert_eq!(statuses().await, [Status::Up, Status::Down, Status::Down]);
    readiness.ready();
    assert_eq!(statuses().await, [Status::Up, Status::Up, Status::Up]);
    readiness.drain();
    readiness.ready();
    assert_eq!(statuses().await, [Status::Up, Status::Up, Status::Draining]);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_is_down_after_its_time_out() {
    let hung = Probe::new("hung", ProbeKind::Readiness, std::future::pending::<Result<()>>);
    let began = Instant::now();
    let part = ask(&ready([hung])).await;
    assert_eq!(began.elapsed(), 2 * SECOND);
    assert_eq!((part.status, part.detail.as_deref()), (Status::Down, Some("no answer within 2s")));
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_panics_is_down_and_says_why() {
    async fn broken() -> Result<()> {
        panic!("index out of bounds")
    }
    let part = ask(&ready([Probe::new("broken", ProbeKind::Readiness, broken)])).await;
    assert_eq!(part.detail.as_deref(), Some("it panicked: index out of bounds"));
    let at_once = Probe::new("broken", ProbeKind::Readiness, || -> BoxFuture<'static, Result<()>> {
        panic!("before the future")
    });
    let part = ask(&ready([at_once])).await;
    assert_eq!(part.detail.as_deref(), Some("it panicked: before the future"));
}

#[tokio::test(start_paused = true)]
async fn probes_run_side_by_side() {
    let slow = || counting(SECOND).0;
    let began = Instant::now();
    assert_eq!(ready([slow(), slow(), slow()]).report(ProbeKind::Readiness).await.parts.len(), 3);
    assert_eq!(began.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn many_who_ask_share_one_run_and_its_answer_for_a_while() {
    let (probe, runs) = counting(SECOND);
    let health = ready([probe]);
    let asked = join_all((0..100).map(|_| ask(&health))).await;
    assert!(asked.iter().all(|part| part.status == Status::Up && part.took == SECOND));
    ask(&health).await;
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    sleep(SECOND).await;
    ask(&health).await;
    assert_eq!(runs.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn who_hangs_up_does_not_stop_the_run_for_others() {
    let (probe, runs) = counting(SECOND);
    let health = ready([probe]);
    assert!(tokio::time::timeout(SECOND / 2, ask(&health)).await.is_err());
    sleep(SECOND).await;
    assert_eq!(ask(&health).await.took, SECOND);
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[test]
fn a_probe_that_blocks_its_thread_holds_nobody_up_and_is_not_run_beside_itself() {
    let (release, blocked) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::new(std::sync::Mutex::new(blocked));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let probe = Probe::new("blocking", ProbeKind::Readiness, move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let blocked = blocked.clone();
        async move {
            blocked.lock().unwrap().recv().unwrap();
            Ok(())
        }
    });
    let health = ready([probe.timeout(Duration::from_millis(50))]);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    runtime.block_on(async {
        for _ in 0..3 {
            assert_eq!(ask(&health).await.detail.as_deref(), Some("no answer within 50ms"));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        release.send(()).unwrap();
        while ask(&health).await.status == Status::Down {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1, "its late answer counts");
    });
}

#[tokio::test(start_paused = true)]
async fn services_are_ready_when_all_run_that_should() {
    let flapping = Child::new("mailer", |running: crate::service::Running| async move {
        running.ready();
        sleep(10 * SECOND).await;
        Err(Error::internal("refused"))
    });
    let backoff = crate::service::Backoff { initial: 5 * SECOND, jitter: 0.0, ..Default::default() };
    let supervision = Supervisor::new("app").backoff(backoff).child(flapping).start().await.unwrap();
    let overview = Arc::new(Overview::default());
    overview.show(supervision.tree());
    let health = ready([Probe::services(overview)]);
    assert_eq!(ask(&health).await.status, Status::Up);
    sleep(11 * SECOND).await;
    assert_eq!(ask(&health).await.detail.as_deref(), Some("not running: mailer"));
    sleep(5 * SECOND).await;
    assert_eq!(ask(&health).await.status, Status::Up);
}
