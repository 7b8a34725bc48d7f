//! What is forgotten, and when.

use std::sync::Arc;

use http::{Method, StatusCode};
use mainstay_api::transaction::{RequestTx, transaction};
use mainstay_api::{OutputCache, ResourcesExt};
use mainstay_core::{App, Error, Inject, Module, Result};
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::{Group, Path, Route, RoutesExt};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_store::Cache;
use mainstay_test::TestApp;
use serde_json::json;
use tokio::sync::Notify;

use super::{Calls, STORED, asked, minute, seen, start};
use crate::rate_limits::at_rest;

/// A leaf of a notebook.
#[model]
pub struct Leaf {
    pub id: i64,
    pub text: String,
}

async fn forget(cache: Inject<Cache>, Path(tag): Path<String>) -> Result<()> {
    cache.forget_tag(&tag).await
}

#[tokio::test]
async fn a_handler_forgets_all_of_a_tag_or_one_answer() {
    let calls = Calls::default();
    let cache = minute()
        .tag("articles")
        .tag_by(|caller| Some(format!("article:{}", caller.parameter("slug")?)))
        .tag_by(|_| None);
    let forgets = Route::new(Method::POST, "/forget/{tag}", forget);
    let (app, _) = start(cache, [seen(&calls, "/articles/{slug}"), forgets]).await;
    let made = async |slug: &str| asked(&app, &format!("/articles/{slug}")).await.0 == STORED;
    assert!(made("one").await && made("two").await);
    app.post("/forget/article:one").send().await.assert_status(200);
    assert!(made("one").await && !made("two").await);
    app.post("/forget/articles").send().await.assert_status(200);
    assert!(made("one").await && made("two").await);
    app.post("/forget/others").send().await.assert_status(200);
    assert!(!made("one").await && !made("two").await);
}

#[tokio::test]
async fn values_and_answers_share_their_tags() {
    let calls = Calls::default();
    let (app, _) = start(minute().tag("numbers"), [seen(&calls, "/page")]).await;
    let cache = app.inject::<Cache>().await;
    cache.set("one", &1, mainstay_store::Keep::for_(super::MINUTE).tag("numbers")).await.unwrap();
    assert_eq!(asked(&app, "/page").await.0, STORED);
    cache.forget_tag("numbers").await.unwrap();
    assert_eq!(cache.get::<u32>("one").await.unwrap(), None);
    assert_eq!(asked(&app, "/page").await.0, STORED);
}

