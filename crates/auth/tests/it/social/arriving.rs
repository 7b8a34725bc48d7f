//! Somebody comes back, for the first time and again.

use std::time::Duration;

use mainstay_auth::social::LinkedIdentity;
use mainstay_auth::{Account, SecondFactorExt};
use mainstay_db::Db;
use mainstay_test::{TestApp, on_each_engine};
use serde_json::json;

use super::provider::{Provider, Reply, nonce_of};
use super::world::{
    Buyer, SECRET, Visit, app, assert_nobody, at_rest, buyer, come_back, log_in, sign_in, start,
};

#[tokio::test]
async fn signs_in_a_stranger_and_knows_them_again_on_every_engine() {
    let provider = Provider::start().await;
    on_each_engine(
        || TestApp::of(app(&provider)),
        async |app| {
            let client = app.client();
            assert_nobody(&client).await;
            sign_in(&client, &provider).await.assert_redirect("/me");
            client.get("/me").send().await.assert_text("ann@example.org Ann");
            // What the provider calls her does not matter: who she is does.
            provider.person(json!({ "sub": "ann", "email": "new@example.org", "email_verified": true }));
            let again = app.client();
            sign_in(&again, &provider).await.assert_redirect("/me");
            again.get("/me").send().await.assert_text("ann@example.org Ann");
            provider.person(
                json!({ "sub": "bob", "email": "bob@example.org", "email_verified": true, "name": "Bob" }),
            );
            let other = app.client();
            sign_in(&other, &provider).await.assert_redirect("/me");
            other.get("/me").send().await.assert_text("bob@example.org Bob");
            let db = app.inject::<Db>().await;
            assert_eq!(Buyer::query().count(&*db).await.unwrap(), 2);
            let known = LinkedIdentity::filter(|it| it.subject.eq("ann")).one(&*db).await.unwrap();
            assert_eq!(known.email.as_deref(), Some("new@example.org"));
            assert!(known.last_used_at >= known.created_at);
            provider.person(
                json!({ "sub": "ann", "email": "ann@example.org", "email_verified": true, "name": "Ann" }),
            );
        },
    )
    .await;
}

#[tokio::test]
async fn asks_for_a_code_as_the_best_practice_says() {
    let (provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    assert!(visit.url.as_str().starts_with(&format!("{}/authorize?", provider.honest.issuer)));
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "shop"),
        ("scope", "openid email profile"),
        ("code_challenge_method", "S256"),
        ("redirect_uri", "http://localhost/account/login/company/callback"),
    ] {
        assert_eq!(visit.query[name], value);
    }
    let other = Visit::begin(&client).await;
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(visit.query[name].len(), 43, "{name}");
        assert_ne!(visit.query[name], other.query[name], "{name}");
    }
    come_back(&client, &visit.answer(&provider)).await.assert_redirect("/me");
    let exchange = &provider.seen("/token")[0];
    assert_eq!(exchange.form["redirect_uri"], visit.query["redirect_uri"]);
    // `shop:hush%2F+%2B` in base64.
    assert_eq!(exchange.authorization.as_deref(), Some("Basic c2hvcDpodXNoJTJGKyUyQg=="));
    assert!(!exchange.form.values().any(|value| value.contains(SECRET)));
}

#[tokio::test]
async fn the_sign_in_page_has_a_button_and_a_link_from_elsewhere_begins_nothing() {
    let (provider, app) = start().await;
    let client = app.client();
    let page = client.get("/account/login?next=/cart").send().await;
    page.assert_text_contains("Continue with Company account").assert_text_contains("value=\"&#x2f;cart\"");
    let page = client.get("/account/login/company?next=/cart").send().await;
    page.assert_status(200).assert_text_contains("Continue with Company account");
    assert!(!page.header("set-cookie").is_some_and(|set| set.contains("sign-in-")), "no attempt has begun");
    let forged =
        client.post("/account/login/company").header("sec-fetch-site", "cross-site").form(&[("next", "/")]);
    forged.send().await.assert_status(403);
    client.get("/account/login/nobody").send().await.assert_status(404);
    client.post("/account/login/nobody").form(&[("next", "/")]).send().await.assert_status(404);
    assert_eq!(provider.count("/.well-known/openid-configuration"), 0);
}

#[tokio::test]
async fn goes_on_within_this_site_alone() {
    let (provider, app) = start().await;
    for (next, goes) in [("/cart?a=1", "/cart?a=1"), ("https://evil.example", "/"), ("//evil.example", "/")] {
        let client = app.client();
        let visit = Visit::of(&client.post("/account/login/company").form(&[("next", next)]).send().await);
        come_back(&client, &visit.answer(&provider)).await.assert_redirect(goes);
    }
}

