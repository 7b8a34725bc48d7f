//! A code of an app after the password.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use mainstay_auth::audit::{AuditEntry, Outcome};
use mainstay_auth::{
    Account, AccountsExt, AuditLogExt, JwtExt, Named, PasswordHash, Passwords, SecondFactorExt,
    SecondFactors, SignInPagesExt, SignedIn, SteppedUp,
};
use mainstay_core::App;
use mainstay_core::clock::{Clock, TestClock};
use mainstay_core::principal::Principal;
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, model, models};
use mainstay_http::{RoutesExt, get, routes};
use mainstay_test::{Client, TestApp, TestResponse, on_each_engine};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

#[model]
struct Editor {
    id: i64,
    #[field(unique, max_length = 100)]
    email: String,
    #[field(hidden)]
    password: PasswordHash,
    #[field(default)]
    is_chief: bool,
}

impl Account for Editor {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(editor: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        editor.password.set(hash)
    }

    fn principal(&self) -> Principal {
        let principal = mainstay_auth::account::principal_of(self);
        if self.is_chief { principal.with_role("chief") } else { principal }
    }
}

impl Named for Editor {
    fn by_name(name: &str) -> Query<Self> {
        let name = name.to_owned();
        Self::filter(|editor| editor.email.eq(name))
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone()]
    }
}

/// Who it is.
#[get("/me", hidden)]
async fn me(editor: SignedIn<Editor>) -> String {
    editor.email.clone()
}

/// What matters most.
#[get("/vault", hidden)]
async fn vault(SteppedUp(editor): SteppedUp<Editor>) -> String {
    format!("open to {}", editor.email)
}

const EMAIL: &str = "ann@example.com";
const PASSWORD: &str = "correct horse";

fn app() -> App {
    let app = App::new().named("Gazette", "1.0.0").models(models![Editor]).accounts::<Editor>().audit_log();
    app.sign_in_pages::<Editor>().second_factor::<Editor>().routes(routes![me, vault])
}

fn clock() -> Arc<TestClock> {
    Arc::new(TestClock::at(UNIX_EPOCH + Duration::from_secs(1_800_000_000)))
}

async fn editor(app: &TestApp, is_chief: bool) -> Editor {
    let (db, passwords) = (app.inject::<Db>().await, app.inject::<Passwords>().await);
    let password = passwords.hash(PASSWORD).await.unwrap();
    NewEditor { email: EMAIL.to_owned(), password }.is_chief(is_chief).insert(&db).await.unwrap()
}

fn code_at(secret: &str, now: SystemTime) -> String {
    let totp = Builder::new().with_secret(Secret::try_from_base32(secret).unwrap()).build().unwrap();
    totp.generate(now.duration_since(UNIX_EPOCH).unwrap().as_secs()).to_string()
}

async fn log_in(client: &Client) -> TestResponse {
    client.post("/account/login?next=/me").form(&[("name", EMAIL), ("password", PASSWORD)]).send().await
}

async fn give(client: &Client, code: &str) -> TestResponse {
    client.post("/account/second-factor/check?next=/me").form(&[("code", code)]).send().await
}

