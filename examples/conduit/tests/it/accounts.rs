//! Registration, login, and one's own account.

use conduit::users::User;
use mainstay::auth::audit::{AuditEntry, Outcome};
use mainstay::prelude::*;
use mainstay_test::{Client, TestApp, TestResponse};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

async fn register(client: &Client, user: Value) -> TestResponse {
    client.post("/api/users").json(&json!({ "user": user })).send().await
}

fn errors(response: &TestResponse) -> Vec<String> {
    let body: Value = response.json();
    body["errors"]["body"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line.as_str().expect("a text").to_owned())
        .collect()
}

fn ann() -> Value {
    json!({ "username": "ann", "email": "ann@example.org", "password": "conduit-1" })
}

#[tokio::test]
async fn registers_signs_in_and_shows_who_one_is() {
    let app = TestApp::start(conduit::app()).await;
    let client = app.client();
    let created: Value = register(&client, ann()).await.assert_status(201).json();
    assert_eq!(created["user"]["username"], "ann");
    assert_eq!(created["user"].as_object().expect("an object").len(), 5, "{created}");
    let token = format!("Token {}", created["user"]["token"].as_str().expect("a text"));
    let own: Value =
        app.get("/api/user").header("authorization", &token).send().await.assert_status(200).json();
    assert_eq!(own["user"]["email"], "ann@example.org");

    let credentials = json!({ "user": { "email": "ann@example.org", "password": "conduit-1" } });
    let entered: Value =
        app.post("/api/users/login").json(&credentials).send().await.assert_status(200).json();
    let token = format!("Token {}", entered["user"]["token"].as_str().expect("a text"));
    app.get("/api/user").header("authorization", &token).send().await.assert_json_at("/user/bio", json!(""));
    app.get("/api/user").send().await.assert_status(401);
    app.stop().await;
}

#[tokio::test]
async fn refuses_what_is_taken_or_breaks_a_rule() {
    let app = TestApp::start(conduit::app()).await;
    let client = app.client();
    register(&client, ann()).await.assert_status(201);
    for (field, value) in [("username", "ann2"), ("email", "ann2@example.org")] {
        let mut again = ann();
        again[field] = json!(value);
        let refused = register(&client, again).await;
        let taken = if field == "username" { "email" } else { "username" };
        assert!(errors(refused.assert_status(422))[0].contains(taken), "{}", refused.text());
    }
    let refused = register(&client, json!({ "username": "", "email": "ann", "password": "short" })).await;
    assert_eq!(errors(refused.assert_status(422)).len(), 3, "{}", refused.text());
    let refused =
        register(&client, json!({ "username": "bob", "email": "bob@example.org", "password": "password1" }))
            .await;
    assert!(errors(refused.assert_status(422))[0].starts_with("password"), "{}", refused.text());
    let refused = register(&client, json!({ "username": "bob" })).await;
    assert!(
        refused.status().is_client_error() && errors(&refused)[0].contains("email"),
        "{}",
        refused.text()
    );
    app.stop().await;
}

#[tokio::test]
async fn refuses_wrong_credentials_with_the_same_words() {
    let app = TestApp::start(conduit::app()).await;
    register(&app.client(), ann()).await.assert_status(201);
    let mut words = Vec::new();
    for (email, password) in [("ann@example.org", "conduit-2"), ("bob@example.org", "conduit-1")] {
        let credentials = json!({ "user": { "email": email, "password": password } });
        let refused = app.post("/api/users/login").json(&credentials).send().await;
        words.push(errors(refused.assert_status(401)));
    }
    assert_eq!(words[0], words[1]);
    app.stop().await;
}

