//! Requests on a primary with a real replica that is held up: clients see what they have written.

use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::response::Response;
use http::{Method, StatusCode};
use mainstay_api::transaction::{RequestTx, transaction};
use mainstay_api::{ReplicasExt, replicas};
use mainstay_core::{App, Error, Inject, Result};
use mainstay_db::{Db, Dialect, ModelsExt, model, models, sql};
use mainstay_http::{Group, Json, Next, Route, RoutesExt};
use mainstay_test::{Client, TestApp};
use servers::{Durability, Engine, Server, programs};

/// A note.
#[model(table = "replicated_notes")]
pub struct Note {
    pub id: i64,
    pub text: String,
}

/// Which server has answered, and how many notes it knows.
type Seen = (String, u64);

async fn seen(db: Inject<Db>) -> Result<Json<Seen>> {
    Ok(Json((server(&db).await?, Note::query().count(&db).await?)))
}

async fn counted(db: Inject<Db>) -> Result<Json<u64>> {
    Ok(Json(Note::query().count(&db).await?))
}

async fn server(db: &Db) -> Result<String> {
    let question = match db.dialect() {
        Dialect::Postgres => "SELECT CASE WHEN pg_is_in_recovery() THEN 'replica' ELSE 'primary' END",
        _ => "SELECT CASE WHEN @@global.read_only THEN 'replica' ELSE 'primary' END",
    };
    sql(question).fetch_one(db).await
}

async fn add(db: Inject<Db>) -> Result<Json<Seen>> {
    NewNote { text: "one".into() }.insert(&db).await?;
    seen(db).await
}

async fn add_together(tx: RequestTx) -> Result<StatusCode> {
    NewNote { text: "one".into() }.insert(&tx).await?;
    Ok(StatusCode::CREATED)
}

async fn add_and_fail(db: Inject<Db>) -> Result<()> {
    NewNote { text: "one".into() }.insert(&db).await?;
    Err(Error::conflict("no"))
}

async fn fail_together(tx: RequestTx) -> Result<()> {
    NewNote { text: "one".into() }.insert(&tx).await?;
    Err(Error::conflict("no"))
}

async fn add_and_panic(db: Inject<Db>) -> Result<()> {
    NewNote { text: "one".into() }.insert(&db).await?;
    panic!("on purpose")
}

/// What the primary knows, and what a part of the work that may read from a replica does.
async fn seen_in_part(db: Inject<Db>) -> Result<String> {
    db.on_replicas(server(&db)).await
}

async fn in_a_task(db: Inject<Db>) -> Result<String> {
    let db = Db::clone(&db);
    tokio::spawn(async move { server(&db).await }).await.map_err(Error::from)?
}

/// A middleware of somebody else around it changes nothing.
async fn outer(request: Request, next: Next) -> Result<Response> {
    next.run(request).await
}

fn app() -> App {
    App::new()
        .models(models![Note])
        .middleware(outer)
        .read_replicas()
        .route(Route::new(Method::GET, "/seen", seen))
        .route(Route::new(Method::POST, "/counted", counted))
        .route(Route::new(Method::GET, "/task", in_a_task))
        .route(Route::new(Method::GET, "/part", seen_in_part))
        .route(Route::new(Method::POST, "/panic", add_and_panic))
        .route(Route::new(Method::POST, "/add", add))
        .route(Route::new(Method::GET, "/add", add))
        .route(Route::new(Method::POST, "/fail", add_and_fail))
        .group(
            Group::new("/together")
                .route(Route::new(Method::POST, "/add", add_together))
                .route(Route::new(Method::POST, "/fail", fail_together))
                .middleware(transaction),
        )
        .group(
            Group::new("/twice")
                .route(Route::new(Method::POST, "/add", add_together))
                .middleware(replicas::replicas)
                .middleware(transaction),
        )
}

async fn get(client: &Client, path: &str) -> Seen {
    let answer = client.get(path).send().await;
    answer.assert_success();
    answer.json()
}

/// Holds the replica up, or lets it go on.
async fn hold(replica: &Server, held: bool) {
    let db = Db::open(&replica.url()).await.unwrap();
    match (db.dialect(), held) {
        (Dialect::Postgres, true) => {
            sql("SELECT pg_wal_replay_pause()").rows(&db).await.unwrap();
            let state = "SELECT pg_get_wal_replay_pause_state()";
            while sql(state).fetch_one::<String>(&db).await.unwrap() != "paused" {}
        }
        (Dialect::Postgres, false) => drop(sql("SELECT pg_wal_replay_resume()").rows(&db).await.unwrap()),
        (_, true) => drop(sql("STOP SLAVE SQL_THREAD").execute(&db).await),
        (_, false) => drop(sql("START SLAVE SQL_THREAD").execute(&db).await),
    }
    db.close().await;
}

