//! What a personal access token opens, what it does not, and when it ends.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay_auth::access_tokens::{NewAccessToken, StoredAccessToken};
use mainstay_auth::scopes::{InPerson, RequireScope, Scope, Scoped, Scopes};
use mainstay_auth::{
    AccessTokens, AccessTokensExt, Account, AccountsExt, PasswordHash, Passwords, ScopesExt, SignedIn, Tokens,
};
use mainstay_core::App;
use mainstay_core::clock::TestClock;
use mainstay_core::config::Sources;
use mainstay_core::principal::Principal;
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::{Group, RoutesExt, get, post, routes};
use mainstay_test::{Setup, TestApp, on_each_engine};
use serde_json::{Value, json};

#[model]
struct Author {
    id: i64,
    #[field(hidden)]
    password: PasswordHash,
    #[field(default = true)]
    active: bool,
}

impl Account for Author {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(author: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        author.password.set(hash)
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn principal(&self) -> Principal {
        let all = ["articles.read", "articles.publish", "users.delete"];
        let principal = mainstay_auth::account::principal_of(self).with_role("editor");
        all.into_iter().fold(principal, Principal::with_permission)
    }
}

struct ReadArticles;

impl Scope for ReadArticles {
    const NAME: &'static str = "articles.read";
}

/// Says what is left of the sender.
#[get("/articles")]
async fn articles(_: Scoped<ReadArticles>, author: SignedIn<Author>, who: Principal) -> String {
    let permissions: Vec<_> = who.permissions().collect();
    let roles: Vec<_> = who.roles().collect();
    format!("{} {} {}", author.id, permissions.join(","), roles.join(","))
}

/// Publishes.
#[post("/articles")]
async fn publish(who: Principal) -> String {
    who.identity()
}

/// Nobody has said which scope opens this.
#[get("/settings")]
async fn settings(author: SignedIn<Author>) -> String {
    author.id.to_string()
}

/// Whoever comes.
#[get("/welcome")]
async fn welcome() -> &'static str {
    "welcome"
}

/// Asks for the person.
#[post("/password")]
async fn password(_: InPerson) -> &'static str {
    "changed"
}

fn app() -> App {
    App::new()
        .models(models![Author])
        .accounts::<Author>()
        .access_tokens::<Author>()
        .token_scope("articles.read", "See your articles")
        .token_scope("articles.publish", "Publish in your name")
        .group(Group::new("/api").routes(routes![publish]).middleware(RequireScope::new("articles.publish")))
        .routes(routes![articles, settings, welcome, password])
}

fn setup(clock: &Arc<TestClock>) -> Setup {
    TestApp::of(app()).clock(clock)
}

async fn author(app: &TestApp) -> Author {
    let password = app.inject::<Passwords>().await.hash("correct horse battery staple").await.unwrap();
    NewAuthor { password }.insert(&app.inject::<Db>().await).await.unwrap()
}

async fn token(app: &TestApp, author: &Author, scopes: &str) -> String {
    let new = NewAccessToken::new("laptop", Scopes::parse(scopes).unwrap());
    app.inject::<AccessTokens>().await.create(author, new).await.unwrap().1
}

