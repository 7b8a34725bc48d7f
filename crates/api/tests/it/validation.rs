//! What is wrong with an input, told at once, in the words and the shape that a client wants.

use garde::Validate;
use mainstay_api::{Api, ApiExt, ResourcesExt, Verified, Verify, fastapi};
use mainstay_core::principal::Principal;
use mainstay_core::{App, Contribute, Fault, Inject, Result};
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::render::Translation;
use mainstay_http::{Json, RoutesExt, post, routes};
use mainstay_resource::Resource;
use mainstay_resource::policy::Open;
use mainstay_test::TestApp;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Somebody.
#[model]
pub struct Member {
    pub id: i64,
    #[field(unique, min_length = 3, max_length = 60)]
    pub email: String,
}

#[derive(Deserialize, JsonSchema, Validate)]
#[serde(rename_all = "camelCase")]
struct Signup {
    #[garde(length(min = 3))]
    email_address: String,
    #[garde(range(min = 18))]
    age: u8,
}

impl Verify for Signup {
    type With = (Inject<Db>, Principal);

    async fn verify(&self, (db, _): Self::With, faults: &mut Vec<Fault>) -> Result<()> {
        if Member::filter(|member| member.email.eq(&self.email_address)).exists(&db).await? {
            faults.push(Fault::new("/email_address", "taken", "has an account already"));
        }
        if self.age == 17 {
            faults.push(Fault::new("/age", "nearly", "wait a year"));
        }
        Ok(())
    }
}

#[post("/sign-up")]
async fn sign_up(db: Inject<Db>, Verified(Json(signup)): Verified<Json<Signup>>) -> Result<()> {
    NewMember { email: signup.email_address }.insert(&db).await.map(drop)
}

fn app() -> App {
    App::new()
        .models(models![Member])
        .routes(routes![sign_up])
        .resource(Resource::<Member>::new("/members").policy(Open))
        .api(Api::new())
}

fn told(problem: &Value) -> Vec<(&str, &str, &str)> {
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| {
            let of = |name: &str| fault[name].as_str().unwrap();
            (of("pointer"), of("code"), of("message"))
        })
        .collect()
}

#[tokio::test]
async fn rules_that_ask_the_database_are_told_with_the_others() {
    let app = TestApp::start(app()).await;
    let send = |body: Value| app.post("/sign-up").json(&body).send();
    send(json!({ "emailAddress": "ann@example.org", "age": 18 })).await.assert_status(200);
    let refused = send(json!({ "emailAddress": "ann@example.org", "age": 17 })).await;
    let problem: Value = refused.assert_problem(422, "validation_failed").json();
    assert_eq!(
        told(&problem),
        [("/age", "too_small", "must be at least 18"), ("/emailAddress", "taken", "has an account already")]
    );
    let refused = send(json!({ "emailAddress": "a", "age": 20 })).await;
    let problem: Value = refused.assert_problem(422, "validation_failed").json();
    assert_eq!(told(&problem), [("/emailAddress", "too_short", "must be at least 3 long")]);
    let documented: Value = app.get("/openapi.json").send().await.json();
    assert!(documented["paths"]["/sign-up"]["post"]["responses"].get("422").is_some());
    app.stop().await;
}

#[tokio::test]
async fn what_is_taken_has_its_place() {
    let app = TestApp::start(app()).await;
    let send = || app.post("/members").json(&json!({ "email": "ann@example.org" })).send();
    send().await.assert_status(201);
    let problem: Value = send().await.assert_problem(409, "unique_violation").json();
    assert_eq!(told(&problem), [("/email", "taken", "is taken already")]);
    app.stop().await;
}

#[tokio::test]
async fn is_said_in_the_language_that_the_client_reads_best() {
    let german = Translation::new(
        "de",
        [
            ("validation_failed", "Die Eingabe ist nicht gültig."),
            ("too_short", "muss mindestens {min} Zeichen haben"),
            ("too_small", "muss mindestens {min} sein"),
            ("type", "erwartet: {expected}"),
            ("email.taken", "hat schon ein Konto"),
        ],
    );
    let app = TestApp::start(app().translation(german)).await;
    let send = |path: &str, language: &str, body: Value| {
        app.post(path).header("accept-language", language).json(&body).send()
    };
    let invalid = json!({ "emailAddress": "a", "age": 7 });
    let refused = send("/sign-up", "de-AT, en;q=0.8", invalid.clone()).await;
    refused.assert_problem(422, "validation_failed").assert_header("content-language", "de");
    let problem: Value = refused.json();
    assert_eq!(problem["detail"], "Die Eingabe ist nicht gültig.");
    assert_eq!(
        told(&problem),
        [
            ("/age", "too_small", "muss mindestens 18 sein"),
            ("/emailAddress", "too_short", "muss mindestens 3 Zeichen haben"),
        ]
    );
    // Rules of a model, types, and what the database refuses, likewise.
    let problem: Value = send("/members", "de", json!({ "email": "a" })).await.json();
    assert_eq!(told(&problem)[0].2, "muss mindestens 3 Zeichen haben");
    let problem: Value = send("/sign-up", "de", json!({ "emailAddress": 1, "age": 18 })).await.json();
    assert_eq!(told(&problem)[0].2, "erwartet: a string");
    send("/members", "de", json!({ "email": "ann" })).await.assert_status(201);
    let problem: Value = send("/members", "de", json!({ "email": "ann" })).await.json();
    assert_eq!(told(&problem)[0].2, "hat schon ein Konto");

    let english = send("/sign-up", "en, de;q=0.5", invalid.clone()).await;
    english.assert_header("content-language", "en");
    let problem: Value = english.json();
    assert_eq!(told(&problem)[0].2, "must be at least 18");
    let french = send("/sign-up", "fr", invalid).await;
    french.assert_header("content-language", "en");
    french.assert_json_at("/errors/0/message", json!("must be at least 18"));
    app.stop().await;
}

#[tokio::test]
async fn has_the_shape_of_fastapi_where_it_is_wanted() {
    let app = TestApp::start(app().contribute(fastapi::errors())).await;
    let refused = app.post("/sign-up").json(&json!({ "emailAddress": "a", "age": 7 })).send().await;
    refused.assert_status(422).assert_json(json!({ "detail": [
        { "loc": ["body", "age"], "msg": "must be at least 18", "type": "greater_than_equal" },
        { "loc": ["body", "emailAddress"], "msg": "must be at least 3 long", "type": "string_too_short" },
    ] }));
    let absent = app.get("/members/4711").send().await;
    absent.assert_status(404).assert_json(json!({ "detail": "There is no such member." }));
    let parameter = app.get("/members?page=x").send().await;
    parameter.assert_status(400).assert_json_at("/detail/0/loc", json!(["query", "page"]));
    let document: Value = app.get("/openapi.json").send().await.json();
    let schema = &document["paths"]["/sign-up"]["post"]["responses"]["422"]["content"]["application/json"];
    assert_eq!(schema["schema"]["$ref"], "#/components/schemas/HTTPError");
    app.stop().await;
}
