//! Signing in with Apple: a key in place of a secret, and answers that another site posts.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use mainstay_auth::jwt::{Algorithm, KeySet, SigningKey, Verifier};
use mainstay_core::App;
use mainstay_core::keys::base64;
use mainstay_db::Db;
use mainstay_test::{Client, TestApp, TestResponse};
use serde_json::json;

use super::provider::{CLIENT, Provider, Reply, Seen, code, new_key, nonce_of};
use super::world::{Buyer, Visit, assert_nobody, at_rest, buyer, log_in, shop};

const TEAM: &str = "TEAM123456";
const KEY: &str = "KEY1234567";
const CALLBACK: &str = "/account/login/company/callback";
const USER: &str = r#"{"name":{"firstName":"Ann","lastName":"Lee"},"email":"eve@example.org"}"#;

/// The key as Apple's file has it: the parameters of the curve are in it twice.
pub(crate) fn pem(key: &SigningKey) -> String {
    const CURVE: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
    let (private, public) = (&key.pkcs8()[36..68], &key.pkcs8()[73..138]);
    let mut der = b"\x30\x81\x93\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01".to_vec();
    der.extend_from_slice(CURVE);
    der.extend_from_slice(b"\x04\x79\x30\x77\x02\x01\x01\x04\x20");
    der.extend_from_slice(private);
    der.extend_from_slice(b"\xa0\x0a");
    der.extend_from_slice(CURVE);
    der.extend_from_slice(b"\xa1\x44\x03\x42\x00");
    der.extend_from_slice(public);
    let text = base64::encode(&der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n"))
}

/// Whether a client secret is one that Apple would take, from whoever has this key.
fn is_good(seen: &Seen, key: &SigningKey, issuer: &str) -> bool {
    let keys = KeySet::of([key.public().clone().with_id(KEY)]).unwrap();
    let secret = seen.form.get("client_secret").unwrap();
    let verified =
        Verifier::new(TEAM, issuer).leeway(Duration::from_secs(90)).verify(secret, &keys, SystemTime::now());
    verified.is_ok_and(|claims| {
        let lifetime = claims.all()["exp"].as_u64().unwrap() - claims.all()["iat"].as_u64().unwrap();
        claims.subject() == Some(CLIENT) && lifetime <= 300 && seen.authorization.is_none()
    })
}

/// Somebody like Apple, who knows this key.
async fn apple(known: Arc<SigningKey>) -> Provider {
    let provider = Provider::start().await;
    provider.lies("/.well-known/openid-configuration", |_, honest| {
        let mut document = honest.document();
        let fields = document.as_object_mut().unwrap();
        for unknown in
            ["userinfo_endpoint", "end_session_endpoint", "authorization_response_iss_parameter_supported"]
        {
            fields.remove(unknown);
        }
        fields.insert("token_endpoint_auth_methods_supported".into(), json!(["client_secret_post"]));
        Reply::Json(200, document)
    });
    provider.lies("/token", move |seen, honest| {
        if !is_good(seen, &known, &honest.issuer) {
            return Reply::Json(400, json!({ "error": "invalid_client" }));
        }
        let Some(nonce) = nonce_of(seen) else {
            return Reply::Json(400, json!({ "error": "invalid_grant" }));
        };
        let mut claims = honest.claims(&nonce);
        let person = honest.person();
        claims["email"] = person["email"].clone();
        claims["email_verified"] = person["email_verified"].clone();
        claims["is_private_email"] = json!("true");
        Reply::Json(200, honest.grant(&honest.sign(&claims)))
    });
    provider.person(json!({ "sub": "001.ann", "email": "ann@example.org", "email_verified": "true" }));
    provider
}

fn table(app: App, name: &str, provider: &Provider, key: &SigningKey) -> App {
    let key_of = |key: &str| format!("auth.providers.{name}.{key}");
    app.set(key_of("preset"), "apple")
        .set(key_of("issuer"), &provider.honest.issuer)
        .set(key_of("client_id"), CLIENT)
        .set(key_of("team_id"), TEAM)
        .set(key_of("key_id"), KEY)
        .set(key_of("private_key"), pem(key))
}

async fn start() -> (Provider, TestApp) {
    let key = new_key();
    let provider = apple(Arc::clone(&key)).await;
    let app = TestApp::start(table(shop(&provider), "company", &provider, &key)).await;
    (provider, app)
}

fn form(visit: &Visit) -> Vec<(&'static str, String)> {
    let code = code(&visit.query["nonce"], &visit.query["code_challenge"]);
    vec![("code", code), ("state", visit.query["state"].clone()), ("user", USER.to_owned())]
}

/// The form, as it comes: from another site, and without a cookie of ours.
async fn posted(client: &Client, form: &[(&'static str, String)]) -> TestResponse {
    let request = client.stranger().post(CALLBACK).header("sec-fetch-site", "cross-site");
    request.header("origin", "https://appleid.apple.com").form(form).send().await
}

/// Where the form leads on to.
async fn led(client: &Client, form: &[(&'static str, String)]) -> String {
    let response = posted(client, form).await;
    response.assert_status(303).assert_header("referrer-policy", "no-referrer");
    assert!(response.header("cache-control").unwrap().contains("no-store"));
    assert_eq!(response.header("set-cookie"), None, "no session begins, and none ends");
    response.header("location").unwrap().to_owned()
}

async fn sign_in(client: &Client) -> TestResponse {
    let visit = Visit::begin(client).await;
    let next = led(client, &form(&visit)).await;
    client.get(&next).send().await
}

#[tokio::test]
async fn signs_in_by_a_form_of_another_site_with_a_secret_that_is_made() {
    let (provider, app) = start().await;
    let client = app.client();
    client.get("/account/login").send().await.assert_text_contains("Continue with Apple");
    let visit = Visit::begin(&client).await;
    assert_eq!(visit.query["response_mode"], "form_post");
    assert_eq!(visit.query["scope"], "openid email name");
    let next = led(&client, &form(&visit)).await;
    assert!(next.starts_with("/account/login/company/callback?answer="), "{next}");
    for secret in [&visit.query["state"], &visit.query["nonce"], "Ann", "Lee", "eve"] {
        assert!(!next.contains(secret), "{next}");
    }
    client.get(&next).send().await.assert_redirect("/me");
    // The address is the one in the id token, whatever came beside it.
    client.get("/me").send().await.assert_text("ann@example.org Ann Lee");
    assert_eq!(provider.count("/token"), 1);
    assert_eq!(provider.count("/me"), 0, "there is nobody to ask");
    // The second time nothing is said of the name.
    let other = app.client();
    let visit = Visit::begin(&other).await;
    let next = led(&other, &form(&visit)[..2]).await;
    other.get(&next).send().await.assert_redirect("/me");
    other.get("/me").send().await.assert_text("ann@example.org Ann Lee");
    let db = app.inject::<Db>().await;
    assert_eq!(Buyer::query().count(&*db).await.unwrap(), 1);
}

#[tokio::test]
async fn a_user_field_that_somebody_has_written_is_a_name_and_no_more() {
    let forged = [
        (
            r#"{"name":{"firstName":"<b>Eve</b>"},"email":"victim@example.org","sub":"001.victim"}"#,
            " <b>Eve</b>",
        ),
        (r#"{"name":["#, " "),
        ("", " "),
        (&format!(r#"{{"name":{{"firstName":"{}"}}}}"#, "x".repeat(4000)), " "),
    ];
    for (user, name) in forged {
        let (provider, app) = start().await;
        buyer(&app, "victim@example.org").await;
        let client = app.client();
        let visit = Visit::begin(&client).await;
        let mut form = form(&visit);
        form[2].1 = user.to_owned();
        let next = led(&client, &form).await;
        client.get(&next).send().await.assert_redirect("/me");
        let told = client.get("/me").send().await;
        told.assert_text(&format!("ann@example.org{name}"));
        drop(provider);
    }
}

#[tokio::test]
async fn an_address_counts_as_verified_when_apple_says_so_in_its_own_way() {
    for (verified, status) in
        [(json!("true"), 303), (json!(true), 303), (json!("false"), 403), (json!(null), 403)]
    {
        let (provider, app) = start().await;
        provider.person(json!({ "sub": "001.ann", "email": "ann@example.org", "email_verified": verified }));
        sign_in(&app.client()).await.assert_status(status);
    }
}

#[tokio::test]
async fn an_answer_that_did_not_come_as_a_form_is_none() {
    let (provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let form = form(&visit);
    client.get(CALLBACK).query(&form).send().await.assert_status(400);
    for answer in ["", "made-up", &visit.query["state"]] {
        client.get(CALLBACK).query(&[("answer", answer)]).send().await.assert_status(400);
    }
    let next = led(&client, &form).await;
    let changed = format!("{}A", &next[..next.len() - 1]);
    let other = if changed == next { format!("{}B", &next[..next.len() - 1]) } else { changed };
    client.get(&other).send().await.assert_status(400);
    assert_nobody(&client).await;
    assert_eq!(provider.count("/token"), 0);
    // In vain, and not in the way of the right one.
    client.get(&next).send().await.assert_redirect("/me");
}

#[tokio::test]
async fn a_form_that_another_browser_has_asked_for_lets_nobody_in() {
    let (provider, app) = start().await;
    let (victim, attacker) = (app.client(), app.client());
    let visit = Visit::begin(&attacker).await;
    // The attacker's own answer, posted by the victim's browser, which has no such attempt.
    let next = led(&victim, &form(&visit)).await;
    victim.get(&next).send().await.assert_status(400).assert_text_contains("was begun in another browser");
    assert_nobody(&victim).await;
    // Also where the victim is on the way there.
    let _own = Visit::begin(&victim).await;
    victim.get(&led(&victim, &form(&visit)).await).send().await.assert_status(400);
    assert_nobody(&victim).await;
    assert_eq!(provider.count("/token"), 0);
}

#[tokio::test]
async fn an_answer_serves_once_at_one_provider_and_for_a_minute() {
    let key = new_key();
    let provider = apple(Arc::clone(&key)).await;
    let app = table(shop(&provider), "company", &provider, &key);
    let (clock, setup) = at_rest(table(app, "other", &provider, &key));
    let app = setup.start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let form = form(&visit);
    let next = led(&client, &form).await;
    client.get(&next.replace("/company/", "/other/")).send().await.assert_status(400);
    clock.advance(Duration::from_secs(61));
    client.get(&next).send().await.assert_status(400);
    let next = led(&client, &form).await;
    client.get(&next).send().await.assert_redirect("/me");
    client.get(&next).send().await.assert_status(400);
    let again = led(&client, &form).await;
    client.get(&again).send().await.assert_status(400);
    assert_eq!(provider.count("/token"), 1);
}

#[tokio::test]
async fn a_secret_by_another_key_or_of_another_time_is_a_fault_of_the_set_up() {
    let (known, own) = (new_key(), new_key());
    let provider = apple(Arc::clone(&known)).await;
    let app = TestApp::start(table(shop(&provider), "company", &provider, &own)).await;
    sign_in(&app.client()).await.assert_status(502).assert_text_contains("it is not set up rightly here");
    let (clock, setup) = at_rest(table(shop(&provider), "company", &provider, &known));
    let app = setup.start().await;
    sign_in(&app.client()).await.assert_redirect("/me");
    // Ten minutes on, it is good again: none is kept.
    provider.advance(&clock, Duration::from_secs(600));
    let late = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&late);
    provider.lies("/token", move |seen, _| {
        kept.lock().unwrap().push(seen.form["client_secret"].clone());
        Reply::Json(400, json!({ "error": "invalid_client" }))
    });
    sign_in(&app.client()).await.assert_status(502);
    let keys = KeySet::of([known.public().clone().with_id(KEY)]).unwrap();
    let verifier = Verifier::new(TEAM, &provider.honest.issuer);
    let secret = late.lock().unwrap()[0].clone();
    assert!(verifier.verify(&secret, &keys, SystemTime::now() + Duration::from_secs(700)).is_ok());
    assert!(verifier.verify(&secret, &keys, SystemTime::now() + Duration::from_secs(1300)).is_err());
    let foreign = KeySet::of([SigningKey::generate(Algorithm::Es256).unwrap().public().clone().with_id(KEY)]);
    assert!(
        verifier.verify(&secret, &foreign.unwrap(), SystemTime::now() + Duration::from_secs(700)).is_err()
    );
}

#[tokio::test]
async fn who_changes_their_mind_there_is_told_so() {
    let (_provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let said = [("state", visit.query["state"].clone()), ("error", "user_cancelled_authorize".to_owned())];
    let page = client.get(&led(&client, &said).await).send().await;
    page.assert_status(403).assert_text_contains("You have not signed in with Apple.");
    assert_nobody(&client).await;
}

#[tokio::test]
async fn connects_an_account_by_a_form_too() {
    let (_provider, app) = start().await;
    buyer(&app, "bob@example.org").await;
    let client = app.client();
    log_in(&client, "bob@example.org").await;
    let visit = Visit::of(&client.post("/account/connections/company").send().await);
    client.get(&led(&client, &form(&visit)).await).send().await.assert_redirect("/account/connections");
    let other = app.client();
    sign_in(&other).await.assert_redirect("/me");
    other.get("/me").send().await.assert_text("bob@example.org ");
}

#[tokio::test]
async fn takes_no_form_that_is_too_long_nor_one_of_who_answers_in_another_way() {
    let (provider, app) = start().await;
    let client = app.client();
    let long = [("code", "x".repeat(4000)), ("state", "y".to_owned())];
    posted(&client, &long).await.assert_status(400);
    posted(&client, &[("code", "x".repeat(20_000))]).await.assert_status(413);
    client.post("/account/login/nobody/callback").form(&[("code", "x")]).send().await.assert_status(404);
    let plain = TestApp::start(super::world::app(&provider)).await;
    posted(&plain.client(), &long[1..]).await.assert_status(405);
}

#[tokio::test]
async fn how_long_ago_somebody_proved_it_there_can_be_limited() {
    let key = new_key();
    let provider = apple(Arc::clone(&key)).await;
    let app = table(shop(&provider), "company", &provider, &key).set("auth.providers.company.max_age", "1h");
    let app = TestApp::start(app).await;
    for (ago, status) in [(60, 303), (3700, 502)] {
        provider.lies("/token", move |seen, honest| {
            let mut claims = honest.claims(&nonce_of(seen).unwrap());
            claims["auth_time"] = (claims["iat"].as_i64().unwrap() - ago).into();
            claims["email"] = json!("ann@example.org");
            claims["email_verified"] = json!("true");
            Reply::Json(200, honest.grant(&honest.sign(&claims)))
        });
        sign_in(&app.client()).await.assert_status(status);
    }
}