#[tokio::test]
async fn is_made_shown_once_listed_used_and_revoked_on_every_engine() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    on_each_engine(
        || setup(&clock),
        async |app| {
            let (ann, db) = (author(app).await, app.inject::<Db>().await);
            let signed_in = app.inject::<Tokens>().await.issue(&ann).unwrap();
            let wanted = json!({ "name": " laptop ", "scopes": ["articles.read"], "expires_in_days": 7 });
            let made = app.post("/account/tokens").bearer(&signed_in).json(&wanted).send().await;
            made.assert_status(201).assert_header("cache-control", "no-store");
            let made: Value = made.json();
            let (text, id) = (made["token"].as_str().unwrap(), made["id"].as_str().unwrap());
            assert!(text.starts_with("mst_") && made["name"] == "laptop", "{made}");

            let row = StoredAccessToken::query().first(&*db).await.unwrap().unwrap();
            assert!(!format!("{row:?}").contains(&text[8..]), "the table does not have the token");
            assert_eq!(row.last_used_at, None);

            app.get("/articles").bearer(text).send().await.assert_text(&format!("{} articles.read ", ann.id));
            let listed: Value = app.get("/account/tokens").bearer(&signed_in).send().await.json();
            assert_eq!(listed["tokens"][0]["id"], id);
            assert_eq!(listed["tokens"][0]["starts_with"], text[..8]);
            assert!(listed["tokens"][0]["last_used_at"].is_string(), "{listed}");
            assert!(
                listed["tokens"][0].get("token").is_none() && listed["tokens"][0].get("digest").is_none()
            );

            // Noted once a minute.
            let note =
                async || StoredAccessToken::query().first(&*db).await.unwrap().unwrap().last_used_at.unwrap();
            let first = note().await;
            clock.advance(Duration::from_secs(59));
            app.get("/articles").bearer(text).send().await.assert_status(200).assert_queries_at_most(2);
            assert_eq!(note().await, first);
            clock.advance(Duration::from_secs(2));
            app.get("/articles").bearer(text).send().await.assert_status(200);
            assert!(note().await > first);

            // Somebody else's is none.
            let bob = author(app).await;
            let of_bob = app.inject::<Tokens>().await.issue(&bob).unwrap();
            let address = format!("/account/tokens/{id}");
            app.delete(&address).bearer(&of_bob).send().await.assert_problem(404, "not_found");
            app.delete(&address).bearer(&signed_in).send().await.assert_status(204);
            app.delete(&address).bearer(&signed_in).send().await.assert_status(404);
            app.get("/articles").bearer(text).send().await.assert_problem(401, "invalid_token");
            app.get("/account/tokens").bearer(&signed_in).send().await.assert_json(json!({ "tokens": [] }));
        },
    )
    .await;
}

#[tokio::test]
async fn ends_with_its_time_and_with_its_owner_but_not_with_the_password() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    on_each_engine(
        || setup(&clock),
        async |app| {
            let (mut ann, db) = (author(app).await, app.inject::<Db>().await);
            let passwords = app.inject::<Passwords>().await;
            let text = token(app, &ann, "articles.read").await;
            let is_good = async || app.get("/articles").bearer(&text).send().await.status() == 200;
            assert!(is_good().await);
            let password = passwords.hash("another").await.unwrap();
            ann.update(|author| author.password(password), &db).await.unwrap();
            assert!(is_good().await, "the program that has it knows no password");
            ann.update(|author| author.active(false), &db).await.unwrap();
            assert!(!is_good().await, "its owner is not active");
            ann.update(|author| author.active(true), &db).await.unwrap();
            assert!(is_good().await);
            clock.advance(Duration::from_secs(30 * 24 * 60 * 60 + 1));
            assert!(!is_good().await, "its time is over");

            let (one, two) = (token(app, &ann, "*").await, token(app, &ann, "*").await);
            assert_eq!(app.inject::<AccessTokens>().await.revoke_all(&ann).await.unwrap(), 3);
            for text in [one, two] {
                app.get("/articles").bearer(&text).send().await.assert_status(401);
            }
            let last = token(app, &ann, "*").await;
            ann.delete(&db).await.unwrap();
            app.get("/articles").bearer(&last).send().await.assert_status(401);
        },
    )
    .await;
}

#[tokio::test]
async fn opens_what_asks_for_its_scopes_and_nothing_else() {
    let app = TestApp::start(app()).await;
    let ann = author(&app).await;
    let reads = token(&app, &ann, "articles.read").await;
    let publishes = token(&app, &ann, "articles.*").await;
    let all = token(&app, &ann, "*").await;
    let signed_in = app.inject::<Tokens>().await.issue(&ann).unwrap();

    let refused = app.post("/api/articles").bearer(&reads).send().await;
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"articles.publish\"";
    refused.assert_problem(403, "insufficient_scope").assert_header("www-authenticate", challenge);
    let identity = ann.principal().identity();
    for text in [&publishes, &all, &signed_in] {
        app.post("/api/articles").bearer(text).send().await.assert_text(&identity);
    }
    // A route that nobody has thought of stays shut.
    for path in ["/settings", "/welcome"] {
        for text in [&reads, &publishes] {
            app.get(path).bearer(text).send().await.assert_problem(403, "insufficient_scope");
        }
        app.get(path).bearer(&all).send().await.assert_status(200);
    }
    // Of the permissions, what the scopes cover; of the roles, none.
    let left = async |text: &str| app.get("/articles").bearer(text).send().await.text().to_owned();
    assert_eq!(left(&reads).await, format!("{} articles.read ", ann.id));
    assert_eq!(left(&publishes).await, format!("{} articles.publish,articles.read ", ann.id));
    assert_eq!(left(&all).await, format!("{} articles.publish,articles.read,users.delete editor", ann.id));
    app.get("/nowhere").bearer(&reads).send().await.assert_status(404);
    app.stop().await;
}