#[tokio::test]
async fn changes_what_is_named_and_makes_old_tokens_void_with_the_password() {
    let app = TestApp::start(conduit::app()).await;
    let created: Value = register(&app.client(), ann()).await.json();
    let token = format!("Token {}", created["user"]["token"].as_str().expect("a text"));
    let change = async |user: Value, token: &str| {
        let body = json!({ "user": user });
        app.put("/api/user").header("authorization", token).json(&body).send().await
    };
    let changed = change(json!({ "bio": "Writes.", "image": "/ann.png" }), &token).await;
    let changed: Value = changed.assert_status(200).json();
    assert_eq!((&changed["user"]["bio"], &changed["user"]["username"]), (&json!("Writes."), &json!("ann")));
    change(json!({}), &token).await.assert_status(200).assert_json_at("/user/bio", json!("Writes."));
    change(json!({ "email": "none" }), &token).await.assert_status(422);

    let changed: Value = change(json!({ "password": "conduit-2" }), &token).await.assert_status(200).json();
    app.get("/api/user").header("authorization", &token).send().await.assert_status(401);
    let token = format!("Token {}", changed["user"]["token"].as_str().expect("a text"));
    app.get("/api/user").header("authorization", &token).send().await.assert_status(200);
    let credentials = json!({ "user": { "email": "ann@example.org", "password": "conduit-2" } });
    app.post("/api/users/login").json(&credentials).send().await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn the_authors_of_the_seed_sign_in() {
    let app = crate::conduit().await;
    let credentials =
        json!({ "user": { "email": "priya@example.net", "password": conduit::seed::PASSWORD } });
    let entered = app.post("/api/users/login").json(&credentials).send().await;
    entered.assert_status(200).assert_json_at("/user/username", json!("priya_natarajan"));
    app.stop().await;
}

#[tokio::test]
async fn an_author_signs_in_with_a_browser_too() {
    let app = crate::conduit().await;
    let client = app.client();
    client.get("/api/user").send().await.assert_status(401);
    let sent = [("name", "priya@example.net"), ("password", conduit::seed::PASSWORD)];
    client.post("/account/login?next=/docs").form(&sent).send().await.assert_redirect("/docs");
    client.get("/api/articles/feed").send().await.assert_status(200);
    client.get("/account/sessions").send().await.assert_text_contains("(this one)");
    client.post("/account/logout").send().await.assert_redirect("/account/login");
    client.get("/api/user").send().await.assert_status(401);
    app.stop().await;
}

#[tokio::test]
async fn a_reader_registers_forgets_the_password_and_gets_in_again() {
    let app = crate::conduit().await;
    let client = app.client();
    let link = async || {
        app.run_jobs().await;
        let mails = app.mails().await;
        let link = mails.last().expect("a mail").links().next().expect("a link").to_owned();
        link[link.find("/account").expect("to a page of accounts")..].to_owned()
    };
    let form = [("email", "Robin@Example.org"), ("username", "robin"), ("password", "correct horse")];
    client.post("/account/register").form(&form).send().await.assert_status(200);
    let nothing: [(&str, &str); 0] = [];
    client.post(&link().await).form(&nothing).send().await.assert_redirect("/");
    client.get("/api/user").send().await.assert_json_at("/user/email", json!("robin@example.org"));
    let taken = [("email", "other@example.org"), ("username", "robin"), ("password", "correct horse")];
    let refused = client.stranger().post("/account/register").form(&taken).send().await;
    refused.assert_status(422).assert_text_contains("Somebody else has this name.");

    client.post("/account/logout").send().await;
    client.post("/account/forgot").form(&[("email", "robin@example.org")]).send().await.assert_status(200);
    let chosen = client.post(&link().await).form(&[("password", "battery staple")]).send().await;
    chosen.assert_redirect("/account/login");
    let login = json!({ "user": { "email": "robin@example.org", "password": "battery staple" } });
    app.post("/api/users/login").json(&login).send().await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn passwords_are_not_guessed_by_the_thousand() {
    let app = TestApp::start(conduit::app()).await;
    let guess = async |name: &str| {
        let guess = json!({ "user": { "email": format!("{name}@example.org"), "password": "a guess" } });
        app.post("/api/users/login").json(&guess).send().await
    };
    // Those at one account sooner than those at any.
    for _ in 0..10 {
        guess("ann").await.assert_status(401);
    }
    let refused = guess("ann").await;
    refused.assert_status(429);
    assert!(errors(&refused)[0].starts_with("There were too many attempts."), "{:?}", errors(&refused));
    for number in 0..9 {
        guess(&format!("reader{number}")).await.assert_status(401);
    }
    let refused = guess("somebody").await;
    refused.assert_status(429);
    let wait = refused.header("retry-after").expect("how long to wait");
    assert!((1..=3).contains(&wait.parse::<u32>().expect("seconds")), "{wait}");
    assert!(errors(&refused)[0].starts_with("Too many requests: try again in "), "{:?}", errors(&refused));
    // Nor are accounts made by the thousand; and what asks for no password goes on.
    register(&app.client(), ann()).await.assert_status(429);
    app.get("/api/tags").send().await.assert_status(200).assert_no_header("ratelimit");
    app.stop().await;
}

#[tokio::test]
async fn the_password_alone_lets_nobody_in_who_has_a_second_factor() {
    let app = crate::conduit().await;
    let (db, factors) = (app.inject::<Db>().await, app.inject::<SecondFactors>().await);
    let priya = User::filter(|user| user.email.eq("priya@example.net")).one(&db).await.expect("in the seed");
    let begun = factors.begin(&priya.principal().identity());
    let secret = Secret::try_from_base32(begun.secret()).expect("a secret");
    let totp = Builder::new().with_secret(secret).build().expect("it fits");
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let on = factors.turn_on(&begun, &totp.generate(now).to_string()).await.expect("a database");
    let codes = on.expect("the code is right");

    let login = |code: Option<&str>| {
        let mut user = json!({ "email": "priya@example.net", "password": conduit::seed::PASSWORD });
        if let Some(code) = code {
            user["code"] = json!(code);
        }
        app.post("/api/users/login").json(&json!({ "user": user })).send()
    };
    let refused = login(None).await;
    let told = vec!["Send a code of your authenticator app as well."];
    assert_eq!(errors(refused.assert_status(401)), told);
    assert_eq!(
        errors(login(Some("000000")).await.assert_status(401)),
        ["This code is not right, or was used already."]
    );
    login(Some(&codes[0]))
        .await
        .assert_status(200)
        .assert_json_at("/user/username", json!("priya_natarajan"));
    login(Some(&codes[0])).await.assert_status(401);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(login(Some("000000")).await.status().as_u16());
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    drop((db, factors));
    app.stop().await;
}

#[tokio::test]
async fn what_happens_to_an_account_is_in_the_audit_log() {
    let app = TestApp::start(conduit::app()).await;
    let created: Value = register(&app.client(), ann()).await.assert_status(201).json();
    let header = format!("Token {}", created["user"]["token"].as_str().expect("a text"));
    for (password, status) in [("wrong", 401), ("conduit-1", 200)] {
        let login = json!({ "user": { "email": "ann@example.org", "password": password } });
        app.post("/api/users/login").json(&login).send().await.assert_status(status);
    }
    let change = json!({ "user": { "email": "ann@example.com", "password": "conduit-2", "bio": "New." } });
    app.put("/api/user").header("authorization", &header).json(&change).send().await.assert_status(200);
    let db = app.inject::<Db>().await;
    let entries =
        AuditEntry::query().order_by(|entry| entry.position).all(&db).await.expect("they are there");
    let told: Vec<_> = entries.iter().map(|entry| (&*entry.event, entry.outcome == Outcome::Done)).collect();
    let expected = [
        ("registration.finished", true),
        ("login", false),
        ("login", true),
        ("email.changed", true),
        ("password.changed", true),
    ];
    assert_eq!(told, expected);
    assert!(entries.iter().all(|entry| entry.account.as_deref() == Some("User/User/1")), "{entries:?}");
    drop(db);
    app.stop().await;
}

#[tokio::test]
async fn there_is_a_button_for_each_provider_and_none_without_one() {
    let app = crate::conduit().await;
    let page = app.get("/account/login").send().await;
    assert!(!page.assert_status(200).text().contains("Continue with"), "{}", page.text());
    let client = app.client();
    let sent = [("name", "priya@example.net"), ("password", conduit::seed::PASSWORD)];
    client.post("/account/login").form(&sent).send().await.assert_redirect("/");
    let page = client.get("/account").send().await;
    page.assert_text_contains("You are signed in as <strong>priya_natarajan</strong>");
    assert!(!page.text().contains("Connected accounts"), "{}", page.text());
    app.stop().await;

    let secret = ("auth.providers.google.client_secret", "s");
    let google =
        [("auth.providers.google.preset", "google"), ("auth.providers.google.client_id", "a"), secret];
    let github = ["preset", "client_id", "client_secret"]
        .map(|key| (format!("auth.providers.github.{key}"), "github"));
    let app = google.into_iter().fold(conduit::app(), |app, (key, value)| app.set(key, value));
    let app = github.into_iter().fold(app, |app, (key, value)| app.set(key, value));
    let app = TestApp::start(app).await;
    let page = app.get("/account/login").send().await;
    page.assert_text_contains("Continue with GitHub").assert_text_contains("Continue with Google");
    app.stop().await;
}

#[tokio::test]
async fn people_say_on_a_page_what_others_see_of_them() {
    let app = crate::conduit().await;
    let client = app.client();
    let away = client.get("/account/profile").header("accept", "text/html").send().await;
    away.assert_redirect("/account/login?next=%2Faccount%2Fprofile");
    let sent = [("name", "priya@example.net"), ("password", conduit::seed::PASSWORD)];
    client.post("/account/login").form(&sent).send().await.assert_redirect("/");
    client.get("/account").send().await.assert_text_contains("What others see of you");
    client.get("/account/profile").send().await.assert_text_contains("value=\"priya_natarajan\"");
    for (name, status, told) in [
        ("", 422, "must not be empty"),
        ("  ", 422, "aria-invalid=\"true\""),
        ("iryna", 409, "aria-invalid=\"true\""),
        (&"n".repeat(61), 422, "aria-invalid=\"true\""),
    ] {
        let form = [("username", name), ("bio", "New <b>here</b>."), ("image", "")];
        let again = client.post("/account/profile").form(&form).send().await;
        again.assert_status(status).assert_text_contains(told);
        again.assert_text_contains("New &lt;b&gt;here&lt;&#x2f;b&gt;.");
    }
    let form = [("username", " priya "), ("bio", "Teaches."), ("image", "")];
    client.post("/account/profile").form(&form).send().await.assert_redirect("/account/profile");
    client.get("/account/profile").send().await.assert_text_contains("That is what others see now.");
    app.get("/api/profiles/priya").send().await.assert_json_at("/profile/bio", json!("Teaches."));
    app.stop().await;
}

#[tokio::test]
async fn the_form_to_register_says_which_names_cannot_be() {
    let app = TestApp::start(conduit::app()).await;
    let long = "n".repeat(61);
    for (name, told) in [("", "Choose a name."), ("  ", "Choose a name."), (&*long, "at most 60 letters")] {
        let form = [("email", "robin@example.org"), ("username", name), ("password", "correct horse")];
        let refused = app.post("/account/register").form(&form).send().await;
        refused.assert_status(422).assert_text_contains(told);
    }
    assert!(app.mails().await.is_empty());
    app.stop().await;
}
