//! Devices with access and refresh tokens.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use mainstay_auth::audit::AuditEntry;
use mainstay_auth::jwt::keys::StoredSigningKey;
use mainstay_auth::jwt::table::{StoredRefreshToken, StoredSignIn};
use mainstay_auth::jwt::{JwtError, KeySet, SigningKeys, Verifier};
use mainstay_auth::scopes::RequireScope;
use mainstay_auth::{
    AccessTokensExt, Account, AccountsExt, AuditLogExt, JwtExt, Named, PasswordHash, Passwords, ScopesExt,
    SignedIn,
};
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::config::Sources;
use mainstay_core::keys::base64url;
use mainstay_core::principal::Principal;
use mainstay_core::{App, Profile};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{Group, RoutesExt, get, post, routes};
use mainstay_test::{Client, Setup, TestApp, on_each_engine};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse battery staple";

#[model]
struct Reader {
    id: i64,
    #[field(unique, max_length = 254)]
    email: String,
    #[field(hidden)]
    password: PasswordHash,
    #[field(default = true)]
    active: bool,
}

impl Account for Reader {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(reader: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        reader.password.set(hash)
    }

    fn is_active(&self) -> bool {
        self.active
    }

    fn principal(&self) -> Principal {
        mainstay_auth::account::principal_of(self).with_role("reader").with_permission("books.read")
    }
}

impl Named for Reader {
    fn by_name(name: &str) -> Query<Self> {
        Self::filter(|reader| reader.email.eq(name))
    }
}

/// Who it is, for which nobody asks the database.
#[get("/who")]
async fn who(who: Principal) -> String {
    format!("{} {}", who.id(), who.has_role("reader"))
}

/// The account.
#[get("/me")]
async fn me(reader: SignedIn<Reader>) -> String {
    reader.email.clone()
}

/// The account, if there is one.
#[get("/maybe")]
async fn maybe(reader: Option<SignedIn<Reader>>) -> String {
    reader.map_or_else(|| "nobody".to_owned(), |reader| reader.email.clone())
}

/// Lends a book.
#[post("/loans")]
async fn lend(who: Principal) -> String {
    who.may("books.read").to_string()
}

fn app() -> App {
    App::new()
        .models(models![Reader])
        .accounts::<Reader>()
        .token_login::<Reader>()
        .audit_log()
        .token_scope("books.read", "See books")
        .token_scope("loans.write", "Lend books")
        .group(Group::new("").routes(routes![lend]).middleware(RequireScope::new("loans.write")))
        .routes(routes![who, me, maybe])
}

fn setup(clock: &Arc<TestClock>) -> Setup {
    TestApp::of(app()).clock(clock)
}

/// A whole second, so that what is expected can be counted.
fn clock() -> Arc<TestClock> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Arc::new(TestClock::at(UNIX_EPOCH + Duration::from_secs(now)))
}

async fn reader(app: &TestApp, email: &str) -> Reader {
    let password = app.inject::<Passwords>().await.hash(PASSWORD).await.unwrap();
    NewReader { email: email.to_owned(), password }.insert(&app.inject::<Db>().await).await.unwrap()
}

struct Pair {
    access: String,
    refresh: String,
}

fn pair(answer: &Value) -> Pair {
    let text = |name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    Pair { access: text("access_token"), refresh: text("refresh_token") }
}

async fn log_in(client: &Client, email: &str) -> Pair {
    let login = json!({ "name": email, "password": PASSWORD });
    let answer = client.post("/account/token").json(&login).send().await;
    answer.assert_status(200).assert_header("cache-control", "no-store");
    pair(&answer.json())
}

async fn refresh(client: &Client, token: &str) -> Result<Pair, String> {
    let answer = client.post("/account/token/refresh").json(&json!({ "refresh_token": token })).send().await;
    let body: Value = answer.json();
    match answer.status().as_u16() {
        200 => Ok(pair(&body)),
        400 => Err(body["code"].as_str().unwrap().to_owned()),
        other => panic!("{other}: {body}"),
    }
}