/// Turns it on as a program does, and returns the secret and the recovery codes.
async fn turn_on(client: &Client, clock: &TestClock) -> (String, Vec<String>) {
    let begun: Value =
        client.get("/account/second-factor").header("accept", "application/json").send().await.json();
    let secret = begun["secret"].as_str().unwrap().to_owned();
    let code = json!({ "code": code_at(&secret, clock.now()) });
    let done: Value = client.post("/account/second-factor").json(&code).send().await.json();
    let codes = done["recovery_codes"].as_array().unwrap_or_else(|| panic!("{done}"));
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

const CHECK: &str = "/account/second-factor/check?next=%2Fme";

#[tokio::test]
async fn nobody_is_signed_in_by_the_password_alone() {
    let clock = clock();
    on_each_engine(
        || TestApp::of(app()).clock(&clock),
        async |app| {
            editor(app, false).await;
            let client = app.client();
            log_in(&client).await.assert_redirect("/me");
            let (secret, codes) = turn_on(&client, &clock).await;
            assert_eq!(codes.len(), 10);
            client.post("/account/logout").send().await;

            let before = client.cookie("session");
            log_in(&client).await.assert_redirect(CHECK);
            client.get("/me").send().await.assert_status(401);
            client.get("/account/second-factor/check").send().await.assert_text_contains("one-time-code");
            // The code that turned it on was used.
            give(&client, &code_at(&secret, clock.now())).await.assert_status(422);
            clock.advance(Duration::from_secs(30));
            give(&client, "000000").await.assert_status(422).assert_text_contains("not right");
            client.get("/me").send().await.assert_status(401);
            let pending = client.cookie("session");
            give(&client, &code_at(&secret, clock.now())).await.assert_redirect("/me");
            client.get("/me").send().await.assert_text(EMAIL);
            let signed_in = client.cookie("session");
            assert!(before != pending && pending != signed_in, "each step has a cookie of its own");
        },
    )
    .await;
}

#[tokio::test]
async fn of_many_who_give_one_code_at_once_one_gets_in() {
    let clock = clock();
    on_each_engine(
        || {
            let setup = TestApp::of(app()).clock(&clock);
            setup.set("auth.second_factor_attempts", "100/15m").set("auth.attempts", "100/15m")
        },
        async |app| {
            let ann = editor(app, false).await;
            let client = app.client();
            log_in(&client).await.assert_redirect("/me");
            let (secret, codes) = turn_on(&client, &clock).await;
            clock.advance(Duration::from_secs(30));
            for code in [code_at(&secret, clock.now()), codes[0].clone()] {
                let clients: Vec<Client> = (0..5).map(|_| client.stranger()).collect();
                for client in &clients {
                    log_in(client).await.assert_redirect(CHECK);
                }
                let answers = join_all(clients.iter().map(|client| give(client, &code))).await;
                let entered = answers.iter().filter(|answer| answer.status() == 303).count();
                assert_eq!(entered, 1, "{answers:?}");
            }
            let factors = app.inject::<SecondFactors>().await;
            assert_eq!(factors.codes_left(&ann.principal().identity()).await.unwrap(), 9);
        },
    )
    .await;
}

#[tokio::test]
async fn a_recovery_code_gets_in_as_it_was_written_down_and_new_ones_void_it() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).start().await;
    editor(&app, false).await;
    let client = app.client();
    log_in(&client).await.assert_redirect("/me");
    let (_, codes) = turn_on(&client, &clock).await;
    let other = client.stranger();
    log_in(&other).await.assert_redirect(CHECK);
    give(&other, &format!(" {} ", codes[3].to_uppercase().replace('0', "O"))).await.assert_redirect("/me");
    let page = client.get("/account/second-factor").send().await;
    page.assert_text_contains("9 recovery codes left");
    let renewed = client.post("/account/second-factor/recovery-codes").json(&json!({})).send().await;
    let renewed: Value = renewed.json();
    let third = client.stranger();
    log_in(&third).await.assert_redirect(CHECK);
    give(&third, &codes[4]).await.assert_status(422);
    give(&third, renewed["recovery_codes"][0].as_str().unwrap()).await.assert_redirect("/me");
}

