//! Whatever fails, and whenever: at most one copy of each child runs, order is kept where it counts, and a stop leaves
//! nothing behind.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::{Just, ProptestConfig, Strategy as Generator, prop, prop_oneof, proptest};

use super::*;

/// What a child does at one start.
#[derive(Clone, Debug)]
enum Act {
    FailAtOnce,
    Panic { after: u64 },
    Fail { after: u64 },
    Finish { after: u64 },
    Run { then_drain: u64 },
    IgnoreTheRequest,
}

fn act() -> impl Generator<Value = Act> {
    prop_oneof![
        1 => Just(Act::FailAtOnce),
        2 => (0..3000_u64).prop_map(|after| Act::Panic { after }),
        2 => (0..3000_u64).prop_map(|after| Act::Fail { after }),
        1 => (0..3000_u64).prop_map(|after| Act::Finish { after }),
        3 => (0..900_u64).prop_map(|then_drain| Act::Run { then_drain }),
        1 => Just(Act::IgnoreTheRequest),
    ]
}

/// Counts who is alive; a second copy, or one out of order, is a fault.
struct Stage {
    alive: Vec<AtomicUsize>,
    in_order: bool,
    faults: Mutex<Vec<String>>,
}

struct Alive(Arc<Stage>, usize);

impl Alive {
    fn enter(stage: &Arc<Stage>, index: usize) -> Self {
        if stage.alive[index].fetch_add(1, Ordering::SeqCst) != 0 {
            stage.faults.lock().unwrap().push(format!("a second {index}"));
        }
        if stage.in_order
            && let Some(later) =
                (index + 1..stage.alive.len()).find(|later| stage.alive[*later].load(Ordering::SeqCst) != 0)
        {
            stage.faults.lock().unwrap().push(format!("{index} was started below {later}"));
        }
        Self(stage.clone(), index)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.alive[self.1].fetch_sub(1, Ordering::SeqCst);
    }
}

fn actor(stage: &Arc<Stage>, index: usize, acts: Vec<Act>, restart: Restart) -> Child {
    let (stage, starts) = (stage.clone(), AtomicUsize::new(0));
    Child::new(format!("child{index}"), move |running: Running| {
        let start = starts.fetch_add(1, Ordering::SeqCst);
        // The first start succeeds: that it is not repeated is tested elsewhere.
        let act = if start == 0 {
            acts.iter().find(|act| !matches!(act, Act::FailAtOnce))
        } else {
            acts.get(start % acts.len())
        };
        let act = act.cloned().unwrap_or(Act::Run { then_drain: 0 });
        let stage = stage.clone();
        async move {
            let _alive = Alive::enter(&stage, index);
            if let Act::FailAtOnce = act {
                return Err(Error::internal("at once"));
            }
            running.ready();
            let (after, end) = match act {
                Act::Panic { after } => (after, Some(true)),
                Act::Fail { after } => (after, Some(false)),
                Act::Finish { after } => (after, None),
                Act::FailAtOnce | Act::IgnoreTheRequest => return std::future::pending().await,
                Act::Run { then_drain } => {
                    running.shutdown().requested().await;
                    pass(Duration::from_millis(then_drain)).await;
                    return Ok(());
                }
            };
            tokio::select! {
                () = running.shutdown().requested() => return Ok(()),
                () = pass(Duration::from_millis(after)) => {}
            }
            match end {
                Some(true) => std::panic::resume_unwind(Box::new("planned")),
                Some(false) => Err(Error::internal("planned")),
                None => Ok(()),
            }
        }
    })
    .restart(restart)
    .stop_within(SECOND)
}

fn plan() -> impl Generator<Value = (Vec<(Vec<Act>, Restart)>, Strategy, u64)> {
    let restart = prop_oneof![Just(Restart::Permanent), Just(Restart::Transient), Just(Restart::Temporary)];
    let children = prop::collection::vec((prop::collection::vec(act(), 1..6), restart), 1..6);
    let strategy =
        prop_oneof![Just(Strategy::OneForOne), Just(Strategy::OneForAll), Just(Strategy::RestForOne)];
    (children, strategy, 0..20_000_u64)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, max_shrink_iters: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keeps_its_invariants_under_any_failures((children, strategy, stop_after) in plan()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let count = children.len();
            let stage = Arc::new(Stage {
                alive: (0..count).map(|_| AtomicUsize::new(0)).collect(),
                in_order: strategy == Strategy::OneForAll || strategy == Strategy::RestForOne,
                faults: Mutex::default(),
            });
            let mut supervisor = Supervisor::new("app").strategy(strategy).intensity(Intensity { restarts: 15, within: 10 * SECOND });
            for (index, (acts, restart)) in children.into_iter().enumerate() {
                supervisor = supervisor.child(actor(&stage, index, acts, restart));
            }
            let mut supervision = supervisor.launch().unwrap();
            // A child that says it is ready and fails at once, again and again, keeps the start from ending.
            let started = tokio::time::timeout(60 * SECOND, supervision.ready()).await;
            let lasting = Duration::from_millis(stop_after);
            let gave_up = match started {
                Ok(Ok(())) => tokio::time::timeout(lasting, supervision.failed()).await.is_ok(),
                Ok(Err(_)) => true,
                Err(_) => false,
            };
            let tree = supervision.tree();
            let report = supervision.stop(2 * SECOND).await;
            assert!(report.abandoned.is_empty(), "{report}");
            assert!(report.took <= 2 * SECOND + SECOND * 3, "{report}");
            // Giving up takes the time that its children take to stop, so a stop may come in the midst of it.
            let state = tree.status().state;
            assert!(state == State::Failed || state == State::Stopped && !gave_up, "{state:?} {gave_up}");
            for index in 0..count {
                assert_eq!(stage.alive[index].load(Ordering::SeqCst), 0, "child{index} is still alive");
            }
            assert_eq!(*stage.faults.lock().unwrap(), Vec::<String>::new());
        });
    }
}