async fn status(client: &Client, access: &str) -> u16 {
    client.get("/me").bearer(access).send().await.status().as_u16()
}

/// A token for minutes does not become one for a year in the hands of whoever has found it.
#[tokio::test]
async fn makes_tokens_for_programs_only_soon_after_signing_in() {
    let clock = clock();
    let app = TestApp::of(app().access_tokens::<Reader>()).clock(&clock).start().await;
    reader(&app, "ann@example.org").await;
    let client = app.client();
    let device = log_in(&client, "ann@example.org").await;
    let wanted = json!({ "name": "backup", "scopes": ["books.read"] });
    let make = async |access: &str| client.post("/account/tokens").bearer(access).json(&wanted).send().await;
    make(&device.access).await.assert_status(201);
    clock.advance(Duration::from_secs(14 * 60));
    make(&device.access).await.assert_status(201);
    let later = refresh(&client, &device.refresh).await.unwrap();
    clock.advance(Duration::from_secs(60));
    make(&later.access).await.assert_problem(403, "proof_required");
    make(&log_in(&client, "ann@example.org").await.access).await.assert_status(201);
}

#[tokio::test]
async fn signs_in_comes_back_and_finds_a_thief_on_every_engine() {
    let clock = clock();
    on_each_engine(
        || setup(&clock),
        async |app| {
            let (client, db) = (app.client(), app.inject::<Db>().await);
            let ann = reader(app, "ann@example.org").await;
            let first = log_in(&client, "ann@example.org").await;
            client.get("/me").bearer(&first.access).send().await.assert_text("ann@example.org");
            client.get("/who").bearer(&first.access).send().await.assert_text(&format!("{} true", ann.id));
            for row in StoredRefreshToken::query().all(&*db).await.unwrap() {
                assert!(!format!("{row:?}").contains(&first.refresh), "the table does not have the token");
            }

            clock.advance(Duration::from_secs(60));
            let second = refresh(&client, &first.refresh).await.unwrap();
            assert_ne!(first.refresh, second.refresh);
            assert_eq!(status(&client, &second.access).await, 200);
            let other = log_in(&client, "ann@example.org").await;

            // Somebody has the first one still.
            clock.advance(Duration::from_secs(60));
            assert_eq!(refresh(&client, &first.refresh).await.err().unwrap(), "invalid_grant");
            for access in [&first.access, &second.access] {
                assert_eq!(status(&client, access).await, 401, "the device is signed out");
            }
            assert_eq!(refresh(&client, &second.refresh).await.err().unwrap(), "invalid_grant");
            assert_eq!(status(&client, &other.access).await, 200, "the other device is another");
            let told =
                AuditEntry::filter(|entry| entry.event.eq("refresh_token.reused")).all(&*db).await.unwrap();
            assert_eq!(told.len(), 1);
            assert_eq!(told[0].account.as_deref(), Some(&*ann.principal().identity()));
            let ended = StoredSignIn::filter(|row| row.ended_by.eq("reuse")).count(&*db).await.unwrap();
            assert_eq!(ended, 1);
        },
    )
    .await;
}

#[tokio::test]
async fn a_client_that_has_not_got_the_answer_may_ask_once_more() {
    let clock = clock();
    on_each_engine(
        || setup(&clock),
        async |app| {
            let client = app.client();
            reader(app, "ann@example.org").await;
            let first = log_in(&client, "ann@example.org").await;
            let second = refresh(&client, &first.refresh).await.unwrap();
            clock.advance(Duration::from_secs(9));
            let again = refresh(&client, &first.refresh).await.unwrap();
            assert_eq!(again.refresh, second.refresh, "there is one successor");
            // It has been used: whoever sends the first one now is somebody else.
            refresh(&client, &second.refresh).await.unwrap();
            assert_eq!(refresh(&client, &first.refresh).await.err().unwrap(), "invalid_grant");
            assert_eq!(status(&client, &second.access).await, 401);
        },
    )
    .await;
}

