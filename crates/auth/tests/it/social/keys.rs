//! What is discovered is kept for a while: endpoints, and keys, which change.

use std::time::Duration;

use mainstay_auth::jwt::{Algorithm, SigningKey};

use super::provider::{Provider, Reply, nonce_of};
use super::world::{app, at_rest, sign_in};

const DOCUMENT: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn endpoints_and_keys_are_fetched_once_an_hour() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider));
    let app = setup.start().await;
    for fetched in [1, 1, 2] {
        sign_in(&app.client(), &provider).await.assert_redirect("/me");
        assert_eq!((provider.count(DOCUMENT), provider.count("/keys")), (fetched, fetched));
        if fetched == 1 {
            provider.advance(&clock, Duration::from_secs(1900));
        }
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_a_made_up_one_is_looked_for_once_a_minute() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider));
    let app = setup.start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    provider.advance(&clock, Duration::from_secs(60));
    provider.rotate();
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    assert_eq!(provider.count("/keys"), 2);
    provider.lies("/token", |seen, honest| {
        let unknown = SigningKey::generate(Algorithm::Es256).unwrap();
        let token = unknown.sign("JWT", &honest.claims(&nonce_of(seen).unwrap())).unwrap();
        Reply::Json(200, honest.grant(&token))
    });
    for _ in 0..5 {
        sign_in(&app.client(), &provider).await.assert_status(502);
    }
    assert_eq!(provider.count("/keys"), 2);
    provider.advance(&clock, Duration::from_secs(60));
    for _ in 0..5 {
        sign_in(&app.client(), &provider).await.assert_status(502);
    }
    assert_eq!(provider.count("/keys"), 3);
}

#[tokio::test]
async fn endpoints_and_keys_that_cannot_be_had_anew_serve_for_a_day() {
    let provider = Provider::start().await;
    let (clock, setup) = at_rest(app(&provider));
    let app = setup.start().await;
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    provider.advance(&clock, Duration::from_secs(3700));
    for path in [DOCUMENT, "/keys"] {
        provider.lies(path, |_, _| Reply::Raw(503, "", String::new()));
    }
    sign_in(&app.client(), &provider).await.assert_redirect("/me");
    provider.advance(&clock, Duration::from_secs(24 * 3600));
    app.client().post("/account/login/company").form(&[("next", "/")]).send().await.assert_status(502);
}