#[tokio::test]
async fn an_answer_that_was_begun_before_its_tag_was_forgotten_is_not_kept() {
    let (calls, go) = (Calls::default(), Arc::new(Notify::new()));
    let (counted, gate) = (calls.clone(), Arc::clone(&go));
    let route = Route::new(Method::GET, "/page", move || {
        let (call, gate) = (counted.next(), Arc::clone(&gate));
        async move {
            if call == 1 {
                gate.notified().await;
            }
            call.to_string()
        }
    });
    let (app, _) = start(minute().tag("articles"), [route]).await;
    let first = tokio::spawn({
        let client = app.client();
        async move { asked(&client, "/page").await }
    });
    while calls.count() == 0 {
        tokio::task::yield_now().await;
    }
    app.inject::<Cache>().await.forget_tag("articles").await.unwrap();
    // It comes after the change, and must see it, although somebody is making an answer.
    let second = tokio::spawn({
        let client = app.client();
        async move { asked(&client, "/page").await }
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    go.notify_one();
    assert_eq!(first.await.unwrap(), ("mainstay; fwd=miss; detail=forgotten".to_owned(), "1".to_owned()));
    assert_eq!(second.await.unwrap(), (STORED.to_owned(), "2".to_owned()));
    assert_eq!(asked(&app, "/page").await.1, "2");
}

#[tokio::test]
async fn writes_through_it_evict_unless_they_are_refused() {
    let calls = Calls::default();
    let write = |method: Method, path: &str, status: u16| {
        Route::new(method, path, move || async move { StatusCode::from_u16(status).unwrap() })
    };
    let panics = Route::new(Method::POST, "/panics", || async {
        assert!(calls_nothing(), "on purpose");
    });
    let fails = Route::new(Method::POST, "/fails", || async { Err::<(), _>(Error::internal("no")) });
    let refuses = Route::new(Method::POST, "/refuses", || async { Err::<(), _>(Error::conflict("no")) });
    let routes = [
        seen(&calls, "/page"),
        write(Method::POST, "/201", 201),
        write(Method::DELETE, "/204", 204),
        write(Method::PUT, "/303", 303),
        write(Method::PATCH, "/422", 422),
        panics,
        fails,
        refuses,
    ];
    let (app, _) = start(minute().evicted_by_writes(), routes).await;
    for (method, path, evicts) in [
        (Method::POST, "/201", true),
        (Method::DELETE, "/204", true),
        (Method::PUT, "/303", true),
        (Method::PATCH, "/422", false),
        // Something may have been written before.
        (Method::POST, "/fails", true),
        (Method::POST, "/panics", true),
        (Method::POST, "/refuses", false),
        (Method::OPTIONS, "/page", false),
    ] {
        app.get("/page").send().await;
        app.request(method, path).send().await.assert_no_header("cache-status");
        let (status, _) = asked(&app, "/page").await;
        assert_eq!(status == STORED, evicts, "{path}: {status}");
    }
    let calls = Calls::default();
    let (app, _) = start(minute(), [seen(&calls, "/page"), write(Method::POST, "/201", 201)]).await;
    app.get("/page").send().await;
    app.post("/201").send().await;
    assert_ne!(asked(&app, "/page").await.0, STORED, "nobody said that writes evict");
}

fn calls_nothing() -> bool {
    false
}

#[tokio::test]
async fn the_rows_of_a_resource_are_kept_until_one_is_written() {
    let kept = Module::new("leaves")
        .resource(Resource::<Leaf>::new("/leaves").policy(Open))
        .middleware(OutputCache::for_(super::MINUTE).evicted_by_writes());
    let (setup, _) = at_rest(App::new().module(kept));
    let app = setup.start().await;
    let total = async |expected: u64| {
        let answer = app.get("/leaves?page=1").send().await;
        answer.assert_json_at("/total", json!(expected));
        super::status(&answer).to_owned()
    };
    assert_eq!(total(0).await, STORED);
    app.post("/leaves").json(&json!({ "text": "one" })).send().await.assert_status(201);
    assert_eq!(total(1).await, STORED);
    assert_eq!(total(1).await, "mainstay; hit; ttl=60");
    let one = app.get("/leaves/1").send().await;
    one.assert_json_at("/text", json!("one"));
    let tag = one.header("etag").unwrap().to_owned();
    app.get("/leaves/1").header("if-none-match", &tag).send().await.assert_status(304);
    app.post("/leaves").json(&json!({ "texte": "two" })).send().await.assert_status(422);
    assert_eq!(total(1).await, "mainstay; hit; ttl=60");
    app.patch("/leaves/1")
        .json(&json!({ "text": "uno" }))
        .header("if-match", &tag)
        .send()
        .await
        .assert_status(200);
    app.get("/leaves/1").send().await.assert_json_at("/text", json!("uno"));
    app.delete("/leaves/1").send().await.assert_status(204);
    assert_eq!(total(0).await, STORED);
    app.stop().await;
}

async fn count(db: Inject<Db>) -> Result<String> {
    Ok(Leaf::query().count(&*db).await?.to_string())
}

async fn add(tx: RequestTx) -> Result<StatusCode> {
    NewLeaf { text: "one".into() }.insert(&tx).await?;
    Ok(StatusCode::CREATED)
}

async fn add_and_say(tx: RequestTx, cache: Inject<Cache>) -> Result<StatusCode> {
    NewLeaf { text: "one".into() }.insert(&tx).await?;
    tx.after_commit(async move { cache.forget_tag("leaves").await });
    Ok(StatusCode::CREATED)
}

/// Whichever of the two is around the other, what is kept after a write has it.
#[tokio::test]
async fn what_is_written_in_a_transaction_is_evicted_after_its_commit() {
    let cache = || minute().tag("leaves").evicted_by_writes();
    let routes = || {
        Group::new("").route(Route::new(Method::GET, "/count", count)).route(Route::new(
            Method::POST,
            "/add",
            add,
        ))
    };
    let says = Group::new("")
        .route(Route::new(Method::GET, "/count", count).middleware(minute().tag("leaves")))
        .route(Route::new(Method::POST, "/add", add_and_say))
        .middleware(transaction);
    for group in [
        Group::new("").group(routes().middleware(cache())).middleware(transaction),
        Group::new("").group(routes().middleware(transaction)).middleware(cache()),
        says,
    ] {
        let app = App::new().models(models![Leaf]).group(group);
        let app = TestApp::start(app).await;
        for expected in ["0", "1", "2"] {
            for _ in 0..2 {
                assert_eq!(asked(&app, "/count").await.1, expected);
            }
            app.post("/add").send().await.assert_status(201);
        }
        app.stop().await;
    }
}
