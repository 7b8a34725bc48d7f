//! Passwords in, tokens out.

use mainstay_auth::Passwords;
use mainstay_db::{Db, sql};
use mainstay_http::describe::{Place, SecurityScheme};
use mainstay_http::{Http, RoutesExt, get, routes};
use mainstay_test::TestApp;
use serde_json::json;

use crate::shop::{Customer, PASSWORD, app, customer};

#[tokio::test]
async fn gives_a_token_for_the_right_password() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let ann = customer("ann@example.org", &passwords, &db).await;
    let given = json!({ "email": "ann@example.org", "password": PASSWORD });
    let token = app.post("/login").json(&given).send().await.assert_status(200).text().to_owned();
    let me = app.get("/me").bearer(&token).send().await;
    me.assert_status(200).assert_text(&format!("{} ann@example.org", ann.id));
    app.get("/welcome").bearer(&token).send().await.assert_text("ann@example.org");
    app.get("/welcome").send().await.assert_text("stranger");
    app.stop().await;
}

#[tokio::test]
async fn tells_nobody_who_has_an_account() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    customer("ann@example.org", &passwords, &db).await;
    let mut gone = customer("gone@example.org", &passwords, &db).await;
    gone.update(|customer| customer.active(false), &db).await.unwrap();
    let long = "x".repeat(100_000);
    let mut answers = Vec::new();
    for (email, password) in [
        ("ann@example.org", "wrong"),
        ("ann@example.org", ""),
        ("ann@example.org", &*long),
        ("nobody@example.org", PASSWORD),
        ("nobody@example.org", ""),
        ("gone@example.org", PASSWORD),
    ] {
        let refused = app.post("/login").json(&json!({ "email": email, "password": password })).send().await;
        refused.assert_problem(401, "wrong_credentials");
        let problem: serde_json::Value = refused.json();
        answers.push(problem["detail"].clone());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    app.stop().await;
}

#[tokio::test]
async fn makes_a_hash_anew_that_was_made_in_an_older_way() {
    let old = TestApp::of(app()).set("auth.password_memory", "32").start().await;
    let weak = old.inject::<Passwords>().await.hash(PASSWORD).await.unwrap();
    old.stop().await;
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let mut ann = customer("ann@example.org", &passwords, &db).await;
    ann.update(|customer| customer.password(weak.clone()), &db).await.unwrap();
    let log_in = || async {
        let given = json!({ "email": "ann@example.org", "password": PASSWORD });
        app.post("/login").json(&given).send().await.assert_status(200);
        Customer::find(ann.key(), &db).await.unwrap().password
    };
    let strong = log_in().await;
    assert!(weak.expose().contains("m=32,") && strong.expose().contains("m=64,"), "{}", strong.expose());
    assert_eq!(log_in().await, strong, "what is as it should be stays");

    // Somebody changes the password while a login with the old one is under way.
    ann.update(|customer| customer.password(weak.clone()), &db).await.unwrap();
    let seen = Customer::find(ann.key(), &db).await.unwrap();
    let other = passwords.hash("another").await.unwrap();
    ann.update(|customer| customer.password(other.clone()), &db).await.unwrap();
    passwords.log_in(Some(seen), PASSWORD, &db).await.unwrap();
    assert_eq!(Customer::find(ann.key(), &db).await.unwrap().password, other);
    app.stop().await;
}

#[tokio::test]
async fn keeps_hashes_out_of_json_and_debug_output() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    let ann = customer("ann@example.org", &passwords, &db).await;
    let shown = format!("{ann:?} {:?} {}", ann.password, serde_json::to_string(&ann).unwrap());
    assert!(!shown.contains("argon2"), "{shown}");
    app.stop().await;
}

#[tokio::test]
async fn a_stored_hash_that_is_none_is_of_no_password() {
    let app = TestApp::start(app()).await;
    let (passwords, db) = (app.inject::<Passwords>().await, app.inject::<Db>().await);
    customer("ann@example.org", &passwords, &db).await;
    sql("UPDATE customers SET password = 'plain text'").execute(&db).await.unwrap();
    let given = json!({ "email": "ann@example.org", "password": "plain text" });
    app.post("/login").json(&given).send().await.assert_problem(401, "wrong_credentials");
    app.stop().await;
}

#[tokio::test]
async fn documents_what_may_be_sent_where_it_matters() {
    #[get("/ask")]
    #[errors(Unauthorized)]
    async fn ask() {}
    #[get("/hours")]
    async fn hours() {}

    let app = TestApp::start(app().routes(routes![ask, hours])).await;
    let http = app.inject::<Http>().await;
    let proofs = |path: &str| {
        let route = http.routes().find(|route| route.operation.path == path).expect("it is there");
        let security = route.operation.security.iter();
        security
            .map(|proof| (proof.name.to_string(), proof.scheme.clone(), proof.optional))
            .collect::<Vec<_>>()
    };
    let bearer = SecurityScheme::Bearer { format: None };
    let clerk = SecurityScheme::Key { place: Place::Header, name: "Authorization".into() };
    assert_eq!(proofs("/me"), [("Bearer".to_owned(), bearer.clone(), false)]);
    assert_eq!(proofs("/ask"), [("Bearer".to_owned(), bearer, true), ("Clerk".to_owned(), clerk, true)]);
    assert_eq!(proofs("/hours"), []);
    let hours = http.routes().find(|route| route.operation.path == "/hours").expect("it is there");
    assert_eq!(hours.operation.errors[0].status, 401);
    app.stop().await;
}
