//! Large results, sent while they are read.

use futures_util::TryStreamExt;
use mainstay_api::{Api, ApiExt};
use mainstay_core::{App, Inject, Projection};
use mainstay_db::{Db, ModelsExt, model, models, sql};
use mainstay_http::respond::{Csv, JsonLines};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::TestApp;
use schemars::JsonSchema;
use serde::Serialize;

/// A reading of a meter.
#[model]
pub struct Reading {
    pub id: i64,
    pub meter: String,
    pub secret: String,
}

/// A reading, as it is exported.
#[derive(Serialize, JsonSchema, Projection)]
#[projection(of = Reading)]
struct ReadingRow {
    id: i64,
    meter: String,
}

#[get("/readings.csv")]
async fn table(db: Inject<Db>) -> Csv<ReadingRow> {
    let readings = Reading::query().order_by(|r| r.id).into_stream(db);
    Csv::new(readings.map_ok(ReadingRow::from)).attachment("readings.csv")
}

#[get("/readings.jsonl")]
async fn lines(db: Inject<Db>) -> JsonLines<ReadingRow> {
    JsonLines::new(Reading::query().order_by(|r| r.id).into_stream(db).map_ok(ReadingRow::from))
}

#[get("/raw.csv")]
async fn raw(db: Inject<Db>) -> Csv<Reading> {
    Csv::new(Reading::query().order_by(|r| r.id).limit(2).into_stream(db))
}

const DOUBLINGS: u32 = 14;

async fn app() -> TestApp {
    let app = App::new().models(models![Reading]).api(Api::new()).routes(routes![table, lines, raw]);
    let app = TestApp::start(app).await;
    let db = app.inject::<Db>().await;
    NewReading { meter: "=1+1".into(), secret: "x".into() }.insert(&db).await.unwrap();
    for _ in 0..DOUBLINGS {
        sql("INSERT INTO readings (meter, secret) SELECT meter, secret FROM readings")
            .execute(&db)
            .await
            .unwrap();
    }
    app
}

#[tokio::test]
async fn a_query_becomes_a_table_and_lines_of_json() {
    let app = app().await;
    let rows = 1 << DOUBLINGS;
    let answer = app.get("/readings.csv").send().await;
    answer.assert_status(200).assert_header("content-disposition", "attachment; filename=\"readings.csv\"");
    assert!(answer.text().starts_with("id,meter\r\n1,'=1+1\r\n"), "{}", &answer.text()[..50]);
    assert_eq!(answer.text().lines().count(), 1 + rows);
    let answer = app.get("/readings.jsonl").send().await;
    assert_eq!(answer.text().lines().next(), Some(r#"{"id":1,"meter":"=1+1"}"#));
    assert_eq!(answer.text().lines().count(), rows);
    let answer = app.get("/raw.csv").send().await;
    assert_eq!(answer.text(), "id,meter,secret\r\n1,'=1+1,x\r\n2,'=1+1,x\r\n");
    let document = app.get("/openapi.json").send().await.json::<serde_json::Value>();
    let content = |path: &str| document["paths"][path]["get"]["responses"]["200"]["content"].clone();
    assert_eq!(
        content("/readings.csv"),
        serde_json::json!({ "text/csv": { "schema": { "type": "string" } } })
    );
    assert!(content("/readings.jsonl")["application/x-ndjson"]["schema"]["items"]["$ref"].is_string());
    app.stop().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_gives_the_connection_back() {
    let app = app().await;
    let db = app.inject::<Db>().await;
    // More than there are connections, and none of them read to its end.
    for number in 0..40 {
        let path = if number % 2 == 0 { "/readings.csv" } else { "/readings.jsonl" };
        let mut answer = app.get(path).open().await;
        assert_eq!(answer.status(), 200);
        assert!(answer.next().await.is_some());
    }
    assert_eq!(Reading::query().count(&db).await.unwrap(), 1 << DOUBLINGS);
    app.stop().await;
}
