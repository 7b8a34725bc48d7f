//! Devices that sign in with short-lived tokens, beside the `Token` of the RealWorld API.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mainstay::core::clock::TestClock;
use mainstay_test::{TestApp, TestResponse};
use serde_json::{Value, json};

use crate::{conduit, conduit_at};

async fn post(app: &TestApp, path: &str, body: Value) -> TestResponse {
    app.post(path).json(&body).send().await
}

async fn sign_in(app: &TestApp) -> Value {
    let login = json!({ "name": "priya@example.net", "password": conduit::seed::PASSWORD });
    post(app, "/account/token", login).await.assert_status(200).json()
}

async fn feed(app: &TestApp, pair: &Value) -> u16 {
    let header = format!("Token {}", pair["access_token"].as_str().expect("a text"));
    let answer = app.get("/api/articles/feed").header("authorization", &header).send().await;
    answer.status().as_u16()
}

async fn refresh(app: &TestApp, pair: &Value) -> TestResponse {
    post(app, "/account/token/refresh", json!({ "refresh_token": pair["refresh_token"] })).await
}

#[tokio::test]
async fn a_device_comes_back_and_one_that_was_robbed_is_signed_out() {
    let clock = Arc::new(TestClock::at(SystemTime::now()));
    let app = conduit_at(&clock).await;
    let (first, other) = (sign_in(&app).await, sign_in(&app).await);
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("Token"), &json!(900)));
    assert_eq!(feed(&app, &first).await, 200);
    clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(feed(&app, &first).await, 401, "its time is over");
    let second: Value = refresh(&app, &first).await.assert_status(200).json();
    assert_eq!(feed(&app, &second).await, 200);

    // Long after, the first refresh token comes again: somebody has a copy. The whole family ends, and no other.
    clock.advance(Duration::from_secs(60));
    refresh(&app, &first).await.assert_problem(400, "invalid_grant");
    assert_eq!(feed(&app, &second).await, 401);
    refresh(&app, &second).await.assert_problem(400, "invalid_grant");
    app.run_jobs().await;
    let mails = app.mails().await;
    assert_eq!(mails.last().map(|mail| mail.to[0].address()), Some("priya@example.net"));
    refresh(&app, &other).await.assert_status(200);
    app.stop().await;
}

#[tokio::test]
async fn an_access_token_buys_no_longer_one() {
    let app = conduit().await;
    let pair = sign_in(&app).await;
    let access = pair["access_token"].as_str().expect("a text");
    let header = format!("Token {access}");
    let own: Value = app.get("/api/user").header("authorization", &header).send().await.json();
    assert_eq!(own["user"]["token"], access);
    let change = json!({ "user": { "bio": "By my phone." } });
    let changed = app.put("/api/user").header("authorization", &header).json(&change).send().await;
    let changed: Value = changed.assert_status(200).json();
    assert_eq!(
        (&changed["user"]["token"], &changed["user"]["bio"]),
        (&json!(access), &json!("By my phone."))
    );
    app.stop().await;
}

#[tokio::test]
async fn a_device_signs_out_and_with_it_all_that_it_has() {
    let app = conduit().await;
    let (first, second) = (sign_in(&app).await, sign_in(&app).await);
    let header = format!("Token {}", first["access_token"].as_str().expect("a text"));
    let devices: Value = app.get("/account/devices").header("authorization", &header).send().await.json();
    assert_eq!(devices["devices"].as_array().map(Vec::len), Some(2));
    app.delete("/account/devices").header("authorization", &header).send().await.assert_status(204);
    assert_eq!((feed(&app, &first).await, feed(&app, &second).await), (200, 401));
    let over = json!({ "refresh_token": first["refresh_token"] });
    post(&app, "/account/token/revoke", over).await.assert_status(204);
    assert_eq!(feed(&app, &first).await, 401);
    app.stop().await;
}

#[tokio::test]
async fn a_device_may_have_less_than_its_owner() {
    let app = conduit().await;
    let mut login = json!({ "name": "priya@example.net", "password": conduit::seed::PASSWORD });
    login["scope"] = json!("articles.read");
    let pair: Value = post(&app, "/account/token", login.clone()).await.assert_status(200).json();
    assert_eq!(feed(&app, &pair).await, 200);
    let header = format!("Token {}", pair["access_token"].as_str().expect("a text"));
    let refused = app.post("/api/profiles/iryna/follow").header("authorization", &header).send().await;
    refused.assert_status(403);
    login["scope"] = json!("articles.raed");
    post(&app, "/account/token", login.clone()).await.assert_problem(400, "invalid_scope");
    login["scope"] = json!("*");
    login["password"] = json!("wrong");
    post(&app, "/account/token", login).await.assert_status(401);
    for token in ["", "mstr_000000000000000000000000000000000000", "…"] {
        refresh(&app, &json!({ "refresh_token": token })).await.assert_problem(400, "invalid_grant");
    }
    app.stop().await;
}

#[tokio::test]
async fn the_keys_are_published() {
    let app = conduit().await;
    let pair = sign_in(&app).await;
    let keys: Value = app.get("/.well-known/jwks.json").send().await.assert_status(200).json();
    assert_eq!(keys["keys"][0]["alg"], "ES256");
    assert_eq!(pair["access_token"].as_str().expect("a text").split('.').count(), 3);
    app.stop().await;
}

#[tokio::test]
async fn a_browser_shows_devices_too_and_signs_them_out() {
    let app = conduit().await;
    let (first, second, third) = (sign_in(&app).await, sign_in(&app).await, sign_in(&app).await);
    let client = app.client();
    let form = [("name", "priya@example.net"), ("password", conduit::seed::PASSWORD)];
    client.post("/account/login").form(&form).send().await.assert_redirect("/");
    let page = client.get("/account/sessions").send().await;
    page.assert_status(200).assert_text_contains("Apps and devices");
    let header = format!("Token {}", first["access_token"].as_str().expect("a text"));
    let devices: Value = app.get("/account/devices").header("authorization", &header).send().await.json();
    let all = devices["devices"].as_array().expect("a list");
    let this = all.iter().find(|device| device["is_this"] == true).expect("it is there");
    let id = this["id"].as_str().expect("a text");
    for told in ["The device has been signed out.", "That device was signed out already."] {
        client
            .post("/account/sessions")
            .form(&[("device", id)])
            .send()
            .await
            .assert_redirect("/account/sessions");
        client.get("/account/sessions").send().await.assert_text_contains(told);
    }
    assert_eq!((feed(&app, &first).await, feed(&app, &second).await), (401, 200));
    // Somebody else's is none of theirs.
    let other = app.client();
    let form = [("name", "iryna.sh@example.com"), ("password", conduit::seed::PASSWORD)];
    other.post("/account/login").form(&form).send().await.assert_redirect("/");
    let header = format!("Token {}", second["access_token"].as_str().expect("a text"));
    let devices: Value = app.get("/account/devices").header("authorization", &header).send().await.json();
    let id = devices["devices"][0]["id"].as_str().expect("a text");
    other.post("/account/sessions").form(&[("device", id)]).send().await.assert_redirect("/account/sessions");
    assert_eq!((feed(&app, &second).await, feed(&app, &third).await), (200, 200));
    // All others: this browser stays.
    let nothing: [(&str, &str); 0] = [];
    client.post("/account/sessions").form(&nothing).send().await.assert_redirect("/account/sessions");
    assert_eq!((feed(&app, &second).await, feed(&app, &third).await), (401, 401));
    client.get("/api/user").send().await.assert_status(200);
    app.stop().await;
}