#[tokio::test]
async fn shows_a_code_to_scan_and_keeps_it_until_the_app_has_it() {
    let app = TestApp::start(app()).await;
    editor(&app, false).await;
    let client = app.client();
    client
        .get("/account/second-factor")
        .send()
        .await
        .assert_redirect("/account/login?next=%2Faccount%2Fsecond-factor");
    log_in(&client).await.assert_redirect("/me");
    let page = client.get("/account/second-factor").send().await;
    page.assert_status(200).assert_text_contains("<svg").assert_text_contains("role=\"img\"");
    assert!(!page.text().contains("<?xml"));
    let secret = |page: &TestResponse| {
        page.text().split("<code>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let wrong = client.post("/account/second-factor").form(&[("code", "123")]).send().await;
    wrong.assert_status(422).assert_text_contains("This code is not right.");
    assert_eq!(secret(&page), secret(&wrong));
    let asked = client.get("/account/second-factor").header("accept", "application/json").send().await;
    let address = asked.json::<Value>()["address"].as_str().unwrap().to_owned();
    assert!(address.starts_with("otpauth://totp/Gazette:ann%40example.com?secret="), "{address}");
    assert!(address.contains("issuer=Gazette"), "{address}");
}

#[tokio::test]
async fn a_code_is_good_a_little_earlier_and_later_and_no_more() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).set("auth.second_factor_attempts", "100/15m").start().await;
    editor(&app, false).await;
    let client = app.client();
    log_in(&client).await.assert_redirect("/me");
    let (secret, _) = turn_on(&client, &clock).await;
    clock.advance(Duration::from_secs(300));
    let at = |seconds: i64| {
        let now = clock.now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        code_at(&secret, UNIX_EPOCH + Duration::from_secs(now.checked_add_signed(seconds).unwrap()))
    };
    for (offset, status) in [(-60, 422), (60, 422), (-30, 303), (30, 303)] {
        let other = client.stranger();
        log_in(&other).await.assert_redirect(CHECK);
        give(&other, &at(offset)).await.assert_status(status);
    }
    // That of half a minute ahead was used: none that is older is good any more.
    let other = client.stranger();
    log_in(&other).await.assert_redirect(CHECK);
    give(&other, &at(0)).await.assert_status(422);
}

#[tokio::test]
async fn codes_are_not_guessed_and_a_sign_in_does_not_wait_for_ever() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).start().await;
    editor(&app, false).await;
    let client = app.client();
    log_in(&client).await.assert_redirect("/me");
    let (secret, _) = turn_on(&client, &clock).await;
    clock.advance(Duration::from_secs(60));
    for number in 0..4_u8 {
        let other = client.stranger().with_address(([10, 0, 0, number], 4000).into());
        log_in(&other).await.assert_redirect(CHECK);
        give(&other, "000000").await.assert_status(422);
    }
    let late = client.stranger();
    log_in(&late).await.assert_redirect(CHECK);
    give(&late, &code_at(&secret, clock.now())).await.assert_status(429);
    let refused =
        AuditEntry::filter(|entry| entry.event.eq("second_factor") & entry.outcome.eq(Outcome::Refused));
    assert_eq!(refused.count(&app.inject::<Db>().await).await.unwrap(), 4);

    clock.advance(Duration::from_secs(11 * 60));
    give(&late, &code_at(&secret, clock.now()))
        .await
        .assert_redirect("/account/login?next=%2Faccount%2Fsecond-factor%2Fcheck");
    client
        .stranger()
        .post("/account/second-factor/check")
        .json(&json!({ "code": "1" }))
        .send()
        .await
        .assert_status(401);
}

#[tokio::test]
async fn a_role_that_has_to_have_one_is_signed_in_when_it_has_turned_it_on() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).set("auth.second_factor_roles", "[\"chief\"]").start().await;
    editor(&app, true).await;
    let client = app.client();
    log_in(&client).await.assert_redirect(CHECK);
    client.get("/me").send().await.assert_status(401);
    client.get("/account/second-factor/check").send().await.assert_redirect("/account/second-factor");
    client.get("/account/second-factor").send().await.assert_text_contains("needs a second factor");
    turn_on(&client, &clock).await;
    client.get("/me").send().await.assert_text(EMAIL);
    client.get("/vault").send().await.assert_text("open to ann@example.com");
}