#[tokio::test]
async fn of_many_at_once_one_wins() {
    on_each_engine(
        || setup(&clock()).set("jwt.retry_grace", "0s"),
        async |app| {
            let (client, db) = (app.client(), app.inject::<Db>().await);
            reader(app, "ann@example.org").await;
            let first = log_in(&client, "ann@example.org").await;
            let answers = join_all((0..8).map(|_| refresh(&client, &first.refresh))).await;
            let won: Vec<_> = answers.into_iter().flatten().collect();
            assert_eq!(won.len(), 1);
            assert_eq!(StoredRefreshToken::query().count(&*db).await.unwrap(), 2);
            // Seven were somebody else.
            assert_eq!(status(&client, &won[0].access).await, 401);
        },
    )
    .await;
    on_each_engine(
        || setup(&clock()),
        async |app| {
            let (client, db) = (app.client(), app.inject::<Db>().await);
            reader(app, "ann@example.org").await;
            let first = log_in(&client, "ann@example.org").await;
            let answers = join_all((0..8).map(|_| refresh(&client, &first.refresh))).await;
            let successors: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().refresh).collect();
            assert!(successors.iter().all(|one| *one == successors[0]), "all tabs have the same");
            assert_eq!(StoredRefreshToken::query().count(&*db).await.unwrap(), 2);
            refresh(&client, &successors[0]).await.unwrap();
        },
    )
    .await;
}

#[tokio::test]
async fn asks_the_database_at_first_sight_and_for_the_account() {
    let clock = clock();
    let app = setup(&clock).start().await;
    let client = app.client();
    reader(&app, "ann@example.org").await;
    let Pair { access, .. } = log_in(&client, "ann@example.org").await;
    client.get("/me").bearer(&access).send().await.assert_status(200).assert_queries_at_most(2);
    for _ in 0..3 {
        client.get("/who").bearer(&access).send().await.assert_status(200).assert_queries_at_most(0);
        client.get("/me").bearer(&access).send().await.assert_status(200).assert_queries_at_most(1);
        client.get("/maybe").bearer(&access).send().await.assert_text("ann@example.org");
    }
    client.get("/maybe").send().await.assert_text("nobody");
    app.stop().await;
}

#[tokio::test]
async fn what_was_ended_elsewhere_is_refused_within_the_bound() {
    let clock = clock();
    on_each_engine(
        || setup(&clock).set("jwt.recheck", "20s"),
        async |app| {
            let (client, db) = (app.client(), app.inject::<Db>().await);
            reader(app, "ann@example.org").await;
            let Pair { access, .. } = log_in(&client, "ann@example.org").await;
            assert_eq!(status(&client, &access).await, 200);
            // As another process does it.
            let now = chrono::DateTime::<chrono::Utc>::from(clock.now());
            StoredSignIn::query().update(|row| row.ended_at(now), &*db).await.unwrap();
            let who = async || client.get("/who").bearer(&access).send().await.status().as_u16();
            clock.advance(Duration::from_secs(19));
            assert_eq!(who().await, 200);
            clock.advance(Duration::from_secs(1));
            assert_eq!(who().await, 401);
        },
    )
    .await;
}

