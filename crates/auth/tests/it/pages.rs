//! Signing in with a browser, and what people do with their accounts there.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::audit::{AuditEntry, Outcome};
use mainstay_auth::{
    Account, AccountsExt, AuditLogExt, Named, PasswordHash, Passwords, Proven, SignInPagesExt, SignedIn,
    Tokens,
};
use mainstay_core::App;
use mainstay_core::clock::TestClock;
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{RoutesExt, Sessions, get, routes};
use mainstay_test::{Client, TestApp, TestResponse};
use serde_json::json;

#[model]
struct Member {
    id: i64,
    #[field(unique)]
    email: String,
    #[field(hidden)]
    password: PasswordHash,
    #[field(default = true)]
    active: bool,
}

impl Account for Member {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(member: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        member.password.set(hash)
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

impl Named for Member {
    fn by_name(name: &str) -> Query<Self> {
        let name = name.to_lowercase();
        Self::filter(|member| member.email.eq(name))
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone()]
    }
}

/// Who it is.
#[get("/me", hidden)]
async fn me(member: SignedIn<Member>) -> String {
    member.email.clone()
}

/// Deletes everything.
#[get("/danger", hidden)]
async fn danger(Proven(member): Proven<Member>) -> String {
    format!("{} may", member.email)
}

fn app() -> App {
    let app = App::new().models(models![Member]).accounts::<Member>().sign_in_pages::<Member>().audit_log();
    app.routes(routes![me, danger])
}

const PASSWORD: &str = "correct horse";

async fn start() -> (TestApp, Member) {
    start_with(app()).await
}

async fn start_with(app: App) -> (TestApp, Member) {
    with_ann(TestApp::start(app).await).await
}

async fn with_ann(app: TestApp) -> (TestApp, Member) {
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash(PASSWORD).await.unwrap();
    let ann = NewMember { email: "ann@example.com".into(), password }.insert(&db).await.unwrap();
    (app, ann)
}

async fn log_in(client: &Client, name: &str, password: &str) -> TestResponse {
    client.post("/account/login").form(&[("name", name), ("password", password)]).send().await
}

#[tokio::test]
async fn signs_in_and_out() {
    let (app, _) = start().await;
    let client = app.client();
    client.get("/me").send().await.assert_status(401);
    let form = client.get("/account/login").send().await;
    form.assert_status(200).assert_text_contains(r#"autocomplete="current-password""#);
    assert!(client.cookie("session").is_none(), "nothing is remembered of who only looks");
    log_in(&client, " Ann@Example.com ", PASSWORD).await.assert_redirect("/");
    client.get("/me").send().await.assert_text("ann@example.com");
    client.stranger().get("/me").send().await.assert_status(401);
    client.post("/account/logout").send().await.assert_redirect("/account/login");
    client.get("/me").send().await.assert_status(401);
    client.get("/account/login").send().await.assert_text_contains("You are signed out.");
}

/// A browser that says nothing of where a request comes from signs in and out by the tokens of the forms.
#[tokio::test]
async fn every_form_proves_that_it_is_ours() {
    let (app, _) = start().await;
    let token_in = |page: &TestResponse| {
        let rest = page.text().split("name=\"_csrf\" value=\"").nth(1).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let send = async |path: &str, cookie: &str, fields: &[(&str, &str)]| {
        app.client().post(path).header("cookie", cookie).form(fields).send().await
    };
    let page = app.get("/account/login").send().await;
    let cookie = page.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let token = token_in(&page);
    let fields = [("name", "ann@example.com"), ("password", PASSWORD)];
    send("/account/login", &cookie, &fields).await.assert_status(403);
    let fields = [("_csrf", token.as_str()), fields[0], fields[1]];
    let signed_in = send("/account/login", &cookie, &fields).await;
    signed_in.assert_redirect("/");
    let session = signed_in.header("set-cookie").unwrap().split(';').next().unwrap();
    let page = app.get("/account/sessions").header("cookie", session).send().await;
    page.assert_text_contains("_csrf");
    send("/account/logout", session, &[("_csrf", &token)]).await.assert_status(403);
    send("/account/logout", session, &[("_csrf", &token_in(&page))]).await.assert_redirect("/account/login");
}

#[tokio::test]
async fn says_the_same_of_a_wrong_password_and_of_nobody() {
    let (app, _) = start().await;
    let pages = [("ann@example.com", "wrong"), ("bob@example.com", PASSWORD)];
    let mut told = Vec::new();
    for (name, password) in pages {
        let client = app.client();
        let page = log_in(&client, name, password).await;
        page.assert_status(422).assert_text_contains("Name and password do not belong together.");
        assert!(!page.text().contains(password), "{}", page.text());
        // The token of the form is another one each time.
        let (before, token) = page.text().split_once("name=\"_csrf\" value=\"").unwrap();
        told.push(format!("{before}{}", token.split_once('"').unwrap().1).replace(name, "NAME"));
        client.get("/me").send().await.assert_status(401);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_hash_that_cannot_be_checked_looks_like_a_wrong_password() {
    let (app, ann) = start().await;
    let db = app.inject::<Db>().await;
    for planted in ["!unusable", "", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99"] {
        let set = format!("UPDATE members SET password = '{planted}' WHERE id = {}", ann.id);
        mainstay_db::sql(set).execute(&*db).await.unwrap();
        log_in(&app.client(), "ann@example.com", PASSWORD).await.assert_status(422);
    }
}

#[tokio::test]
async fn signing_out_makes_no_session_for_who_has_none() {
    let (app, _) = start().await;
    let answer = app.client().post("/account/logout").send().await;
    answer.assert_redirect("/account/login").assert_no_header("set-cookie");
}

#[tokio::test]
async fn goes_on_where_it_was_asked_to_and_never_elsewhere() {
    let (app, _) = start().await;
    for (next, goes) in [
        ("/cart%3Fa%3D1", "/cart?a=1"),
        ("https://evil.example", "/"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let client = app.client();
        let form = client.get(&format!("/account/login?next={next}")).send().await;
        let action = form.text().split("action=\"").nth(1).unwrap().split('"').next().unwrap();
        let action = action.replace("&#x2f;", "/");
        let sent = client.post(&action).form(&[("name", "ann@example.com"), ("password", PASSWORD)]);
        sent.send().await.assert_redirect(goes);
    }
}

#[tokio::test]
async fn a_session_ends_with_the_password_and_with_the_account() {
    let (app, ann) = start().await;
    let db = app.inject::<Db>().await;
    let passwords = app.inject::<Passwords>().await;
    let client = app.client();
    log_in(&client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    let new = passwords.hash("another one").await.unwrap();
    Member::filter(|member| member.id.eq(ann.id)).update(|member| member.password(new), &db).await.unwrap();
    client.get("/me").send().await.assert_status(401);
    let sessions = app.inject::<Sessions>().await;
    let owner = ann.principal().identity();
    assert!(sessions.of_owner(&owner).await.unwrap().is_empty(), "it has been ended");
    log_in(&client, "ann@example.com", "another one").await.assert_redirect("/");
    client.get("/me").send().await.assert_status(200);
    Member::filter(|member| member.id.eq(ann.id)).update(|member| member.active(false), &db).await.unwrap();
    client.get("/me").send().await.assert_status(401);
    log_in(&client, "ann@example.com", "another one").await.assert_status(422);
}

#[tokio::test]
async fn shows_where_one_is_signed_in_and_ends_it_there() {
    let (app, _) = start().await;
    let desk = app.client().with_header("user-agent", "Desk <1>");
    let phone = app.client().with_header("user-agent", "Phone");
    desk.get("/account/sessions").send().await.assert_redirect("/account/login?next=%2Faccount%2Fsessions");
    for client in [&desk, &phone] {
        log_in(client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    }
    let page = desk.get("/account/sessions").send().await;
    page.assert_text_contains("Desk &lt;1&gt;").assert_text_contains("Phone");
    page.assert_text_contains("<a href=\"/account\">Your account</a>");
    let key = page.text().split("name=\"key\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    desk.post("/account/sessions").form(&[("key", key)]).send().await.assert_redirect("/account/sessions");
    desk.get("/account/sessions").send().await.assert_text_contains("The session has been ended.");
    phone.get("/me").send().await.assert_status(401);
    desk.get("/me").send().await.assert_status(200);
    log_in(&phone, "ann@example.com", PASSWORD).await.assert_redirect("/");
    let all: [(&str, &str); 0] = [];
    phone.post("/account/sessions").form(&all).send().await.assert_redirect("/account/sessions");
    desk.get("/me").send().await.assert_status(401);
    phone.get("/me").send().await.assert_status(200);
}

#[tokio::test]
async fn stays_signed_in_where_that_was_asked_for() {
    let (app, _) = start().await;
    let client = app.client();
    let sent = client.post("/account/login").form(&[
        ("name", "ann@example.com"),
        ("password", PASSWORD),
        ("remember", "true"),
    ]);
    let answer = sent.send().await;
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=2592000"));
}

#[tokio::test]
async fn too_many_attempts_are_refused_whether_there_is_such_an_account_or_not() {
    let (app, _) = start_with(app().set("auth.attempts", "3/15m")).await;
    for name in ["ann@example.com", "nobody@example.com"] {
        let client = app.client();
        for _ in 0..3 {
            log_in(&client, name, "wrong").await.assert_status(422);
        }
        let page = log_in(&client, &name.to_uppercase(), PASSWORD).await;
        page.assert_status(429).assert_text_contains("There were too many attempts. Try again later.");
        client.get("/me").send().await.assert_status(401);
    }
    let (app, _) = start_with(crate::pages::app().set("auth.attempts_by_account", "3/15m")).await;
    for (number, status) in [(1, 422), (2, 422), (3, 422), (4, 429)] {
        let client = app.client().with_address(([10, 0, 0, number], 4000).into());
        log_in(&client, "ann@example.com", "wrong").await.assert_status(status);
    }
    let (app, _) = start_with(crate::pages::app().set("auth.attempts_by_address", "2/15m")).await;
    let client = app.client();
    for (name, status) in [("a", 422), ("b", 422), ("c", 429)] {
        log_in(&client, name, "wrong").await.assert_status(status);
    }
}

async fn events(app: &TestApp) -> Vec<(String, Outcome)> {
    let entries = AuditEntry::filter(|entry| entry.position.gt(0)).order_by(|entry| entry.position);
    let entries = entries.all(&app.inject::<Db>().await).await.unwrap();
    entries.into_iter().map(|entry| (entry.event, entry.outcome)).collect()
}

#[tokio::test]
async fn a_program_signs_in_by_json_and_is_answered_in_json() {
    let (app, _) = start().await;
    let client = app.client();
    let wrong = json!({ "name": "ann@example.com", "password": "wrong" });
    client.post("/account/login").json(&wrong).send().await.assert_problem(401, "wrong_credentials");
    let right = json!({ "name": "ann@example.com", "password": PASSWORD, "remember": true });
    let answer = client.post("/account/login?next=/cart").json(&right).send().await;
    answer.assert_status(200).assert_json_contains(json!({ "next": "/cart" }));
    client.get("/me").send().await.assert_text("ann@example.com");
    let devices = client.get("/account/sessions").header("accept", "application/json").send().await;
    devices.assert_json_at("/0/is_this", json!(true));
    client.post("/account/logout").json(&json!({})).send().await.assert_status(200);
    client.get("/me").send().await.assert_status(401);
    let asked = client.stranger().get("/account/sessions").header("accept", "application/json").send().await;
    asked.assert_status(401);
}

#[tokio::test]
async fn what_happens_at_the_pages_is_recorded() {
    let (app, ann) = start().await;
    let client = app.client();
    log_in(&client, "ann@example.com", "wrong").await.assert_status(422);
    log_in(&client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    client.post("/account/logout").send().await.assert_redirect("/account/login");
    let expected = [("login", Outcome::Refused), ("login", Outcome::Done), ("logout", Outcome::Done)];
    assert_eq!(events(&app).await, expected.map(|(event, outcome)| (event.to_owned(), outcome)));
    let identity = ann.principal().identity();
    let hers = AuditEntry::filter(|entry| entry.account.eq(identity)).count(&app.inject::<Db>().await).await;
    assert_eq!(hers.unwrap(), 3);
}

#[tokio::test]
async fn another_password_ends_every_session_but_the_one_that_chose_it() {
    let (app, _) = start().await;
    let (desk, phone) = (app.client(), app.client().stranger());
    desk.get("/account/password").send().await.assert_redirect("/account/login?next=%2Faccount%2Fpassword");
    for client in [&desk, &phone] {
        log_in(client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    }
    let change = async |old: &str, new: &str| {
        desk.post("/account/password").form(&[("password", old), ("new_password", new)]).send().await
    };
    change("wrong", "a longer one")
        .await
        .assert_status(422)
        .assert_text_contains("This is not your password.");
    for (bad, told) in [
        ("short", "at least 8 characters"),
        ("sunshine1", "tried first"),
        ("ann@example.com", "like your name"),
    ] {
        let page = change(PASSWORD, bad).await;
        page.assert_status(422).assert_text_contains(told);
        assert!(!page.text().contains(&format!("value=\"{bad}\"")), "{}", page.text());
    }
    phone.get("/me").send().await.assert_status(200);
    change(PASSWORD, "a longer one").await.assert_redirect("/account");
    desk.get("/me").send().await.assert_status(200);
    phone.get("/me").send().await.assert_status(401);
    desk.get("/account").send().await.assert_text_contains("Your password is changed.");
    log_in(&phone, "ann@example.com", PASSWORD).await.assert_status(422);
    log_in(&phone, "ann@example.com", "a longer one").await.assert_redirect("/");
    let changes: Vec<_> =
        events(&app).await.into_iter().filter(|(name, _)| name == "password.changed").collect();
    assert_eq!(
        changes.iter().map(|(_, outcome)| *outcome).collect::<Vec<_>>(),
        [Outcome::Refused, Outcome::Done]
    );
}

#[tokio::test]
async fn what_matters_asks_for_the_password_again_after_a_while() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let (app, _) = with_ann(TestApp::of(app()).clock(&clock).start().await).await;
    let client = app.client();
    let page = async || client.get("/danger?all=1").header("accept", "text/html").send().await;
    page().await.assert_redirect("/account/login?next=%2Fdanger%3Fall%3D1");
    log_in(&client, "ann@example.com", PASSWORD).await.assert_redirect("/");
    page().await.assert_text("ann@example.com may");
    clock.advance(Duration::from_secs(16 * 60));
    page().await.assert_redirect("/account/confirm?next=%2Fdanger%3Fall%3D1");
    client.get("/danger").send().await.assert_problem(403, "proof_required");
    let confirm = async |password: &str| {
        client.post("/account/confirm?next=/danger").form(&[("password", password)]).send().await
    };
    let before = client.cookie("session");
    confirm("wrong").await.assert_status(422).assert_text_contains("This is not your password.");
    page().await.assert_redirect("/account/confirm?next=%2Fdanger%3Fall%3D1");
    confirm(PASSWORD).await.assert_redirect("/danger");
    page().await.assert_text("ann@example.com may");
    assert_ne!(client.cookie("session"), before, "it may do more now");
    clock.advance(Duration::from_secs(16 * 60));
    client.get("/me").send().await.assert_status(200);
    page().await.assert_redirect("/account/confirm?next=%2Fdanger%3Fall%3D1");
}

#[tokio::test]
async fn a_token_of_ones_own_proves_nothing_for_the_session_of_somebody_else() {
    let (app, ann) = start().await;
    let (db, tokens) = (app.inject::<Db>().await, app.inject::<Tokens>().await);
    let password = app.inject::<Passwords>().await.hash("mallory knows").await.unwrap();
    let mallory = NewMember { email: "mallory@example.com".into(), password }.insert(&db).await.unwrap();
    let stolen = app.client();
    log_in(&stolen, &ann.email, PASSWORD).await.assert_redirect("/");
    let token = tokens.issue(&mallory).unwrap();
    for (path, form) in [
        ("/account/confirm", vec![("password", "mallory knows")]),
        ("/account/password", vec![("password", "mallory knows"), ("new_password", "something longer")]),
    ] {
        let sent = stolen.post(path).bearer(&token).form(&form).send().await;
        sent.assert_problem(403, "sign_in_required");
        // Nor does it become a session of its own.
        let alone = stolen.stranger().post(path).bearer(&token).form(&form).send().await;
        alone.assert_problem(403, "sign_in_required").assert_no_header("set-cookie");
    }
}