#[tokio::test]
async fn several_tabs_sign_in_at_once() {
    let (provider, app) = start().await;
    let client = app.client();
    let (one, other) = (Visit::begin(&client).await, Visit::begin(&client).await);
    come_back(&client, &one.answer(&provider)).await.assert_redirect("/me");
    come_back(&client, &other.answer(&provider)).await.assert_redirect("/me");
}

#[tokio::test]
async fn an_answer_to_what_this_browser_did_not_ask_is_refused() {
    let (provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let answer = visit.answer(&provider);
    let refused = async |client: &mainstay_test::Client, answer: &[(&'static str, String)]| {
        let page = come_back(client, answer).await;
        page.assert_status(400).assert_text_contains("was begun in another browser");
        assert_nobody(client).await;
    };
    // Somebody else's browser: an attacker who sends a victim an answer of their own.
    refused(&client.stranger(), &answer).await;
    let mut changed = answer.clone();
    let first = if changed[1].1.starts_with('A') { "B" } else { "A" };
    changed[1].1.replace_range(0..1, first);
    refused(&client, &changed).await;
    changed[1].1.clear();
    refused(&client, &changed).await;
    refused(&client, &answer[..1]).await;
    refused(&client, &[]).await;
    // Nobody has been asked about any of them.
    assert_eq!(provider.count("/token"), 0);
    // It has been in vain, but not in the way of the right one.
    come_back(&client, &answer).await.assert_redirect("/me");
    let other = client.stranger();
    come_back(&other, &answer).await.assert_status(400);
    assert_eq!(provider.count("/token"), 1);
}

#[tokio::test]
async fn an_answer_serves_once_also_when_its_cookie_is_still_there() {
    let (provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let name = |client: &mainstay_test::Client, page: &mainstay_test::TestResponse| {
        let set = page.header("set-cookie").unwrap();
        let name = set.split('=').next().unwrap().to_owned();
        let value = client.cookie(&name);
        (name, value)
    };
    let page = client.post("/account/login/company").form(&[("next", "/me")]).send().await;
    let (name, value) = name(&client, &page);
    let second = Visit::of(&page);
    let answer = second.answer(&provider);
    come_back(&client, &answer).await.assert_redirect("/me");
    assert_eq!(client.cookie(&name), None, "it is taken away");
    let thief = client.stranger();
    thief.set_cookie(name, value.unwrap());
    come_back(&thief, &answer).await.assert_status(400);
    assert_nobody(&thief).await;
    assert_eq!(provider.count("/token"), 1);
    drop(visit);
}

#[tokio::test]
async fn an_attempt_ends_after_ten_minutes() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider));
    let app = setup.start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    clock.advance(Duration::from_secs(601));
    come_back(&client, &visit.answer(&provider)).await.assert_status(400);
    assert_eq!(provider.count("/token"), 0);
    assert_nobody(&client).await;
}

#[tokio::test]
async fn who_changes_their_mind_is_told_so_and_may_try_again() {
    let (provider, app) = start().await;
    let client = app.client();
    let visit = Visit::begin(&client).await;
    let mut answer = visit.answer(&provider);
    answer[0] = ("error", "access_denied".to_owned());
    answer.push(("error_description", "<script>alert(1)</script>".to_owned()));
    let page = come_back(&client, &answer).await;
    page.assert_status(403)
        .assert_text_contains("You have not signed in with Company account.")
        .assert_text_contains("href=\"&#x2f;account&#x2f;login&#x2f;company\"");
    assert!(!page.text().contains("alert(1)"), "{}", page.text());
    assert_nobody(&client).await;
    // Of a request that the provider finds wrong, the visitor cannot know why; the log does.
    let visit = Visit::begin(&client).await;
    let mut answer = visit.answer(&provider);
    answer[0] = ("error", "invalid_scope".to_owned());
    come_back(&client, &answer).await.assert_status(502).assert_text_contains("not set up rightly here");
}

#[tokio::test]
async fn two_first_sign_ins_at_once_make_one_account_on_every_engine() {
    let provider = Provider::start().await;
    on_each_engine(
        || TestApp::of(app(&provider)),
        async |app| {
            let clients: Vec<_> = (0..4).map(|_| app.client()).collect();
            let mut visits = Vec::new();
            for client in &clients {
                visits.push((client, Visit::begin(client).await));
            }
            let back =
                visits.iter().map(async |(client, visit)| come_back(client, &visit.answer(&provider)).await);
            for response in futures_util::future::join_all(back).await {
                response.assert_redirect("/me");
            }
            for client in &clients {
                client.get("/me").send().await.assert_text("ann@example.org Ann");
            }
            let db = app.inject::<Db>().await;
            assert_eq!(Buyer::query().count(&*db).await.unwrap(), 1);
            assert_eq!(LinkedIdentity::query().count(&*db).await.unwrap(), 1);
        },
    )
    .await;
}

