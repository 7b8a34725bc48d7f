//! Rings of keys, where they are kept.

use std::sync::Arc;
use std::time::SystemTime;

use mainstay_core::clock::TestClock;
use mainstay_core::keys::{Keeper, KeyError, KeyRingDriver, KeyRingStore, Keys, Rotation};
use mainstay_core::{App, CoreContributions, Inject};
use mainstay_db::{DatabaseConfig, Db, Dialect, ModelsExt, models, sql};
use mainstay_test::{Setup, TestApp, contracts, on_each_engine};

use crate::database::Note;

const SECRET: &str = "YwJdIzjsZ1T4IFSpGsPSHb1c/ag8eHbxrnF1mvSd0Zg=";

struct Signs;

/// Has a database, and signs.
fn app() -> App {
    App::new().models(models![Note]).provide(|_: Inject<Keys>| Signs).set("keys.secret", SECRET)
}

fn with_ring() -> Setup {
    TestApp::of(app()).set("keys.ring", "database")
}

/// Another process of the same application.
async fn node_of(app: &TestApp) -> TestApp {
    with_ring().set("database.url", address_of(app).await).start().await
}

/// Where others find the database of a test.
pub(crate) async fn address_of(app: &TestApp) -> String {
    let db = app.inject::<Db>().await;
    if db.dialect() != Dialect::Sqlite {
        return app.inject::<DatabaseConfig>().await.url.clone();
    }
    let file: String = sql("SELECT file FROM pragma_database_list").fetch_one(&*db).await.unwrap();
    format!("sqlite://{file}")
}

async fn keeper_of(app: &TestApp) -> Keeper {
    Keeper::of(&app.assembly().resolver()).await.unwrap().expect("the configuration names a ring")
}

async fn store_at(app: &TestApp, address: &str) -> Arc<dyn KeyRingStore> {
    let driver = KeyRingDriver::of(&app.assembly().contributions, address).expect("there is a driver");
    driver.open(address, app.assembly().resolver()).await.unwrap()
}

#[tokio::test]
async fn the_table_keeps_the_contract_of_a_store() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| contracts::key_ring_store(&*store_at(app, "database").await).await,
    )
    .await;
}

#[tokio::test]
async fn the_file_keeps_it_too() {
    let home = tempfile::tempdir().unwrap();
    let app = TestApp::of(app()).home(home.path()).start().await;
    contracts::key_ring_store(&*store_at(&app, "file:keys/ring").await).await;
    app.stop().await;
}

#[tokio::test]
async fn an_application_without_such_a_ring_has_no_table_for_it() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let db = app.inject::<Db>().await;
            assert!(sql("SELECT ring FROM mainstay_keys").rows(&*db).await.is_err());
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_and_rotate_at_once_lose_no_key() {
    on_each_engine(with_ring, async |app| {
        let (one, two, three) = tokio::join!(node_of(app), node_of(app), node_of(app));
        let keeper = keeper_of(app).await;
        assert_eq!(keeper.look().await.unwrap().keys().len(), 1, "they share the first key");
        let keepers = [keeper_of(&one).await, keeper_of(&two).await, keeper_of(&three).await];
        let rotations =
            keepers.map(|keeper| tokio::spawn(async move { keeper.rotate(Rotation::AtOnce).await }));
        for rotation in rotations {
            rotation.await.unwrap().unwrap();
        }
        assert_eq!(keeper.look().await.unwrap().keys().len(), 4);
        let token = app.inject::<Keys>().await.seal("a", b"x", None);
        for node in [one, two, three] {
            keeper_of(&node).await.look().await.unwrap();
            assert_eq!(node.inject::<Keys>().await.open("a", &token).as_deref(), Ok(&b"x"[..]));
            node.stop().await;
        }
    })
    .await;
}

#[tokio::test]
async fn another_process_learns_that_a_key_was_revoked() {
    on_each_engine(with_ring, async |app| {
        let other = node_of(app).await;
        let token = app.inject::<Keys>().await.sign("a", b"x", None);
        let keys = other.inject::<Keys>().await;
        assert!(keys.verify("a", &token).is_ok());
        let keeper = keeper_of(app).await;
        let ring = keeper.look().await.unwrap();
        keeper.revoke(&ring.keys()[0].id).await.unwrap();
        keeper_of(&other).await.look().await.unwrap();
        assert_eq!(keys.verify("a", &token), Err(KeyError::UnknownKey));
        other.stop().await;
    })
    .await;
}

#[tokio::test]
async fn the_row_tells_nothing_and_is_refused_when_it_was_changed() {
    on_each_engine(with_ring, async |app| {
        let db = app.inject::<Db>().await;
        let rows = sql("SELECT ring FROM mainstay_keys").rows(&*db).await.unwrap();
        let sealed: String = rows.first().unwrap().get(0).unwrap();
        assert!(!sealed.contains("active"), "{sealed}");
        let swapped = if sealed.ends_with('A') { "B" } else { "A" };
        let forged = format!("{}{swapped}", &sealed[..sealed.len() - 1]);
        sql("UPDATE mainstay_keys SET ring = ?").bind(forged).execute(&*db).await.unwrap();
        let refused = keeper_of(app).await.look().await.unwrap_err().report();
        assert!(refused.contains("the key ring of `keys.ring` cannot be opened"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn says_what_is_missing_where_there_is_no_database() {
    let app =
        App::new().provide(|_: Inject<Keys>| Signs).set("keys.secret", SECRET).set("keys.ring", "database");
    let refused = TestApp::of(app).try_start().await.err().expect("nothing keeps the ring");
    assert!(
        refused.contains("keys.E002") && refused.contains("the application has no database"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_ring_that_was_kept_in_the_database_outlives_the_process() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = with_ring().clock(&clock).start().await;
    let token = app.inject::<Keys>().await.seal("a", b"x", None);
    clock.advance(std::time::Duration::from_secs(400 * 86_400));
    keeper_of(&app).await.rotate(Rotation::AtOnce).await.unwrap();
    let later = node_of(&app).await;
    assert_eq!(later.inject::<Keys>().await.open("a", &token).as_deref(), Ok(&b"x"[..]));
    later.stop().await;
    app.stop().await;
}