#[tokio::test]
async fn makes_no_other_tokens_and_changes_no_password() {
    let app = TestApp::start(app()).await;
    let ann = author(&app).await;
    let all = token(&app, &ann, "*").await;
    let wanted = json!({ "name": "more", "scopes": ["*"] });
    let made = app.post("/account/tokens").bearer(&all).json(&wanted).send().await;
    made.assert_problem(403, "sign_in_required");
    app.get("/account/tokens").bearer(&all).send().await.assert_problem(403, "sign_in_required");
    app.delete("/account/tokens/x").bearer(&all).send().await.assert_problem(403, "sign_in_required");
    app.post("/password").bearer(&all).send().await.assert_problem(403, "sign_in_required");
    app.post("/password").send().await.assert_status(401);
    app.post("/account/tokens").json(&wanted).send().await.assert_status(401);
    let signed_in = app.inject::<Tokens>().await.issue(&ann).unwrap();
    app.post("/password").bearer(&signed_in).send().await.assert_text("changed");
    app.stop().await;
}

#[tokio::test]
async fn a_token_that_is_not_new_any_more_makes_no_others() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = setup(&clock).start().await;
    let ann = author(&app).await;
    let signed_in = app.inject::<Tokens>().await.issue(&ann).unwrap();
    let wanted = json!({ "name": "backup", "scopes": ["*"] });
    app.post("/account/tokens").bearer(&signed_in).json(&wanted).send().await.assert_status(201);
    clock.advance(std::time::Duration::from_secs(15 * 60));
    let made = app.post("/account/tokens").bearer(&signed_in).json(&wanted).send().await;
    made.assert_problem(403, "proof_required");
    app.get("/account/tokens").bearer(&signed_in).send().await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn refuses_tokens_that_cannot_be_made() {
    let app = TestApp::of(app()).set("access_tokens.max_tokens", "2").start().await;
    let ann = author(&app).await;
    let signed_in = app.inject::<Tokens>().await.issue(&ann).unwrap();
    let make =
        async |wanted: Value| app.post("/account/tokens").bearer(&signed_in).json(&wanted).send().await;
    for (wanted, code) in [
        (json!({ "name": " ", "scopes": ["*"] }), "invalid_name"),
        (json!({ "name": "a\nb", "scopes": ["*"] }), "invalid_name"),
        (json!({ "name": "x".repeat(101), "scopes": ["*"] }), "invalid_name"),
        (json!({ "name": "x", "scopes": [] }), "invalid_scope"),
        (json!({ "name": "x", "scopes": ["articles.raed"] }), "invalid_scope"),
        (json!({ "name": "x", "scopes": ["comments.*"] }), "invalid_scope"),
        (json!({ "name": "x", "scopes": ["articles.read", "<script>"] }), "invalid_scope"),
        (json!({ "name": "x", "scopes": ["*"], "expires_in_days": 0 }), "invalid_lifetime"),
        (json!({ "name": "x", "scopes": ["*"], "expires_in_days": 367 }), "invalid_lifetime"),
        (json!({ "name": "x", "scopes": ["*"], "expires_in_days": u32::MAX }), "invalid_lifetime"),
    ] {
        make(wanted).await.assert_problem(400, code);
    }
    make(json!({ "name": "x" })).await.assert_status(422);
    make(json!({ "name": "x", "scopes": ["*"], "admin": true })).await.assert_status(422);
    let good = json!({ "name": "x", "scopes": ["*"] });
    make(good.clone()).await.assert_status(201);
    make(good.clone()).await.assert_status(201);
    make(good).await.assert_problem(400, "too_many_tokens");
    app.stop().await;
}

#[tokio::test]
async fn tells_a_slip_of_the_pen_without_asking_the_database() {
    let app = TestApp::start(app()).await;
    let ann = author(&app).await;
    let text = token(&app, &ann, "articles.read").await;
    for end in 0..text.len() {
        let refused = app.get("/articles").bearer(&text[..end]).send().await;
        refused.assert_problem(401, "invalid_token").assert_queries_at_most(0);
    }
    for at in 4..text.len() {
        let letter = if text.as_bytes()[at] == b'a' { "b" } else { "a" };
        let slip = format!("{}{letter}{}", &text[..at], &text[at + 1..]);
        let refused = app.get("/articles").bearer(&slip).send().await;
        refused.assert_problem(401, "invalid_token").assert_queries_at_most(0);
    }
    app.stop().await;
}