#[tokio::test]
async fn ends_with_its_time_with_the_password_and_with_the_account() {
    let clock = clock();
    let app = setup(&clock).start().await;
    let (client, db) = (app.client(), app.inject::<Db>().await);
    let mut ann = reader(&app, "ann@example.org").await;
    let first = log_in(&client, "ann@example.org").await;
    clock.advance(Duration::from_secs(15 * 60 + 29));
    assert_eq!(status(&client, &first.access).await, 200, "within the leeway");
    clock.advance(Duration::from_secs(1));
    assert_eq!(status(&client, &first.access).await, 401, "the cache does not extend it");

    ann.update(|reader| reader.active(false), &db).await.unwrap();
    assert_eq!(refresh(&client, &first.refresh).await.err().unwrap(), "invalid_grant");
    ann.update(|reader| reader.active(true), &db).await.unwrap();
    assert_eq!(refresh(&client, &first.refresh).await.err().unwrap(), "invalid_grant", "it was signed out");

    let second = log_in(&client, "ann@example.org").await;
    assert_eq!(status(&client, &second.access).await, 200);
    let password = app.inject::<Passwords>().await.hash("another").await.unwrap();
    ann.update(|reader| reader.password(password), &db).await.unwrap();
    clock.advance(Duration::from_secs(30));
    assert_eq!(status(&client, &second.access).await, 401);
    assert_eq!(refresh(&client, &second.refresh).await.err().unwrap(), "invalid_grant");
    let login = json!({ "name": "ann@example.org", "password": PASSWORD });
    client.post("/account/token").json(&login).send().await.assert_problem(401, "wrong_credentials");

    let password = app.inject::<Passwords>().await.hash(PASSWORD).await.unwrap();
    ann.update(|reader| reader.password(password), &db).await.unwrap();
    let third = log_in(&client, "ann@example.org").await;
    clock.advance(Duration::from_secs(30 * 24 * 60 * 60));
    assert_eq!(refresh(&client, &third.refresh).await.err().unwrap(), "invalid_grant", "too long away");
    // However often it comes back, it ends.
    let mut last = log_in(&client, "ann@example.org").await;
    for _ in 0..8 {
        clock.advance(Duration::from_secs(20 * 24 * 60 * 60));
        app.inject::<SigningKeys>().await.keep_up().await.unwrap();
        last = refresh(&client, &last.refresh).await.unwrap();
    }
    clock.advance(Duration::from_secs(20 * 24 * 60 * 60));
    assert_eq!(refresh(&client, &last.refresh).await.err().unwrap(), "invalid_grant");
    app.stop().await;
}

