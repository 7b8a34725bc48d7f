//! Calling a provider for people later.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mainstay_auth::social::LinkedIdentity;
use mainstay_auth::{Account, SocialLogin};
use mainstay_core::clock::TestClock;
use mainstay_db::Db;
use mainstay_test::TestApp;
use serde_json::json;

use super::provider::{ACCESS_TOKEN, Provider, Reply};
use super::world::{Buyer, Visit, app, at_rest, sign_in, start};

async fn keeping() -> (Provider, TestApp, Arc<TestClock>, String) {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider).set("auth.providers.company.keep_tokens", "true"));
    let app = setup.start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    let owner = Buyer::query().one(&*db).await.unwrap().principal().identity();
    (provider, app, clock, owner)
}

/// Gives a new refresh token for each, and takes no old one twice.
fn rotates(provider: &Provider) -> Arc<AtomicUsize> {
    let given = Arc::new(AtomicUsize::new(1));
    let count = Arc::clone(&given);
    provider.lies("/token", move |seen, _| {
        let current = format!("refresh-{}", count.load(Ordering::Relaxed));
        if seen.form.get("refresh_token") != Some(&current) {
            return Reply::Json(400, json!({ "error": "invalid_grant" }));
        }
        let next = count.fetch_add(1, Ordering::Relaxed) + 1;
        let token = format!("access-{next}-SECRET");
        Reply::Json(
            200,
            json!({ "access_token": token, "token_type": "bearer", "expires_in": "3600", "refresh_token": format!("refresh-{next}") }),
        )
    });
    given
}

#[tokio::test]
async fn a_token_is_kept_sealed_and_renewed_before_it_ends() {
    let (provider, app, clock, owner) = keeping().await;
    let login = app.inject::<SocialLogin>().await;
    let token = login.access_token(&owner, "company").await.unwrap();
    assert_eq!(token.token.expose(), ACCESS_TOKEN);
    assert!(!format!("{token:?}").contains("SECRET"));
    let db = app.inject::<Db>().await;
    let row = LinkedIdentity::query().one(&*db).await.unwrap();
    let sealed = row.tokens.clone().unwrap();
    assert!(!sealed.contains("access-1") && !sealed.contains("refresh-1"));
    assert!(!format!("{row:?}").contains(&sealed));
    let given = rotates(&provider);
    provider.advance(&clock, Duration::from_secs(3500));
    assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), ACCESS_TOKEN);
    provider.advance(&clock, Duration::from_secs(60));
    // Ten at once: the refresh token is sent once.
    let all = (0..10).map(|_| login.access_token(&owner, "company"));
    for token in futures_util::future::join_all(all).await {
        assert_eq!(token.unwrap().token.expose(), "access-2-SECRET");
    }
    assert_eq!(given.load(Ordering::Relaxed), 2);
    provider.advance(&clock, Duration::from_secs(3600));
    assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), "access-3-SECRET");
}

#[tokio::test]
async fn one_that_the_provider_has_taken_back_has_to_be_connected_again() {
    let (provider, app, clock, owner) = keeping().await;
    let login = app.inject::<SocialLogin>().await;
    provider.lies("/token", |_, _| Reply::Json(400, json!({ "error": "invalid_grant" })));
    provider.advance(&clock, Duration::from_secs(4000));
    for _ in 0..2 {
        let error = login.access_token(&owner, "company").await.unwrap_err();
        assert_eq!((error.status().as_u16(), error.machine_code()), (409, "not_connected"));
    }
    assert_eq!(provider.count("/token"), 2, "the sign-in, and one refresh");
    provider.repents();
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), ACCESS_TOKEN);
}

#[tokio::test]
async fn a_provider_that_is_away_takes_nothing_back() {
    let (provider, app, clock, owner) = keeping().await;
    let login = app.inject::<SocialLogin>().await;
    provider.lies("/token", |_, _| Reply::Raw(500, "", "SECRET".into()));
    provider.advance(&clock, Duration::from_secs(4000));
    let error = login.access_token(&owner, "company").await.unwrap_err();
    assert_eq!(error.machine_code(), "provider_unavailable");
    assert!(!error.report().contains("refresh-1"), "{}", error.report());
    rotates(&provider);
    assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), "access-2-SECRET");
}

#[tokio::test]
async fn tokens_of_one_identity_are_no_good_in_the_row_of_another() {
    let (provider, app, _, _) = keeping().await;
    provider.person(json!({ "sub": "eve", "email": "eve@example.org", "email_verified": true }));
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    let of =
        async |subject: &str| LinkedIdentity::filter(|it| it.subject.eq(subject)).one(&*db).await.unwrap();
    let (ann, eve) = (of("ann").await, of("eve").await);
    LinkedIdentity::filter(|it| it.id.eq(eve.id)).update(|it| it.tokens(ann.tokens), &db).await.unwrap();
    let login = app.inject::<SocialLogin>().await;
    let error = login.access_token(&eve.owner, "company").await.unwrap_err();
    assert_eq!(error.machine_code(), "not_connected");
}

#[tokio::test]
async fn nothing_is_asked_for_and_nothing_kept_unless_it_is_wanted() {
    let (provider, app) = start().await;
    let client = app.client();
    sign_in(&client, &provider).await.assert_redirect("/me");
    let db = app.inject::<Db>().await;
    assert_eq!(LinkedIdentity::query().one(&*db).await.unwrap().tokens, None);
    let (_kept, app, _, _) = keeping().await;
    let visit = Visit::begin(&app.client()).await;
    assert_eq!(visit.query["scope"], "openid email profile offline_access");
    assert_eq!(visit.query["prompt"], "consent");
}

#[tokio::test]
async fn tokens_that_end_within_a_minute_are_fetched_once_for_each_call() {
    let (provider, app, clock, owner) = keeping().await;
    let login = app.inject::<SocialLogin>().await;
    provider
        .lies("/token", |_, _| Reply::Json(200, json!({ "access_token": "short-lived", "expires_in": 30 })));
    provider.advance(&clock, Duration::from_secs(4000));
    for calls in 2..4 {
        assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), "short-lived");
        assert_eq!(provider.count("/token"), calls);
    }
}

#[tokio::test]
async fn who_hangs_up_while_a_token_is_renewed_loses_nothing() {
    let (provider, app, clock, owner) = keeping().await;
    let login = app.inject::<SocialLogin>().await;
    rotates(&provider);
    provider.advance(&clock, Duration::from_secs(4000));
    // As soon as the provider has been asked, whoever wanted the token is gone.
    let asked = async {
        while provider.count("/token") < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = asked => {}
        _ = login.access_token(&owner, "company") => panic!("it was there before the provider was asked"),
    }
    assert_eq!(login.access_token(&owner, "company").await.unwrap().token.expose(), "access-2-SECRET");
}
