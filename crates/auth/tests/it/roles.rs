//! Roles, groups and permissions, and what they let somebody do.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::audit::{AuditEntry, AuditLogExt, Outcome};
use mainstay_auth::roles::{Grants, Holder, Origin};
use mainstay_auth::{
    Account, AccountsExt, Guard, GuardedExt, Named, PasswordHash, Passwords, PermissionsExt, Role, Roles,
    RolesExt, Tokens,
};
use mainstay_core::App;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_core::principal::Principal;
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::{Client, TestApp, on_each_engine};

#[model]
pub(crate) struct Person {
    pub(crate) id: i64,
    #[field(unique, max_length = 255)]
    pub(crate) email: String,
    #[field(hidden)]
    pub(crate) password: PasswordHash,
}

impl Account for Person {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(person: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        person.password.set(hash)
    }
}

impl Named for Person {
    fn by_name(name: &str) -> Query<Self> {
        let name = name.to_lowercase();
        Self::filter(|person| person.email.eq(name))
    }
}

#[get("/who", hidden)]
async fn who(who: Principal) -> String {
    let roles = who.roles().collect::<Vec<_>>().join(" ");
    let permissions = who.permissions().collect::<Vec<_>>().join(" ");
    format!("{roles} | {permissions}")
}

pub(crate) fn app() -> App {
    App::new()
        .models(models![Person])
        .accounts::<Person>()
        .roles::<Person>()
        .permissions(["articles.publish", "articles.feature"])
        .role(Role::new("chief").describe("Runs the paper").may(["articles.*", "roles.administer"]))
        .routes(routes![who])
}

/// Somebody, as a client that is signed in by a token.
pub(crate) async fn person(app: &TestApp, email: &str) -> (Person, Client) {
    let password = app.inject::<Passwords>().await.hash("correct horse battery").await.unwrap();
    let db = app.inject::<Db>().await;
    let person = NewPerson { email: email.to_owned(), password }.insert(&*db).await.unwrap();
    let token = app.inject::<Tokens>().await.issue(&person).unwrap();
    (person, app.client().with_header("authorization", &format!("Bearer {token}")))
}

pub(crate) fn system() -> Principal {
    Principal::system("test")
}

fn grants(roles: &[&str], permissions: &[&str]) -> Grants {
    let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
    Grants { roles: set(roles), permissions: set(permissions) }
}

#[tokio::test]
async fn an_account_has_what_its_roles_and_its_groups_allow() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let roles = app.inject::<Roles>().await;
            let (ann, client) = person(app, "ann@example.com").await;
            client.get("/who").send().await.assert_text(" | ");
            let change = || roles.change(&system()).unwrap();
            change().create(Role::new("editor").may(["persons.view"])).await.unwrap();
            change().grant("editor", "articles.publish").await.unwrap();
            change().give("editor", &ann.principal()).await.unwrap();
            client.get("/who").send().await.assert_text("editor | articles.publish persons.view");

            change().create_group("desk", "").await.unwrap();
            change().give("chief", Holder::group("desk")).await.unwrap();
            change().join("desk", &ann.principal().identity()).await.unwrap();
            change().join("desk", &ann.principal().identity()).await.unwrap();
            let all = "chief editor | articles.* articles.publish persons.view roles.administer";
            client.get("/who").send().await.assert_text(all);
            assert_eq!(roles.members("desk").await.unwrap(), [ann.principal().identity()]);

            change().take("editor", &ann.principal()).await.unwrap();
            change().revoke("editor", "persons.view").await.unwrap();
            let again = change().revoke("editor", "persons.view").await;
            assert_eq!(again.unwrap_err().status().as_u16(), 404, "it has not got that");
            client.get("/who").send().await.assert_text("chief | articles.* roles.administer");
            let (bob, of_bob) = person(app, "bob@example.com").await;
            of_bob.get("/who").send().await.assert_text(" | ");
            change().give("editor", &bob.principal()).await.unwrap();
            assert_eq!(
                *roles.of(&bob.principal().identity()).await.unwrap(),
                grants(&["editor"], &["articles.publish"])
            );
            assert_eq!(roles.holders("editor").await.unwrap(), [Holder::from(&bob.principal())]);
            change().delete("editor").await.unwrap();
            of_bob.get("/who").send().await.assert_text(" | ");
            let names: Vec<_> =
                roles.all().await.unwrap().into_iter().map(|role| (role.name, role.origin)).collect();
            assert_eq!(names, [("chief".to_owned(), Origin::Code)]);
        },
    )
    .await;
}

