//! Whom guards let in, and by which ways nobody gets past them.

use axum::Router;
use axum::routing;
use mainstay_auth::{
    Account, Allowed, Guard, GuardedExt, Passwords, PermissionsExt, Role, Roles, RolesExt, Rule,
    SignInPagesExt,
};
use mainstay_core::App;
use mainstay_core::principal::Principal;
use mainstay_db::Db;
use mainstay_http::version::ApiVersions;
use mainstay_http::{Group, Route, Routes, RoutesExt, get, post, routes};
use mainstay_test::{Client, TestApp};

use crate::roles::{NewPerson, Person, app as office, person, system};

struct Publishes;

impl Rule for Publishes {
    fn guard() -> Guard {
        Guard::permission("articles.publish").or(Guard::role("chief"))
    }
}

/// Publishes an article.
#[post("/articles/{slug}/publish")]
async fn publish(who: Allowed<Publishes>) -> String {
    format!("by {}", who.id())
}

/// How many readers there were.
#[get("/numbers")]
async fn numbers() -> &'static str {
    "12"
}

#[get("/deeper", hidden)]
async fn deeper() -> &'static str {
    "deep"
}

#[get("/anybody", hidden)]
async fn anybody() -> &'static str {
    "hello"
}

/// A group with everything in it that there can be.
fn app() -> App {
    let mounted = Router::new().route("/inside", routing::get(async || "mounted"));
    let deeper = Group::new("/inner").routes(routes![deeper]).guarded(Guard::permission("persons.delete"));
    let office_routes = Group::new("/office")
        .routes(routes![numbers])
        .group(deeper)
        .route(Route::any("/whatever", async || "whatever"))
        .mount("/axum", mounted)
        .guarded(Guard::permission("persons.view"));
    office()
        .role(Role::new("clerk").may(["persons.view"]))
        .role(Role::new("author").may(["articles.publish"]))
        .routes(routes![publish, anybody])
        .group(office_routes)
}

async fn with_role(app: &TestApp, email: &str, role: &str) -> Client {
    let (who, client) = person(app, email).await;
    let roles = app.inject::<Roles>().await;
    roles.change(&system()).unwrap().give(role, &who.principal()).await.unwrap();
    client
}

#[tokio::test]
async fn a_guarded_group_has_no_way_around() {
    let app = TestApp::start(app()).await;
    let (_, nothing) = person(&app, "bob@example.com").await;
    let clerk = with_role(&app, "ann@example.com", "clerk").await;
    let ways = [
        ("GET", "/office/numbers"),
        ("HEAD", "/office/numbers"),
        ("GET", "/office/numbers/"),
        ("GET", "/office//numbers"),
        ("GET", "/office/./numbers"),
        ("GET", "/anybody/../office/numbers"),
        ("GET", "/%6Fffice/numbers"),
        ("GET", "/OFFICE/numbers"),
        ("POST", "/office/numbers"),
        ("OPTIONS", "/office/whatever"),
        ("GET", "/office/whatever"),
        ("PURGE", "/office/whatever"),
        ("GET", "/office/axum/inside"),
        ("HEAD", "/office/axum/inside"),
        ("GET", "/office/axum/inside/"),
        ("GET", "/office/axum/none"),
        ("GET", "/office/inner/deeper"),
    ];
    for (method, path) in ways {
        for (who, client) in [("stranger", &app.client()), ("nothing", &nothing)] {
            let answer = client.request(method.parse().unwrap(), path).send().await;
            let status = answer.status().as_u16();
            let told = format!("{who} {method} {path}: {status} {}", answer.text());
            assert!(status >= 300, "{told}");
            assert!(!["12", "deep", "mounted", "whatever"].contains(&answer.text()), "{told}");
        }
    }
    app.client()
        .get("/office/numbers")
        .send()
        .await
        .assert_status(401)
        .assert_header("www-authenticate", "Bearer");
    nothing.get("/office/numbers").send().await.assert_problem(403, "forbidden");
    clerk.get("/office/numbers").send().await.assert_text("12");
    clerk.head("/office/numbers").send().await.assert_status(200);
    clerk.get("/office/axum/inside").send().await.assert_text("mounted");
    clerk.get("/office/whatever").send().await.assert_text("whatever");
    clerk.get("/office/inner/deeper").send().await.assert_problem(403, "forbidden");
}

#[tokio::test]
async fn a_method_in_a_header_or_a_form_changes_nothing() {
    let app = TestApp::start(app()).await;
    let clerk = with_role(&app, "ann@example.com", "clerk").await;
    let tricks =
        [("x-http-method-override", "GET"), ("x-original-url", "/anybody"), ("x-rewrite-url", "/anybody")];
    for (name, value) in tricks {
        app.client().get("/office/numbers").header(name, value).send().await.assert_status(401);
    }
    app.client().post("/office/whatever?_method=GET").send().await.assert_status(401);
    clerk.post("/articles/a/publish").header("x-http-method-override", "GET").send().await.assert_status(403);
}

