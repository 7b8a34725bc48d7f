//! Requests that are sent again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mainstay_api::idempotency::Idempotent;
use mainstay_api::transaction::{RequestTx, transaction};
use mainstay_api::{Api, ApiExt, ResourcesExt};
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::{App, CoreContributions, Error, Inject, Provider, Result};
use mainstay_db::{Db, ModelsExt, model, models, sql};
use mainstay_http::respond::Created;
use mainstay_http::{Group, Json, RoutesExt, Text, post, routes};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::{Setup, TestApp, TestResponse};
use serde_json::{Value, json};

use mainstay_test::on_each_engine;

/// Something that is paid.
#[model]
pub struct Payment {
    pub id: i64,
    #[field(unique, max_length = 60)]
    pub text: String,
}

/// How often handlers were run.
#[derive(Default)]
struct Runs(AtomicU32);

impl Runs {
    fn count(&self) -> u32 {
        self.0.load(Ordering::SeqCst)
    }

    fn begin(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

async fn insert(text: String, tx: &RequestTx) -> Result<Payment> {
    NewPayment { text }.insert(tx).await
}

#[post("/pay")]
async fn pay(runs: Inject<Runs>, tx: RequestTx, Text(text): Text) -> Result<Created<Json<Payment>>> {
    runs.begin();
    let payment = insert(text, &tx).await?;
    tokio::time::sleep(Duration::from_millis(30)).await;
    Ok(Created(format!("/payments/{}", payment.id), Json(payment)))
}

/// The first time it fails after it has written.
#[post("/fail-first")]
async fn fail_first(runs: Inject<Runs>, tx: RequestTx, Text(text): Text) -> Result<String> {
    insert(text, &tx).await?;
    if runs.begin() == 1 { Err(Error::unavailable("not now")) } else { Ok("done".to_owned()) }
}

/// The first time it takes longer than it may.
#[post("/slow-first", timeout = "200ms")]
async fn slow_first(runs: Inject<Runs>, tx: RequestTx, Text(text): Text) -> Result<String> {
    insert(text, &tx).await?;
    if runs.begin() == 1 {
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    Ok("done".to_owned())
}

#[post("/panic-first")]
async fn panic_first(runs: Inject<Runs>, tx: RequestTx, Text(text): Text) -> Result<String> {
    insert(text, &tx).await?;
    assert!(runs.begin() > 1, "on purpose");
    Ok("done".to_owned())
}

/// Somebody else is given the key meanwhile, as when this one takes longer than its lease.
#[post("/overtaken")]
async fn overtaken(tx: RequestTx, Text(text): Text) -> Result<String> {
    sql("DELETE FROM mainstay_idempotency_keys").execute(&tx).await?;
    insert(text, &tx).await?;
    Ok("done".to_owned())
}

#[post("/without-transaction")]
async fn without_transaction(runs: Inject<Runs>) -> String {
    runs.begin().to_string()
}

#[post("/large")]
async fn large(runs: Inject<Runs>) -> String {
    runs.begin();
    "x".repeat(2 * 1024 * 1024)
}

#[post("/nested")]
async fn nested(tx: RequestTx, Text(text): Text) -> Result<String> {
    insert(text, &tx).await?;
    Ok("done".to_owned())
}

fn app() -> App {
    let inner = Group::new("").routes(routes![nested]).middleware(transaction);
    let covered =
        routes![pay, slow_first, fail_first, panic_first, overtaken, without_transaction, large].group(inner);
    App::new()
        .models(models![Payment])
        .provide(Runs::default)
        .routes(covered.middleware(Idempotent))
        .resource(Resource::<Payment>::new("/payments").policy(Open))
        .api(Api::new())
}

/// The application with a clock that stands still.
fn setup() -> Setup {
    TestApp::of(app()).replace(Provider::singleton(TestClock::default).bind(|clock| clock as Arc<dyn Clock>))
}

async fn on_every_engine(test: impl AsyncFn(&TestApp)) {
    on_each_engine(setup, test).await;
}

async fn send(app: &TestApp, path: &str, key: &str, body: &str) -> TestResponse {
    app.post(path).header("idempotency-key", key).body("text/plain", body.to_owned()).send().await
}

async fn payments(app: &TestApp) -> u64 {
    Payment::query().count(&app.inject::<Db>().await).await.unwrap()
}

#[tokio::test]
async fn gives_the_first_answer_again() {
    on_every_engine(async |app| {
        let first = send(app, "/pay", "k1", "rent").await;
        first.assert_status(201);
        assert!(first.header("idempotent-replayed").is_none());
        // In quotation marks, as the draft has it, it is the same key.
        let again = send(app, "/pay", "\"k1\"", "rent").await;
        again.assert_status(201).assert_header("idempotent-replayed", "true");
        assert_eq!(again.text(), first.text());
        assert_eq!(again.header("location"), first.header("location"));
        assert_eq!(again.header("content-type"), first.header("content-type"));
        assert_eq!((payments(app).await, app.inject::<Runs>().await.count()), (1, 1));

        send(app, "/pay", "k2", "food").await.assert_status(201);
        assert_eq!(payments(app).await, 2);
        let once = send(app, "/without-transaction", "k3", "").await;
        assert_eq!(send(app, "/without-transaction", "k3", "").await.text(), once.text());
        assert_ne!(send(app, "/without-transaction", "k4", "").await.text(), once.text());
        send(app, "/nested", "k5", "nested").await.assert_status(200);
        send(app, "/nested", "k5", "nested").await.assert_header("idempotent-replayed", "true");
    })
    .await;
}

#[tokio::test]
async fn without_a_key_every_request_is_done() {
    on_every_engine(async |app| {
        let pay = |text: &str| app.post("/pay").body("text/plain", text.to_owned()).send();
        pay("rent").await.assert_status(201);
        pay("rent").await.assert_problem(409, "unique_violation");
        pay("food").await.assert_status(201);
        assert_eq!(payments(app).await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_takes_too_long_gives_its_key_back() {
    on_every_engine(async |app| {
        send(app, "/slow-first", "k1", "rent").await.assert_problem(503, "timed_out");
        let start = std::time::Instant::now();
        while send(app, "/slow-first", "k1", "rent").await.status() != 200 {
            assert!(start.elapsed() < Duration::from_secs(20), "the key is not given back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(payments(app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn is_one_thing_however_often_it_is_put_around() {
    let nested = Group::new("/twice").routes(routes![pay]).middleware(Idempotent).middleware(transaction);
    let app = TestApp::of(app().group(nested.middleware(Idempotent)).middleware(transaction)).start().await;
    for path in ["/twice/pay", "/pay"] {
        send(&app, path, path, path).await.assert_status(201);
        send(&app, path, path, path).await.assert_status(201).assert_header("idempotent-replayed", "true");
    }
    let body = json!({ "text": "by the resource" });
    let post = || app.post("/payments").header("idempotency-key", "r").json(&body).send();
    post().await.assert_status(201);
    post().await.assert_status(201).assert_header("idempotent-replayed", "true");
    assert_eq!(payments(&app).await, 3);
    app.stop().await;
}

#[tokio::test]
async fn refuses_the_key_of_another_request() {
    on_every_engine(async |app| {
        send(app, "/pay", "k1", "rent").await.assert_status(201);
        send(app, "/pay", "k1", "food").await.assert_problem(422, "idempotency_key_reused");
        send(app, "/pay?x=1", "k1", "rent").await.assert_problem(422, "idempotency_key_reused");
        send(app, "/without-transaction", "k1", "rent").await.assert_problem(422, "idempotency_key_reused");
        for key in ["", "\"\"", &"k".repeat(256)] {
            send(app, "/pay", key, "x").await.assert_problem(400, "invalid_parameter");
        }
        assert_eq!(payments(app).await, 1);
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_one_is_done() {
    on_every_engine(async |app| {
        let all = (0..12).map(|_| send(app, "/pay", "k1", "rent"));
        let answers = futures_util::future::join_all(all).await;
        let made = answers.iter().filter(|answer| answer.status() == 201).count();
        assert!(made >= 1, "{}", answers[0].text());
        for answer in answers.iter().filter(|answer| answer.status() != 201) {
            answer.assert_problem(409, "idempotency_in_progress").assert_header("retry-after", "1");
        }
        assert_eq!((payments(app).await, app.inject::<Runs>().await.count()), (1, 1));
        send(app, "/pay", "k1", "rent").await.assert_header("idempotent-replayed", "true");
    })
    .await;
}

#[tokio::test]
async fn what_has_failed_may_be_tried_again() {
    on_every_engine(async |app| {
        for (path, status) in [("/fail-first", 503), ("/panic-first", 500)] {
            app.inject::<Runs>().await.0.store(0, Ordering::SeqCst);
            send(app, path, path, path).await.assert_status(status);
            let made = payments(app).await;
            send(app, path, path, path).await.assert_status(200);
            assert_eq!(payments(app).await, made + 1);
            send(app, path, path, path).await.assert_header("idempotent-replayed", "true");
        }
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_by_who_has_lost_the_key() {
    on_every_engine(async |app| {
        send(app, "/overtaken", "k1", "rent").await.assert_problem(409, "idempotency_in_progress");
        assert_eq!(payments(app).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_key_is_free_again_when_its_time_is_over() {
    on_every_engine(async |app| {
        let db = app.inject::<Db>().await;
        let clock = app.inject::<TestClock>().await;
        send(app, "/without-transaction", "k1", "").await.assert_status(200);
        // As if the process had died before its answer was kept.
        sql("UPDATE mainstay_idempotency_keys SET status = NULL").execute(&db).await.unwrap();
        let waiting = send(app, "/without-transaction", "k1", "").await;
        waiting.assert_problem(409, "idempotency_in_progress");
        clock.advance(Duration::from_secs(61));
        let second = send(app, "/without-transaction", "k1", "").await;
        assert_eq!(second.assert_status(200).text(), "2");
        send(app, "/without-transaction", "k1", "").await.assert_header("idempotent-replayed", "true");
        clock.advance(Duration::from_secs(25 * 60 * 60));
        let third = send(app, "/without-transaction", "k1", "other").await;
        assert_eq!(third.assert_status(200).text(), "3");
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_given_twice() {
    let app = TestApp::of(app()).start().await;
    send(&app, "/large", "k1", "").await.assert_status(200);
    send(&app, "/large", "k1", "").await.assert_problem(409, "idempotency_answer_not_kept");
    assert_eq!(app.inject::<Runs>().await.count(), 1);
    app.stop().await;
}

#[tokio::test]
async fn resources_have_it_by_themselves() {
    on_every_engine(async |app| {
        let post = |body: Value| app.post("/payments").header("idempotency-key", "k1").json(&body).send();
        let made = post(json!({ "text": "rent" })).await;
        made.assert_status(201);
        let again = post(json!({ "text": "rent" })).await;
        again.assert_status(201).assert_header("idempotent-replayed", "true");
        assert_eq!(again.header("etag"), made.header("etag"));
        post(json!({ "text": "food" })).await.assert_problem(422, "idempotency_key_reused");
        let invalid = || app.post("/payments").header("idempotency-key", "k2").json(&json!({})).send();
        invalid().await.assert_problem(422, "validation_failed");
        invalid().await.assert_problem(422, "validation_failed");
        let several = json!({ "operations": [{ "op": "create", "set": { "text": "food" } }] });
        let bulk = || app.patch("/payments").header("idempotency-key", "k3").json(&several).send();
        let done: Value = bulk().await.assert_status(200).json();
        bulk().await.assert_header("idempotent-replayed", "true").assert_json(done);
        assert_eq!(payments(app).await, 2);
    })
    .await;
}

#[tokio::test]
async fn is_in_the_document() {
    let app = TestApp::of(app()).start().await;
    let document: Value = app.get("/openapi.json").send().await.json();
    let of = |path: &str, method: &str| {
        let parameters = document["paths"][path][method]["parameters"].as_array().cloned();
        parameters.unwrap_or_default().iter().any(|parameter| parameter["name"] == "Idempotency-Key")
    };
    assert!(of("/pay", "post") && of("/payments", "post") && of("/payments/{key}", "patch"));
    assert!(!of("/payments", "get") && !of("/payments/{key}", "delete"));
    app.stop().await;
}