#[tokio::test]
async fn shows_devices_and_signs_them_out() {
    let app = TestApp::start(app()).await;
    let client = app.client();
    reader(&app, "ann@example.org").await;
    reader(&app, "bob@example.org").await;
    let here = log_in(&client.stranger().with_header("user-agent", "Phone/1"), "ann@example.org").await;
    let there = log_in(&client.stranger().with_header("user-agent", "Laptop/2"), "ann@example.org").await;
    let third = log_in(&client, "ann@example.org").await;
    let of_bob = log_in(&client, "bob@example.org").await;
    let listed: Value = client.get("/account/devices").bearer(&here.access).send().await.json();
    let devices = listed["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 3, "{listed}");
    let this = devices.iter().find(|device| device["agent"] == "Phone/1").unwrap();
    let other = devices.iter().find(|device| device["agent"] == "Laptop/2").unwrap();
    assert!(this["is_this"] == true && other["is_this"] == false, "{listed}");

    let address = format!("/account/devices/{}", other["id"].as_str().unwrap());
    client.delete(&address).bearer(&of_bob.access).send().await.assert_status(404);
    assert_eq!(status(&client, &there.access).await, 200);
    client.delete(&address).bearer(&here.access).send().await.assert_status(204);
    assert_eq!(status(&client, &there.access).await, 401);
    client.delete("/account/devices").bearer(&here.access).send().await.assert_status(204);
    assert_eq!(status(&client, &third.access).await, 401);
    assert_eq!(status(&client, &here.access).await, 200);
    assert_eq!(status(&client, &of_bob.access).await, 200);
    // A device signs itself out; what is no token is as good as signed out.
    for _ in 0..2 {
        let revoked = client.post("/account/token/revoke").json(&json!({ "refresh_token": here.refresh }));
        revoked.send().await.assert_status(204);
    }
    assert_eq!(status(&client, &here.access).await, 401);
    client
        .post("/account/token/revoke")
        .json(&json!({ "refresh_token": "x" }))
        .send()
        .await
        .assert_status(204);
    app.stop().await;
}

#[tokio::test]
async fn a_device_may_have_less_than_its_owner() {
    let app = TestApp::start(app()).await;
    let client = app.client();
    reader(&app, "ann@example.org").await;
    let login = |scope: &str| json!({ "name": "ann@example.org", "password": PASSWORD, "scope": scope });
    let unknown = client.post("/account/token").json(&login("books.burn")).send().await;
    unknown.assert_problem(400, "invalid_scope");
    let answer: Value = client.post("/account/token").json(&login("loans.write")).send().await.json();
    assert_eq!(answer["scope"], "loans.write");
    let limited = pair(&answer);
    client.post("/loans").bearer(&limited.access).send().await.assert_text("false");
    client.get("/me").bearer(&limited.access).send().await.assert_problem(403, "insufficient_scope");
    client.get("/account/devices").bearer(&limited.access).send().await.assert_status(403);
    let next = refresh(&client, &limited.refresh).await.unwrap();
    client.get("/me").bearer(&next.access).send().await.assert_problem(403, "insufficient_scope");
    let full = log_in(&client, "ann@example.org").await;
    client.post("/loans").bearer(&full.access).send().await.assert_text("true");
    app.stop().await;
}

#[tokio::test]
async fn keys_change_by_schedule_and_are_published_before() {
    let clock = clock();
    on_each_engine(
        || setup(&clock).set("jwt.rotation", "24h").set("jwt.algorithm", "EdDSA"),
        async |app| {
            let (client, keys) = (app.client(), app.inject::<SigningKeys>().await);
            let db = app.inject::<Db>().await;
            reader(app, "ann@example.org").await;
            let published = async || {
                let answer = client.get("/.well-known/jwks.json").send().await;
                answer.assert_status(200).assert_header("cache-control", "public, max-age=300");
                let set: Value = answer.json();
                assert!(!answer.text().contains("\"d\""), "no private part is published");
                let ids =
                    set["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned());
                (ids.collect::<Vec<_>>(), KeySet::from_jwks(answer.text()).unwrap())
            };
            let (first, _) = published().await;
            assert_eq!(first.len(), 1);
            let of = |token: &str| {
                let header = base64url::decode(token.split('.').next().unwrap()).unwrap();
                let header: Value = serde_json::from_slice(&header).unwrap();
                assert_eq!((&header["alg"], &header["typ"]), (&json!("EdDSA"), &json!("at+jwt")));
                header["kid"].as_str().unwrap().to_owned()
            };
            // Nearly a day later: the next is published, and the first signs.
            clock.advance(Duration::from_secs(24 * 3600 - 20 * 60));
            keys.keep_up().await.unwrap();
            let (both, set) = published().await;
            assert_eq!((both.len(), &both[0]), (2, &first[0]));
            let before = log_in(&client, "ann@example.org").await;
            assert_eq!(of(&before.access), both[0]);
            // Somebody else checks it, by what is published alone.
            let verifier = Verifier::new("http://localhost", "http://localhost").types(&["at+jwt"]);
            let claims = verifier.verify(&before.access, &set, clock.now()).unwrap();
            assert_eq!(claims.text("scope"), Some("*"));
            let stranger = Verifier::new("http://localhost", "another").types(&["at+jwt"]);
            assert_eq!(stranger.verify(&before.access, &set, clock.now()), Err(JwtError::Audience));

            clock.advance(Duration::from_secs(21 * 60));
            let second = log_in(&client, "ann@example.org").await;
            assert_eq!(of(&second.access), both[1], "the next one signs, though nobody has looked again");
            clock.advance(Duration::from_secs(10 * 60));
            let last = log_in(&client, "ann@example.org").await;
            // What the old one has signed is over: so is the old one.
            clock.advance(Duration::from_secs(7 * 60));
            keys.keep_up().await.unwrap();
            keys.keep_up().await.unwrap();
            assert_eq!(published().await.0, [both[1].clone()]);
            assert_eq!(status(&client, &last.access).await, 200);
            assert_eq!(StoredSigningKey::query().count(&*db).await.unwrap(), 1);

            // One has leaked.
            keys.replace().await.unwrap();
            let third = published().await.0;
            assert!(third.len() == 1 && third[0] != both[1]);
            clock.advance(Duration::from_secs(30));
            assert_eq!(status(&client, &last.access).await, 401);
            let next = refresh(&client, &last.refresh).await.unwrap();
            assert_eq!(of(&next.access), third[0]);
        },
    )
    .await;
}

#[tokio::test]
async fn several_processes_agree_on_one_key() {
    on_each_engine(
        || setup(&clock()),
        async |app| {
            let (keys, db) = (app.inject::<SigningKeys>().await, app.inject::<Db>().await);
            StoredSigningKey::query().delete(&*db).await.unwrap();
            for made in join_all((0..6).map(|_| keys.keep_up())).await {
                made.unwrap();
            }
            let rows = StoredSigningKey::query().all(&*db).await.unwrap();
            assert_eq!(rows.len(), 1);
            assert_eq!(keys.public().keys()[0].id(), Some(rows[0].id.as_str()));
            // A key that this application has not sealed signs nothing and checks nothing, wherever it comes from.
            let moved = rows[0].sealed.clone();
            let stranger = StoredSigningKey::query();
            stranger.update(|key| key.number(2), &*db).await.unwrap();
            keys.keep_up().await.unwrap();
            let now = StoredSigningKey::query().order_by(|key| key.number.asc()).all(&*db).await.unwrap();
            assert_eq!(now.len(), 2, "a new one was made");
            assert_eq!(now[0].sealed, moved);
            assert_eq!(keys.public().keys().len(), 1);
            assert_eq!(keys.public().keys()[0].id(), Some(now[1].id.as_str()));
        },
    )
    .await;
}

#[tokio::test]
async fn whatever_is_sent_in_place_of_a_token_is_refused() {
    let app = TestApp::start(app()).await;
    let client = app.client();
    reader(&app, "ann@example.org").await;
    let Pair { access, refresh: spare } = log_in(&client, "ann@example.org").await;
    assert_eq!(status(&client, &access).await, 200);
    let mut sent: Vec<String> = (0..access.len()).step_by(7).map(|end| access[..end].to_owned()).collect();
    for at in (0..access.len()).step_by(5) {
        let letter = if access.as_bytes()[at] == b'A' { "B" } else { "A" };
        sent.push(format!("{}{letter}{}", &access[..at], &access[at + 1..]));
    }
    sent.extend(["..", "...", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "🦀.🦀.🦀", "\u{e9}"].map(str::to_owned));
    sent.push(format!("{access}.{access}"));
    sent.push(format!("{access}."));
    sent.push(access.to_uppercase());
    sent.push(spare.clone());
    sent.push("x.".repeat(6000));
    for text in &sent {
        let Ok(value) = http::HeaderValue::from_str(&format!("Bearer {text}")) else { continue };
        if value.to_str().is_err() {
            continue;
        }
        for path in ["/me", "/who", "/maybe"] {
            let refused = client.get(path).bearer(text).send().await;
            refused.assert_problem(401, "invalid_token");
            refused.assert_header("www-authenticate", "Bearer error=\"invalid_token\"");
        }
    }
    for text in ["", "x", &access, &spare[1..], &format!("{spare}0"), &spare.to_uppercase()] {
        assert_eq!(refresh(&client, text).await.err().unwrap(), "invalid_grant", "{text}");
    }
    refresh(&client, &spare).await.unwrap();
    app.stop().await;
}

#[tokio::test]
async fn production_says_who_makes_the_tokens() {
    let sources = || Sources::isolated().variable("MAINSTAY_PROFILE", Profile::Production.name());
    let findings = app().assemble(sources()).findings().to_string();
    assert!(findings.contains("auth.E021"), "{findings}");
    let set = sources().variable("MAINSTAY__JWT__ISSUER", "https://books.example");
    let findings = app().assemble(set).findings().to_string();
    assert!(!findings.contains("auth.E021"), "{findings}");
    let wrong = Sources::isolated()
        .variable("MAINSTAY__JWT__ALGORITHM", "RS256")
        .variable("MAINSTAY__JWT__RETRY_GRACE", "1h");
    let findings = app().assemble(wrong).findings().to_string();
    assert!(findings.contains("jwt.algorithm") && findings.contains("jwt.retry_grace"), "{findings}");
}
