//! A database for each test, and its statements.

use std::panic::{AssertUnwindSafe, catch_unwind};

use http::Method;
use mainstay_core::{App, Inject, Result};
use mainstay_db::{Db, ModelsExt, model, models, sql};
use mainstay_http::{Json, Route, RoutesExt};
use mainstay_test::TestApp;
use serde_json::json;

/// A note.
#[model]
pub struct Note {
    pub id: i64,
    pub text: String,
}

async fn add(db: Inject<Db>) -> Result<()> {
    NewNote { text: "hello".into() }.insert(&db).await?;
    Ok(())
}

async fn count(db: Inject<Db>) -> Result<Json<u64>> {
    Ok(Json(Note::query().count(&*db).await?))
}

/// Asks for each note by itself.
async fn one_by_one(db: Inject<Db>) -> Result<Json<Vec<String>>> {
    let mut texts = Vec::new();
    for id in 1..=3_i64 {
        texts.extend(Note::get(id, &*db).await?.map(|note| note.text));
    }
    Ok(Json(texts))
}

/// A query in a loop, in a place where twelve times are too many.
async fn in_a_loop(db: Inject<Db>) -> Result<Json<usize>> {
    let mut found = 0;
    for id in 1..=12_i64 {
        found += usize::from(Note::get(id, &*db).await?.is_some());
    }
    Ok(Json(found))
}

fn app() -> App {
    App::new()
        .models(models![Note])
        .route(Route::new(Method::POST, "/notes", add))
        .route(Route::new(Method::GET, "/notes", one_by_one))
        .route(Route::new(Method::GET, "/count", count))
        .route(Route::new(Method::GET, "/loop", in_a_loop))
}

async fn file_of(app: &TestApp) -> std::path::PathBuf {
    let db = app.inject::<Db>().await;
    let rows = sql("SELECT file FROM pragma_database_list").rows(&*db).await.unwrap();
    rows.first().unwrap().get::<String>(0).unwrap().into()
}

#[tokio::test]
async fn each_application_has_its_own_database_which_goes_with_it() {
    let (one, other) = (TestApp::start(app()).await, TestApp::start(app()).await);
    one.post("/notes").send().await.assert_success();
    one.get("/count").send().await.assert_json(json!(1));
    other.get("/count").send().await.assert_json(json!(0));

    let (stopped, dropped) = (file_of(&one).await, file_of(&other).await);
    assert!(stopped.exists() && dropped.exists() && stopped != dropped);
    one.stop().await;
    drop(other);
    assert!(!stopped.exists() && !dropped.exists());
}

#[tokio::test]
async fn a_test_may_name_its_database() {
    let folder = tempfile::tempdir().unwrap();
    for notes in 1..=2 {
        let app = TestApp::of(app()).home(folder.path()).set("database.url", "sqlite:kept.db").start().await;
        app.post("/notes").send().await.assert_success();
        app.get("/count").send().await.assert_json(json!(notes));
        app.stop().await;
    }
}

#[tokio::test]
async fn counts_the_statements_of_a_request() {
    let app = TestApp::start(app()).await;
    for _ in 0..3 {
        app.post("/notes").send().await.assert_success();
    }
    let response = app.get("/notes").send().await;
    assert_eq!(response.assert_queries_at_most(3).queries().count(), 3);
    let too_many = catch_unwind(AssertUnwindSafe(|| {
        response.assert_queries_at_most(2);
    }));
    let text = *too_many.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("expected at most 2 statements") && text.contains("3 × SELECT"), "{text}");
    assert!(text.contains("200 OK"), "{text}");
}

#[tokio::test]
async fn counts_the_statements_of_anything() {
    let app = TestApp::start(app()).await;
    let db = app.inject::<Db>().await;
    let (notes, queries) = app
        .queries(async {
            app.post("/notes").send().await.assert_success();
            Note::query().count(&*db).await.unwrap()
        })
        .await;
    assert_eq!((notes, queries.count()), (1, 2));
    assert!(queries.statements().any(|sql| sql.starts_with("INSERT")), "{queries}");
}

#[tokio::test]
async fn a_query_in_a_loop_fails_the_request_and_names_its_line() {
    use futures_util::FutureExt;
    let strict = TestApp::start(app()).await;
    let request = AssertUnwindSafe(async { strict.get("/loop").send().await });
    let text = *request.catch_unwind().await.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("GET /loop") && text.contains("the same query 12 times"), "{text}");
    assert!(text.contains("tests/it/database.rs:"), "{text}");

    let lenient = TestApp::of(app()).repeats(12).start().await;
    lenient.get("/loop").send().await.assert_success();
    let few = TestApp::of(app()).statements(2).start().await;
    let request = AssertUnwindSafe(async { few.get("/notes").send().await });
    let text = *request.catch_unwind().await.unwrap_err().downcast::<String>().unwrap();
    assert!(text.contains("3 statements, and at most 2"), "{text}");
    // Others that are at work at the same time do not count.
    futures_util::future::join_all((0..20).map(|_| strict.get("/count").send())).await;
}

/// What the files name follows another database than the test's.
#[tokio::test]
async fn a_test_has_no_replicas_of_the_files() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("config")).unwrap();
    let text = "[database]\nurl = \"postgres://a/app\"\nreplicas = [\"postgres://b/app\"]\n";
    std::fs::write(home.path().join("config/default.toml"), text).unwrap();
    let app = TestApp::of(app()).home(home.path()).start().await;
    app.post("/notes").send().await.assert_success();
    assert_eq!(app.inject::<Db>().await.replica_lag(), None);
}