#[tokio::test]
async fn a_scope_that_nobody_declares_is_found_at_start() {
    let app = App::new()
        .models(models![Author])
        .accounts::<Author>()
        .access_tokens::<Author>()
        .token_scope("articles.reed", "See your articles")
        .routes(routes![articles]);
    let findings = app.assemble(Sources::isolated()).findings().to_string();
    assert!(findings.contains("auth.E020") && findings.contains("articles.reed"), "{findings}");
}

mod page {
    use mainstay_auth::{Named, SignInPagesExt};
    use mainstay_db::Query;

    use super::*;

    impl Named for Author {
        fn by_name(name: &str) -> Query<Self> {
            let id = name.parse::<i64>().unwrap_or_default();
            Self::filter(|author| author.id.eq(id))
        }
    }

    fn app() -> App {
        App::new()
            .models(models![Author])
            .accounts::<Author>()
            .sign_in_pages::<Author>()
            .access_token_pages::<Author>()
            .token_scope("articles.read", "See <your> articles")
            .routes(routes![articles])
    }

    #[tokio::test]
    async fn makes_shows_once_and_revokes_tokens_without_scripts() {
        let clock = Arc::new(TestClock::at(SystemTime::now()));
        let app = TestApp::of(app()).clock(&clock).start().await;
        let (ann, client) = (author(&app).await, app.client());
        let away = client.get("/account/access-tokens").header("accept", "text/html").send().await;
        away.assert_redirect("/account/login?next=%2Faccount%2Faccess-tokens");
        let login = [("name", ann.id.to_string()), ("password", "correct horse battery staple".to_owned())];
        client.post("/account/login").form(&login).send().await.assert_redirect("/");
        client.get("/account").send().await.assert_text_contains("Access tokens");
        let page = client.get("/account/access-tokens").send().await;
        page.assert_status(200).assert_text_contains("See &lt;your&gt; articles");

        let wanted = [("name", "laptop"), ("scopes", "articles.read"), ("days", "30")];
        let made = client.post("/account/access-tokens").form(&wanted).send().await;
        made.assert_status(200).assert_header("cache-control", "no-store");
        let text = made.text();
        let at = text.find("mst_").unwrap();
        let token = &text[at..at + 40];
        client.stranger().get("/articles").bearer(token).send().await.assert_status(200);
        let page = client.get("/account/access-tokens").send().await;
        assert!(!page.text().contains(token) && page.text().contains(&token[..8]));

        // What is wrong is said on the page, and what was ticked stays so.
        let long = "x".repeat(101);
        let wanted_too_long = [("name", &*long), ("scopes", "articles.read"), ("days", "30")];
        let again = client.post("/account/access-tokens").form(&wanted_too_long).send().await;
        again.assert_status(400).assert_text_contains("value=\"articles.read\" checked");
        assert!(!again.text().contains("value=\"*\" checked"), "{}", again.text());
        let none = client.post("/account/access-tokens").form(&[("name", "x"), ("days", "30")]).send().await;
        none.assert_status(422).assert_text_contains("Choose at least one.");
        for wanted in [[("name", "x"), ("days", "30")], [("name", " "), ("days", "30")]] {
            let again = client.post("/account/access-tokens").form(&wanted).send().await;
            again.assert_text_contains("role=\"alert\"");
            assert!(again.status().is_client_error());
        }
        // The token opens no page.
        let by_token = client.stranger().get("/account/access-tokens").bearer(token).send().await;
        by_token.assert_status(403);

        let id = page.text().split_once("name=\"id\" value=\"").unwrap().1;
        let form = [("id", &id[..32])];
        client
            .post("/account/access-tokens/revoke")
            .form(&form)
            .send()
            .await
            .assert_redirect("/account/access-tokens");
        client.get("/account/access-tokens").send().await.assert_text_contains("The token has been revoked.");
        client.stranger().get("/articles").bearer(token).send().await.assert_status(401);

        // Long after the password was typed, it is asked for again.
        clock.advance(Duration::from_secs(3600));
        let late =
            client.post("/account/access-tokens").form(&wanted).header("accept", "text/html").send().await;
        late.assert_redirect("/account/confirm?next=%2Faccount%2Faccess-tokens");
        app.stop().await;
    }
}