#[tokio::test]
async fn a_request_asks_for_roles_once_and_one_of_nobody_never() {
    let app = TestApp::start(app().set("roles.remembered", "0s")).await;
    let (_, client) = person(&app, "ann@example.com").await;
    let with_roles = client.get("/who").send().await;
    // The account, and its roles.
    assert_eq!(with_roles.assert_success().queries().count(), 2);
    assert_eq!(app.client().get("/who").send().await.assert_success().queries().count(), 0);

    let without = App::new().models(models![Person]).accounts::<Person>().routes(routes![who]);
    let without = TestApp::start(without).await;
    let (_, client) = person(&without, "ann@example.com").await;
    assert_eq!(client.get("/who").send().await.assert_success().queries().count(), 1);
}

#[tokio::test]
async fn what_another_process_takes_away_is_gone_after_a_moment() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = TestApp::of(app()).clock(&clock).start().await;
    let (ann, client) = person(&app, "ann@example.com").await;
    let roles = app.inject::<Roles>().await;
    roles.change(&system()).unwrap().give("chief", &ann.principal()).await.unwrap();
    client.get("/who").send().await.assert_text("chief | articles.* roles.administer");
    assert_eq!(client.get("/who").send().await.queries().count(), 1, "the roles are remembered");

    let db = app.inject::<Db>().await;
    mainstay_db::sql("DELETE FROM mainstay_role_holders").execute(&*db).await.unwrap();
    client.get("/who").send().await.assert_text("chief | articles.* roles.administer");
    clock.advance(Duration::from_secs(6));
    client.get("/who").send().await.assert_text(" | ");
}

#[tokio::test]
async fn nobody_takes_the_last_administrator_away() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let roles = app.inject::<Roles>().await;
            let (ann, _) = person(app, "ann@example.com").await;
            let ann = ann.principal();
            let change = || roles.change(&system()).unwrap();
            change().create(Role::new("keys").may(["roles.*"])).await.unwrap();
            change().create_group("owners", "").await.unwrap();
            change().give("keys", Holder::group("owners")).await.unwrap();
            change().join("owners", &ann.identity()).await.unwrap();

            let refused = [
                change().leave("owners", &ann.identity()).await,
                change().delete_group("owners").await,
                change().take("keys", Holder::group("owners")).await,
                change().revoke("keys", "roles.*").await,
                change().delete("keys").await,
            ];
            for refused in refused {
                assert_eq!(refused.unwrap_err().machine_code(), "last_administrator");
            }
            assert!(roles.entitled(ann.clone()).await.unwrap().may("roles.administer"));
            change().give("chief", &ann).await.unwrap();
            change().delete("keys").await.unwrap();
            assert!(change().take("chief", &ann).await.is_err());
        },
    )
    .await;
}

#[tokio::test]
async fn of_two_who_take_the_last_two_administrators_away_at_once_one_is_refused() {
    on_each_engine(
        || TestApp::of(app()),
        async |app| {
            let roles = app.inject::<Roles>().await;
            let (ann, bob) = (Principal::user("1"), Principal::user("2"));
            let change = || roles.change(&system()).unwrap();
            change().give("chief", &ann).await.unwrap();
            change().give("chief", &bob).await.unwrap();
            let (one, other) = (change(), change());
            let taken = tokio::join!(one.take("chief", &ann), other.take("chief", &bob));
            let left = roles.holders("chief").await.unwrap();
            assert_eq!(left.len(), 1, "{taken:?}");
            assert!(taken.0.is_ok() != taken.1.is_ok(), "{taken:?}");
        },
    )
    .await;
}

