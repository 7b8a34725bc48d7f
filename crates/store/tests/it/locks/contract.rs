//! What every engine of locks has to do. An engine joins by a line in `on_every_engine`, with a clock that the tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use mainstay_core::clock::{Clock, TestClock};
use mainstay_store::locks::drivers::MemoryLocks;
use mainstay_store::locks::{Claim, Claimed};
use mainstay_store::{Hold, LockDriver, Locks};

use crate::background::until;

const MINUTE: Duration = Duration::from_secs(60);

/// An engine without locks, and its clock.
struct Subject {
    name: &'static str,
    driver: Arc<dyn LockDriver>,
    locks: Locks,
    clock: Arc<TestClock>,
}

/// Two names for one engine.
struct Shared(Arc<dyn LockDriver>);

impl LockDriver for Shared {
    fn claim<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, Claimed> {
        self.0.claim(claim)
    }

    fn renew<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, bool> {
        self.0.renew(claim)
    }

    fn release<'a>(&'a self, claim: Claim<'a>) -> Answer<'a, bool> {
        self.0.release(claim)
    }
}

type Answer<'a, T> = futures_util::future::BoxFuture<'a, Result<T, mainstay_store::StoreError>>;

fn subject(name: &'static str, driver: impl LockDriver, clock: Arc<TestClock>) -> Subject {
    let driver: Arc<dyn LockDriver> = Arc::new(driver);
    let locks = Locks::over(Shared(Arc::clone(&driver)), Arc::clone(&clock) as Arc<dyn Clock>);
    Subject { name, driver, locks, clock }
}

async fn on_every_engine(test: impl AsyncFn(Subject)) {
    let clock = || Arc::new(TestClock::at(SystemTime::now()));
    let memory = clock();
    test(subject("memory", MemoryLocks::new(Arc::clone(&memory) as Arc<dyn Clock>), memory)).await;
    #[cfg(feature = "redis")]
    if let Some(address) = crate::redis::server() {
        let clock = clock();
        let redis = crate::redis::connect(&address, Arc::clone(&clock) as Arc<dyn Clock>);
        test(subject("redis", redis, clock)).await;
    }
    #[cfg(feature = "database")]
    {
        use mainstay_core::App;
        use mainstay_db::Db;
        use mainstay_store::DatabaseLocksExt;
        use mainstay_store::locks::drivers::database::{DatabaseLocks, Time};
        use mainstay_test::{TestApp, on_each_engine};

        let app = || App::new().database_locks();
        on_each_engine(
            || TestApp::of(app()),
            async |app| {
                let db = Db::clone(&*app.inject::<Db>().await);
                let clock = clock();
                let given = Arc::clone(&clock) as Arc<dyn Clock>;
                test(subject("database", DatabaseLocks::new(db, given, Time::OfTheApplication), clock)).await;
            },
        )
        .await;
    }
}

#[tokio::test]
async fn one_holds_a_lock_at_a_time_and_each_has_a_larger_token_than_the_one_before() {
    on_every_engine(async |Subject { name, locks, .. }| {
        let mut before = 0;
        for _ in 0..5 {
            let lock = locks.try_acquire("imports", MINUTE).await.unwrap().unwrap();
            assert_eq!((lock.name(), lock.is_held()), ("imports", true), "{name}");
            assert!(lock.token() > before && lock.token() < 1 << 53, "{name}: {lock:?} after {before}");
            assert!(locks.try_acquire("imports", MINUTE).await.unwrap().is_none(), "{name}");
            before = lock.token();
            assert!(lock.release().await.unwrap(), "{name}");
        }
    })
    .await;
}