#[tokio::test]
async fn an_argument_lets_in_whom_its_rule_does() {
    let app = TestApp::start(app()).await;
    app.client().post("/articles/a/publish").send().await.assert_status(401);
    let (_, nothing) = person(&app, "bob@example.com").await;
    nothing.post("/articles/a/publish").send().await.assert_problem(403, "forbidden");
    for role in ["author", "chief"] {
        let client = with_role(&app, &format!("{role}@example.com"), role).await;
        client.post("/articles/a/publish").send().await.assert_success().assert_text_contains("by ");
    }
    let clerk = with_role(&app, "clerk@example.com", "clerk").await;
    clerk.post("/articles/a/publish").send().await.assert_status(403);
}

#[tokio::test]
async fn every_version_of_a_guarded_route_is_guarded() {
    let routes = Routes::new()
        .route(Route::new(http::Method::GET, "/things", async || "one").versions(1))
        .route(Route::new(http::Method::GET, "/things", async || "two").versions(2..));
    let app = office()
        .api_versions(ApiVersions::new([1, 2]))
        .group(Group::new("/api").routes(routes).guarded(Guard::signed_in()));
    let app = TestApp::start(app).await;
    let (_, ann) = person(&app, "ann@example.com").await;
    for version in ["1", "2"] {
        app.client().get("/api/things").header("api-version", version).send().await.assert_status(401);
        ann.get("/api/things").header("api-version", version).send().await.assert_success();
    }
}

#[test]
fn whom_guards_let_in_adds_up() {
    let who = |role: &str| {
        let who = Principal::user("1");
        if role.is_empty() { who } else { who.with_role(role.to_owned()) }
    };
    let both = Guard::role("a").and(Guard::any([Guard::role("b"), Guard::permission("x.*")]));
    assert_eq!(both.to_string(), "role a and (role b or x.*)");
    assert!(!both.lets_in(&who("a")) && !both.lets_in(&who("b")) && both.lets_in(&who("a").with_role("b")));
    assert!(!Guard::any([]).lets_in(&who("a")) && Guard::all([]).lets_in(&who("")));
    assert!(!Guard::all([]).lets_in(&Principal::anonymous()));
    assert!(!Guard::proven().lets_in(&who("a")));
}

#[tokio::test]
async fn a_browser_is_led_to_where_it_signs_in_and_a_program_is_told() {
    let secret =
        Group::new("/vault").routes(routes![numbers]).guarded(Guard::signed_in().and(Guard::proven()));
    let app = TestApp::start(app().sign_in_pages::<Person>().group(secret)).await;
    let stranger = app.client();
    let page = stranger.get("/vault/numbers?a=b").header("accept", "text/html").send().await;
    page.assert_redirect("/account/login?next=%2Fvault%2Fnumbers%3Fa%3Db");
    stranger.get("/vault/numbers").header("accept", "application/json").send().await.assert_status(401);

    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash("correct horse").await.unwrap();
    NewPerson { email: "ann@example.com".into(), password }.insert(&*db).await.unwrap();
    let form = [("name", "ann@example.com"), ("password", "correct horse")];
    stranger.post("/account/login").form(&form).send().await.assert_status(303);
    stranger.get("/vault/numbers").send().await.assert_text("12");
    let (_, by_token) = person(&app, "bob@example.com").await;
    by_token.get("/vault/numbers").send().await.assert_problem(403, "proof_required");
}

#[tokio::test]
async fn routes_say_what_they_ask_for() {
    let app = TestApp::start(app().permissions(["unused"])).await;
    let routes = mainstay_http::routes_of(app.assembly());
    let of = |path: &str| routes.iter().find(|route| route.pattern() == path).unwrap();
    let operation = &of("/articles/{slug}/publish").operation;
    assert_eq!(operation.guards[0].rule, "articles.publish or role chief");
    let statuses: Vec<_> = operation.errors.iter().map(|error| error.status).collect();
    assert!(statuses.contains(&401) && statuses.contains(&403), "{statuses:?}");
    assert!(!operation.security.is_empty());
    let inner = &of("/office/inner/deeper").operation;
    let rules: Vec<_> = inner.guards.iter().map(|guard| guard.rule.as_str()).collect();
    assert_eq!(rules, ["persons.view", "persons.delete"]);
    assert!(of("/anybody").operation.guards.is_empty());
}