#[tokio::test]
async fn says_what_is_wrong_with_a_change() {
    let app = TestApp::start(app()).await;
    let roles = app.inject::<Roles>().await;
    let change = || roles.change(&system()).unwrap();
    change().create(Role::new("editor")).await.unwrap();
    let code = async |outcome: Result<(), mainstay_core::Error>| {
        let error = outcome.unwrap_err();
        (error.status().as_u16(), error.message().to_owned())
    };
    let told = code(change().grant("editor", "articles.publsh").await).await;
    let expected = "There is no permission `articles.publsh`: did you mean `articles.publish`?";
    assert_eq!(told, (400, expected.to_owned()));
    assert_eq!(code(change().create(Role::new("editor")).await).await.0, 409);
    assert_eq!(code(change().create(Role::new("chief")).await).await.0, 409);
    assert_eq!(code(change().create(Role::new("a b")).await).await.0, 400);
    assert_eq!(code(change().create(Role::new("")).await).await.0, 400);
    assert_eq!(code(change().create(Role::new("x").may(["nothing.*"])).await).await.0, 400);
    assert_eq!(code(change().grant("chief", "persons.view").await).await.0, 409);
    assert_eq!(code(change().delete("chief").await).await.0, 409);
    assert_eq!(code(change().grant("nobody", "persons.view").await).await.0, 404);
    assert_eq!(code(change().give("nobody", &Principal::user("1")).await).await.0, 404);
    assert_eq!(code(change().give("editor", Holder::group("none")).await).await.0, 404);
    assert_eq!(code(change().take("editor", &Principal::user("1")).await).await.0, 404);
    assert_eq!(code(change().join("none", "User//1").await).await.0, 404);
    assert_eq!(code(change().leave("none", "User//1").await).await.0, 404);
}

#[tokio::test]
async fn only_who_administers_roles_changes_them_and_that_is_recorded() {
    let app = TestApp::start(app().audit_log()).await;
    let roles = app.inject::<Roles>().await;
    let ann = Principal::user("1");
    assert_eq!(roles.change(&Principal::anonymous()).unwrap_err().status().as_u16(), 401);
    assert_eq!(roles.change(&ann).unwrap_err().status().as_u16(), 403);
    roles.change(&system()).unwrap().give("chief", &ann).await.unwrap();
    let ann = roles.entitled(ann).await.unwrap();
    roles.change(&ann).unwrap().give("chief", &Principal::user("2")).await.unwrap();

    let db = app.inject::<Db>().await;
    let entries = AuditEntry::query().order_by(|entry| entry.position).all(&*db).await.unwrap();
    let last = entries.last().unwrap();
    assert_eq!((&*last.event, last.outcome), ("role.given", Outcome::Done));
    assert_eq!((last.actor.as_deref(), last.account.as_deref()), (Some("User//1"), Some("User//2")));
    assert_eq!(last.details, r#"{"role":"chief"}"#);
}

#[tokio::test]
async fn finds_misspelt_permissions_before_the_start() {
    let faulty = app()
        .role(Role::new("writer").may(["articles.publsh"]))
        .role(Role::new("chief"))
        .routes(routes![other].guarded(Guard::permission("persons.chnage").or(Guard::role("chief"))));
    let told = faulty.assemble(Sources::isolated()).findings().to_string();
    for expected in [
        "`GET /other` asks for the permission `persons.chnage`, which is not declared: did you mean `persons.change`?",
        "the role `writer` has the permission `articles.publsh`, which is not declared: did you mean `articles.publish`?",
        "there are two roles `chief`",
    ] {
        assert!(told.contains(expected), "{told}");
    }
    assert_eq!(told.matches("auth.E080").count(), 2, "{told}");
    assert!(!app().assemble(Sources::isolated()).findings().has_errors());
}

#[get("/other", hidden)]
async fn other() -> &'static str {
    "other"
}