#[tokio::test]
async fn what_matters_most_asks_for_a_code_again() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).start().await;
    editor(&app, false).await;
    let client = app.client();
    let page = async || client.get("/vault").header("accept", "text/html").send().await;
    page().await.assert_redirect("/account/login?next=%2Fvault");
    log_in(&client).await.assert_redirect("/me");
    page().await.assert_redirect("/account/second-factor?next=%2Fvault");
    client.get("/vault").send().await.assert_problem(403, "second_factor_required");
    let (secret, _) = turn_on(&client, &clock).await;
    page().await.assert_text("open to ann@example.com");
    clock.advance(Duration::from_secs(16 * 60));
    page().await.assert_redirect("/account/second-factor/check?next=%2Fvault");
    client.get("/me").send().await.assert_status(200);
    let form = [("code", code_at(&secret, clock.now()))];
    client
        .post("/account/second-factor/check?next=/vault")
        .form(&form)
        .send()
        .await
        .assert_redirect("/vault");
    page().await.assert_text("open to ann@example.com");
}

#[tokio::test]
async fn it_is_changed_only_by_who_has_just_given_it() {
    let clock = clock();
    let app = TestApp::of(app()).clock(&clock).start().await;
    editor(&app, false).await;
    let client = app.client();
    log_in(&client).await.assert_redirect("/me");
    let (_, codes) = turn_on(&client, &clock).await;
    clock.advance(Duration::from_secs(16 * 60));
    let post = async |path: &str| client.post(path).json(&json!({ "code": "000000" })).send().await;
    client.post("/account/confirm").form(&[("password", PASSWORD)]).send().await.assert_redirect("/account");
    for path in ["/account/second-factor/off", "/account/second-factor/recovery-codes"] {
        post(path).await.assert_problem(403, "second_factor_required");
    }
    // Nor is another app put in its place, whose secret would be shown.
    let other = client.post("/account/second-factor").form(&[("code", "000000")]).send().await;
    other.assert_redirect("/account/second-factor");
    let begun = app.inject::<SecondFactors>().await.begin("User/Editor/1");
    let code = code_at(begun.secret(), clock.now());
    let again = app.inject::<SecondFactors>().await.turn_on(&begun, &code).await;
    assert_eq!(again.unwrap_err().status().as_u16(), 409);

    give(&client, &codes[0]).await.assert_redirect("/me");
    post("/account/second-factor/off").await.assert_status(200);
    client.get("/vault").send().await.assert_problem(403, "second_factor_required");
    log_in(&client.stranger()).await.assert_redirect("/me");
}

#[tokio::test]
async fn roles_that_nobody_can_satisfy_keep_it_from_starting() {
    let app = App::new().models(models![Editor]).accounts::<Editor>().sign_in_pages::<Editor>();
    let told =
        TestApp::of(app).set("auth.second_factor_roles", "[\"chief\"]").try_start().await.err().unwrap();
    assert!(told.contains("auth.E003") && told.contains(".second_factor::<User>()"), "{told}");
}

#[tokio::test]
async fn a_device_signs_in_with_a_code_as_well() {
    let clock = clock();
    let with_tokens = app().token_login::<Editor>();
    let app =
        TestApp::of(with_tokens).clock(&clock).set("auth.second_factor_roles", "[\"chief\"]").start().await;
    let ann = editor(&app, false).await;
    let client = app.client();
    let sign_in = async |code: Option<&str>| {
        let body = json!({ "name": EMAIL, "password": PASSWORD, "code": code });
        client.stranger().post("/account/token").json(&body).send().await
    };
    sign_in(None).await.assert_status(200);
    log_in(&client).await.assert_redirect("/me");
    let (secret, codes) = turn_on(&client, &clock).await;
    clock.advance(Duration::from_secs(30));
    sign_in(None).await.assert_problem(401, "code_required");
    sign_in(Some("000000")).await.assert_problem(401, "wrong_code");
    let code = code_at(&secret, clock.now());
    sign_in(Some(&code)).await.assert_status(200);
    sign_in(Some(&code)).await.assert_problem(401, "wrong_code");
    sign_in(Some(&codes[0])).await.assert_status(200);

    // A role that has to have one, and has none, signs in with a browser first.
    let db = app.inject::<Db>().await;
    app.inject::<SecondFactors>().await.turn_off(&ann.principal().identity()).await.unwrap();
    Editor::query().update(|editor| editor.is_chief(true), &*db).await.unwrap();
    sign_in(None).await.assert_problem(403, "second_factor_missing");
    app.stop().await;
}