#[tokio::test]
async fn locks_of_different_names_know_nothing_of_one_another() {
    on_every_engine(async |Subject { name, locks, .. }| {
        let long = "l".repeat(5000);
        let names = [
            "ann",
            "Ann",
            "änn",
            "",
            " ",
            "ann ",
            "ann\u{a0}",
            "a\u{0}nn",
            "a:nn",
            "a'nn",
            &long,
            &format!("{long}2"),
        ];
        let mut held = Vec::new();
        for lock in names {
            held.push(
                locks.try_acquire(lock, MINUTE).await.unwrap().unwrap_or_else(|| panic!("{name}: {lock:?}")),
            );
        }
        for lock in names {
            assert!(locks.try_acquire(lock, MINUTE).await.unwrap().is_none(), "{name}: {lock:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_holder_that_was_paused_is_fenced_and_takes_nothing_from_the_next() {
    on_every_engine(async |Subject { name, locks, clock, .. }| {
        let hold = Hold::for_(MINUTE).by_hand();
        let paused = locks.try_acquire("imports", hold).await.unwrap().unwrap();
        clock.advance(MINUTE / 2);
        assert!(paused.renew().await.unwrap(), "{name}");
        clock.advance(MINUTE - Duration::from_millis(1));
        assert!(paused.is_held(), "{name}");
        assert!(locks.try_acquire("imports", hold).await.unwrap().is_none(), "{name}");
        clock.advance(Duration::from_millis(1));
        assert!(!paused.is_held(), "{name}: it knows by its own clock");
        let next = locks.try_acquire("imports", hold).await.unwrap().unwrap();
        assert!(next.token() > paused.token(), "{name}");
        assert!(!paused.renew().await.unwrap(), "{name}");
        assert!(!paused.is_held(), "{name}");
        assert!(!paused.release().await.unwrap(), "{name}");
        assert!(next.renew().await.unwrap(), "{name}: it is still the next one's");
        assert!(locks.try_acquire("imports", hold).await.unwrap().is_none(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_is_dropped_is_given_back() {
    on_every_engine(async |Subject { name, locks, .. }| {
        drop(locks.try_acquire("imports", MINUTE).await.unwrap().unwrap());
        until(async || locks.try_acquire("imports", MINUTE).await.unwrap().is_some()).await;
        let waited = locks.acquire("imports", MINUTE, Duration::from_secs(10)).await;
        assert!(waited.unwrap().is_held(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_twice_is_as_if_it_were_asked_once() {
    on_every_engine(async |Subject { name, driver, clock, .. }| {
        let claim = |owner| Claim { name: "imports", owner, lifetime: MINUTE };
        let Claimed::Taken(token) = driver.claim(claim("ann")).await.unwrap() else { panic!("{name}") };
        clock.advance(MINUTE / 2);
        assert_eq!(driver.claim(claim("bob")).await.unwrap(), Claimed::Held(MINUTE / 2), "{name}");
        assert_eq!(driver.claim(claim("ann")).await.unwrap(), Claimed::Taken(token), "{name}");
        assert_eq!(driver.claim(claim("bob")).await.unwrap(), Claimed::Held(MINUTE), "{name}");
        for (whose, is_theirs) in [("bob", false), ("ann", true)] {
            assert_eq!(driver.renew(claim(whose)).await.unwrap(), is_theirs, "{name}");
        }
        for (whose, was_theirs) in [("bob", false), ("ann", true), ("ann", false)] {
            assert_eq!(driver.release(claim(whose)).await.unwrap(), was_theirs, "{name}");
        }
        assert!(!driver.renew(claim("ann")).await.unwrap(), "{name}: what was given back is not prolonged");
        let Claimed::Taken(next) = driver.claim(claim("bob")).await.unwrap() else { panic!("{name}") };
        assert!(next > token, "{name}");
        clock.advance(MINUTE);
        assert!(!driver.renew(claim("bob")).await.unwrap(), "{name}: nor is what is over");
        assert!(!driver.release(claim("bob")).await.unwrap(), "{name}");
    })
    .await;
}

#[tokio::test]
async fn tokens_grow_also_when_the_clock_is_set_back() {
    on_every_engine(async |Subject { name, locks, clock, .. }| {
        let hold = Hold::for_(Duration::from_secs(1)).by_hand();
        let before = locks.try_acquire("imports", hold).await.unwrap().unwrap();
        let token = before.token();
        assert!(before.release().await.unwrap(), "{name}");
        clock.set(clock.now() - 3600 * MINUTE);
        let after = locks.try_acquire("imports", hold).await.unwrap().unwrap();
        assert!(after.token() > token, "{name}: {} after {token}", after.token());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_contend_never_two_hold_it() {
    on_every_engine(async |Subject { name, locks, .. }| {
        let inside = Arc::new(AtomicU32::new(0));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (locks, inside) = (locks.clone(), Arc::clone(&inside));
                tokio::spawn(async move {
                    let mut tokens = Vec::new();
                    for _ in 0..5 {
                        let lock = locks.acquire("imports", MINUTE, MINUTE).await.unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "{name}");
                        tokio::task::yield_now().await;
                        inside.fetch_sub(1, Ordering::SeqCst);
                        tokens.push(lock.token());
                        assert!(lock.release().await.unwrap(), "{name}");
                    }
                    tokens
                })
            })
            .collect();
        let mut tokens = Vec::new();
        for task in tasks {
            let some = task.await.unwrap();
            assert!(some.is_sorted(), "{name}");
            tokens.extend(some);
        }
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), 40, "{name}: no two have one token");
    })
    .await;
}

#[cfg(feature = "database")]
#[tokio::test]
async fn in_a_database_the_time_of_the_server_counts() {
    use mainstay_core::App;
    use mainstay_core::clock::SystemClock;
    use mainstay_db::Db;
    use mainstay_store::DatabaseLocksExt;
    use mainstay_store::locks::drivers::database::{DatabaseLocks, Time};
    use mainstay_test::{TestApp, on_each_engine};

    on_each_engine(
        || TestApp::of(App::new().database_locks()),
        async |app| {
            let db = Db::clone(&*app.inject::<Db>().await);
            // One of the two processes has a clock that is a day late; on SQLite there is one clock for both.
            let late = match db.dialect() {
                mainstay_db::driver::Dialect::Sqlite => SystemTime::now(),
                _ => SystemTime::now() - 24 * 60 * MINUTE,
            };
            let clocks: [Arc<dyn Clock>; 2] = [Arc::new(SystemClock), Arc::new(TestClock::at(late))];
            let [one, two] = clocks.map(|clock| {
                Locks::over(DatabaseLocks::new(db.clone(), Arc::clone(&clock), Time::OfTheServer), clock)
            });
            let short = Duration::from_millis(300);
            let lock = one.try_acquire("imports", Hold::for_(short).by_hand()).await.unwrap().unwrap();
            let micros = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
            assert!(u128::from(lock.token()).abs_diff(micros) < 10_000_000, "{lock:?} at {micros}");
            if db.dialect() != mainstay_db::driver::Dialect::Sqlite {
                assert!(two.try_acquire("imports", short).await.unwrap().is_none());
                let next = two.acquire("imports", MINUTE, MINUTE).await.unwrap();
                assert!(next.token() > lock.token());
                assert!(!lock.renew().await.unwrap() && next.renew().await.unwrap());
            }
        },
    )
    .await;
}

#[cfg(feature = "database")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_share_a_file_hold_a_lock_one_at_a_time() {
    use mainstay_core::clock::SystemClock;
    use mainstay_db::{Db, meta::meta_of, schema};
    use mainstay_store::locks::drivers::database::{DatabaseLocks, StoredLock, Time};

    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("app.db").display());
    let mut processes = Vec::new();
    for _ in 0..2 {
        let db = Db::open(&url).await.unwrap();
        if processes.is_empty() {
            schema::create_tables(&[meta_of::<StoredLock>()], &db).await.unwrap();
        }
        let clock = Arc::new(SystemClock);
        processes.push(Locks::over(DatabaseLocks::new(db, clock.clone(), Time::OfTheServer), clock));
    }
    let inside = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..6)
        .map(|task| {
            let (locks, inside) = (processes[task % 2].clone(), Arc::clone(&inside));
            tokio::spawn(async move {
                for _ in 0..5 {
                    let lock = locks.acquire("imports", MINUTE, MINUTE).await.unwrap();
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    assert!(lock.release().await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