#[tokio::test]
async fn an_address_alone_lets_nobody_in_to_an_account() {
    let (provider, app) = start().await;
    buyer(&app, "ann@example.org").await;
    let client = app.client();
    let page = sign_in(&client, &provider).await;
    page.assert_status(409)
        .assert_text_contains("There is an account with your address already. Sign in to it");
    assert_nobody(&client).await;
    // One that is not verified is not even looked for, so that nobody learns who has an account.
    provider.person(json!({ "sub": "ann", "email": "ann@example.org", "email_verified": false }));
    sign_in(&client, &provider)
        .await
        .assert_status(403)
        .assert_text_contains("You cannot sign in here with this");
    let db = app.inject::<Db>().await;
    assert_eq!(LinkedIdentity::query().count(&*db).await.unwrap(), 0);
}

#[tokio::test]
async fn an_account_that_is_not_active_stays_out() {
    let (provider, app) = start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    Buyer::filter(|buyer| buyer.email.eq("ann@example.org"))
        .update(|buyer| buyer.active(false), &db)
        .await
        .unwrap();
    let client = app.client();
    sign_in(&client, &provider).await.assert_status(403);
    assert_nobody(&client).await;
}

#[tokio::test]
async fn an_identity_whose_account_is_gone_is_as_good_as_new() {
    let (provider, app) = start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    let ann = Buyer::filter(|buyer| buyer.email.eq("ann@example.org")).one(&*db).await.unwrap();
    Buyer::filter(|buyer| buyer.id.eq(ann.id)).delete(&db).await.unwrap();
    let other = buyer(&app, "other@example.org").await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    client.get("/me").send().await.assert_text("ann@example.org Ann");
    let known = LinkedIdentity::filter(|it| it.subject.eq("ann")).one(&*db).await.unwrap();
    assert_ne!(known.owner, ann.principal().identity());
    assert_ne!(known.owner, other.principal().identity());
}

#[tokio::test]
async fn whoever_comes_back_too_often_has_to_wait() {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider).set("auth.attempts_by_address", "2/15m")).await;
    let client = app.client();
    for status in [400, 400, 429] {
        come_back(&client, &[]).await.assert_status(status);
    }
    let elsewhere = app.client().with_address(([10, 0, 0, 7], 4000).into());
    sign_in(&elsewhere, &provider).await.assert_redirect("/me");
}

#[tokio::test]
async fn the_session_gets_a_new_cookie_when_somebody_signs_in() {
    let (provider, app) = start().await;
    buyer(&app, "bob@example.org").await;
    let client = app.client();
    log_in(&client, "bob@example.org").await;
    let before = client.cookie("session");
    assert!(before.is_some());
    sign_in(&client, &provider).await.assert_redirect("/me");
    assert_ne!(client.cookie("session"), before);
    client.get("/me").send().await.assert_text("ann@example.org Ann");
}

#[tokio::test]
async fn who_proved_it_too_long_ago_has_to_do_it_again() {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider).set("auth.providers.company.max_age", "1h")).await;
    for (ago, status) in [(None, 502), (Some(3700), 502), (Some(3500), 303)] {
        provider.lies("/token", move |seen, honest| {
            let mut claims = honest.claims(&nonce_of(seen).unwrap());
            if let Some(ago) = ago {
                claims["auth_time"] = (claims["iat"].as_i64().unwrap() - ago).into();
            }
            Reply::Json(200, honest.grant(&honest.sign(&claims)))
        });
        let client = app.client();
        let visit = Visit::begin(&client).await;
        assert_eq!(visit.query["max_age"], "3600");
        come_back(&client, &visit.answer(&provider)).await.assert_status(status);
    }
}

#[tokio::test]
async fn comes_back_to_where_people_find_the_application() {
    let provider = Provider::start().await;
    let app = TestApp::start(app(&provider).set("http.public_url", "https://shop.example/")).await;
    let visit = Visit::begin(&app.client()).await;
    assert_eq!(visit.query["redirect_uri"], "https://shop.example/account/login/company/callback");
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_provider_too() {
    let provider = Provider::start().await;
    let app = TestApp::start(
        self::app(&provider).second_factor::<Buyer>().set("auth.second_factor_roles", "[\"buyer\"]"),
    )
    .await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/account/second-factor/check?next=%2Fme");
    assert_nobody(&client).await;
}
