//! Where an application has its locks.

use std::time::Duration;

use mainstay_core::check::Phase;
use mainstay_core::config::Sources;
use mainstay_core::lifecycle::Services;
use mainstay_core::{App, CoreContributions, Inject, Profile};
use mainstay_store::{Locks, StoreConfig, module};

struct Importer;

fn app() -> App {
    let needs = |_: Inject<Locks>| Importer;
    App::new().profile(Profile::Test).module(module::module()).provide(needs)
}

fn found(app: App, phase: Phase) -> String {
    let findings = app.assemble(Sources::isolated()).run_checks(phase);
    findings.iter().filter(|finding| finding.id.starts_with("store.")).map(ToString::to_string).collect()
}

#[tokio::test]
async fn locks_are_in_memory_unless_something_else_is_said() {
    let assembly = app().assemble(Sources::isolated());
    assert!(!assembly.findings().has_errors(), "{}", assembly.findings());
    let started = assembly.start(Services::Background).await.unwrap();
    let locks = assembly.resolver().get::<Locks>().await.unwrap();
    let lock = locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().unwrap();
    assert!(locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().is_none());
    let metrics = assembly.resolver().get::<mainstay_core::metrics::Metrics>().await.unwrap();
    for shown in [
        "locks_held 1\n",
        "lock_attempts_total{result=\"taken\"} 1\n",
        "lock_attempts_total{result=\"held\"} 1\n",
    ] {
        assert!(metrics.render().contains(shown), "{}", metrics.render());
    }
    drop(lock);
    drop(started);
}

#[test]
fn locks_in_memory_are_found_before_deployment_where_somebody_needs_them() {
    let told = found(app(), Phase::Deploy);
    assert!(told.contains("warning[store.W001]: locks are in the memory of the process"), "{told}");
    assert!(told.contains("at  store.locks") && told.contains(".database_locks()"), "{told}");
    let nobody = App::new().profile(Profile::Test).module(module::module());
    assert_eq!(found(nobody, Phase::Deploy), "");
}

#[test]
fn an_engine_that_nobody_brings_is_found_at_start() {
    let told = found(app().set("store.locks", "database:"), Phase::Start);
    assert!(told.contains("error[store.E002]: no engine keeps locks in `database`"), "{told}");
    assert!(told.contains("fix add `.database_locks()`"), "{told}");
    let told = found(app().set("store.locks", "etcd://ann:s3cret@host"), Phase::Start);
    assert!(told.contains("no engine keeps locks in `etcd`") && told.contains("`memory`"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    let config = StoreConfig { locks: Some("redis://ann:s3cret@host".to_owned()), ..StoreConfig::default() };
    let shown = serde_json::to_string(&config).unwrap();
    assert!(shown.contains("\"redis:…\""), "{shown}");
}

#[cfg(feature = "database")]
#[tokio::test]
async fn locks_are_in_the_database_where_the_application_has_said_so() {
    use mainstay_db::{Db, sql};
    use mainstay_store::DatabaseLocksExt;
    use mainstay_test::{TestApp, on_each_engine};

    let held = async |app: &TestApp| {
        let db = app.inject::<Db>().await;
        let held =
            sql("SELECT count(*) FROM mainstay_locks WHERE owner IS NOT NULL").fetch_one::<i64>(&db).await;
        held.unwrap()
    };
    on_each_engine(
        || TestApp::of(App::new().database_locks()),
        async |app| {
            let locks = app.inject::<Locks>().await;
            let lock = locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().unwrap();
            assert_eq!(held(app).await, 1);
            assert!(lock.release().await.unwrap());
            assert_eq!(held(app).await, 0);
        },
    )
    .await;
    assert_eq!(found(app().database_locks(), Phase::Deploy), "");
    let app = TestApp::of(App::new().database_locks()).set("store.locks", "memory:").start().await;
    let locks = app.inject::<Locks>().await;
    let _held = locks.try_acquire("imports", Duration::from_secs(60)).await.unwrap().unwrap();
    assert_eq!(held(&app).await, 0);
    app.stop().await;
}