async fn until(mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not come to that");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_postgres_sees_what_it_has_written() {
    sees_what_it_has_written(Engine::Postgres, programs::POSTGRES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_mariadb_sees_what_it_has_written() {
    sees_what_it_has_written(Engine::MariaDb, programs::MARIADB).await;
}

async fn sees_what_it_has_written(engine: Engine, program: programs::Program) {
    if let Err(why) = program.find() {
        return servers::not_run(&format!("on {}: {why}", engine.name()));
    }
    let pair = tokio::task::spawn_blocking(move || {
        let primary = Server::start_primary(engine, Durability::Fast).unwrap();
        let replica = primary.start_replica().unwrap();
        (primary, replica)
    });
    let (primary, replica) = pair.await.unwrap();
    let node = || {
        let setup = TestApp::of(app()).set("database.url", primary.url());
        let setup = setup.set("database.replicas", replica.url()).set("database.replica_lag", "10m");
        setup.start()
    };
    let (one, two) = (node().await, node().await);
    for node in [&one, &two] {
        until(async || get(&node.client(), "/seen").await.0 == "replica").await;
    }
    let on = |server: &str, notes| (server.to_owned(), notes);

    hold(&replica, true).await;
    let (ann, bob) = (one.client(), one.client());
    let added = ann.post("/add").send().await;
    added.assert_success().assert_json(serde_json::json!(["primary", 1]));
    let position = added.header("mainstay-position").expect("it has written").to_owned();
    let cookie = added.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("mainstay_position=") && cookie.contains("; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    assert!(cookie.contains("Max-Age=605"), "{cookie}");
    // By the cookie; without one, somebody else.
    assert_eq!(get(&ann, "/seen").await, on("primary", 1));
    assert_eq!(get(&bob, "/seen").await, on("replica", 0));
    // By the header, and on another node.
    let by_header = two.client().with_header("mainstay-position", &position);
    assert_eq!(get(&by_header, "/seen").await, on("primary", 1));
    assert_eq!(get(&two.client(), "/seen").await, on("replica", 0));
    // A position that makes no sense is none; one of the future is the primary's, and nobody repeats it.
    for (position, answers) in [
        ("'; DROP TABLE replicated_notes; --", "replica"),
        ("", "replica"),
        ("FFFFFFFFFFFFFFFFFF/0", "replica"),
        ("FFFFFFFF/FFFFFFFF", "primary"),
        ("0-1-18446744073709551615", "primary"),
        ("primary", "primary"),
    ] {
        let answer = two.client().with_header("mainstay-position", position).get("/seen").send().await;
        assert_eq!(answer.json::<Seen>().0, answers, "{position}");
        match answers {
            // Its SELECT by hand may have written.
            "primary" => assert!(answer.header("mainstay-position").is_some_and(|told| told != position)),
            _ => drop(answer.assert_no_header("mainstay-position").assert_no_header("set-cookie")),
        }
    }
    let demanding = two.client().with_header("mainstay-position", "primary");
    demanding.get("/part").send().await.assert_text("primary");
    two.client().get("/part").send().await.assert_text("replica");
    // What does not write says nothing; other methods are answered by the primary.
    let other = bob.post("/counted").send().await;
    other.assert_json(serde_json::json!(1)).assert_no_header("set-cookie");
    bob.get("/task").send().await.assert_text("primary");
    bob.post("/together/fail").send().await.assert_status(409).assert_no_header("mainstay-position");
    assert_eq!(get(&bob, "/seen").await, on("replica", 0));
    // What fails after a write, what is committed by the request's transaction, what writes although it should not.
    let cid = one.client();
    cid.post("/fail").send().await.assert_status(409);
    assert_eq!(get(&cid, "/seen").await, on("primary", 2));
    bob.post("/together/add").send().await.assert_status(201);
    assert_eq!(get(&bob, "/seen").await, on("primary", 3));
    // What panics after a write, and what has the middleware around it twice.
    let eve = one.client();
    eve.post("/panic").send().await.assert_status(500);
    assert_eq!(get(&eve, "/seen").await, on("primary", 4));
    let fay = one.client();
    let added = fay.post("/twice/add").send().await;
    added.assert_status(201);
    for name in ["mainstay-position", "set-cookie"] {
        assert_eq!(added.headers().get_all(name).iter().count(), 1, "{name}");
    }
    assert_eq!(get(&fay, "/seen").await, on("primary", 5));
    let dan = one.client();
    assert_eq!(get(&dan, "/add").await, on("primary", 6));
    assert_eq!(get(&dan, "/seen").await, on("primary", 6));

    hold(&replica, false).await;
    for client in [&ann, &bob, &cid, &dan, &eve, &fay, &by_header] {
        until(async || {
            let (server, notes) = get(client, "/seen").await;
            assert!(notes > 0, "{server}");
            server == "replica" && notes == 6
        })
        .await;
    }
    drop((one, two));
    tokio::task::spawn_blocking(move || drop((replica, primary))).await.unwrap();
}

/// Without replicas the middleware is not in the way, and the database is not asked for anything more.
#[tokio::test]
async fn without_replicas_nothing_is_different() {
    async fn count(db: Inject<Db>) -> Result<Json<u64>> {
        NewNote { text: "one".into() }.insert(&db).await?;
        Ok(Json(Note::query().count(&db.primary()).await?))
    }
    let app = App::new().models(models![Note]).read_replicas().route(Route::new(Method::POST, "/add", count));
    let app = TestApp::start(app).await;
    let log = app.inject::<Db>().await.record();
    let answer = app.post("/add").header("mainstay-position", "1/2").send().await;
    answer
        .assert_json(serde_json::json!(1))
        .assert_no_header("mainstay-position")
        .assert_no_header("set-cookie");
    assert_eq!(log.count(), 2);
    // The middleware alone is for a group of routes.
    let _group = Group::new("/reports").middleware(replicas::replicas);
}
